//! Which directories the system is asked to watch so that no change of some files goes unnoticed:
//! those that the files are in, and those in which a name on the way to them could come to mean
//! something else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify_debouncer_full::notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{
    DebounceEventResult, Debouncer, RecommendedCache, new_debouncer, notify,
};
use tokio::sync::Notify;

/// For how long events are gathered before they wake.
const GATHER: Duration = Duration::from_millis(100);
/// How many symbolic links in a row are followed, as many as the system follows.
const LINKS_MAX: usize = 40;

type System = Debouncer<RecommendedWatcher, RecommendedCache>;

/// Has the system watch, and wakes whoever waits.
#[derive(Debug)]
pub(super) struct Follower {
    wake: Arc<Wake>,
    /// `None` where the system cannot watch.
    system: Mutex<Option<Following>>,
}

struct Following {
    system: System,
    /// The directories that are watched.
    directories: BTreeSet<PathBuf>,
}

/// What wakes, and of what.
#[derive(Debug, Default)]
struct Wake {
    woken: Notify,
    names: Mutex<Names>,
}

/// The names whose events matter.
#[derive(Debug, Default)]
struct Names {
    /// Directories, of which some names matter, or all where there are none.
    directories: BTreeMap<PathBuf, Option<BTreeSet<PathBuf>>>,
}

// === impl Follower ===

impl Follower {
    /// Watches nothing yet.
    pub(super) fn new() -> Self {
        let wake = Arc::new(Wake::default());
        let told = Arc::clone(&wake);
        let system = new_debouncer(GATHER, None, move |events: DebounceEventResult| {
            told.take(&events);
        });
        let system = match system {
            Ok(system) => Some(Following { system, directories: BTreeSet::new() }),
            Err(error) => {
                tell(&error);
                None
            }
        };
        Self { wake, system: Mutex::new(system) }
    }

    /// Waits for an event.
    pub(super) async fn woken(&self) {
        self.wake.woken.notified().await;
    }

    /// Watches what these paths depend on now.
    pub(super) fn follow(&self, paths: &[PathBuf]) {
        let names = Names::of(paths);
        let mut system = held(&self.system);
        let Some(following) = system.as_mut() else { return };
        let wanted: BTreeSet<PathBuf> = names.directories.keys().cloned().collect();
        *held(&self.wake.names) = names;
        for gone in following.directories.difference(&wanted) {
            let _ = following.system.unwatch(gone);
        }
        for directory in &wanted {
            // A directory that was made again under its name is another one, so it is not enough
            // that one of its name is watched. Nothing is lost in between: a look comes after.
            let _ = following.system.unwatch(directory);
            if let Err(error) = following.system.watch(directory, RecursiveMode::NonRecursive) {
                if following.directories.contains(directory) {
                    tracing::debug!(%error, "a directory is not watched now");
                } else {
                    tell(&error);
                }
            }
        }
        following.directories = wanted;
    }
}

fn tell(error: &notify::Error) {
    let reason = error.to_string();
    tracing::warn!(reason, "the system does not tell of changed files; they are looked at instead");
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Following ===

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Following").field("directories", &self.directories).finish_non_exhaustive()
    }
}

// === impl Wake ===

impl Wake {
    fn take(&self, events: &DebounceEventResult) {
        let names = held(&self.names);
        let matters = match events {
            // Reading is an event too, and the service reads what it watches.
            Ok(events) => events.iter().any(|event| {
                !event.kind.is_access()
                    && (event.need_rescan() || event.paths.iter().any(|path| names.matter(path)))
            }),
            Err(_) => true,
        };
        if matters {
            self.woken.notify_one();
        }
    }
}

// === impl Names ===

impl Names {
    fn of(paths: &[PathBuf]) -> Self {
        let mut names = Self::default();
        for path in paths {
            names.add(path);
        }
        names
    }

    fn add(&mut self, path: &Path) {
        let mut path = path.to_owned();
        for _ in 0..LINKS_MAX {
            let Some((directory, name)) = place(&path) else { return };
            if fs::metadata(&path).is_ok_and(|about| about.is_file()) {
                // Mounted configuration has a link beside the file that every change goes through.
                self.directories.insert(directory.clone(), None);
            } else {
                self.name(&directory, directory.join(&name));
            }
            match fs::read_link(directory.join(&name)) {
                Ok(target) => path = directory.join(target),
                Err(_) => break,
            }
        }
        if let Ok(directory) = fs::canonicalize(&path)
            && directory.is_dir()
        {
            self.directories.insert(directory, None);
        }
    }

    /// One name in a directory matters.
    fn name(&mut self, directory: &Path, path: PathBuf) {
        let names = self.directories.entry(directory.to_owned());
        if let Some(names) = names.or_insert_with(|| Some(BTreeSet::new())) {
            names.insert(path);
        }
    }

    fn matter(&self, path: &Path) -> bool {
        let inside = path.parent().and_then(|parent| self.directories.get(parent));
        let inside = inside.is_some_and(|names| match names {
            None => true,
            Some(names) => names.contains(path),
        });
        inside || self.directories.contains_key(path)
    }
}

/// The nearest directory above a path that is there, and the name in it that leads to the path.
fn place(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let absolute = std::path::absolute(path).ok()?;
    let mut below: &Path = &absolute;
    loop {
        let above = below.parent()?;
        if let Ok(directory) = fs::canonicalize(above)
            && directory.is_dir()
        {
            return Some((directory, PathBuf::from(below.file_name()?)));
        }
        below = above;
    }
}
