//! Cursors come back as they were, and only to whom they belong.

use super::*;

fn cursor(id: &str) -> Cursor {
    let position = Position { type_name: "N::Doc".to_owned(), after: Some(id.to_owned()) };
    Cursor { revision: 7, digest: [3; 32], position: Some(position) }
}

/// RFC 4231, test case 2, with the key filled up with zeros as HMAC does by itself.
#[test]
fn the_tag_is_hmac() {
    let mut key = [0; 32];
    key[..4].copy_from_slice(b"Jefe");
    let tag = hmac(&key, &[b"what do ya want ", b"for nothing?"]);
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(hex::encode(tag), expected);
}

#[test]
fn a_cursor_comes_back_as_it_was() {
    let cursors = Cursors::new().unwrap();
    let whole = cursor("a\0é\"");
    let before = Position { type_name: "Doc".to_owned(), after: None };
    let empty = Cursor {
        position: Some(Position { after: Some(String::new()), ..before.clone() }),
        ..whole.clone()
    };
    let before = Cursor { position: Some(before), ..whole.clone() };
    let nowhere = Cursor { position: None, ..whole.clone() };
    for cursor in [whole, before, empty, nowhere] {
        assert_eq!(cursors.open(&cursors.seal(&cursor), &[3; 32], "cursor").unwrap(), cursor);
    }
}

#[test]
fn what_it_says_is_hidden() {
    let cursors = Cursors::new().unwrap();
    let sealed = cursors.seal(&cursor("the-secret-id"));
    let bytes = hex::decode(&sealed).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"secret"));
    // Nor do two cursors tell what they have in common.
    let other = hex::decode(cursors.seal(&cursor("the-secret-ie"))).unwrap();
    assert_ne!(bytes[PROCESS + TAG..][..40], other[PROCESS + TAG..][..40]);
}

#[test]
fn one_that_was_changed_is_none() {
    let cursors = Cursors::new().unwrap();
    let sealed = hex::decode(cursors.seal(&cursor("d1"))).unwrap();
    for at in PROCESS..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let problem = cursors.open(&hex::encode(changed), &[3; 32], "cursor").unwrap_err();
        assert_eq!(problem.kind(), Kind::InvalidCursor, "byte {at}");
    }
    for text in ["", "zz", "00", &"a".repeat(CHARS_MAX + 2)] {
        assert_eq!(cursors.open(text, &[3; 32], "cursor").unwrap_err().kind(), Kind::InvalidCursor);
    }
}

#[test]
fn another_question_and_another_process_are_told_apart() {
    let cursors = Cursors::new().unwrap();
    let sealed = cursors.seal(&cursor("d1"));
    assert_eq!(cursors.open(&sealed, &[4; 32], "cursor").unwrap_err().kind(), Kind::InvalidCursor);
    let restarted = Cursors::new().unwrap();
    assert_eq!(restarted.open(&sealed, &[3; 32], "cursor").unwrap_err().kind(), Kind::CursorGone);
}
