//! doorward's side: the world as a bundle, split over several texts in every format, compiled, and
//! asked through the public interface of the engine.

use std::fmt::Write;

use cedar_policy::SchemaFragment;
use doorward::engine::check::{ForbidErrors, RequestProperties, Undeclared};
use doorward::engine::{
    Bundle, CheckOptions, CheckRequest, CheckResponse, CompileOptions, InvalidRequest, References,
    Snapshot, Text, compile,
};
use serde_json::{Value as Json, json};

use crate::dice::Dice;
use crate::model::{Members, Properties, Question, World};
use crate::plain::{self, uid};
use crate::text;

/// The snapshot, or every error, each beginning with its code.
pub(crate) fn load(world: &World) -> Result<Snapshot, Vec<String>> {
    compile(&bundle(world), &compile_options(world)).map_err(|problems| {
        problems.errors().map(|error| format!("{}: {error}", error.code)).collect()
    })
}

pub(crate) fn compile_options(world: &World) -> CompileOptions {
    let references = if world.strict { References::Strict } else { References::Cedar };
    CompileOptions { references, ..CompileOptions::default() }
}

/// The bundle; the world's dice decide on the texts and their formats.
fn bundle(world: &World) -> Bundle {
    let mut dice = Dice::new(world.forms.rotate_left(32));
    let mut schema = text::schema(&world.schema);
    if dice.one_in(8) {
        let (fragment, _) = SchemaFragment::from_cedarschema_str(&schema).unwrap();
        schema = fragment.to_json_string().unwrap();
    }
    let policies: Vec<String> = world.policies.iter().map(text::policy).collect();
    let mut entities = plain::entities_json(world);
    if dice.one_in(4) {
        without_empty(&mut entities);
    }
    if dice.one_in(6) {
        // Action entities may be listed, as long as they say what the schema says.
        let actions = world.schema.actions.iter();
        entities.extend(actions.map(|action| text::action_entity(&world.schema, &action.uid)));
    }
    let links: Vec<Json> = world.links.iter().map(text::link).collect();
    let parts = 1 + dice.below(3);
    let mut bundle =
        Bundle { schema: Some(Text::new("schema.cedarschema", schema)), ..Bundle::default() };
    for (part, policies) in split(&policies, parts).enumerate() {
        bundle.policies.push(Text::new(format!("part{part}.cedar"), policies.join("\n")));
    }
    for (part, entities) in split(&entities, parts).enumerate() {
        let in_lines = dice.one_in(2);
        bundle.entities.push(listed(&format!("entities{part}"), entities, in_lines, &mut dice));
    }
    let among_entities = dice.one_in(4);
    for (part, links) in split(&links, parts).enumerate() {
        if among_entities {
            // A link may also stand in a line among entities.
            let wrapped: Vec<Json> = links.iter().map(|link| json!({"link": link})).collect();
            bundle.entities.push(listed(&format!("shares{part}"), &wrapped, true, &mut dice));
        } else {
            let in_lines = dice.one_in(2);
            bundle.links.push(listed(&format!("links{part}"), links, in_lines, &mut dice));
        }
    }
    bundle
}

fn split<T>(items: &[T], parts: usize) -> impl Iterator<Item = &[T]> {
    items.chunks(items.len().div_ceil(parts).max(1))
}

/// doorward lets members be left out that Cedar wants to see empty.
fn without_empty(entities: &mut [Json]) {
    for entity in entities.iter_mut().filter_map(Json::as_object_mut) {
        entity.retain(|_, value| *value != json!([]) && *value != json!({}));
    }
}

/// Items as a text: an array or lines, and at times escaped as other writers of JSON would.
fn listed(stem: &str, items: &[Json], in_lines: bool, dice: &mut Dice) -> Text {
    let mut text = if in_lines {
        let lines: Vec<String> = items.iter().map(ToString::to_string).collect();
        lines.join(["\n", "\r\n", "\n\n"][dice.below(3)])
    } else {
        format!("{:#}", Json::from(items.to_vec()))
    };
    if dice.one_in(4) {
        text = escaped(&text);
    }
    Text::new(format!("{stem}.{}", if in_lines { "jsonl" } else { "json" }), text)
}

/// The same JSON in ASCII, and with solidi escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '/' => escaped.push_str("\\/"),
            _ if character.is_ascii() => escaped.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
        }
    }
    escaped
}

pub(crate) fn ask(
    snapshot: &Snapshot,
    question: &Question,
) -> Result<CheckResponse, InvalidRequest> {
    snapshot.check(&request(question), options(question))
}

/// The question as a check.
pub(crate) fn request(question: &Question) -> CheckRequest {
    let properties =
        |sent: &Option<Members>| sent.as_ref().map(|sent| text::members(sent, &mut Dice::new(2)));
    CheckRequest {
        principal: uid(&question.principal),
        action: uid(&question.action),
        resource: uid(&question.resource),
        context: plain::context(question, true),
        undeclared: if question.drops_undeclared { Undeclared::Drop } else { Undeclared::Refuse },
        principal_properties: properties(&question.principal_properties),
        resource_properties: properties(&question.resource_properties),
        now_ms: question.now_s * 1000,
        explain: question.explains,
    }
}

/// How it is to be evaluated.
pub(crate) fn options(question: &Question) -> CheckOptions {
    CheckOptions {
        forbid_errors: if question.forbid_errors_deny {
            ForbidErrors::Deny
        } else {
            ForbidErrors::Skip
        },
        request_properties: match question.properties {
            Properties::UnknownEntities => RequestProperties::UnknownEntities,
            Properties::Fill => RequestProperties::Fill,
            Properties::Override => RequestProperties::Override,
            Properties::Ignore => RequestProperties::Ignore,
        },
    }
}
