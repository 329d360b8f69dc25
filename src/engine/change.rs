//! From the snapshot in force to the next: a change of entities and links, or a draft that replaces
//! some parts and keeps the others. What is kept is taken from the store; no text of it is needed.

use std::sync::Arc;

use super::bundle::Text;
use super::compile::{CompileOptions, finish, read_rules};
use super::error::Problems;
use super::snapshot::Snapshot;
use super::store::{Applied, Change, Loader};
use super::{gate, policies};

/// The parts of the next snapshot; what is absent is kept as it is in force.
#[derive(Debug, Clone, Copy, Default)]
pub struct Draft<'a> {
    /// Schema and policies.
    pub rules: Option<(Option<&'a Text>, &'a [Text])>,
    /// The entities.
    pub entities: Option<&'a [Text]>,
    /// The links.
    pub links: Option<&'a [Text]>,
    /// Whether what is kept is judged again, because the options are others.
    pub judge_again: bool,
}

// === impl Snapshot ===

impl Snapshot {
    /// The snapshot that a change of entities and links makes of this one, and what it did. It
    /// costs what it touches, and shares the rules and all that the change leaves as it is.
    ///
    /// # Errors
    /// All that is wrong with the change.
    pub fn apply(
        &self,
        change: &Change,
        options: &CompileOptions,
    ) -> Result<(Self, Applied), Problems> {
        gate::on_large_stack(|| self.apply_here(change, options))
    }

    /// The same on the stack there is, which has to be a large one.
    pub(super) fn apply_here(
        &self,
        change: &Change,
        options: &CompileOptions,
    ) -> Result<(Self, Applied), Problems> {
        let rules = &self.rules;
        let load = options.load();
        let (store, applied) = self.store.apply(change, &rules.schema, &rules.policies, &load)?;
        Ok((Self::new(Arc::clone(rules), store), applied))
    }

    /// The snapshot that a draft makes of this one. Rules, entities and links that the draft keeps
    /// are shared where they fit, and loaded again from the store where the schema says something
    /// else of them.
    ///
    /// # Errors
    /// Every problem that was found, not only the first.
    pub fn revise(&self, draft: &Draft<'_>, options: &CompileOptions) -> Result<Self, Problems> {
        gate::on_large_stack(|| self.revise_here(draft, options))
    }

    fn revise_here(&self, draft: &Draft<'_>, options: &CompileOptions) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let new = match draft.rules {
            None => None,
            Some((schema, policies)) => {
                match read_rules(schema, policies, options, &mut problems) {
                    Some(read) => Some(read),
                    None => return Err(problems),
                }
            }
        };
        let (schema, policies) = match &new {
            Some((schema, policies)) => (schema, policies),
            None => (&*self.rules.schema, &self.rules.policies),
        };
        let keeps = draft.entities.is_none() && draft.links.is_none() && !draft.judge_again;
        let store = if keeps && self.store.fits_schema(schema) {
            if new.is_some() {
                problems.append(self.store.check_links(schema, policies, &options.limits));
            }
            Some(self.store.clone())
        } else {
            let mut loader = Loader::new(schema, policies, options.load());
            match draft.entities {
                Some(texts) => texts.iter().for_each(|text| loader.entities(text)),
                None => loader.keep_entities(&self.store),
            }
            match draft.links {
                Some(texts) => texts.iter().for_each(|text| loader.links(text)),
                None => loader.keep_links(&self.store),
            }
            loader.finish().map_err(|found| problems.append(found)).ok()
        };
        let (Some(store), false) = (store, problems.refuses()) else { return Err(problems) };
        match new {
            Some((schema, policies)) => finish(schema.into(), policies, store, problems, None),
            None => Ok(Self::new(Arc::clone(&self.rules), store)),
        }
    }

    /// The snapshot with other policies under the same schema, over the same entities and links. A
    /// policy that this one has too is not validated again, so that many variants of a policy cost
    /// what that policy costs; the warnings are those about the others.
    ///
    /// # Errors
    /// Every problem that was found, not only the first.
    pub fn with_policies(
        &self,
        texts: &[Text],
        options: &CompileOptions,
    ) -> Result<Self, Problems> {
        gate::on_large_stack(|| {
            let (rules, mut problems) = (&*self.rules, Problems::default());
            let parsed = policies::parse(texts, &options.limits, &mut problems);
            match parsed.without(&rules.policies) {
                Ok(new) => policies::validate(&new, &rules.schema, texts, &mut problems),
                Err(problem) => problems.push(problem),
            }
            problems.append(self.store.check_links(&rules.schema, &parsed, &options.limits));
            if problems.refuses() {
                return Err(problems);
            }
            let schema = Arc::clone(&rules.schema);
            finish(schema, parsed, self.store.clone(), problems, Some(rules))
        })
    }

    /// Whether another snapshot has the very same rules, not only equal ones.
    pub fn shares_rules(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rules, &other.rules)
    }
}

#[cfg(test)]
mod tests;
