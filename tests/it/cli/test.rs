//! `doorward test`: suites that pass, what is told of those that fail, and of those that are broken.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use insta::assert_snapshot;

use crate::project::Project;

/// A project with the policies that ship, and one suite.
fn with(suite: &str) -> Project {
    let project = Project::shipped();
    project.write("tests/policies/suite.yaml", suite);
    project
}

fn tested(suite: &str) -> String {
    with(suite).run(&["test"])
}

/// The blocks of a page that have a file's name, as files.
fn with_page(page: &str) -> Project {
    let project = Project::shipped();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let page = fs::read_to_string(path).expect("the page is there");
    let mut blocks = page.split("\n```");
    blocks.next();
    for block in blocks.step_by(2) {
        let (info, text) = block.split_once('\n').expect("a block has lines");
        if let Some((_, name)) = info.split_once(' ') {
            project.write(name, &format!("{text}\n"));
        }
    }
    project
}

#[test]
fn every_example_of_the_page_passes() {
    let project = with_page("docs/policy-tests.md");
    assert_snapshot!(project.run(&["test"]), @"
    exit: 0
    ----- stdout
    SKIP billing  tests/policies/every.yaml:22
      the plan is not decided yet

    34 passed, 0 failed, 1 skipped
    ");
}

#[test]
fn the_example_of_the_contract() {
    let project = with(
        r#"fixture: { policies: ../../policies, entities: ../../entities }
tests:
  - name: Emma reads her own sensor
    principal: User::"emma"
    action: read
    resource: Device::"SD-001"
    expect: allow
    because: [ownership-read]
  - name: nobody but A and the tenant sees A's devices
    matrix:
      principals: [User::"emma", User::"jack", User::"tenant_admin"]
      resources: [Device::"SD-001", Device::"EM-002"]
      actions: [read, read_telemetry]
      allow: [[User::"emma", "*", "*"], [User::"tenant_admin", "*", "*"]]
  - name: through nginx
    request: { method: GET, url: /api/device/SD-001, as: User::"emma" }
    expect: allow
"#,
    );
    project.write(
        "routes.yaml",
        "version: 1\nroutes:\n  - { methods: [GET], path: \"/api/device/{id}\", action: read, \
         resource: { type: Device, id: \"{id}\" } }\n",
    );
    assert_snapshot!(project.run(&["test"]), @"
    exit: 0
    ----- stdout
    14 passed, 0 failed, 0 skipped
    ");
    assert_snapshot!(project.run(&["test", "--filter", "jack", "--format", "json"]));
}

const FAILING: &str = r#"tests:
  - name: Jack reads Emma's sensor
    principal: User::"jack"
    action: read
    resource: Device::"SD-001"
    expect: allow
  - name: Jack does not read Building A
    principal: User::"jack"
    action: read
    resource: Asset::"Building A"
    expect: deny
  - name: for another reason
    principal: User::"emma"
    action: read
    resource: Device::"SD-001"
    expect: allow
    because: [ownership-full]
  - name: by another code
    principal: User::"emma"
    action: delete
    resource: Device::"SD-001"
    expect: deny
    code: forbidden
  - name: a matrix with a hole
    matrix:
      principals: [User::"emma", User::"jack"]
      actions: [read]
      resources: [Device::"SD-001", Asset::"Building A"]
      allow: [[User::"emma", read, Device::"SD-001"], [User::"jack", "*", "*"]]
  - name: half of Emma's devices
    search: { principal: User::"emma", action: read, type: Device }
    expect_exactly: [Device::"SD-001", Device::"EM-002", Device::"AM-307"]
  - name: a change that is refused
    given: { upsert: [{ uid: { type: Device, id: SD-001 }, attrs: {}, parents: [] }] }
    principal: User::"emma"
    action: read
    resource: Device::"SD-001"
    expect: allow
  - name: what does not apply
    principal: User::"emma"
    action: rpc_call
    resource: Asset::"Building A"
    expect: deny
  - name: not yet
    skip: "<waits> & sees"
    principal: User::"emma"
    action: read
    resource: Device::"SD-001"
    expect: deny
  - name: one that passes
    principal: User::"emma"
    action: read
    resource: Device::"SD-001"
    expect: allow
"#;

#[test]
fn what_failed_is_told_with_its_reason() {
    assert_snapshot!(tested(FAILING));
}

#[test]
fn junit_for_ci_systems() {
    let output = with(FAILING).run(&["test", "--format", "junit"]);
    let times = regex::Regex::new(r#"time="[0-9.]+""#).unwrap();
    assert_snapshot!(times.replace_all(&output, "time=\"…\""));
}

#[test]
fn a_broken_suite_is_no_passed_suite() {
    assert_snapshot!(tested(
        r#"fixtures: {}
tests:
  - name: twice
    principle: User::"emma"
    action: read
    resource: Device::"SD-001"
    expect: allow
  - name: twice
    principal: emma
    action: read
    resource: Device::"SD-001"
    expect: perhaps
  - principal: User::"emma"
    matrix: {}
    skip:
  - name: no verdict
    principal: User::"emma"
    action: read
    resource: Device::"SD-001"
  - name: a code that is none
    now: yesterday
    principal: User::"emma"
    action: read
    resource: Device::"SD-001"
    expect: allow
    code: no_permit
  - name: out of the matrix
    matrix:
      principals: [User::"emma"]
      actions: [read]
      resources: []
      allow: [[User::"jack", "*", "*"], all]
  - name: a search for everything
    search: { principal: User::"emma", where: { enabled: true } }
    expect_exactly: []
"#
    ));
}

#[test]
fn what_the_world_does_not_have() {
    assert_snapshot!(tested(
        r#"tests:
  - name: a misspelt device
    principal: User::"emma"
    action: read
    resource: Device::"SD-01"
    expect: deny
  - name: a misspelt action
    principal: User::"emma"
    action: reed
    resource: Device::"SD-001"
    expect: deny
  - name: a misspelt type
    principal: Usr::"emma"
    action: read
    resource: Device::"SD-001"
    expect: deny
  - name: everything is there
    unknown: true
    principal: User::"emma"
    action: read
    resource: Device::"SD-001"
    expect: deny
  - name: a share that is gone
    given: { unlink: [share-nothing] }
    principal: User::"emma"
    action: read
    resource: Device::"SD-001"
    expect: deny
  - name: no routes
    request: { url: /, as: User::"emma" }
    expect: deny
"#
    ));
}

#[test]
fn nothing_to_run() {
    let project = Project::shipped();
    assert_snapshot!(project.run(&["test"]), @"
    exit: 1
    ----- stderr
    error: there are no tests: there is no directory `tests/policies`
    hint: run this where it is, or say where tests are: `doorward test PATHS`
    ");
    project.write("tests/policies/empty.yaml", "tests: []\n");
    assert_snapshot!(project.run(&["test"]), @"
    exit: 1
    ----- stderr
    error[policy-tests]: there is no test in it
     --> tests/policies/empty.yaml:1:1
      |
    1 | tests: []
      | ^
    ");
    project.write("tests/policies/empty.yaml", "");
    assert_snapshot!(project.run(&["test"]), @"
    exit: 1
    ----- stderr
    error[policy-tests]: the file is empty
     --> tests/policies/empty.yaml
    hint: a suite has `tests:`, and a `name:` for each of them
    ");
    project.write("tests/policies/empty.yaml", "tests: [\n  - name: x\n");
    assert_snapshot!(project.run(&["test"]), @r#"
    exit: 1
    ----- stderr
    error[policy-tests]: "-" is only valid inside a block
     --> tests/policies/empty.yaml:2:3
      |
    2 |   - name: x
      |   ^
    "#);
    project.write("tests/policies/empty.yaml", FAILING);
    assert_snapshot!(project.run(&["test", "--filter", "nobody has this"]), @"
    exit: 1
    ----- stderr
    error: no test has `nobody has this` in its name
    hint: `--filter` looks in the names of tests and files, upper and lower case told apart
    ");
    assert_snapshot!(project.run(&["test", "elsewhere.yaml"]), @"
    exit: 1
    ----- stderr
    error[unreadable-file]: cannot read `elsewhere.yaml`: there is no such file or directory
    ");
    fs::remove_dir_all(project.path("policies")).unwrap();
    assert_snapshot!(project.run(&["test"]), @"
    exit: 1
    ----- stderr
    error: there are no policies
    hint: run this where `./policies` is, or say where they are: `--policies DIR` (`doorward init DIR` writes some to start from)
    ");
}

/// Policies that err say nothing, so a test that does not expect it has not seen what it asks.
#[test]
fn a_policy_that_errs() {
    let project = Project::shipped();
    project.write("policies/division.cedar", "// Errs for a number that is too large.\n@id(\"errs\")\npermit (principal, action, resource)\nwhen { principal is User && 9223372036854775807 + 1 > 0 };\n");
    let suite = |errors: &str| {
        format!(
            "tests:\n  - name: one\n    principal: User::\"emma\"\n    action: read\n    resource: \
             Device::\"SD-001\"\n    expect: allow\n{errors}"
        )
    };
    project.write("tests/policies/suite.yaml", &suite(""));
    assert_snapshot!(project.run(&["test"]), @r#"
    exit: 4
    ----- stdout
    FAIL one  tests/policies/suite.yaml:2
      errors: expected none, got `errs`
      User::"emma" read Device::"SD-001"
        allow
          permit ownership-read  policies/ownership.cedar:6
          `errs` could not be evaluated: integer overflow while attempting to add the values `9223372036854775807` and `1`

    0 passed, 1 failed, 0 skipped
    "#);
    for said in ["    errors: [errs]\n", "    errors: any\n"] {
        project.write("tests/policies/suite.yaml", &suite(said));
        assert!(project.run(&["test"]).contains("1 passed"));
    }
    project.write("tests/policies/suite.yaml", &suite("    errors: []\n"));
    assert!(project.run(&["test"]).contains("errors: expected none, got `errs`"));
}

/// Credentials are read as a proxy's would be, by the files that the route file names.
#[test]
fn headers_say_who_asks() {
    let project = with(
        r"tests:
  - name: by a trusted header
    request: { url: /api/device/SD-001, headers: { X-Forwarded-User: emma, X-Proxy-Secret: 0123456789abcdef0123 } }
    expect: allow
    because: [ownership-read]
  - name: without the secret
    request: { url: /api/device/SD-001, headers: { X-Forwarded-User: emma } }
    expect: deny
    code: invalid_credential
  - name: a preflight
    request:
      method: OPTIONS
      url: https://iot.example/api/device/SD-001
      headers: { Origin: https://a.example, Access-Control-Request-Method: GET }
    expect: allow
",
    );
    project.write("proxy.secret", "0123456789abcdef0123\n");
    project.write(
        "routes.yaml",
        "version: 1\nidentity:\n  - trusted_header: { name: X-Forwarded-User, from: [127.0.0.0/8], \
         secret_header: X-Proxy-Secret, secret_file: proxy.secret, principal: { type: User, id: \
         \"{value}\" } }\nroutes:\n  - { methods: [GET], path: \"/api/device/{id}\", action: read, \
         resource: { type: Device, id: \"{id}\" } }\n",
    );
    assert_snapshot!(project.run(&["test"]), @"
    exit: 0
    ----- stdout
    3 passed, 0 failed, 0 skipped
    ");
}

/// The shipped policies under one test, and under more of them.
#[test]
fn what_tests_saw_of_the_policies() {
    let suite = r#"fixture: { policies: ../../policies/ownership.cedar, entities: ../../entities/entities.json }
coverage:
  accept:
    - { policy: ownership-write, clause: resource.owner in principal.owner, never: true, reason: nobody edits yet }
    - { policy: ownership-full, clause: nothing, never: true, reason: it went }
tests:
  - name: all
    matrix:
      principals: [User::"emma", User::"tenant_admin"]
      actions: [read, write]
      resources: [Device::"SD-001", Device::"AM-307"]
      allow: [[User::"emma", read, Device::"SD-001"], [User::"tenant_admin", "*", "*"]]
"#;
    let project = with(suite);
    assert_snapshot!(project.run(&["test", "--coverage", "--min", "90"]), @r#"
    exit: 4
    ----- stdout
    8 passed, 0 failed, 0 skipped

    coverage 66.7 %: 10 of 15 outcomes of clauses seen, 2 of 3 policies satisfied
       66.7 %  policies/ownership.cedar
        ownership-write never satisfied  policies/ownership.cedar:17
        ownership-write: `principal in Role::"editor"` never true  policies/ownership.cedar:20
        ownership-write: `action in [Action::"ReadOnly", Action::"Write"]` never true, never false  policies/ownership.cedar:21
        ownership-write: when `resource.owner in principal.owner` never false  policies/ownership.cedar:24
        ownership-full: when `resource.owner in principal.owner` never false  policies/ownership.cedar:35
    stale: tests/policies/suite.yaml:5: `ownership-full` has no clause `nothing`
    ----- stderr
    coverage is 66.7 %, under 90 %
    "#);
    let json = project.run(&["test", "--coverage", "--min", "30", "--format", "json"]);
    assert_snapshot!(json.split_once("\"coverage\"").unwrap().1);
    let page = ["test", "--coverage", "--coverage-html", "page.html"];
    assert!(project.run(&page).starts_with("exit: 0"));
    assert_snapshot!(project.read("page.html"));
    assert_snapshot!(project.run(&["test", "--min", "101"]), @"
    exit: 2
    ----- stderr
    error: invalid value '101' for '--min <PERCENT>': expected a number from 0 to 100

    For more information, try '--help'.
    ");
}

/// Names, ids and texts of policies are text on the page, whatever they look like.
#[test]
fn a_page_of_coverage_holds_nothing_but_text() {
    let project = Project::empty();
    project.write(
        "policies/schema.cedarschema",
        "entity User { n: String }; action read appliesTo { principal: User, resource: User };",
    );
    project.write(
        "policies/<b>.cedar",
        "// </pre><script>1</script>\n@id(\"<img src=x>\") permit (principal, action, resource) when \
         { principal.n == \"</span><script>2</script>\" };",
    );
    project.write(
        "entities/users.json",
        r#"[{"uid": {"type": "User", "id": "<i>"}, "attrs": {"n": "x"}, "parents": []}]"#,
    );
    project.write(
        "tests/policies/suite.yaml",
        "tests:\n  - { name: <u>, principal: 'User::\"<i>\"', action: read, resource: \
         'User::\"<i>\"', expect: deny }\n",
    );
    let page = ["test", "--coverage", "--coverage-html", "page.html"];
    let told = project.run(&page);
    assert!(told.starts_with("exit: 0"), "{told}");
    let page = project.read("page.html");
    for (markup, text) in [
        ("<script", "&lt;script&gt;2&lt;/script&gt;"),
        ("<img", "&lt;img src=x&gt;"),
        ("<b>", "&lt;b&gt;.cedar"),
    ] {
        assert!(!page.contains(markup), "{page}");
        assert!(page.contains(text), "{page}");
    }
}

#[test]
fn a_save_runs_the_tests_again() {
    let suite = |expected: &str| {
        format!(
            "tests:\n  - name: one\n    principal: User::\"emma\"\n    action: read\n    resource: \
             Device::\"SD-001\"\n    expect: {expected}\n"
        )
    };
    let project = with(&suite("allow"));
    let mut command = project.command(&["test", "--watch"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut numbers = || stdout.find(|line| line.as_ref().unwrap().contains(" passed, "));
    let told = |line: Option<std::io::Result<String>>| line.unwrap().unwrap();
    assert_eq!(told(numbers()), "1 passed, 0 failed, 0 skipped");
    project.write("tests/policies/suite.yaml", &suite("deny"));
    assert_eq!(told(numbers()), "0 passed, 1 failed, 0 skipped");
    // A policy, and a file of tests that was not there.
    project
        .write("policies/closed.cedar", "@id(\"closed\") forbid (principal, action, resource);\n");
    assert_eq!(told(numbers()), "1 passed, 0 failed, 0 skipped");
    project.write("tests/policies/more.yaml", &suite("deny"));
    assert_eq!(told(numbers()), "2 passed, 0 failed, 0 skipped");
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut changed =
        stderr.by_ref().map(Result::unwrap).filter(|line| line.starts_with("changed"));
    assert_eq!(changed.next().unwrap(), "changed: tests/policies/suite.yaml");
    assert_eq!(changed.next().unwrap(), "changed: policies/closed.cedar");
    assert_eq!(changed.next().unwrap(), "changed: tests/policies/more.yaml");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
