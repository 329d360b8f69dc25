//! `/metrics`: what a dashboard and an alert are made of, in the form that Prometheus reads.

use std::collections::BTreeMap;

use crate::http::Connection;
use crate::project::Project;
use crate::service::{EMMA_READS, Service};

/// Every sample by its name and labels, as written.
fn samples(service: &Service) -> BTreeMap<String, f64> {
    let text = service.metrics();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("NAME VALUE");
        (name.to_owned(), value.parse().expect("a number"))
    };
    lines.map(sample).collect()
}

fn checks(door: &str, decision: &str, code: &str) -> String {
    format!("doorward_checks_total{{door=\"{door}\",decision=\"{decision}\",code=\"{code}\"}}")
}

#[track_caller]
fn assert_sample(samples: &BTreeMap<String, f64>, name: &str, value: f64) {
    let found = samples.get(name).copied();
    assert_eq!(found.map(f64::to_bits), Some(value.to_bits()), "{name} is {found:?}");
}

#[test]
fn the_content_type_is_the_one_of_the_format() {
    let service = Service::shipped();
    let answer = Connection::open(service.admin).request("GET", "/metrics", &[], b"");
    let expected = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type").as_deref(), Some(expected));
    assert!(answer.body.ends_with("# EOF\n"));
}

#[test]
fn checks_are_counted_by_door_decision_and_code() {
    let service = Service::shipped();
    let mut connection = Connection::open(service.data);
    let batch = format!("{{\"checks\":[{EMMA_READS},{EMMA_READS},{{\"principal\":1}}]}}");
    connection.post("/v1/check", EMMA_READS);
    connection.post("/v1/checks", &batch);
    connection.post("/v1/check", &EMMA_READS.replace("read", "write"));
    connection.post("/v1/check", &EMMA_READS.replace("read", "fly"));
    connection.post("/v1/check", &EMMA_READS.replace("SD-001", "SD-999"));
    connection.post("/v1/check", &EMMA_READS.replace("emma", "other_tenant_admin"));
    let evaluation = r#"{"subject":{"type":"User","id":"emma"},"action":{"name":"read"},"resource":{"type":"Device","id":"SD-001"}}"#;
    connection.post("/access/v1/evaluation", evaluation);
    connection.post("/access/v1/evaluation", &evaluation.replace("read", "write"));
    let samples = samples(&service);
    assert_sample(&samples, &checks("native", "allow", "allow"), 3.0);
    assert_sample(&samples, &checks("native", "deny", "no_permit"), 1.0);
    assert_sample(&samples, &checks("native", "deny", "forbidden"), 1.0);
    assert_sample(&samples, &checks("native", "deny", "unknown_resource"), 1.0);
    assert_sample(&samples, &checks("authzen", "allow", "allow"), 1.0);
    assert_sample(&samples, &checks("authzen", "deny", "no_permit"), 1.0);
    // The permit and the forbid that read what is not there.
    assert_sample(&samples, "doorward_evaluation_errors_total", 2.0);
    for name in ["revision", "entities", "links", "policies"] {
        let shown = service.admin("GET", "/v1/revision", "").json()[name].as_f64().unwrap();
        assert_sample(&samples, &format!("doorward_{name}"), shown);
    }
}

#[test]
fn the_time_of_checks_is_a_histogram() {
    let service = Service::shipped();
    let mut connection = Connection::open(service.data);
    for _ in 0..3 {
        connection.post("/v1/check", EMMA_READS);
    }
    let samples = samples(&service);
    assert_sample(&samples, "doorward_check_seconds_count{door=\"native\"}", 3.0);
    assert_sample(&samples, "doorward_check_seconds_bucket{le=\"+Inf\",door=\"native\"}", 3.0);
    assert!(samples["doorward_check_seconds_sum{door=\"native\"}"] > 0.0);
}

/// What is refused before the engine is asked is counted like an answer.
#[test]
fn a_check_before_there_is_anything_is_counted() {
    let service = Service::start(Project::empty(), &[]);
    assert_eq!(Connection::open(service.data).post("/v1/check", EMMA_READS).status, 503);
    let samples = samples(&service);
    assert_sample(&samples, &checks("native", "deny", "not_ready"), 1.0);
    assert_sample(&samples, "doorward_revision", 0.0);
}
