//! What one check costs in process: Cedar's authorizer over everything, the same with policies and
//! entities cloned for each check as cedar-agent does, and doorward.

use std::error::Error;
use std::time::Duration;

use cedar_policy::Authorizer;

use super::clock::cost_of_many;
use crate::in_engine;
use crate::measure::{self, Subject};
use crate::stock::Stock;
use crate::texts::Texts;
use crate::world::World;
use crate::world::requests::{Request, USUAL};

const ROUNDS: usize = 5;
/// CPU time of one round of one subject, at least.
const ROUND: Duration = Duration::from_millis(300);
/// Different requests, which are asked in turn.
const DIFFERENT: usize = 2_000;
/// Answers that are compared before anything is measured.
const COMPARED: usize = 100;

pub(crate) fn compare(world: &World, texts: &Texts) -> Result<(), Box<dyn Error>> {
    let (stock, snapshot) = (Stock::load(texts)?, in_engine::load(texts)?);
    let asked: Vec<Request> = world.requests(USUAL).take(DIFFERENT).collect();
    let (mut allowed, mut by_share) = (0, 0);
    for request in asked.iter().take(COMPARED) {
        let (ours, cedars) = (in_engine::answer(&snapshot, request)?, stock.answer(request)?);
        if ours != cedars {
            return Err(format!("{request:?}: {ours:?}, but Cedar says {cedars:?}").into());
        }
        allowed += usize::from(cedars.0);
        by_share += usize::from(cedars.1.iter().any(|id| stock.is_link(id)));
    }
    println!("\n{COMPARED} answers equal: {allowed} allowed, {by_share} by a share");
    let for_cedar: Vec<_> = asked.iter().map(|it| stock.request(it)).collect::<Result<_, _>>()?;
    let for_us: Vec<_> = asked.iter().map(in_engine::check).collect::<Result<_, _>>()?;
    let (authorizer, Stock { set, entities, .. }) = (Authorizer::new(), &stock);
    let (mut plain, mut cloned, mut ours) =
        (for_cedar.iter().cycle(), for_cedar.iter().cycle(), for_us.iter().cycle());
    let mut subjects = [
        Subject::new("Authorizer::is_authorized", || {
            cost_of_many(ROUND, || {
                let answer = plain.next().map(|it| authorizer.is_authorized(it, set, entities));
                std::hint::black_box(answer);
            })
        }),
        Subject::new("the same, everything cloned for each check", || {
            cost_of_many(ROUND, || {
                let (set, entities) = (set.clone(), entities.clone());
                let answer = cloned.next().map(|it| authorizer.is_authorized(it, &set, &entities));
                std::hint::black_box(answer);
            })
        }),
        Subject::new("Snapshot::check, request validated", || {
            cost_of_many(ROUND, || {
                let answer = ours.next().map(|it| snapshot.check(it, in_engine::OPTIONS));
                let _ = std::hint::black_box(answer);
            })
        }),
    ];
    measure::compare("CPU of a check", ROUNDS, &mut subjects);
    Ok(())
}
