//! One fault of an input as programs read it: in the answers of the admin plane, and in what
//! `doorward validate --format json` prints. Both have the same members.

use serde::Serialize;

use crate::engine::{Environment, Environments, Place, Problem, Problems, Related, Severity};

/// One fault of an uploaded bundle or a file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fault {
    severity: &'static str,
    code: &'static str,
    message: String,
    #[serde(flatten)]
    place: Option<PlaceWire>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<RelatedWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environments: Option<EnvironmentsWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Where it stands; only the file where nothing narrower is known.
#[derive(Debug, Clone, Serialize)]
struct PlaceWire {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<RangeWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct RangeWire {
    start: PointWire,
    /// Just behind the last character.
    end: PointWire,
}

#[derive(Debug, Clone, Serialize)]
struct PointWire {
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// In bytes from the start of the text, from 0; only where the text was at hand as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<usize>,
}

#[derive(Debug, Clone, Serialize)]
struct RelatedWire {
    message: String,
    #[serde(flatten)]
    place: PlaceWire,
}

#[derive(Debug, Clone, Serialize)]
struct EnvironmentsWire {
    count: usize,
    listed: Vec<EnvironmentWire>,
}

#[derive(Debug, Clone, Serialize)]
struct EnvironmentWire {
    principal: String,
    action: String,
    resource: String,
}

/// The faults as they go over the wire.
pub(crate) fn faults(problems: &Problems) -> Vec<Fault> {
    problems.iter().map(Fault::from).collect()
}

impl From<&Problem> for Fault {
    fn from(problem: &Problem) -> Self {
        Self {
            severity: match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            code: problem.code,
            message: problem.message.clone(),
            place: problem.place.as_ref().map(PlaceWire::from),
            related: problem.related.iter().map(RelatedWire::from).collect(),
            environments: problem.environments.as_deref().map(EnvironmentsWire::from),
            hint: problem.hint.clone(),
        }
    }
}

impl From<&Place> for PlaceWire {
    fn from(place: &Place) -> Self {
        let file = place.name.clone();
        if place.is_whole() {
            return Self { file, line: None, column: None, range: None, excerpt: None };
        }
        let offset = |of: fn(&std::ops::Range<usize>) -> usize| place.bytes.as_ref().map(of);
        let start =
            PointWire { line: place.line, column: place.column, offset: offset(|it| it.start) };
        let end = PointWire {
            line: place.end_line,
            column: place.end_column,
            offset: offset(|it| it.end),
        };
        Self {
            file,
            line: Some(place.line),
            column: Some(place.column),
            range: Some(RangeWire { start, end }),
            excerpt: Some(place.excerpt.clone()),
        }
    }
}

impl From<&Related> for RelatedWire {
    fn from(related: &Related) -> Self {
        Self { message: related.message.clone(), place: PlaceWire::from(&related.place) }
    }
}

impl From<&Environments> for EnvironmentsWire {
    fn from(environments: &Environments) -> Self {
        let wire = |environment: &Environment| EnvironmentWire {
            principal: environment.principal.clone(),
            action: environment.action.clone(),
            resource: environment.resource.clone(),
        };
        Self { count: environments.count, listed: environments.listed.iter().map(wire).collect() }
    }
}
