//! A bundle becomes a snapshot, or every problem that keeps it from becoming one.

use std::io::Read;
use std::sync::Arc;

use super::bundle::{Bundle, Text};
use super::duties::DutiesById;
use super::error::{Problem, Problems};
use super::gate::{self, Limits};
use super::index::Index;
use super::policies::{self, Policies};
use super::schema::{self, SchemaInfo};
use super::slice::Ground;
use super::snapshot::{Rules, Snapshot};
use super::store::{ImageError, LoadOptions, Loader, Store, Taken};

/// How a bundle is compiled.
#[derive(Debug, Clone, Default)]
pub struct CompileOptions {
    /// Whether every uid that an entity or a link names must exist.
    pub references: References,
    /// The bounds of each text.
    pub limits: Limits,
    /// Where the bytes of entities and links are counted as they are loaded.
    pub taken: Taken,
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

/// Why a snapshot could not be made again from an image.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Its schema and policies do not compile.
    #[error("{0}")]
    Rules(Problems),
    /// The image of its store cannot be used.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// Compiles a bundle. It runs on a thread with a large stack, whoever calls it; warnings are in the
/// snapshot.
///
/// # Errors
/// Every problem that was found, not only the first.
pub fn compile(bundle: &Bundle, options: &CompileOptions) -> Result<Snapshot, Problems> {
    examine(bundle, options).map_err(|refused| refused.problems)
}

/// A bundle that does not compile, with what could be read of it all the same.
#[derive(Debug)]
pub struct Refused {
    /// Everything that is wrong.
    pub problems: Problems,
    /// The schema, if that is right.
    pub schema: Option<SchemaInfo>,
}

/// Compiles as [`compile`] does, and keeps the schema where the rest is refused: route files can be
/// held against it.
///
/// # Errors
/// Every problem that was found, not only the first.
pub fn examine(bundle: &Bundle, options: &CompileOptions) -> Result<Snapshot, Box<Refused>> {
    gate::on_large_stack(|| examine_here(bundle, options))
}

/// Makes a snapshot again from the schema and the policies that it had, and the image of its store.
///
/// # Errors
/// The schema and the policies do not compile, or the image is none that belongs to them.
pub fn restore(
    schema: &Text,
    policies: &[Text],
    image: &mut (impl Read + Send),
    options: &CompileOptions,
) -> Result<Snapshot, RestoreError> {
    gate::on_large_stack(|| {
        let mut problems = Problems::default();
        let read = read_rules(Some(schema), policies, options, &mut problems);
        let (Some((schema, policies)), false) = (read, problems.refuses()) else {
            return Err(RestoreError::Rules(problems));
        };
        let store = Store::read_image(image, &schema)?;
        finish(schema.into(), policies, store, problems, None).map_err(RestoreError::Rules)
    })
}

fn examine_here(bundle: &Bundle, options: &CompileOptions) -> Result<Snapshot, Box<Refused>> {
    let mut problems = Problems::default();
    let read = read_rules(bundle.schema.as_ref(), &bundle.policies, options, &mut problems);
    // Without a schema nothing more can be said about policies and entities.
    let Some((schema, policies)) = read else {
        return Err(Box::new(Refused { problems, schema: None }));
    };
    let mut loader = Loader::new(&schema, &policies, options.load());
    bundle.entities.iter().for_each(|text| loader.entities(text));
    bundle.links.iter().for_each(|text| loader.links(text));
    let store = loader.finish().map_err(|found| problems.append(found)).ok();
    let (Some(store), false) = (store, problems.refuses()) else {
        return Err(Box::new(Refused { problems, schema: Some(schema) }));
    };
    finish(schema.into(), policies, store, problems, None)
        .map_err(|problems| Box::new(Refused { problems, schema: None }))
}

/// Reads schema and policies; `None` without a schema that can be read.
pub(super) fn read_rules(
    schema: Option<&Text>,
    policies: &[Text],
    options: &CompileOptions,
    problems: &mut Problems,
) -> Option<(SchemaInfo, Policies)> {
    let limits = &options.limits;
    let read = if let Some(text) = schema {
        schema::parse(text, limits).map_err(|found| problems.append(found)).ok()
    } else {
        let problem = Problem::error("no-schema", "there is no schema");
        problems.push(
            problem
                .hint("add one `schema.cedarschema` beside the policies, or give `--schema FILE`"),
        );
        None
    };
    let warnings = read.as_ref().map(|read| read.warnings.clone());
    problems.append(warnings.unwrap_or_default());
    let parsed = policies::parse(policies, limits, problems);
    let read = read?;
    policies::validate(&parsed, &read, policies, problems);
    Some((read, parsed))
}

/// What was read and found right becomes a snapshot; what was found beside is its warnings. Rules
/// under the very same schema save it looking again at the policies that it has from them.
pub(super) fn finish(
    schema: Arc<SchemaInfo>,
    policies: Policies,
    store: Store,
    warnings: Problems,
    before: Option<&Rules>,
) -> Result<Snapshot, Problems> {
    let ground =
        Ground::new(&schema.cedar, &store).map_err(|message| Problem::error("schema", message))?;
    let index = Index::new(&policies, &schema, before);
    let duties = DutiesById::new(&policies.infos);
    let rules = Rules { schema, policies, index, ground, duties, warnings };
    Ok(Snapshot::new(Arc::new(rules), store))
}

// === impl CompileOptions ===

impl CompileOptions {
    pub(super) fn load(&self) -> LoadOptions {
        LoadOptions {
            references: self.references,
            limits: self.limits,
            taken: self.taken.clone(),
            ..LoadOptions::default()
        }
    }
}
