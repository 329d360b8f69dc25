//! The answer to a check, written straight to bytes: it is made for every request, and its form
//! never varies.

use super::explanation::ExplanationWire;
use crate::engine::CheckResponse;
use crate::http::problem::write_json;
use crate::pdp::Decided;

/// Writes the whole answer, as an object.
pub(super) fn write(out: &mut Vec<u8>, response: &CheckResponse, decided: &Decided) {
    out.extend_from_slice(b"{\"decision\":\"");
    out.extend_from_slice(response.decision.as_str().as_bytes());
    out.extend_from_slice(b"\",");
    write_members(out, response, decided);
    out.push(b'}');
}

/// Writes the members that say why, which an explained `AuthZEN` answer has too.
pub(crate) fn write_members(out: &mut Vec<u8>, response: &CheckResponse, decided: &Decided) {
    out.extend_from_slice(b"\"code\":\"");
    out.extend_from_slice(response.code.as_str().as_bytes());
    out.extend_from_slice(b"\",\"reason\":[");
    for (number, id) in response.reason.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_json(out, id);
    }
    out.extend_from_slice(b"],\"errors\":[");
    for (number, error) in response.errors.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"policy\":");
        write_json(out, &error.policy);
        out.extend_from_slice(b",\"message\":");
        write_json(out, &error.message);
        out.push(b'}');
    }
    out.extend_from_slice(b"],");
    let duties =
        [("advice", &response.duties.advice), ("obligations", &response.duties.obligations)];
    for (name, texts) in duties.into_iter().filter(|(_, texts)| !texts.is_empty()) {
        write_json(out, name);
        out.push(b':');
        write_json(out, texts);
        out.push(b',');
    }
    if let Some(explanation) = &response.explanation {
        out.extend_from_slice(b"\"explanation\":");
        write_json(out, &ExplanationWire::from(explanation));
        out.push(b',');
    }
    write_identity(out, decided);
}

/// Writes what identifies the decision.
pub(crate) fn write_identity(out: &mut Vec<u8>, decided: &Decided) {
    out.extend_from_slice(b"\"revision\":");
    write_number(out, decided.revision);
    out.extend_from_slice(b",\"decision_id\":\"");
    let mut text = uuid::Uuid::encode_buffer();
    out.extend_from_slice(decided.id.hyphenated().encode_lower(&mut text).as_bytes());
    out.push(b'"');
}

pub(crate) fn write_number(out: &mut Vec<u8>, number: u64) {
    write_json(out, &number);
}
