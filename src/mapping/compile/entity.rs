//! Resources, and entities in a context, against the schema.

use cedar_policy::{EntityTypeName, EntityUid};

use super::super::file::type_table;
use super::super::reference::Reference;
use super::super::resource::{EntityOf, Resource, TypeOf, Types};
use super::super::template::Template;
use super::Compiler;
use crate::engine::schema::{ActionInfo, Type};
use crate::engine::{spelling, uid};
use crate::yaml::{Kind, Node};

const OWN_TYPE: &str = "the principal has its own type: write `\"{principal}\"`";

impl Compiler<'_, '_> {
    /// The resource of a check.
    pub(super) fn resource(
        &mut self,
        node: &Node,
        action: &EntityUid,
        info: &ActionInfo,
        template: &Template,
    ) -> Option<Resource> {
        let resource = self.entity(node, info, template)?;
        let applies = |name: &str| info.resources.contains(name);
        let action = action.id().unescaped();
        match &resource {
            Resource::Principal => {
                if !info.principals.iter().any(|name| applies(name)) {
                    let message = format!("`{action}` does not apply to principals");
                    self.reader.fail(node, message);
                }
            }
            Resource::Attribute(attribute) => {
                let wanted = |ty: &Type| matches!(ty, Type::Entity(name) if applies(name));
                let what = format!("an entity that `{action}` applies to");
                self.principal_attribute(node, attribute, info, wanted, &what);
            }
            Resource::Entity(_) => {
                for ty in resource.types() {
                    if !applies(&ty.to_string()) {
                        let resources: Vec<_> = info.resources.iter().map(String::as_str).collect();
                        let message = format!("`{action}` does not apply to `{ty}`");
                        let at = node.get("type").unwrap_or(node);
                        let hint = format!("it applies to {}", resources.join(", "));
                        self.reader.fail_with_hint(at, message, hint);
                    }
                }
            }
        }
        Some(resource)
    }

    /// An entity: `"{principal}"`, `"{principal.owner}"`, `Type::"id"`, or a type and an id.
    pub(super) fn entity(
        &mut self,
        node: &Node,
        info: &ActionInfo,
        template: &Template,
    ) -> Option<Resource> {
        if let Some(text) = node.text() {
            return self.entity_by_text(node, text, template);
        }
        if !matches!(node.kind, Kind::Map(_)) {
            let message = format!("expected a type and an id, found {}", node.what());
            self.reader.fail_with_hint(node, message, "write `{ type: Device, id: \"{id}\" }`");
            return None;
        }
        if !self.reader.keys(node, "an entity", &["type", "types", "id"]) {
            return None;
        }
        let (Some(_), Some(_)) = (node.get("type"), node.get("id")) else {
            self.reader.fail(node, "an entity needs a `type` and an `id`");
            return None;
        };
        let ty = self.type_of(node, template);
        let id = self.id_of(node, info, template);
        let (ty, id) = (ty?, id?);
        match (&ty, &id) {
            (TypeOf::Fixed(types), Reference::Fixed(text)) => {
                for name in types {
                    self.enumerated(node, name, text);
                }
            }
            (TypeOf::Fixed(types), Reference::Principal) => match types.as_slice() {
                [name] if info.principals.contains(&name.to_string()) => {}
                [name] => {
                    let message = format!("no principal that the action is for is a `{name}`");
                    self.reader.fail(node, message);
                }
                _ => self.reader.fail(node, OWN_TYPE),
            },
            (TypeOf::Table(..), Reference::Principal) => self.reader.fail(node, OWN_TYPE),
            _ => {}
        }
        Some(Resource::Entity(EntityOf { ty, id }))
    }

    fn entity_by_text(&mut self, node: &Node, text: &str, template: &Template) -> Option<Resource> {
        if text.contains("::\"") {
            return match uid::parse(text) {
                Ok(uid) => {
                    let name = self.type_named(node, &uid.type_name)?;
                    self.enumerated(node, &name, &uid.id);
                    let (ty, id) = (TypeOf::Fixed(vec![name]), Reference::Fixed(uid.id));
                    Some(Resource::Entity(EntityOf { ty, id }))
                }
                Err(why) => {
                    self.reader.fail(node, why);
                    None
                }
            };
        }
        match Reference::parse(text, template.names()) {
            Ok(Reference::Principal) => Some(Resource::Principal),
            Ok(Reference::Attribute(attribute)) => Some(Resource::Attribute(attribute)),
            Ok(_) => {
                let message = format!("`{text}` is not an entity: it has no type");
                let hint = format!("write `{{ type: Device, id: \"{text}\" }}`");
                self.reader.fail_with_hint(node, message, hint);
                None
            }
            Err(why) => {
                self.reader.fail(node, why);
                None
            }
        }
    }

    /// The type of an entity: a name, or a word of the request that a table gives a name to.
    fn type_of(&mut self, node: &Node, template: &Template) -> Option<TypeOf> {
        let ty = node.get("type")?;
        if matches!(ty.kind, Kind::List(_)) {
            return self.types_named(ty).map(TypeOf::Fixed);
        }
        let text = self.reader.text(Some(ty))?.to_owned();
        let reference = match Reference::parse(&text, template.names()) {
            Ok(Reference::Fixed(name)) => {
                if let Some(types) = node.get("types") {
                    self.reader.fail(types, "`types` is for a type such as `{entityType}`");
                }
                return self.type_named(ty, &name).map(|name| TypeOf::Fixed(vec![name]));
            }
            Ok(reference @ (Reference::Capture(_) | Reference::Query(_))) => reference,
            Ok(_) => {
                self.reader.fail(ty, "a type comes from the path or the query, or is fixed");
                return None;
            }
            Err(why) => {
                self.reader.fail(ty, why);
                return None;
            }
        };
        let Some(types) = node.get("types") else {
            self.reader.fail_with_hint(
                ty,
                format!("`{text}` needs `types`, which says what its words stand for"),
                "write `types: { DEVICE: Device, ASSET: Asset }`, or name a table under the file's \
                 `types`",
            );
            return None;
        };
        let words = match &types.kind {
            Kind::Text(name) => {
                let found = self.file.types.get(name).cloned();
                if found.is_none() {
                    let message = format!("the file's `types` has no table `{name}`");
                    self.reader.fail(types, message);
                }
                found?
            }
            _ => type_table(types, self.reader),
        };
        let mut table = Vec::new();
        for (word, names) in words {
            table.push((word, self.types_named(&names)?));
        }
        if table.is_empty() {
            self.reader.fail(types, "the table of types is empty: the route is unreachable");
        }
        Some(TypeOf::Table(reference, table))
    }

    fn id_of(&mut self, node: &Node, info: &ActionInfo, template: &Template) -> Option<Reference> {
        let id = node.get("id")?;
        let text = self.reader.text(Some(id))?.to_owned();
        match Reference::parse(&text, template.names()) {
            Ok(Reference::Attribute(attribute)) => {
                let wanted = |ty: &Type| matches!(ty, Type::Entity(_) | Type::String);
                self.principal_attribute(id, &attribute, info, wanted, "an entity or a string");
                Some(Reference::Attribute(attribute))
            }
            Ok(reference) => Some(reference),
            Err(why) => {
                self.reader.fail(id, why);
                None
            }
        }
    }

    /// One type by name, or a list of them.
    fn types_named(&mut self, node: &Node) -> Option<Types> {
        if let Some(text) = node.text() {
            return self.type_named(node, text).map(|name| vec![name]);
        }
        let names = self.reader.texts(Some(node));
        if names.is_empty() {
            self.reader.fail(node, "the list of types is empty");
            return None;
        }
        let mut types = Types::new();
        for name in names {
            let ty = self.type_named(name, name.text().unwrap_or_default())?;
            if types.contains(&ty) {
                self.reader.fail(name, format!("`{ty}` stands here twice"));
            } else {
                types.push(ty);
            }
        }
        Some(types)
    }

    fn type_named(&mut self, node: &Node, name: &str) -> Option<EntityTypeName> {
        if let Some(info) = self.schema.entity_type(name) {
            return Some(info.name.clone());
        }
        let message = format!("the schema declares no entity type `{name}`");
        let known = self.schema.type_names();
        let hint = match spelling::nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it declares {}", known.join(", ")),
        };
        self.reader.fail_with_hint(node, message, hint);
        None
    }

    /// Tells an id that a type with listed ids does not have.
    fn enumerated(&mut self, node: &Node, name: &EntityTypeName, id: &str) {
        let info = self.schema.entity_type(&name.to_string());
        let listed = info.and_then(|info| info.enumerated.as_ref());
        if listed.is_some_and(|ids| !ids.contains(id)) {
            self.reader.fail(node, format!("the schema lists no `{name}` with the id `{id}`"));
        }
    }
}
