//! A stream in pieces of any size gives what the whole text gives, and what is kept stays.

use super::{StreamFailure, Streamed};
use crate::engine::{Bundle, CompileOptions, Snapshot, Text, compile};

const SCHEMA: &str = "entity Team; entity User in [Team]; \
                      action read appliesTo { principal: User, resource: User };";
const POLICIES: &str = "@id(\"t\") permit (principal in ?principal, action, resource);";
const LINES: &str = "{\"uid\":{\"type\":\"Team\",\"id\":\"t\"},\"attrs\":{},\"parents\":[]}\n\
     {\"uid\":{\"type\":\"User\",\"id\":\"u\"},\"attrs\":{},\"parents\":[{\"type\":\"Team\",\"id\":\"t\"}]}\n";
const LINK: &str = "{\"link\":{\"template_id\":\"t\",\"link_id\":\"l\",\"args\":{\"?principal\":\"Team::\\\"t\\\"\"}}}\n";

fn snapshot(policies: &str, lines: &str) -> Snapshot {
    let bundle = Bundle {
        schema: Some(Text::new("schema", SCHEMA)),
        policies: vec![Text::new("p.cedar", policies)],
        entities: vec![Text::new("e.jsonl", lines)],
        links: Vec::new(),
    };
    compile(&bundle, &CompileOptions::default()).unwrap()
}

fn reloaded(base: &Snapshot, text: &str, size: usize) -> Streamed {
    let read = |feed: &mut dyn FnMut(&[u8])| {
        text.as_bytes().chunks(size).for_each(feed);
        Ok::<_, ()>(())
    };
    base.reload("upload", &CompileOptions::default(), read).unwrap()
}

#[test]
fn pieces_of_any_size_say_the_same() {
    let whole = snapshot(POLICIES, &format!("{LINES}{LINK}"));
    let base = snapshot(POLICIES, "");
    for size in [1, 7, 64, 10_000] {
        let streamed = reloaded(&base, &format!("{LINES}{LINK}"), size);
        assert!(streamed.links_given);
        assert_eq!(streamed.snapshot.data_changed(&whole), [""; 0]);
        assert_eq!(streamed.snapshot.data_changed(&base), ["entities", "links"]);
        assert!(streamed.snapshot.shares_rules(&base));
    }
}

#[test]
fn links_are_kept_where_none_come() {
    let base = snapshot(POLICIES, &format!("{LINES}{LINK}"));
    let more = format!("{LINES}{}", LINES.replace("\"u\"", "\"v\"").lines().nth(1).unwrap());
    let streamed = reloaded(&base, &more, 10);
    assert!(!streamed.links_given);
    assert_eq!(streamed.snapshot.data_changed(&base), ["entities"]);
    // The links in force name a team that would be gone.
    let alone = LINES.lines().nth(1).unwrap().replace("[{\"type\":\"Team\",\"id\":\"t\"}]", "[]");
    let read = |feed: &mut dyn FnMut(&[u8])| {
        feed(alone.as_bytes());
        Ok::<_, ()>(())
    };
    let failed = base.reload("upload", &CompileOptions::default(), read).unwrap_err();
    let StreamFailure::Problems(problems) = failed else { panic!("{failed:?}") };
    assert_eq!(problems.errors().next().unwrap().code, "unknown-entity");
}

#[test]
fn a_stream_that_breaks_off_gives_nothing() {
    let base = snapshot(POLICIES, LINES);
    let read = |feed: &mut dyn FnMut(&[u8])| {
        feed(LINES.as_bytes());
        Err("gone")
    };
    let failed = base.reload("upload", &CompileOptions::default(), read).unwrap_err();
    assert!(matches!(failed, StreamFailure::Source("gone")), "{failed:?}");
}

/// Between the beginning of the stream and its end others wrote a policy and a link.
#[test]
fn what_changed_meanwhile_is_kept() {
    let base = snapshot(POLICIES, LINES);
    let user = LINES.lines().nth(1).unwrap().replace("\"u\"", "\"v\"");
    let streamed = reloaded(&base, &format!("{LINES}{user}"), 10);
    let other = format!("{POLICIES} @id(\"all\") permit (principal, action, resource);");
    let current = snapshot(&other, &format!("{LINES}{LINK}"));
    let options = CompileOptions::default();
    let moved = streamed.snapshot.moved_onto(&current, false, &options).unwrap();
    assert!(moved.shares_rules(&current));
    assert_eq!((moved.counts().entities, moved.counts().links), (3, 1));
    // Links of the stream's own stand, and have to fit the policies that are in force now.
    let streamed = reloaded(&base, &format!("{LINES}{LINK}"), 10);
    let current = snapshot("permit (principal, action, resource);", LINES);
    let problems = streamed.snapshot.moved_onto(&current, true, &options).unwrap_err();
    assert_eq!(problems.errors().next().unwrap().code, "unknown-template");
}
