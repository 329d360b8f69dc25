//! One page of a search: steps until the page is full, nothing is left, or the budget is spent, in
//! time or in candidates; and the cursor by which the next page begins where this one ended.

use std::sync::Arc;
use std::time::Instant;

use cedar_policy::EntityUid;

use super::Asked;
use super::cursor::{Cursor, gone};
use crate::engine::search::{Candidates, Position, Question, Walk};
use crate::http::problem::{Kind, Problem};
use crate::http::{App, now_ms};
use crate::pdp::metrics::SearchKind;
use crate::pdp::{Asker, Installed, Search, TurnError};

/// How many candidates are looked at before other work gets its turn.
pub(super) const CANDIDATES_PER_TURN: usize = 512;

/// What a client wishes beside the question.
#[derive(Debug, Clone)]
pub(in crate::http) struct Wish {
    /// The most that is answered.
    pub(in crate::http) limit: Option<u64>,
    pub(in crate::http) cursor: Option<String>,
    /// Whether everything is to be counted.
    pub(in crate::http) count: bool,
}

/// A search that has begun, with what its cursors are made of.
#[derive(Debug)]
pub(in crate::http) struct Begun {
    pub(super) installed: Arc<Installed>,
    pub(super) search: Search,
    question: Question,
    digest: [u8; 32],
    kind: SearchKind,
    /// Whether a cursor led here, so that something lies before.
    continued: bool,
}

/// A page.
#[derive(Debug)]
pub(in crate::http) struct Found {
    pub(in crate::http) uids: Vec<EntityUid>,
    pub(in crate::http) revision: u64,
    /// Where it goes on; `None` if nothing is left.
    pub(in crate::http) cursor: Option<String>,
    pub(super) count: Option<Counted>,
}

/// How many there are in all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) found: u64,
    /// Whether all were counted before the budget was spent.
    pub(super) is_exact: bool,
}

/// What is left of the time and the candidates of a request.
struct Purse {
    candidates: usize,
    until: Instant,
}

/// The limit of a page that names none.
const LIMIT: u64 = 1_000;

/// Begins a search, or takes it up where the cursor says, which comes with the name of the member
/// that it was in.
pub(in crate::http) fn begin(
    app: &App,
    asked: Asked,
    cursor: Option<(&str, &str)>,
) -> Result<Begun, Problem> {
    let (digest, kind) = (asked.digest(), asked.kind);
    let cursor =
        cursor.map(|(member, text)| app.cursors.open(text, &digest, member)).transpose()?;
    let installed = match &cursor {
        None => app.pdp.current().ok_or_else(Problem::not_ready)?,
        Some(cursor) => app
            .pdp
            .pinned(cursor.revision, app.limits.pins())
            .ok_or_else(|| gone("the revision that the cursor goes on in is not kept any more"))?,
    };
    let continued = cursor.is_some();
    let position = cursor.and_then(|cursor| cursor.position);
    let question = asked.resolve(&installed.snapshot, app.pdp.options())?;
    let of = Asker { revision: installed.revision, question: digest };
    let kept = position
        .as_ref()
        .and_then(|position| app.pdp.kept(of, &position.type_name, app.limits.pins()));
    let search = start(app, &installed, kind, &question, position, kept)?;
    Ok(Begun { installed, search, question, digest, kind, continued })
}

fn start(
    app: &App,
    installed: &Installed,
    kind: SearchKind,
    question: &Question,
    position: Option<Position>,
    kept: Option<Candidates>,
) -> Result<Search, Problem> {
    let mut walk = Walk::new(installed.snapshot.clone(), question.clone(), position)?;
    if let Some(kept) = kept {
        walk.take_up(kept);
    }
    Ok(app.pdp.search(kind, walk))
}

/// Finds one page.
pub(in crate::http) async fn page(
    app: &App,
    mut begun: Begun,
    wish: &Wish,
) -> Result<Found, Problem> {
    let limit = usize::try_from(wish.limit.unwrap_or(LIMIT)).unwrap_or(usize::MAX);
    let limit = limit.min(app.limits.search_page);
    let mut purse = Purse {
        candidates: app.limits.search_candidates,
        until: Instant::now() + app.limits.search_time,
    };
    let mut uids = Vec::new();
    while uids.len() < limit && !purse.is_spent() && !begun.search.is_complete() {
        let step = purse.step(&mut begun.search, limit - uids.len()).await?;
        uids.extend(step);
    }
    if !begun.search.is_complete() && limit == uids.len() && !purse.is_spent() && limit > 0 {
        // A page that is just full may be the last: it is, if nothing at all is left to look at.
        begun.search.step(now_ms(), 0, 0).await?;
    }
    let cursor = begun.cursor(app);
    begun.search.ended();
    let count = if wish.count { Some(count(app, &mut begun, &uids, purse).await?) } else { None };
    Ok(Found { uids, revision: begun.installed.revision, cursor, count })
}

/// Counts all, from the beginning if the page is not the first, with what is left of the budget.
async fn count(
    app: &App,
    begun: &mut Begun,
    page: &[EntityUid],
    mut purse: Purse,
) -> Result<Counted, Problem> {
    let mut found = page.len() as u64;
    if begun.continued {
        found = 0;
        begun.search = start(app, &begun.installed, begun.kind, &begun.question, None, None)?;
    }
    while !begun.search.is_complete() && !purse.is_spent() {
        found += purse.step(&mut begun.search, usize::MAX).await?.len() as u64;
    }
    Ok(Counted { found, is_exact: begun.search.is_complete() })
}

// === impl Wish ===

impl Wish {
    /// The cursor, where it is a member of that name.
    pub(super) fn cursor(&self) -> Option<(&str, &str)> {
        self.cursor.as_deref().map(|cursor| ("cursor", cursor))
    }
}

// === impl Found ===

impl Found {
    /// Nothing, and nothing left.
    pub(in crate::http) fn nothing() -> Self {
        Self { uids: Vec::new(), revision: 0, cursor: None, count: None }
    }
}

// === impl Begun ===

impl Begun {
    /// The cursor that goes on where the search stands, whose snapshot and candidates are kept from
    /// now on; `None` if nothing is left.
    pub(super) fn cursor(&self, app: &App) -> Option<String> {
        if self.search.is_complete() {
            return None;
        }
        let of = Asker { revision: self.installed.revision, question: self.digest };
        app.pdp.pin(&self.installed, app.limits.pins());
        app.pdp.keep(of, &self.search, app.limits.pins());
        Some(app.cursors.seal(&Cursor {
            revision: self.installed.revision,
            digest: self.digest,
            position: self.search.position(),
        }))
    }
}

// === impl Purse ===

impl Purse {
    fn is_spent(&self) -> bool {
        self.candidates == 0 || Instant::now() >= self.until
    }

    async fn step(&mut self, search: &mut Search, limit: usize) -> Result<Vec<EntityUid>, Problem> {
        let budget = self.candidates.min(CANDIDATES_PER_TURN);
        let step = search.step(now_ms(), limit, budget).await?;
        self.candidates -= step.examined.min(self.candidates);
        Ok(step.found)
    }
}

impl From<TurnError> for Problem {
    fn from(error: TurnError) -> Self {
        match error {
            TurnError::Invalid(invalid) => Self::from(invalid),
            TurnError::Failed => Self::new(Kind::Internal, "the service failed to search"),
        }
    }
}
