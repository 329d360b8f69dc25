//! How a command ends: its exit code as a type, and the failure that is told to people before it.

use std::fmt;
use std::io;
use std::process::Termination;

use super::terminal::{self, Paint};
use crate::engine::{Problem, Problems};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// It did what was asked; of a check: allow.
    Success,
    /// Something went wrong.
    Error,
    /// What was typed cannot be meant.
    Usage,
    /// The decision is deny.
    Deny,
    /// Something was found that must not be there.
    Found,
    /// The input is invalid, or would change.
    Invalid,
}

/// Why a command could not do what was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// Faults of an input, with their places.
    Problems(Box<Problems>),
    /// Anything else.
    Message {
        /// How the command ends.
        exit: ExitCode,
        /// One lower-case sentence.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

// === impl ExitCode ===

impl ExitCode {
    /// The number that the shell sees.
    pub fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::Deny => 3,
            Self::Found => 4,
            Self::Invalid => 5,
        }
    }
}

impl Termination for ExitCode {
    fn report(self) -> std::process::ExitCode {
        self.number().into()
    }
}

// === impl Failure ===

impl Failure {
    /// Something went wrong.
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self::Message { exit: ExitCode::Error, message: message.into(), hint: None }
    }

    /// What was typed cannot be meant.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Message { exit: ExitCode::Usage, message: message.into(), hint: None }
    }

    /// The same failure, with what to do about it.
    pub(super) fn hint(self, text: impl Into<String>) -> Self {
        match self {
            Self::Message { exit, message, .. } => {
                Self::Message { exit, message, hint: Some(text.into()) }
            }
            Self::Problems(_) => self,
        }
    }

    /// Tells people, and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        let text = terminal::visible(&self.to_string());
        terminal::note(&Paint::stderr().problems(&text));
        match self {
            Self::Problems(_) => ExitCode::Error,
            Self::Message { exit, .. } => exit,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems(problems) => problems.fmt(f),
            Self::Message { message, hint, .. } => {
                write!(f, "error: {message}")?;
                match hint {
                    Some(hint) => write!(f, "\nhint: {hint}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Why the operating system refused something, without its number.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is not a directory".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        _ => error.to_string(),
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problems(Box::new(problem.into()))
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Problems(Box::new(problems))
    }
}
