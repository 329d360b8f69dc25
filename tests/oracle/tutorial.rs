//! The policies that ship, with hundreds of shares: worlds in the tutorial's model as the benchmarks
//! use them, and every answer compared with plain Cedar's. Also that a world's requests have the
//! same answers however large the world is, which is what lets a large one be held against Cedar.

use crate::in_engine;
use crate::stock::Stock;
use crate::texts::Texts;
use crate::world::World;
use crate::world::requests::{Mix, USUAL};

/// Which mixes a test goes through: the usual one, and kinds alone.
const MIXES: [Mix; 3] = [
    USUAL,
    Mix { owned: 0, shared: 1, isolated: 0, unknown: 0 },
    Mix { owned: 0, shared: 0, isolated: 1, unknown: 1 },
];

#[test]
fn with_hundreds_of_shares_every_answer_is_cedars() {
    let (mut allowed, mut by_share, mut asked) = (0, 0, 0);
    for seed in 0..12 {
        let world = World { seed, entities_least: 0, tenant_entities: 60 };
        let texts = Texts::of(&world).unwrap();
        let (size, roles) = (texts.size, 4);
        assert!(size.links >= 300 && size.entities == size.links + roles, "{size:?}");
        let (snapshot, stock) = (in_engine::load(&texts).unwrap(), Stock::load(&texts).unwrap());
        for mix in MIXES {
            for request in world.requests(mix).take(80) {
                let answer = in_engine::answer(&snapshot, &request).unwrap();
                assert_eq!(answer, stock.answer(&request).unwrap(), "seed {seed}: {request:?}");
                asked += 1;
                allowed += usize::from(answer.0);
                by_share += usize::from(answer.1.iter().any(|id| stock.is_link(id)));
            }
        }
    }
    assert!(allowed * 3 > asked && by_share * 4 > asked, "{allowed}, {by_share} of {asked}");
}

#[test]
fn a_larger_world_gives_the_same_answers() {
    let small = World { seed: 7, entities_least: 0, tenant_entities: 60 };
    let large = World { entities_least: 1_500, ..small };
    let (small_texts, large_texts) = (Texts::of(&small).unwrap(), Texts::of(&large).unwrap());
    assert!(large_texts.size.entities > 2 * small_texts.size.entities);
    assert!(large_texts.entities.starts_with(&small_texts.entities));
    let in_small = in_engine::load(&small_texts).unwrap();
    let in_large = in_engine::load(&large_texts).unwrap();
    for (one, other) in small.requests(USUAL).zip(large.requests(USUAL)).take(150) {
        assert_eq!(one, other);
        let in_small = in_engine::answer(&in_small, &one).unwrap();
        assert_eq!(in_small, in_engine::answer(&in_large, &one).unwrap(), "{one:?}");
    }
}
