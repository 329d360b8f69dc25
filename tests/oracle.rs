//! doorward against plain Cedar: made-up schemas, policies, links, entities and requests, asked of
//! both sides, and every answer compared whole.
//!
//! `DOORWARD_ORACLE_CASES=100000 cargo test --test oracle` runs more cases than CI does, new ones each time, and
//! `DOORWARD_ORACLE_SEED=…` runs the one that a failure named.

#![cfg(test)]

#[path = "oracle/blunders.rs"]
mod blunders;
#[path = "oracle/changing.rs"]
mod changing;
#[path = "oracle/clauses.rs"]
mod clauses;
#[path = "oracle/compare.rs"]
mod compare;
#[path = "oracle/conditions.rs"]
mod conditions;
#[path = "oracle/differing.rs"]
mod differing;
#[path = "oracle/entities.rs"]
mod entities;
#[path = "oracle/explaining.rs"]
mod explaining;
#[path = "../benches/in_engine.rs"]
mod in_engine;
#[path = "oracle/metamorphic.rs"]
mod metamorphic;
#[path = "oracle/model.rs"]
mod model;
#[path = "oracle/ours.rs"]
mod ours;
#[path = "oracle/plain.rs"]
mod plain;
#[path = "oracle/policies.rs"]
mod policies;
#[path = "oracle/questions.rs"]
mod questions;
#[path = "oracle/renaming.rs"]
mod renaming;
#[path = "oracle/report.rs"]
mod report;
#[path = "oracle/run.rs"]
mod run;
#[path = "oracle/schemas.rs"]
mod schemas;
#[path = "oracle/searching.rs"]
mod searching;
#[path = "oracle/shrink.rs"]
mod shrink;
#[path = "../benches/stock.rs"]
mod stock;
#[path = "oracle/text.rs"]
mod text;
#[path = "../benches/texts.rs"]
mod texts;
#[path = "oracle/tutorial.rs"]
mod tutorial;
#[path = "oracle/variety.rs"]
mod variety;
#[path = "../benches/world.rs"]
mod world;
#[path = "oracle/worlds.rs"]
mod worlds;

use world::dice;

#[test]
fn every_answer_is_cedars() {
    if let Err(failure) = run::run() {
        report::fail(*failure, run::NO_BLUNDER);
    }
}
