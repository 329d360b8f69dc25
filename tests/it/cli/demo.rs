//! `doorward demo`: an allow, a deny and why, without any file.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn it_needs_no_file() {
    let project = Project::empty();
    assert_snapshot!(project.run(&["demo"]), @r#"
    exit: 0
    ----- stdout
    A landlord (Tenant 1) has two customers. Emma works for Customer A, which
    owns the sensor SD-001; Jack works for Customer B. The landlord shares the
    group `Buildings` with both, to look at. Two rules decide: what is owned is
    its owner's alone, and a shared group may be read by those it is shared
    with, and nothing more.
    (18 policies, 68 entities, 4 shares, all in memory)

    1. Emma reads a sensor of her own company
       doorward check --principal 'User::"emma"' --action read --resource 'Device::"SD-001"'
       allow
         User::"emma" may read Device::"SD-001": a permit says so, and no forbid
         speaks against it
         permit ownership-read  policies/ownership.cedar:6
           The plain member looks and does not touch, not even to acknowledge an
           alarm or to call a device.

    2. Jack, of another customer, reads the same sensor
       doorward check --principal 'User::"jack"' --action read --resource 'Device::"SD-001"'
       deny
         no permit lets User::"jack" read Device::"SD-001"; what nothing permits is
         denied (no_permit)

    3. Jack reads a building that the landlord shares with his company
       doorward check --principal 'User::"jack"' --action read --resource 'Asset::"Building A"'
       allow
         User::"jack" may read Asset::"Building A": a permit says so, and no forbid
         speaks against it
         permit share-building-a-b (a link of group-share-read)  policies/sharing.cedar:10
           To look at the members of the shared group and at the group, and no
           more. The tenants are compared here too: the permit then reads both
           records, and one that is missing from the snapshot cannot be shared with
           or shared.
           principal in UserGroup::"B/All"
           resource in EntityGroup::"Building A"

    4. Jack changes that building: a share to look at gives no right to write
       doorward check --principal 'User::"jack"' --action write --resource 'Asset::"Building A"'
       deny
         no permit lets User::"jack" write Asset::"Building A"; what nothing
         permits is denied (no_permit)

    Next:
      doorward init my-project     writes these policies and entities to start from
      cd my-project
      doorward serve               answers checks on http://127.0.0.1:3667
    and in another terminal:
      doorward check --server http://127.0.0.1:3667 \
        --principal 'User::"emma"' --action read --resource 'Device::"SD-001"'
    "#);
    assert_eq!(std::fs::read_dir(project.path("")).unwrap().count(), 0, "and leaves none");
}
