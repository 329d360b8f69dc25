//! Files that change while the service runs: what is good comes into force by itself, what is not
//! changes nothing and is told about.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::project::Project;
use crate::service::{EMMA_READS, Service, until};

const CLOSED: &str = "// Closed.\n@id(\"closed\")\nforbid (principal, action, resource);\n";

#[track_caller]
fn decides(service: &Service, decision: &str) {
    until(&format!("it is {decision}"), || {
        (service.decision(EMMA_READS) == decision).then_some(())
    });
}

fn rejection(service: &Service) -> Option<Value> {
    let revision = service.admin("GET", "/v1/revision", "").json();
    revision.get("last_rejection").cloned()
}

#[test]
fn policies_come_into_force_by_themselves() {
    let service = Service::shipped();
    service.project.write("policies/closed.cedar", CLOSED);
    decides(&service, "deny");
    // Beside, then renamed, as editors do.
    service.project.write("policies/.closed.cedar.swp", "// Open.\n");
    let path = service.project.path("policies");
    fs::rename(path.join(".closed.cedar.swp"), path.join("closed.cedar")).unwrap();
    decides(&service, "allow");
    service.project.write("policies/closed.cedar", CLOSED);
    decides(&service, "deny");
    service.project.remove("policies/closed.cedar");
    decides(&service, "allow");
    assert!(service.log().contains("the files changed, and are read again"));
}

#[test]
fn what_is_wrong_changes_nothing_until_it_is_right() {
    let service = Service::shipped();
    let before = service.in_force();
    service.project.write("policies/closed.cedar", &CLOSED.replace("action,", ""));
    let told = until("it is rejected", || rejection(&service));
    assert_eq!(told["by"], "files");
    assert!(told["problems"][0]["file"].as_str().unwrap().ends_with("closed.cedar"), "{told}");
    assert_eq!(service.in_force(), before);
    assert!(service.metrics().contains("doorward_last_change_rejected 1\n"));
    assert!(service.log().contains("a change was rejected"));
    assert_eq!(service.decision(EMMA_READS), "allow");
    service.project.write("policies/closed.cedar", CLOSED);
    decides(&service, "deny");
    assert_eq!(rejection(&service), None);
}

#[test]
fn a_directory_that_goes_and_comes_back() {
    let service = Service::shipped();
    let policies = service.project.path("policies");
    fs::rename(&policies, service.project.path("away")).unwrap();
    until("it is told", || rejection(&service));
    assert_eq!(service.decision(EMMA_READS), "allow");
    service.project.write("away/closed.cedar", CLOSED);
    fs::rename(service.project.path("away"), &policies).unwrap();
    decides(&service, "deny");
    // It is watched where it is now.
    service.project.remove("policies/closed.cedar");
    decides(&service, "allow");
}

/// Kubernetes replaces a `ConfigMap` by replacing one link.
#[test]
fn mounted_configuration() {
    let project = Project::shipped();
    let mount = project.path("mount");
    fs::create_dir(&mount).unwrap();
    let version = |name: &str, closed: bool| {
        let directory = mount.join(name);
        fs::create_dir(&directory).unwrap();
        for entry in fs::read_dir(project.path("policies")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, directory.join(path.file_name().unwrap())).unwrap();
        }
        let text = if closed { CLOSED } else { "// Open.\n" };
        fs::write(directory.join("closed.cedar"), text).unwrap();
        symlink(name, mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    version("..1", false);
    for entry in fs::read_dir(mount.join("..1")).unwrap() {
        let name = entry.unwrap().file_name();
        let target = std::path::Path::new("..data").join(&name);
        symlink(target, mount.join(&name)).unwrap();
    }
    version("..2", true);
    version("..3", false);
    let service = Service::start(
        Project::empty(),
        &[
            "--policies",
            mount.to_str().unwrap(),
            "--entities",
            project.path("entities").to_str().unwrap(),
        ],
    );
    assert_eq!(service.decision(EMMA_READS), "allow");
    version("..4", true);
    decides(&service, "deny");
    fs::remove_dir_all(mount.join("..3")).unwrap();
    version("..5", false);
    decides(&service, "allow");
    assert_eq!(rejection(&service), None);
}

#[test]
fn entities_come_into_force_until_the_api_writes_them() {
    let service = Service::shipped();
    let entities = service.project.read("entities/entities.json");
    let disabled = entities.replace("\"enabled\": true", "\"enabled\": false");
    assert_ne!(entities, disabled);
    service.project.write("entities/entities.json", &disabled);
    decides(&service, "deny");
    service.project.write("entities/entities.json", &entities);
    decides(&service, "allow");
    let patch = service.admin("PATCH", "/v1/entities", "{\"unlink\":[\"share-buildings-b\"]}");
    assert_eq!(patch.status, 200, "{patch:?}");
    let before = service.in_force();
    service.project.write("entities/entities.json", &disabled);
    until("it is told", || {
        service.log().contains("the entity files changed, and are ignored").then_some(())
    });
    until("it is shown", || service.metrics().contains("doorward_seed_ignored 1\n").then_some(()));
    assert_eq!(service.in_force(), before);
    assert_eq!(service.decision(EMMA_READS), "allow");
    // Policies are the files' as before.
    service.project.write("policies/closed.cedar", CLOSED);
    decides(&service, "deny");
}

/// A storm of files, good and bad, ends in what the last one says.
#[test]
fn a_storm_of_files() {
    let service = Service::shipped();
    for round in 0..60 {
        let text = match round % 3 {
            0 => CLOSED.to_owned(),
            1 => CLOSED.replace("action,", ""),
            _ => "// Open.\n".to_owned(),
        };
        service.project.write("policies/closed.cedar", &text);
        service.check(EMMA_READS);
    }
    service.project.write("policies/closed.cedar", CLOSED);
    decides(&service, "deny");
    until("nothing is rejected any more", || rejection(&service).is_none().then_some(()));
}

#[test]
fn nothing_is_watched_where_it_is_not_wanted() {
    let project = Project::shipped();
    project.write("doorward.yaml", "watch: false\n");
    let service = Service::start(project, &[]);
    let before = service.in_force();
    service.project.write("policies/closed.cedar", CLOSED);
    service.signal("HUP");
    decides(&service, "deny");
    assert_ne!(service.in_force(), before);
    assert!(!service.log().contains("the files changed, and are read again"));
}
