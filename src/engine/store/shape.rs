//! What the schema says about the rows of the store: numbers for entity types and attributes, and
//! for each type which members its rows have, in which order and how wide.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use cedar_policy::{EntityTypeName, EntityUid};

use super::{AttributeNo, TypeNo};
use crate::engine::schema::{Record, SchemaInfo, Type, TypeInfo};
use crate::engine::uid;

/// The types of a schema, numbered.
#[derive(Debug)]
pub(super) struct Shapes {
    types: Vec<Shape>,
    by_name: HashMap<Box<str>, TypeNo>,
    /// The type and name behind each attribute's number.
    attributes: Vec<(TypeNo, Box<str>)>,
}

/// One entity type.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: Box<str>,
    pub(super) cedar_name: EntityTypeName,
    /// `false` for the types of actions, which the schema holds and the store only names.
    pub(super) declared: bool,
    /// By name, in byte order.
    pub(super) attributes: Box<[Field]>,
    pub(super) tags: Option<Kind>,
    /// The ids that an enumerated type has.
    pub(super) ids: Option<BTreeSet<String>>,
    /// The types of allowed parents, and of theirs.
    pub(super) parents: BTreeSet<TypeNo>,
    pub(super) same_as_parents: Vec<Box<str>>,
    /// The number of the first attribute; the others follow.
    first_attribute: u32,
}

/// A member of an entity or record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// A type of a value, as it is packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Long,
    String,
    /// `None`: of any type.
    Entity(Option<TypeNo>),
    Set(Box<Kind>),
    Record(Box<[Field]>),
    Extension(Extension),
}

/// Cedar's extension types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// `ipaddr`.
    Ip,
    /// `decimal`.
    Decimal,
    /// `datetime`.
    Datetime,
    /// `duration`.
    Duration,
}

// === impl Shapes ===

impl Shapes {
    pub(super) fn new(schema: &SchemaInfo) -> Self {
        let mut by_name: HashMap<Box<str>, TypeNo> = HashMap::new();
        let mut names: Vec<(String, Option<&TypeInfo>, EntityTypeName)> = Vec::new();
        for name in schema.type_names() {
            let Some(info) = schema.entity_type(name) else { continue };
            names.push((name.to_owned(), Some(info), info.name.clone()));
        }
        let actions: BTreeSet<_> =
            schema.actions().map(|(uid, _)| uid.type_name().to_string()).collect();
        for name in actions {
            if let Ok(cedar_name) = name.parse() {
                names.push((name, None, cedar_name));
            }
        }
        for (number, (name, ..)) in names.iter().enumerate() {
            let number = TypeNo(u16::try_from(number).unwrap_or(u16::MAX));
            by_name.entry(name.as_str().into()).or_insert(number);
        }
        let mut ids = enumerated(schema);
        let mut attributes = Vec::new();
        let types = names
            .into_iter()
            .map(|(name, info, cedar_name)| {
                let shape = Shape::new(&name, info, cedar_name, schema, &by_name, attributes.len());
                let number = by_name.get(name.as_str()).copied().unwrap_or_default();
                let fields = shape.attributes.iter();
                attributes.extend(fields.map(|field| (number, field.name.clone())));
                Shape { ids: ids.remove(&name), ..shape }
            })
            .collect();
        Self { types, by_name, attributes }
    }

    pub(super) fn len(&self) -> usize {
        self.types.len()
    }

    pub(super) fn type_no(&self, name: &str) -> Option<TypeNo> {
        self.by_name.get(name).copied()
    }

    pub(super) fn shape(&self, ty: TypeNo) -> Option<&Shape> {
        self.types.get(ty.index())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (TypeNo, &Shape)> {
        let numbers = (0..).map(TypeNo);
        numbers.zip(&self.types)
    }

    pub(super) fn attribute(&self, attribute: AttributeNo) -> Option<(TypeNo, &str)> {
        let (ty, name) = self.attributes.get(attribute.0 as usize)?;
        Some((*ty, name))
    }

    /// The uid of an entity of this type.
    pub(super) fn uid(&self, ty: TypeNo, id: &str) -> Option<EntityUid> {
        self.shape(ty).map(|shape| uid::of(&shape.cedar_name, id))
    }

    /// Every type with its members in one line: what the rows of a store rest on.
    pub(super) fn describe(&self) -> String {
        let mut text = String::new();
        for shape in &self.types {
            let Shape { name, declared, attributes, tags, ids, parents, .. } = shape;
            let shared = &shape.same_as_parents;
            // A `String` takes everything.
            let _ = writeln!(
                text,
                "{name:?} {declared} {attributes:?} {tags:?} {ids:?} {parents:?} {shared:?}"
            );
        }
        text
    }
}

/// The ids of each enumerated type.
fn enumerated(schema: &SchemaInfo) -> HashMap<String, BTreeSet<String>> {
    let names = schema.type_names();
    let ids = names.into_iter().filter_map(|name| {
        let ids = schema.entity_type(name)?.enumerated.clone()?;
        Some((name.to_owned(), ids))
    });
    ids.collect()
}

// === impl Shape ===

impl Shape {
    fn new(
        name: &str,
        info: Option<&TypeInfo>,
        cedar_name: EntityTypeName,
        schema: &SchemaInfo,
        by_name: &HashMap<Box<str>, TypeNo>,
        first_attribute: usize,
    ) -> Self {
        let parents = schema
            .cedar
            .ancestors(&cedar_name)
            .into_iter()
            .flatten()
            .filter_map(|parent| by_name.get(parent.to_string().as_str()).copied())
            .collect();
        Self {
            name: name.into(),
            declared: info.is_some(),
            attributes: info.map(|info| fields(&info.attributes, by_name)).unwrap_or_default(),
            tags: info.and_then(|info| info.tags.as_ref()).map(|ty| kind(ty, by_name)),
            ids: None,
            parents,
            same_as_parents: info
                .map(|info| info.same_as_parents.iter().map(|name| name.as_str().into()).collect())
                .unwrap_or_default(),
            first_attribute: u32::try_from(first_attribute).unwrap_or(u32::MAX),
            cedar_name,
        }
    }

    pub(super) fn attribute_no(&self, at: usize) -> AttributeNo {
        AttributeNo(self.first_attribute + u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// Whether an entity of this type may have this id.
    pub(super) fn allows_id(&self, id: &str) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(id))
    }
}

fn fields(record: &Record, by_name: &HashMap<Box<str>, TypeNo>) -> Box<[Field]> {
    record
        .iter()
        .map(|(name, member)| Field {
            name: name.as_str().into(),
            kind: kind(&member.ty, by_name),
            required: member.required,
        })
        .collect()
}

fn kind(ty: &Type, by_name: &HashMap<Box<str>, TypeNo>) -> Kind {
    match ty {
        Type::Bool => Kind::Bool,
        Type::Long => Kind::Long,
        Type::String => Kind::String,
        Type::Entity(name) => Kind::Entity(by_name.get(name.as_str()).copied()),
        Type::Set(element) => Kind::Set(Box::new(kind(element, by_name))),
        Type::Record(record) => Kind::Record(fields(record, by_name)),
        Type::Extension(name) => Kind::Extension(match name.as_str() {
            "decimal" => Extension::Decimal,
            "datetime" => Extension::Datetime,
            "duration" => Extension::Duration,
            _ => Extension::Ip,
        }),
    }
}

// === impl Kind ===

impl Kind {
    /// How many words a value of this type takes where it stands.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Bool | Self::Entity(_) | Self::Set(_) | Self::Record(_) => 1,
            Self::Long | Self::String => 2,
            Self::Extension(_) => 3,
        }
    }
}

/// How many words say which of a record's members are there.
pub(super) fn presence_words(fields: &[Field]) -> usize {
    fields.len().div_ceil(32)
}

// === impl Extension ===

impl Extension {
    /// The name of the function that makes such a value of a string.
    pub fn constructor(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Decimal => "decimal",
            Self::Datetime => "datetime",
            Self::Duration => "duration",
        }
    }
}
