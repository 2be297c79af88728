//! `config/*.toml` against the keys that the program takes.

use std::collections::{BTreeMap, BTreeSet};

use twinstream::config::{Config, DEFAULTS, Sources};

use crate::repository;

/// The name of a key, or of the table it is in.
type Key = String;

/// A line of `config/default.toml` that sets a key, or shows how to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    table: Key,
    key: Key,
    /// Whether the line counts, and is not an example in a comment.
    active: bool,
    /// Whether a comment says what it is, above it or behind it.
    explained: bool,
}

/// The keys in a file, in their order.
fn lines(text: &str) -> Vec<Line> {
    let (mut found, mut table, mut example) = (Vec::new(), String::new(), None);
    let mut above = false;
    for line in text.lines() {
        let comment = line.strip_prefix('#').map(str::trim_start);
        let content = comment.unwrap_or(line);
        if let Some(name) = header(content) {
            if comment.is_some() {
                example = Some(name);
            } else {
                (table, example) = (name, None);
            }
        } else if let Some(key) = key(content) {
            if comment.is_none() {
                example = None;
            }
            found.push(Line {
                table: example.clone().unwrap_or_else(|| table.clone()),
                key,
                active: comment.is_none(),
                explained: above || content.contains(" # "),
            });
        }
        above = comment.is_some_and(|comment| !comment.starts_with("----"));
    }
    found
}

/// The table that a line such as `[webhook]` or `[[targets]]` begins.
fn header(line: &str) -> Option<Key> {
    let name = line.strip_prefix('[')?.split(']').next()?.trim_start_matches('[');
    let is_name = |sign: char| {
        sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_' || sign == '.'
    };
    (!name.is_empty() && name.chars().all(is_name)).then(|| name.to_owned())
}

fn key(line: &str) -> Option<Key> {
    let (key, _) = line.split_once(" = ")?;
    let is_name = |sign: char| matches!(sign, 'a'..='z' | '0'..='9' | '_');
    (!key.is_empty() && key.chars().all(is_name)).then(|| key.to_owned())
}

/// A file or an overlay alone, without this process's environment.
fn sources(overlay: &str) -> Sources {
    Sources { overlay: Some(("test".into(), overlay.into())), ..Sources::default() }
}

/// The keys that the program takes in a table, as it says when it is given another.
fn accepted(overlay: &str) -> BTreeSet<Key> {
    let error = Config::load(&sources(overlay)).expect_err("no_such_key is no key");
    let what = error.problems().iter().find(|problem| problem.what.contains("unknown field"));
    let what = &what.unwrap_or_else(|| panic!("{overlay}: {error}")).what;
    let mut names = what.split('`').skip(1).step_by(2).map(str::to_owned);
    assert_eq!(names.next().as_deref(), Some("no_such_key"), "{what}");
    names.collect()
}

/// Every table, with a configuration that has a wrong key in it.
const TABLES: [(&str, &str); 15] = [
    ("", "no_such_key = 1"),
    ("log", "log.no_such_key = 1"),
    ("webhook", "webhook.no_such_key = 1"),
    ("webhook.secrets", "webhook.secrets = [{ no_such_key = 1 }]"),
    ("eventbridge", "eventbridge.no_such_key = 1"),
    ("journal", "journal.no_such_key = 1"),
    ("admin", "admin.no_such_key = 1"),
    ("compare", "compare.no_such_key = 1"),
    ("prices", "prices.no_such_key = 1"),
    ("alarms", "alarms.no_such_key = 1"),
    ("alarms.webhooks", "alarms.webhooks = [{ no_such_key = 1 }]"),
    ("auth0", "auth0.no_such_key = 1"),
    ("reconcile", "reconcile.no_such_key = 1"),
    ("targets", "targets = [{ no_such_key = 1 }]"),
    ("routes", "routes = [{ no_such_key = 1 }]"),
];

#[test]
fn every_key_is_explained() {
    let lines = lines(DEFAULTS);
    assert!(lines.iter().filter(|line| line.active).count() > 20, "{lines:?}");
    for line in lines.iter().filter(|line| line.active) {
        assert!(line.explained, "config/default.toml: say what {}.{} is", line.table, line.key);
    }
}

#[test]
fn the_defaults_name_the_keys_that_are_taken_and_no_other() {
    let lines = lines(DEFAULTS);
    let tables: BTreeSet<&str> = TABLES.iter().map(|(table, _)| *table).collect();
    for (table, overlay) in TABLES {
        let named = lines.iter().filter(|line| line.table == table).map(|line| line.key.clone());
        let mut named: BTreeSet<Key> = named.collect();
        if table.is_empty() {
            // The tables themselves are keys of the whole.
            named.extend(
                lines
                    .iter()
                    .filter(|line| !line.table.is_empty())
                    .map(|line| line.table.split('.').next().unwrap_or_default().to_owned()),
            );
        }
        if table == "webhook.secrets" {
            // Shown as the other choice, beside `env`.
            assert!(DEFAULTS.contains("# or: file = "));
            named.insert("file".into());
        }
        assert_eq!(named, accepted(overlay), "[{table}]: left the page, right the program");
    }
    let strangers = lines.iter().find(|line| !tables.contains(line.table.as_str()));
    assert_eq!(strangers, None, "a table that this test does not know");
    let known = accepted("no_such_key = 1");
    assert!(known.iter().all(|key| key == "mode" || tables.contains(key.as_str())), "{known:?}");
}

#[test]
fn the_settings_shown_are_those_of_the_defaults() {
    let config = Config::load(&Sources {
        environment: BTreeMap::from([
            ("TOKEN".to_owned(), "a-long-enough-webhook-token".to_owned()),
            ("TWINSTREAM_MODE".to_owned(), "webhook".to_owned()),
        ]),
        ..sources("[[webhook.secrets]]\nlabel = \"a\"\nenv = \"TOKEN\"")
    });
    let shown: toml::Table = config.unwrap().show().parse().unwrap();
    let mut shown_keys = BTreeSet::new();
    for (name, value) in &shown {
        match value {
            toml::Value::Table(table) => {
                shown_keys.extend(table.keys().map(|key| (name.clone(), key.clone())));
            }
            _ => drop(shown_keys.insert((String::new(), name.clone()))),
        }
    }
    let active = lines(DEFAULTS).into_iter().filter(|line| line.active);
    assert_eq!(shown_keys, active.map(|line| (line.table, line.key)).collect());
}

/// The variables that a file takes its secrets from.
fn variables(text: &str) -> BTreeMap<String, String> {
    let uncommented = text.lines().filter(|line| !line.starts_with('#'));
    let names = uncommented.filter_map(|line| line.split_once("env = \"")?.1.split('"').next());
    // Long enough for a token, and in the form of a signing secret.
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    names.map(|name| (name.to_owned(), secret.to_owned())).collect()
}

#[test]
fn every_configuration_of_the_repository_can_be_used() {
    let files: Vec<_> = repository::texts()
        .into_iter()
        .filter(|file| file.path.starts_with("config/") && file.path.ends_with("toml"))
        .collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let mut environment = variables(&file.text);
        if file.path == "config/default.toml" {
            // What nobody can have a default for.
            environment.extend([
                ("TWINSTREAM__EVENTBRIDGE__QUEUE_URL".into(), "http://127.0.0.1:1/1/q".into()),
                ("TWINSTREAM__WEBHOOK__SECRETS".into(), "[{ label = \"a\", env = \"T\" }]".into()),
                ("T".into(), "a-long-enough-webhook-token".into()),
            ]);
        }
        let told = super::commands::twinstream(
            &["check-config", "--config", &file.path],
            &environment.into_iter().collect::<Vec<_>>(),
        );
        assert!(told.is_ok(), "{}: {told:?}", file.path);
    }
}

#[test]
fn lines_are_read_as_they_are_meant() {
    let read = lines(
        "# what it is\na = 1\n[b]\n# ----\nc = 2\nd = 3 # so\n#   e = 4\n# [[f]]\n# g = 5\nh = [6]\n# i is no key = 7",
    );
    let expected = [
        ("", "a", true, true),
        ("b", "c", true, false),
        ("b", "d", true, true),
        ("b", "e", false, false),
        ("f", "g", false, true),
        ("b", "h", true, true),
    ];
    let read: Vec<_> = read
        .iter()
        .map(|line| (line.table.as_str(), line.key.as_str(), line.active, line.explained))
        .collect();
    assert_eq!(read, expected);
}
