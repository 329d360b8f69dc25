//! Whether the cases ask anything: how often each kind of answer, policy and trouble comes up. A
//! generator whose every answer is deny would agree with an engine that never allows.

use std::collections::BTreeMap;

use crate::model::{Question, World};
use crate::plain::{Answer, Plain};
use crate::worlds::case;

/// How often something was seen, by what it is.
type Tally = BTreeMap<&'static str, usize>;

/// What must come up at least so often in a thousand questions.
const WANTED: [(&str, usize); 19] = [
    ("allow", 150),
    ("deny by a forbid", 80),
    ("deny for want of a permit", 150),
    ("invalid", 20),
    ("an error of a permit", 12),
    ("an error of a forbid", 4),
    ("an error that changes the answer", 1),
    ("error: integer overflow", 4),
    ("error: an entity that is not stored", 10),
    ("error: an extension function", 1),
    ("an error that may be left out", 1),
    ("an error of a forbid that types say is never satisfied", 1),
    ("a link determines", 40),
    ("a policy with a condition determines", 100),
    ("principal unknown", 50),
    ("resource unknown", 50),
    ("properties sent", 50),
    ("a link has expired", 100),
    ("a context with members", 150),
];

fn tally(seeds: u64) -> (Tally, usize, usize, usize) {
    let (mut tally, mut questions, mut made, mut dropped) = (Tally::new(), 0, 0, 0);
    for seed in 0..seeds {
        let case = case(seed);
        let plain = Plain::load(&case.world).unwrap();
        made += case.world.policies.len() + case.dropped;
        dropped += case.dropped;
        for question in &case.questions {
            questions += 1;
            let seen = match plain.answer(&case.world, question) {
                Some(answer) => seen(&plain, &case.world, question, &answer),
                None => vec!["invalid"],
            };
            for what in seen {
                *tally.entry(what).or_default() += 1;
            }
        }
    }
    (tally, questions, made, dropped)
}

fn seen(plain: &Plain, world: &World, question: &Question, answer: &Answer) -> Vec<&'static str> {
    let has_condition = |id: &String| {
        world.policies.iter().any(|policy| policy.id == *id && !policy.clauses.is_empty())
    };
    let is_link = |id: &String| world.links.iter().any(|link| link.id == *id);
    let says = |words: &str| answer.errors.values().any(|message| message.contains(words));
    let erring_forbid = answer.errors.keys().any(|id| plain.is_forbid(id));
    let expired = |at: Option<i64>| at.is_some_and(|at| at <= question.now_s);
    let all = [
        ("allow", answer.allow),
        ("deny by a forbid", !answer.allow && !answer.reason.is_empty()),
        ("deny for want of a permit", !answer.allow && answer.reason.is_empty()),
        ("an error of a permit", answer.errors.keys().any(|id| !plain.is_forbid(id))),
        ("an error of a forbid", erring_forbid),
        ("an error that changes the answer", answer.allow && erring_forbid),
        ("error: integer overflow", says("overflow")),
        ("error: an entity that is not stored", says("does not exist")),
        ("error: an extension function", says("extension function")),
        ("a link determines", answer.reason.iter().any(is_link)),
        ("a policy with a condition determines", answer.reason.iter().any(has_condition)),
        ("principal unknown", !answer.known[0]),
        ("resource unknown", !answer.known[1]),
        (
            "properties sent",
            question.principal_properties.is_some() || question.resource_properties.is_some(),
        ),
        ("a link has expired", world.links.iter().any(|link| expired(link.expires_s))),
        ("a context with members", !question.context.is_empty()),
        (
            "an error that may be left out",
            answer.errors.keys().any(|id| plain.is_needless_permit(id, question)),
        ),
        (
            "an error of a forbid that types say is never satisfied",
            answer.errors.keys().any(|id| plain.is_forbid(id) && plain.is_needless(id, question)),
        ),
    ];
    all.iter().filter(|(_, holds)| *holds).map(|(what, _)| *what).collect()
}

/// Policy sets of low level can be evaluated over a few entities, others over all of them; a test of
/// both needs both.
#[test]
fn levels_are_varied() {
    let worlds: u32 = 100;
    let at_most = |level: u32| {
        let holds = (0..worlds).filter(|seed| {
            let plain = Plain::load(&case(u64::from(*seed)).world).unwrap();
            plain.is_of_level(level)
        });
        u32::try_from(holds.count()).unwrap() * 100 / worlds
    };
    let percent = [at_most(1), at_most(2), at_most(4), at_most(9)];
    assert!(percent[0] > 15, "{percent:?}");
    assert!(percent[1] > percent[0] + 5, "{percent:?}");
    assert!(percent[2] > percent[1] + 5, "{percent:?}");
    assert!(percent[3] < 90, "{percent:?}");
}

/// What `compare` excuses rests on this: a policy that strict validation calls unsatisfiable for a
/// request's types and action never determines an answer, whoever is stored and whoever is not.
#[test]
fn what_validation_rules_out_never_determines() {
    for seed in 500..700 {
        let case = case(seed);
        let plain = Plain::load(&case.world).unwrap();
        for question in &case.questions {
            let answer = plain.answer(&case.world, question);
            let mut reason = answer.iter().flat_map(|answer| &answer.reason);
            let ruled_out = reason.find(|id| plain.is_needless(id, question));
            assert_eq!(ruled_out, None, "seed {seed}: {question:#?}");
        }
    }
}

#[test]
fn the_cases_are_varied() {
    let (tally, questions, made, dropped) = tally(200);
    for (what, wanted) in WANTED {
        let seen = tally.get(what).copied().unwrap_or_default();
        assert!(seen * 1000 >= wanted * questions, "{what}: {seen} of {questions}; {tally:#?}");
    }
    assert!(dropped * 10 < made, "{dropped} of {made} policies do not pass strict validation");
}
