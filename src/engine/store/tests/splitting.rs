//! The splitter against serde: whatever the pieces that a text comes in, the items are the same.

use super::*;
use crate::engine::store::splitter::{Layout, Splitter};

fn split(
    bytes: &[u8],
    layout: Layout,
    pieces: &[usize],
) -> Result<Vec<(String, u32, u64)>, String> {
    let mut splitter = Splitter::new(layout, 1000);
    let mut items = Vec::new();
    let mut take = |piece: Piece<'_>| {
        items.push((String::from_utf8(piece.raw.to_vec()).unwrap(), piece.line, piece.offset));
    };
    let mut rest = bytes;
    for size in pieces.iter().cycle() {
        let (piece, more) = rest.split_at((*size).min(rest.len()));
        splitter.feed(piece, &mut take).map_err(|error| error.message)?;
        rest = more;
        if rest.is_empty() {
            break;
        }
    }
    splitter.finish(&mut take).map_err(|error| error.message)?;
    Ok(items)
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a\"\\\\\\[\\]{},\nü]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a\"}\\\\]{0,3}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn pieces_do_not_matter(
        values in prop::collection::vec((json(), any::<bool>()), 0..6),
        pieces in prop::collection::vec(1..20_usize, 1..8),
        lines in any::<bool>(),
    ) {
        let text = |(value, pretty): &(Value, bool)| match (pretty, lines) {
            (true, false) => serde_json::to_string_pretty(value).unwrap(),
            _ => value.to_string(),
        };
        let texts: Vec<String> = values.iter().map(text).collect();
        let (layout, whole) = if lines {
            (Layout::Lines, texts.join("\n\n"))
        } else {
            (Layout::Array, format!(" [\n{} ]\n", texts.join(" ,\n")))
        };
        let items = split(whole.as_bytes(), layout, &pieces).unwrap();
        let found: Vec<&str> = items.iter().map(|(text, ..)| text.trim()).collect();
        prop_assert_eq!(found, texts.iter().map(String::as_str).collect::<Vec<_>>());
        for (text, line, offset) in &items {
            let (before, rest) = whole.split_at(usize::try_from(*offset).unwrap());
            prop_assert_eq!(before.matches('\n').count() + 1, *line as usize);
            prop_assert!(rest.starts_with(text.as_str()));
        }
    }

    #[test]
    fn no_text_ends_the_process(text in "[\\[\\]{},:\"\\\\a1 \n]{0,40}", pieces in prop::collection::vec(1..5_usize, 1..4)) {
        let array = split(text.as_bytes(), Layout::Array, &pieces);
        let whole = split(text.as_bytes(), Layout::Array, &[1000]);
        prop_assert_eq!(&array, &whole);
        if serde_json::from_str::<Vec<Value>>(&text).is_ok() {
            prop_assert!(array.is_ok(), "{:?}", array);
        }
    }
}

#[test]
fn an_item_has_a_bound() {
    let long = format!("[\"{}\"]", "x".repeat(2000));
    let error = "one item is longer than 1000 bytes";
    assert_eq!(split(long.as_bytes(), Layout::Array, &[100]).unwrap_err(), error);
    assert_eq!(split(long.as_bytes(), Layout::Lines, &[100]).unwrap_err(), error);
}
