//! Tests as Cedar's own command line has them (`cedar run-tests`): a JSON array of requests, each
//! with its entities, inline or in a file, and what has to come out. Members that are not known are
//! left alone, as Cedar leaves them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::answer::Verdict;
use super::suite::{Ask, Because, Errors, Expect, Fixture, Named, Suite, Test, Triple};
use super::{CODE, FILE_BYTES_MAX, TESTS_MAX};
use crate::engine::uid;
use crate::engine::{Place, Problem, Problems, Text, json};

/// How far into a text is looked for what it is.
const LOOKED_AT_BYTES: usize = 64 * 1024;

/// Reads one test after the other.
struct Reader<'a> {
    text: &'a Text,
    /// Gives the text of a file that lies beside this one.
    file: &'a dyn Fn(&str) -> Result<Text, Problem>,
    problems: Problems,
    /// Files that were read.
    files: BTreeMap<String, Text>,
    /// Where the last test was found in the text, to find the next one behind it.
    found_at: usize,
}

/// Whether a text is an array of tests in this form, by its first test.
pub fn is_cedar_json(text: &str) -> bool {
    let mut end = text.len().min(LOOKED_AT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default();
    let Some(first) = head.trim_start().strip_prefix('[') else { return false };
    first.trim_start().starts_with('{')
        && first.contains("\"request\"")
        && first.contains("\"principal\"")
}

/// See [`Suite::parse`].
pub(super) fn parse(
    text: &Text,
    file: &dyn Fn(&str) -> Result<Text, Problem>,
) -> Result<Suite, Problems> {
    if text.text.len() > FILE_BYTES_MAX {
        let message = format!("the file has more than {} KiB", FILE_BYTES_MAX >> 10);
        return Err(Problem::error(CODE, message).at(Place::whole(&text.name)).into());
    }
    let value = json::parse(text.text.as_bytes(), json::DEPTH_MAX).map_err(|error| {
        let whole = text.text.lines().nth(error.line - 1).unwrap_or_default();
        let place = Place::in_line(&text.name, error.line, whole, error.column - 1, 1);
        Problem::error(CODE, error.message).at(place)
    })?;
    let problems = Problems::default();
    let mut reader = Reader { text, file, problems, files: BTreeMap::new(), found_at: 0 };
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if items.len() > TESTS_MAX {
        let message = format!("there are more than {TESTS_MAX} tests in the file");
        return Err(Problem::error(CODE, message).at(Place::whole(&text.name)).into());
    }
    let mut tests: Vec<Test> = Vec::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for (number, item) in items.iter().enumerate() {
        let Some(mut found) = reader.test(number, item) else { continue };
        // Cedar does not ask for names that differ; reports do.
        let count = names.entry(found.name.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            found.name = format!("{} ({count})", found.name);
        }
        tests.push(found);
    }
    if reader.problems.refuses() {
        return Err(reader.problems);
    }
    Ok(Suite {
        name: text.name.clone(),
        fixture: Fixture::default(),
        tests,
        accepted_clauses: Vec::new(),
        accepted_mutants: Vec::new(),
    })
}

// === impl Reader ===

impl Reader<'_> {
    fn test(&mut self, number: usize, item: &Value) -> Option<Test> {
        let name = match item.get("name").and_then(Value::as_str) {
            Some(name) => name.to_owned(),
            None => format!("test {}", number + 1),
        };
        let place = self.place_of(&name);
        let fail = |reader: &mut Self, what: &str| reader.fail(&name, &place, what);
        let request = item.get("request");
        let mut uid = |part: &str| {
            let text = request.and_then(|it| it.get(part)).and_then(Value::as_str);
            match text.map(uid::parse) {
                Some(Ok(uid)) => Some(Named { uid, place: place.clone() }),
                Some(Err(why)) => {
                    fail(self, &why);
                    None
                }
                None => {
                    fail(self, &format!("`request.{part}` is missing"));
                    None
                }
            }
        };
        let (principal, action, resource) = (uid("principal"), uid("action"), uid("resource"));
        let context = match request.and_then(|it| it.get("context")) {
            None => Some(Map::new()),
            Some(Value::Object(context)) => Some(context.clone()),
            Some(_) => {
                fail(self, "`request.context` is not an object");
                None
            }
        };
        let expect = self.expect(item, &name, &place);
        let entities = match self.entities(item.get("entities")) {
            Ok(entities) => Some(entities),
            Err(problem) => {
                let place = problem.place.clone().unwrap_or(place.clone());
                self.problems.push(problem.at(place));
                None
            }
        };
        let triple = Triple { principal: principal?, action: action?, resource: resource? };
        Some(Test {
            name,
            place,
            skip: None,
            now_ms: None,
            entities: Some(entities?),
            given: None,
            unknown: false,
            context: context?,
            ask: Ask::Check(triple, expect?),
        })
    }

    fn fail(&mut self, name: &str, place: &Place, what: &str) {
        let message = format!("`{name}`: {what}");
        self.problems.push(Problem::error(CODE, message).at(place.clone()));
    }

    /// What has to come out.
    fn expect(&mut self, item: &Value, name: &str, place: &Place) -> Option<Expect> {
        let verdict = match item.get("decision").and_then(Value::as_str) {
            Some("allow") => Some(Verdict::Allow),
            Some("deny") => Some(Verdict::Deny),
            _ => {
                self.fail(name, place, "`decision` is `allow` or `deny`");
                None
            }
        };
        let reason = texts(item.get("reason"));
        if reason.is_none() {
            self.fail(name, place, "`reason` is a list of policy ids");
        }
        let count = item.get("num_errors").and_then(Value::as_u64);
        if count.is_none() {
            self.fail(name, place, "`num_errors` is a number");
        }
        Some(Expect {
            verdict: verdict?,
            code: None,
            because: Some(Because::AtLeast(reason?)),
            errors: Errors::Count(usize::try_from(count?).unwrap_or(usize::MAX)),
        })
    }

    fn entities(&mut self, value: Option<&Value>) -> Result<Text, Problem> {
        match value {
            Some(Value::Array(entities)) => {
                let name = format!("{} (entities)", self.text.name);
                Ok(Text::new(name, Value::Array(entities.clone()).to_string()))
            }
            Some(Value::String(path)) => {
                if let Some(text) = self.files.get(path) {
                    return Ok(text.clone());
                }
                // As Cedar has it: what tests read lies where they lie.
                if path.starts_with('/') || path.split('/').any(|step| step == "..") {
                    let message = format!("the entities `{path}` are not beside the tests");
                    return Err(Problem::error(CODE, message));
                }
                let text = (self.file)(path)?;
                self.files.insert(path.clone(), text.clone());
                Ok(text)
            }
            _ => {
                let message = "`entities` is a list of entities, or the name of a file of them";
                Err(Problem::error(CODE, message))
            }
        }
    }

    /// Where a test stands: where its name does, behind the last.
    fn place_of(&mut self, name: &str) -> Place {
        let quoted = Value::String(name.to_owned()).to_string();
        let rest = self.text.text.get(self.found_at..).unwrap_or_default();
        let Some(at) = rest.find(&quoted).map(|at| at + self.found_at) else {
            return Place::whole(&self.text.name);
        };
        self.found_at = at + quoted.len();
        Place::of(&self.text.name, &self.text.text, at, quoted.len())
    }
}

fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    let items = value?.as_array()?;
    items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}
