//! What loading costs for each entity: Cedar's own reader, and doorward's compiler.

use std::error::Error;

use cedar_policy::{Entities, Schema};
use doorward::engine::{CompileOptions, compile};

use super::clock::cost;
use crate::in_engine;
use crate::measure::{self, Subject};
use crate::stock::Stock;
use crate::texts::Texts;

const ROUNDS: usize = 3;

pub(crate) fn compare(texts: &Texts) -> Result<(), Box<dyn Error>> {
    let entities = texts.size.entities;
    let (schema, _) = Schema::from_cedarschema_str(&texts.schema)?;
    let lines: Vec<&str> = texts.entities.lines().collect();
    let array = format!("[{}]", lines.join(","));
    let whole = in_engine::bundle(texts);
    let mut without_links = whole.clone();
    without_links.links.clear();
    let options = CompileOptions::default();
    let mut subjects = [
        Subject::new("Entities::from_json_str", || {
            cost(entities, || Entities::from_json_str(&array, Some(&schema))).0
        }),
        Subject::new("doorward, entities alone", || {
            cost(entities, || compile(&without_links, &options)).0
        }),
        Subject::new("Cedar, entities and links", || cost(entities, || Stock::load(texts)).0),
        Subject::new("doorward, entities and links", || {
            cost(entities, || compile(&whole, &options)).0
        }),
    ];
    measure::compare("CPU of a full load, for each entity", ROUNDS, &mut subjects);
    Ok(())
}
