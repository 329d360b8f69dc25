//! What is told of, and what is not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::Watch;

/// How long a change is waited for before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

fn write(directory: &Path, name: &str, text: &str) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join(name), text).unwrap();
}

async fn tells(watch: &mut Watch, what: &str) {
    assert!(tokio::time::timeout(PATIENCE, watch.changed()).await.is_ok(), "nothing told: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_and_what_becomes_of_it() {
    let root = TempDir::new().unwrap();
    let policies = root.path().join("policies");
    write(&policies, "a.cedar", "1");
    let mut watch = Watch::new(vec![policies.clone()]);
    write(&policies, "a.cedar", "2");
    tells(&mut watch, "a file is written").await;
    // As editors do it: beside, then renamed.
    write(&policies, ".a.cedar.swp", "3");
    fs::rename(policies.join(".a.cedar.swp"), policies.join("a.cedar")).unwrap();
    tells(&mut watch, "a file is replaced").await;
    write(&policies, "b.cedar", "");
    tells(&mut watch, "a file is new").await;
    fs::remove_file(policies.join("b.cedar")).unwrap();
    tells(&mut watch, "a file is gone").await;
    fs::remove_dir_all(&policies).unwrap();
    tells(&mut watch, "the directory is gone").await;
    write(&policies, "a.cedar", "4");
    tells(&mut watch, "the directory is there again").await;
    write(&policies, "a.cedar", "5");
    tells(&mut watch, "a file in the directory that was made again").await;
    fs::rename(&policies, root.path().join("old")).unwrap();
    write(&root.path().join("new"), "a.cedar", "6");
    fs::rename(root.path().join("new"), &policies).unwrap();
    tells(&mut watch, "another directory took its name").await;
}

/// Kubernetes shows a `ConfigMap` as links through `..data`, which is a link that it replaces.
#[tokio::test(flavor = "multi_thread")]
async fn mounted_configuration() {
    let root = TempDir::new().unwrap();
    let mount = root.path().join("mount");
    write(&mount.join("..1"), "a.cedar", "1");
    symlink("..1", mount.join("..data")).unwrap();
    symlink("..data/a.cedar", mount.join("a.cedar")).unwrap();
    let swap = |version: &str| {
        write(&mount.join(version), "a.cedar", "1");
        symlink(version, mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    let mut directory = Watch::new(vec![mount.clone()]);
    let mut file = Watch::new(vec![mount.join("a.cedar")]);
    for version in ["..2", "..3"] {
        swap(version);
        tells(&mut directory, "the directory's link is replaced").await;
        tells(&mut file, "the file's link is replaced").await;
    }
}

/// A release that is a directory of its own, and a link that says which one is current.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_a_link() {
    let root = TempDir::new().unwrap();
    write(&root.path().join("releases/1"), "a.cedar", "1");
    write(&root.path().join("releases/2"), "a.cedar", "2");
    symlink("releases/1", root.path().join("policies")).unwrap();
    let mut watch = Watch::new(vec![root.path().join("policies")]);
    symlink("releases/2", root.path().join("next")).unwrap();
    fs::rename(root.path().join("next"), root.path().join("policies")).unwrap();
    tells(&mut watch, "the link leads elsewhere").await;
    write(&root.path().join("releases/2"), "a.cedar", "3");
    tells(&mut watch, "a file where it leads now").await;
}

/// What is no source is not told of, and neither is reading.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_count() {
    let root = TempDir::new().unwrap();
    let policies = root.path().join("policies");
    write(&policies, "a.cedar", "1");
    let mut watch = Watch::new(vec![policies.clone()]);
    write(&policies, "notes.txt", "x");
    write(&policies, ".hidden.cedar", "x");
    write(root.path(), "beside.cedar", "x");
    fs::read(policies.join("a.cedar")).unwrap();
    let told = tokio::time::timeout(Duration::from_secs(1), watch.changed()).await;
    assert!(told.is_err());
}
