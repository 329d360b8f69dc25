//! A bundle becomes a snapshot, or every problem that keeps it from becoming one.

use cedar_policy::{Entities, EntityUid};

use super::bundle::{Bundle, Text};
use super::entities::{self, Loaded};
use super::error::{Problem, Problems};
use super::gate::{self, Limits};
use super::links::{self, Reader};
use super::policies::{self, Policies, chain};
use super::schema::{self, SchemaInfo};
use super::snapshot::{Parts, Snapshot};
use super::integrity;

/// How a bundle is compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompileOptions {
    /// Whether every uid that an entity or a link names must exist.
    pub references: References,
    /// The bounds of each text.
    pub limits: Limits,
}

/// Whether every uid that an entity or a link names must exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum References {
    /// It must: a reference to nothing is a mistake or half a snapshot.
    #[default]
    Strict,
    /// It need not, as in Cedar itself.
    Cedar,
}

/// Compiles a bundle. It runs on a thread with a large stack, whoever calls it; warnings are in the
/// snapshot.
///
/// # Errors
/// Every problem that was found, not only the first.
pub fn compile(bundle: &Bundle, options: &CompileOptions) -> Result<Snapshot, Problems> {
    gate::on_large_stack(|| compile_here(bundle, options))
}

fn compile_here(bundle: &Bundle, options: &CompileOptions) -> Result<Snapshot, Problems> {
    let limits = &options.limits;
    let mut problems = Problems::default();
    let schema = match &bundle.schema {
        Some(text) => match schema::parse(text, limits) {
            Ok(schema) => Some(schema),
            Err(found) => {
                problems.append(found);
                None
            }
        },
        None => {
            let problem = Problem::error("no-schema", "there is no schema");
            problems.push(problem.hint("add one `schema.cedarschema` beside the policies, or give `--schema FILE`"));
            None
        }
    };
    let mut policies = policies::parse(&bundle.policies, limits, &mut problems);
    // Without a schema nothing more can be said about policies and entities.
    let Some(schema) = schema else { return Err(problems) };
    policies::validate(&policies, &schema, &bundle.policies, &mut problems);
    let (loaded, link_items) = read_entities(&bundle.entities, &schema, limits, &mut problems);
    let missing_allowed = options.references == References::Cedar;
    integrity::check(&loaded, &schema, missing_allowed, &mut problems);
    let entities_hold = !problems.refuses();
    let entities = to_cedar(loaded, &schema, entities_hold, &mut problems);
    let exists = |uid: &EntityUid| entities.get(uid).is_some();
    let mut reader = Reader {
        policies: &policies,
        schema: &schema,
        limits,
        // Entities that could not be read are no reason to call links dangling.
        exists: (!missing_allowed && entities_hold).then_some(&exists),
        places: Default::default(),
        links: Default::default(),
    };
    read_links(&bundle.links, link_items, &mut reader, &mut problems);
    let links = reader.links;
    if problems.refuses() {
        return Err(problems);
    }
    let Policies { mut set, infos } = std::mem::take(&mut policies);
    links::add_to(&mut set, &links, &mut problems);
    if problems.refuses() {
        return Err(problems);
    }
    Ok(Snapshot::new(Parts { schema, set, infos, links, entities, warnings: problems }))
}

type LinkItem = (serde_json::Map<String, serde_json::Value>, super::error::Place);

/// Reads every entity text; lines that hold a link come back beside the entities.
fn read_entities(
    texts: &[Text],
    schema: &SchemaInfo,
    limits: &Limits,
    problems: &mut Problems,
) -> (Vec<Loaded>, Vec<LinkItem>) {
    let mut loaded = Vec::new();
    let mut link_items = Vec::new();
    for text in texts {
        for item in links::items(text, problems) {
            let mut object = match item.object(limits) {
                Ok(object) => object,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            if text.is_lines()
                && object.len() == 1
                && let Some(serde_json::Value::Object(link)) = object.remove("link")
            {
                link_items.push((link, item.place()));
                continue;
            }
            loaded.extend(entities::read(object, &item, schema, problems));
        }
    }
    (loaded, link_items)
}

fn read_links(
    texts: &[Text],
    from_lines: Vec<LinkItem>,
    reader: &mut Reader<'_>,
    problems: &mut Problems,
) {
    for text in texts {
        for item in links::items(text, problems) {
            match item.object(reader.limits) {
                Ok(object) => reader.take(object, &item.place(), problems),
                Err(problem) => problems.push(problem),
            }
        }
    }
    for (object, place) in from_lines {
        reader.take(object, &place, problems);
    }
}

fn to_cedar(
    loaded: Vec<Loaded>,
    schema: &SchemaInfo,
    sound: bool,
    problems: &mut Problems,
) -> Entities {
    if !sound {
        return Entities::empty();
    }
    match Entities::from_entities(loaded.into_iter().map(|it| it.entity), Some(&schema.cedar)) {
        Ok(entities) => entities,
        Err(error) => {
            problems.push(Problem::error("entities", chain(&error)));
            Entities::empty()
        }
    }
}
