//! The configurations of reverse proxies, taken out of the pages of `docs/proxies`, whose very
//! files the tests run on the real proxies. There is no second copy of them.

use std::path::Path;

/// The name of a page, and the page. A fenced block whose first line says `file=PATH` is that file.
const PAGES: [(&str, &str); 6] = [
    ("nginx", include_str!("../../../docs/proxies/nginx.md")),
    ("haproxy", include_str!("../../../docs/proxies/haproxy.md")),
    ("traefik", include_str!("../../../docs/proxies/traefik.md")),
    ("caddy", include_str!("../../../docs/proxies/caddy.md")),
    ("envoy-http", include_str!("../../../docs/proxies/envoy-http.md")),
    ("envoy-grpc", include_str!("../../../docs/proxies/envoy-grpc.md")),
];

/// Every file, in a folder for its proxy, and the folder in `proxies`.
pub(super) fn files() -> impl Iterator<Item = (String, String)> {
    PAGES.into_iter().flat_map(|(name, page)| {
        blocks(page).into_iter().map(move |(path, text)| {
            let file = Path::new(path).file_name().unwrap_or_default();
            (format!("proxies/{name}/{}", file.display()), text)
        })
    })
}

/// The files of a page, each with the path that it says.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut inside: Option<(&str, String)> = None;
    for line in page.split_inclusive('\n') {
        match inside.take() {
            Some(file) if line.trim_end() == "```" => found.push(file),
            Some((path, text)) => inside = Some((path, text + line)),
            None => {
                let fence = line.strip_prefix("```").and_then(|rest| rest.split_once(" file="));
                inside = fence.map(|(_, path)| (path.trim_end(), String::new()));
            }
        }
    }
    found
}

#[test]
fn a_block_that_names_a_file_is_that_file() {
    let page =
        "# x\n```a file=/etc/b/c.d\none\n\ntwo\n```\n```sh\nnot this\n```\n```l file=e\n```\n";
    assert_eq!(blocks(page), [("/etc/b/c.d", "one\n\ntwo\n".to_owned()), ("e", String::new())]);
}

#[test]
fn every_page_has_a_file_and_no_two_files_one_name() {
    let files: Vec<_> = files().collect();
    for (name, _) in PAGES {
        assert!(
            files.iter().any(|(path, _)| path.starts_with(&format!("proxies/{name}/"))),
            "{name}"
        );
    }
    let paths: std::collections::HashSet<_> = files.iter().map(|(path, _)| path).collect();
    assert_eq!(paths.len(), files.len());
}
