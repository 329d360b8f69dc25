//! Answers over HTTP about the large world equal plain Cedar's over its beginning. Requests concern
//! the first tenants only, which are the same in worlds of every size.

use std::error::Error;

use serde_json::Value;

use super::driver::ask;
use super::large::{Large, body};
use crate::stock::Stock;
use crate::texts::Texts;
use crate::world::requests::USUAL;

/// Answers that are compared.
const ANSWERS: usize = 5_000;

/// Compares a sample of answers; the first that differs is an error.
pub(crate) fn hold(large: &Large) -> Result<(), Box<dyn Error>> {
    let beginning = large.beginning();
    let texts = Texts::of(&beginning)?;
    let stock = Stock::load(&texts)?;
    let (mut allowed, mut by_share) = (0, 0);
    for request in beginning.requests(USUAL).take(ANSWERS) {
        let (cedar_allows, cedar_reason, _) = stock.answer(&request)?;
        let answer: Value = serde_json::from_slice(&ask(large.server().port(), &body(&request))?)?;
        let allows = answer.get("decision") == Some(&Value::from("allow"));
        let reason = answer.get("reason").cloned().unwrap_or_default();
        // A forbid that errs denies here and is skipped by Cedar: not a thing these policies do
        // where principal and resource are stored, and elsewhere no permit is satisfied.
        if allows != cedar_allows || reason != Value::from(cedar_reason.clone()) {
            return Err(format!(
                "{request:?}: {answer}, but Cedar says {cedar_allows}, {cedar_reason:?}"
            )
            .into());
        }
        allowed += usize::from(allows);
        by_share += usize::from(cedar_reason.iter().any(|id| stock.is_link(id)));
    }
    println!(
        "{ANSWERS} answers equal plain Cedar's over {} entities: {allowed} allowed, {by_share} by a share",
        texts.size.entities
    );
    Ok(())
}
