//! Whether every route is reached: each is asked for by requests made for it, and one of them has
//! to find it.

use std::fmt::Write;

use super::pattern::Pattern;
use super::query::Condition;
use super::request::{Mapped, OriginalRequest, Upgrade};
use super::route::Route;
use super::table::RouteMap;
use super::template::Segment;
use crate::yaml::{Node, Reader};

/// The most requests that one route is asked for by.
const TRIES_MAX: usize = 512;

/// Tells of routes that no request finds.
pub(super) fn judge(map: &RouteMap, nodes: &[&Node], reader: &mut Reader<'_>) {
    // Routes for every host are reached through one that no route names.
    let other = (!map.hosts.is_empty()).then_some("zz-sample.example");
    for (route, node) in map.routes.iter().zip(nodes) {
        let targets = targets(route);
        for method in &route.methods {
            let mut taker = None;
            let reached = targets.iter().any(|target| {
                let request = OriginalRequest {
                    method,
                    host: route.hosts.first().map(String::as_str).or(other),
                    target,
                    cors: false,
                    upgrade: if route.upgrade { Upgrade::WebSocket } else { Upgrade::None },
                };
                match map.map(&request) {
                    Mapped::Public(found) => found_it(found, route, &mut taker),
                    Mapped::Matched(matched) => found_it(matched.route(), route, &mut taker),
                    _ => false,
                }
            });
            if !reached {
                let why = taker.map_or_else(String::new, |other: &Route| {
                    format!(": `{}` (line {}) takes its requests", other.label(), other.line())
                });
                reader.fail(node, format!("`{method} {}` is unreachable{why}", route.label()));
            }
        }
    }
}

fn found_it<'m>(found: &'m Route, route: &Route, taker: &mut Option<&'m Route>) -> bool {
    let it = std::ptr::eq(found, route);
    if !it {
        *taker = Some(found);
    }
    it
}

/// Targets that the route is for.
fn targets(route: &Route) -> Vec<String> {
    let mut targets = vec![String::new()];
    for segment in &route.template.segments {
        let parts = match segment {
            Segment::Literal(text) => vec![text.clone()],
            Segment::Capture { pattern, .. } => pattern.as_ref().unwrap_or(&Pattern::Any).samples(),
            Segment::Rest { .. } => vec!["zz-sample-1/zz-sample-2".to_owned()],
        };
        let longer = targets.iter().flat_map(|start| {
            parts.iter().map(move |part| {
                let mut target = format!("{start}/");
                for byte in part.bytes() {
                    let plain =
                        byte.is_ascii_alphanumeric() || b"-_.~/%!$&'()*+,=:@".contains(&byte);
                    if plain {
                        target.push(char::from(byte));
                    } else {
                        let _ = write!(target, "%{byte:02X}");
                    }
                }
                target
            })
        });
        targets = longer.take(TRIES_MAX).collect();
    }
    let query: Vec<String> = route
        .query
        .iter()
        .filter_map(|(name, condition)| match condition {
            Condition::Absent => None,
            Condition::Present => Some(format!("{}=1", escaped(name))),
            Condition::OneOf(values) => {
                Some(format!("{}={}", escaped(name), escaped(values.first()?)))
            }
        })
        .collect();
    if !query.is_empty() {
        for target in &mut targets {
            target.push('?');
            target.push_str(&query.join("&"));
        }
    }
    targets
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
