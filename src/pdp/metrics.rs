//! What this process counts. Every series of the check path is resolved at start into an atomic,
//! so counting a check takes no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{Decided, Door, Installed};
use crate::engine::Code;

/// The upper bounds of the latency histogram, in nanoseconds.
const LATENCY_BUCKETS_NS: [u64; 14] = [
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
];

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    checks: Vec<DoorMetrics>,
    evaluation_errors: Counter,
    revision: Gauge,
    installed_at: Gauge,
    entities: Gauge,
    links: Gauge,
    policies: Gauge,
    changes: Vec<Counter>,
    rejected: Gauge,
    seed_ignored: Gauge,
}

/// How a change of the snapshot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeResult {
    /// A new revision is in force.
    Installed,
    /// It said what was so already.
    Unchanged,
    /// It was refused; what was in force stays in force.
    Rejected,
}

#[derive(Debug)]
struct DoorMetrics {
    /// A counter for each code; `None` where the door cannot end with it.
    by_code: Vec<Option<Counter>>,
    latency: Arc<Latency>,
}

/// A histogram of atomics.
#[derive(Debug, Default)]
pub struct Latency {
    buckets: [AtomicU64; LATENCY_BUCKETS_NS.len() + 1],
    sum_ns: AtomicU64,
}

/// Encodes the histograms of all doors as one family.
#[derive(Debug)]
struct LatencyCollector(Vec<(Door, Arc<Latency>)>);

type Labels = Vec<(&'static str, &'static str)>;

// === impl ChangeResult ===

impl ChangeResult {
    const ALL: [Self; 3] = [Self::Installed, Self::Unchanged, Self::Rejected];

    fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
        }
    }
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics at zero.
    pub fn new() -> Self {
        Self::with(Vec::new())
    }

    /// The same, together with what others count.
    pub fn with(others: Vec<Box<dyn Collector>>) -> Self {
        let mut registry = Registry::with_prefix("doorward");
        for collector in others {
            registry.register_collector(collector);
        }
        let checks = doors(&mut registry);
        let evaluation_errors = Counter::default();
        registry.register(
            "evaluation_errors",
            "Policies that could not be evaluated in a check",
            evaluation_errors.clone(),
        );
        let changes_family = Family::<Labels, Counter>::default();
        registry.register("changes", "Changes of the snapshot by result", changes_family.clone());
        let changes = ChangeResult::ALL
            .iter()
            .map(|result| changes_family.get_or_create(&vec![("result", result.as_str())]).clone())
            .collect();
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::<i64, AtomicI64>::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let revision = gauge("revision", "The revision in force, 0 before the first");
        let installed_at =
            gauge("installed_timestamp_seconds", "When the revision in force was installed");
        let entities = gauge("entities", "Entities of the snapshot in force");
        let links = gauge("links", "Links of the snapshot in force");
        let policies = gauge("policies", "Static policies and templates in force");
        let rejected = gauge("last_change_rejected", "1 while the last change was rejected");
        let seed_ignored = gauge(
            "seed_ignored",
            "1 while entity files are ignored because the data directory owns the entities",
        );
        Self {
            registry,
            checks,
            evaluation_errors,
            revision,
            installed_at,
            entities,
            links,
            policies,
            changes,
            rejected,
            seed_ignored,
        }
    }

    /// Counts a decision.
    pub fn observe_check(&self, door: Door, decided: &Decided, took: Duration) {
        self.count_refused(door, decided.code());
        if let Ok(response) = &decided.outcome
            && !response.errors.is_empty()
        {
            self.evaluation_errors.inc_by(response.errors.len() as u64);
        }
        if let Some(metrics) = self.checks.get(door as usize) {
            metrics.latency.observe(took);
        }
    }

    /// Counts a check that was answered without the engine: overloaded, not ready.
    pub fn count_refused(&self, door: Door, code: Code) {
        let counter = self.checks.get(door as usize).and_then(|it| it.by_code.get(code as usize));
        if let Some(Some(counter)) = counter {
            counter.inc();
        }
    }

    /// Shows a snapshot that goes into force.
    pub fn observe_install(&self, installed: &Installed) {
        let counts = installed.snapshot.counts();
        let number = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        self.revision.set(i64::try_from(installed.revision).unwrap_or(i64::MAX));
        self.installed_at.set(installed.installed_at.as_second());
        self.entities.set(number(counts.entities));
        self.links.set(number(counts.links));
        self.policies.set(number(counts.policies));
    }

    /// Counts how a change ended.
    pub fn observe_change(&self, result: ChangeResult) {
        if let Some(counter) = self.changes.get(result as usize) {
            counter.inc();
        }
        self.rejected.set(i64::from(result == ChangeResult::Rejected));
    }

    /// Shows whether entity files are ignored.
    pub fn show_seed_ignored(&self, ignored: bool) {
        self.seed_ignored.set(i64::from(ignored));
    }

    /// All of them as Prometheus reads them (`OpenMetrics` text).
    pub fn encode(&self) -> String {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing to a string does not fail; an empty page would hide it if it did.
            Err(error) => format!("# metrics could not be written: {error}\n"),
        }
    }
}

fn doors(registry: &mut Registry) -> Vec<DoorMetrics> {
    let checks = Family::<Labels, Counter>::default();
    registry.register("checks", "Checks by door, decision and code", checks.clone());
    let doors: Vec<_> = Door::ALL
        .iter()
        .map(|door| {
            let by_code = Code::ALL
                .iter()
                .map(|code| {
                    if !door.can_answer(*code) {
                        return None;
                    }
                    let decision = if *code == Code::Allow { "allow" } else { "deny" };
                    let labels = vec![
                        ("door", door.as_str()),
                        ("decision", decision),
                        ("code", code.as_str()),
                    ];
                    Some(checks.get_or_create(&labels).clone())
                })
                .collect();
            DoorMetrics { by_code, latency: Arc::default() }
        })
        .collect();
    let latencies = Door::ALL.iter().zip(&doors).map(|(door, it)| (*door, Arc::clone(&it.latency)));
    registry.register_collector(Box::new(LatencyCollector(latencies.collect())));
    doors
}

// === impl Latency ===

impl Latency {
    /// Counts one span of time.
    pub fn observe(&self, took: Duration) {
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BUCKETS_NS.partition_point(|bound| *bound < took_ns);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_ns.fetch_add(took_ns, Ordering::Relaxed);
    }
}

impl EncodeMetric for Latency {
    #[expect(clippy::cast_precision_loss, reason = "seconds as Prometheus has them, a double")]
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let seconds = |ns: u64| ns as f64 / 1e9;
        let bounds = LATENCY_BUCKETS_NS.iter().map(|ns| seconds(*ns)).chain([f64::INFINITY]);
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = seconds(self.sum_ns.load(Ordering::Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

impl Collector for LatencyCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let help = "Time of one check in the engine.";
        let mut family = encoder.encode_descriptor(
            "check",
            help,
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (door, latency) in &self.0 {
            latency.encode(family.encode_family(&[("door", door.as_str())])?)?;
        }
        Ok(())
    }
}
