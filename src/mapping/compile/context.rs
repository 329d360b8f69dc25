//! The context of a check, against what the action declares.

use super::super::reference::Reference;
use super::super::resource::{Resource, ValueOf};
use super::super::template::Template;
use super::Compiler;
use crate::engine::schema::{ActionInfo, Type};
use crate::yaml::{Kind, Node};

impl Compiler<'_, '_> {
    /// Every member of the context; `None` where one of them is wrong.
    pub(super) fn context(
        &mut self,
        node: Option<&Node>,
        action: &Node,
        info: &ActionInfo,
        template: &Template,
    ) -> Option<Vec<(String, ValueOf)>> {
        let members = node.map(|node| self.reader.members(node)).unwrap_or_default();
        let mut context = Vec::new();
        let mut right = true;
        for (name, value) in members {
            let text = name.text().unwrap_or_default();
            let Some(member) = info.context.get(text) else {
                let known: Vec<_> = info.context.keys().map(String::as_str).collect();
                let message = format!("the action's context has no member `{text}`");
                let hint = match known.as_slice() {
                    [] => "its context is empty".to_owned(),
                    known => format!("it has {}", known.join(", ")),
                };
                self.reader.fail_with_hint(name, message, hint);
                right = false;
                continue;
            };
            match self.value(value, &member.ty, info, template) {
                Some(value) => context.push((text.to_owned(), value)),
                None => right = false,
            }
        }
        for (name, member) in &info.context {
            if member.required && !members.iter().any(|(key, _)| key.text() == Some(name)) {
                let message = format!("the action needs `{name}` in its context");
                let hint = format!("add `context: {{ {name}: … }}` to the route");
                self.reader.fail_with_hint(action, message, hint);
                right = false;
            }
        }
        right.then_some(context)
    }

    fn value(
        &mut self,
        node: &Node,
        ty: &Type,
        info: &ActionInfo,
        template: &Template,
    ) -> Option<ValueOf> {
        if let Type::Entity(name) = ty {
            let entity = self.entity(node, info, template)?;
            let fits = match &entity {
                Resource::Principal => info.principals.contains(name),
                Resource::Attribute(attribute) => {
                    let wanted = |ty: &Type| matches!(ty, Type::Entity(other) if other == name);
                    let what = format!("a `{name}`");
                    return self
                        .principal_attribute(node, attribute, info, wanted, &what)
                        .then_some(ValueOf::Entity(entity));
                }
                Resource::Entity(_) => entity.types().iter().all(|ty| ty.to_string() == *name),
            };
            if !fits {
                self.reader.fail(node, format!("the context wants a `{name}` here"));
            }
            return fits.then_some(ValueOf::Entity(entity));
        }
        match (&node.kind, ty) {
            (Kind::Text(text), _) => self.text_value(node, text, ty, info, template),
            (Kind::Number(number), Type::Long) if number.as_i64().is_some() => {
                Some(ValueOf::Fixed(node.to_json()))
            }
            (Kind::Bool(_), Type::Bool)
            | (Kind::List(_), Type::Set(_))
            | (Kind::Map(_), Type::Record(_) | Type::Extension(_)) => {
                Some(ValueOf::Fixed(node.to_json()))
            }
            _ => {
                let message = format!("the context wants {} here, found {}", word(ty), node.what());
                self.reader.fail(node, message);
                None
            }
        }
    }

    fn text_value(
        &mut self,
        node: &Node,
        text: &str,
        ty: &Type,
        info: &ActionInfo,
        template: &Template,
    ) -> Option<ValueOf> {
        let reference = match Reference::parse(text, template.names()) {
            Ok(reference) => reference,
            Err(why) => {
                self.reader.fail(node, why);
                return None;
            }
        };
        if let Reference::Attribute(attribute) = &reference {
            let wanted = |ty: &Type| matches!(ty, Type::Entity(_) | Type::String);
            let what = "an entity or a string";
            if !self.principal_attribute(node, attribute, info, wanted, what) {
                return None;
            }
        }
        let is_fixed = matches!(reference, Reference::Fixed(_));
        match ty {
            Type::String | Type::Extension(_) => Some(ValueOf::Text(reference)),
            Type::Long if !is_fixed => Some(ValueOf::Long(reference)),
            Type::Bool if !is_fixed => Some(ValueOf::Bool(reference)),
            _ => {
                let message = format!("the context wants {} here, found a text", word(ty));
                self.reader.fail(node, message);
                None
            }
        }
    }
}

/// A type, for people.
fn word(ty: &Type) -> String {
    match ty {
        Type::Bool => "`true` or `false`".to_owned(),
        Type::Long => "an integer".to_owned(),
        Type::String => "a text".to_owned(),
        Type::Set(_) => "a list".to_owned(),
        Type::Record(_) => "keys with values".to_owned(),
        Type::Entity(name) | Type::Extension(name) => format!("a `{name}`"),
    }
}
