//! A route file and a schema become a [`RouteMap`], or every problem at once: names that the schema
//! does not have, actions that do not apply, routes that overlap, routes that nothing reaches.

mod context;
mod entity;

use super::file::{Asked, CODE, Entry, RouteFile};
use super::reach;
use super::route::{Check, Route};
use super::table::RouteMap;
use super::template::Template;
use crate::engine::schema::{ActionInfo, SchemaInfo};
use crate::engine::{Problems, spelling, uid};
use crate::yaml::{Node, Reader};

/// What a route's words are held against.
struct Compiler<'a, 'r> {
    file: &'a RouteFile,
    schema: &'a SchemaInfo,
    reader: &'r mut Reader<'a>,
}

impl RouteMap {
    /// Compiles a route file against a schema.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn compile(file: &RouteFile, schema: &SchemaInfo) -> Result<Self, Problems> {
        let mut reader = Reader::new(file.source(), CODE);
        let mut compiler = Compiler { file, schema, reader: &mut reader };
        let routes = file
            .routes
            .iter()
            .enumerate()
            .map(|(number, entry)| compiler.route(number, entry))
            .collect();
        let nodes: Vec<&Node> = file.routes.iter().map(|entry| &entry.node).collect();
        let mut map = Self::new(file, routes);
        let placed = map.place(&nodes, &mut reader);
        // Where routes overlap, which of them is reached means nothing.
        if placed {
            reach::judge(&map, &nodes, &mut reader);
        }
        reader.finish(map)
    }
}

// === impl Compiler ===

impl Compiler<'_, '_> {
    fn route(&mut self, number: usize, entry: &Entry) -> Route {
        let names: Vec<String> = entry.template.names().map(str::to_owned).collect();
        let checks =
            entry.asked.iter().filter_map(|asked| self.check(asked, &entry.template)).collect();
        if entry.upgrade && entry.methods.iter().any(|method| method != "GET") {
            let message = "the route is unreachable by methods other than GET: a WebSocket is \
                           opened by GET";
            self.reader.fail(&entry.node, message);
        }
        Route {
            number,
            label: entry.label.clone(),
            line: entry.node.line,
            methods: entry.methods.clone(),
            hosts: entry.hosts.clone(),
            template: entry.template.clone(),
            names,
            query: entry.query.clone(),
            upgrade: entry.upgrade,
            credentials: entry.credentials.clone(),
            encoded_slash: entry.encoded_slash.clone(),
            checks,
            public: entry.public,
        }
    }

    fn check(&mut self, asked: &Asked, template: &Template) -> Option<Check> {
        let action = self.action(&asked.action)?;
        let schema = self.schema;
        let info = schema.action(&action)?;
        let resource = self.resource(&asked.resource, &action, info, template);
        let context = self.context(asked.context.as_ref(), &asked.action, info, template);
        Some(Check { action, resource: resource?, context: context? })
    }

    fn action(&mut self, node: &Node) -> Option<cedar_policy::EntityUid> {
        let text = node.text()?;
        let (type_name, id) = if text.contains("::\"") {
            match uid::parse(text) {
                Ok(uid) => (uid.type_name, uid.id),
                Err(why) => {
                    self.reader.fail(node, why);
                    return None;
                }
            }
        } else {
            ("Action".to_owned(), text.to_owned())
        };
        let found = self.schema.action_named(&type_name, &id).cloned();
        if found.is_none() {
            let mut known: Vec<_> = self
                .schema
                .actions()
                .filter(|(_, info)| !info.resources.is_empty())
                .map(|(uid, _)| uid.id().unescaped().to_owned())
                .collect();
            known.sort_unstable();
            let message = format!("the schema declares no action `{type_name}::\"{id}\"`");
            let hint = match spelling::nearest(&id, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it declares {}", known.join(", ")),
            };
            self.reader.fail_with_hint(node, message, hint);
        }
        found
    }

    /// Whether an attribute of some principal of the action is of a wanted type; tells if not.
    fn principal_attribute(
        &mut self,
        node: &Node,
        attribute: &str,
        info: &ActionInfo,
        wanted: impl Fn(&crate::engine::schema::Type) -> bool,
        what: &str,
    ) -> bool {
        let mut types = info.principals.iter().filter_map(|name| self.schema.entity_type(name));
        let fits = types.any(|ty| ty.attributes.get(attribute).is_some_and(|it| wanted(&it.ty)));
        if !fits {
            let principals: Vec<_> = info.principals.iter().map(String::as_str).collect();
            let message = format!(
                "no principal that the action is for ({}) has an attribute `{attribute}` that is \
                 {what}",
                principals.join(", ")
            );
            self.reader.fail(node, message);
        }
        fits
    }
}
