//! `doorward config`: every value in force with its origin, and no secret.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn the_defaults() {
    assert_snapshot!(Project::empty().run(&["config"]), @"");
}

/// A flag comes before its variable, the variable before the file, the file before the default.
#[test]
fn where_each_value_comes_from() {
    let project = Project::shipped();
    project.write(
        "doorward.yaml",
        "listen: 127.0.0.1:1001\nadmin_listen: 127.0.0.1:1002\nlog_format: json\n",
    );
    let mut command = project.command(&["config", "--listen", "127.0.0.1:3001"]);
    command.env("DOORWARD_LISTEN", "127.0.0.1:2001");
    command.env("DOORWARD_ADMIN_LISTEN", "127.0.0.1:2002");
    let lines = project.outcome(&mut command);
    assert_snapshot!(lines, @"");
}

#[test]
fn no_secret_is_shown() {
    let project = Project::shipped();
    project.write("admin.tokens", "ops write a-secret-that-nobody-may-see\n");
    let output = project.run(&["config", "--admin-token-file", "admin.tokens"]);
    assert!(output.contains("admin.tokens"), "{output}");
    assert!(!output.contains("a-secret"), "{output}");
}

#[test]
fn a_key_that_is_none() {
    let project = Project::empty();
    project.write("doorward.yaml", "listen: 127.0.0.1:1001\nlisten_port: 80\n");
    assert_snapshot!(project.run(&["config"]), @"");
}

#[test]
fn a_value_that_is_none() {
    let project = Project::empty();
    project.write("doorward.yaml", "limits:\n  check_bytes: 0\n");
    assert_snapshot!(project.run(&["config"]), @"");
}

#[test]
fn a_file_that_is_not_there() {
    assert_snapshot!(Project::empty().run(&["config", "--config", "absent.yaml"]), @"");
}
