//! The keys of an issuer: from a file once, or from a URL again and again in the background.
//!
//! A fetch happens at start, after each interval, and when a token names a key that is not known:
//! then at most once in the issuer's own cool-down and in that of all issuers together, so that
//! made-up names cost one fetch. What was fetched last stays in force while its server is down.

mod fetch;
mod set;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use jsonwebtoken::Algorithm;
use tokio::sync::{Notify, watch};

use super::options::{self, KeyOptions, OptionsError};
use fetch::Fetcher;
pub(super) use set::Key;

/// How long after a fetch that failed the next is tried, at first; it doubles up to the interval.
const RETRY_FIRST: Duration = Duration::from_secs(1);

/// The keys in force.
#[derive(Debug)]
pub(super) struct Keys {
    /// Another number, other keys.
    pub(super) generation: u64,
    list: Vec<Key>,
    ignored: usize,
}

/// Where the keys of an issuer come from, and those in force.
#[derive(Debug)]
pub struct KeySource {
    /// `None` until a first key set was fetched.
    current: ArcSwapOption<Keys>,
    generation: AtomicU64,
    remote: Option<Arc<Remote>>,
    algorithms: Vec<Algorithm>,
}

/// A key set behind a URL.
#[derive(Debug)]
struct Remote {
    fetcher: Fetcher,
    refresh: Duration,
    own: CoolDown,
    all: Arc<CoolDown>,
    wake: Notify,
    /// Whether a fetch that a request set off has not ended.
    awaited: AtomicBool,
    /// How many fetches have ended.
    ended: AtomicU64,
    /// Whether one has, sent at each.
    done: watch::Sender<bool>,
    failures: AtomicU64,
    suppressed: AtomicU64,
    /// When a fetch succeeded last, in seconds since 1970; 0 is never.
    fetched_at: AtomicU64,
}

/// Lets something happen once in a time.
#[derive(Debug)]
pub struct CoolDown {
    every: Duration,
    begin: Instant,
    /// When it happened last, in milliseconds since `begin`, plus one; 0 is never.
    last: AtomicU64,
}

/// What became of a key set, for the metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeysReport {
    /// The keys in force that tokens can be verified with.
    pub usable: usize,
    /// The keys that came with them and cannot be used: for encryption, for another algorithm, too
    /// weak.
    pub ignored: usize,
    /// Fetches that have ended.
    pub fetches: u64,
    /// Fetches that failed.
    pub failures: u64,
    /// Fetches that a request would have set off, but for the cool-down.
    pub suppressed: u64,
    /// When a fetch succeeded last, in seconds since 1970; 0 is never.
    pub fetched_at: u64,
}

// === impl KeySource ===

impl KeySource {
    pub(super) fn new(
        options: &KeyOptions,
        algorithms: &[Algorithm],
        place: &str,
        base: &Path,
        all: &Arc<CoolDown>,
    ) -> Result<Self, OptionsError> {
        let source = Self {
            current: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            remote: None,
            algorithms: algorithms.to_vec(),
        };
        let read = |path: &Path, key| options::read_file(&base.join(path), place, key);
        let fault = |path: &Path, key: &str, message: String| {
            OptionsError::new(&format!("{place}.{key}"), format!("`{}` {message}", path.display()))
        };
        match options {
            KeyOptions::Url { url, ca_file, refresh, cool_down } => {
                let ca = ca_file.as_ref().map(|path| read(path, "ca_file")).transpose()?;
                let fault = |message| OptionsError::new(&format!("{place}.jwks"), message);
                let fetcher = Fetcher::new(url, ca.as_deref()).map_err(fault)?;
                let remote = Remote::new(fetcher, *refresh, *cool_down, Arc::clone(all));
                return Ok(Self { remote: Some(Arc::new(remote)), ..source });
            }
            KeyOptions::SetFile(path) => {
                let fault = |message| fault(path, "jwks_file", message);
                let bytes = read(path, "jwks_file")?;
                let (list, ignored) = set::parse(&bytes, algorithms).map_err(fault)?;
                if list.is_empty() {
                    return Err(fault("holds no key for these algorithms".to_owned()));
                }
                source.install(list, ignored);
            }
            KeyOptions::KeyFile(path) => {
                let key = set::public_key(&read(path, "key_file")?, algorithms);
                source.install(vec![key.map_err(|why| fault(path, "key_file", why))?], 0);
            }
            KeyOptions::SecretFile(path) => {
                let key = set::secret(&read(path, "secret_file")?, algorithms);
                source.install(vec![key.map_err(|why| fault(path, "secret_file", why))?], 0);
            }
        }
        Ok(source)
    }

    /// The keys in force; `None` before the first fetch.
    pub(super) fn current(&self) -> Option<Arc<Keys>> {
        self.current.load_full()
    }

    /// The number of the keys in force; 0 before the first fetch.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// How many fetches have ended.
    pub(super) fn fetches_ended(&self) -> u64 {
        self.remote.as_ref().map_or(0, |remote| remote.ended.load(Ordering::Acquire))
    }

    /// Asks for a fetch, because a token names a key that is not known. Whether one follows, the
    /// cool-downs say.
    pub(super) fn wake(&self) {
        let Some(remote) = &self.remote else { return };
        if remote.awaited.load(Ordering::Acquire) {
            return;
        }
        if remote.own.is_over() && remote.all.take() && remote.own.take() {
            remote.awaited.store(true, Ordering::Release);
            remote.wake.notify_one();
        } else {
            remote.suppressed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until no fetch is under way that a request has set off.
    pub(super) async fn settled(&self) {
        let Some(remote) = &self.remote else { return };
        let mut done = remote.done.subscribe();
        while remote.awaited.load(Ordering::Acquire) {
            // The sender lives in `self`, so waiting ends only with a fetch.
            let _ = done.changed().await;
        }
    }

    /// Waits until a fetch has ended, well or not; at once where nothing is fetched.
    pub(super) async fn asked_once(&self) {
        if let Some(remote) = &self.remote {
            let _ = remote.done.subscribe().wait_for(|done| *done).await;
        }
    }

    /// The work of fetching, without an end; `None` where nothing is fetched.
    pub(super) fn keep_fresh(self: &Arc<Self>) -> Option<impl Future<Output = ()> + Send + use<>> {
        let remote = Arc::clone(self.remote.as_ref()?);
        let source = Arc::clone(self);
        Some(async move {
            let mut retry = RETRY_FIRST;
            loop {
                let wait = if source.fetch(&remote).await {
                    retry = RETRY_FIRST;
                    remote.refresh
                } else {
                    let wait = retry.min(remote.refresh);
                    retry = wait.saturating_mul(2);
                    wait
                };
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = remote.wake.notified() => {}
                }
            }
        })
    }

    /// One fetch; whether it succeeded.
    async fn fetch(&self, remote: &Remote) -> bool {
        let fetched = remote.fetcher.fetch().await.and_then(|body| {
            set::parse(&body, &self.algorithms).map_err(|why| format!("its answer {why}"))
        });
        let succeeded = fetched.is_ok();
        match fetched {
            Ok((list, ignored)) => {
                remote.fetched_at.store(seconds_since_1970(), Ordering::Relaxed);
                self.install(list, ignored);
            }
            Err(why) => {
                remote.failures.fetch_add(1, Ordering::Relaxed);
                let url = remote.fetcher.url();
                tracing::warn!(url, why, "cannot fetch a key set; the last one stays in force");
            }
        }
        remote.ended.fetch_add(1, Ordering::AcqRel);
        remote.awaited.store(false, Ordering::Release);
        remote.done.send_replace(true);
        succeeded
    }

    /// Puts keys in force, if they are other keys.
    fn install(&self, list: Vec<Key>, ignored: usize) {
        let before = self.current.load();
        if before.as_ref().is_some_and(|keys| keys.list == list && keys.ignored == ignored) {
            return;
        }
        if ignored > 0 {
            tracing::warn!(usable = list.len(), ignored, "some keys of a key set cannot be used");
        }
        let generation = before.as_ref().map_or(1, |keys| keys.generation + 1);
        self.current.store(Some(Arc::new(Keys { generation, list, ignored })));
        // Tokens are remembered with the generation of the very keys that verified them, so
        // whatever is remembered between these two lines is forgotten.
        self.generation.store(generation, Ordering::Release);
    }

    /// One fetch here and now.
    #[cfg(test)]
    pub(super) async fn fetch_now(&self) {
        self.fetch(self.remote.as_ref().unwrap()).await;
    }

    pub(super) fn report(&self) -> KeysReport {
        let keys = self.current.load();
        let (usable, ignored) =
            keys.as_ref().map_or((0, 0), |keys| (keys.list.len(), keys.ignored));
        let Some(remote) = &self.remote else {
            return KeysReport { usable, ignored, ..KeysReport::default() };
        };
        KeysReport {
            usable,
            ignored,
            fetches: remote.ended.load(Ordering::Relaxed),
            failures: remote.failures.load(Ordering::Relaxed),
            suppressed: remote.suppressed.load(Ordering::Relaxed),
            fetched_at: remote.fetched_at.load(Ordering::Relaxed),
        }
    }
}

// === impl Keys ===

impl Keys {
    /// The keys that can have made a signature: those of that name, or, for a token without one,
    /// the only one there is for the algorithm.
    pub(super) fn fitting<'a>(
        &'a self,
        kid: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a Key> {
        let several = self.list.iter().filter(|key| key.fits(algorithm)).take(2).count() > 1;
        let named = move |key: &&Key| match kid {
            Some(kid) => key.answers_to(kid),
            None => !several,
        };
        self.list.iter().filter(move |key| key.fits(algorithm)).filter(named)
    }
}

// === impl Remote ===

impl Remote {
    fn new(fetcher: Fetcher, refresh: Duration, own: Duration, all: Arc<CoolDown>) -> Self {
        let (done, _) = watch::channel(false);
        Self {
            fetcher,
            refresh,
            own: CoolDown::new(own),
            all,
            wake: Notify::new(),
            awaited: AtomicBool::new(false),
            ended: AtomicU64::new(0),
            done,
            failures: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
            fetched_at: AtomicU64::new(0),
        }
    }
}

// === impl CoolDown ===

impl CoolDown {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, begin: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Whether it may happen now.
    fn is_over(&self) -> bool {
        self.over(self.last.load(Ordering::Acquire), self.now())
    }

    /// The same, and takes it that it does; of several at once one is told so.
    fn take(&self) -> bool {
        let (last, now) = (self.last.load(Ordering::Acquire), self.now());
        self.over(last, now)
            && self.last.compare_exchange(last, now, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn over(&self, last: u64, now: u64) -> bool {
        let every = u64::try_from(self.every.as_millis()).unwrap_or(u64::MAX);
        last == 0 || now.saturating_sub(last) >= every
    }
}

fn seconds_since_1970() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
