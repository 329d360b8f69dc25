//! What differs from run to run, replaced by its name in angle brackets, so that whole outputs can
//! be compared: ids, times, digests and the ports that the system chose.

use std::sync::LazyLock;

use regex::{Captures, Regex};

static VOLATILE: LazyLock<Regex> = LazyLock::new(|| {
    let uuid = r"(?<uuid>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)";
    let digest = r"(?<digest>\b[0-9a-f]{64}\b)";
    let time = r"(?<time>\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?)";
    // The ports that the system chooses have five digits, those that texts name have fewer.
    let port = r"127\.0\.0\.1:\d{5}\b";
    Regex::new(&format!("{uuid}|{digest}|{time}|{port}")).expect("the pattern is one")
});

/// The same text with decision ids, times, digests and chosen ports replaced.
pub(crate) fn replace(text: &str) -> String {
    let name = |found: &Captures<'_>| {
        let names = [("uuid", "<uuid>"), ("digest", "<digest>"), ("time", "<time>")];
        let kind = names.iter().find(|(group, _)| found.name(group).is_some());
        kind.map_or("127.0.0.1:<port>", |(_, name)| name)
    };
    VOLATILE.replace_all(text, |found: &Captures<'_>| name(found).to_owned()).into_owned()
}

/// The same text with every time as long as any other, so that what is laid out by its length is
/// laid out alike in every run: fractions of a second are written without their last zeros.
pub(crate) fn of_one_length(text: &str) -> String {
    let time = |found: &Captures<'_>| match found.name("time") {
        Some(_) => "2026-01-01T00:00:00.000Z".to_owned(),
        None => found[0].to_owned(),
    };
    VOLATILE.replace_all(text, time).into_owned()
}

#[test]
fn ids_times_digests_and_ports_are_replaced() {
    let digest = "ab".repeat(32);
    let text = format!(
        "01932c07-9a4f-7c1e-8f00-0123456789ab at 2026-11-21T22:30:00.5Z of {digest} on \
         127.0.0.1:40123, not 127.0.0.1:3667 nor 2026-11-21"
    );
    let expected = "<uuid> at <time> of <digest> on 127.0.0.1:<port>, not 127.0.0.1:3667 nor \
                    2026-11-21";
    assert_eq!(replace(&text), expected);
}
