//! What Cedar's validator says of the policies, told once: it speaks of every type environment by
//! itself, and what it finds at one place in many of them is one finding, which knows where it
//! occurs. Its verdict stands; only the words are ours.

mod words;

use std::collections::{HashMap, HashSet};
use std::mem::{Discriminant, discriminant};
use std::ops::Range;

use cedar_policy::PolicySet;
use cedar_policy_core::ast;
use cedar_policy_core::validator::typecheck::{PolicyCheck, Typechecker};
use cedar_policy_core::validator::types::RequestEnv;
use cedar_policy_core::validator::{
    ValidationError, ValidationMode, ValidationWarning, Validator, ValidatorSchema,
};
use miette::Diagnostic;

use crate::engine::error::{Environment, Environments};
use crate::engine::schema::SchemaInfo;
use words::Words;

/// The most policies of which it is asked in which environments they are wrong: each is checked
/// again in every environment.
const POLICIES_TOLD_MAX: usize = 100;

/// One thing that is wrong with a policy, or deserves a look.
#[derive(Debug)]
pub(in crate::engine) struct Finding {
    /// The policy's id.
    pub(in crate::engine) policy: String,
    pub(in crate::engine) kind: Kind,
    /// The bytes of the policy's text that it is about.
    pub(in crate::engine) span: Option<Range<usize>>,
    pub(in crate::engine) message: String,
    pub(in crate::engine) hint: Option<String>,
    /// Where it occurs, if not wherever the policy applies.
    pub(in crate::engine) environments: Option<Environments>,
}

/// What kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Kind {
    /// The policy does not fit the schema.
    Error,
    /// The policy can never apply.
    Dead,
    /// It is written so that it may be misread.
    Doubtful,
}

/// Errors of one kind at one place.
type Place = (Discriminant<ValidationError>, Option<(usize, usize)>);

/// Validates policies and templates in strict mode.
pub(in crate::engine) fn validate(set: &PolicySet, schema: &SchemaInfo) -> Vec<Finding> {
    let core: &ValidatorSchema = schema.cedar.as_ref();
    let policies: &ast::PolicySet = set.as_ref();
    let validator = Validator::new(core.clone());
    let mut findings = Vec::new();
    let mut wrong = 0;
    // One by one, because an error does not say which policy it is of.
    for template in policies.all_templates() {
        let mut alone = ast::PolicySet::new();
        if let Err(error) = alone.add_template(template.clone()) {
            let message = format!("policy `{}` cannot be validated: {error}", id(template.id()));
            findings.push(Finding::new(template, Kind::Error, None, message, None));
            continue;
        }
        let result = validator.validate(&alone, ValidationMode::Strict);
        if result.validation_passed() {
            findings.extend(warnings(template, result.validation_warnings()));
            continue;
        }
        // Of a policy that is wrong no warning is told: what is wrong says why it never applies.
        let told = wrong < POLICIES_TOLD_MAX;
        wrong += 1;
        let environments = if told { environments(template, core) } else { HashMap::new() };
        let words = Words { schema };
        for (at, group) in groups(result.validation_errors()) {
            let Some(first) = group.first() else { continue };
            let (message, hint) = words.of(&group);
            let message = format!("policy `{}`: {message}", id(template.id()));
            let mut finding = Finding::new(template, Kind::Error, at, message, hint);
            finding.environments = environments.get(&(discriminant(*first), at)).cloned();
            findings.push(finding);
        }
    }
    findings
}

/// Errors of one kind, and the bytes where they are.
type Group<'e> = (Option<(usize, usize)>, Vec<&'e ValidationError>);

/// Errors of one kind at one place belong together.
fn groups<'e>(errors: impl Iterator<Item = &'e ValidationError>) -> Vec<Group<'e>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for error in errors {
        let at = span(error);
        let alike = |group: &&mut Group<'_>| {
            let first = group.1.first();
            group.0 == at && first.is_some_and(|it| discriminant(*it) == discriminant(error))
        };
        match groups.iter_mut().find(alike) {
            Some((_, group)) => group.push(error),
            None => groups.push((at, vec![error])),
        }
    }
    // They come out of a set, in no order.
    for (_, group) in &mut groups {
        group.sort_by_cached_key(ToString::to_string);
    }
    groups.sort_by_cached_key(|(at, group)| (*at, group.first().map(ToString::to_string)));
    groups
}

fn warnings<'w>(
    template: &ast::Template,
    all: impl Iterator<Item = &'w ValidationWarning>,
) -> Vec<Finding> {
    let policy = id(template.id());
    let mut findings: Vec<Finding> = Vec::new();
    let mut dead: Option<Finding> = None;
    for warning in all {
        let hint = warning.help().map(|help| help.to_string());
        match warning {
            ValidationWarning::ImpossiblePolicy(_) => {
                let message = format!(
                    "policy `{policy}` can never apply: what it asks for is false for every \
                     request that the schema allows"
                );
                let hint = Some("mend its conditions, or take it out".to_owned());
                // What is wrong with the scope says more.
                dead.get_or_insert_with(|| {
                    Finding::new(template, Kind::Dead, span(warning), message, hint)
                });
            }
            ValidationWarning::InvalidActionApplication(_) => {
                let message = format!(
                    "policy `{policy}` can never apply: no action applies to what its scope names"
                );
                let hint = hint.unwrap_or_else(|| {
                    "look at `appliesTo` of its actions in the schema".to_owned()
                });
                let at = span(warning);
                dead = Some(Finding::new(template, Kind::Dead, at, message, Some(hint)));
            }
            _ => {
                let message = words::of_warning(&policy, &warning.to_string());
                let at = span(warning);
                findings.push(Finding::new(template, Kind::Doubtful, at, message, hint));
            }
        }
    }
    findings.sort_by_cached_key(|finding| {
        (finding.span.clone().map(|span| span.start), finding.message.clone())
    });
    findings.extend(dead);
    findings
}

/// In which environments each error occurs, where that is not everywhere that the policy applies.
fn environments(
    template: &ast::Template,
    schema: &ValidatorSchema,
) -> HashMap<Place, Environments> {
    let typechecker = Typechecker::new(schema, ValidationMode::Strict);
    let mut applies = HashSet::new();
    let mut found: HashMap<Place, HashSet<Environment>> = HashMap::new();
    for (request, check) in typechecker.typecheck_by_request_env(template) {
        let Some(environment) = environment(&request) else { continue };
        let errors = match check {
            PolicyCheck::Irrelevant(errors, _) if errors.is_empty() => continue,
            PolicyCheck::Irrelevant(errors, _) | PolicyCheck::Fail(errors) => errors,
            PolicyCheck::Success(_) => Vec::new(),
        };
        for error in errors {
            let place = (discriminant(&error), span(&error));
            found.entry(place).or_default().insert(environment.clone());
        }
        applies.insert(environment);
    }
    found.retain(|_, here| here.len() < applies.len());
    found.into_iter().map(|(place, here)| (place, here.into_iter().collect())).collect()
}

fn environment(request: &RequestEnv<'_>) -> Option<Environment> {
    Some(Environment {
        principal: request.principal_entity_type()?.to_string(),
        action: request.action_entity_uid()?.to_string(),
        resource: request.resource_entity_type()?.to_string(),
    })
}

fn id(policy: &ast::PolicyID) -> String {
    AsRef::<str>::as_ref(policy).to_owned()
}

/// The bytes that an error labels, from and to.
fn span(error: &dyn Diagnostic) -> Option<(usize, usize)> {
    let label = error.labels()?.next()?;
    Some((label.offset(), label.offset() + label.len()))
}

// === impl Finding ===

impl Finding {
    fn new(
        template: &ast::Template,
        kind: Kind,
        at: Option<(usize, usize)>,
        message: String,
        hint: Option<String>,
    ) -> Self {
        let policy = id(template.id());
        let span = at.map(|(start, end)| start..end);
        Self { policy, kind, span, message, hint, environments: None }
    }
}
