//! Makes up entities: small pools of ids for each type, so that requests, attributes and policies
//! meet; most of them stored, parents without cycles, now and then a tower or a crowd.

use std::collections::BTreeMap;

use crate::dice::Dice;
use crate::model::{Entity, EntityType, Field, Members, Schema, Ty, Uid, Value};
use crate::schemas::Size;

const IDS: [&str; 12] = [
    "a",
    "b",
    "c",
    "A",
    "a b",
    "",
    "\"quoted\\\"",
    "e\u{301}",
    "\u{e9}",
    "line\nbreak",
    "\u{1f600}",
    "a::\"b",
];
const STRINGS: [&str; 9] = ["", "a", "b", "ab", "a*b", "\u{e9}", "e\u{301}", "\"", "A\n"];
const LONGS: [i64; 9] = [0, 1, 2, 3, -1, 10, 1 << 40, i64::MAX, i64::MIN];
const ADDRESSES: [&str; 7] =
    ["10.0.0.1", "10.0.0.0/8", "127.0.0.1", "::1", "224.0.0.1", "2001:db8::/32", "0.0.0.0/0"];
const DECIMALS: [&str; 5] = ["0.0", "1.5", "-1.5", "922337203685477.5807", "1.50"];
const DATETIMES: [&str; 5] = [
    "1970-01-01",
    "2024-10-15T11:35:00Z",
    "2024-10-15",
    "2026-02-28T23:59:59.999+0130",
    "9999-12-31",
];
const DURATIONS: [&str; 6] =
    ["0ms", "1d", "-1h30m", "90m", "9223372036854775807ms", "-9223372036854775808ms"];
pub(crate) const TAGS: [&str; 5] = ["k", "name", "", "my tag", "a"];

/// What there is to name: ids by type, those that are stored first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pools {
    ids: BTreeMap<String, Vec<String>>,
    stored: BTreeMap<String, usize>,
    /// Whether values may only name what is stored.
    strict: bool,
}

// === impl Pools ===

impl Pools {
    pub(crate) fn new(dice: &mut Dice, schema: &Schema, size: Size, strict: bool) -> Self {
        let mut pools = Self { strict, ..Self::default() };
        for ty in &schema.types {
            let count = 2 + dice.below(1 + 2 * size);
            let mut ids = ty.enumerated.clone().unwrap_or_else(|| some_ids(dice, count));
            let mut stored = ids.len();
            if ty.enumerated.is_none() {
                ids.push("ghost".to_owned());
                if !strict && !dice.one_in(3) {
                    stored -= dice.below(1 + ids.len() / 3);
                }
            } else if !strict {
                stored = dice.below(1 + ids.len());
            }
            pools.stored.insert(ty.name.clone(), stored);
            pools.ids.insert(ty.name.clone(), ids);
        }
        pools
    }

    /// Any id of a type, stored or not.
    pub(crate) fn any(&self, dice: &mut Dice, ty: &str) -> Uid {
        let ids = &self.ids[ty];
        Uid::new(ty, &ids[dice.below(ids.len())])
    }

    /// One that an entity may name.
    pub(crate) fn nameable(&self, dice: &mut Dice, ty: &str) -> Uid {
        let (ids, stored) = (&self.ids[ty], self.stored[ty]);
        let among = if self.strict || (stored > 0 && !dice.one_in(8)) { stored } else { ids.len() };
        Uid::new(ty, &ids[dice.below(among)])
    }
}

fn some_ids(dice: &mut Dice, count: usize) -> Vec<String> {
    let mut ids: Vec<&str> = IDS.to_vec();
    let kept = (0..count.min(IDS.len())).map(|_| ids.swap_remove(dice.below(ids.len())).to_owned());
    kept.collect()
}

/// Makes all that is stored.
pub(crate) fn entities(dice: &mut Dice, schema: &Schema, pools: &mut Pools) -> Vec<Entity> {
    if dice.one_in(6) {
        crowd(dice, schema, pools);
    }
    let mut order: Vec<Uid> = Vec::new();
    for (ty, ids) in &pools.ids {
        order.extend(ids.iter().take(pools.stored[ty]).map(|id| Uid::new(ty, id)));
    }
    shuffle(dice, &mut order);
    let mut entities = Vec::new();
    for (rank, uid) in order.iter().enumerate() {
        let ty = schema.entity_type(&uid.ty).unwrap();
        let parents = parents(dice, ty, order.split_at(rank + 1).1, pools);
        entities.push(Entity { parents, ..entity(dice, ty, uid.clone(), pools) });
    }
    shuffle(dice, &mut entities);
    entities
}

/// An entity without parents.
pub(crate) fn entity(dice: &mut Dice, ty: &EntityType, uid: Uid, pools: &Pools) -> Entity {
    let attributes = members(dice, &ty.fields, pools);
    Entity { uid, attributes, tags: tags(dice, ty, pools), parents: Vec::new() }
}

/// Gives one type many ids: a tower where it can be its own parent, else a crowd.
fn crowd(dice: &mut Dice, schema: &Schema, pools: &mut Pools) {
    let plain: Vec<&EntityType> =
        schema.types.iter().filter(|ty| ty.enumerated.is_none()).collect();
    let tower = plain.iter().find(|ty| ty.parents.contains(&ty.name));
    let ty = tower.copied().unwrap_or(plain[dice.below(plain.len())]);
    let count = 20 + dice.below(40);
    let ids = pools.ids.get_mut(&ty.name).unwrap();
    ids.splice(0..0, (0..count).map(|number| format!("n{number}")));
    *pools.stored.get_mut(&ty.name).unwrap() += count;
}

/// Parents among `above`, which stand higher, so that there is no cycle.
fn parents(dice: &mut Dice, ty: &EntityType, above: &[Uid], pools: &Pools) -> Vec<Uid> {
    let possible: Vec<&Uid> = above.iter().filter(|uid| ty.parents.contains(&uid.ty)).collect();
    let mut parents: Vec<Uid> = Vec::new();
    if !possible.is_empty() {
        let count = if dice.one_in(12) { 12 } else { dice.below(3) };
        for _ in 0..count {
            // The next in line makes hierarchies deep, any other makes them wide.
            let from = if dice.one_in(2) { possible.len().min(2) } else { possible.len() };
            parents.push(possible[dice.below(from)].clone());
        }
    }
    if !pools.strict && !ty.parents.is_empty() && dice.one_in(5) {
        // Nobody who is missing: it may be above, and that is no cycle.
        let name = &ty.parents[dice.below(ty.parents.len())];
        let ids = &pools.ids[name];
        let missing = ids.split_at(pools.stored[name]).1;
        if !missing.is_empty() {
            parents.push(Uid::new(name, &missing[dice.below(missing.len())]));
        }
    }
    parents.sort();
    parents.dedup();
    parents
}

fn tags(dice: &mut Dice, ty: &EntityType, pools: &Pools) -> Members {
    let Some(tag) = &ty.tags else { return Members::new() };
    let mut tags = Members::new();
    for key in TAGS {
        if dice.one_in(2) {
            tags.push((key.to_owned(), value(dice, tag, pools)));
        }
    }
    tags
}

/// Members of a record, those that are not required left out at times.
pub(crate) fn members(dice: &mut Dice, fields: &[Field], pools: &Pools) -> Members {
    let mut members = Members::new();
    for field in fields {
        if field.required || !dice.one_in(3) {
            members.push((field.name.clone(), value(dice, &field.ty, pools)));
        }
    }
    members
}

/// A value of a type.
pub(crate) fn value(dice: &mut Dice, ty: &Ty, pools: &Pools) -> Value {
    match ty {
        Ty::Bool => Value::Bool(dice.one_in(2)),
        Ty::Long => Value::Long(long(dice)),
        Ty::Str => Value::Str(STRINGS[dice.below(STRINGS.len())].to_owned()),
        Ty::Extension(name) => extension(dice, name),
        Ty::Entity(name) => Value::Entity(pools.nameable(dice, name)),
        Ty::Set(element) => {
            let count = dice.below(4);
            Value::Set((0..count).map(|_| value(dice, element, pools)).collect())
        }
        Ty::Record(fields) => Value::Record(members(dice, fields, pools)),
    }
}

/// Small numbers mostly, so that comparisons meet and sums hold; at times the ends of the range.
fn long(dice: &mut Dice) -> i64 {
    if dice.one_in(3) {
        let ends = LONGS.split_at(6).1;
        return ends[dice.below(ends.len())];
    }
    LONGS[dice.below(6)]
}

/// A value of an extension type, by the function that makes it.
pub(crate) fn extension(dice: &mut Dice, ty: &str) -> Value {
    let (function, arguments): (_, &[&str]) = match ty {
        "ipaddr" => ("ip", &ADDRESSES),
        "decimal" => ("decimal", &DECIMALS),
        "datetime" => ("datetime", &DATETIMES),
        _ => ("duration", &DURATIONS),
    };
    Value::Extension(function, arguments[dice.below(arguments.len())].to_owned())
}

pub(crate) fn shuffle<T>(dice: &mut Dice, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, dice.below(last + 1));
    }
}
