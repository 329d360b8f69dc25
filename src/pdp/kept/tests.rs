//! What is kept is that question's own, young, and bounded.

use super::*;
use crate::engine::search::{Question, Terms, Walk};
use crate::engine::{Bundle, CompileOptions, Text, compile};

const SECONDS: Duration = Duration::from_secs(10);

/// The candidates of a search that has begun, in a type with so many documents.
fn candidates() -> Candidates {
    let schema = "entity User; entity Doc; action a appliesTo {principal: User, resource: Doc};";
    let doc =
        |id: &str| format!(r#"{{"uid":{{"type":"Doc","id":"{id}"}},"attrs":{{}},"parents":[]}}"#);
    let bundle = Bundle {
        schema: Some(Text::new("s", schema)),
        policies: vec![Text::new("p", "permit (principal, action, resource);")],
        entities: vec![Text::new("e.json", format!("[{},{}]", doc("1"), doc("2")))],
        ..Bundle::default()
    };
    let snapshot = compile(&bundle, &CompileOptions::default()).unwrap();
    let question = Question::Resources {
        principal: snapshot.uid("User", "ann").unwrap(),
        action: snapshot.action("Action", "a").unwrap(),
        type_name: None,
        wanted: serde_json::Map::new(),
        terms: Terms::at(0),
    };
    let mut walk = Walk::new(snapshot, question, None).unwrap();
    assert_eq!(walk.step(0, 1, 1).unwrap().found.len(), 1);
    walk.candidates().unwrap()
}

fn limits(candidates_bytes_max: usize) -> PinLimits {
    PinLimits { revisions_max: 9, age_max: SECONDS, candidates_bytes_max }
}

fn asker(revision: u64, question: u8) -> Asker {
    Asker { revision, question: [question; 32] }
}

#[test]
fn a_question_finds_its_own_and_no_other() {
    let (kept, now, limits) = (Kept::default(), Instant::now(), limits(1 << 20));
    kept.keep(asker(1, 1), candidates(), now, limits);
    assert!(kept.find(asker(1, 1), "Doc", now, limits).is_some());
    assert!(kept.find(asker(1, 1), "User", now, limits).is_none());
    assert!(kept.find(asker(1, 2), "Doc", now, limits).is_none());
    assert!(kept.find(asker(2, 1), "Doc", now, limits).is_none());
    // Kept again, they are there once.
    let bytes = kept.bytes();
    kept.keep(asker(1, 1), candidates(), now, limits);
    assert_eq!(kept.bytes(), bytes);
}

#[test]
fn what_there_is_no_room_for_goes() {
    let now = Instant::now();
    let one = candidates().bytes();
    let (kept, two) = (Kept::default(), limits(2 * one));
    for question in [1, 2, 1, 3] {
        kept.keep(asker(1, question), candidates(), now, two);
    }
    let is_there = |question| kept.find(asker(1, question), "Doc", now, two).is_some();
    assert_eq!([1, 2, 3].map(is_there), [true, false, true]);
    let (kept, less) = (Kept::default(), limits(one - 1));
    kept.keep(asker(1, 1), candidates(), now, less);
    assert_eq!(kept.bytes(), 0);
    let (kept, many) = (Kept::default(), limits(usize::MAX));
    for revision in 0..=QUESTIONS_MAX as u64 {
        kept.keep(asker(revision, 1), candidates(), now, many);
    }
    assert_eq!(kept.bytes(), QUESTIONS_MAX * one);
    assert!(kept.find(asker(0, 1), "Doc", now, many).is_none());
}

#[test]
fn the_old_and_those_of_gone_revisions_go() {
    let (kept, now, limits) = (Kept::default(), Instant::now(), limits(1 << 20));
    kept.keep(asker(1, 1), candidates(), now, limits);
    let later = now + Duration::from_secs(6);
    kept.keep(asker(2, 1), candidates(), later, limits);
    let too_late = now + SECONDS + Duration::from_millis(1);
    assert!(kept.find(asker(1, 1), "Doc", too_late, limits).is_none());
    assert!(kept.find(asker(2, 1), "Doc", too_late, limits).is_some());
    kept.expire(now, SECONDS, |revision| revision == 1);
    assert!(kept.find(asker(2, 1), "Doc", now, limits).is_none());
    kept.expire(too_late, SECONDS, |_| true);
    assert_eq!(kept.bytes(), 0);
}
