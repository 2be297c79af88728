//! Which module may name which. Stages meet in the journal, and nowhere else.

use std::collections::BTreeSet;

use super::scan::{self, Named};
use crate::repository::Text;

/// What one module of `src` may name, beside itself.
#[derive(Debug, Clone, Copy)]
struct Layer {
    module: &'static str,
    may_name: &'static [&'static str],
    /// What its `#[cfg(test)]` code may name as well.
    tests_may_name: &'static [&'static str],
    /// Why it is so, where the life of an event alone would not tell.
    why: &'static str,
}

impl Layer {
    const fn new(
        module: &'static str,
        may_name: &'static [&'static str],
        why: &'static str,
    ) -> Self {
        Self { module, may_name, tests_may_name: &[], why }
    }
}

const LAYERS: [Layer; 21] = [
    Layer::new("event", &[], "the vocabulary of all"),
    Layer::new("summary", &["event"], "pure: settled events in, cells out"),
    Layer::new("clock", &["event"], "the time is a value"),
    Layer::new("telemetry", &["event"], "labels come from the vocabulary"),
    Layer::new("outbound", &[], "what all HTTP clients have in common; knows no event"),
    Layer::new("listen", &["telemetry"], "the bounds of an HTTP server; knows no event"),
    Layer::new("normalize", &["event"], "pure: bytes in, event out"),
    Layer::new("routing", &["event"], "pure: event in, routes out"),
    Layer {
        module: "journal",
        may_name: &["event", "summary", "clock", "telemetry"],
        tests_may_name: &["normalize", "routing"],
        why: "its rules are handed to it; only its tests fetch them themselves",
    },
    Layer::new(
        "ingress",
        &["event", "normalize", "routing", "journal", "clock", "telemetry", "listen"],
        "names routing, since the transaction that accepts an event makes its deliveries",
    ),
    Layer::new(
        "delivery",
        &["event", "routing", "journal", "clock", "outbound", "telemetry"],
        "never sees a door: it takes what the journal says is due",
    ),
    Layer::new(
        "compare",
        &["event", "summary", "journal", "clock", "telemetry"],
        "reads what was stored, not what passes by",
    ),
    Layer::new(
        "dead_letters",
        &["event", "normalize", "routing", "journal", "clock", "telemetry"],
        "one list over the journal and the queues; reads messages as the doors do",
    ),
    Layer::new(
        "alarms",
        &["event", "journal", "compare", "dead_letters", "clock", "outbound", "telemetry"],
        "judges what others know, and tells it",
    ),
    Layer::new(
        "admin",
        &[
            "event",
            "journal",
            "compare",
            "dead_letters",
            "provision",
            "clock",
            "telemetry",
            "listen",
        ],
        "shows the comparison and the dead letters; orders are rows in the journal",
    ),
    Layer::new(
        "provision",
        &[
            "event",
            "normalize",
            "routing",
            "journal",
            "ingress",
            "dead_letters",
            "clock",
            "outbound",
            "telemetry",
        ],
        "sets up and checks what is outside; what reconcile finds goes in by a door's intake",
    ),
    Layer::new(
        "sim",
        &["event", "clock", "outbound", "telemetry", "listen"],
        "plays Auth0 and AWS, and knows nothing of the gateway's inside",
    ),
    Layer::new(
        "config",
        &[
            "event",
            "ingress",
            "journal",
            "delivery",
            "dead_letters",
            "routing",
            "compare",
            "alarms",
            "admin",
            "provision",
            "listen",
            "telemetry",
            "clock",
        ],
        "makes each part's own settings",
    ),
    Layer::new(
        "app",
        &[
            "event",
            "clock",
            "outbound",
            "telemetry",
            "listen",
            "normalize",
            "routing",
            "journal",
            "ingress",
            "delivery",
            "dead_letters",
            "compare",
            "alarms",
            "admin",
            "provision",
            "sim",
            "config",
        ],
        "puts everything together, and does not know who asked for it",
    ),
    Layer::new(
        "cli",
        &[
            "event",
            "clock",
            "outbound",
            "telemetry",
            "listen",
            "normalize",
            "routing",
            "journal",
            "ingress",
            "delivery",
            "dead_letters",
            "compare",
            "alarms",
            "admin",
            "provision",
            "sim",
            "config",
            "app",
        ],
        "the only one that sees all",
    ),
    Layer::new("main", &["cli"], "parses nothing, decides nothing"),
];

/// Where a file of `src` or `tests/it` stands: `src/a/b.rs` and `src/a/b/mod.rs` are `[a, b]`.
pub(super) fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_prefix("src/").or_else(|| path.strip_prefix("tests/it/")).unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The modules that only tests are built with.
fn test_modules(files: &[Text]) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for file in files {
        for (name, test) in scan::declared(&file.text) {
            if test {
                let mut module = module_of(&file.path);
                module.push(name);
                found.insert(module);
            }
        }
    }
    found
}

/// All paths that each file names.
pub(super) fn named(files: &[Text]) -> impl Iterator<Item = (&Text, Vec<Named>)> {
    let tests = test_modules(files);
    files.iter().map(move |file| {
        let module = module_of(&file.path);
        let test = (1..=module.len()).any(|length| tests.contains(&module[..length]));
        (file, scan::named(&file.text, &module, test))
    })
}

/// Each path that leads where its module may not go.
pub(super) fn violations(files: &[Text]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, named) in named(files) {
        let module = module_of(&file.path);
        let Some(own) = module.first() else { continue };
        let Some(layer) = LAYERS.iter().find(|layer| layer.module == own) else {
            found.push(format!("{}:1: {own} is not in the table of tests/it/tidy", file.path));
            continue;
        };
        for Named { path, line, test } in named {
            if path.first().is_none_or(|root| root != "crate") {
                continue;
            }
            let top = path.get(1).map_or("the whole crate", String::as_str);
            let for_tests = test && layer.tests_may_name.contains(&top);
            if top != own && !layer.may_name.contains(&top) && !for_tests {
                let place = format!("{}:{line}", file.path);
                let may = match layer.may_name {
                    [] => "nothing".to_owned(),
                    names => names.join(", "),
                };
                found.push(format!(
                    "{place}: names {top} ({}); {own} may name {may}: {}",
                    path.join("::"),
                    layer.why
                ));
            }
        }
    }
    found
}

#[test]
fn no_module_names_what_it_may_not() {
    let files = crate::repository::rust("src");
    super::check(&violations(&files));
}

#[test]
fn every_row_of_the_table_is_a_module() {
    let files = crate::repository::rust("src");
    let modules: BTreeSet<String> =
        files.iter().filter_map(|file| module_of(&file.path).first().cloned()).collect();
    for layer in LAYERS {
        assert!(modules.contains(layer.module), "src has no {} any more", layer.module);
        for name in layer.may_name.iter().chain(layer.tests_may_name) {
            assert!(modules.contains(*name), "src has no {name} that {} may name", layer.module);
        }
    }
}
