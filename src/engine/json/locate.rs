//! Where in a JSON text a part of its value stands, so that a fault of one attribute is shown at
//! that attribute. It is asked only when something is wrong.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

use crate::engine::error::Problem;

/// One step from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum Step {
    /// To the member of an object.
    Member(String),
    /// To the item of an array, from 0.
    Item(usize),
}

/// A problem with a part of a JSON value.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Fault {
    /// What is wrong.
    pub(in crate::engine) problem: Problem,
    /// From the value to the part.
    pub(in crate::engine) path: Vec<Step>,
}

// === impl Fault ===

impl Fault {
    /// A problem with what members within members lead to.
    pub(in crate::engine) fn at(problem: Problem, members: &[&str]) -> Self {
        let path = members.iter().map(|name| Step::Member((*name).to_owned())).collect();
        Self { problem, path }
    }

    /// The same, one step further inside.
    #[must_use]
    pub(in crate::engine) fn step(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }
}

/// The bytes of the part that a path leads to; where it leads nowhere, those of the last part that
/// is there. `None` where the text is no JSON.
pub(in crate::engine) fn locate(text: &str, path: &[Step]) -> Option<Range<usize>> {
    let start = text.len() - text.trim_start().len();
    let mut part = start..text.trim_end().len();
    for step in path {
        let here = text.get(part.clone())?;
        let inner = match step {
            Step::Member(name) => member(here, name),
            Step::Item(number) => item(here, *number),
        };
        let Some(inner) = inner else { break };
        part = part.start + inner.start..part.start + inner.end;
    }
    Some(part)
}

fn member(text: &str, name: &str) -> Option<Range<usize>> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    within(text, members.get(name)?.get())
}

fn item(text: &str, number: usize) -> Option<Range<usize>> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    within(text, items.get(number)?.get())
}

/// Where a slice of a text lies in it.
fn within(text: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= text.len()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'t>(text: &'t str, path: &[Step]) -> &'t str {
        text.get(locate(text, path).unwrap()).unwrap()
    }

    #[test]
    fn a_part_is_found_by_its_path() {
        let text = r#" {"uid": {"id": "a"}, "attrs": {"x y": [1, {"z": "\u0041"}]}} "#;
        let member = |name: &str| Step::Member(name.to_owned());
        assert_eq!(at(text, &[member("uid"), member("id")]), r#""a""#);
        let path = [member("attrs"), member("x y"), Step::Item(1), member("z")];
        assert_eq!(at(text, &path), r#""\u0041""#);
        assert_eq!(at(text, &[]), text.trim());
        // What is not there is shown where it is missing.
        assert_eq!(at(text, &[member("uid"), member("type")]), r#"{"id": "a"}"#);
        assert_eq!(at(text, &[member("uid"), Step::Item(3)]), r#"{"id": "a"}"#);
    }
}
