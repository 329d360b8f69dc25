//! Makes up schemas: entity types with hierarchies, attributes of every type, tags and enumerated
//! ids, in one namespace, several or none; action groups, and actions with contexts.

use crate::dice::Dice;
use crate::model::{Action, EntityType, Field, Schema, Ty, Uid};

const TYPES: [&str; 8] = ["User", "Team", "Org", "Doc", "Folder", "Device", "Area", "Note"];
const ENUMERATED: [&str; 2] = ["Color", "Level"];
const FIELDS: [&str; 14] = [
    "name", "owner", "level", "active", "since", "span", "price", "addr", "labels", "peers",
    "detail", "my attr", "if", "größe",
];
const ACTIONS: [&str; 7] = ["read", "write", "list", "share", "delete it", "ask", "über"];
const GROUPS: [&str; 4] = ["Looking", "Changing", "Everything", "Some"];
pub(crate) const EXTENSIONS: [&str; 4] = ["ipaddr", "decimal", "datetime", "duration"];

/// How large a world is to be, from 1 to 4.
pub(crate) type Size = usize;

pub(crate) fn schema(dice: &mut Dice, size: Size) -> Schema {
    let spaces: &[&str] = match dice.below(4) {
        0 | 1 => &[""],
        2 => &["App"],
        _ => &["", "App", "App::Inner"],
    };
    let mut maker = Maker { dice, spaces, names: Vec::new(), enumerated: Vec::new() };
    let types = maker.types(size);
    let actions = maker.actions(size);
    Schema { types, actions }
}

struct Maker<'a> {
    dice: &'a mut Dice,
    spaces: &'a [&'static str],
    /// Types with attributes.
    names: Vec<String>,
    enumerated: Vec<String>,
}

impl Maker<'_> {
    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.dice.below(from.len())].clone()
    }

    /// Each of them with the chance of one in `many`.
    fn some<T: Clone>(&mut self, from: &[T], many: usize) -> Vec<T> {
        from.iter().filter(|_| self.dice.one_in(many)).cloned().collect()
    }

    fn in_space(&mut self, base: &str) -> String {
        let space = self.pick(self.spaces);
        if space.is_empty() { base.to_owned() } else { format!("{space}::{base}") }
    }

    fn types(&mut self, size: Size) -> Vec<EntityType> {
        let count = 2 + self.dice.below(1 + size);
        self.names = TYPES.iter().take(count).map(|base| self.in_space(base)).collect();
        let enumerated = self.some(&ENUMERATED, 3);
        self.enumerated = enumerated.iter().map(|base| self.in_space(base)).collect();
        let mut types: Vec<EntityType> = Vec::new();
        for name in self.enumerated.clone() {
            let ids = ["red", "green", "\"", ""].iter().take(1 + self.dice.below(4));
            types.push(EntityType {
                name,
                parents: Vec::new(),
                fields: Vec::new(),
                tags: None,
                enumerated: Some(ids.map(|id| (*id).to_owned()).collect()),
            });
        }
        let every: Vec<String> = self.names.iter().chain(&self.enumerated).cloned().collect();
        for name in self.names.clone() {
            let parents = self.some(&every, 3);
            let fields = self.fields(5, 2);
            let tags = self.dice.one_in(3).then(|| self.ty(1));
            types.push(EntityType { name, parents, fields, tags, enumerated: None });
        }
        types
    }

    /// At most `most` members, whose types nest at most `depth` levels.
    fn fields(&mut self, most: usize, depth: usize) -> Vec<Field> {
        let mut names = FIELDS.to_vec();
        let count = self.dice.below(most + 1);
        let mut fields = Vec::new();
        for _ in 0..count {
            let name = names.swap_remove(self.dice.below(names.len())).to_owned();
            let (ty, required) = (self.ty(depth), !self.dice.one_in(3));
            fields.push(Field { name, ty, required });
        }
        fields
    }

    fn ty(&mut self, depth: usize) -> Ty {
        let every: Vec<String> = self.names.iter().chain(&self.enumerated).cloned().collect();
        match self.dice.below(if depth == 0 { 9 } else { 13 }) {
            0 => Ty::Bool,
            1 | 2 => Ty::Long,
            3 => Ty::Str,
            4 => Ty::Extension(self.pick(&EXTENSIONS)),
            5..=8 => Ty::Entity(self.pick(&every)),
            9 | 10 => Ty::Set(Box::new(self.ty(depth - 1))),
            _ => Ty::Record(self.fields(3, depth - 1)),
        }
    }

    fn actions(&mut self, size: Size) -> Vec<Action> {
        let mut actions: Vec<Action> = Vec::new();
        let groups = self.dice.below(GROUPS.len() + 1);
        for group in GROUPS.iter().take(groups) {
            let uid = Uid { ty: self.in_space("Action"), id: (*group).to_owned() };
            // Only groups before this one: groups must not form a cycle.
            let above: Vec<Uid> = actions.iter().map(|action| action.uid.clone()).collect();
            let groups = self.some(&above, 4);
            let (principals, resources, context) = (Vec::new(), Vec::new(), Vec::new());
            actions.push(Action { uid, groups, principals, resources, context });
        }
        let count = 1 + self.dice.below(1 + size);
        let above: Vec<Uid> = actions.iter().map(|action| action.uid.clone()).collect();
        for id in ACTIONS.iter().take(count) {
            let uid = Uid { ty: self.in_space("Action"), id: (*id).to_owned() };
            let groups = self.some(&above, 2);
            let (principals, resources) = (self.applies(), self.applies());
            let context = if self.dice.one_in(2) { Vec::new() } else { self.fields(3, 2) };
            actions.push(Action { uid, groups, principals, resources, context });
        }
        actions
    }

    /// At least one type.
    fn applies(&mut self) -> Vec<String> {
        let mut names = self.some(&self.names.clone(), 2);
        if self.dice.one_in(6) {
            names.extend(self.some(&self.enumerated.clone(), 2));
        }
        if names.is_empty() {
            names.push(self.pick(&self.names.clone()));
        }
        names
    }
}
