//! Changes: whatever a change makes of a store is what loading its result would have made.

use std::collections::BTreeMap;

use super::reading::check_indexes;
use super::*;

/// A link of a template with these slots filled.
fn link(id: &str, principal: (&str, &str), resource: (&str, &str)) -> Value {
    let text = |(ty, id): (&str, &str)| format!("{ty}::\"{id}\"");
    json!({"link_id": id, "template_id": "share",
           "args": {"?principal": text(principal), "?resource": text(resource)}})
}

pub(super) fn links() -> impl Strategy<Value = Vec<Value>> {
    let one = (0..5_usize, prop::sample::select(GROUPS), prop::sample::select(DOCS), 0..4);
    let one = one.prop_map(|(id, group, doc, how)| {
        let id = format!("l{id}");
        let mut json = match how {
            0 => link(&id, ("Group", group), ("Group", "g1")),
            1 => json!({"link_id": id, "template_id": "own",
                        "args": {"?principal": format!("Group::\"{group}\"")}}),
            _ => link(&id, ("Group", group), ("N::Doc", doc)),
        };
        if how == 3 {
            json["expires"] = json!("2031-01-01T00:00:00Z");
            json["annotations"] = json!({"why": "a test", "who": group});
        }
        json
    });
    prop::collection::vec(one, 0..5).prop_map(|mut links| {
        let mut seen = HashSet::new();
        links.retain(|link| seen.insert(link["link_id"].to_string()));
        links
    })
}

#[derive(Debug, Clone)]
struct Step {
    unlink: Vec<String>,
    remove: Vec<EntityUid>,
    upsert: Vec<Value>,
    link: Vec<Value>,
}

fn step() -> impl Strategy<Value = Step> {
    let small = prop::collection::vec(entity(), 0..4).prop_map(|mut entities| {
        let mut seen = HashSet::new();
        entities.retain(|entity| seen.insert(uid_of(entity)));
        entities
    });
    let remove = prop::collection::vec(entity().prop_map(|it| uid_of(&it)), 0..3);
    let unlink = prop::collection::vec((0..6_usize).prop_map(|id| format!("l{id}")), 0..2);
    let unlink = (unlink, prop::bool::weighted(0.8));
    (unlink, remove, small, links()).prop_map(
        |((mut unlink, replace), remove, upsert, mut link)| {
            link.truncate(2);
            if replace {
                unlink.extend(link.iter().map(|link| link["link_id"].as_str().unwrap().to_owned()));
            }
            Step { unlink, remove, upsert, link }
        },
    )
}

impl Step {
    fn change(&self) -> Change {
        let text = |name: &str, items: &[Value]| {
            (!items.is_empty()).then(|| Text::new(name, Value::from(items.to_vec()).to_string()))
        };
        Change {
            unlink: self.unlink.clone(),
            remove: self.remove.clone(),
            upsert: text("upsert", &self.upsert),
            link: text("link", &self.link),
        }
    }
}

/// Everything by id, as JSON: what a change is checked against.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Model {
    entities: BTreeMap<String, Value>,
    links: BTreeMap<String, Value>,
}

impl Model {
    pub(super) fn of(store: &Store) -> Self {
        let entities = store.export().map(|json| (uid_of(&json).to_string(), json)).collect();
        let links = store.links().filter_map(|no| store.link_json(no));
        let links =
            links.map(|json| (json["link_id"].as_str().unwrap().to_owned(), json)).collect();
        Self { entities, links }
    }

    /// The result, without any judgement; `None` where a link would be overwritten.
    fn apply(&mut self, step: &Step, fixture: &Fixture) -> Option<()> {
        for id in &step.unlink {
            self.links.remove(id);
        }
        for uid in &step.remove {
            let uid = uid.to_string();
            if self.entities.remove(&uid).is_none() {
                continue;
            }
            for entity in self.entities.values_mut() {
                let parents = entity["parents"].as_array_mut().unwrap();
                parents.retain(|parent| {
                    crate::engine::entities::reference(parent).unwrap().to_string() != uid
                });
            }
            self.links.retain(|_, link| {
                !link["args"].as_object().unwrap().values().any(|slot| *slot == *uid)
            });
        }
        for (json, entities) in [(&step.upsert, true), (&step.link, false)] {
            for one in json {
                let (list, none) = (json!([one]), json!([]));
                let (one, other) = if entities { (&list, &none) } else { (&none, &list) };
                let alone = fixture.load(one, other, References::Cedar).ok()?;
                let alone = Self::of(&alone);
                self.entities.extend(alone.entities);
                for (id, link) in alone.links {
                    if self.links.get(&id).is_some_and(|known| *known != link) {
                        return None;
                    }
                    self.links.insert(id, link);
                }
            }
        }
        Some(())
    }

    fn load(&self, fixture: &Fixture, references: References) -> Result<Store, Problems> {
        let entities: Vec<_> = self.entities.values().cloned().collect();
        let links: Vec<_> = self.links.values().cloned().collect();
        fixture.load(&entities.into(), &links.into(), references)
    }
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn a_change_makes_what_a_load_would(
        entities in entities(),
        links in links(),
        steps in prop::collection::vec(step(), 1..6),
        strict in any::<bool>(),
    ) {
        let fixture = fixture();
        let references = if strict { References::Strict } else { References::Cedar };
        let none = json!([]);
        let entities = if strict { with_all_named(entities) } else { entities };
        let mut store = fixture
            .load(&entities.into(), &links.into(), references)
            .or_else(|_| fixture.load(&with_all_named(Vec::new()).into(), &none, references))
            .unwrap();
        let options = LoadOptions { references, ..LoadOptions::default() };
        for (number, step) in steps.iter().enumerate() {
            let before = Model::of(&store);
            let mut expected = before.clone();
            let clash = step.remove.iter().any(|uid| step.upsert.iter().any(|it| uid_of(it) == *uid));
            let made = if clash { None } else { expected.apply(step, fixture) };
            let loaded = made.map(|()| expected.load(fixture, references));
            let applied = store.apply(&step.change(), &fixture.schema, &fixture.policies, &options);
            prop_assert_eq!(&Model::of(&store), &before, "the old version changed");
            match (applied, loaded) {
                (Ok((next, applied)), Some(Ok(fresh))) => {
                    let now = Model::of(&next);
                    prop_assert_eq!(&now, &Model::of(&fresh));
                    prop_assert_eq!(applied.changed(), now != before, "{:?}", applied);
                    prop_assert_eq!(next.counts(), fresh.counts());
                    check_indexes(&next);
                    check_numbers(&next);
                    store = next;
                }
                (Err(_), None | Some(Err(_))) => {}
                (ours, theirs) => {
                    let ours = ours.map_err(|it| it.to_string());
                    let theirs = theirs.map(|it| it.map_err(|it| it.to_string()));
                    prop_assert!(false, "step {}: {:?}\nagainst {:?}", number, ours.map(|it| it.1), theirs.map(|it| it.map(|it| it.counts())));
                }
            }
        }
    }
}

/// Numbers are either in use, or free to be given again.
fn check_numbers(store: &Store) {
    assert_eq!(store.uids.len() + store.free.len(), store.rows.len() as usize);
    for key in store.uids.iter() {
        let no = EntityNo(key[1]);
        let ty = store.type_of(no);
        assert_eq!(store.number(ty, store.id_of(no)), Some(no));
        assert!(!store.free.contains(no.0));
        let named = store.is_stored(no)
            || store.names_principal(no)
            || store.names_resource(no)
            || store.children(no).next().is_some()
            || store.holders(no).next().is_some();
        assert!(named, "{} is not let go", store.uid_of(no));
    }
    assert_eq!(store.links.ids.len() + store.links.free.len(), store.links.rows.len() as usize);
}

fn problems_of(store: &Store, change: &Change) -> Vec<(&'static str, String)> {
    let fixture = fixture();
    let problems = store
        .apply(change, &fixture.schema, &fixture.policies, &LoadOptions::default())
        .unwrap_err();
    problems.errors().map(|it| (it.code, it.message.clone())).collect()
}

fn small() -> Store {
    let entities = json!([
        {"uid": uid_json("Group", "g0"), "attrs": {"level": 1}},
        {"uid": uid_json("Group", "g1"), "attrs": {"level": 1}, "parents": [uid_json("Group", "g0")]},
        {"uid": uid_json("User", "ann"), "attrs": {"name": "Ann"}, "parents": [uid_json("Group", "g1")]},
        {"uid": uid_json("User", "bob"), "attrs": {"name": "Bob", "boss": uid_json("User", "ann")}},
    ]);
    let links = json!([link("l", ("User", "ann"), ("Group", "g0"))]);
    fixture().load(&entities, &links, References::Strict).unwrap()
}

#[test]
fn an_entity_that_an_attribute_names_stays() {
    let change = Change { remove: vec!["User::\"ann\"".parse().unwrap()], ..Change::default() };
    let message = "the `boss` of `User::\"bob\"` is `User::\"ann\"`, which does not exist";
    assert_eq!(problems_of(&small(), &change), [("unknown-entity", message.to_owned())]);
}

#[test]
fn an_entity_goes_with_its_links_and_out_of_the_parents_of_others() {
    let fixture = fixture();
    let change = Change { remove: vec!["Group::\"g0\"".parse().unwrap()], ..Change::default() };
    let options = LoadOptions::default();
    let (next, applied) =
        small().apply(&change, &fixture.schema, &fixture.policies, &options).unwrap();
    let expected = Applied {
        removed: vec!["Group::\"g0\"".parse().unwrap()],
        orphaned: vec!["Group::\"g1\"".parse().unwrap()],
        links_removed: vec!["l".to_owned()],
        ..Applied::default()
    };
    assert_eq!(applied, expected);
    assert_eq!(next.counts(), StoreCounts { entities: 3, links: 0 });
    let (same, applied) =
        next.apply(&change, &fixture.schema, &fixture.policies, &options).unwrap();
    assert!(!applied.changed());
    assert_eq!(same.counts(), next.counts());
}

#[test]
fn a_group_keeps_what_its_members_share_with_it() {
    let upsert = json!([{"uid": uid_json("Group", "g0"), "attrs": {"level": 2}}]);
    let upsert = Some(Text::new("upsert", upsert.to_string()));
    let change = Change { upsert, ..Change::default() };
    let message = "`level` of `Group::\"g1\"` is `1`, but its parent `Group::\"g0\"` has `2`";
    assert_eq!(problems_of(&small(), &change), [("same-as-parents", message.to_owned())]);
}

#[test]
fn a_link_is_not_overwritten_and_a_uid_not_both_put_and_taken() {
    let other = json!([link("l", ("User", "bob"), ("Group", "g0"))]);
    let change = Change { link: Some(Text::new("link", other.to_string())), ..Change::default() };
    let message = "there is a link `l` already, and it says something else";
    assert_eq!(problems_of(&small(), &change), [(LINK_CONFLICT, message.to_owned())]);
    let bob = json!([{"uid": uid_json("User", "bob"), "attrs": {"name": ""}}]);
    let change = Change {
        remove: vec!["User::\"bob\"".parse().unwrap()],
        upsert: Some(Text::new("upsert", bob.to_string())),
        ..Change::default()
    };
    let message = "`User::\"bob\"` is both removed and upserted";
    assert_eq!(problems_of(&small(), &change), [(REMOVED_AND_UPSERTED, message.to_owned())]);
}

#[test]
fn what_is_in_force_is_kept_under_another_schema_and_other_policies() {
    let store = small();
    let options = LoadOptions::default();
    let more =
        schema::parse(&Text::new("schema", format!("{SCHEMA}\nentity More;")), &Limits::default());
    let more = more.unwrap();
    assert!(store.fits_schema(&fixture().schema));
    assert!(!store.fits_schema(&more));
    let mut loader = Loader::new(&more, &fixture().policies, options);
    loader.keep_entities(&store);
    assert!(!loader.saw_links());
    loader.keep_links(&store);
    assert!(loader.saw_links());
    assert_eq!(Model::of(&loader.finish().unwrap()), Model::of(&store));

    let limits = Limits::default();
    let check = |policies: &Policies| {
        let problems = store.check_links(&fixture().schema, policies, &limits);
        problems.errors().map(|it| (it.code, it.message.clone())).collect::<Vec<_>>()
    };
    assert_eq!(check(&fixture().policies), []);
    let narrow = Text::new("policies.cedar", POLICIES.replace("\"Group,User\"", "\"Group\""));
    let narrow = policies::parse(&[narrow], &limits, &mut Problems::default());
    let message = "link `l` fills `?principal` with `User::\"ann\"`, but template `share` takes only Group there";
    assert_eq!(check(&narrow), [("link-slot-type", message.to_owned())]);
    let message = "link `l` names the template `share`, which is not there";
    assert_eq!(check(&Policies::default()), [("unknown-template", message.to_owned())]);
}
