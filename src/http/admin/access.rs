//! What a dry run would change in access: who gains and who loses what, found off the async threads,
//! one dry run at a time and for a bounded time, so that checks do not notice.

use std::time::{Duration, Instant};

use cedar_policy::EntityUid;
use serde_json::{Value, json};

use crate::analysis::diff::{Balance, Bounds, Difference, diff};
use crate::engine::check::Undeclared;
use crate::engine::search::Terms as Asked;
use crate::http::App;
use crate::pdp::publisher::{Terms, Trial};

/// How long it may take to find out; after that the answer says that it is not complete.
const TIME_MAX: Duration = Duration::from_secs(5);
/// The most decisions that are made for it.
const DECISIONS_MAX: u64 = 2_000_000;
/// How many samples and principals are listed.
const LISTED_MAX: usize = 10;

/// A dry run that was or will be judged.
pub(super) struct Tried(Option<Trial>);

// === impl Tried ===

impl Tried {
    /// The dry run that these terms ask for, if they do.
    pub(super) fn of(terms: &Terms) -> Self {
        Self(terms.dry_run.then(|| terms.trial.clone()))
    }

    /// What it would change; `None` where it is no dry run, or nothing is in force yet.
    pub(super) async fn access(self, app: &App) -> Option<Value> {
        let trial = self.0?;
        if trial.sides().is_none() {
            app.pdp.current()?;
            return Some(wire(&Difference::nothing()));
        }
        let turn = app.publisher.trial_turn().await?;
        let options = app.pdp.options();
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let looking = tokio::task::spawn_blocking(move || {
            let [old, new] = trial.sides()?;
            let terms = Asked { undeclared: Undeclared::Drop, options, ..Asked::at(now_ms) };
            let (decisions_max, most) = (DECISIONS_MAX, LISTED_MAX);
            let bounds = Bounds { decisions_max, samples_max: most, principals_max: most };
            let until = Instant::now() + TIME_MAX;
            let found = diff(old, new, &terms, bounds, &mut |_| {
                // Checks go first where both want a core.
                std::thread::yield_now();
                Instant::now() < until
            });
            drop(turn);
            Some(wire(&found))
        });
        looking.await.ok().flatten()
    }
}

fn wire(found: &Difference) -> Value {
    json!({
        "complete": found.complete,
        "gained": balance(&found.gained),
        "lost": balance(&found.lost),
        "left_out": left_out(found),
    })
}

/// What was not compared, and why. `doorward diff` writes it alike.
pub(crate) fn left_out(found: &Difference) -> Vec<Value> {
    let each = found.left_out.iter().map(|it| {
        json!({
            "action": it.action,
            "principal_type": it.principal,
            "resource_type": it.resource,
            "why": it.why,
        })
    });
    each.collect()
}

/// What is gained, or what is lost. `doorward diff` writes it alike.
pub(crate) fn balance(balance: &Balance) -> Value {
    let uid =
        |uid: &EntityUid| json!({"type": uid.type_name().to_string(), "id": uid.id().unescaped()});
    let by = balance.by.iter().map(|((principal, action, resource), count)| {
        json!({
            "principal_type": principal,
            "action": action,
            "resource_type": resource,
            "count": count,
        })
    });
    let top = balance.top.iter().map(|(who, count)| json!({"uid": uid(who), "count": count}));
    let samples = balance.samples.iter().map(|sample| {
        json!({
            "principal": uid(&sample.principal),
            "action": uid(&sample.action),
            "resource": uid(&sample.resource),
            "allowed_by": sample.allowed_by,
            "denied": sample.denied.as_str(),
            "denied_by": sample.denied_by,
        })
    });
    json!({
        "total": balance.total,
        "principals": balance.principals,
        "by": by.collect::<Vec<_>>(),
        "top": top.collect::<Vec<_>>(),
        "samples": samples.collect::<Vec<_>>(),
    })
}
