//! Explanations over made-up worlds and the policies that ship: they tell what was decided and
//! nothing else, what they tell of the hierarchy is there, and a change that they name turns the deny
//! into an allow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use cedar_policy::EntityUid;
use doorward::engine::clauses::{ClauseKind, Outcome};
use doorward::engine::explain::{ExplainedPolicy, Explanation, Misfit, SeenPath};
use doorward::engine::store::Change;
use doorward::engine::{
    Bundle, CheckOptions, CheckRequest, CheckResponse, Code, CompileOptions, Decision, Snapshot,
    Text, compile,
};
use serde_json::Value;

use crate::dice::Dice;
use crate::in_engine;
use crate::ours;
use crate::run::{on_every_core, setting};
use crate::worlds::{Case, case};

/// Made-up worlds of one run, unless `DOORWARD_ORACLE_EXPLAINED` says otherwise.
const WORLDS: u64 = 120;
/// Questions about the tutorial that are explained.
const TUTORIAL_QUESTIONS: usize = 900;

/// What was seen in a run.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    allows: usize,
    denies: usize,
    /// Denies of principals and resources that are stored.
    of_stored: usize,
    named: usize,
}

/// Asks with and without an explanation, and holds the two against each other.
fn explained(
    snapshot: &Snapshot,
    request: &CheckRequest,
    options: CheckOptions,
) -> Option<(CheckResponse, Explanation)> {
    let plain = CheckRequest { explain: false, ..request.clone() };
    let request = CheckRequest { explain: true, ..plain.clone() };
    let (plain, answer) = (snapshot.check(&plain, options), snapshot.check(&request, options));
    let (Ok(plain), Ok(mut answer)) = (plain, answer) else { return None };
    let explanation = answer.explanation.take().unwrap();
    assert_eq!(plain, answer);
    Some((answer, explanation))
}

/// Holds an explanation against the answer that it is of.
fn told_truly(
    snapshot: &Snapshot,
    request: &CheckRequest,
    options: CheckOptions,
    answer: &CheckResponse,
    explanation: &Explanation,
) {
    let allowed = answer.decision == Decision::Allow;
    assert_eq!(explanation.change.is_none(), allowed, "{request:?}");
    let told: BTreeSet<&str> = explanation.policies.iter().map(|it| it.id.as_str()).collect();
    if answer.code != Code::ForbidError {
        let reason: BTreeSet<&str> = answer.reason.iter().map(String::as_str).collect();
        assert_eq!(told, reason, "{request:?}");
    }
    for policy in &explanation.policies {
        let outcomes = snapshot.outcomes_of(&policy.id, request, options).unwrap().unwrap();
        let clauses: Vec<&Outcome> = policy.clauses.iter().map(|it| &it.outcome).collect();
        assert_eq!(clauses, outcomes.outcomes.iter().collect::<Vec<_>>(), "{request:?}");
        match outcomes.verdict() {
            Ok(satisfied) => assert!(satisfied, "{}: {request:?}", policy.id),
            Err(_) => assert_eq!(answer.code, Code::ForbidError, "{}: {request:?}", policy.id),
        }
        clauses_hold_together(snapshot, policy);
    }
    if !explanation.nearest.is_empty() {
        assert!(!allowed && answer.reason.is_empty(), "{request:?}");
    }
    for near in &explanation.nearest {
        assert_eq!(near.policy.effect, "permit");
        assert!(near.unmet > 0);
        let Some(failed) = &near.failed else {
            assert!(near.needs_link && near.links[0].misfit == Misfit::Expired, "{near:?}");
            continue;
        };
        let kept_back = match failed.kind {
            ClauseKind::Unless => failed.outcome != Outcome::NotSatisfied,
            _ => failed.outcome != Outcome::Satisfied,
        };
        // The first conjunct of an `unless` may be true before one that cannot be evaluated.
        assert!(kept_back, "{}: {failed:?}\n{request:?}", near.policy.id);
    }
}

/// A scope that asks for a place in the hierarchy is satisfied where there is a way to it, and each
/// step of a way is one.
fn clauses_hold_together(snapshot: &Snapshot, policy: &ExplainedPolicy) {
    for clause in &policy.clauses {
        for path in &clause.paths {
            way_is_there(snapshot, path);
            if clause.kind == ClauseKind::Principal || clause.kind == ClauseKind::Resource {
                let holds = clause.outcome == Outcome::Satisfied;
                assert_eq!(holds, !path.through.is_empty(), "{clause:?}");
            }
        }
    }
}

fn way_is_there(snapshot: &Snapshot, path: &SeenPath) {
    let Some((first, last)) = path.through.first().zip(path.through.last()) else { return };
    assert_eq!(*first, path.from);
    assert!(path.groups.contains(last), "{path:?}");
    let store = snapshot.store();
    let number = |text: &String| {
        let uid: EntityUid = text.parse().unwrap();
        store.number_of(&uid)
    };
    if snapshot.schema().actions().any(|(uid, _)| uid.to_string() == *first) {
        return;
    }
    for pair in path.through.windows(2) {
        let (child, parent) = (number(&pair[0]).unwrap(), number(&pair[1]).unwrap());
        assert!(store.parents(child).contains(&parent), "{path:?}");
    }
}

/// A body of `PATCH /v1/entities` as a change.
fn change(body: &Value) -> Change {
    let members = body.as_object().unwrap();
    assert!(members.keys().all(|name| ["unlink", "upsert", "link"].contains(&name.as_str())));
    let list = |name: &str| body.get(name).map(|list| Text::new(name, list.to_string()));
    let unlink = body.get("unlink").and_then(Value::as_array).into_iter().flatten();
    Change {
        unlink: unlink.map(|id| id.as_str().unwrap().to_owned()).collect(),
        remove: Vec::new(),
        upsert: list("upsert"),
        link: list("link"),
    }
}

/// Holds one explanation, and its change against a copy.
fn held(
    snapshot: &Snapshot,
    request: &CheckRequest,
    (options, compile_options): (CheckOptions, &CompileOptions),
    count: &mut Count,
) {
    let Some((answer, explanation)) = explained(snapshot, request, options) else { return };
    told_truly(snapshot, request, options, &answer, &explanation);
    let Some(sought) = &explanation.change else {
        count.allows += 1;
        return;
    };
    count.denies += 1;
    count.of_stored += usize::from(answer.principal_known && answer.resource_known);
    let Some(patch) = &sought.patch else { return };
    count.named += 1;
    let (next, _) = snapshot
        .apply(&change(patch), compile_options)
        .unwrap_or_else(|problems| panic!("{patch}: {problems}\n{request:?}"));
    let after = next.check(request, options).unwrap();
    assert_eq!(after.decision, Decision::Allow, "{patch}: {request:?}");
}

#[test]
fn explanations_of_made_up_worlds_are_true_and_their_changes_allow() {
    let worlds = setting("DOORWARD_ORACLE_EXPLAINED").unwrap_or(WORLDS);
    let seeds: Vec<u64> = (1_000..1_000 + worlds).collect();
    let count = Mutex::new(Count::default());
    let run = on_every_core(&seeds, |seed| {
        let Case { world, questions, .. } = case(seed);
        let snapshot = ours::load(&world).unwrap();
        let compiled = ours::compile_options(&world);
        let mut here = Count::default();
        for question in &questions {
            let options = (ours::options(question), &compiled);
            held(&snapshot, &ours::request(question), options, &mut here);
        }
        let mut count = count.lock().unwrap();
        count.allows += here.allows;
        count.denies += here.denies;
        count.of_stored += here.of_stored;
        count.named += here.named;
        Ok(())
    });
    run.map_err(|failure| failure.seed).unwrap();
    let count = count.into_inner().unwrap();
    assert!(count.denies >= 1_000 && count.allows >= 300, "{count:?}");
    assert!(count.named * 6 >= count.of_stored, "{count:?}");
}

fn tutorial() -> Snapshot {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| Text::new(path, std::fs::read_to_string(root.join(path)).unwrap());
    let policies = ["isolation", "ownership", "sharing", "thingsboard"];
    let bundle = Bundle {
        schema: Some(read("policies/schema.cedarschema")),
        policies: policies.iter().map(|name| read(&format!("policies/{name}.cedar"))).collect(),
        entities: vec![read("entities/entities.json")],
        links: vec![read("entities/links.json")],
    };
    compile(&bundle, &CompileOptions::default()).unwrap()
}

#[test]
fn changes_that_are_named_allow_what_the_tutorial_denies() {
    let snapshot = tutorial();
    let store = snapshot.store();
    let of_types = |names: &BTreeSet<String>| -> Vec<EntityUid> {
        let types = names.iter().filter_map(|name| store.type_no(name));
        types.flat_map(|ty| store.entities_of(ty)).map(|no| store.uid_of(no)).collect()
    };
    let actions: BTreeMap<String, _> = snapshot
        .schema()
        .actions()
        .filter(|(_, info)| !info.resources.is_empty())
        .map(|(uid, info)| (uid.to_string(), (uid.clone(), info)))
        .collect();
    let mut dice = Dice::new(20_261_128);
    let mut count = Count::default();
    let actions: Vec<_> = actions.into_values().collect();
    for _ in 0..TUTORIAL_QUESTIONS {
        let (action, info) = &actions[dice.below(actions.len())];
        let mut one_of = |all: Vec<EntityUid>| all[dice.below(all.len())].clone();
        let request = CheckRequest {
            principal: one_of(of_types(&info.principals)),
            action: action.clone(),
            resource: one_of(of_types(&info.resources)),
            context: serde_json::Map::new(),
            undeclared: doorward::engine::check::Undeclared::Refuse,
            principal_properties: None,
            resource_properties: None,
            now_ms: 1_800_000_000_000,
            explain: true,
        };
        let options = (CheckOptions::default(), &CompileOptions::default());
        held(&snapshot, &request, options, &mut count);
    }
    assert!(count.denies >= 300 && count.allows >= 50, "{count:?}");
    assert!(count.named * 3 >= count.denies, "{count:?}");
}

#[test]
fn a_world_of_hundreds_of_shares_is_explained_too() {
    let world = crate::world::World { seed: 3, entities_least: 0, tenant_entities: 60 };
    let texts = crate::texts::Texts::of(&world).unwrap();
    let snapshot = in_engine::load(&texts).unwrap();
    let mut count = Count::default();
    for asked in world.requests(crate::world::requests::USUAL).take(120) {
        let request = in_engine::check(&asked).unwrap();
        let options = (in_engine::OPTIONS, &CompileOptions::default());
        held(&snapshot, &request, options, &mut count);
    }
    assert!(count.denies >= 20 && count.allows >= 20 && count.named >= 10, "{count:?}");
}
