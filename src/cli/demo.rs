//! `doorward demo`: the example that ships, decided in memory: an allow, a deny, what a share
//! opens and what it does not, each with why.

use clap::Args;
use jiff::Timestamp;
use serde_json::Map;

use super::exit::{ExitCode, Failure};
use super::shipped;
use super::terminal::{self, Paint};
use super::verdict::{Detail, Verdict, indent};
use crate::engine::check::Undeclared;
use crate::engine::{
    CheckOptions, CheckRequest, CompileOptions, InvalidRequest, Snapshot, compile,
};

/// Show an allow, a deny and why, on the example that ships; needs no file
#[derive(Debug, Args)]
pub(super) struct DemoArgs {}

/// One request, and the sentence that leads to it.
struct Scene {
    title: &'static str,
    principal: (&'static str, &'static str),
    action: &'static str,
    resource: (&'static str, &'static str),
}

const INTRODUCTION: &str = "A landlord (Tenant 1) has two customers. Emma works for Customer A, \
     which owns the sensor SD-001; Jack works for Customer B. The landlord shares the group \
     `Buildings` with both, to look at. Two rules decide: what is owned is its owner's alone, and \
     a shared group may be read by those it is shared with, and nothing more.";

const SCENES: [Scene; 4] = [
    Scene {
        title: "Emma reads a sensor of her own company",
        principal: ("User", "emma"),
        action: "read",
        resource: ("Device", "SD-001"),
    },
    Scene {
        title: "Jack, of another customer, reads the same sensor",
        principal: ("User", "jack"),
        action: "read",
        resource: ("Device", "SD-001"),
    },
    Scene {
        title: "Jack reads a building that the landlord shares with his company",
        principal: ("User", "jack"),
        action: "read",
        resource: ("Asset", "Building A"),
    },
    Scene {
        title: "Jack changes that building: a share to look at gives no right to write",
        principal: ("User", "jack"),
        action: "write",
        resource: ("Asset", "Building A"),
    },
];

const NEXT: &str = "Next:
  doorward init my-project     writes these policies and entities to start from
  cd my-project
  doorward serve               answers checks on http://127.0.0.1:3667
and in another terminal:
  doorward check --server http://127.0.0.1:3667 \\
    --principal 'User::\"emma\"' --action read --resource 'Device::\"SD-001\"'
";

/// Prints the scenes.
pub(super) fn run(_: &DemoArgs) -> Result<ExitCode, Failure> {
    let snapshot = compile(&shipped::bundle(), &CompileOptions::default())?;
    let paint = Paint::stdout();
    let counts = snapshot.counts();
    let held = format!(
        "({} policies, {} entities, {} shares, all in memory)",
        counts.policies, counts.entities, counts.links
    );
    let mut lines = indent(0, INTRODUCTION);
    lines.push(paint.faint(&held).into_owned());
    for (number, scene) in SCENES.iter().enumerate() {
        lines.push(format!("\n{}. {}", number + 1, paint.bold(scene.title)));
        lines.push(format!("   {}", paint.faint(&scene.question())));
        let verdict = scene.play(&snapshot)?.render(paint, Detail::Authored);
        lines.extend(verdict.lines().map(|line| format!("   {line}")));
    }
    terminal::data(&format!("{}\n\n{NEXT}", lines.join("\n")))?;
    Ok(ExitCode::Success)
}

// === impl Scene ===

impl Scene {
    /// The request as `doorward check` takes it.
    fn question(&self) -> String {
        let Self { principal, action, resource, .. } = self;
        format!(
            "doorward check --principal '{}::\"{}\"' --action {action} --resource '{}::\"{}\"'",
            principal.0, principal.1, resource.0, resource.1
        )
    }

    fn play(&self, snapshot: &Snapshot) -> Result<Verdict, InvalidRequest> {
        let request = CheckRequest {
            principal: snapshot.uid(self.principal.0, self.principal.1)?,
            action: snapshot.action("Action", self.action)?,
            resource: snapshot.uid(self.resource.0, self.resource.1)?,
            context: Map::new(),
            undeclared: Undeclared::Refuse,
            principal_properties: None,
            resource_properties: None,
            now_ms: Timestamp::now().as_millisecond(),
            explain: true,
        };
        Ok(snapshot.check(&request, CheckOptions::default())?.into())
    }
}
