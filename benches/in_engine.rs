//! A world in doorward's engine: the texts as a bundle, and requests as checks.

use std::error::Error;

use doorward::engine::check::{ForbidErrors, Undeclared};
use doorward::engine::{
    Bundle, CheckOptions, CheckRequest, CompileOptions, Snapshot, Text, compile,
};

use crate::stock;
use crate::texts::Texts;
use crate::world::requests::Request;

/// Some time in 2027, before any link expires.
const NOW_MS: i64 = 1_800_000_000_000;

/// Errors are told and change nothing, as in Cedar.
pub(crate) const OPTIONS: CheckOptions = CheckOptions {
    forbid_errors: ForbidErrors::Skip,
    request_properties: doorward::engine::check::RequestProperties::UnknownEntities,
};

/// The texts under the names of files.
pub(crate) fn bundle(texts: &Texts) -> Bundle {
    let policies = texts.policies.iter();
    Bundle {
        schema: Some(Text::new("schema.cedarschema", texts.schema.as_str())),
        policies: policies.map(|(name, text)| Text::new(*name, text.as_str())).collect(),
        entities: vec![Text::new("entities.jsonl", texts.entities.as_str())],
        links: vec![Text::new("links.json", texts.links.as_str())],
    }
}

pub(crate) fn load(texts: &Texts) -> Result<Snapshot, Box<dyn Error>> {
    Ok(compile(&bundle(texts), &CompileOptions::default())?)
}

pub(crate) fn check(asked: &Request) -> Result<CheckRequest, Box<dyn Error>> {
    let [principal, action, resource] = stock::uids(asked)?;
    Ok(CheckRequest {
        principal,
        action,
        resource,
        context: stock::context(asked),
        undeclared: Undeclared::Refuse,
        principal_properties: None,
        resource_properties: None,
        now_ms: NOW_MS,
        explain: false,
    })
}

/// Decision, reason and erring policies, in the form of plain Cedar's answer.
pub(crate) fn answer(
    snapshot: &Snapshot,
    asked: &Request,
) -> Result<stock::Answer, Box<dyn Error>> {
    let answer = snapshot.check(&check(asked)?, OPTIONS).map_err(|invalid| invalid.message)?;
    let errors = answer.errors.into_iter().map(|error| error.policy).collect();
    Ok((answer.decision == doorward::engine::Decision::Allow, answer.reason, errors))
}
