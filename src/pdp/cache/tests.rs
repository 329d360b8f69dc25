//! That no request gets another's answer, and none an answer that is no longer so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::json;

use super::*;
use crate::engine::{Bundle, CompileOptions, Snapshot, Text, compile, store};
use crate::pdp::{Owner, Owners};

const SCHEMA: &str = r"
entity Group;
entity User in [Group] { level?: Long };
entity Doc in [Group];
action look appliesTo { principal: [User], resource: [Doc], context: { note?: String, n?: Long } };
action drop appliesTo { principal: [User], resource: [Doc], context: { note?: String, n?: Long } };
";

const POLICIES: &str = r#"
@id("share") permit (principal in ?principal, action == Action::"look", resource in ?resource);
@id("noted") permit (principal, action, resource) when { context has note && context.note == "a,b" };
@id("counted") permit (principal, action, resource) when { context has n && context.n == 1 };
@id("level") permit (principal, action == Action::"drop", resource)
  when { principal has level && principal.level == 1 };
"#;

const OPTIONS: CheckOptions = CheckOptions {
    forbid_errors: crate::engine::check::ForbidErrors::Deny,
    request_properties: crate::engine::check::RequestProperties::UnknownEntities,
};

fn snapshot() -> Snapshot {
    let uid = |ty: &str, id: &str| json!({"type": ty, "id": id});
    let entity = |of, parents| json!({"uid": of, "attrs": {}, "parents": parents});
    let entities = json!([
        entity(uid("Group", "g"), json!([])),
        entity(uid("Group", "h"), json!([])),
        entity(uid("User", "a"), json!([uid("Group", "g")])),
        entity(uid("User", "a,b"), json!([])),
        entity(uid("Doc", "a"), json!([uid("Group", "h")])),
        entity(uid("Doc", "b"), json!([])),
    ]);
    let bundle = Bundle {
        schema: Some(Text::new("schema.cedarschema", SCHEMA)),
        policies: vec![Text::new("case.cedar", POLICIES)],
        entities: vec![Text::new("entities.json", entities.to_string())],
        links: vec![Text::new("links.json", "[]")],
    };
    compile(&bundle, &CompileOptions::default()).expect("the world compiles")
}

fn installed(snapshot: Snapshot, revision: u64) -> Installed {
    Installed {
        snapshot,
        revision,
        installed_at: Timestamp::UNIX_EPOCH,
        digest: String::new(),
        owners: Owners { policies: Owner::Api, entities: Owner::Api },
    }
}

/// A share of group `h` with group `g` under this id that ends at `expires`.
fn share(id: &str, expires: Option<&str>) -> store::Change {
    let mut link = json!({
        "template_id": "share",
        "link_id": id,
        "args": {"?principal": "Group::\"g\"", "?resource": "Group::\"h\""},
    });
    if let Some(expires) = expires {
        link["expires"] = json!(expires);
    }
    let link = Some(Text::new("link", json!([link]).to_string()));
    store::Change { link, ..store::Change::default() }
}

/// Texts that delimiters, escapes and forms of numbers could make alike.
fn text() -> impl Strategy<Value = String> {
    const TEXTS: [&str; 11] =
        ["", "a", "b", "a,b", "a\"", "[\"a\",\"b\"]", "A", "a ", "\u{e9}", "e\u{301}", "1"];
    prop::sample::select(&TEXTS).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        text().prop_map(Value::from),
        prop::sample::select(vec![
            json!(1),
            json!(1.0),
            json!(-0.0),
            json!(0),
            json!(true),
            json!([])
        ]),
    ];
    plain.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn members() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map(text(), value(), 0..3)
        .prop_map(|members| members.into_iter().collect())
}

prop_compose! {
    fn request()(
        principal in text(),
        action in prop::sample::select(&["look", "drop"]),
        resource in text(),
        context in members(),
        drops in any::<bool>(),
        principal_properties in prop::option::of(members()),
        resource_properties in prop::option::of(members()),
        now_ms in 0_i64..3,
    ) -> CheckRequest {
        let uid = |ty: &str, id: &str| crate::engine::uid::of(&ty.parse().expect("a type"), id);
        CheckRequest {
            principal: uid("User", &principal),
            action: uid("Action", action),
            resource: uid("Doc", &resource),
            context,
            undeclared: if drops { Undeclared::Drop } else { Undeclared::Refuse },
            principal_properties,
            resource_properties,
            now_ms,
            explain: false,
        }
    }
}

/// All that a request says but its time, written by code that the key has no part in.
fn told(revision: u64, request: &CheckRequest) -> String {
    let timeless = CheckRequest { now_ms: 0, ..request.clone() };
    format!("{revision} {timeless:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn equal_keys_mean_equal_requests(
        one in request(), other in request(), revisions in (1_u64..3, 1_u64..3)
    ) {
        let keys = (Key::of(revisions.0, &one), Key::of(revisions.1, &other));
        let requests = (told(revisions.0, &one), told(revisions.1, &other));
        prop_assert_eq!(keys.0 == keys.1, requests.0 == requests.1);
    }
}

#[test]
fn each_part_of_a_request_tells_its_key_from_anothers() {
    let uid = |ty: &str, id: &str| crate::engine::uid::of(&ty.parse().expect("a type"), id);
    let base = CheckRequest {
        principal: uid("User", "a"),
        action: uid("Action", "look"),
        resource: uid("Doc", "a"),
        context: Map::new(),
        undeclared: Undeclared::Refuse,
        principal_properties: None,
        resource_properties: None,
        now_ms: 0,
        explain: false,
    };
    let context = |value: Value| Map::from_iter([("n".to_owned(), value)]);
    let others = [
        base.clone(),
        CheckRequest { principal: uid("User", "b"), ..base.clone() },
        CheckRequest { principal: uid("Group", "a"), ..base.clone() },
        CheckRequest { action: uid("Action", "drop"), ..base.clone() },
        CheckRequest { resource: uid("Doc", "b"), ..base.clone() },
        CheckRequest { context: context(json!(1)), ..base.clone() },
        CheckRequest { context: context(json!(1.0)), ..base.clone() },
        CheckRequest { context: context(json!("1")), ..base.clone() },
        CheckRequest { context: context(json!(["a,b"])), ..base.clone() },
        CheckRequest { context: context(json!(["a", "b"])), ..base.clone() },
        CheckRequest { undeclared: Undeclared::Drop, ..base.clone() },
        CheckRequest { principal_properties: Some(Map::new()), ..base.clone() },
        CheckRequest { resource_properties: Some(Map::new()), ..base.clone() },
    ];
    let keys: Vec<Key> = others.iter().map(|other| Key::of(1, other)).collect();
    for (number, key) in keys.iter().enumerate() {
        let equal: Vec<usize> =
            (0..keys.len()).filter(|other| keys.get(*other) == Some(key)).collect();
        assert_eq!(equal, [number]);
    }
    assert_ne!(Key::of(1, &base), Key::of(2, &base));
    assert_eq!(Key::of(1, &base), Key::of(1, &CheckRequest { now_ms: 9, ..base.clone() }));
}

#[test]
fn an_answer_is_not_used_beyond_the_end_of_a_share_that_it_depends_on() {
    let (snapshot, _) = snapshot()
        .apply(&share("s", Some("1970-01-01T00:00:01Z")), &CompileOptions::default())
        .expect("a share");
    let installed = installed(snapshot, 1);
    let cache = Cache::new(1 << 20).expect("a cache");
    let uid = |ty: &str, id: &str| crate::engine::uid::of(&ty.parse().expect("a type"), id);
    let at = |now_ms| CheckRequest {
        principal: uid("User", "a"),
        action: uid("Action", "look"),
        resource: uid("Doc", "a"),
        context: Map::new(),
        undeclared: Undeclared::Refuse,
        principal_properties: None,
        resource_properties: None,
        now_ms,
        explain: false,
    };
    // Back and forth, as a clock that is set back would have it.
    let reasons = [0, 999, 1_000, 2_000, 999, 1_000, 0]
        .map(|now_ms| cache.check(&installed, &at(now_ms), OPTIONS).expect("it fits").reason);
    let (shared, none) = (vec!["s".to_owned()], Vec::<String>::new());
    let expected = [&shared, &shared, &none, &none, &shared, &none, &shared]
        .map(|it: &Vec<String>| it.clone());
    assert_eq!(reasons, expected);
}

/// Many readers with one cache, each answer beside the one that the same snapshot gives without,
/// while shares come, end and go.
#[test]
fn kept_and_made_answers_are_the_same_while_the_snapshot_changes() {
    const REVISIONS: u64 = 400;
    let cache = Arc::new(Cache::new(1 << 18).expect("a cache"));
    let current = Arc::new(ArcSwap::from_pointee(installed(snapshot(), 1)));
    let (done, checks) = (AtomicBool::new(false), AtomicU64::new(0));
    let reader = |seed: u8| {
        let rng = prop::test_runner::TestRng::from_seed(
            prop::test_runner::RngAlgorithm::ChaCha,
            &[seed; 32],
        );
        let mut runner =
            prop::test_runner::TestRunner::new_with_rng(ProptestConfig::default(), rng);
        while !done.load(Relaxed) {
            let request = request().new_tree(&mut runner).expect("a request").current();
            let request = CheckRequest { now_ms: request.now_ms * 1_000, ..request };
            let installed = current.load_full();
            let kept = cache.check(&installed, &request, OPTIONS);
            // Twice, so that the second is found.
            let again = cache.check(&installed, &request, OPTIONS);
            let made = installed.snapshot.check(&request, OPTIONS);
            // A kept answer may name another span of time, in which the moment lies too.
            let compared = |answer: &Result<CheckResponse, InvalidRequest>| {
                let valid = crate::engine::check::Validity::default();
                answer.clone().map(|answer| CheckResponse { valid, ..answer })
            };
            assert_eq!(compared(&kept), compared(&made), "{request:?}");
            assert_eq!(compared(&again), compared(&made), "{request:?}");
            checks.fetch_add(1, Relaxed);
        }
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3).map(|seed| scope.spawn(move || reader(seed))).collect();
        for revision in 2..=REVISIONS {
            let before = current.load_full();
            let change = match revision % 3 {
                0 => share("s", None),
                1 => share("t", Some("1970-01-01T00:00:01Z")),
                _ => store::Change {
                    unlink: vec!["s".to_owned(), "t".to_owned()],
                    ..store::Change::default()
                },
            };
            let applied = before.snapshot.apply(&change, &CompileOptions::default());
            let (next, _) = applied.expect("the change is taken");
            current.store(Arc::new(installed(next, revision)));
            cache.clear();
            let seen = checks.load(Relaxed);
            // Some checks see each revision.
            while checks.load(Relaxed) < seen + 3
                && !readers.iter().any(std::thread::ScopedJoinHandle::is_finished)
            {
                std::thread::yield_now();
            }
        }
        done.store(true, Relaxed);
        for reader in readers {
            reader.join().expect("every answer is the same");
        }
    });
    assert!(checks.load(Relaxed) > REVISIONS, "the readers hardly ran");
}
