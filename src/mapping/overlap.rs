//! Puts routes into routers, and finds those that are for the same requests.

use std::collections::{BTreeMap, BTreeSet};

use matchit::{InsertError, Router};

use super::table::{Group, Methods, RouteMap, told_apart};
use super::template::Relation;
use crate::yaml::{Node, Reader};

impl RouteMap {
    /// Makes the routers. `nodes` are where the routes stand. Says whether every route has its
    /// place; what overlaps is told.
    pub(super) fn place(&mut self, nodes: &[&Node], reader: &mut Reader<'_>) -> bool {
        let hosts: BTreeSet<String> =
            self.routes.iter().flat_map(|route| route.hosts.iter().cloned()).collect();
        let mut told = BTreeSet::new();
        for host in hosts {
            let is_for = |number: usize| {
                let route = self.routes.get(number);
                route.is_some_and(|route| route.hosts.is_empty() || route.hosts.contains(&host))
            };
            let numbers: Vec<usize> = (0..self.routes.len()).filter(|it| is_for(*it)).collect();
            let methods = self.methods_of(&numbers, &mut told);
            self.hosts.insert(host, methods);
        }
        let everywhere =
            |number: &usize| self.routes.get(*number).is_some_and(|route| route.hosts.is_empty());
        let numbers: Vec<usize> = (0..self.routes.len()).filter(everywhere).collect();
        self.others = self.methods_of(&numbers, &mut told);
        for (later, message) in &told {
            if let Some(node) = nodes.get(*later) {
                let hint = "take one of them out, or tell them apart by `query`, `upgrade` or the \
                            forms of captures";
                reader.fail_with_hint(node, message.clone(), hint);
            }
        }
        told.is_empty()
    }

    fn methods_of(&self, numbers: &[usize], told: &mut BTreeSet<(usize, String)>) -> Methods {
        let mut shapes: BTreeMap<&str, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
        for number in numbers {
            let Some(route) = self.routes.get(*number) else { continue };
            for method in &route.methods {
                let group = shapes.entry(method).or_default();
                group.entry(route.template.shape()).or_default().push(*number);
            }
        }
        let mut methods = Methods::default();
        for (method, groups) in shapes {
            methods.0.push((method.to_owned(), self.router(method, groups, told)));
        }
        methods
    }

    fn router(
        &self,
        method: &str,
        groups: BTreeMap<String, Vec<usize>>,
        told: &mut BTreeSet<(usize, String)>,
    ) -> Router<Group> {
        let mut router = Router::new();
        let first: BTreeMap<String, usize> = groups
            .iter()
            .filter_map(|(shape, routes)| Some((shape.clone(), *routes.first()?)))
            .collect();
        let crossing = self.crossing(&groups);
        for ((shape, routes), crossing) in groups.into_iter().zip(crossing) {
            self.overlaps(method, &routes, told);
            let later = routes.first().copied().unwrap_or_default();
            let group = Group { routes, crossing };
            if let Err(error) = router.insert(shape, group) {
                let other = match &error {
                    InsertError::Conflict { with } => first.get(with).copied(),
                    _ => None,
                };
                told.insert(self.overlap(method, later, other));
            }
        }
        router
    }

    /// For each shape the routes of others that can match the same path, neither side being the
    /// more specific.
    fn crossing(&self, groups: &BTreeMap<String, Vec<usize>>) -> Vec<Vec<usize>> {
        let groups: Vec<&Vec<usize>> = groups.values().collect();
        let mut crossing = vec![Vec::new(); groups.len()];
        for (at, one) in groups.iter().enumerate() {
            for (other_at, other) in groups.iter().enumerate().skip(at + 1) {
                for (here, there) in one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b))) {
                    let (Some(a), Some(b)) = (self.routes.get(here), self.routes.get(there)) else {
                        continue;
                    };
                    if a.template.relation(&b.template) == Relation::Crossing {
                        push_new(crossing.get_mut(at), there);
                        push_new(crossing.get_mut(other_at), here);
                    }
                }
            }
        }
        crossing
    }

    /// Tells of routes of one shape that some request would find both.
    fn overlaps(&self, method: &str, routes: &[usize], told: &mut BTreeSet<(usize, String)>) {
        for (at, later) in routes.iter().enumerate() {
            for earlier in routes.iter().take(at) {
                let (Some(one), Some(two)) = (self.routes.get(*earlier), self.routes.get(*later))
                else {
                    continue;
                };
                if !one.excludes(two) && !told_apart(&one.template, &two.template) {
                    told.insert(self.overlap(method, *later, Some(*earlier)));
                }
            }
        }
    }

    fn overlap(&self, method: &str, later: usize, other: Option<usize>) -> (usize, String) {
        let label = |number: usize| self.routes.get(number).map_or("", |route| route.label());
        let other = match other.and_then(|number| self.routes.get(number)) {
            Some(route) => format!("`{}` (line {})", route.label(), route.line()),
            None => "another route".to_owned(),
        };
        (later, format!("`{method} {}` overlaps with {other}", label(later)))
    }
}

fn push_new(list: Option<&mut Vec<usize>>, number: usize) {
    if let Some(list) = list
        && !list.contains(&number)
    {
        list.push(number);
    }
}
