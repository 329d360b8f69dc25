//! What is wrong with an input: one [`Problem`] for each fault, with its place, and [`Problems`],
//! the bounded list of them that a refused bundle comes back with.

use std::fmt;

/// The most problems that one refusal lists; the rest are counted.
pub const PROBLEMS_MAX: usize = 100;
/// The most characters of a source line that an excerpt shows.
const EXCERPT_CHARS_MAX: usize = 160;

/// Whether a problem refuses the input or only deserves a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input is refused.
    Error,
    /// The input is taken; something about it is probably not meant.
    Warning,
}

/// Where in an input a problem stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name of the text: a file's path, or the part of an uploaded bundle.
    pub name: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters of the line the problem covers, at least 1.
    pub width: usize,
    /// The line itself, shortened around the problem if it is long.
    pub excerpt: String,
    /// Where in `excerpt` the problem begins, in characters, from 0.
    pub excerpt_offset: usize,
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
    /// What to do about it, if that is known.
    pub hint: Option<String>,
}

/// All that is wrong with an input: at least one error, at most [`PROBLEMS_MAX`] of them listed.
#[derive(Debug, Clone, Default)]
pub struct Problems {
    list: Vec<Problem>,
    errors: usize,
    warnings: usize,
}

// === impl Place ===

impl Place {
    /// The place of `offset..offset + length` (bytes) in `text`.
    pub fn of(name: &str, text: &str, offset: usize, length: usize) -> Self {
        let offset = floor_boundary(text, offset);
        let before = text.get(..offset).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(start..).unwrap_or_default();
        let whole = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        Self::in_line(name, line, whole, offset - start, length)
    }

    /// The place of `offset..offset + length` (bytes) in one line whose number is known.
    pub fn in_line(name: &str, line: usize, whole: &str, offset: usize, length: usize) -> Self {
        let offset = floor_boundary(whole, offset);
        let end = floor_boundary(whole, offset.saturating_add(length).min(whole.len()));
        let column = whole.get(..offset).unwrap_or_default().chars().count();
        let width = whole.get(offset..end).unwrap_or_default().chars().count().max(1);
        let skip = column.saturating_sub(EXCERPT_CHARS_MAX / 2);
        let excerpt: String = whole.chars().skip(skip).take(EXCERPT_CHARS_MAX).collect();
        let shown = excerpt.chars().count();
        let excerpt_offset = (column - skip).min(shown);
        Self {
            name: name.to_owned(),
            line,
            column: column + 1,
            width: width.min(shown.saturating_sub(excerpt_offset).max(1)),
            excerpt,
            excerpt_offset,
        }
    }

    /// The place of a whole text, where nothing narrower is known.
    pub fn whole(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            line: 1,
            column: 1,
            width: 1,
            excerpt: String::new(),
            excerpt_offset: 0,
        }
    }
}

/// The last character boundary of `text` at or before `offset`.
fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while at > 0 && !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

// === impl Problem ===

impl Problem {
    /// An error without a place.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), place: None, hint: None }
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
            let gutter = place.line.to_string().len();
            if place.excerpt.is_empty() {
                write!(f, "\n{:gutter$}--> {}", "", place.name)?;
            } else {
                write!(f, "\n{:gutter$}--> {}:{}:{}", "", place.name, place.line, place.column)?;
                write!(f, "\n{:gutter$} |\n{} | {}", "", place.line, place.excerpt)?;
                let (skip, width) = (place.excerpt_offset, place.width);
                write!(f, "\n{:gutter$} | {:skip$}{}", "", "", "^".repeat(width))?;
            }
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
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
