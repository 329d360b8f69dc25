//! Mutants: a policy text with one change that its author might have made by mistake. A mutant that
//! no test fails for is a change that nobody would notice.
//!
//! [`mutants`] reads the changes off the clauses of a snapshot; they are changes of the text, so that
//! each has a difference that people can read. What a mutant is cannot be told from its text alone:
//! only one that compiles and validates counts, and changes that cannot change a decision, as far as
//! the schema tells, are left out.

mod diff;
mod scope;
mod tokens;

use std::collections::BTreeMap;
use std::ops::Range;

use cedar_policy::Effect;

use crate::engine::clauses::{Clause, ClauseKind, PolicyClauses};
use crate::engine::{Snapshot, Text};
use tokens::{Kind, Token, tokens};

/// The most characters of a clause that a name holds.
const NAME_CHARS_MAX: usize = 160;

/// A changed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// The policy, what is done to it, and the text that it is done to: the same for as long as
    /// these are, wherever in its file the policy stands.
    pub name: String,
    /// The id of the policy.
    pub policy: String,
    /// What is done.
    pub operation: &'static str,
    /// The name of the text.
    pub file: String,
    /// The line of the change, from 1.
    pub line: usize,
    /// What test would notice it.
    pub hint: String,
    edit: Edit,
}

/// A change of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    span: Range<usize>,
    with: String,
}

/// One policy while its mutants are gathered.
struct Maker<'a> {
    snapshot: &'a Snapshot,
    policy: PolicyClauses<'a>,
    text: &'a Text,
    /// How often each name was given.
    names: &'a mut BTreeMap<String, usize>,
    found: Vec<Mutant>,
}

/// The mutants of one of a snapshot's policy texts, in the order of the text.
pub fn mutants(snapshot: &Snapshot, text: &Text) -> Vec<Mutant> {
    let mut names = BTreeMap::new();
    let mut found = Vec::new();
    for policy in snapshot.clauses().filter(|policy| policy.info.file == text.name) {
        let names = &mut names;
        let mut maker = Maker { snapshot, policy, text, names, found: Vec::new() };
        maker.whole();
        for clause in policy.clauses {
            if clause.kind.is_scope() {
                maker.scope(clause);
            } else {
                maker.condition(clause);
            }
        }
        maker.blocks();
        found.append(&mut maker.found);
    }
    found
}

// === impl Mutant ===

impl Mutant {
    /// The changed text.
    pub fn apply(&self, text: &Text) -> Text {
        let source = &text.text;
        let before = source.get(..self.edit.span.start).unwrap_or_default();
        let behind = source.get(self.edit.span.end..).unwrap_or_default();
        Text::new(text.name.clone(), format!("{before}{}{behind}", self.edit.with))
    }

    /// The change as a unified difference.
    pub fn diff(&self, text: &Text) -> String {
        diff::unified(&text.name, &text.text, &self.apply(text).text)
    }
}

// === impl Maker ===

impl Maker<'_> {
    /// Adds a change of a part of the policy, which spans bytes of the whole text.
    fn add(
        &mut self,
        operation: &'static str,
        what: &str,
        span: Range<usize>,
        with: impl Into<String>,
        hint: String,
    ) {
        let (info, with) = (self.policy.info, with.into());
        if self.text.text.get(span.clone()).is_none_or(|now| now == with) {
            return;
        }
        let what = one_line(what);
        let mut name = format!("{}: {operation}", info.id);
        if !what.is_empty() {
            name.push(' ');
            name.push_str(&what);
        }
        let count = self.names.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            name = format!("{name} ({count})");
        }
        let before = self.text.text.get(..span.start).unwrap_or_default();
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        let (policy, file) = (info.id.clone(), self.text.name.clone());
        let edit = Edit { span, with };
        self.found.push(Mutant { name, policy, operation, file, line, hint, edit });
    }

    fn is_permit(&self) -> bool {
        self.policy.info.effect == Effect::Permit
    }

    /// What a test has to show that would notice this policy to reach further, or less far.
    fn hint(&self, further: bool, where_: &str) -> String {
        let id = &self.policy.info.id;
        match (self.is_permit(), further) {
            (true, true) => format!(
                "add a test that expects a deny where {where_}, and all else of `{id}` holds"
            ),
            (true, false) => format!(
                "add a test that expects an allow by `{id}` and by nothing else, where {where_}"
            ),
            (false, true) => format!(
                "add a test that expects an allow where {where_}, and all else of `{id}` holds"
            ),
            (false, false) => format!(
                "add a test that expects a deny by `{id}` of what is otherwise permitted, where \
                 {where_}"
            ),
        }
    }

    /// Changes of the policy as a whole: it is gone, or says the opposite.
    fn whole(&mut self) {
        let info = self.policy.info;
        let source = tokens(&info.source);
        let effect = source.iter().enumerate().find(|(number, token)| {
            let annotates = number.checked_sub(1).and_then(|before| source.get(before));
            token.depth == 0
                && (token.is(Kind::Word, "permit") || token.is(Kind::Word, "forbid"))
                && !annotates.is_some_and(|before| before.is(Kind::Operator, "@"))
        });
        let at = |span: &Range<usize>| info.span.start + span.start..info.span.start + span.end;
        let gone = "it decides";
        let hint = self.hint(false, gone);
        let end = source.last().filter(|token| token.is(Kind::Operator, ";"));
        let is_named = info.annotations.contains_key("id");
        if info.template || !is_named {
            // The links of a template need it, and ids without a name are numbers in the file.
            if let Some(end) = end {
                self.add("drop", "", at(&end.span), " when { false };", hint.clone());
            }
        } else {
            self.add("drop", "", info.span.clone(), "", hint.clone());
        }
        if let Some((_, effect)) = effect {
            let with = if self.is_permit() { "forbid" } else { "permit" };
            self.add("flip", effect.text, at(&effect.span), with, hint);
        }
    }

    /// Changes of one conjunct.
    fn condition(&mut self, clause: &Clause) {
        let source = clause.source.as_str();
        if matches!(source, "true" | "false") {
            return;
        }
        let is_when = clause.kind == ClauseKind::When;
        let same_block = |other: &&Clause| other.kind == clause.kind && other.block == clause.block;
        let is_alone = self.policy.clauses.iter().filter(same_block).count() == 1;
        let shown = one_line(source);
        let (without, further) = match (is_when, is_alone) {
            (true, _) => ("true", true),
            // An exception without this conjunct is wider, so the policy reaches less far.
            (false, false) => ("true", false),
            (false, true) => ("false", true),
        };
        let where_ = if is_when || !is_alone {
            format!("`{shown}` is false")
        } else {
            format!("`{shown}` is true")
        };
        let hint = self.hint(further, &where_);
        self.add("drop", source, clause.span.clone(), without, hint);
        if !is_alone {
            // Where it is alone, the block turned about says the same.
            let hint = self.hint(is_when, &format!("`{shown}` alone decides"));
            self.add("negate", source, clause.span.clone(), format!("!({source})"), hint);
        }
        let parsed = tokens(source);
        let at = |span: &Range<usize>| clause.span.start + span.start..clause.span.start + span.end;
        for (number, token) in parsed.iter().enumerate() {
            let next = parsed.get(number + 1);
            let (operation, with) = match (token.kind, token.text) {
                (Kind::Word, "in") if !next.is_some_and(|it| it.is(Kind::Open, "[")) => {
                    ("in to ==", "==")
                }
                (Kind::Operator, "==") => ("== to in", "in"),
                _ => continue,
            };
            let reaches = (with == "in") == is_when;
            let hint = self
                .hint(reaches, &format!("the two sides of `{shown}` are related and not equal"));
            if with == "in" && self.is_flat(&parsed, number) {
                continue;
            }
            self.add(operation, source, at(&token.span), with, hint);
        }
        for chain in tokens::alternatives(&parsed) {
            for operand in chain {
                let what = source.get(operand.clone()).unwrap_or_default();
                let hint = self.hint(!is_when, &format!("`{}` alone is true", one_line(what)));
                self.add("drop", what, at(&operand), "false", hint);
            }
        }
        self.shorten(clause, &parsed, !is_when);
    }

    /// Takes each element out of each list.
    fn shorten(&mut self, clause: &Clause, parsed: &[Token<'_>], further: bool) {
        for (element, taken) in tokens::elements(parsed) {
            let what = clause.source.get(element).unwrap_or_default();
            let hint = self.hint(further, &format!("it takes `{}`", one_line(what)));
            let span = clause.span.start + taken.start..clause.span.start + taken.end;
            self.add("drop from list", what, span, "", hint);
        }
    }

    /// Turns each `when` into an `unless`, and the other way round.
    fn blocks(&mut self) {
        let info = self.policy.info;
        let source = tokens(&info.source);
        let heads = source.iter().zip(source.iter().skip(1)).filter(|(word, next)| {
            word.depth == 0
                && (word.is(Kind::Word, "when") || word.is(Kind::Word, "unless"))
                && next.is(Kind::Open, "{")
        });
        for (block, (word, _)) in heads.enumerate() {
            let is_when = word.text == "when";
            let mut of_block = self
                .policy
                .clauses
                .iter()
                .filter(|clause| !clause.kind.is_scope() && clause.block == block);
            let what = of_block.next().map(|first| {
                let last = of_block.next_back().unwrap_or(first);
                self.text.text.get(first.span.start..last.span.end).unwrap_or_default().to_owned()
            });
            let Some(what) = what else { continue };
            if matches!(what.as_str(), "true" | "false") {
                continue;
            }
            let (operation, with) =
                if is_when { ("when to unless", "unless") } else { ("unless to when", "when") };
            let hint = self.hint(is_when, &format!("`{}` decides", one_line(&what)));
            let start = info.span.start;
            self.add(operation, &what, start + word.span.start..start + word.span.end, with, hint);
        }
    }
}

/// A clause as a name holds it: on one line, and not too long.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(NAME_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests;
