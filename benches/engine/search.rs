//! What a search costs in process, beside deciding what it finds one by one: the devices that one
//! customer's user may read, the users who may read one device, the actions of a pair.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use cedar_policy::EntityUid;
use doorward::engine::search::{ActionSearch, PrincipalSearch, ResourceSearch, Terms};
use doorward::engine::{CheckRequest, Decision, Snapshot};

use super::clock::cost_of_many;
use crate::in_engine;
use crate::measure::{self, Subject};
use crate::texts::Texts;
use crate::world::World;
use crate::world::requests::{Mix, Request};

const ROUNDS: usize = 5;
/// CPU time of one round of one subject, at least.
const ROUND: Duration = Duration::from_millis(300);
/// How many devices the user should find; the one who finds nearly so many is taken.
const HITS: usize = 1_000;
/// Users that are tried.
const USERS: usize = 400;
/// The tenants of this world are larger, so that a customer has so many devices.
pub(crate) const TENANT_ENTITIES: usize = 4_000;

/// Somebody asks about what their owner, or one below, has.
const OWNED: Mix = Mix { owned: 1, shared: 0, isolated: 0, unknown: 0 };

pub(crate) fn compare(world: &World) -> Result<(), Box<dyn Error>> {
    let texts = Texts::of(world)?;
    let snapshot = in_engine::load(&texts)?;
    drop(texts);
    let asked = reads(world);
    let of_first = in_engine::check(asked.first().ok_or("no request")?)?;
    let terms = Terms { options: in_engine::OPTIONS, ..Terms::at(of_first.now_ms) };
    let resources = by_hits(&snapshot, &asked, &terms)?;
    let found = devices(&snapshot, &resources)?;
    let checks: Vec<CheckRequest> = found
        .iter()
        .map(|resource| CheckRequest {
            principal: resources.principal.clone(),
            action: resources.action.clone(),
            resource: resource.clone(),
            ..of_first.clone()
        })
        .collect();
    let allows = |check: &CheckRequest| {
        let answer = snapshot.check(check, in_engine::OPTIONS);
        answer.is_ok_and(|answer| answer.decision == Decision::Allow)
    };
    let device = found.first().ok_or("nothing was found")?.clone();
    let principals = PrincipalSearch {
        principal_type: "User".to_owned(),
        action: resources.action.clone(),
        resource: device.clone(),
        terms: terms.clone(),
    };
    let actions = ActionSearch { principal: resources.principal.clone(), resource: device, terms };
    let users = snapshot.search_principals(&principals, None, usize::MAX, usize::MAX);
    let users = users.map_err(|invalid| invalid.message)?;
    let device_type = snapshot.store().type_no("Device").ok_or("there are no devices")?;
    println!(
        "\n=== {} devices; {} found; {} users found among {} candidates",
        snapshot.store().count_of(device_type),
        found.len(),
        users.found.len(),
        users.examined
    );
    let mut subjects = [
        Subject::new(format!("a loop of {} checks, each an allow", checks.len()), || {
            cost_of_many(ROUND, || assert!(checks.iter().all(allows)))
        }),
        Subject::new(format!("search for {} devices of one user", found.len()), || {
            cost_of_many(ROUND, || {
                assert!(devices(&snapshot, &resources).is_ok_and(|again| again == found));
            })
        }),
        Subject::new(format!("search for {} users of one device", users.found.len()), || {
            cost_of_many(ROUND, || {
                let again = snapshot.search_principals(&principals, None, usize::MAX, usize::MAX);
                assert!(again.is_ok_and(|again| again == users));
            })
        }),
        Subject::new("search for the actions of a pair", || {
            cost_of_many(ROUND, || {
                let _ = std::hint::black_box(snapshot.search_actions(&actions));
            })
        }),
    ];
    measure::compare("CPU of a search", ROUNDS, &mut subjects);
    Ok(())
}

/// Requests of users who read, each user once.
fn reads(world: &World) -> Vec<Request> {
    let mut users = BTreeSet::new();
    let requests = world.requests(OWNED).take(USERS * 50);
    requests
        .filter(|request| users.insert(request.principal.1.clone()))
        .map(|request| Request { action: "read", target: None, ..request })
        .take(USERS)
        .collect()
}

/// The search of the user who finds nearly as many as wanted.
fn by_hits(
    snapshot: &Snapshot,
    asked: &[Request],
    terms: &Terms,
) -> Result<ResourceSearch, Box<dyn Error>> {
    let mut best: Option<(usize, ResourceSearch)> = None;
    for request in asked {
        let check = in_engine::check(request)?;
        let search = ResourceSearch {
            principal: check.principal,
            action: check.action,
            resource_type: "Device".to_owned(),
            terms: terms.clone(),
        };
        let off = devices(snapshot, &search)?.len().abs_diff(HITS);
        if best.as_ref().is_none_or(|(least, _)| off < *least) {
            best = Some((off, search));
        }
    }
    Ok(best.ok_or("no user was asked for")?.1)
}

fn devices(snapshot: &Snapshot, search: &ResourceSearch) -> Result<Vec<EntityUid>, Box<dyn Error>> {
    let page = snapshot.search_resources(search, None, usize::MAX, usize::MAX);
    let page = page.map_err(|invalid| invalid.message)?;
    if !page.complete {
        return Err("the search was cut off".into());
    }
    Ok(page.found)
}
