//! The files of this repository.

use std::fs;
use std::path::{Path, PathBuf};

/// A file that is text.
#[derive(Debug)]
pub(crate) struct Text {
    /// Where it is, from the root, with `/` between folders.
    pub path: String,
    pub text: String,
}

/// The folder with `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One file, which must be there.
#[track_caller]
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every text file, in the order of their paths, but those that git ignores.
pub(crate) fn texts() -> Vec<Text> {
    let ignored: Vec<String> = read(".gitignore")
        .lines()
        .map(|line| line.trim().trim_matches('/').to_owned())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .collect();
    let mut found = Vec::new();
    walk(root(), &ignored, &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// The Rust files below a folder such as `src`.
pub(crate) fn rust(folder: &str) -> Vec<Text> {
    let folder = format!("{folder}/");
    let mut found = texts();
    found.retain(|file| {
        let is_rust = Path::new(&file.path).extension().is_some_and(|extension| extension == "rs");
        is_rust && file.path.starts_with(&folder)
    });
    found
}

fn walk(folder: &Path, ignored: &[String], found: &mut Vec<Text>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = relative(&path);
        let last = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if last == ".git" || ignored.contains(&name) || ignored.contains(&last) {
            continue;
        }
        if path.is_dir() {
            walk(&path, ignored, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push(Text { path: name, text });
        }
    }
}

fn relative(path: &Path) -> String {
    let inside = path.strip_prefix(root()).unwrap();
    let names: Vec<_> = inside.iter().map(|name| name.to_string_lossy()).collect();
    names.join("/")
}

/// Whether a path from the root leads to something.
pub(crate) fn exists(path: impl Into<PathBuf>) -> bool {
    root().join(path.into()).exists()
}
