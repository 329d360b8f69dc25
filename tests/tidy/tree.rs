//! The files of the repository as the rules see them: every text under the root, but for what is
//! built, kept or fetched.

use std::fs;
use std::path::Path;

/// Directories that hold no source.
const LEFT_OUT: [&str; 5] = [".git", ".doorward", "target", "node_modules", "proptest-regressions"];

/// A text file, by its path from the root of the repository.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// Whether this is a source file of the crate or of its tests.
    pub(crate) fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    /// What stands behind the last dot of the path.
    pub(crate) fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

/// Every text file, ordered by path. Files that are not UTF-8 are no texts.
pub(crate) fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(root, root, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(directory).expect("the directory is readable") {
        let entry = entry.expect("the entry is readable");
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        // In a worktree `.git` is a file.
        if LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root).expect("below the root").display().to_string();
            files.push(File { path, text });
        }
    }
}
