//! doorward's side: the world as a bundle, split over several texts in every format, compiled, and
//! asked through the public interface of the engine.

use cedar_policy::SchemaFragment;
use doorward::engine::check::Undeclared;
use doorward::engine::{
    Bundle, CheckOptions, CheckRequest, CheckResponse, CompileOptions, InvalidRequest, References,
    Snapshot, Text, compile,
};
use serde_json::{Value as Json, json};

use crate::dice::Dice;
use crate::model::{Members, Question, World};
use crate::plain::{self, uid};
use crate::text;

pub(crate) fn load(world: &World) -> Result<Snapshot, String> {
    let references = if world.strict { References::Strict } else { References::Cedar };
    let options = CompileOptions { references, ..CompileOptions::default() };
    compile(&bundle(world), &options).map_err(|problems| problems.to_string())
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
    let entities = plain::entities_json(world);
    let links: Vec<Json> = world.links.iter().map(text::link).collect();
    let parts = 1 + dice.below(3);
    let mut bundle =
        Bundle { schema: Some(Text::new("schema.cedarschema", schema)), ..Bundle::default() };
    for (part, policies) in split(&policies, parts).enumerate() {
        bundle.policies.push(Text::new(format!("part{part}.cedar"), policies.join("\n")));
    }
    for (part, entities) in split(&entities, parts).enumerate() {
        bundle.entities.push(listed(&format!("entities{part}"), entities, dice.one_in(2)));
    }
    let in_lines = dice.one_in(4);
    for (part, links) in split(&links, parts).enumerate() {
        if in_lines {
            // A link may also stand in a line among entities.
            let wrapped: Vec<Json> = links.iter().map(|link| json!({"link": link})).collect();
            bundle.entities.push(listed(&format!("shares{part}"), &wrapped, true));
        } else {
            bundle.links.push(listed(&format!("links{part}"), links, dice.one_in(2)));
        }
    }
    bundle
}

fn split<T>(items: &[T], parts: usize) -> impl Iterator<Item = &[T]> {
    items.chunks(items.len().div_ceil(parts).max(1))
}

fn listed(stem: &str, items: &[Json], in_lines: bool) -> Text {
    if in_lines {
        let lines: Vec<String> = items.iter().map(ToString::to_string).collect();
        Text::new(format!("{stem}.jsonl"), lines.join("\n"))
    } else {
        Text::new(format!("{stem}.json"), format!("{:#}", Json::from(items.to_vec())))
    }
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
        explain: false,
    }
}

/// How it is to be evaluated.
pub(crate) fn options(question: &Question) -> CheckOptions {
    CheckOptions { forbid_errors: question.forbid_errors, request_properties: question.properties }
}
