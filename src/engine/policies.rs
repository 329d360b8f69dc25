//! Policy texts become a policy set: gated, parsed, every policy under its own id, validated in
//! Cedar's strict mode, with every fault reported at its place.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::ops::Range;
use std::str::FromStr;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Template};
use miette::Diagnostic;

use super::bundle::Text;
use super::error::{Place, Problem, Problems};
use super::gate::{self, Limits, Statement};
use super::schema::SchemaInfo;
use super::slice::validation::{self, Kind};

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
    /// Whether a text could not be read, so that what is not here may be there all the same.
    pub incomplete: bool,
}

/// Reads every policy text. What could be read is returned beside what is wrong.
pub fn parse(texts: &[Text], limits: &Limits, problems: &mut Problems) -> Policies {
    let mut policies = Policies::default();
    let mut places: HashMap<String, Place> = HashMap::new();
    for text in texts {
        if let Err(problem) = gate::policies(&text.name, &text.text, limits) {
            problems.push(problem);
            policies.incomplete = true;
            continue;
        }
        match PolicySet::from_str(&text.text) {
            Ok(set) => add_text(text, &set, &mut policies, &mut places, problems),
            Err(errors) => {
                policies.incomplete = true;
                syntax_errors(text, errors.iter().map(|error| error as &dyn Diagnostic), problems);
            }
        }
    }
    policies
}

/// What keeps a text of policies from being read. Behind a bracket or a semicolon that is out of
/// balance a parser makes no sense any more, so nothing it says from there on is told.
fn syntax_errors<'a>(
    text: &Text,
    errors: impl Iterator<Item = &'a dyn Diagnostic>,
    problems: &mut Problems,
) {
    let cause = gate::policies_balance(&text.name, &text.text);
    let begins = |place: Option<&Place>| place.and_then(|it| it.bytes.clone()).map(|it| it.start);
    let from = cause.as_ref().and_then(|cause| {
        let related = cause.related.first().map(|related| &related.place);
        begins(cause.place.as_ref()).min(begins(related).or(begins(cause.place.as_ref())))
    });
    for error in errors {
        let problem = problem_from("policy-syntax", text, error);
        if from.is_none_or(|from| begins(problem.place.as_ref()).is_some_and(|at| at < from)) {
            problems.push(problem);
        }
    }
    if let Some(cause) = cause {
        problems.push(cause);
    }
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
            let message = format!("two policies have the id `{}`", info.id);
            problems.push(
                Problem::error("duplicate-policy-id", message)
                    .at(place)
                    .related("the other is here", first.clone())
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
    let text_of = |id: &str| {
        let file = files.get(id)?;
        texts.iter().find(|text| text.name == *file)
    };
    for finding in validation::validate(&policies.set, schema) {
        let mut problem = match finding.kind {
            Kind::Error => Problem::error("policy-validation", finding.message),
            Kind::Dead => Problem::warning("dead-policy", finding.message),
            Kind::Doubtful => Problem::warning("policy-warning", finding.message),
        };
        problem.hint = finding.hint;
        problem.environments = finding.environments.map(Box::new);
        let place = text_of(&finding.policy)
            .zip(finding.span)
            .map(|(text, span)| Place::of(&text.name, &text.text, span.start, span.len()));
        // Of what is found in letters the validator does not say where they stand.
        problem.place = place.or_else(|| {
            let info = policies.infos.iter().find(|info| info.id == finding.policy)?;
            let first = info.source.lines().next().unwrap_or_default();
            Some(Place::in_line(&info.file, info.line, first, 0, first.len()))
        });
        problems.push(problem);
    }
    problems.sort_by_text(texts.iter().map(|text| text.name.as_str()));
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
            problem.hint = Some(shortened(expected));
        }
    } else {
        problem = problem.at(Place::whole(&text.name));
    }
    if let Some(help) = error.help() {
        problem.hint = Some(help.to_string());
    }
    // Cedar quotes whole words, however long they are.
    problem.message = beginning(problem.message);
    problem.hint = problem.hint.filter(|hint| hint.len() <= SENTENCE_BYTES_MAX);
    problem
}

/// The most bytes of a sentence of Cedar's.
const SENTENCE_BYTES_MAX: usize = 400;

/// As much of a sentence as can be read.
fn beginning(sentence: String) -> String {
    let sentence =
        sentence.strip_prefix("error parsing schema: ").map(str::to_owned).unwrap_or(sentence);
    if sentence.len() <= SENTENCE_BYTES_MAX {
        return sentence;
    }
    sentence.chars().take(SENTENCE_BYTES_MAX / 4).chain(['…']).collect()
}

/// What a parser would have taken, without the operators if it is a long list: all of them can
/// stand behind any value, and nobody looks for them there.
fn shortened(expected: &str) -> String {
    const OPERATORS: [&str; 15] =
        ["!=", "<", "<=", "==", ">", ">=", "+", "-", "*", "&&", "||", "has", "like", "in", "is"];
    let tokens: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let of_interest: Vec<String> = tokens
        .iter()
        .filter(|token| !OPERATORS.contains(token))
        .map(|token| format!("`{token}`"))
        .collect();
    let is_list = expected.starts_with("expected `") && tokens.len() > 5;
    if !is_list || of_interest.is_empty() || of_interest.len() + 4 > tokens.len() {
        return expected.to_owned();
    }
    format!("expected {}, or an operator", of_interest.join(", "))
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
