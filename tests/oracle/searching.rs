//! Search against a loop of checks: over made-up worlds and over the policies that ship, whatever
//! the size of a page and however little may be looked at for one.

use cedar_policy::EntityUid;
use doorward::engine::check::RequestProperties;
use doorward::engine::search::{ActionSearch, Page, PrincipalSearch, ResourceSearch, Terms};
use doorward::engine::{CheckOptions, CheckRequest, Decision, InvalidRequest, Snapshot};

use crate::dice::Dice;
use crate::in_engine;
use crate::ours;
use crate::run::{on_every_core, setting};
use crate::texts::Texts;
use crate::world::World;
use crate::world::requests::USUAL;
use crate::worlds::{Case, case};

/// Worlds of one run, unless `DOORWARD_ORACLE_SEARCHES` says otherwise.
const WORLDS: u64 = 150;
/// Questions of a world that are searched for.
const ASKED: usize = 10;

/// How much was looked at, and how much there was.
#[derive(Debug, Default, Clone, Copy)]
struct Spent {
    examined: usize,
    stored: usize,
    found: usize,
}

/// The stored entities of a type, by id.
fn stored(snapshot: &Snapshot, type_name: &str) -> Vec<EntityUid> {
    let store = snapshot.store();
    let numbers = store.type_no(type_name).into_iter().flat_map(|ty| store.entities_of(ty));
    numbers.map(|no| store.uid_of(no)).collect()
}

/// Goes through all pages, which have to fit together.
fn pages(
    limit: usize,
    budget: usize,
    search: impl Fn(Option<&str>) -> Result<Page, InvalidRequest>,
) -> Result<(Vec<EntityUid>, usize), InvalidRequest> {
    let (mut found, mut examined) = (Vec::new(), 0);
    let mut after: Option<String> = None;
    loop {
        let page = search(after.as_deref())?;
        assert!(page.found.len() <= limit && page.examined <= budget, "{page:?}");
        let ended_for = page.found.len() == limit || page.examined == budget;
        assert!(page.complete || ended_for, "{page:?}");
        assert_eq!(page.complete, page.after.is_none(), "{page:?}");
        examined += page.examined;
        found.extend(page.found);
        if page.complete {
            return Ok((found, examined));
        }
        assert!(page.after > after, "{after:?} {:?}", page.after);
        after = page.after;
    }
}

/// Holds a search against checks of each of `all`, which are in order.
fn same(
    what: &str,
    all: &[EntityUid],
    allowed: impl Fn(&EntityUid) -> Result<bool, InvalidRequest>,
    search: impl Fn(Option<&str>, usize, usize) -> Result<Page, InvalidRequest>,
) -> Spent {
    let checked: Result<Vec<(EntityUid, bool)>, _> =
        all.iter().map(|uid| Ok::<_, InvalidRequest>((uid.clone(), allowed(uid)?))).collect();
    let Ok(checked) = checked else {
        assert!(search(None, 10, 10).is_err(), "{what}: every check is invalid and no search");
        return Spent::default();
    };
    let expected: Vec<EntityUid> =
        checked.into_iter().filter(|(_, allowed)| *allowed).map(|(uid, _)| uid).collect();
    let whole = pages(usize::MAX, usize::MAX, |after| search(after, usize::MAX, usize::MAX));
    let (found, examined) = match whole {
        Ok(whole) => whole,
        Err(invalid) => {
            assert!(all.is_empty(), "{what}: {invalid:?}");
            return Spent::default();
        }
    };
    assert_eq!(found, expected, "{what}");
    for limit in (1..=expected.len() + 1).take(12) {
        let paged = pages(limit, usize::MAX, |after| search(after, limit, usize::MAX)).unwrap();
        assert_eq!(paged, (expected.clone(), examined), "{what}, pages of {limit}");
    }
    for budget in [1, 2, 7] {
        let paged = pages(3, budget, |after| search(after, 3, budget)).unwrap();
        assert_eq!(paged, (expected.clone(), examined), "{what}, at most {budget} at once");
    }
    assert!(examined <= all.len(), "{what}");
    Spent { examined, stored: all.len(), found: expected.len() }
}

/// All three searches that a check gives, against loops of checks.
fn searches(snapshot: &Snapshot, request: &CheckRequest, options: CheckOptions) -> [Spent; 2] {
    let terms = |request: &CheckRequest| Terms {
        context: request.context.clone(),
        undeclared: request.undeclared,
        principal_properties: request.principal_properties.clone(),
        resource_properties: request.resource_properties.clone(),
        now_ms: request.now_ms,
        options,
    };
    let allows =
        |request: &CheckRequest| Ok(snapshot.check(request, options)?.decision == Decision::Allow);
    let of_resource = |uid: &EntityUid| CheckRequest {
        resource: uid.clone(),
        resource_properties: None,
        ..request.clone()
    };
    let resources = ResourceSearch {
        principal: request.principal.clone(),
        action: request.action.clone(),
        resource_type: request.resource.type_name().to_string(),
        terms: terms(request),
    };
    let by_resource = same(
        &format!("{resources:?}"),
        &stored(snapshot, &resources.resource_type),
        |uid| allows(&of_resource(uid)),
        |after, limit, budget| snapshot.search_resources(&resources, after, limit, budget),
    );
    let of_principal = |uid: &EntityUid| CheckRequest {
        principal: uid.clone(),
        principal_properties: None,
        ..request.clone()
    };
    let principals = PrincipalSearch {
        principal_type: request.principal.type_name().to_string(),
        action: request.action.clone(),
        resource: request.resource.clone(),
        terms: terms(request),
    };
    let by_principal = same(
        &format!("{principals:?}"),
        &stored(snapshot, &principals.principal_type),
        |uid| allows(&of_principal(uid)),
        |after, limit, budget| snapshot.search_principals(&principals, after, limit, budget),
    );
    let mut actions: Vec<&EntityUid> =
        snapshot.schema().actions().map(|(action, _)| action).collect();
    actions.sort_by_key(|uid| (uid.type_name().to_string(), uid.id().unescaped().to_owned()));
    actions.retain(|action| {
        allows(&CheckRequest { action: (*action).clone(), ..request.clone() }).unwrap_or(false)
    });
    let search = ActionSearch {
        principal: request.principal.clone(),
        resource: request.resource.clone(),
        terms: terms(request),
    };
    let found = snapshot.search_actions(&search);
    assert_eq!(found.iter().collect::<Vec<_>>(), actions, "{search:?}");
    [by_resource, by_principal]
}

fn search_world(seed: u64) {
    let Case { world, questions, .. } = case(seed);
    let Ok(snapshot) = ours::load(&world) else { return };
    for question in questions.iter().take(ASKED) {
        let (mut request, mut options) = (ours::request(question), ours::options(question));
        searches(&snapshot, &request, options);
        // The same without what makes indexes useless.
        options.request_properties = RequestProperties::Ignore;
        request.principal_properties = None;
        request.resource_properties = None;
        searches(&snapshot, &request, options);
    }
}

#[test]
fn what_is_found_is_what_is_allowed() {
    if let Some(seed) = setting("DOORWARD_ORACLE_SEED") {
        return search_world(seed);
    }
    let worlds = setting("DOORWARD_ORACLE_SEARCHES").unwrap_or(WORLDS);
    let mut dice = Dice::new(worlds);
    let seeds: Vec<u64> = (0..worlds).map(|_| dice.next()).collect();
    let searched = on_every_core(&seeds, |seed| {
        let searched = std::panic::catch_unwind(|| search_world(seed));
        assert!(searched.is_ok(), "again: DOORWARD_ORACLE_SEED={seed}");
        Ok(())
    });
    assert!(searched.is_ok());
}

#[test]
fn with_the_policies_that_ship_what_is_found_is_what_is_allowed() {
    let mut spent = [Spent::default(); 2];
    for seed in 0..4 {
        let world = World { seed, entities_least: 0, tenant_entities: 60 };
        let snapshot = in_engine::load(&Texts::of(&world).unwrap()).unwrap();
        for request in world.requests(USUAL).take(40) {
            let request = in_engine::check(&request).unwrap();
            let both = searches(&snapshot, &request, in_engine::OPTIONS);
            for (sum, one) in spent.iter_mut().zip(both) {
                sum.examined += one.examined;
                sum.stored += one.stored;
                sum.found += one.found;
            }
        }
    }
    // Indexes are worth having: most of what is looked at is found, and most is not looked at.
    for spent in spent {
        assert!(spent.found > 1_000, "{spent:?}");
        assert!(spent.examined < 2 * spent.found && spent.examined * 3 < spent.stored, "{spent:?}");
    }
}
