//! `doorward demo`: an allow, a deny and why, without any file.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn it_needs_no_file() {
    let project = Project::empty();
    assert_snapshot!(project.run(&["demo"]), @"");
    assert_eq!(std::fs::read_dir(project.path("")).unwrap().count(), 0, "and leaves none");
}
