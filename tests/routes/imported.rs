//! Route files made of `OpenAPI` documents.

use doorward::engine::Text;
use doorward::mapping::{RouteFile, RouteMap, openapi};
use insta::assert_snapshot;

use crate::world::SNAPSHOT;

const DOCUMENT: &str = r##"
openapi: 3.0.3
servers: [{ url: "https://iot.example/v3/" }]
paths:
  /device/{device-id}:
    get: { operationId: getDevice, summary: "Reads a device" }
    put: { operationId: putDevice }
    delete: {}
    post: { operationId: "x\n  - { methods: [GET], path: /all, public: true }" }
    options: {}
  /device/{device-id}/credentials: { get: {} }
  /devices/{id}: { get: { summary: "\u2028- evil" } }
  /devices: { get: {}, post: {} }
  /robots/{id}: { get: {} }
  /alarm/{id}/{other}: { delete: {} }
  /login: { get: { security: [] } }
  /file/{name}.json: { get: {} }
  /moved: { $ref: "#/x" }
"##;

fn import(schema: bool) -> openapi::Imported {
    let schema = schema.then(|| SNAPSHOT.schema());
    openapi::import(&Text::new("api.yaml", DOCUMENT), schema).unwrap()
}

#[test]
fn what_is_sure_becomes_a_route_and_the_rest_a_comment() {
    assert_snapshot!(import(true).text);
    assert_snapshot!("without_a_schema", import(false).text);
}

#[test]
fn what_is_written_compiles() {
    for schema in [true, false] {
        let imported = import(schema);
        let file = RouteFile::parse(&Text::new("routes.yaml", imported.text)).unwrap();
        assert_eq!(file.len(), imported.routes);
        if schema {
            RouteMap::compile(&file, SNAPSHOT.schema()).unwrap();
        }
    }
}

#[test]
fn the_whole_of_a_large_api() {
    // Every route of both editions, as their own descriptions list them.
    let mut paths = serde_json::Map::new();
    for (method, path) in super::thingsboard::listed() {
        let item = paths.entry(path).or_insert_with(|| serde_json::json!({}));
        item[method.to_ascii_lowercase()] = serde_json::json!({});
    }
    let document = serde_json::json!({"openapi": "3.1.0", "paths": paths}).to_string();
    let imported =
        openapi::import(&Text::new("api.json", document), Some(SNAPSHOT.schema())).unwrap();
    assert_eq!(imported.routes + imported.comments, super::thingsboard::listed().len());
    let file = RouteFile::parse(&Text::new("routes.yaml", imported.text)).unwrap();
    let map = RouteMap::compile(&file, SNAPSHOT.schema()).unwrap_or_else(|it| panic!("{it}"));
    let read = crate::world::emma(&map, "GET", "/api/device/SD-001");
    assert_eq!(read, r#"read Device::"SD-001""#);
    // Nothing that hands out a credential is guessed to be reading.
    for target in ["/api/user/emma/token", "/api/device/SD-001/credentials"] {
        assert_eq!(crate::world::emma(&map, "GET", target), "deny unmapped_route");
    }
}

#[test]
fn other_documents_are_refused() {
    for (text, part) in [
        ("swagger: '2.0'\npaths: {}", "not OpenAPI 3"),
        ("openapi: 3.0.0", "no `paths`"),
        ("{", "ends too early"),
        ("openapi: [", "openapi"),
    ] {
        let problem = openapi::import(&Text::new("api", text), None).unwrap_err().to_string();
        assert!(problem.contains(part) || problem.contains("routes-yaml"), "{problem}");
    }
}
