//! Tells of a failure: the shrunk case as the very texts that Cedar and doorward read, on the
//! terminal and in a file, with the seed that gives it again.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::model::Question;
use crate::plain;
use crate::run::{Blunder, Failure, Kept};
use crate::shrink::shrink;
use crate::text;

/// Shrinks a failure, writes it to a file, and ends the test with all of it.
pub(crate) fn fail(failure: Failure, blunder: Blunder) -> ! {
    let small = shrink(failure, blunder);
    let (report, seed) = (report(&small), small.seed);
    let kept = Kept {
        why: format!("{} from seed {seed}", small.difference.kind),
        world: small.world,
        question: small.question,
    };
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("oracle-{seed}.json"));
    let written = fs::write(&path, format!("{:#}\n", json!(kept)));
    panic!(
        "{report}\nagain: DOORWARD_ORACLE_SEED={seed} cargo test --test oracle\n\
         the case is in {} ({written:?}); kept in tests/oracle/regressions/, it is always run\n",
        path.display()
    );
}

/// The case as the texts that both sides read.
pub(crate) fn report(failure: &Failure) -> String {
    let world = &failure.world;
    let mut report = format!("doorward and Cedar differ, seed {}\n", failure.seed);
    let _ = writeln!(report, "\n--- schema\n{}", text::schema(&world.schema));
    let _ = writeln!(report, "--- policies");
    for policy in &world.policies {
        let _ = writeln!(report, "{}", text::policy(policy));
    }
    let _ = writeln!(report, "--- links\n{:#}\n", plain::links_json(world));
    let entities = Json::from(plain::entities_json(world));
    let _ = writeln!(
        report,
        "--- entities (references {})",
        if world.strict { "strict" } else { "cedar" }
    );
    let _ = writeln!(report, "{entities:#}\n");
    if let Some(question) = &failure.question {
        let _ = writeln!(report, "--- request\n{}", asked(question));
    }
    let difference = &failure.difference;
    let _ = writeln!(report, "--- difference: {}", difference.kind);
    let _ = writeln!(report, "doorward: {}\nCedar:    {}", difference.ours, difference.cedars);
    report
}

fn asked(question: &Question) -> String {
    let mut asked = format!(
        "{} does {} to {}\n",
        text::uid(&question.principal),
        text::uid(&question.action),
        text::uid(&question.resource)
    );
    let context = Json::Object(plain::context(question, true));
    let _ = writeln!(asked, "context {context}, undeclared dropped: {}", question.drops_undeclared);
    let _ = writeln!(
        asked,
        "at {} s, erring forbids deny: {}",
        question.now_s, question.forbid_errors_deny
    );
    let sent = [&question.principal_properties, &question.resource_properties];
    if sent.iter().any(|sent| sent.is_some()) {
        let _ = writeln!(asked, "properties {sent:?}, {:?}", question.properties);
    }
    asked
}
