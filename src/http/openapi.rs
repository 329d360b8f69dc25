//! The `OpenAPI` 3.1 document, made from the table of routes and `openapi/schemas.json`. It is
//! served at `/openapi.json` on the admin plane; `docs/openapi.json` is the same text.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::routes::{self, Access, Content, Parameter, Route};

/// The schemas that routes name.
const SCHEMAS: &str = include_str!("openapi/schemas.json");
/// Statuses that any route of the admin plane may answer.
const ADMIN_PROBLEMS: [u16; 4] = [400, 401, 403, 503];
/// Statuses that any route of the data plane may answer.
const DATA_PROBLEMS: [u16; 2] = [400, 503];

static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", document()));

/// The document as it is served.
pub(super) fn text() -> &'static str {
    &TEXT
}

fn document() -> Value {
    let mut paths = Map::new();
    let planes: [(&str, Vec<&Route>); 2] = [
        ("http://127.0.0.1:3667", routes::data().collect()),
        ("http://127.0.0.1:3668", routes::admin().collect()),
    ];
    for (server, routes) in planes {
        for route in routes {
            // A parameter that takes the rest of the path is written without its star.
            let path = route.path.replace("{*", "{");
            let item = paths.entry(path).or_insert_with(|| json!({"servers": [{"url": server}]}));
            if let Some(item) = item.as_object_mut() {
                item.insert(route.verb.key().to_owned(), operation(route));
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "doorward",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Checks are answered on the data plane (`--listen`), state is shown and \
                changed on the admin plane (`--admin-listen`), which asks for a bearer token. \
                Errors are `application/problem+json` with a stable `code`.",
        },
        "paths": paths,
        "components": {
            "schemas": serde_json::from_str::<Value>(SCHEMAS).unwrap_or_default(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer",
                "description": "A token of the admin plane, with the role `read` or `write`."}},
        },
    })
}

fn operation(route: &Route) -> Value {
    let about = &route.about;
    let mut operation = Map::new();
    let mut put = |key: &str, value: Value| drop(operation.insert(key.to_owned(), value));
    put("operationId", about.id.into());
    put("summary", about.summary.into());
    if !about.text.is_empty() {
        put("description", about.text.into());
    }
    put(
        "security",
        match route.access.role() {
            Some(role) => json!([{"token": [role]}]),
            None => json!([]),
        },
    );
    if !about.parameters.is_empty() {
        put("parameters", about.parameters.iter().map(parameter).collect());
    }
    if !about.request.is_empty() {
        put("requestBody", json!({"required": true, "content": content(about.request)}));
    }
    put("responses", responses(route));
    Value::Object(operation)
}

fn parameter(parameter: &Parameter) -> Value {
    let json = json!({
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.text,
        "schema": {"type": parameter.kind},
    });
    let (Value::Object(mut json), false) = (json.clone(), parameter.example.is_empty()) else {
        return json;
    };
    let example = match (parameter.kind, parameter.example) {
        ("boolean", text) => json!(text == "true"),
        (_, text) => json!(text),
    };
    json.insert("example".to_owned(), example);
    Value::Object(json)
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    let answer = json!({"description": "Done", "content": content(route.about.answer)});
    responses.insert("200".to_owned(), answer);
    let of_plane: &[u16] = match route.access {
        Access::Data => &DATA_PROBLEMS,
        Access::Open => &[400, 403],
        Access::Read | Access::Write => &ADMIN_PROBLEMS,
    };
    let mut problems: Vec<u16> = of_plane.iter().chain(route.about.problems).copied().collect();
    problems.sort_unstable();
    problems.dedup();
    for status in problems {
        let name = axum::http::StatusCode::from_u16(status).ok();
        let name = name.and_then(|status| status.canonical_reason()).unwrap_or_default();
        let problem = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        let answer = json!({"description": name, "content": {"application/problem+json": problem}});
        responses.insert(status.to_string(), answer);
    }
    Value::Object(responses)
}

fn content(forms: &[Content]) -> Value {
    let form = |content: &Content| {
        let example = serde_json::from_str(content.example);
        let value = if content.schema.is_empty() {
            json!({"schema": {"type": "string"}, "example": content.example})
        } else {
            let schema = format!("#/components/schemas/{}", content.schema);
            json!({"schema": {"$ref": schema}, "example": example.unwrap_or(Value::Null)})
        };
        (content.media.to_owned(), value)
    };
    Value::Object(forms.iter().map(form).collect())
}

#[cfg(test)]
mod tests;
