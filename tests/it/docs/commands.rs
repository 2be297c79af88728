//! The command line, as it tells of itself, and the pages that speak of it.

use std::process::Command;

use super::links;
use crate::repository;

/// No line of a help is longer.
const COLUMNS_MAX: usize = 100;

/// Runs the program in the root of the repository, with this environment alone. Returns what it
/// prints, or all that it says when it fails.
pub(super) fn twinstream(
    arguments: &[&str],
    environment: &[(String, String)],
) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_twinstream"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(repository::root())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("{}: {}{}", output.status, text(&output.stdout), text(&output.stderr)))
    }
}

fn help(command: &[&str], flag: &str) -> String {
    let arguments: Vec<&str> = command.iter().copied().chain([flag]).collect();
    twinstream(&arguments, &[]).unwrap()
}

/// The commands that a help lists, but `help`.
fn listed(help: &str) -> Vec<String> {
    let after = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let list = after.take_while(|line| !line.is_empty());
    // A longer indentation continues the text of the line above.
    let names = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The commands of the first level.
pub(super) fn commands() -> Vec<String> {
    let listed = listed(&help(&[], "--help"));
    assert!(listed.contains(&"serve".to_owned()), "{listed:?}");
    listed
}

/// All commands, each with those above it; the program alone as well.
fn all_commands() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut at = 0;
    while let Some(command) = found.get(at).cloned() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        for name in listed(&help(&words, "--help")) {
            found.push([command.as_slice(), &[name]].concat());
        }
        at += 1;
    }
    found
}

#[test]
fn every_help_fits_a_terminal() {
    for command in all_commands() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        for flag in ["-h", "--help"] {
            for line in help(&words, flag).lines() {
                let columns = line.chars().count();
                assert!(columns <= COLUMNS_MAX, "{words:?} {flag}: {columns} columns: {line}");
            }
        }
    }
}

#[test]
fn the_readme_speaks_of_every_command() {
    let readme = repository::read("README.md");
    for command in commands() {
        let words = format!("twinstream {command}");
        assert!(readme.contains(&words), "README.md never says `{words}`");
    }
}

#[test]
fn the_readme_gives_the_test_command_that_is_run() {
    let run = repository::read(".ci/run");
    let command = run.lines().find_map(|line| line.strip_prefix("TEST_COMMAND="));
    let command = command.expect(".ci/run sets TEST_COMMAND").trim_matches('"');
    assert!(repository::read("README.md").contains(command), "README.md never says `{command}`");
}

/// What a page says to type: code within the text, and the lines of its code blocks.
fn typed(page: &str) -> Vec<String> {
    let (prose, blocks) = links::prose_and_code(page);
    let mut found: Vec<String> =
        prose.join("\n").split('`').skip(1).step_by(2).map(str::to_owned).collect();
    found.extend(blocks.iter().map(|line| line.trim().trim_start_matches("$ ").to_owned()));
    found.retain(|line| line.split_whitespace().next() == Some("twinstream"));
    found
}

#[test]
fn no_page_speaks_of_a_command_that_is_not() {
    let commands = commands();
    let mut pages = repository::texts();
    pages.retain(|file| file.path.to_lowercase().ends_with(".md"));
    for page in pages {
        for line in typed(&page.text) {
            let known = line.split_whitespace().nth(1).is_none_or(|word| {
                let is_placeholder = word.starts_with(['-', '<', '[', '…']);
                is_placeholder || commands.iter().any(|command| command == word)
            });
            assert!(known, "{}: there is no `{line}`", page.path);
        }
    }
}

#[test]
fn commands_are_read_as_they_are_meant() {
    let help = "It runs.\n\nUsage: x\n\nCommands:\n  serve   Run\n          on\n  help    Print\n\nOptions:\n  -h\n";
    assert_eq!(listed(help), ["serve"]);
    let page =
        "Type `twinstream\nserve`, not `cargo`.\n```sh\n$ twinstream demo --json\necho\n```\n";
    assert_eq!(typed(page), ["twinstream\nserve", "twinstream demo --json"]);
    assert_eq!(listed("Usage: x\n\nOptions:\n  -h\n"), Vec::<String>::new());
}
