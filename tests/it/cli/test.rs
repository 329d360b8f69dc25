//! `doorward test`: suites that pass, what is told of those that fail, and of those that are broken.

use std::fs;
use std::path::Path;

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
    assert_snapshot!(project.run(&["test"]), @r#"
    exit: 4
    ----- stdout
    FAIL Jack reads Building A by the landlord's share  tests/policies/check.yaml:2
      because: expected `share-building-a-b`, `share-buildings-b`, got `share-building-a-b`
      User::"jack" read Asset::"Building A"
        allow
          permit share-building-a-b (a link of group-share-read)  policies/sharing.cedar:10

    SKIP billing  tests/policies/every.yaml:22
      the plan is not decided yet

    31 passed, 1 failed, 1 skipped
    "#);
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
    assert_snapshot!(project.run(&["test", "--filter", "jack", "--format", "json"]), @r#"
    exit: 0
    ----- stdout
    {
      "passed": 4,
      "failed": 0,
      "skipped": 0,
      "tests": [
        {
          "file": "tests/policies/suite.yaml",
          "line": 9,
          "name": "nobody but A and the tenant sees A's devices",
          "cell": "User::\"jack\" read Device::\"SD-001\"",
          "outcome": "passed",
          "answer": {
            "decision": "deny",
            "code": "no_permit",
            "reason": [],
            "errors": []
          }
        },
        {
          "file": "tests/policies/suite.yaml",
          "line": 9,
          "name": "nobody but A and the tenant sees A's devices",
          "cell": "User::\"jack\" read Device::\"EM-002\"",
          "outcome": "passed",
          "answer": {
            "decision": "deny",
            "code": "no_permit",
            "reason": [],
            "errors": []
          }
        },
        {
          "file": "tests/policies/suite.yaml",
          "line": 9,
          "name": "nobody but A and the tenant sees A's devices",
          "cell": "User::\"jack\" read_telemetry Device::\"SD-001\"",
          "outcome": "passed",
          "answer": {
            "decision": "deny",
            "code": "no_permit",
            "reason": [],
            "errors": []
          }
        },
        {
          "file": "tests/policies/suite.yaml",
          "line": 9,
          "name": "nobody but A and the tenant sees A's devices",
          "cell": "User::\"jack\" read_telemetry Device::\"EM-002\"",
          "outcome": "passed",
          "answer": {
            "decision": "deny",
            "code": "no_permit",
            "reason": [],
            "errors": []
          }
        }
      ]
    }
    "#);
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
    assert_snapshot!(tested(FAILING), @r#"
    exit: 4
    ----- stdout
    FAIL Jack reads Emma's sensor  tests/policies/suite.yaml:2
      expected allow, got deny
      User::"jack" read Device::"SD-001"
        deny
          no policy permits it (no_permit)

    FAIL Jack does not read Building A  tests/policies/suite.yaml:7
      expected deny, got allow
      User::"jack" read Asset::"Building A"
        allow
          permit share-building-a-b (a link of group-share-read)  policies/sharing.cedar:10

    FAIL for another reason  tests/policies/suite.yaml:12
      because: expected `ownership-full`, got `ownership-read`
      User::"emma" read Device::"SD-001"
        allow
          permit ownership-read  policies/ownership.cedar:6

    FAIL by another code  tests/policies/suite.yaml:18
      code: expected forbidden, got no_permit
      User::"emma" delete Device::"SD-001"
        deny
          no policy permits it (no_permit)

    FAIL a matrix with a hole  tests/policies/suite.yaml:24
      User::"emma" read Asset::"Building A"
      expected deny, got allow
        allow
          permit share-building-a-a (a link of group-share-read)  policies/sharing.cedar:10

    FAIL a matrix with a hole  tests/policies/suite.yaml:24
      User::"jack" read Device::"SD-001"
      expected allow, got deny
        deny
          no policy permits it (no_permit)

    FAIL half of Emma's devices  tests/policies/suite.yaml:30
      missing: `Device::"AM-307"`
      unexpected: `Device::"E-1"`, `Device::"WM-003"`
      User::"emma" read Device::"AM-307"
        deny
          no policy permits it (no_permit)

    FAIL a change that is refused  tests/policies/suite.yaml:33
      given: expected a change that is taken, got refused: `Device::"SD-001"` needs the attribute `owner`; `Device::"SD-001"` needs the attribute `tenant`
        (entity)

    FAIL what does not apply  tests/policies/suite.yaml:39
      expected deny, got invalid: resource type `Asset` is not valid for `Action::"rpc_call"`
        (invalid_request)

    SKIP not yet  tests/policies/suite.yaml:44
      <waits> & sees

    3 passed, 9 failed, 1 skipped
    "#);
}

#[test]
fn junit_for_ci_systems() {
    let output = with(FAILING).run(&["test", "--format", "junit"]);
    let times = regex::Regex::new(r#"time="[0-9.]+""#).unwrap();
    assert_snapshot!(times.replace_all(&output, "time=\"…\""), @r#"
    exit: 4
    ----- stdout
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="doorward test" tests="13" skipped="1" failures="9" errors="0" time="…">
        <testsuite name="tests/policies/suite.yaml" tests="13" skipped="1" errors="0" failures="9" time="…">
            <testcase name="Jack reads Emma&apos;s sensor" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="2">
                <failure message="expected allow, got deny" type="decision">expected allow, got deny
    User::&quot;jack&quot; read Device::&quot;SD-001&quot;
      deny
        no policy permits it (no_permit)</failure>
            </testcase>
            <testcase name="Jack does not read Building A" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="7">
                <failure message="expected deny, got allow" type="decision">expected deny, got allow
    User::&quot;jack&quot; read Asset::&quot;Building A&quot;
      allow
        permit share-building-a-b (a link of group-share-read)  policies/sharing.cedar:10</failure>
            </testcase>
            <testcase name="for another reason" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="12">
                <failure message="because: expected `ownership-full`, got `ownership-read`" type="because">because: expected `ownership-full`, got `ownership-read`
    User::&quot;emma&quot; read Device::&quot;SD-001&quot;
      allow
        permit ownership-read  policies/ownership.cedar:6</failure>
            </testcase>
            <testcase name="by another code" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="18">
                <failure message="code: expected forbidden, got no_permit" type="code">code: expected forbidden, got no_permit
    User::&quot;emma&quot; delete Device::&quot;SD-001&quot;
      deny
        no policy permits it (no_permit)</failure>
            </testcase>
            <testcase name="a matrix with a hole [User::&quot;emma&quot; read Device::&quot;SD-001&quot;]" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="24"/>
            <testcase name="a matrix with a hole [User::&quot;emma&quot; read Asset::&quot;Building A&quot;]" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="24">
                <failure message="expected deny, got allow" type="decision">User::&quot;emma&quot; read Asset::&quot;Building A&quot;
    expected deny, got allow
      allow
        permit share-building-a-a (a link of group-share-read)  policies/sharing.cedar:10</failure>
            </testcase>
            <testcase name="a matrix with a hole [User::&quot;jack&quot; read Device::&quot;SD-001&quot;]" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="24">
                <failure message="expected allow, got deny" type="decision">User::&quot;jack&quot; read Device::&quot;SD-001&quot;
    expected allow, got deny
      deny
        no policy permits it (no_permit)</failure>
            </testcase>
            <testcase name="a matrix with a hole [User::&quot;jack&quot; read Asset::&quot;Building A&quot;]" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="24"/>
            <testcase name="half of Emma&apos;s devices" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="30">
                <failure message="missing: `Device::&quot;AM-307&quot;`" type="missing">missing: `Device::&quot;AM-307&quot;`
    unexpected: `Device::&quot;E-1&quot;`, `Device::&quot;WM-003&quot;`
    User::&quot;emma&quot; read Device::&quot;AM-307&quot;
      deny
        no policy permits it (no_permit)</failure>
            </testcase>
            <testcase name="a change that is refused" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="33">
                <failure message="given: expected a change that is taken, got refused: `Device::&quot;SD-001&quot;` needs the attribute `owner`; `Device::&quot;SD-001&quot;` needs the attribute `tenant`" type="given">given: expected a change that is taken, got refused: `Device::&quot;SD-001&quot;` needs the attribute `owner`; `Device::&quot;SD-001&quot;` needs the attribute `tenant`
      (entity)</failure>
            </testcase>
            <testcase name="what does not apply" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="39">
                <failure message="expected deny, got invalid: resource type `Asset` is not valid for `Action::&quot;rpc_call&quot;`" type="decision">expected deny, got invalid: resource type `Asset` is not valid for `Action::&quot;rpc_call&quot;`
      (invalid_request)</failure>
            </testcase>
            <testcase name="not yet" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="44">
                <skipped message="&lt;waits&gt; &amp; sees"/>
            </testcase>
            <testcase name="one that passes" classname="tests/policies/suite.yaml" time="…" file="tests/policies/suite.yaml" line="50"/>
        </testsuite>
    </testsuites>
    "#);
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
    ), @r#"
    exit: 1
    ----- stderr
    error[policy-tests]: unknown key `fixtures`
     --> tests/policies/suite.yaml:1:1
      |
    1 | fixtures: {}
      | ^^^^^^^^
    hint: did you mean `fixture`?

    error[policy-tests]: `principal` is missing
     --> tests/policies/suite.yaml:3:5
      |
    3 |   - name: twice
      |     ^
    hint: who is it that asks?

    error[policy-tests]: expected `allow` or `deny` or `invalid` or `rejected`, found `perhaps`
      --> tests/policies/suite.yaml:12:13
       |
    12 |     expect: perhaps
       |             ^^^^^^^

    error[policy-tests]: `emma` is not a uid of the form `Type::"id"`
     --> tests/policies/suite.yaml:9:16
      |
    9 |     principal: emma
      |                ^^^^
    hint: write it as User::"emma"; in quotes, 'User::"a, b"', where the id has a comma, a bracket or ` #`

    error[policy-tests]: `name` is missing
      --> tests/policies/suite.yaml:13:5
       |
    13 |   - principal: User::"emma"
       |     ^
    hint: say in it what the test holds

    error[policy-tests]: the test has both `principal` and `matrix`
      --> tests/policies/suite.yaml:13:5
       |
    13 |   - principal: User::"emma"
       |     ^
    hint: a test asks one thing: make two of it

    error[policy-tests]: `skip` is the reason
      --> tests/policies/suite.yaml:15:9
       |
    15 |     skip:
       |         ^
    hint: write why: `skip: "…"`

    error[policy-tests]: `expect` is missing
      --> tests/policies/suite.yaml:16:11
       |
    16 |   - name: no verdict
       |           ^^^^^^^^^^

    error[policy-tests]: the code `no_permit` does not come with `allow`
      --> tests/policies/suite.yaml:26:11
       |
    26 |     code: no_permit
       |           ^^^^^^^^^

    error[policy-tests]: `yesterday` is no moment
      --> tests/policies/suite.yaml:21:10
       |
    21 |     now: yesterday
       |          ^^^^^^^^^
    hint: write it as `<time>`

    error[policy-tests]: `resources` is empty
      --> tests/policies/suite.yaml:31:18
       |
    31 |       resources: []
       |                  ^

    error[policy-tests]: `User::"jack"` is not among the `principals` of the matrix
      --> tests/policies/suite.yaml:32:16
       |
    32 |       allow: [[User::"jack", "*", "*"], all]
       |                ^^^^^^^^^^^^
    hint: a triple is [principal, action, resource]

    error[policy-tests]: expected [principal, action, resource]
      --> tests/policies/suite.yaml:32:41
       |
    32 |       allow: [[User::"jack", "*", "*"], all]
       |                                         ^^^
    hint: `"*"` stands for all of the matrix

    error[policy-tests]: a search has two of `principal`, `action`, `resource`
      --> tests/policies/suite.yaml:34:13
       |
    34 |     search: { principal: User::"emma", where: { enabled: true } }
       |             ^
    hint: without `resource` it finds resources, without `principal` principals, without `action` actions
    "#);
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
    ), @r#"
    exit: 1
    ----- stderr
    error[policy-tests]: the snapshot does not hold `Device::"SD-01"`
     --> tests/policies/suite.yaml:5:15
      |
    5 |     resource: Device::"SD-01"
      |               ^^^^^^^^^^^^^^^
    hint: is it misspelt? a test about what is not there says `unknown: true`

    error[policy-tests]: the schema declares no action `Action::"reed"`
     --> tests/policies/suite.yaml:9:13
      |
    9 |     action: reed
      |             ^^^^
    hint: it declares ack_alarm, add_to_group, administer, assign_to_tenant, change_owner, claim_devices, clear_alarm, create, delete, impersonate, make_public, read, read_attributes, read_credentials, read_telemetry, remove_from_group, rpc_call, share_group, version_control, write, write_attributes, write_credentials, write_telemetry

    error[policy-tests]: the schema declares no entity type `Usr`
      --> tests/policies/suite.yaml:13:16
       |
    13 |     principal: Usr::"emma"
       |                ^^^^^^^^^^^
    hint: it declares Alarm, Anonymous, Asset, Customer, Dashboard, Device, Edge, EntityGroup, EntityView, Owner, Role, SystemAdministrator, Tenant, User, UserGroup

    error[policy-tests]: the test says `unknown: true`, and the snapshot holds all that it names
      --> tests/policies/suite.yaml:17:11
       |
    17 |   - name: everything is there
       |           ^^^^^^^^^^^^^^^^^^^

    error[policy-tests]: there is no link `share-nothing` to take out
      --> tests/policies/suite.yaml:24:23
       |
    24 |     given: { unlink: [share-nothing] }
       |                       ^^^^^^^^^^^^^

    error[policy-tests]: there is no route file
      --> tests/policies/suite.yaml:30:14
       |
    30 |     request: { url: /, as: User::"emma" }
       |              ^
    hint: name it under `fixture: { routes: … }`, or by `--routes FILE`
    "#);
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
        r#"tests:
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
"#,
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
