//! A world as a tree of values: schema, policies, links, entities and requests. Generators make it,
//! shrinking cuts it down, and `text` writes it as what Cedar and doorward read.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};

/// A word of Cedar's, such as an operator.
pub(crate) type Word = &'static str;

/// Reads a word of a kept case, which there are few of.
fn word<'de, D: Deserializer<'de>>(text: D) -> Result<Word, D::Error> {
    Ok(String::deserialize(text)?.leak())
}

/// An entity's name.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Uid {
    pub(crate) ty: String,
    pub(crate) id: String,
}

/// A type of a value.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) enum Ty {
    Bool,
    Long,
    Str,
    /// `ipaddr`, `decimal`, `datetime` or `duration`.
    Extension(#[serde(deserialize_with = "word")] Word),
    Entity(String),
    Set(Box<Ty>),
    Record(Vec<Field>),
}

/// A member of a record, of an entity type or of a context.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) ty: Ty,
    pub(crate) required: bool,
}

/// An entity type; its name carries its namespace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EntityType {
    pub(crate) name: String,
    pub(crate) parents: Vec<String>,
    pub(crate) fields: Vec<Field>,
    pub(crate) tags: Option<Ty>,
    /// The ids there are, where the type is enumerated.
    pub(crate) enumerated: Option<Vec<String>>,
}

/// An action, or a group of actions where it applies to nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Action {
    pub(crate) uid: Uid,
    pub(crate) groups: Vec<Uid>,
    pub(crate) principals: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) context: Vec<Field>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Schema {
    pub(crate) types: Vec<EntityType>,
    pub(crate) actions: Vec<Action>,
}

/// A value of an attribute, a tag or a context, or a literal.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Long(i64),
    Str(String),
    /// The extension function and its argument.
    Extension(#[serde(deserialize_with = "word")] Word, String),
    Entity(Uid),
    Set(Vec<Value>),
    Record(Members),
}

/// Named values, in the order in which they are written.
pub(crate) type Members = Vec<(String, Value)>;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entity {
    pub(crate) uid: Uid,
    pub(crate) attributes: Members,
    pub(crate) tags: Members,
    pub(crate) parents: Vec<Uid>,
}

/// An expression of a condition.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub(crate) enum Expr {
    Literal(Value),
    /// `principal`, `action`, `resource` or `context`.
    Variable(#[serde(deserialize_with = "word")] Word),
    Get(Box<Expr>, String),
    Has(Box<Expr>, Vec<String>),
    Unary(#[serde(deserialize_with = "word")] Word, Box<Expr>),
    Binary(Box<Expr>, #[serde(deserialize_with = "word")] Word, Box<Expr>),
    Call(Box<Expr>, #[serde(deserialize_with = "word")] Word, Vec<Expr>),
    /// A pattern in Cedar's notation, without its quotes.
    Like(Box<Expr>, #[serde(deserialize_with = "word")] Word),
    Is(Box<Expr>, String, Option<Box<Expr>>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    Set(Vec<Expr>),
    Record(Vec<(String, Expr)>),
}

/// What a scope compares with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Target {
    Uid(Uid),
    Slot,
}

/// The scope of a principal or a resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Scope {
    Any,
    Equals(Target),
    In(Target),
    Is(String),
    IsIn(String, Target),
}

/// The scope of an action.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ActionScope {
    Any,
    Equals(Uid),
    In(Uid),
    InAny(Vec<Uid>),
}

/// A `when` or an `unless`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Clause {
    pub(crate) when: bool,
    pub(crate) condition: Expr,
}

/// A static policy, or a template where its scope has a slot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) id: String,
    pub(crate) permit: bool,
    pub(crate) principal: Scope,
    pub(crate) action: ActionScope,
    pub(crate) resource: Scope,
    pub(crate) clauses: Vec<Clause>,
    /// The types that links may fill the slots with, where the template says.
    pub(crate) slot_types: [Option<String>; 2],
}

/// A link of a template.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) id: String,
    pub(crate) template: String,
    pub(crate) principal: Option<Uid>,
    pub(crate) resource: Option<Uid>,
    /// When it stops deciding, in seconds since 1970.
    pub(crate) expires_s: Option<i64>,
}

/// Everything that a snapshot is compiled from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) schema: Schema,
    pub(crate) policies: Vec<Policy>,
    pub(crate) links: Vec<Link>,
    pub(crate) entities: Vec<Entity>,
    /// Whether every entity that another or a link names must exist.
    pub(crate) strict: bool,
    /// Decides between forms of writing that mean the same.
    pub(crate) forms: u64,
}

/// When properties that came with a request are used.
#[derive(Debug, Clone, Serialize, Deserialize, Copy, PartialEq, Eq)]
pub(crate) enum Properties {
    UnknownEntities,
    Fill,
    Override,
    Ignore,
}

/// One question, with how it is to be evaluated.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) principal: Uid,
    pub(crate) action: Uid,
    pub(crate) resource: Uid,
    pub(crate) context: Members,
    /// Members that are added to the context as they are: undeclared ones, and spoilt ones.
    pub(crate) extra: Vec<(String, serde_json::Value)>,
    /// Whether undeclared members are to be dropped; else they make the request invalid.
    pub(crate) drops_undeclared: bool,
    pub(crate) principal_properties: Option<Members>,
    pub(crate) resource_properties: Option<Members>,
    pub(crate) properties: Properties,
    /// Whether an erring forbid denies.
    pub(crate) forbid_errors_deny: bool,
    pub(crate) now_s: i64,
    /// Whether the answer is to come with its explanation.
    pub(crate) explains: bool,
}

// === impl Uid ===

impl Uid {
    pub(crate) fn new(ty: &str, id: &str) -> Self {
        Self { ty: ty.to_owned(), id: id.to_owned() }
    }
}

// === impl Schema ===

impl Schema {
    pub(crate) fn entity_type(&self, name: &str) -> Option<&EntityType> {
        self.types.iter().find(|entity_type| entity_type.name == name)
    }

    pub(crate) fn action(&self, uid: &Uid) -> Option<&Action> {
        self.actions.iter().find(|action| action.uid == *uid)
    }

    /// The types that an entity of this type can have above it, itself included.
    pub(crate) fn above(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::from([name.to_owned()]);
        let mut open = vec![name.to_owned()];
        while let Some(next) = open.pop() {
            for parent in self.entity_type(&next).into_iter().flat_map(|ty| &ty.parents) {
                if found.insert(parent.clone()) {
                    open.push(parent.clone());
                }
            }
        }
        found
    }

    /// The groups that an action is in, itself included.
    pub(crate) fn groups_of(&self, uid: &Uid) -> BTreeSet<Uid> {
        let mut found = BTreeSet::from([uid.clone()]);
        let mut open = vec![uid.clone()];
        while let Some(next) = open.pop() {
            for group in self.action(&next).into_iter().flat_map(|action| &action.groups) {
                if found.insert(group.clone()) {
                    open.push(group.clone());
                }
            }
        }
        found
    }
}

impl Schema {
    /// Whether a scope covers an action.
    pub(crate) fn covers(&self, scope: &ActionScope, action: &Uid) -> bool {
        let groups = self.groups_of(action);
        match scope {
            ActionScope::Any => true,
            ActionScope::Equals(uid) => uid == action,
            ActionScope::In(uid) => groups.contains(uid),
            ActionScope::InAny(list) => list.iter().any(|uid| groups.contains(uid)),
        }
    }

    /// The actions that are no groups.
    pub(crate) fn applicable(&self) -> Vec<&Action> {
        self.actions.iter().filter(|action| !action.principals.is_empty()).collect()
    }
}

// === impl World ===

impl World {
    /// The stored entities that are below this one, itself included.
    pub(crate) fn below(&self, uid: &Uid) -> BTreeSet<Uid> {
        let mut found = BTreeSet::from([uid.clone()]);
        loop {
            let before = found.len();
            for entity in &self.entities {
                if entity.parents.iter().any(|parent| found.contains(parent)) {
                    found.insert(entity.uid.clone());
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }
}

// === impl Scope ===

impl Scope {
    pub(crate) fn target(&self) -> Option<&Target> {
        match self {
            Self::Any | Self::Is(_) => None,
            Self::Equals(target) | Self::In(target) | Self::IsIn(_, target) => Some(target),
        }
    }

    pub(crate) fn has_slot(&self) -> bool {
        matches!(self.target(), Some(Target::Slot))
    }
}

// === impl Policy ===

impl Policy {
    pub(crate) fn is_template(&self) -> bool {
        self.principal.has_slot() || self.resource.has_slot()
    }
}

// === impl Expr ===

impl Expr {
    pub(crate) fn and(self, other: Self) -> Self {
        Self::Binary(Box::new(self), "&&", Box::new(other))
    }

    pub(crate) fn not(self) -> Self {
        Self::Unary("!", Box::new(self))
    }

    pub(crate) fn get(self, name: &str) -> Self {
        Self::Get(Box::new(self), name.to_owned())
    }

    pub(crate) fn call(self, method: &'static str, arguments: Vec<Self>) -> Self {
        Self::Call(Box::new(self), method, arguments)
    }

    pub(crate) fn boolean(value: bool) -> Self {
        Self::Literal(Value::Bool(value))
    }
}
