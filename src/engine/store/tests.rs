//! The store against Cedar's own entities: what is accepted, what is read, and what becomes of it
//! by changes. Each property has a file; here stand the schema and the generated data.

mod changing;
mod differences;
mod images;
mod reading;
mod splitting;
mod trees;

use std::collections::HashSet;
use std::sync::LazyLock;

use cedar_policy::{Entities, Entity, EntityUid};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::engine::bundle::Text;
use crate::engine::compile::References;
use crate::engine::error::Problems;
use crate::engine::gate::Limits;
use crate::engine::policies::{self, Policies};
use crate::engine::schema::{self, SchemaInfo};

const SCHEMA: &str = r#"
entity Color enum ["red", "green"];
@same_as_parents("level")
entity Group in [Group] { level: Long };
entity User in [Group] { name: String, age?: Long, boss?: User, color?: Color } tags Set<String>;
namespace N { entity Doc in [Group, User] {
  owner: User, readers: Set<User>, ok: Bool,
  meta: { title: String, at?: datetime, nested?: { x: Long, ys: Set<Long>, by?: User } },
  ip?: ipaddr, price?: decimal, ttl?: duration, sets?: Set<Set<Long>>, ips?: Set<ipaddr>,
} tags User; }
action Look;
action view in [Look] appliesTo { principal: [User], resource: [N::Doc] };
"#;

const POLICIES: &str = r#"
@id("share") @slot_principal("Group,User") @slot_resource("Group, N::Doc")
permit (principal in ?principal, action, resource in ?resource);
@id("own") permit (principal == ?principal, action, resource);
@id("static") permit (principal, action, resource) when { resource.ok };
"#;

/// So many times the cases that proptest is told to try, by `PROPTEST_CASES`; 256 if it is not.
pub(super) fn cases(times: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases * times, ..config }
}

/// What texts are held against.
pub(super) struct Fixture {
    pub(super) schema: SchemaInfo,
    pub(super) policies: Policies,
}

pub(super) fn fixture() -> &'static Fixture {
    static FIXTURE: LazyLock<Fixture> = LazyLock::new(make_fixture);
    &FIXTURE
}

fn make_fixture() -> Fixture {
    let limits = Limits::default();
    let schema = schema::parse(&Text::new("schema", SCHEMA), &limits).unwrap();
    let mut problems = Problems::default();
    let texts = [Text::new("policies.cedar", POLICIES)];
    let policies = policies::parse(&texts, &limits, &mut problems);
    assert!(!problems.refuses(), "{problems}");
    Fixture { schema, policies }
}

impl Fixture {
    pub(super) fn load(
        &self,
        entities: &Value,
        links: &Value,
        references: References,
    ) -> Result<Store, Problems> {
        let options = LoadOptions { references, threads: 2, ..LoadOptions::default() };
        let mut loader = Loader::new(&self.schema, &self.policies, options);
        loader.entities(&Text::new("entities.json", entities.to_string()));
        loader.links(&Text::new("links.json", links.to_string()));
        loader.finish()
    }

    pub(super) fn cedar(&self, entities: &Value) -> Option<Entities> {
        Entities::from_json_value(entities.clone(), Some(&self.schema.cedar)).ok()
    }
}

pub(super) fn uid_json(ty: &str, id: &str) -> Value {
    json!({"type": ty, "id": id})
}

/// A reference in one of its forms.
fn reference(ty: &'static str, ids: &'static [&'static str]) -> impl Strategy<Value = Value> {
    (prop::sample::select(ids), any::<bool>()).prop_map(move |(id, escaped)| {
        let uid = uid_json(ty, id);
        if escaped { json!({"__entity": uid}) } else { uid }
    })
}

const USERS: &[&str] = &["ann", "bob", "Ünal", ""];
const GROUPS: &[&str] = &["g0", "g1", "g2", "g3", "g4"];
const DOCS: &[&str] = &["d0", "d1", "d2"];
const COLORS: &[&str] = &["red", "green"];

fn user() -> impl Strategy<Value = Value> {
    reference("User", USERS)
}

fn extension(function: &'static str, texts: &'static [&'static str]) -> BoxedStrategy<Value> {
    (prop::sample::select(texts), 0..4)
        .prop_map(move |(text, form)| match form {
            0 => json!(text),
            1 => json!({"fn": function, "arg": text}),
            2 => json!({"__extn": {"fn": function, "args": [text]}}),
            _ => json!({"__extn": {"fn": function, "arg": text}}),
        })
        .boxed()
}

fn optional(strategy: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    prop::option::weighted(0.4, strategy).boxed()
}

fn object(members: Vec<(&'static str, Option<Value>)>) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect())
}

fn longs() -> impl Strategy<Value = Value> {
    prop::collection::vec(-2..4_i64, 0..4).prop_map(Value::from)
}

fn group_parents() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(reference("Group", GROUPS), 0..3)
}

fn group_entity() -> impl Strategy<Value = Value> {
    let level = prop_oneof![9 => Just(0), 1 => Just(1)];
    (prop::sample::select(GROUPS), level, group_parents()).prop_map(|(id, level, parents)| {
        json!({"uid": uid_json("Group", id), "attrs": {"level": level}, "parents": parents})
    })
}

fn user_entity() -> impl Strategy<Value = Value> {
    let tags =
        prop::collection::btree_map("[a-c]{0,2}", prop::collection::vec("[a-z]{0,3}", 0..3), 0..3);
    let age = prop_oneof![Just(i64::MIN), Just(i64::MAX), -5..5_i64].prop_map(Value::from);
    let attributes =
        ("\\PC{0,6}", optional(age), optional(user()), optional(reference("Color", COLORS)));
    (prop::sample::select(USERS), attributes, group_parents(), prop::option::of(tags)).prop_map(
        |(id, (name, age, boss, color), parents, tags)| {
            let attrs = object(vec![
                ("name", Some(json!(name))),
                ("age", age),
                ("boss", boss),
                ("color", color),
            ]);
            object(vec![
                ("uid", Some(uid_json("User", id))),
                ("attrs", Some(attrs)),
                ("parents", Some(json!(parents))),
                ("tags", tags.map(|tags| json!(tags))),
            ])
        },
    )
}

fn meta() -> impl Strategy<Value = Value> {
    const MOMENTS: &[&str] =
        &["2024-10-15", "2024-10-15T11:35:00Z", "1960-01-01T00:00:00.001+0100"];
    let nested = (-3..3_i64, longs(), optional(user()))
        .prop_map(|(x, ys, by)| object(vec![("x", Some(json!(x))), ("ys", Some(ys)), ("by", by)]));
    ("[a-z]{0,4}", optional(extension("datetime", MOMENTS)), optional(nested)).prop_map(
        |(title, at, nested)| {
            object(vec![("title", Some(json!(title))), ("at", at), ("nested", nested)])
        },
    )
}

fn doc_entity() -> impl Strategy<Value = Value> {
    const IPS: &[&str] = &["10.0.0.1", "10.0.0.0/8", "::1", "fe80::/10"];
    let simple = (user(), prop::collection::vec(user(), 0..4), any::<bool>(), meta());
    let rare = (
        optional(extension("ip", IPS)),
        optional(extension("decimal", &["1.0", "-12.3456", "0.1"])),
        optional(extension("duration", &["1h30m", "-5ms", "1d"])),
        optional(prop::collection::vec(longs(), 0..3).prop_map(Value::from)),
        optional(prop::collection::vec(extension("ip", IPS), 0..3).prop_map(Value::from)),
    );
    let tags = prop::collection::btree_map("[a-c]{1,2}", user(), 0..3);
    let parents = (group_parents(), prop::collection::vec(user(), 0..2));
    (prop::sample::select(DOCS), simple, rare, parents, prop::option::of(tags)).prop_map(
        |(id, (owner, readers, ok, meta), (ip, price, ttl, sets, ips), (groups, users), tags)| {
            let attrs = object(vec![
                ("owner", Some(owner)),
                ("readers", Some(readers.into())),
                ("ok", Some(json!(ok))),
                ("meta", Some(meta)),
                ("ip", ip),
                ("price", price),
                ("ttl", ttl),
                ("sets", sets),
                ("ips", ips),
            ]);
            object(vec![
                ("uid", Some(uid_json("N::Doc", id))),
                ("attrs", Some(attrs)),
                ("parents", Some([groups, users].concat().into())),
                ("tags", tags.map(|tags| json!(tags))),
            ])
        },
    )
}

/// An entity that fits the schema.
pub(super) fn entity() -> impl Strategy<Value = Value> {
    let color =
        reference("Color", COLORS).prop_map(|uid| json!({"uid": uid, "attrs": {}, "parents": []}));
    prop_oneof![1 => color, 3 => group_entity(), 3 => user_entity(), 4 => doc_entity()]
}

/// Entities that fit the schema, each once.
pub(super) fn entities() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(entity(), 0..14).prop_map(|mut entities| {
        let mut seen = HashSet::new();
        entities.retain(|entity| seen.insert(uid_of(entity)));
        entities
    })
}

/// These entities, and a plain one of every uid that they may name.
pub(super) fn with_all_named(mut entities: Vec<Value>) -> Vec<Value> {
    let plain = |ty: &str, id: &str, attrs: Value| json!({"uid": uid_json(ty, id), "attrs": attrs});
    let mut seen: HashSet<EntityUid> = entities.iter().map(uid_of).collect();
    let groups = GROUPS.iter().map(|id| plain("Group", id, json!({"level": 0})));
    let users = USERS.iter().map(|id| plain("User", id, json!({"name": id})));
    let colors = COLORS.iter().map(|id| plain("Color", id, json!({})));
    let new = groups.chain(users).chain(colors).filter(|entity| seen.insert(uid_of(entity)));
    let new: Vec<Value> = new.collect();
    entities.extend(new);
    entities
}

/// The uid of an entity's JSON.
pub(super) fn uid_of(entity: &Value) -> EntityUid {
    crate::engine::entities::reference(&entity["uid"]).unwrap()
}

/// The number of an entity that must be there.
pub(super) fn no(store: &Store, uid: &EntityUid) -> EntityNo {
    store.number_of(uid).unwrap_or_else(|| panic!("{uid} has no number"))
}

/// What Cedar makes of what the store writes.
pub(super) fn as_cedar(store: &Store, schema: &SchemaInfo) -> Entities {
    let written = store.export().map(|json| Entity::from_json_value(json, Some(&schema.cedar)));
    let written: Vec<Entity> = written.map(|entity| entity.unwrap()).collect();
    Entities::from_entities(written, Some(&schema.cedar)).unwrap()
}
