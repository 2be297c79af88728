//! The container's file, as far as it can be judged without building it.

use std::collections::BTreeMap;

use twinstream::config::{Config, DEFAULTS, Sources};

use crate::repository;

/// A line of the file: `COPY` and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Instruction {
    word: String,
    rest: String,
}

/// What one `FROM` begins.
type Stage = Vec<Instruction>;

fn stages(text: &str) -> Vec<Stage> {
    let (mut stages, mut line) = (Vec::<Stage>::new(), String::new());
    for next in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        match next.trim_end().strip_suffix('\\') {
            Some(continued) => line.push_str(continued),
            None => line.push_str(next),
        }
        if next.trim_end().ends_with('\\') {
            continue;
        }
        if let Some((word, rest)) = std::mem::take(&mut line).trim().split_once(' ') {
            let instruction = Instruction { word: word.into(), rest: rest.trim().into() };
            match stages.last_mut() {
                Some(stage) if word != "FROM" => stage.push(instruction),
                _ => stages.push(vec![instruction]),
            }
        }
    }
    stages
}

fn dockerfile() -> Vec<Stage> {
    let stages = stages(&repository::read("Dockerfile"));
    assert!(stages.len() > 1, "the compiler is no part of the image");
    stages
}

/// The last instruction of a kind, in the image itself.
#[track_caller]
fn last(stages: &[Stage], word: &str) -> String {
    let image = stages.last().unwrap();
    let found = image.iter().rev().find(|instruction| instruction.word == word);
    found.unwrap_or_else(|| panic!("no {word}")).rest.clone()
}

/// A command in exec form; there is no shell in the image.
#[track_caller]
fn exec(command: &str) -> Vec<String> {
    serde_json::from_str(command).unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// The name that a stage has, if it has one.
fn name(stage: &Stage) -> Option<&str> {
    stage.first()?.rest.split_once(" AS ").map(|(_, name)| name)
}

#[test]
fn nothing_runs_as_root() {
    let user = last(&dockerfile(), "USER");
    let id = user.split(':').next().unwrap_or_default();
    assert!(!matches!(id, "" | "root" | "0"), "USER {user}");
}

#[test]
fn the_program_is_what_runs_and_what_is_asked_for_its_health() {
    let stages = dockerfile();
    let entry = exec(&last(&stages, "ENTRYPOINT"));
    let [program] = entry.as_slice() else { panic!("{entry:?}") };
    let copied = stages.last().unwrap().iter().any(|instruction| {
        instruction.word == "COPY" && instruction.rest.ends_with(&format!("/twinstream {program}"))
    });
    assert!(copied, "nothing is copied to {program}");
    let health = last(&stages, "HEALTHCHECK");
    let (_, health) = health.split_once("CMD ").expect("HEALTHCHECK … CMD […]");
    let health = exec(health);
    assert_eq!(health.first(), Some(program));
    let commands = super::commands::commands();
    for command in [health, [entry, exec(&last(&stages, "CMD"))].concat()] {
        assert!(command.get(1).is_some_and(|word| commands.contains(word)), "{command:?}");
    }
    assert_eq!(last(&stages, "STOPSIGNAL"), "SIGTERM");
}

#[test]
fn everything_copied_is_there_and_is_let_through() {
    let stages = dockerfile();
    let ignored = repository::read(".dockerignore");
    let names: Vec<_> = stages.iter().filter_map(name).collect();
    for copy in stages.iter().flatten().filter(|instruction| instruction.word == "COPY") {
        let (flags, paths): (Vec<_>, Vec<_>) =
            copy.rest.split_whitespace().partition(|word| word.starts_with("--"));
        let (_, sources) = paths.split_last().unwrap();
        if let Some(stage) = flags.iter().find_map(|flag| flag.strip_prefix("--from=")) {
            assert!(names.contains(&stage), "COPY {}: no such stage", copy.rest);
            continue;
        }
        for source in sources {
            assert!(repository::exists(*source), "COPY {source}: no such file");
            let top = source.split('/').next().unwrap_or_default();
            let through = ignored.lines().any(|line| line.strip_prefix('!') == Some(top));
            assert!(through, "COPY {source}: .dockerignore keeps it out");
        }
    }
}

#[test]
fn the_compiler_is_the_one_of_the_repository() {
    let toolchain: toml::Table = repository::read("rust-toolchain.toml").parse().unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap().to_owned();
    let build = dockerfile().remove(0);
    let (minor, _) = channel.rsplit_once('.').unwrap();
    assert!(
        build[0].rest.starts_with(&format!("rust:{minor}-")),
        "{} is not {channel}",
        build[0].rest
    );
    let pinned = build.iter().any(|instruction| {
        instruction.word == "ENV" && instruction.rest == format!("RUSTUP_TOOLCHAIN={channel}")
    });
    assert!(pinned, "RUSTUP_TOOLCHAIN is not {channel}");
}

#[test]
fn its_settings_are_those_of_the_program() {
    let stages = dockerfile();
    let image = stages.last().unwrap().iter();
    let settings: BTreeMap<String, String> = image
        .filter(|instruction| instruction.word == "ENV")
        .filter_map(|instruction| instruction.rest.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut environment = settings.clone();
    environment.extend([
        ("TWINSTREAM_MODE".to_owned(), "webhook".to_owned()),
        ("TWINSTREAM__WEBHOOK__SECRETS".to_owned(), "[{ label = \"a\", env = \"T\" }]".to_owned()),
        ("T".to_owned(), "a-long-enough-webhook-token".to_owned()),
    ]);
    let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
    let volume = last(&stages, "VOLUME");
    assert!(config.journal.path.starts_with(&volume), "{:?}", config.journal.path);
    let ports: Vec<String> = last(&stages, "EXPOSE").split(' ').map(str::to_owned).collect();
    let webhook = config.webhook.unwrap().listen.port();
    assert_eq!(ports, [webhook.to_string(), config.admin.listen.port().to_string()]);
    assert!(DEFAULTS.contains(&config.admin.listen.to_string()));
}

#[test]
fn instructions_are_read_as_they_are_meant() {
    let text = "# FROM nothing\nFROM a AS b\nRUN x \\\n    && y\n\nFROM c\nCMD [\"d\"]\n";
    let read = stages(text);
    let expected = |word: &str, rest: &str| Instruction { word: word.into(), rest: rest.into() };
    assert_eq!(
        read,
        [
            vec![expected("FROM", "a AS b"), expected("RUN", "x     && y")],
            vec![expected("FROM", "c"), expected("CMD", "[\"d\"]")]
        ]
    );
    assert_eq!(name(&read[0]), Some("b"));
}
