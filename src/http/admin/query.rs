//! The ids in a path and the query of a list, and the cursor by which the next page begins where the last one ended.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use crate::http::problem::{Kind, Problem};

/// How many items a page has.
pub(super) const PAGE_ITEMS: usize = 1_000;

/// What is taken from a path, each segment without its percent-encoding.
pub(super) type Segments<T> = Result<Path<T>, PathRejection>;

/// The segments of a path, if they are text.
pub(super) fn segments<T>(path: Segments<T>) -> Result<T, Problem> {
    let unreadable = |_| Problem::new(Kind::InvalidMember, "the path must be encoded UTF-8");
    path.map(|Path(segments)| segments).map_err(unreadable)
}

/// The members of a query that are known, by their names.
pub(super) fn read<const N: usize>(
    query: Option<&str>,
    known: [&'static str; N],
) -> Result<[Option<String>; N], Problem> {
    let mut found = [const { None }; N];
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let place = known.iter().zip(&mut found).find(|(known, _)| **known == name);
        let Some((_, place)) = place else {
            return Err(Problem::unknown_member(name, "this query"));
        };
        let value = decoded(value).ok_or_else(|| Problem::wrong_member(name, "encoded UTF-8"))?;
        if place.replace(value).is_some() {
            let detail = format!("the query has `{name}` twice");
            return Err(Problem::new(Kind::InvalidMember, detail));
        }
    }
    Ok(found)
}

/// Where a page begins: behind this type's entity of this id, or behind the link of this id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) type_name: String,
    pub(super) id: String,
}

// === impl Cursor ===

impl Cursor {
    pub(super) fn write(&self) -> String {
        hex::encode(format!("{}\0{}", self.type_name, self.id))
    }

    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let bytes = hex::decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let halves = bytes.as_deref().and_then(|text| text.split_once('\0'));
        let (type_name, id) =
            halves.ok_or_else(|| Problem::wrong_member("cursor", "the `next` of a page"))?;
        Ok(Self { type_name: type_name.to_owned(), id: id.to_owned() })
    }
}

/// A value without its percent-encoding; `None` if it is not encoded rightly.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                (!digits.starts_with('+')).then(|| u8::from_str_radix(digits, 16).ok())??
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_by_its_names() {
        let [ty, cursor] = read(Some("type=N%3A%3ADoc&cursor=61"), ["type", "cursor"]).unwrap();
        assert_eq!((ty.as_deref(), cursor.as_deref()), (Some("N::Doc"), Some("61")));
        assert_eq!(read(None, ["type"]).unwrap(), [None]);
        assert!(read(Some("typ=x"), ["type"]).is_err());
        assert!(read(Some("type=x&type=y"), ["type"]).is_err());
        assert!(read(Some("type=%C3"), ["type"]).is_err());
        assert!(read(Some("type=%+1"), ["type"]).is_err());
    }

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let cursor = Cursor { type_name: "N::Doc".to_owned(), id: "a b\0é".to_owned() };
        assert_eq!(Cursor::read(&cursor.write()).unwrap(), cursor);
        assert!(Cursor::read("zz").is_err());
    }
}
