//! Files and directories that are watched. Events of the file system only wake; what counts is
//! whether the files look different afterwards, and have stopped changing. So it makes no difference
//! how an editor writes, whether a directory is removed and made again, or whether what changed is
//! a symbolic link in between, as it does in mounted configuration. Where there are no events, as on
//! some network file systems, a look from time to time finds the change.

mod follow;
mod look;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use follow::Follower;
use look::Look;

/// How long files must look the same before they are read.
const SETTLE: Duration = Duration::from_millis(150);
/// How often they are looked at before they are read though they go on changing.
const SETTLE_LOOKS_MAX: usize = 40;
/// How often they are looked at without an event.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Watches files and directories.
#[derive(Debug)]
pub struct Watch {
    paths: Arc<[PathBuf]>,
    follower: Arc<Follower>,
    seen: Look,
    /// Whether something woke that was not looked into yet.
    is_woken: bool,
}

// === impl Watch ===

impl Watch {
    /// Watches these files, and the files of policies and entities in these directories. What
    /// changes from here on is told, also what changes before anybody waits for it. Blocks shortly.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let follower = Follower::new();
        follower.follow(&paths);
        let seen = Look::at(&paths);
        Self { paths: paths.into(), follower: Arc::new(follower), seen, is_woken: false }
    }

    /// Waits until something changed and has settled. It may be dropped and asked again: what
    /// changed is told by the next.
    pub async fn changed(&mut self) {
        loop {
            if !self.is_woken {
                // Without an event only the time has come to look.
                let _ = tokio::time::timeout(LOOK_EVERY, self.follower.woken()).await;
                self.is_woken = true;
            }
            let settled = self.settled().await;
            self.is_woken = false;
            let Some(settled) = settled else { continue };
            if settled != self.seen {
                self.seen = settled;
                return;
            }
        }
    }

    /// How the files look once they look the same twice.
    async fn settled(&self) -> Option<Look> {
        let mut last = self.look().await?;
        for _ in 0..SETTLE_LOOKS_MAX {
            if last == self.seen {
                break;
            }
            tokio::time::sleep(SETTLE).await;
            let next = self.look().await?;
            if next == last {
                break;
            }
            last = next;
        }
        Some(last)
    }

    /// How the files look. First they are followed to where they are now, so that nothing that
    /// changes after the look goes unnoticed.
    async fn look(&self) -> Option<Look> {
        let (paths, follower) = (Arc::clone(&self.paths), Arc::clone(&self.follower));
        let looked = tokio::task::spawn_blocking(move || {
            follower.follow(&paths);
            Look::at(&paths)
        });
        looked.await.ok()
    }
}

#[cfg(test)]
mod tests;
