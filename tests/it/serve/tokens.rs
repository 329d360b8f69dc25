//! The token file of the admin plane: read again when it changes, kept where it breaks.

use crate::http::Connection;
use crate::project::Project;
use crate::service::{READER, Service, WRITER, until};

fn status(service: &Service, method: &str, token: &str) -> u16 {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    let body: &[u8] = if method == "GET" { b"" } else { b"{}" };
    let target = if method == "GET" { "/v1/revision" } else { "/v1/entities" };
    Connection::open(service.admin).request(method, target, &headers, body).status
}

#[test]
fn a_new_file_counts_and_a_broken_one_does_not() {
    let service = Service::shipped();
    assert_eq!(status(&service, "PATCH", WRITER), 200);
    service.project.write("admin.tokens", "# rotated\nnew write the-new-token\nold read the-old\n");
    until("the new token counts", || {
        (status(&service, "PATCH", "the-new-token") == 200).then_some(())
    });
    let codes = [WRITER, READER, "the-old"].map(|token| status(&service, "GET", token));
    assert_eq!(codes, [401, 401, 200]);
    assert_eq!(status(&service, "PATCH", "the-old"), 403);
    // A file that says nothing sensible takes nobody's token away, and its text is not told.
    service.project.write("admin.tokens", "new the-new-token write canary-of-a-token\n");
    until("the log tells", || {
        service.log().contains("the admin tokens stay as they were").then_some(())
    });
    assert_eq!(status(&service, "PATCH", "the-new-token"), 200);
    assert!(!service.log().contains("canary"), "{}", service.log());
    service.project.remove("admin.tokens");
    service.project.write("admin.tokens", "again write the-third-token\n");
    until("the third counts", || {
        (status(&service, "PATCH", "the-third-token") == 200).then_some(())
    });
    assert_eq!(status(&service, "GET", "the-new-token"), 401);
}

#[test]
fn an_unwatched_file_counts_when_asked() {
    let service = Service::start(Project::shipped(), &["--watch=false"]);
    service.project.write("admin.tokens", "new write the-new-token\n");
    service.signal("HUP");
    until("the new token counts", || {
        (status(&service, "PATCH", "the-new-token") == 200).then_some(())
    });
    assert_eq!(status(&service, "GET", WRITER), 401);
}
