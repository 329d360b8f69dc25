//! Where a setting comes from: every value of the effective configuration carries its origin, so
//! that `doorward config` can say why it is what it is.

use std::fmt;
use std::path::PathBuf;

/// What decided a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag on the command line, such as `--listen`.
    Flag(String),
    /// A variable of the environment, such as `DOORWARD_LISTEN`.
    Environment(String),
    /// A configuration file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

/// A value and what decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value itself.
    pub value: T,
    /// What decided it.
    pub origin: Origin,
}

// === impl Origin ===

impl Origin {
    /// `flag`, `environment`, `file` or `default`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Environment(_) => "environment",
            Self::File(_) => "file",
            Self::Default => "default",
        }
    }

    /// The flag, the variable or the file; nothing for a default.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Flag(name) | Self::Environment(name) => Some(name.clone()),
            Self::File(path) => Some(path.display().to_string()),
            Self::Default => None,
        }
    }
}

/// For people: the kind and, where there is one, the name.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} {name}", self.kind()),
            None => f.write_str(self.kind()),
        }
    }
}

// === impl Sourced ===

impl<T> Sourced<T> {
    /// A value with its origin.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// A value that nobody set.
    pub fn default_of(value: T) -> Self {
        Self::new(value, Origin::Default)
    }
}
