//! A search that is ready to be taken page by page: the request with a gap where candidates go, and
//! the candidates, found once however many pages follow.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::super::check::{CheckOptions, CheckRequest, Decision, InvalidRequest};
use super::super::request::Fitted;
use super::super::snapshot::Snapshot;
use super::super::store::{EntityNo, Store, TypeNo};
use super::Page;
use super::reach::{Reach, Sought};
use super::wanted::Wanted;

/// Up to so many candidates, nothing is gained by treating them otherwise than one by one.
const FEW: usize = 64;
/// Candidates that are a smaller part of their type than this are put in order by themselves;
/// others are picked out of the type's order.
const SPARSE: usize = 16;

/// A search with its candidates.
#[derive(Debug)]
pub(super) struct Prepared {
    sought: Sought,
    ty: TypeNo,
    request: CheckRequest,
    options: CheckOptions,
    wanted: Wanted,
    reached: Arc<Reached>,
}

/// What is looked at. It is numbers of one snapshot's store and means nothing in another one.
#[derive(Debug)]
pub(super) enum Reached {
    /// All of the type.
    All,
    /// These, which are picked out of the order of the type; sorted by number.
    Among(Vec<EntityNo>),
    /// These, which are put in order as far as they are asked for.
    Few(Vec<EntityNo>),
    /// These, which are in the order of their ids.
    Ordered(Vec<EntityNo>),
}

// === impl Prepared ===

impl Prepared {
    /// Puts candidates in order once for all pages, where each would do it by itself.
    pub(super) fn put_in_order(&mut self, store: &Store) {
        if let Reached::Few(numbers) = &*self.reached {
            let mut numbers = numbers.clone();
            numbers.sort_unstable_by(|a, b| store.id_of(*a).cmp(store.id_of(*b)));
            self.reached = Arc::new(Reached::Ordered(numbers));
        }
    }

    pub(super) fn reached(&self) -> &Arc<Reached> {
        &self.reached
    }
}

// === impl Reached ===

impl Reached {
    /// What holding it takes.
    pub(super) fn bytes(&self) -> usize {
        let numbers = match self {
            Self::All => 0,
            Self::Among(numbers) | Self::Few(numbers) | Self::Ordered(numbers) => {
                numbers.capacity()
            }
        };
        size_of::<Self>() + numbers * size_of::<EntityNo>()
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// Finds the candidates, unless they were found before by the same question in this snapshot.
    /// The request has some entity of the type where candidates go.
    pub(super) fn prepare(
        &self,
        sought: Sought,
        ty: TypeNo,
        request: CheckRequest,
        options: CheckOptions,
        wanted: Wanted,
        found: Option<Arc<Reached>>,
    ) -> Result<Prepared, InvalidRequest> {
        let reached = if let Some(reached) = found {
            reached
        } else {
            let fitted = self.fit(&request, options.request_properties)?;
            let reached = Reach::new(self, &request, &fitted, sought, ty).candidates();
            Arc::new(self.in_form(reached, ty, &wanted))
        };
        Ok(Prepared { sought, ty, request, options, wanted, reached })
    }

    /// Candidates in the form in which they are best taken.
    fn in_form(&self, reached: Option<Vec<EntityNo>>, ty: TypeNo, wanted: &Wanted) -> Reached {
        let reached = match (reached, self.reached_by_wanted(ty, wanted)) {
            (Some(mut reached), Some(wanted)) => {
                reached.retain(|no| wanted.binary_search(no).is_ok());
                Some(reached)
            }
            (reached, wanted) => reached.or(wanted),
        };
        let count = self.store.count_of(ty);
        match reached {
            Some(reached) if reached.len() <= FEW || reached.len() * SPARSE <= count => {
                Reached::Few(reached)
            }
            Some(reached) if reached.len() * 2 <= count => Reached::Among(reached),
            Some(_) | None => Reached::All,
        }
    }

    /// One page of what was prepared, at a time of its own.
    pub(super) fn page(
        &self,
        prepared: &Prepared,
        now_ms: i64,
        after: Option<&str>,
        (limit, budget): (usize, usize),
    ) -> Result<Page, InvalidRequest> {
        let mut request = CheckRequest { now_ms, ..prepared.request.clone() };
        let mut fitted = self.fit(&request, prepared.options.request_properties)?;
        let mut page = Page { after: after.map(str::to_owned), ..Page::default() };
        let mut last = None;
        for candidate in self.in_order(prepared, after) {
            if page.found.len() == limit || page.examined == budget {
                page.after = last.map(|no| self.store.id_of(no).to_owned()).or(page.after);
                return Ok(page);
            }
            page.examined += 1;
            last = Some(candidate);
            if !self.has_wanted(candidate, &prepared.wanted) {
                continue;
            }
            self.put(prepared.sought, candidate, &mut request, &mut fitted);
            let answer = self.decide(&request, prepared.options, &fitted);
            if answer.decision == Decision::Allow {
                page.found.push(self.store.uid_of(candidate));
            }
        }
        Ok(Page { complete: true, after: None, ..page })
    }

    /// Puts a stored entity in the place of the one that is sought. The request goes on fitting:
    /// its types are the same, and a stored entity's id is one that its type may have.
    fn put(
        &self,
        sought: Sought,
        number: EntityNo,
        request: &mut CheckRequest,
        fitted: &mut Fitted<'_>,
    ) {
        let uid = self.store.uid_of(number);
        let standing = self.standing_of(number);
        match sought {
            Sought::Principal => (request.principal, fitted.principal) = (uid, standing),
            Sought::Resource => (request.resource, fitted.resource) = (uid, standing),
        }
    }

    /// Candidates in the byte order of their ids, from the first on that comes after `after`.
    fn in_order<'a>(
        &'a self,
        prepared: &'a Prepared,
        after: Option<&'a str>,
    ) -> Box<dyn Iterator<Item = EntityNo> + 'a> {
        let store = &self.store;
        match &*prepared.reached {
            Reached::Few(numbers) => {
                let of_page = numbers.iter().map(|no| Reverse((store.id_of(*no), *no)));
                let of_page = of_page.filter(|next| after.is_none_or(|after| next.0.0 > after));
                let mut heap: BinaryHeap<_> = of_page.collect();
                return Box::new(std::iter::from_fn(move || heap.pop().map(|next| next.0.1)));
            }
            Reached::Ordered(numbers) => {
                let start = after
                    .map_or(0, |after| numbers.partition_point(|no| store.id_of(*no) <= after));
                return Box::new(numbers.iter().skip(start).copied());
            }
            Reached::All | Reached::Among(_) => {}
        }
        let all: Box<dyn Iterator<Item = EntityNo> + 'a> = match after {
            Some(after) => Box::new(store.entities_after(prepared.ty, after)),
            None => Box::new(store.entities_of(prepared.ty)),
        };
        match &*prepared.reached {
            Reached::Among(reached) => {
                Box::new(all.filter(move |no| reached.binary_search(no).is_ok()))
            }
            _ => all,
        }
    }
}
