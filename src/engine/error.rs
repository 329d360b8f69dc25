//! What is wrong with an input: one [`Problem`] for each fault, with its place, and [`Problems`],
//! the bounded list of them that a refused bundle comes back with.

mod place;

use std::collections::HashMap;
use std::fmt;

pub use place::Place;

/// The most request environments that one problem lists; the rest are counted.
pub const ENVIRONMENTS_MAX: usize = 10;
/// How many of them are told to people.
const ENVIRONMENTS_TOLD: usize = 3;
/// The most problems that one refusal lists; the rest are counted.
pub const PROBLEMS_MAX: usize = 100;
/// Whether a problem refuses the input or only deserves a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input is refused.
    Error,
    /// The input is taken; something about it is probably not meant.
    Warning,
}

/// One thing wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it refuses the input.
    pub severity: Severity,
    /// A stable code in kebab case, for programs.
    pub code: &'static str,
    /// One lower-case sentence, input in backticks.
    pub message: String,
    /// Where it stands, if it stands somewhere.
    pub place: Option<Place>,
    /// Other places that it has to do with, such as the first of two that clash.
    pub related: Vec<Related>,
    /// The request environments that it occurs in, where it does not occur in all alike.
    pub environments: Option<Box<Environments>>,
    /// What to do about it, if that is known.
    pub hint: Option<String>,
}

/// Another place that a problem has to do with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// What stands there, as a few lower-case words.
    pub message: String,
    /// Where.
    pub place: Place,
}

/// Request environments, of which the first few are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environments {
    /// At most [`ENVIRONMENTS_MAX`] of them, in order.
    pub listed: Vec<Environment>,
    /// How many there are, listed or not.
    pub count: usize,
}

/// Types of principal and resource, and an action that applies to them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Environment {
    /// The type of the principal.
    pub principal: String,
    /// The action, as a uid.
    pub action: String,
    /// The type of the resource.
    pub resource: String,
}

/// All that is wrong with an input: at least one error, at most [`PROBLEMS_MAX`] of them listed.
#[derive(Debug, Clone, Default)]
pub struct Problems {
    list: Vec<Problem>,
    errors: usize,
    warnings: usize,
}

// === impl Problem ===

impl Problem {
    /// An error without a place.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            place: None,
            related: Vec::new(),
            environments: None,
            hint: None,
        }
    }

    /// A warning without a place.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same problem, at a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same problem, at a place if there is one.
    #[must_use]
    pub fn at_some(self, place: Option<Place>) -> Self {
        Self { place, ..self }
    }

    /// The same problem, with another place that it has to do with.
    #[must_use]
    pub fn related(mut self, message: impl Into<String>, place: Place) -> Self {
        self.related.push(Related { message: message.into(), place });
        self
    }

    /// The same problem, with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// For people, in the manner of a compiler: message, place, excerpt, hint.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{word}[{}]: {}", self.code, self.message)?;
        if let Some(place) = &self.place {
            write!(f, "\n{place}")?;
        }
        for other in &self.related {
            write!(f, "\nnote: {}\n{}", other.message, other.place)?;
        }
        if let Some(environments) = &self.environments {
            write!(f, "\nnote: {environments}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

// === impl Environments ===

impl FromIterator<Environment> for Environments {
    fn from_iter<T: IntoIterator<Item = Environment>>(all: T) -> Self {
        let mut listed: Vec<Environment> = all.into_iter().collect();
        listed.sort_unstable();
        listed.dedup();
        let count = listed.len();
        listed.truncate(ENVIRONMENTS_MAX);
        Self { listed, count }
    }
}

impl fmt::Display for Environments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.listed.iter().take(ENVIRONMENTS_TOLD);
        let told: Vec<String> = told.map(ToString::to_string).collect();
        match self.count {
            1 => write!(f, "where a {}", told.concat()),
            count if count == told.len() => write!(f, "where a {}", told.join(", or a ")),
            count => write!(f, "in {count} environments, such as where a {}", told.join(", or a ")),
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` asks for `{}` on a `{}`", self.principal, self.action, self.resource)
    }
}

// === impl Problems ===

impl Problems {
    /// A list of one.
    pub fn one(problem: Problem) -> Self {
        let mut problems = Self::default();
        problems.push(problem);
        problems
    }

    /// Adds a problem; beyond [`PROBLEMS_MAX`] it is only counted. The same problem at the same
    /// place is kept once: Cedar reports one for each type environment.
    pub fn push(&mut self, problem: Problem) {
        if self.list.contains(&problem) {
            return;
        }
        match problem.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        if self.list.len() < PROBLEMS_MAX {
            self.list.push(problem);
        }
    }

    /// Adds all of another list.
    pub fn append(&mut self, other: Self) {
        let unlisted_errors = other.errors - other.errors().count();
        let unlisted_warnings = other.warnings - other.warnings().count();
        for problem in other.list {
            self.push(problem);
        }
        self.errors += unlisted_errors;
        self.warnings += unlisted_warnings;
    }

    /// Counts an error without listing it, where the list is known to be full.
    pub fn count_only(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
    }

    /// Puts the listed ones in the order of the texts named, and in the order of each text: those
    /// without a place first, places in no text named last.
    pub fn sort_by_text<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let order: HashMap<&str, usize> = names.zip(1..).collect();
        self.list.sort_by_key(|problem| {
            let place = problem.place.as_ref();
            place.map_or((0, 0, 0), |place| {
                let text = order.get(place.name.as_str()).copied().unwrap_or(usize::MAX);
                (text, place.line, place.column)
            })
        });
    }

    /// The same without the listed ones of some codes.
    #[must_use]
    pub fn without(mut self, codes: &[&str]) -> Self {
        let is_left_out = |problem: &Problem| codes.contains(&problem.code);
        self.errors -= self.errors().filter(|problem| is_left_out(problem)).count();
        self.warnings -= self.warnings().filter(|problem| is_left_out(problem)).count();
        self.list.retain(|problem| !is_left_out(problem));
        self
    }

    /// Whether any of them refuses the input.
    pub fn refuses(&self) -> bool {
        self.errors > 0
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.errors == 0 && self.warnings == 0
    }

    /// Those listed, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// The listed errors.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter().filter(|problem| problem.severity == Severity::Error)
    }

    /// The listed warnings.
    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter().filter(|problem| problem.severity == Severity::Warning)
    }

    /// How many errors there are, listed or not.
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// How many warnings there are, listed or not.
    pub fn warning_count(&self) -> usize {
        self.warnings
    }
}

/// For people: every problem, and how many are not shown.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.list.iter().enumerate() {
            if number > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        let hidden = self.errors + self.warnings - self.list.len();
        if hidden > 0 {
            write!(f, "\n\nand {hidden} more")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self::one(problem)
    }
}
