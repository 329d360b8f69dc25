//! How many files the process may open. Systems start processes with a low soft limit for the sake
//! of old programs; a service that counts its connections takes what the hard limit allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit on open files as far as the system allows without asking anybody.
pub fn raise_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => tracing::debug!(?current, ?maximum, "the limit on open files was raised"),
        Err(error) => tracing::warn!(%error, ?current, "the limit on open files stays as it is"),
    }
}

/// The limit in force; `None` where there is none.
pub(super) fn open_files_max() -> Option<usize> {
    getrlimit(Resource::Nofile).current.and_then(|most| usize::try_from(most).ok())
}
