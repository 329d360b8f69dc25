//! From a credential to a principal: a template such as `{sub}`, `{realm.user.id}` or
//! `oidc|{sub}` for the id, and a type that is fixed or looked up.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::jwt::Fault;

/// The longest id of a principal, in bytes: it goes back to the proxy in a header.
pub(super) const ID_BYTES_MAX: usize = 512;

/// How a credential becomes a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalRule {
    /// The entity type.
    pub type_rule: TypeRule,
    /// The id.
    pub id: Template,
}

/// Where the type of a principal comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeRule {
    /// It is always this one.
    Fixed(String),
    /// It is looked up by a value of the credential; a value that is not listed is nobody.
    Mapped {
        /// The value.
        from: Template,
        /// From value to entity type.
        map: BTreeMap<String, String>,
    },
}

/// A text with exactly one reference in it. Two would make `ab` + `c` and `a` + `bc` one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    before: String,
    reference: String,
    after: String,
}

/// The values that a credential has.
pub(super) trait Values {
    /// The value of a reference, if there is exactly one.
    fn value(&self, reference: &str) -> Option<String>;
}

// === impl PrincipalRule ===

impl PrincipalRule {
    /// The type and the id of the principal.
    pub(super) fn apply(&self, values: &impl Values) -> Result<(String, String), Fault> {
        let type_name = match &self.type_rule {
            TypeRule::Fixed(name) => name.clone(),
            TypeRule::Mapped { from, map } => {
                let key = from.fill(values).ok_or(Fault::Principal)?;
                map.get(&key).ok_or(Fault::Principal)?.clone()
            }
        };
        let id = self.id.fill(values).ok_or(Fault::Principal)?;
        Ok((type_name, id))
    }

    /// The types that a principal can have.
    pub(super) fn types(&self) -> Vec<&str> {
        match &self.type_rule {
            TypeRule::Fixed(name) => vec![name],
            TypeRule::Mapped { map, .. } => map.values().map(String::as_str).collect(),
        }
    }
}

// === impl Template ===

impl Template {
    /// Reads a template. `known` are the names that can be referred to; empty, every name can.
    pub(super) fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        let form = || format!("`{text}` does not have exactly one reference such as `{{sub}}`");
        let (before, rest) = text.split_once('{').ok_or_else(form)?;
        let (reference, after) = rest.split_once('}').ok_or_else(form)?;
        if [before, reference, after].iter().any(|part| part.contains(['{', '}'])) {
            return Err(form());
        }
        if reference.is_empty() || reference.split('.').any(str::is_empty) {
            return Err(format!("`{{{reference}}}` names nothing"));
        }
        if !known.is_empty() && !known.contains(&reference) {
            return Err(format!("`{{{reference}}}` is none of `{{{}}}`", known.join("}`, `{")));
        }
        let [before, reference, after] = [before, reference, after].map(str::to_owned);
        Ok(Self { before, reference, after })
    }

    /// The text with the reference's value in its place; `None` if that is none to identify by.
    fn fill(&self, values: &impl Values) -> Option<String> {
        let value = values.value(&self.reference)?;
        if value.is_empty() || value.len() > ID_BYTES_MAX || value.chars().any(char::is_control) {
            return None;
        }
        let filled = format!("{}{value}{}", self.before, self.after);
        (filled.len() <= ID_BYTES_MAX).then_some(filled)
    }
}

// === impl Values for claims ===

/// A claim of that very name, or else a path into nested claims, steps separated by dots. Texts and
/// integers identify; a list does if it has one item.
impl Values for Map<String, Value> {
    fn value(&self, reference: &str) -> Option<String> {
        match claim(self, reference)? {
            Value::Array(items) => match items.as_slice() {
                [only] => scalar(only),
                _ => None,
            },
            other => scalar(other),
        }
    }
}

/// A claim by name or path.
pub(super) fn claim<'a>(claims: &'a Map<String, Value>, reference: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(reference) {
        return Some(value);
    }
    let (first, rest) = reference.split_once('.')?;
    rest.split('.').try_fold(claims.get(first)?, |value, step| value.as_object()?.get(step))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fill(template: &str, claims: &Value) -> Option<String> {
        Template::parse(template, &[]).unwrap().fill(claims.as_object().unwrap())
    }

    #[test]
    fn an_id_is_one_claim_with_text_around_it() {
        let claims = json!({
            "sub": "emma", "n": 7, "realm": {"user": {"id": "u1"}}, "a.b": "whole",
            "a": {"b": "nested"}, "one": ["x"], "two": ["x", "y"], "nil": null, "f": 1.5,
            "empty": "", "line": "a\nb", "yes": true
        });
        assert_eq!(fill("{sub}", &claims).as_deref(), Some("emma"));
        assert_eq!(fill("oidc|{sub}", &claims).as_deref(), Some("oidc|emma"));
        assert_eq!(fill("{n}", &claims).as_deref(), Some("7"));
        assert_eq!(fill("{realm.user.id}", &claims).as_deref(), Some("u1"));
        assert_eq!(fill("{a.b}", &claims).as_deref(), Some("whole"));
        assert_eq!(fill("{one}", &claims).as_deref(), Some("x"));
        for none in
            ["{two}", "{nil}", "{f}", "{empty}", "{line}", "{yes}", "{sub.x}", "{realm}", "{gone}"]
        {
            assert_eq!(fill(none, &claims), None, "{none}");
        }
        let long = json!({"sub": "x".repeat(ID_BYTES_MAX + 1)});
        assert_eq!(fill("{sub}", &long), None);
    }

    #[test]
    fn a_template_has_one_reference() {
        for text in ["", "emma", "{}", "{a}{b}", "{a", "a}", "{a}}", "{{a}", "{a..b}", "{.a}"] {
            assert!(Template::parse(text, &[]).is_err(), "{text}");
        }
        let error = Template::parse("{sub}", &["uri", "dns"]).unwrap_err();
        assert_eq!(error, "`{sub}` is none of `{uri}`, `{dns}`");
    }
}
