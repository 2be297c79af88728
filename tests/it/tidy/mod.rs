//! What can be said of the source by reading it as text: who names whom, and a few rules of form.
//! What the compiler or clippy can say is left to them.

mod layers;
mod planted;
mod scan;

use std::collections::BTreeSet;

use crate::repository::{self, Text};
use layers::{module_of, named};

/// A file is shorter than this.
const LINES_MAX: usize = 500;

/// Fails with all that was found.
#[track_caller]
fn check(found: &[String]) {
    assert!(found.is_empty(), "{} found:\n{}", found.len(), found.join("\n"));
}

/// All Rust files, of the library and of the tests.
fn all_rust() -> Vec<Text> {
    let mut files = repository::rust("src");
    files.extend(repository::rust("tests"));
    files
}

fn too_long(files: &[Text]) -> Vec<String> {
    let lines = files.iter().map(|file| (&file.path, file.text.lines().count()));
    let long = lines.filter(|(_, lines)| *lines >= LINES_MAX);
    long.map(|(path, lines)| format!("{path}: {lines} lines; {LINES_MAX} is too long")).collect()
}

/// Names of `outside` in files that are not below `home`.
fn strays(files: &[Text], outside: &[&str], home: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (file, named) in named(files).filter(|(file, _)| !file.path.starts_with(home)) {
        for named in named {
            if outside.iter().eq(named.path.iter().take(outside.len())) {
                let (path, name) = (&file.path, outside.join("::"));
                found.push(format!("{path}:{}: only {home} names {name}", named.line));
            }
        }
    }
    found
}

fn ignored_tests(files: &[Text]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let tokens = scan::tokens(&file.text);
        for at in 0..tokens.len() {
            if scan::begins(&tokens[at..], &["#", "[", "ignore"]) {
                let line = tokens[at].line;
                found.push(format!("{}:{line}: a test that is not run tells nothing", file.path));
            }
        }
    }
    found
}

/// Files that no parent declares, so that nobody compiles them.
fn orphans(files: &[Text]) -> Vec<String> {
    const ROOTS: [&str; 2] = ["src/lib.rs", "tests/it/main.rs"];
    let mut declared = BTreeSet::new();
    for file in files {
        let crate_name = file.path.split('/').next();
        let is_root = ROOTS.contains(&file.path.as_str());
        let module = if is_root { Vec::new() } else { module_of(&file.path) };
        for (name, _) in scan::declared(&file.text) {
            declared.insert((crate_name, [module.as_slice(), &[name]].concat()));
        }
    }
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !ROOTS.contains(&file.path.as_str())) {
        let module = module_of(&file.path);
        let name = module.last().cloned().unwrap_or_default();
        if !declared.contains(&(file.path.split('/').next(), module)) && file.path != "src/main.rs"
        {
            found.push(format!("{}: no `mod {name};` in the module above it", file.path));
        }
    }
    found
}

/// `foo.rs` beside `foo/`: a module with children is a folder with `mod.rs`.
fn self_named(files: &[Text]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let folder = format!("{}/", file.path.strip_suffix(".rs").unwrap_or(&file.path));
        if files.iter().any(|other| other.path.starts_with(&folder)) {
            found.push(format!("{}: belongs into {folder}mod.rs", file.path));
        }
    }
    found
}

/// Where a needle stands as a name of its own, and not inside a longer one.
fn places(file: &Text, needle: &str) -> Vec<String> {
    let is_part = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.');
    let mut found = Vec::new();
    for (at, _) in file.text.match_indices(needle) {
        let (before, after) = (&file.text[..at], &file.text[at + needle.len()..]);
        let inside = before.ends_with(is_part)
            || after.chars().next().is_some_and(|sign| sign.is_alphanumeric() || sign == '_');
        if !inside {
            let line = before.matches('\n').count() + 1;
            found.push(format!("{}:{line}: {needle}", file.path));
        }
    }
    found
}

/// Folders of somebody's machine.
fn private_folders(files: &[Text]) -> Vec<String> {
    // Put together here, so that this file has none.
    let folders = ["work", "home"].map(|name| format!("/{name}"));
    files.iter().flat_map(|file| folders.iter().flat_map(|name| places(file, name))).collect()
}

/// Hosts of package registries: which one is used is the business of who builds.
fn registries(files: &[Text]) -> Vec<String> {
    let hosts = [
        ("crates", "io"),
        ("index.crates", "io"),
        ("static.crates", "io"),
        ("pypi", "org"),
        ("files.pythonhosted", "org"),
        ("registry.npmjs", "org"),
        ("registry.yarnpkg", "com"),
        ("proxy.golang", "org"),
    ];
    let hosts = hosts.map(|(name, end)| format!("{name}.{end}"));
    let files = files.iter().filter(|file| file.path != "Cargo.lock");
    files.flat_map(|file| hosts.iter().flat_map(|host| places(file, host))).collect()
}

#[test]
fn every_file_is_short_enough_to_be_read_at_once() {
    check(&too_long(&all_rust()));
}

#[test]
fn only_the_journal_knows_sql() {
    check(&strays(&repository::rust("src"), &["rusqlite"], "src/journal/"));
}

#[test]
fn only_the_configuration_reads_the_environment() {
    check(&strays(&repository::rust("src"), &["std", "env"], "src/config/"));
}

#[test]
fn every_test_is_run() {
    check(&ignored_tests(&all_rust()));
}

#[test]
fn every_file_is_part_of_the_crate() {
    check(&orphans(&all_rust()));
}

#[test]
fn there_is_one_integration_test_binary() {
    let files = repository::rust("tests");
    let strangers = files.iter().filter(|file| !file.path.starts_with("tests/it/"));
    check(
        &strangers.map(|file| format!("{}: belongs into tests/it", file.path)).collect::<Vec<_>>(),
    );
}

#[test]
fn a_module_with_children_is_a_folder() {
    check(&self_named(&all_rust()));
}

#[test]
fn no_file_names_a_folder_of_one_machine() {
    check(&private_folders(&repository::texts()));
}

#[test]
fn no_file_names_the_host_of_a_package_registry() {
    check(&registries(&repository::texts()));
}
