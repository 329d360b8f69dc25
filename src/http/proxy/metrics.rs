//! What is counted of proxies: outcomes and times by route, headers that were ignored, faults of
//! proxies, and what became of tokens and key sets. Labels come from the route file and from this
//! code, never from a request, and the number of routes with counters of their own is bounded.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric as _, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::{Dialect, Outcome, Routes};
use crate::engine::Code;
use crate::mapping::Route;
use crate::pdp::Door;
use crate::pdp::metrics::Latency;

/// How many routes are counted apart; those after them are counted together.
const ROUTES_MAX: usize = 1_000;
/// The label of those that are.
const OTHERS: &str = "(others)";

/// What proxies are answered.
#[derive(Debug)]
pub(super) struct Tally {
    /// Of the routes that are or were in force, by methods and path. What is no longer in force is
    /// left out when routes are compiled.
    routes: Mutex<BTreeMap<Name, Arc<RouteTally>>>,
    without_route: Arc<RouteTally>,
    ignored: [AtomicU64; Door::ALL.len()],
}

/// The methods and the path of a route, as the route file has them.
type Name = (String, String);

/// What the requests of one route were answered.
#[derive(Debug)]
pub(super) struct RouteTally {
    outcomes: [AtomicU64; Code::ALL.len()],
    faults: AtomicU64,
    latency: Latency,
}

/// The counters of the routes of one map, by their numbers.
#[derive(Debug)]
pub(super) struct Tallies(Vec<Arc<RouteTally>>, Arc<RouteTally>);

/// Shows it all.
pub(super) struct Shown(Arc<Routes>);

// === impl Tally ===

impl Default for Tally {
    fn default() -> Self {
        Self {
            routes: Mutex::default(),
            without_route: Arc::default(),
            ignored: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Tally {
    /// The counters of the routes of a map: those that they had, or new ones.
    pub(super) fn of_routes(&self, routes: &[Route]) -> Tallies {
        let mut known = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *known);
        let mut tallies = Vec::with_capacity(routes.len());
        for route in routes {
            let name = (route.methods().join(","), route.label().to_owned());
            let name = match known.len() {
                count if count < ROUTES_MAX || known.contains_key(&name) => name,
                _ => (String::new(), OTHERS.to_owned()),
            };
            let tally = known
                .entry(name)
                .or_insert_with_key(|name| before.get(name).map(Arc::clone).unwrap_or_default());
            tallies.push(Arc::clone(tally));
        }
        Tallies(tallies, Arc::clone(&self.without_route))
    }

    /// The counters of requests that have no route, and of preflights.
    pub(super) fn without_route(&self) -> &Arc<RouteTally> {
        &self.without_route
    }

    /// Counts headers of other dialects.
    pub(super) fn note_ignored(&self, door: Door, count: usize) {
        if let (Some(ignored), true) = (self.ignored.get(door as usize), count > 0) {
            ignored.fetch_add(count as u64, Relaxed);
        }
    }

    /// Every route that is counted, by methods and path; what has no route has neither.
    fn all(&self) -> Vec<(Name, Arc<RouteTally>)> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let none = ((String::new(), String::new()), Arc::clone(&self.without_route));
        let routes = routes.iter().map(|(name, tally)| (name.clone(), Arc::clone(tally)));
        std::iter::once(none).chain(routes).collect()
    }
}

// === impl Tallies ===

impl Tallies {
    /// The counters of a route of the map.
    pub(super) fn of(&self, route: &Route) -> Arc<RouteTally> {
        Arc::clone(self.0.get(route.number()).unwrap_or(&self.1))
    }
}

// === impl RouteTally ===

impl Default for RouteTally {
    fn default() -> Self {
        Self {
            outcomes: std::array::from_fn(|_| AtomicU64::new(0)),
            faults: AtomicU64::new(0),
            latency: Latency::default(),
        }
    }
}

impl RouteTally {
    /// Counts an answer.
    pub(super) fn observe(&self, outcome: Outcome, took: Duration) {
        let counter = match outcome {
            Outcome::Allow => self.outcomes.get(Code::Allow as usize),
            Outcome::Deny(code) => self.outcomes.get(code as usize),
            Outcome::Fault => Some(&self.faults),
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Relaxed);
        }
        self.latency.observe(took);
    }

    /// What was answered at all, by reason.
    fn outcomes(&self) -> Vec<(&'static str, u64)> {
        let codes = Code::ALL.iter().map(|code| code.as_str()).zip(&self.outcomes);
        let faults = (Outcome::Fault.reason(), &self.faults);
        let all = codes.chain(std::iter::once(faults));
        let counts = all.map(|(reason, counter)| (reason, counter.load(Relaxed)));
        counts.filter(|(_, count)| *count > 0).collect()
    }
}

// === impl Shown ===

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl Routes {
    /// What shows the counters of these routes.
    pub fn collector(self: &Arc<Self>) -> Box<dyn Collector> {
        Box::new(Shown(Arc::clone(self)))
    }
}

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        self.requests(encoder)?;
        self.proxies(encoder)?;
        self.in_force(encoder)?;
        self.tokens(encoder)?;
        self.keys(encoder)
    }
}

impl Shown {
    fn requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let routes = self.0.tally.all();
        let help = "Requests that proxies asked about, by route and outcome";
        let mut family = counter(encoder, "route_requests", help)?;
        for ((methods, path), tally) in &routes {
            for (outcome, count) in tally.outcomes() {
                let labels = [("methods", &**methods), ("route", path), ("outcome", outcome)];
                family
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
            }
        }
        let help = "Time of answering one request of a proxy, by route";
        let unit = Some(&Unit::Seconds);
        let mut family =
            encoder.encode_descriptor("route_request", help, unit, MetricType::Histogram)?;
        for ((methods, path), tally) in &routes {
            if !tally.outcomes().is_empty() {
                let labels = [("methods", &**methods), ("route", path)];
                tally.latency.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn proxies(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Headers that tell a request in another way than the proxy's, ignored";
        let mut family = counter(encoder, "proxy_ignored_headers", help)?;
        for dialect in Dialect::ALL {
            let door = dialect.door();
            let count = self.0.tally.ignored.get(door as usize).map_or(0, |it| it.load(Relaxed));
            let labels = [("door", door.as_str())];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
        }
        let help = "Requests of proxies that are set up wrongly, by what is at fault";
        let mut family = counter(encoder, "proxy_misconfigured", help)?;
        for (door, name, why, count) in self.0.complaints.counts() {
            let labels = [("door", door.as_str()), ("name", name), ("why", why)];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
        }
        Ok(())
    }

    fn in_force(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (state, rejected) = self.0.shown();
        let compiled = state.as_ref().and_then(|state| state.compiled());
        let number = compiled.map_or(0, |compiled| compiled.map.routes().len());
        let misfit = state.as_ref().is_some_and(|state| state.is_misfit());
        gauge(encoder, "routes", "Routes in force", number as u64)?;
        let help = "1 while the routes do not fit the schema in force, so that all is denied";
        gauge(encoder, "routes_misfit", help, u64::from(misfit))?;
        let help = "1 while the route file, as it was read last, was refused";
        gauge(encoder, "routes_rejected", help, u64::from(rejected))
    }

    fn tokens(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Tokens by issuer and result, since the route file was read";
        let mut family = counter(encoder, "tokens", help)?;
        let (state, _) = self.0.shown();
        for report in state.iter().flat_map(|state| state.identities().reports()) {
            for (result, count) in [
                ("verified", report.verified),
                ("remembered", report.remembered),
                ("refused", report.refused),
            ] {
                let labels = [("issuer", &*report.issuer), ("result", result)];
                family
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
            }
        }
        Ok(())
    }

    fn keys(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (state, _) = self.0.shown();
        let reports: Vec<_> = state.iter().flat_map(|state| state.identities().reports()).collect();
        let mut family = counter(encoder, "key_set_fetches", "Fetches of key sets by result")?;
        for report in &reports {
            let keys = &report.keys;
            for (result, count) in [
                ("fetched", keys.fetches.saturating_sub(keys.failures)),
                ("failed", keys.failures),
                ("suppressed", keys.suppressed),
            ] {
                let labels = [("issuer", &*report.issuer), ("result", result)];
                family
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
            }
        }
        let help = "When a key set was fetched last, 0 if never";
        let name = "key_set_fetched_timestamp_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for report in &reports {
            let labels = [("issuer", &*report.issuer)];
            family.encode_family(&labels)?.encode_gauge(&report.keys.fetched_at)?;
        }
        let help = "Keys of a key set, by whether tokens can be verified with them";
        let mut family = encoder.encode_descriptor("keys", help, None, MetricType::Gauge)?;
        for report in &reports {
            for (usable, count) in [("true", report.keys.usable), ("false", report.keys.ignored)] {
                let labels = [("issuer", &*report.issuer), ("usable", usable)];
                family.encode_family(&labels)?.encode_gauge(&(count as u64))?;
            }
        }
        Ok(())
    }
}

fn counter<'e>(
    encoder: &'e mut DescriptorEncoder<'_>,
    name: &'e str,
    help: &'e str,
) -> Result<MetricEncoder<'e>, fmt::Error> {
    encoder.encode_descriptor(name, help, None, MetricType::Counter)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
}
