//! Images: what is written is what is read, and nothing else is read at all.

use super::reading::check_indexes;
use super::*;

fn image_of(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.write_image(&mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Result<Store, ImageError> {
    Store::read_image(&mut &*bytes, &fixture().schema)
}

/// A store with links, and with numbers that are free after a change.
fn sample(entities: Vec<Value>) -> Option<Store> {
    let fixture = fixture();
    let links = json!([
        {"link_id": "a", "template_id": "share", "expires": "2031-01-01T00:00:00Z",
         "args": {"?principal": "Group::\"g0\"", "?resource": "Group::\"g1\""}},
        {"link_id": "b", "template_id": "own", "args": {"?principal": "User::\"bob\""},
         "annotations": {"why": "a test"}},
    ]);
    let remove = entities.first().map(uid_of).into_iter().collect();
    let store = fixture.load(&entities.into(), &links, References::Cedar).ok()?;
    let change = Change { unlink: vec!["a".to_owned()], remove, ..Change::default() };
    let options = LoadOptions { references: References::Cedar, ..LoadOptions::default() };
    let changed = store.apply(&change, &fixture.schema, &fixture.policies, &options);
    Some(changed.map_or(store, |(next, _)| next))
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn what_is_written_is_read(entities in entities()) {
        let Some(store) = sample(entities) else { return Ok(()) };
        let image = image_of(&store);
        let again = read(&image).unwrap();
        check_indexes(&again);
        let all = |store: &Store| (
            store.export().collect::<Vec<_>>(),
            store.links().map(|no| store.link_json(no)).collect::<Vec<_>>(),
            store.counts(),
        );
        prop_assert_eq!(all(&again), all(&store));
        prop_assert_eq!(image_of(&again), image);
        for no in (0..store.rows.len()).map(EntityNo).filter(|no| store.is_stored(*no)) {
            prop_assert_eq!(again.number_of(&store.uid_of(no)), Some(no));
        }
    }

    #[test]
    fn what_is_damaged_is_refused(
        entities in entities(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        sealed in any::<bool>(),
    ) {
        let Some(store) = sample(entities) else { return Ok(()) };
        let mut image = image_of(&store);
        let cut = at.index(image.len());
        prop_assert!(matches!(read(&image[..cut]), Err(ImageError::CutOff)));
        let body = image.len() - 32;
        let place = if sealed { at.index(body) } else { cut };
        image[place] ^= 1 << bit;
        if sealed {
            // With a digest that fits it is anything but a panic.
            let digest = sha2::Digest::finalize(sha2::Digest::chain_update(
                <sha2::Sha256 as sha2::Digest>::new(),
                &image[..body],
            ));
            image[body..].copy_from_slice(&digest);
            if let Ok(store) = read(&image) {
                let _ = store.export().count();
                let _ = store.links().filter_map(|no| store.link_json(no)).count();
            }
        } else {
            prop_assert!(read(&image).is_err());
        }
    }
}

#[test]
fn what_is_foreign_says_so() {
    let none = fixture().load(&json!([]), &json!([]), References::Strict).unwrap();
    let image = image_of(&none);
    assert_eq!(read(b"[{\"uid\": 1}]").unwrap_err().to_string(), "this is not an image of a store");
    let mut newer = image.clone();
    newer[8] = 9;
    let message = "the image has format 9, and 1 is the one that is read";
    assert_eq!(read(&newer).unwrap_err().to_string(), message);
    let other = Text::new("schema", "entity User;");
    let other = schema::parse(&other, &Limits::default()).unwrap();
    let error = Store::read_image(&mut image.as_slice(), &other).unwrap_err();
    assert_eq!(error.to_string(), "the image was made with another schema");
}
