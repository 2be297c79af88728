//! The rules against source that breaks them, and source that only looks like it.

use super::*;

/// The paths that code in the module `sim::aws::tests` names.
#[track_caller]
fn check_named(source: &str, expected: &[(usize, &str)]) {
    let module = ["sim", "aws", "tests"].map(str::to_owned);
    let named = scan::named(source, &module, false);
    let named: Vec<_> = named.iter().map(|named| (named.line, named.path.join("::"))).collect();
    let expected: Vec<_> =
        expected.iter().map(|(line, path)| (*line, (*path).to_owned())).collect();
    assert_eq!(named, expected, "{source}");
}

/// The violations of one file, without the reasons.
#[track_caller]
fn check_layers(path: &str, text: &str, expected: &[&str]) {
    let files = [Text { path: path.into(), text: text.into() }];
    let found = layers::violations(&files);
    let found: Vec<_> =
        found.iter().map(|found| found.split(" (").next().unwrap_or_default()).collect();
    assert_eq!(found, expected, "{text}");
}

fn files(files: &[(&str, &str)]) -> Vec<Text> {
    files.iter().map(|(path, text)| Text { path: (*path).into(), text: (*text).into() }).collect()
}

#[test]
fn plain_paths_are_found_in_imports_and_in_code() {
    check_named("use crate::journal::Reader;", &[(1, "crate::journal::Reader")]);
    check_named(
        "fn f() -> crate::event::Path {\n  crate::clock::now()\n}",
        &[(1, "crate::event::Path"), (2, "crate::clock::now")],
    );
    check_named(
        "let x: Vec<crate::a::B> = crate::c::D::<u8>::new();",
        &[(1, "crate::a::B"), (1, "crate::c::D")],
    );
    check_named("use crate::journal as store;", &[(1, "crate::journal")]);
    check_named("macro_rules! m { () => { $crate::journal::f() } }", &[(1, "crate::journal::f")]);
    check_named("twinstream::cli::main()", &[(1, "crate::cli::main")]);
    check_named("use crate::r#type::X;", &[(1, "crate::type::X")]);
}

#[test]
fn groups_are_found_nested_and_over_lines() {
    check_named(
        "use crate::{admin, compare as c, journal::{self, Reader}};",
        &[
            (1, "crate::admin"),
            (1, "crate::compare"),
            (1, "crate::journal"),
            (1, "crate::journal::Reader"),
        ],
    );
    check_named(
        "use crate::{\n    a,\n    b::{c::*, d},\n};\nuse std::env;",
        &[(2, "crate::a"), (3, "crate::b::c::*"), (3, "crate::b::d"), (5, "std::env")],
    );
    check_named(
        "use {crate::a, std::{fs, env::vars}};",
        &[(1, "crate::a"), (1, "std::fs"), (1, "std::env::vars")],
    );
}

#[test]
fn super_is_followed_out_of_the_module() {
    check_named("use super::Account;", &[(1, "crate::sim::aws::Account")]);
    check_named("use super::super::super::journal::Reader;", &[(1, "crate::journal::Reader")]);
    check_named(
        "use super::{super::{super::journal, auth0}, queue};",
        &[(1, "crate::journal"), (1, "crate::sim::auth0"), (1, "crate::sim::aws::queue")],
    );
    check_named(
        "mod inner {\n use super::super::X;\n}\nuse super::Y;\nself::f();",
        &[(2, "crate::sim::aws::X"), (4, "crate::sim::aws::Y"), (5, "crate::sim::aws::tests::f")],
    );
    check_named(
        "mod a { mod b { fn f() { if x {} } } use super::X; }",
        &[(1, "crate::sim::aws::tests::X")],
    );
}

#[test]
fn the_whole_crate_is_no_way_around() {
    let everything = "src/admin/api.rs:1: names";
    check_layers(
        "src/admin/api.rs",
        "use crate as all;",
        &[&format!("{everything} the whole crate")],
    );
    check_layers("src/admin/api.rs", "use crate::*;", &[&format!("{everything} *")]);
    check_layers(
        "src/admin/api.rs",
        "use super::super::{self as all};",
        &[&format!("{everything} the whole crate")],
    );
    check_layers(
        "src/admin/mod.rs",
        "use super as all;",
        &["src/admin/mod.rs:1: names the whole crate"],
    );
}

#[test]
fn comments_texts_and_lifetimes_name_nothing() {
    check_named(
        "// crate::a\n/// crate::b\n//! crate::c\n/* crate::d /* crate::e */ crate::f */",
        &[],
    );
    check_named(
        "\"crate::a\"; \"\\\" crate::b\"; r#\"crate::c \" crate::d\"#; b\"crate::e\";",
        &[],
    );
    check_named(
        "br##\"crate::a\"# crate::b\"##; c\"crate::c\"; r\"\\\"; use crate::d;",
        &[(1, "crate::d")],
    );
    check_named(
        "'\"'; use crate::a; b'\\''; '\\\\'; '{'; fn f<'a>(x: &'a crate::b::C) {}",
        &[(1, "crate::a"), (1, "crate::b::C")],
    );
    check_named("\"two\nlines\"; use crate::a;", &[(2, "crate::a")]);
    check_named(
        "pub(crate) struct S; pub(super) fn f(self) { self.crate_name; super_name::x() }",
        &[],
    );
    check_named(
        "a::std::env; env!(\"X\"); option_env!(\"Y\"); ::std::env::var(\"Z\")",
        &[(1, "std::env::var")],
    );
}

#[test]
fn a_forbidden_name_is_told_with_its_place_and_what_is_allowed() {
    check_layers("src/compare/loss.rs", "use crate::event::Path;", &[]);
    check_layers("src/compare/loss.rs", "use super::super::journal::Reader;", &[]);
    check_layers(
        "src/compare/loss.rs",
        "\nuse crate::{event, delivery::Target};",
        &["src/compare/loss.rs:2: names delivery"],
    );
    check_layers(
        "src/event/mod.rs",
        "fn f() { super::clock::now() }",
        &["src/event/mod.rs:1: names clock"],
    );
    check_layers(
        "src/main.rs",
        "twinstream::cli::main(); twinstream::app::run()",
        &["src/main.rs:1: names app"],
    );
    check_layers(
        "src/helper.rs",
        "",
        &["src/helper.rs:1: helper is not in the table of tests/it/tidy"],
    );
    let files = files(&[("src/listen.rs", "use crate::journal::Reader;")]);
    assert_eq!(
        layers::violations(&files),
        [
            "src/listen.rs:1: names journal (crate::journal::Reader); listen may name telemetry: the \
         bounds of an HTTP server; knows no event"
        ]
    );
}

#[test]
fn only_tests_of_the_journal_may_name_what_only_they_may() {
    let normalize = "use crate::normalize::identity;";
    let inline = format!("#[cfg(test)]\nmod tests {{ {normalize} }}\n");
    check_layers("src/journal/mod.rs", &inline, &[]);
    check_layers(
        "src/journal/mod.rs",
        &format!("{inline}{normalize}"),
        &["src/journal/mod.rs:3: names normalize"],
    );
    check_layers("src/compare/mod.rs", &inline, &["src/compare/mod.rs:2: names normalize"]);
    let declared = "#[cfg(test)]\nmod tests;\nmod accept;";
    let planted = files(&[
        ("src/journal/mod.rs", declared),
        ("src/journal/accept.rs", normalize),
        ("src/journal/tests/mod.rs", "mod more;"),
        ("src/journal/tests/more.rs", normalize),
    ]);
    let found = layers::violations(&planted);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found.concat().starts_with("src/journal/accept.rs:1: names normalize"), "{found:?}");
}

#[test]
fn long_files_are_found() {
    let (short, long) = ("x\n".repeat(499), "x\n".repeat(500));
    let found = too_long(&files(&[("src/a.rs", &short), ("src/b.rs", &long)]));
    assert_eq!(found, ["src/b.rs: 500 lines; 500 is too long"]);
}

#[test]
fn names_outside_their_home_are_found() {
    let planted = files(&[
        ("src/journal/read.rs", "use rusqlite::Connection;"),
        ("src/admin/api.rs", "// rusqlite::a\nfn f(_: &rusqlite::Error) {}"),
        ("src/config/mod.rs", "std::env::vars_os()"),
        ("src/cli/mod.rs", "use std::{fmt, env};\nenv!(\"X\");"),
    ]);
    assert_eq!(
        strays(&planted, &["rusqlite"], "src/journal/"),
        ["src/admin/api.rs:2: only src/journal/ names rusqlite"]
    );
    assert_eq!(
        strays(&planted, &["std", "env"], "src/config/"),
        ["src/cli/mod.rs:1: only src/config/ names std::env"]
    );
}

#[test]
fn ignored_tests_are_found() {
    let planted = files(&[
        ("src/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}"),
        ("src/b.rs", "// #[ignore]\n\"#[ignore]\""),
    ]);
    assert_eq!(ignored_tests(&planted), ["src/a.rs:2: a test that is not run tells nothing"]);
}

#[test]
fn files_that_nobody_declares_are_found() {
    let planted = files(&[
        ("src/lib.rs", "pub mod a;"),
        ("src/main.rs", ""),
        ("src/a/mod.rs", "mod b;"),
        ("src/a/b.rs", ""),
        ("src/a/c.rs", ""),
        ("src/d.rs", ""),
        ("tests/it/main.rs", "mod e;"),
        ("tests/it/e.rs", ""),
        ("tests/it/a.rs", ""),
    ]);
    assert_eq!(
        orphans(&planted),
        [
            "src/a/c.rs: no `mod c;` in the module above it",
            "src/d.rs: no `mod d;` in the module above it",
            "tests/it/a.rs: no `mod a;` in the module above it",
        ]
    );
}

#[test]
fn modules_beside_their_folder_are_found() {
    let planted = files(&[("src/a.rs", ""), ("src/a/b.rs", ""), ("src/ab.rs", "")]);
    assert_eq!(self_named(&planted), ["src/a.rs: belongs into src/a/mod.rs"]);
}

#[test]
fn folders_and_hosts_are_found() {
    let (folder, host) = (["", "work", "x"].join("/"), ["crates", "io"].join("."));
    let text = format!("# {folder} and docs{folder} and {folder}\n{host} my{host} {host}-index");
    let planted = files(&[("README.md", &text), ("Cargo.lock", &host)]);
    let places = private_folders(&planted);
    assert_eq!(places.len(), 2, "{places:?}");
    assert!(places.concat().starts_with("README.md:1: "), "{places:?}");
    assert_eq!(
        registries(&planted),
        [format!("README.md:2: {host}"), format!("README.md:2: {host}")]
    );
}
