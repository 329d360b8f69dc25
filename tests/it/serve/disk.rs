//! A data directory on a disk that is full or cannot be written, under a running service: clear
//! errors, checks and reads go on, and so do writes when there is room again. The disk is a small
//! one in memory, where a mount of the test's own is possible.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::project::Project;
use crate::service::{EMMA_READS, Service, until};

/// A small disk at a path, until dropped.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    /// `None` where this process may not mount; said on standard error.
    fn new(path: &'a Path, size: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output();
        if mounted.as_ref().is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        writeln!(std::io::stderr(), "skipped: nothing can be mounted here: {mounted:?}").unwrap();
        None
    }

    fn remount(&self, how: &str) {
        let status = Command::new("mount").args(["-o", how]).arg(self.0).status().unwrap();
        assert!(status.success(), "mount -o {how}");
    }

    /// Takes all the room that there is.
    fn fill(&self) {
        let mut filler = File::create(self.0.join("filler")).unwrap();
        for size in [64 * 1024, 512] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

fn state(service: &Service) -> Value {
    service.admin("GET", "/v1/revision", "").json()
}

/// A change of about so many bytes.
fn change(number: usize, bytes: usize) -> String {
    let text = "x".repeat(bytes);
    let link = json!({"link_id": format!("l{number}"), "template_id": "group-share-read",
        "args": {"?principal": "UserGroup::\"B/All\"", "?resource": "EntityGroup::\"Building A\""},
        "annotations": {"text": text}});
    json!({"link": [link]}).to_string()
}

/// A change is refused, named as what it is, and nothing of it is there.
#[track_caller]
fn not_durable(service: &Service, answer: &crate::http::Answer, before: &Value) {
    assert_eq!((answer.status, &answer.json()["code"]), (500, &json!("not_durable")), "{answer:?}");
    assert_eq!(state(service)["revision"], before["revision"]);
    assert_eq!(service.decision(EMMA_READS), "allow");
    assert_eq!(service.admin("GET", "/v1/revisions", "").status, 200);
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let project = Project::shipped();
    let path = project.path("disk");
    let Some(mount) = Mount::new(&path, "4m") else { return };
    let mut service = Service::start(project, &["--data-dir", "disk/data"]);
    for round in 0..3 {
        mount.fill();
        let mut full = None;
        for number in 0..400 {
            let before = state(&service);
            let answer =
                service.admin("PATCH", "/v1/entities", &change(round * 1_000 + number, 20_000));
            if answer.status != 200 {
                not_durable(&service, &answer, &before);
                full = Some(before);
                break;
            }
        }
        let before = full.expect("the disk is full");
        until("the log says why", || {
            service.log().contains("the disk of the log is full").then_some(())
        });
        // A whole snapshot does not fit either.
        let bundle: Value = serde_json::from_str(&Service::shipped_bundle()).unwrap();
        let put = json!({"entities": [], "links": []});
        let put =
            if round == 0 { json!({"entities": bundle["entities"], "links": []}) } else { put };
        let answer = service.admin("PUT", "/v1/bundle", &put.to_string());
        if answer.status == 500 {
            not_durable(&service, &answer, &before);
        }
        mount.empty();
        let answer = service.admin("PATCH", "/v1/entities", &change(round * 1_000 + 999, 100));
        assert_eq!(answer.status, 200, "{answer:?}");
        let before = state(&service);
        let project = service.kill();
        service = Service::start(project, &["--data-dir", "disk/data"]);
        assert_eq!(state(&service), before);
        let verified = service.project.run(&["log", "verify", "--data-dir", "disk/data"]);
        assert!(verified.starts_with("exit: 0\n"), "{verified}");
    }
    service.kill();
}

#[test]
fn a_disk_that_cannot_be_written_refuses_writes_and_is_read() {
    let project = Project::shipped();
    let path = project.path("disk");
    let Some(mount) = Mount::new(&path, "64m") else { return };
    let service = Service::start(project, &["--data-dir", "disk/data"]);
    assert_eq!(service.admin("PATCH", "/v1/entities", &change(1, 100)).status, 200);
    let before = state(&service);
    let project = service.kill();
    mount.remount("remount,ro");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let output = project.run(&[&serve[..], &["--data-dir", "disk/data"]].concat());
    assert!(output.starts_with("exit: 1\n"), "{output}");
    assert!(output.contains("error[data-dir]: the log cannot be written"), "{output}");
    mount.remount("remount,rw");
    let service = Service::start(project, &["--data-dir", "disk/data"]);
    assert_eq!(state(&service), before);
    // Under a running service: what is open stays writable, and nothing new can be made.
    let name = path.to_str().unwrap();
    let run = |arguments: &[&str]| {
        let status = Command::new(arguments[0]).args(&arguments[1..]).arg(name).status().unwrap();
        assert!(status.success(), "{arguments:?}");
    };
    run(&["mount", "--bind", name]);
    run(&["mount", "-o", "remount,bind,ro"]);
    let put = json!({"entities": [], "links": []}).to_string();
    let large = change(2, 100_000);
    let answer = service.admin("PATCH", "/v1/entities", &large);
    let verified = service.project.run(&["log", "verify", "--data-dir", "disk/data"]);
    not_durable(&service, &answer, &before);
    assert!(verified.starts_with("exit: 0\n"), "{verified}");
    run(&["umount"]);
    assert_eq!(service.admin("PATCH", "/v1/entities", &large).status, 200);
    assert_eq!(service.admin("PUT", "/v1/entities", &put).status, 200);
    service.kill();
}
