//! Settings that are one of a few words, as flags, variables and `doorward.yaml` spell them, and
//! what the engine calls the same thing.

use clap::ValueEnum;
use serde::Deserialize;

use crate::engine;

/// What a `forbid` does whose condition errs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForbidErrors {
    /// The request is denied: whether it was forbidden is not known
    #[default]
    Deny,
    /// The policy is skipped, which is Cedar's own rule
    Skip,
}

/// Whether everything that an entity or a link names has to exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum References {
    /// A name of something that does not exist is an error
    #[default]
    Strict,
    /// Missing entities are allowed, as in Cedar itself
    Cedar,
}

/// When properties that come with an `AuthZEN` request are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestProperties {
    /// Only for entities that the snapshot does not hold
    #[default]
    UnknownEntities,
    /// Also for attributes that a stored entity lacks
    Fill,
    /// Before the stored attributes
    Override,
    /// Never
    Ignore,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// A line for people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// How much the log says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Only what failed
    Error,
    /// Also what deserves a look
    Warn,
    /// Also every change of state
    #[default]
    Info,
    /// Also every connection
    Debug,
    /// Everything
    Trace,
}

/// The word for a choice, the same in every place where it can be made.
pub fn word(choice: &impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

impl From<ForbidErrors> for engine::check::ForbidErrors {
    fn from(choice: ForbidErrors) -> Self {
        match choice {
            ForbidErrors::Deny => Self::Deny,
            ForbidErrors::Skip => Self::Skip,
        }
    }
}

impl From<References> for engine::References {
    fn from(choice: References) -> Self {
        match choice {
            References::Strict => Self::Strict,
            References::Cedar => Self::Cedar,
        }
    }
}

impl From<RequestProperties> for engine::check::RequestProperties {
    fn from(choice: RequestProperties) -> Self {
        match choice {
            RequestProperties::UnknownEntities => Self::UnknownEntities,
            RequestProperties::Fill => Self::Fill,
            RequestProperties::Override => Self::Override,
            RequestProperties::Ignore => Self::Ignore,
        }
    }
}
