//! Entity uids written as Cedar text, `User::"emma"`, read without Cedar's parser: text from a
//! request never becomes Cedar text.

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

/// The most bytes of a uid's text that are read.
pub const UID_BYTES_MAX: usize = 8 * 1024;

/// The two halves of a uid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UidText {
    /// The entity type, such as `User` or `Jira::Issue`.
    pub type_name: String,
    /// The id, unescaped.
    pub id: String,
}

impl std::fmt::Display for UidText {
    /// As Cedar writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}::\"{}\"", self.type_name, self.id.escape_debug())
    }
}

/// Reads `Type::"id"`. The error is a sentence that quotes the text.
pub fn parse(text: &str) -> Result<UidText, String> {
    let shown = || text.chars().take(100).collect::<String>();
    if text.len() > UID_BYTES_MAX {
        return Err(format!(
            "a uid is at most {UID_BYTES_MAX} bytes long, this one {}",
            text.len()
        ));
    }
    let form = || format!("`{}` is not a uid of the form `Type::\"id\"`", shown());
    let trimmed = text.trim();
    let (type_name, quoted) = trimmed.split_once("::\"").ok_or_else(form)?;
    let escaped = quoted.strip_suffix('"').ok_or_else(form)?;
    if !is_type_name(type_name) {
        return Err(format!("`{}` is not the name of an entity type", shown()));
    }
    let id = unescape(escaped).ok_or_else(form)?;
    Ok(UidText { type_name: type_name.to_owned(), id })
}

/// A uid as Cedar writes it.
pub fn text(uid: &EntityUid) -> String {
    uid.to_string()
}

/// A uid of a type whose name is known to be one.
pub fn of(type_name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(type_name.clone(), EntityId::new(id))
}

/// Whether `name` is identifiers joined by `::`.
fn is_type_name(name: &str) -> bool {
    name.split("::").all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
            && chars.all(|rest| rest == '_' || rest.is_ascii_alphanumeric())
    })
}

/// Resolves Cedar's string escapes; `None` where one is malformed or a quote stands bare.
fn unescape(escaped: &str) -> Option<String> {
    let mut id = String::with_capacity(escaped.len());
    let mut chars = escaped.chars();
    while let Some(next) = chars.next() {
        match next {
            '"' => return None,
            '\\' => match chars.next()? {
                'n' => id.push('\n'),
                'r' => id.push('\r'),
                't' => id.push('\t'),
                '0' => id.push('\0'),
                '\\' => id.push('\\'),
                '"' => id.push('"'),
                '\'' => id.push('\''),
                'x' => {
                    let digits: String = chars.by_ref().take(2).collect();
                    let code = u8::from_str_radix(&digits, 16).ok()?;
                    if digits.len() != 2
                        || !digits.bytes().all(|d| d.is_ascii_hexdigit())
                        || code > 0x7f
                    {
                        return None;
                    }
                    id.push(char::from(code));
                }
                'u' => {
                    let rest = chars.as_str().strip_prefix('{')?;
                    let (digits, after) = rest.split_once('}')?;
                    if digits.is_empty()
                        || digits.len() > 6
                        || !digits.bytes().all(|d| d.is_ascii_hexdigit())
                    {
                        return None;
                    }
                    id.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                    chars = after.chars();
                }
                _ => return None,
            },
            other => id.push(other),
        }
    }
    Some(id)
}
