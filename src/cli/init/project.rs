//! What a project is made of: the files that ship, laid out as the commands look for them. An
//! example brings a schema, a snapshot, tests and routes of its own to the three core policy files,
//! which are the same everywhere.

use std::borrow::Cow;

use clap::ValueEnum;

use super::super::shipped::{self, Shipped};
use super::proxies;

/// A file to be written: its path in the project, and its text.
pub(super) type Written = (Cow<'static, str>, Cow<'static, str>);

/// A platform to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Example {
    /// Documents in folders, by department
    Drive,
    /// Patients' records, by department and care group
    Hospital,
    /// ThingsBoard whole: all routes, all tests
    Thingsboard,
    /// ThingsBoard with one customer, one device, one share
    ThingsboardSmall,
    /// Issues and comments, by team and project
    Tracker,
}

/// What a platform brings beside the core policy files.
struct Parts {
    /// Policies beside the core files.
    own_policies: &'static [Shipped],
    schema: &'static str,
    entities: &'static str,
    links: &'static str,
    /// Suites by their paths.
    tests: Vec<Shipped>,
    routes: &'static str,
    readme: Cow<'static, str>,
}

const CONFIGURATION: &str = include_str!("doorward.yaml");
const README: &str = include_str!("README.md");
/// What the README of every project ends with.
const README_END: &str = include_str!("README.end.md");

const THINGSBOARD_ROUTES: &str = include_str!("../../../examples/thingsboard/routes.yaml");
const THINGSBOARD_ROUTES_PAGE: &str = include_str!("../../../examples/thingsboard/ROUTES.md");

/// What holds the shipped policies, beside the requests.
const THINGSBOARD_TESTS: [Shipped; 9] = [
    ("tests/policies/tutorial.yaml", include_str!("../../../tests/policies/tutorial.yaml")),
    ("tests/policies/ownership.yaml", include_str!("../../../tests/policies/ownership.yaml")),
    ("tests/policies/sharing.yaml", include_str!("../../../tests/policies/sharing.yaml")),
    ("tests/policies/isolation.yaml", include_str!("../../../tests/policies/isolation.yaml")),
    ("tests/policies/records.yaml", include_str!("../../../tests/policies/records.yaml")),
    ("tests/policies/alarms.yaml", include_str!("../../../tests/policies/alarms.yaml")),
    ("tests/policies/moves.yaml", include_str!("../../../tests/policies/moves.yaml")),
    ("tests/policies/changes.yaml", include_str!("../../../tests/policies/changes.yaml")),
    ("tests/policies/traps.yaml", include_str!("../../../tests/policies/traps.yaml")),
];

/// The files of an example in its folder, as far as every example has them.
macro_rules! example {
    ($name:literal) => {
        Parts {
            own_policies: &[],
            schema: include_str!(concat!("../../../examples/", $name, "/schema.cedarschema")),
            entities: include_str!(concat!("../../../examples/", $name, "/entities.json")),
            links: include_str!(concat!("../../../examples/", $name, "/links.json")),
            tests: vec![(
                concat!("tests/policies/", $name, ".yaml"),
                include_str!(concat!("../../../examples/", $name, "/tests/", $name, ".yaml")),
            )],
            routes: include_str!(concat!("../../../examples/", $name, "/routes.yaml")),
            readme: readme(include_str!(concat!("../../../examples/", $name, "/README.md"))),
        }
    };
}

/// ThingsBoard's tutorial, with a route file that is short enough to start from.
pub(super) fn tutorial() -> Vec<Written> {
    let tests = thingsboard_tests(include_str!("requests.yaml"));
    Parts { tests, routes: include_str!("routes.yaml"), ..thingsboard() }.files()
}

/// With the tests of a route file.
fn thingsboard_tests(requests: &'static str) -> Vec<Shipped> {
    THINGSBOARD_TESTS.into_iter().chain([("tests/policies/requests.yaml", requests)]).collect()
}

fn thingsboard() -> Parts {
    Parts {
        own_policies: &shipped::OWN_POLICIES,
        schema: shipped::SCHEMA.1,
        entities: shipped::ENTITIES.1,
        links: shipped::LINKS.1,
        tests: thingsboard_tests(include_str!("../../../tests/policies/requests.yaml")),
        routes: THINGSBOARD_ROUTES,
        readme: Cow::Borrowed(README),
    }
}

fn thingsboard_small() -> Parts {
    let tests = vec![(
        "tests/policies/thingsboard-small.yaml",
        include_str!("../../../examples/thingsboard-small/tests/thingsboard-small.yaml"),
    )];
    Parts {
        entities: include_str!("../../../examples/thingsboard-small/entities.json"),
        links: include_str!("../../../examples/thingsboard-small/links.json"),
        tests,
        readme: readme(include_str!("../../../examples/thingsboard-small/README.md")),
        ..thingsboard()
    }
}

/// The README of an example for a project: its command is run in the project's directory, where
/// the files are where the command looks for them.
fn readme(text: &'static str) -> Cow<'static, str> {
    let command = text.split_once("From the root of the repository").and_then(|(before, rest)| {
        let (_, question) = rest.split_once("--principal")?;
        Some(format!("{before}One question:\n\n```sh\ndoorward check --principal{question}"))
    });
    command.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A suite for a project, where all that it needs is where it is looked for: without the line that
/// says where the parts are in the repository.
fn suite(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with("fixture:")).collect()
}

// === impl Example ===

impl Example {
    /// Every file of a project.
    pub(super) fn files(self) -> Vec<Written> {
        let parts = match self {
            Self::Drive => example!("drive"),
            Self::Hospital => example!("hospital"),
            Self::Tracker => example!("tracker"),
            Self::Thingsboard => thingsboard(),
            Self::ThingsboardSmall => thingsboard_small(),
        };
        let page = (parts.routes == THINGSBOARD_ROUTES).then_some(THINGSBOARD_ROUTES_PAGE);
        let page = page.map(|text| ("ROUTES.md".into(), text.into()));
        parts.files().into_iter().chain(page).collect()
    }
}

// === impl Parts ===

impl Parts {
    /// Every file of a project.
    fn files(self) -> Vec<Written> {
        let as_it_is = |(path, text): Shipped| (Cow::from(path), Cow::from(text));
        let snapshot = [(shipped::ENTITIES.0, self.entities), (shipped::LINKS.0, self.links)];
        let policies = shipped::CORE_POLICIES.iter().chain(self.own_policies);
        let tests = self.tests.iter().map(|(path, text)| ((*path).into(), suite(text).into()));
        let settings = [("routes.yaml", self.routes), ("doorward.yaml", CONFIGURATION)];
        let readme = format!("{}\n{README_END}", self.readme);
        std::iter::once(as_it_is((shipped::SCHEMA.0, self.schema)))
            .chain(policies.copied().map(as_it_is))
            .chain(snapshot.map(as_it_is))
            .chain(tests)
            .chain(settings.map(as_it_is))
            .chain(proxies::files().map(|(path, text)| (path.into(), text.into())))
            .chain([("README.md".into(), readme.into())])
            .collect()
    }
}
