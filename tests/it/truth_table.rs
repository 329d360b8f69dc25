//! ThingsBoard's truth table, whole, through every door: each cell that applies comes out as
//! expected and for the rule that is expected, and no cell that does not apply is allowed.

use std::collections::BTreeMap;
use std::path::Path;

use cedar_policy::EntityUid;
use doorward::engine::check::Undeclared;
use doorward::engine::{
    CheckOptions, CheckRequest, CompileOptions, Decision, InvalidRequest, Snapshot, compile, uid,
};
use doorward::sources::{self, FileLimits, Inputs};
use serde_json::{Map, Value, json};

use super::http::Connection;
use super::project::Project;
use super::service::Service;

/// One row of the table.
#[derive(Debug)]
struct Cell {
    id: String,
    principal: String,
    action: String,
    resource: String,
    context: String,
    applies: bool,
    allowed: bool,
    rule: String,
    /// What stock PE answers: `allow`, `deny`, or that it is not known or not comparable.
    stock: String,
}

/// Every row, in order.
fn cells() -> Vec<Cell> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/thingsboard_truth.csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows = reader.deserialize::<BTreeMap<String, String>>();
    rows.map(|row| {
        let row = row.unwrap();
        Cell {
            id: row["id"].clone(),
            principal: row["principal_uid"].clone(),
            action: row["action_uid"].clone(),
            resource: row["resource_uid"].clone(),
            context: row["context_json"].clone(),
            applies: row["applicable"] == "yes",
            allowed: row["expected"] == "allow",
            rule: row["rule"].clone(),
            stock: row["pe_stock"].clone(),
        }
    })
    .collect()
}

impl Cell {
    /// A uid in the form of the native check and of AuthZEN.
    fn entity(text: &str) -> Value {
        let halves = uid::parse(text).unwrap();
        json!({"type": halves.type_name, "id": halves.id})
    }

    fn context(&self) -> Value {
        serde_json::from_str(&self.context).unwrap()
    }

    /// The body of a native check.
    fn native(&self) -> Value {
        json!({
            "principal": Self::entity(&self.principal),
            "action": Self::entity(&self.action),
            "resource": Self::entity(&self.resource),
            "context": self.context(),
        })
    }

    /// The body of an AuthZEN evaluation.
    fn authzen(&self) -> Value {
        json!({
            "subject": Self::entity(&self.principal),
            "action": {"name": uid::parse(&self.action).unwrap().id},
            "resource": Self::entity(&self.resource),
            "context": self.context(),
        })
    }
}

/// The policies and entities that ship, compiled in this process.
fn snapshot() -> Snapshot {
    snapshot_of(&["policies"])
}

/// The entities that ship under these policies.
fn snapshot_of(policies: &[&str]) -> Snapshot {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let inputs = Inputs {
        policies: policies.iter().map(|path| root.join(path)).collect(),
        schema: Some(root.join("policies/schema.cedarschema")),
        entities: vec![root.join("entities")],
        links: None,
    };
    let bundle = sources::read(&inputs, &FileLimits::default()).unwrap();
    compile(&bundle, &CompileOptions::default()).unwrap()
}

/// Whether the rule is among the `@rules` of one of these policies; a link has its template's.
fn carries(snapshot: &Snapshot, reason: &[String], rule: &str) -> bool {
    reason.iter().any(|id| {
        let policy = snapshot.policy(id).expect("a determining policy is in the snapshot");
        let rules = policy.annotations.get("rules").map_or("", String::as_str);
        rules.split(' ').any(|found| found == rule)
    })
}

/// What one cell answered: allow or deny with the determining policies, or that it does not apply.
type Verdict = Option<(bool, Vec<String>)>;

/// Holds what a door answered to the table, and lists every cell that differs.
#[track_caller]
fn assert_table(snapshot: &Snapshot, cells: &[Cell], verdicts: &[Verdict]) {
    assert_eq!((cells.len(), verdicts.len()), (3_094, 3_094));
    assert_eq!(cells.iter().filter(|cell| cell.applies).count(), 1_890);
    let mut wrong = Vec::new();
    for (cell, verdict) in cells.iter().zip(verdicts) {
        let holds = match verdict {
            None => !cell.applies,
            Some((false, _)) => !cell.allowed,
            Some((true, reason)) => {
                cell.applies && cell.allowed && carries(snapshot, reason, &cell.rule)
            }
        };
        if !holds {
            wrong.push(format!("{verdict:?} for {cell:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} cells differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// Reads a native answer that was not refused.
fn decided(answer: &Value) -> (bool, Vec<String>) {
    let allowed = match answer["decision"].as_str().unwrap() {
        "allow" => true,
        "deny" => false,
        other => panic!("`{other}` is no decision"),
    };
    (allowed, strings(&answer["reason"]))
}

#[test]
fn the_native_check_answers_the_whole_table() {
    let (cells, service) = (cells(), Service::shipped());
    let mut connection = Connection::open(service.data);
    let ask = |cell: &Cell| {
        let answer = connection.post("/v1/check", &cell.native().to_string());
        match answer.status {
            200 => Some(decided(&answer.json())),
            422 => {
                assert_eq!(answer.json()["code"], "invalid_request", "{cell:?}");
                None
            }
            _ => panic!("{answer:?} to {cell:?}"),
        }
    };
    let verdicts: Vec<Verdict> = cells.iter().map(ask).collect();
    assert_table(&snapshot(), &cells, &verdicts);
}

#[test]
fn one_batch_answers_the_whole_table() {
    let (cells, service) = (cells(), Service::shipped());
    let checks: Vec<Value> = cells.iter().map(Cell::native).collect();
    let body = json!({"checks": checks}).to_string();
    let answer = Connection::open(service.data).post("/v1/checks", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let verdict = |item: &Value| match &item["error"] {
        Value::Null => Some(decided(item)),
        error => {
            assert_eq!(error["code"], "invalid_request", "{item}");
            None
        }
    };
    let verdicts: Vec<Verdict> =
        answer["decisions"].as_array().unwrap().iter().map(verdict).collect();
    assert_table(&snapshot(), &cells, &verdicts);
}

/// AuthZEN says no more than the decision, so a cell that does not apply is a deny like another.
#[test]
fn authzen_answers_the_whole_table() {
    let (cells, service) = (cells(), Service::shipped());
    let mut connection = Connection::open(service.data);
    for cell in &cells {
        let answer = connection.post("/access/v1/evaluation", &cell.authzen().to_string());
        let expected = json!({"decision": cell.applies && cell.allowed});
        assert_eq!((answer.status, answer.json()), (200, expected), "{cell:?}");
    }
}

/// As the `check` command decides, in this process.
#[test]
fn the_engine_answers_the_whole_table() {
    let (cells, snapshot) = (cells(), snapshot());
    let verdicts: Vec<Verdict> = cells
        .iter()
        .map(|cell| {
            let request = request(&snapshot, cell).ok()?;
            let answer = snapshot.check(&request, CheckOptions::default()).ok()?;
            assert!(answer.errors.is_empty(), "{:?} for {cell:?}", answer.errors);
            Some((answer.decision == Decision::Allow, answer.reason))
        })
        .collect();
    assert_table(&snapshot, &cells, &verdicts);
}

/// One file in place of `ownership.cedar` gives stock PE's answers, wherever these are known.
#[test]
fn stock_roles_answer_as_stock_does() {
    let snapshot = snapshot_of(&[
        "policies/isolation.cedar",
        "policies/sharing.cedar",
        "policies/thingsboard.cedar",
        "examples/thingsboard/stock-roles.cedar",
    ]);
    let cells = cells();
    let known = |cell: &&Cell| cell.applies && ["allow", "deny"].contains(&cell.stock.as_str());
    let known: Vec<&Cell> = cells.iter().filter(known).collect();
    assert_eq!(known.len(), 1_883);
    for cell in known {
        let request = request(&snapshot, cell).unwrap();
        let answer = snapshot.check(&request, CheckOptions::default()).unwrap();
        assert_eq!(answer.decision.as_str(), cell.stock, "{cell:?}");
    }
}

fn request(snapshot: &Snapshot, cell: &Cell) -> Result<CheckRequest, InvalidRequest> {
    let known = |text: &str| -> Result<EntityUid, InvalidRequest> {
        let halves = uid::parse(text).unwrap();
        snapshot.uid(&halves.type_name, &halves.id)
    };
    let action = uid::parse(&cell.action).unwrap();
    let context: Map<String, Value> = serde_json::from_str(&cell.context).unwrap();
    Ok(CheckRequest {
        principal: known(&cell.principal)?,
        action: snapshot.action(&action.type_name, &action.id)?,
        resource: known(&cell.resource)?,
        context,
        undeclared: Undeclared::Refuse,
        principal_properties: None,
        resource_properties: None,
        now_ms: 0,
        explain: false,
    })
}

/// Twenty cells, evenly spread over those that apply and those that do not, as real processes.
#[test]
fn the_command_answers_twenty_cells() {
    let (cells, project) = (cells(), Project::shipped());
    let (apply, do_not): (Vec<_>, Vec<_>) = cells.iter().partition(|cell| cell.applies);
    let (allowed, denied): (Vec<_>, Vec<_>) = apply.into_iter().partition(|cell| cell.allowed);
    let spread = |cells: Vec<&Cell>, count: usize| -> Vec<String> {
        let step = cells.len() / count;
        cells.iter().step_by(step).take(count).map(|cell| cell.id.clone()).collect()
    };
    let chosen = [spread(allowed, 8), spread(denied, 8), spread(do_not, 4)].concat();
    assert_eq!(chosen.len(), 20);
    for cell in cells.iter().filter(|cell| chosen.contains(&cell.id)) {
        let arguments = [
            "check",
            "--principal",
            &cell.principal,
            "--action",
            &cell.action,
            "--resource",
            &cell.resource,
            "--context",
            &cell.context,
        ];
        let status = project.command(&arguments).output().unwrap().status;
        let expected = match (cell.applies, cell.allowed) {
            (true, true) => 0,
            (true, false) => 3,
            (false, _) => 1,
        };
        assert_eq!(status.code(), Some(expected), "{cell:?}");
    }
}
