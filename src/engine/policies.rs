//! Policy texts become a policy set: gated, parsed, every policy under its own id, validated in
//! Cedar's strict mode, with every fault reported at its place.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::ops::Range;
use std::str::FromStr;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Template, ValidationMode, Validator};
use miette::Diagnostic;

use super::bundle::Text;
use super::error::{Place, Problem, Problems, Severity};
use super::gate::{self, Limits, Statement};
use super::schema::SchemaInfo;

/// The most bytes of a policy's id.
const ID_BYTES_MAX: usize = 512;

/// A policy or template, with where it stands.
#[derive(Debug, Clone)]
pub struct PolicyInfo {
    /// Its id: the annotation `@id`, or the file's stem and its number in the file.
    pub id: String,
    /// Permit or forbid.
    pub effect: Effect,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The name of the text it stands in.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: usize,
    /// Where its source stands in that text, in bytes.
    pub span: Range<usize>,
    /// Its source, comments above left out.
    pub source: String,
    /// The comment directly above it.
    pub comment: Option<String>,
    /// Whether it is a template, which decides nothing until it is linked.
    pub template: bool,
}

/// The policies of a bundle.
#[derive(Debug, Default)]
pub struct Policies {
    /// For Cedar: static policies and templates, no links yet.
    pub set: PolicySet,
    /// In the order of the texts.
    pub infos: Vec<PolicyInfo>,
}

/// Reads every policy text. What could be read is returned beside what is wrong.
pub fn parse(texts: &[Text], limits: &Limits, problems: &mut Problems) -> Policies {
    let mut policies = Policies::default();
    let mut places: HashMap<String, Place> = HashMap::new();
    for text in texts {
        if let Err(problem) = gate::policies(&text.name, &text.text, limits) {
            problems.push(problem);
            continue;
        }
        match PolicySet::from_str(&text.text) {
            Ok(set) => add_text(text, &set, &mut policies, &mut places, problems),
            Err(errors) => {
                for error in errors.iter() {
                    problems.push(problem_from("policy-syntax", text, error));
                }
            }
        }
    }
    policies
}

/// A parsed statement, as Cedar numbers them within one text.
enum Parsed<'a> {
    Static(&'a Policy),
    Template(&'a Template),
}

fn add_text(
    text: &Text,
    set: &PolicySet,
    policies: &mut Policies,
    places: &mut HashMap<String, Place>,
    problems: &mut Problems,
) {
    for (number, statement) in gate::statements(&text.text).iter().enumerate() {
        // `PolicySet::from_str` names what it reads `policy0`, `policy1` and so on.
        let parsed_id = PolicyId::new(format!("policy{number}"));
        let parsed = match (set.policy(&parsed_id), set.template(&parsed_id)) {
            (Some(policy), _) => Parsed::Static(policy),
            (None, Some(template)) => Parsed::Template(template),
            (None, None) => {
                let place = Place::of(&text.name, &text.text, statement.span.start, 1);
                let message = "cannot tell where this policy begins";
                problems.push(Problem::error("policy-syntax", message).at(place));
                continue;
            }
        };
        let info = parsed.info(text, statement, number);
        let place = Place::of(&text.name, &text.text, statement.span.start, statement.span.len());
        if let Err(problem) = check_id(&info, &place) {
            problems.push(problem);
            continue;
        }
        if let Some(first) = places.get(&info.id) {
            let message = format!(
                "two policies have the id `{}`; the other is at {}:{}",
                info.id, first.name, first.line
            );
            problems.push(
                Problem::error("duplicate-policy-id", message)
                    .at(place)
                    .hint("give one of them another `@id(\"…\")`"),
            );
            continue;
        }
        let id = PolicyId::new(&info.id);
        let added = match parsed {
            Parsed::Static(policy) => policies.set.add(policy.new_id(id)),
            Parsed::Template(template) => policies.set.add_template(template.new_id(id)),
        };
        if let Err(error) = added {
            problems.push(Problem::error("policy", chain(&error)).at(place.clone()));
        }
        places.insert(info.id.clone(), place);
        policies.infos.push(info);
    }
}

fn check_id(info: &PolicyInfo, place: &Place) -> Result<(), Problem> {
    if info.id.is_empty() {
        return Err(Problem::error("policy-id", "the id of this policy is empty")
            .at(place.clone())
            .hint("write `@id(\"a-name\")`"));
    }
    if info.id.len() > ID_BYTES_MAX {
        let message = format!("the id of this policy is longer than {ID_BYTES_MAX} bytes");
        return Err(Problem::error("policy-id", message).at(place.clone()));
    }
    Ok(())
}

// === impl Policies ===

impl Policies {
    /// The number of a policy that says the same.
    pub(super) fn same(&self, other: &PolicyInfo) -> Option<usize> {
        self.infos.iter().position(|own| own.id == other.id && own.source == other.source)
    }

    /// Those that others have not.
    pub(super) fn without(&self, others: &Self) -> Result<Self, Problem> {
        let mut left = Self::default();
        for info in self.infos.iter().filter(|info| others.same(info).is_none()) {
            let id = PolicyId::new(&info.id);
            let added = match (self.set.policy(&id), self.set.template(&id)) {
                (Some(policy), _) => left.set.add(policy.clone()),
                (None, Some(template)) => left.set.add_template(template.clone()),
                (None, None) => continue,
            };
            added.map_err(|error| Problem::error("policy", chain(&error)))?;
            left.infos.push(info.clone());
        }
        Ok(left)
    }
}

/// Validates in strict mode, each fault once however many type environments have it.
pub fn validate(policies: &Policies, schema: &SchemaInfo, texts: &[Text], problems: &mut Problems) {
    let files: HashMap<&str, &str> =
        policies.infos.iter().map(|info| (info.id.as_str(), info.file.as_str())).collect();
    let text_of = |id: &PolicyId| {
        let file = files.get(AsRef::<str>::as_ref(id))?;
        texts.iter().find(|text| text.name == *file)
    };
    let result =
        Validator::new(schema.cedar.clone()).validate(&policies.set, ValidationMode::Strict);
    for error in result.validation_errors() {
        problems.push(match text_of(error.policy_id()) {
            Some(text) => problem_from("policy-validation", text, error),
            None => Problem::error("policy-validation", chain(error)),
        });
    }
    for warning in result.validation_warnings() {
        let mut problem = match text_of(warning.policy_id()) {
            Some(text) => problem_from("policy-warning", text, warning),
            None => Problem::warning("policy-warning", chain(warning)),
        };
        problem.severity = Severity::Warning;
        problems.push(problem);
    }
}

// === impl Parsed ===

impl Parsed<'_> {
    fn info(&self, text: &Text, statement: &Statement, number: usize) -> PolicyInfo {
        let (effect, annotations, template) = match self {
            Self::Static(policy) => (policy.effect(), owned(policy.annotations()), false),
            Self::Template(template) => (template.effect(), owned(template.annotations()), true),
        };
        let place = Place::of(&text.name, &text.text, statement.span.start, 1);
        let id = annotations.get("id").cloned();
        PolicyInfo {
            id: id.unwrap_or_else(|| format!("{}.{number}", text.stem())),
            effect,
            annotations,
            file: text.name.clone(),
            line: place.line,
            span: statement.span.clone(),
            source: text.text.get(statement.span.clone()).unwrap_or_default().to_owned(),
            comment: statement.comment.clone(),
            template,
        }
    }
}

fn owned<'a>(annotations: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    annotations.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// One of Cedar's errors as a problem: its message and causes, the first labelled span, its help.
pub(super) fn problem_from(code: &'static str, text: &Text, error: &dyn Diagnostic) -> Problem {
    let mut problem = Problem::error(code, chain(error));
    let mut labels = error.labels().into_iter().flatten();
    if let Some(label) = labels.next() {
        problem = problem.at(Place::of(&text.name, &text.text, label.offset(), label.len()));
        if let Some(expected) = label.label() {
            problem.hint = Some(expected.to_owned());
        }
    } else {
        problem = problem.at(Place::whole(&text.name));
    }
    if let Some(help) = error.help() {
        problem.hint = Some(help.to_string());
    }
    problem
}

/// An error and its causes as one sentence, joined by colons.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !sentence.contains(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
        source = cause.source();
    }
    sentence
}
