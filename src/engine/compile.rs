//! A bundle becomes a snapshot, or every problem that keeps it from becoming one.

use std::sync::Arc;

use super::bundle::Bundle;
use super::error::{Problem, Problems};
use super::gate::{self, Limits};
use super::index::Index;
use super::policies;
use super::schema;
use super::slice::Ground;
use super::snapshot::{Rules, Snapshot};
use super::store::{LoadOptions, Loader};

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
    let schema = if let Some(text) = &bundle.schema {
        schema::parse(text, limits).map_err(|found| problems.append(found)).ok()
    } else {
        let problem = Problem::error("no-schema", "there is no schema");
        problems.push(
            problem
                .hint("add one `schema.cedarschema` beside the policies, or give `--schema FILE`"),
        );
        None
    };
    let policies = policies::parse(&bundle.policies, limits, &mut problems);
    // Without a schema nothing more can be said about policies and entities.
    let Some(schema) = schema else { return Err(problems) };
    policies::validate(&policies, &schema, &bundle.policies, &mut problems);
    let load = LoadOptions {
        references: options.references,
        limits: options.limits,
        ..LoadOptions::default()
    };
    let mut loader = Loader::new(&schema, &policies, load);
    bundle.entities.iter().for_each(|text| loader.entities(text));
    bundle.links.iter().for_each(|text| loader.links(text));
    let store = loader.finish().map_err(|found| problems.append(found)).ok();
    let (Some(store), false) = (store, problems.refuses()) else { return Err(problems) };
    let ground =
        Ground::new(&schema.cedar, &store).map_err(|message| Problem::error("schema", message))?;
    let index = Index::new(&policies.set, &policies.infos, &schema);
    let rules = Rules { schema, policies, index, ground, warnings: problems };
    Ok(Snapshot::new(Arc::new(rules), store))
}
