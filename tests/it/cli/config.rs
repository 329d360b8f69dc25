//! `doorward config`: every value in force with its origin, and no secret.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn the_defaults() {
    assert_snapshot!(Project::empty().run(&["config"]), @"
    exit: 0
    ----- stdout
    policies: []                          # default
    # schema:                             # default
    entities: []                          # default
    # links:                              # default
    # routes:                             # default
    listen: 127.0.0.1:3667                # default
    admin_listen: 127.0.0.1:3668          # default
    # admin_token_file:                   # default
    # check_token_file:                   # default
    data_dir: .doorward                   # default
    ephemeral: false                      # default
    watch: true                           # default
    forbid_errors: deny                   # default
    references: strict                    # default
    request_properties: unknown-entities  # default
    # decision_cache:                     # default
    log_format: text                      # default
    log_level: info                       # default
    limits:
      check_bytes: 256 KiB                # default
      batch_bytes: 4 MiB                  # default
      batch_items: 10000                  # default
      bundle_bytes: 64 MiB                # default
      entities_bytes: 4 GiB               # default
      revisions: 1000                     # default
      older_revisions_bytes: 1 GiB        # default
      tokens: 4000000                     # default
      depth: 64                           # default
      requests_in_flight: 1024            # default
      admin_requests_in_flight: 64        # default
      bodies_bytes: 64 MiB                # default
      admin_bodies_bytes: 128 MiB         # default
      body_timeout: 30s                   # default
      bundle_timeout: 2m                  # default
      entities_timeout: 1h                # default
      at_least_timeout: 2s                # default
      search_page: 10000                  # default
      search_candidates: 200000           # default
      search_time: 2s                     # default
      search_streams: 32                  # default
      stream_time: 10m                    # default
      cursor_revisions: 16                # default
      cursor_age: 5m                      # default
      cursor_candidates_bytes: 64 MiB     # default
      connections: 10000                  # default
      streams: 100                        # default
      head_bytes: 32 KiB                  # default
      head_timeout: 10s                   # default
      idle_timeout: 90s                   # default
      linger_timeout: 10s                 # default
      linger_bytes: 256 MiB               # default
      drain_timeout: 20s                  # default
    admin:
      hosts: []                           # default
    authzen:
      # public_url:                       # default
      types: {}                           # default
      actions: {}                         # default
    ");
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
    // All that follows comes from nowhere, as in the test of the defaults.
    let (lines, _) = lines.split_once("limits:\n").unwrap();
    assert_snapshot!(lines, @"
    exit: 0
    ----- stdout
    policies: [policies]                  # default
    # schema:                             # default
    entities: [entities]                  # default
    # links:                              # default
    # routes:                             # default
    listen: 127.0.0.1:3001                # flag --listen
    admin_listen: 127.0.0.1:2002          # environment DOORWARD_ADMIN_LISTEN
    # admin_token_file:                   # default
    # check_token_file:                   # default
    data_dir: .doorward                   # default
    ephemeral: false                      # default
    watch: true                           # default
    forbid_errors: deny                   # default
    references: strict                    # default
    request_properties: unknown-entities  # default
    # decision_cache:                     # default
    log_format: json                      # file doorward.yaml
    log_level: info                       # default
    ");
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
    assert_snapshot!(project.run(&["config"]), @"
    exit: 1
    ----- stderr
    error[config]: unknown key `listen_port`
     --> doorward.yaml:2:1
      |
    2 | listen_port: 80
      | ^^^^^^^^^^^
    hint: known here: `policies`, `schema`, `entities`, `links`, `routes`, `listen`, `admin_listen`, `admin_token_file`, `check_token_file`, `data_dir`, `ephemeral`, `watch`, `forbid_errors`, `references`, `request_properties`, `decision_cache`, `log_format`, `log_level`, `limits`, `admin`, `authzen`
    ");
}

#[test]
fn a_value_that_is_none() {
    let project = Project::empty();
    project.write("doorward.yaml", "limits:\n  check_bytes: 0\n");
    assert_snapshot!(project.run(&["config"]), @"
    exit: 1
    ----- stderr
    error[config]: a limit is more than 0
     --> doorward.yaml:2:16
      |
    2 |   check_bytes: 0
      |                ^
    ");
}

#[test]
fn a_file_that_is_not_there() {
    assert_snapshot!(Project::empty().run(&["config", "--config", "absent.yaml"]), @"
    exit: 1
    ----- stderr
    error[config-unreadable]: cannot read the configuration `absent.yaml`: there is no such file
    ");
}

/// What the connections cannot keep to is not promised.
#[test]
fn a_head_that_is_too_short_for_anybody() {
    let project = Project::empty();
    project.write("doorward.yaml", "limits:\n  head_bytes: 4 KiB\n");
    assert_snapshot!(project.run(&["config"]), @"
    exit: 1
    ----- stderr
    error[config]: `limits.head_bytes` is 4096 bytes, and 8192 is the least
     --> doorward.yaml
    hint: browsers and proxies send heads of several KiB; write `8 KiB` or more
    ");
}
