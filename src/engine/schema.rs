//! What the schema says, in a form that the engine can walk: entity types with their attributes,
//! actions with what they apply to, and the annotations for integrity and for secrets.

mod annotated;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use cedar_policy::{EntityNamespace, EntityTypeName, EntityUid, Schema, SchemaFragment};
use cedar_policy_core::validator::types::{Attributes, EntityKind, Type as CoreType};
use cedar_policy_core::validator::{ValidatorEntityTypeKind, ValidatorSchema};
use miette::Diagnostic;
use serde_json::Value;

use super::bundle::Text;
use super::error::{Place, Problem, Problems};
use super::gate::{self, Limits};
use super::hash::{HashMap, HashSet};
use super::json;
use super::policies::problem_from;
pub use annotated::has_secrets;

/// The annotation that declares that an entity shares attributes with its parents.
const SAME_AS_PARENTS: &str = "same_as_parents";

/// A compiled schema and what is read off it.
#[derive(Debug)]
pub struct SchemaInfo {
    /// For Cedar's own functions.
    pub cedar: Schema,
    types: HashMap<String, TypeInfo>,
    /// The keys of `types` by the name as Cedar has it, so that no name has to be written out.
    names: HashMap<EntityTypeName, String>,
    actions: HashMap<EntityUid, ActionInfo>,
    /// The uids of actions by type and id, so that no request's text has to be parsed.
    action_uids: HashMap<String, HashMap<String, EntityUid>>,
    /// Pairs of an action and a group that it is in, directly or not.
    action_groups: HashSet<(EntityUid, EntityUid)>,
    /// The names of attributes that are secret in some type, or have something secret in them.
    secrets: BTreeSet<String>,
    /// What deserves a look though it was taken.
    pub(super) warnings: Problems,
}

/// An entity type.
#[derive(Debug)]
pub struct TypeInfo {
    /// Its name, parsed once so that no request's text has to be.
    pub name: EntityTypeName,
    /// Its declared attributes.
    pub attributes: Record,
    /// The type of its tags, if it has any.
    pub tags: Option<Type>,
    /// The attributes that its parents must share, by `@same_as_parents`.
    pub same_as_parents: Vec<String>,
    /// The ids there are, where the schema lists them.
    pub enumerated: Option<BTreeSet<String>>,
    /// The types that its parents and their parents may have.
    pub ancestors: BTreeSet<String>,
    /// The types that the schema names for its parents.
    pub parents: BTreeSet<String>,
}

/// An action.
#[derive(Debug)]
pub struct ActionInfo {
    /// The types of principals it applies to.
    pub principals: BTreeSet<String>,
    /// The types of resources it applies to.
    pub resources: BTreeSet<String>,
    /// Its context's declared members.
    pub context: Record,
}

/// The members of a record.
pub type Record = BTreeMap<String, Member>;

/// One member of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its type.
    pub ty: Type,
    /// Whether it must be there.
    pub required: bool,
    /// Whether its values are told to nobody, by `@secret`.
    pub secret: bool,
}

/// A type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A boolean.
    Bool,
    /// A 64-bit integer.
    Long,
    /// A string.
    String,
    /// A reference to an entity of this type.
    Entity(String),
    /// A set of values of one type.
    Set(Box<Type>),
    /// A record with these members and no others.
    Record(Record),
    /// An extension type, such as `ipaddr`.
    Extension(String),
}

/// Reads the schema, all that is wrong with it at once.
pub fn parse(text: &Text, limits: &Limits) -> Result<SchemaInfo, Problems> {
    let mut problems = Problems::default();
    let fragment = if text.text.trim_start().starts_with('{') {
        parse_json(text, limits)?
    } else {
        gate::schema(&text.name, &text.text, limits)?;
        match SchemaFragment::from_cedarschema_str(&text.text) {
            Ok((fragment, warnings)) => {
                for warning in warnings {
                    let mut problem = problem_from("schema-warning", text, &warning);
                    problem.severity = super::error::Severity::Warning;
                    problems.push(problem);
                }
                fragment
            }
            Err(error) => {
                if let Some(cause) = gate::schema_balance(&text.name, &text.text) {
                    return Err(cause.into());
                }
                return Err(schema_problems(text, &error));
            }
        }
    };
    let cedar = Schema::from_schema_fragments([fragment.clone()])
        .map_err(|error| schema_problems(text, &error))?;
    let mut info = SchemaInfo::read(cedar, &fragment, text, &mut problems);
    if problems.refuses() {
        return Err(problems);
    }
    info.warnings = problems;
    Ok(info)
}

fn parse_json(text: &Text, limits: &Limits) -> Result<SchemaFragment, Problems> {
    gate::size(&text.name, &text.text, limits)?;
    let value = json::parse(text.text.as_bytes(), limits.depth_max).map_err(|error| {
        let place = super::links::json_place(text, 1, &error);
        Problem::error("schema-json", error.message).at(place)
    })?;
    SchemaFragment::from_json_value(value).map_err(|error| schema_problems(text, &error))
}

/// Every fault of a schema: Cedar gives one error, or one with others related to it.
fn schema_problems(text: &Text, error: &dyn Diagnostic) -> Problems {
    let mut problems = Problems::one(problem_from("schema", text, error));
    for other in error.related().into_iter().flatten() {
        problems.push(problem_from("schema", text, other));
    }
    problems
}

// === impl SchemaInfo ===

impl SchemaInfo {
    fn read(
        cedar: Schema,
        fragment: &SchemaFragment,
        text: &Text,
        problems: &mut Problems,
    ) -> Self {
        let core: &ValidatorSchema = cedar.as_ref();
        let mut types = HashMap::default();
        let mut entity_types: Vec<_> = core.entity_types().collect();
        // In one order, so that the same faults are told in the same order.
        entity_types.sort_by_cached_key(|entity_type| entity_type.name().to_string());
        for entity_type in entity_types {
            let name = entity_type.name().to_string();
            let Ok(parsed) = EntityTypeName::from_str(&name) else { continue };
            let attributes = record(entity_type.attributes());
            let same_as_parents = same_as_parents(fragment, &parsed, &attributes, text, problems);
            let tags = entity_type.tag_type().map(type_of);
            let enumerated = match &entity_type.kind {
                ValidatorEntityTypeKind::Enum(ids) => {
                    Some(ids.iter().map(|id| AsRef::<str>::as_ref(id).to_owned()).collect())
                }
                // Declared elsewhere: nothing of it can be told right from wrong, so no id is right.
                ValidatorEntityTypeKind::External => Some(BTreeSet::new()),
                ValidatorEntityTypeKind::Standard(_) => None,
            };
            let ancestors = core
                .entity_types()
                .filter(|other| other.has_descendant_entity_type(entity_type.name()))
                .map(|other| other.name().to_string())
                .collect();
            let info = TypeInfo {
                name: parsed,
                attributes,
                tags,
                same_as_parents,
                enumerated,
                ancestors,
                parents: BTreeSet::new(),
            };
            types.insert(name, info);
        }
        let mut actions = HashMap::default();
        let mut action_groups = HashSet::default();
        for action in core.action_ids() {
            for member in action.descendants() {
                let pair =
                    (EntityUid::from(member.clone()), EntityUid::from(action.name().clone()));
                action_groups.insert(pair);
            }
            let context = match action.context_type() {
                Some(CoreType::Record { attrs, .. }) => record(attrs),
                _ => Record::new(),
            };
            let principals = action.applies_to_principals().map(ToString::to_string).collect();
            let resources = action.applies_to_resources().map(ToString::to_string).collect();
            let uid = EntityUid::from(action.name().clone());
            actions.insert(uid, ActionInfo { principals, resources, context });
        }
        let names = types.iter().map(|(key, it)| (it.name.clone(), key.clone())).collect();
        let mut action_uids: HashMap<String, HashMap<String, EntityUid>> = HashMap::default();
        for uid in actions.keys() {
            let of_type = action_uids.entry(uid.type_name().to_string()).or_default();
            of_type.insert(uid.id().unescaped().to_owned(), uid.clone());
        }
        let secrets = BTreeSet::new();
        let warnings = Problems::default();
        let mut info =
            Self { cedar, types, names, actions, action_uids, action_groups, secrets, warnings };
        annotated::read(&mut info, fragment, text, problems);
        info
    }

    /// An entity type by its name.
    pub fn entity_type(&self, name: &str) -> Option<&TypeInfo> {
        self.types.get(name)
    }

    /// The entity type of a uid.
    pub fn entity_type_of(&self, uid: &EntityUid) -> Option<&TypeInfo> {
        self.names.get(uid.type_name()).and_then(|name| self.types.get(name))
    }

    /// The uid of an action by its type and id.
    pub fn action_named(&self, type_name: &str, id: &str) -> Option<&EntityUid> {
        self.action_uids.get(type_name)?.get(id)
    }

    /// The names of all entity types, sorted.
    pub fn type_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.types.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// An action by its uid.
    pub fn action(&self, uid: &EntityUid) -> Option<&ActionInfo> {
        self.actions.get(uid)
    }

    /// Whether an action is in a group, directly or not; an action is in itself.
    pub fn is_action_in(&self, action: &EntityUid, group: &EntityUid) -> bool {
        action == group || self.action_groups.contains(&(action.clone(), group.clone()))
    }

    /// The names of attributes that are secret in some type, or have something secret in them.
    pub fn secret_names(&self) -> &BTreeSet<String> {
        &self.secrets
    }

    /// Every action with its uid, in no order.
    pub fn actions(&self) -> impl Iterator<Item = (&EntityUid, &ActionInfo)> {
        self.actions.iter()
    }
}

fn same_as_parents(
    fragment: &SchemaFragment,
    name: &EntityTypeName,
    attributes: &Record,
    text: &Text,
    problems: &mut Problems,
) -> Vec<String> {
    let namespace = name.namespace();
    let namespace =
        (!namespace.is_empty()).then(|| EntityNamespace::from_str(&namespace).ok()).flatten();
    let Some(value) = fragment.entity_type_annotation(namespace, name.basename(), SAME_AS_PARENTS)
    else {
        return Vec::new();
    };
    let names: Vec<String> =
        value.split(',').map(|name| name.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    for missing in names.iter().filter(|attribute| !attributes.contains_key(*attribute)) {
        let message = format!(
            "`@{SAME_AS_PARENTS}` of entity type `{name}` names `{missing}`, which is not one of its attributes"
        );
        problems.push(
            Problem::error("schema-integrity", message)
                .at(declared(text, &name.to_string()))
                .hint(format!("declare the attribute, or take it out of `@{SAME_AS_PARENTS}`")),
        );
    }
    names
}

/// Where a text declares an entity type.
fn declared(text: &Text, name: &str) -> Place {
    match gate::declaration(&text.text, "entity", name) {
        Some(span) => Place::of(&text.name, &text.text, span.start, span.len()),
        None => Place::whole(&text.name),
    }
}

fn record(attributes: &Attributes) -> Record {
    attributes
        .iter()
        .map(|(name, attribute)| {
            let ty = type_of(&attribute.attr_type);
            let required = attribute.is_required();
            (name.to_string(), Member { ty, required, secret: false })
        })
        .collect()
}

fn type_of(core: &CoreType) -> Type {
    match core {
        CoreType::Bool(_) => Type::Bool,
        CoreType::Long => Type::Long,
        CoreType::Entity(EntityKind::Entity(lub)) => {
            Type::Entity(lub.get_single_entity().map(ToString::to_string).unwrap_or_default())
        }
        CoreType::Entity(EntityKind::AnyEntity) => Type::Entity(String::new()),
        CoreType::Set { element_type: Some(element) } => Type::Set(Box::new(type_of(element))),
        CoreType::Record { attrs, .. } => Type::Record(record(attrs)),
        CoreType::ExtensionType { name } => Type::Extension(name.to_string()),
        // `Never` and sets of anything occur in the validator's comparisons, not in schemas.
        CoreType::String | CoreType::Never | CoreType::Set { element_type: None } => Type::String,
    }
}

/// Leaves out members that a record does not declare, at every depth.
pub fn drop_undeclared(object: &mut serde_json::Map<String, Value>, declared: &Record) {
    object.retain(|name, _| declared.contains_key(name));
    for (name, value) in object.iter_mut() {
        if let Some(member) = declared.get(name) {
            drop_in(value, &member.ty);
        }
    }
}

fn drop_in(value: &mut Value, ty: &Type) {
    match (value, ty) {
        // An entity or an extension value in its explicit form is no record with members to spare.
        (Value::Object(object), Type::Record(_)) if is_explicit(object) => {}
        (Value::Object(object), Type::Record(declared)) => drop_undeclared(object, declared),
        (Value::Array(items), Type::Set(element)) => {
            for item in items {
                drop_in(item, element);
            }
        }
        _ => {}
    }
}

fn is_explicit(object: &serde_json::Map<String, Value>) -> bool {
    object.len() == 1 && object.keys().any(|name| name == "__entity" || name == "__extn")
}
