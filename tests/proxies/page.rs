//! The files of a page of `docs/proxies`: a fenced block whose first line says `file=PATH` is that
//! file, whole. Only what the page asks its readers to put their own in place of is replaced.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where a proxy listens, and what it stands between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) clients: SocketAddr,
    pub(crate) doorward: SocketAddr,
    pub(crate) platform: SocketAddr,
}

/// The files of a page, each with the path that it says.
pub(crate) fn files(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut inside: Option<(String, String)> = None;
    for line in page.lines() {
        match inside.take() {
            Some(file) if line == "```" => found.push(file),
            Some((path, text)) => inside = Some((path, format!("{text}{line}\n"))),
            None => {
                let path = line.strip_prefix("```").and_then(|rest| rest.split_once(" file="));
                inside = path.map(|(_, path)| (path.to_owned(), String::new()));
            }
        }
    }
    found
}

pub(crate) fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proxies").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes the files of a page into a directory, with addresses and directories of this run.
/// `changes` are those of a test, each of which is for a text that stands there once.
pub(crate) fn write(
    page: &str,
    directory: &Path,
    addresses: Addresses,
    changes: &[(&str, &str)],
) -> Vec<PathBuf> {
    let mut files = files(&read(page));
    for (from, to) in changes {
        let times: usize = files.iter().map(|(_, text)| text.matches(from).count()).sum();
        assert_eq!(times, 1, "`{from}` stands {times} times in {page}");
        for (_, text) in &mut files {
            *text = text.replace(from, to);
        }
    }
    let written = files.iter().map(|(path, text)| {
        let name = Path::new(path).file_name().unwrap();
        let path = directory.join(name);
        fs::write(&path, replaced(text, directory, addresses)).unwrap();
        path
    });
    written.collect()
}

fn replaced(text: &str, directory: &Path, addresses: Addresses) -> String {
    let directory = directory.display().to_string();
    let mut text = text.to_owned();
    for path in ["/etc/nginx", "/etc/haproxy", "/etc/traefik", "/etc/caddy", "/var/log/nginx"] {
        text = text.replace(path, &directory);
    }
    text = text.replace("/run/nginx.pid", &format!("{directory}/nginx.pid"));
    let ports =
        [("8080", addresses.clients), ("3667", addresses.doorward), ("9090", addresses.platform)];
    for (written, address) in ports {
        let port = address.port().to_string();
        for form in ["127.0.0.1:PORT", "http://:PORT", "port_value: PORT"] {
            let from = form.replace("PORT", written);
            text = text.replace(&from, &form.replace("PORT", &port));
        }
    }
    text
}

#[test]
fn files_are_found_by_their_paths() {
    let page = "# x\n```a file=/etc/b/c.d\none\ntwo\n```\n```sh\nnot this\n```\n```l file=e\n```\n";
    let expected =
        [("/etc/b/c.d".to_owned(), "one\ntwo\n".to_owned()), ("e".to_owned(), String::new())];
    assert_eq!(files(page), expected);
}

#[test]
fn the_index_lists_every_page() {
    let index = read("README.md");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proxies");
    for entry in fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let listed = name == "README.md" || index.contains(&format!("]({name})"));
        assert!(listed, "docs/proxies/README.md does not name {name}");
    }
}
