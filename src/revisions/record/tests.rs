//! The canonical form of a record: every member is in it, and nothing else is read as one.

use super::*;

fn record() -> Record {
    let head = Head::before_first(Epoch::from([1; 16]));
    let entry = Entry {
        at: "2026-11-21T12:00:00.000000001Z".parse().unwrap(),
        by: "files".into(),
        changed: vec!["schema".into(), "policies".into()],
        idempotency: Some(Idempotency { key: "k".into(), request: "r".into() }),
        digest: Some("d".into()),
        snapshot: Some(Hash::of(b"snapshot")),
        body: Bytes::from_static(b"body"),
    };
    Record::after(&head, &entry, Hash::of(&entry.body)).unwrap()
}

#[test]
fn the_form_gives_the_record_back() {
    let whole = record();
    let bare = Record { idempotency: None, digest: None, snapshot: None, ..record() };
    for mut record in [whole, bare] {
        record.hash = Hash::of(&record.canonical());
        assert_eq!(Record::from_canonical(&record.canonical(), record.hash), Ok(record));
    }
}

/// The form is on disks: a change of it is another form, with another first line.
#[test]
fn the_form_stays_what_it_is() {
    let hash = "229d5871ff2b30fc1e0435bbea7e226d7b8ba1f4587f8fc68fd18e020729583f";
    assert_eq!(record().hash.to_string(), hash);
}

#[test]
fn every_member_is_in_the_hash() {
    let other = Hash::of(b"other");
    let head = Head { revision: 7, hash: other, epoch: Epoch::from([2; 16]) };
    let edits: [fn(&mut Record, &Head); 12] = [
        |it, head| it.epoch = head.epoch,
        |it, head| it.revision = head.revision,
        |it, head| it.previous = head.hash,
        |it, _| it.at = Timestamp::UNIX_EPOCH,
        |it, _| it.by.push('s'),
        |it, _| it.changed = vec!["schemapolicies".into()],
        |it, _| it.changed.swap(0, 1),
        |it, _| it.idempotency = Some(Idempotency { key: "kr".into(), request: String::new() }),
        |it, _| it.digest = None,
        |it, _| it.snapshot = None,
        |it, head| it.body.digest = head.hash,
        |it, head| it.body.bytes = head.revision,
    ];
    for edit in edits {
        let mut changed = record();
        edit(&mut changed, &head);
        assert_ne!(changed.canonical(), record().canonical(), "{changed:?}");
    }
}

#[test]
fn what_is_cut_off_or_goes_on_is_no_record() {
    let form = record().canonical();
    for length in 0..form.len() {
        let cut = &form[..length];
        assert_eq!(Record::from_canonical(cut, Hash::of(cut)), Err(ChainFault::Form));
    }
    let mut long = form.clone();
    long.push(0);
    assert_eq!(Record::from_canonical(&long, Hash::of(&long)), Err(ChainFault::Form));
    assert_eq!(Record::from_canonical(&long, Hash::of(&form)), Err(ChainFault::Hash));
}
