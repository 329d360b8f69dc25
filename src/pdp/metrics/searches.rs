//! What is counted of searches: how many there are at this moment, how they ended, and how much was
//! looked at for them.

use std::sync::atomic::AtomicI64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Labels;

/// What is searched for; a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchKind {
    /// Resources of a principal and an action.
    Resources,
    /// Principals of a resource and an action.
    Principals,
    /// Actions of a principal and a resource.
    Actions,
}

/// How an answer to a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchResult {
    /// Nothing is left.
    Complete,
    /// Something may be left, and the answer says so.
    Partial,
}

/// The metrics of searches.
#[derive(Debug)]
pub struct Searches {
    running: Gauge,
    pinned: Gauge,
    kept: Gauge,
    candidates: Counter,
    /// By kind, then by result.
    ended: [[Counter; 2]; 3],
}

/// One search, or one turn of its work, counted as running until dropped.
#[derive(Debug)]
pub(in crate::pdp) struct Searched {
    running: Gauge,
    candidates: Counter,
}

// === impl SearchKind ===

impl SearchKind {
    const ALL: [Self; 3] = [Self::Resources, Self::Principals, Self::Actions];

    /// The label in metrics, and the member of an answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resources => "resources",
            Self::Principals => "principals",
            Self::Actions => "actions",
        }
    }
}

// === impl SearchResult ===

impl SearchResult {
    const ALL: [Self; 2] = [Self::Complete, Self::Partial];

    fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
        }
    }
}

// === impl Searches ===

impl Searches {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::<i64, AtomicI64>::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let running = gauge("searches_running", "Searches and filters that are being worked on");
        let pinned = gauge("pinned_revisions", "Snapshots that are kept for cursors");
        let help = "Candidates that are kept for the next pages of searches, in bytes";
        let kept = gauge("search_candidates_kept_bytes", help);
        let candidates = Counter::default();
        let help = "Candidates that searches looked at";
        registry.register("search_candidates", help, candidates.clone());
        let family = Family::<Labels, Counter>::default();
        registry.register("searches", "Answers to searches by kind and result", family.clone());
        let ended = SearchKind::ALL.map(|kind| {
            SearchResult::ALL.map(|result| {
                let labels = vec![("kind", kind.as_str()), ("result", result.as_str())];
                family.get_or_create(&labels).clone()
            })
        });
        Self { running, pinned, kept, candidates, ended }
    }

    pub(in crate::pdp) fn begin(&self) -> Searched {
        self.running.inc();
        Searched { running: self.running.clone(), candidates: self.candidates.clone() }
    }

    pub(in crate::pdp) fn ended(&self, kind: SearchKind, result: SearchResult) {
        let counter = self.ended.get(kind as usize).and_then(|of| of.get(result as usize));
        if let Some(counter) = counter {
            counter.inc();
        }
    }

    pub(in crate::pdp) fn show_pinned(&self, count: usize) {
        self.pinned.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(in crate::pdp) fn show_kept(&self, bytes: usize) {
        self.kept.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

// === impl Searched ===

impl Searched {
    pub(in crate::pdp) fn looked_at(&self, candidates: usize) {
        self.candidates.inc_by(candidates as u64);
    }
}

impl Drop for Searched {
    fn drop(&mut self) {
        self.running.dec();
    }
}
