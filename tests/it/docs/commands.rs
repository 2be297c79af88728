//! The command line, as it tells of itself, and the pages that speak of it.

use std::collections::BTreeMap;
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

/// What the program says to type: in its texts, with the line continued where the text is.
fn said(source: &str) -> Vec<String> {
    let (code, _) = source.split_once("#[cfg(test)]").unwrap_or((source, ""));
    let mut joined = String::new();
    for line in code.lines() {
        let line = line.trim().trim_start_matches("///").trim_start_matches("//!").trim_start();
        match line.strip_suffix('\\') {
            Some(continued) => joined.push_str(continued),
            None => joined.extend([line, "\n"]),
        }
    }
    let begins = joined.match_indices("twinstream ");
    let begins = begins.filter(|(at, _)| {
        let before = &joined[..*at];
        before.ends_with(['"', '`']) && !before.ends_with("\\\"")
    });
    let ends = |text: &str| text.find(['"', '`', '{', ';', ',', ':']).unwrap_or(text.len());
    begins.map(|(at, _)| joined[at..at + ends(&joined[at..])].to_owned()).collect()
}

/// The first word of a line that its command does not know: a command below it, or a flag.
fn unknown_word(line: &str, helps: &BTreeMap<Vec<String>, String>) -> Option<String> {
    let mut command = Vec::new();
    let line = line.split(" #").next().unwrap_or_default();
    for word in line.split_whitespace().skip(1) {
        let help = &helps[&command];
        let below = listed(help);
        if let Some(flag) = word.strip_prefix("--") {
            let flag = flag.split('=').next().unwrap_or_default();
            let letters = |sign: char| sign.is_ascii_lowercase() || sign == '-';
            let flag = flag.trim_end_matches(|sign| !letters(sign));
            let is_known = help.split_whitespace().any(|known| {
                known.trim_end_matches(',').strip_prefix("--").is_some_and(|known| known == flag)
            });
            if !is_known && !flag.is_empty() {
                return Some(word.to_owned());
            }
        } else if below.iter().any(|known| known == word) {
            command.push(word.to_owned());
        } else if !below.is_empty() && word.starts_with(|sign: char| sign.is_ascii_lowercase()) {
            return Some(word.to_owned());
        } else if word.starts_with(['|', '>', '&']) {
            break;
        }
    }
    None
}

#[test]
fn nobody_speaks_of_a_command_that_is_not() {
    let commands = all_commands().into_iter();
    let helps: BTreeMap<Vec<String>, String> = commands
        .map(|command| {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let help = help(&words, "--help");
            (command, help)
        })
        .collect();
    let (mut seen, mut wrong) = (0, Vec::new());
    for file in repository::texts() {
        let lines = match file.path.rsplit_once('.') {
            Some((_, "md")) => typed(&file.text),
            Some((path, "rs")) if path.starts_with("src/") && !path.contains("tests") => {
                // A text can begin with the program's name and be no command at all.
                let lines = said(&file.text).into_iter();
                let names_one = |line: &String| {
                    let word = line.split_whitespace().nth(1).map(str::to_owned);
                    word.is_some_and(|word| helps.contains_key(&vec![word]))
                };
                lines.filter(names_one).collect()
            }
            _ => continue,
        };
        for line in lines {
            seen += 1;
            if let Some(word) = unknown_word(&line, &helps) {
                wrong.push(format!("{}: `{line}` has no {word}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 100, "{seen}");
}

#[test]
fn commands_are_read_as_they_are_meant() {
    let help = "It runs.\n\nUsage: x\n\nCommands:\n  serve   Run\n          on\n  help    Print\n\nOptions:\n  -h\n";
    assert_eq!(listed(help), ["serve"]);
    let page =
        "Type `twinstream\nserve`, not `cargo`.\n```sh\n$ twinstream demo --json\necho\n```\n";
    assert_eq!(typed(page), ["twinstream\nserve", "twinstream demo --json"]);
    assert_eq!(listed("Usage: x\n\nOptions:\n  -h\n"), Vec::<String>::new());
    let source = "f(\"twinstream a \\\n   b --c\");\n/// `twinstream d`, twinstream e\n#[cfg(test)]\n\"twinstream f\"";
    assert_eq!(said(source), ["twinstream a b --c", "twinstream d"]);
    let helps = |above: &[&str], text: &str| {
        (above.iter().map(|word| (*word).to_owned()).collect(), text.to_owned())
    };
    let helps = [
        helps(&[], "Commands:\n  a  A\n"),
        helps(&["a"], "Commands:\n  b  B\n"),
        helps(&["a", "b"], "Options:\n  -c, --count <N>\n"),
    ];
    let unknown = |line| unknown_word(line, &helps.clone().into());
    assert_eq!(unknown("twinstream a b FILE --count=1 # x --y"), None);
    assert_eq!(unknown("twinstream c"), Some("c".into()));
    assert_eq!(unknown("twinstream a c"), Some("c".into()));
    assert_eq!(unknown("twinstream a b --coun"), Some("--coun".into()));
}
