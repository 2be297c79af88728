//! `docs/METRICS.md` against the metrics of the code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use twinstream::event::{ArrivalOutcome, DeliveryOutcome, Path, PerPath, Timestamp};
use twinstream::telemetry::{Measured, Metrics, StreamState, TargetState};

use crate::repository;

/// What is said of a metric.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Metric {
    kind: String,
    /// Empty when it has none.
    unit: String,
    labels: BTreeSet<String>,
}

/// The text of `/metrics` once everything has happened.
fn rendered() -> String {
    let metrics = Metrics::default();
    let (target, route): (Arc<str>, Arc<str>) = (Arc::from("app"), Arc::from("block-status"));
    let took = Duration::from_millis(3);
    metrics.arrival(Path::Webhook, ArrivalOutcome::Accepted);
    metrics.arrival_lag(Path::Webhook, 120.0);
    metrics.webhook_answered(204, took);
    metrics.webhook_refused("credentials");
    metrics.journal_failed("busy");
    metrics.sqs_called("receive_message", true);
    metrics.attempted(&target, "delivered", took);
    metrics.delivery_ended(&route, &target, DeliveryOutcome::Delivered);
    metrics.set_pending(&route, &target, 1, took);
    metrics.set_dead_letters(&route, &target, 1);
    metrics.set_quarantined(&[("not_json".to_owned(), 1)]);
    metrics.set_journal(4096, 1);
    metrics.set_door_open(Path::Webhook, true);
    metrics.target_opened(&target);
    metrics.set_target(&target, &TargetState::new(Timestamp::from_millis(0)));
    metrics.set_queues(&BTreeMap::from([("main", 1)]));
    metrics.received(took);
    let measured = Measured { loss: Some((0.0, 0.1, 0.2)), latency_p99: Some(1.0) };
    metrics.set_compared(&PerPath { webhook: measured, eventbridge: Measured::default() });
    let stream = StreamState {
        enabled: true,
        failures_in_a_row: 1,
        failures: 2,
        failures_left: 499,
        at: Timestamp::from_millis(0),
    };
    metrics.set_stream(Path::Webhook, &stream);
    metrics.set_witnessed(Path::Webhook, "seen", 1);
    metrics.set_following(true);
    metrics.set_alarm("loss", 1);
    metrics.alarm_told(true);
    metrics.render()
}

/// The metrics of a text in the OpenMetrics format, by the name under which a sample is asked for.
fn read(text: &str) -> BTreeMap<String, Metric> {
    let mut families: BTreeMap<&str, Metric> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = after(line, "# TYPE ") {
            families.entry(name).or_default().kind = kind.into();
        } else if let Some((name, unit)) = after(line, "# UNIT ") {
            families.entry(name).or_default().unit = unit.into();
        } else if !line.starts_with('#') {
            let sample = line.split([' ', '{']).next().unwrap_or_default();
            let (_, metric) = families
                .iter_mut()
                .filter(|(name, _)| sample.starts_with(**name))
                .max_by_key(|(name, _)| name.len())
                .unwrap_or_else(|| panic!("{line}: of no family"));
            metric.labels.extend(labels(line));
        }
    }
    let families = families.into_iter();
    families
        .map(|(name, metric)| match metric.kind.as_str() {
            "counter" => (format!("{name}_total"), metric),
            _ => (name.to_owned(), metric),
        })
        .collect()
}

fn after<'a>(line: &'a str, start: &str) -> Option<(&'a str, &'a str)> {
    line.strip_prefix(start)?.split_once(' ')
}

/// The names of a sample's labels, but for the bounds of a histogram.
fn labels(sample: &str) -> Vec<String> {
    let Some((_, rest)) = sample.split_once('{') else { return Vec::new() };
    let inside = rest.split('}').next().unwrap_or_default();
    let names = inside.split(',').filter_map(|label| label.split_once('='));
    names.map(|(name, _)| name.to_owned()).filter(|name| name != "le").collect()
}

/// The rows of the page's tables.
fn documented(page: &str) -> BTreeMap<String, Metric> {
    let mut found = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, kind, unit, labels, meaning, worry] = cells[..] else {
            panic!("six columns expected: {line}");
        };
        assert!(!meaning.is_empty() && !worry.is_empty(), "{name}: say what it is for");
        let metric = Metric {
            kind: kind.to_owned(),
            unit: unit.trim_matches('–').to_owned(),
            labels: ticked(labels).collect(),
        };
        let repeated = found.insert(name.trim_matches('`').to_owned(), metric);
        assert!(repeated.is_none(), "{name} stands there twice");
    }
    found
}

/// What stands between backticks.
fn ticked(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

#[test]
fn every_metric_is_on_the_page_and_the_page_has_no_other() {
    let (code, page) = (read(&rendered()), documented(&repository::read("docs/METRICS.md")));
    for (name, metric) in &code {
        assert_eq!(page.get(name), Some(metric), "{name}: left docs/METRICS.md, right the code");
    }
    for name in page.keys() {
        assert!(code.contains_key(name), "{name} is on the page, and nowhere in the code");
    }
}

#[test]
fn the_test_above_touches_every_metric() {
    let source = ["mod", "watched"]
        .map(|file| repository::read(&format!("src/telemetry/metrics/{file}.rs")))
        .concat();
    let registered =
        source.matches("all.register(").count() + source.matches("all.register_with_unit(").count();
    assert_eq!(read(&rendered()).len(), registered, "touch the new metric in `rendered`");
}

#[test]
fn every_metric_has_a_help_a_prefix_and_a_base_unit() {
    let text = rendered();
    for (name, metric) in read(&text) {
        let family = name.strip_suffix("_total").unwrap_or(&name);
        assert!(text.contains(&format!("# HELP {family} ")), "{name} has no help");
        assert!(name.starts_with("twinstream_"), "{name}");
        assert!(matches!(metric.unit.as_str(), "" | "seconds" | "bytes"), "{name}: {metric:?}");
        let allowed = [
            "path", "outcome", "target", "route", "status", "cause", "call", "reason", "queue",
            "bound", "alarm",
        ];
        let unknown = metric.labels.iter().find(|label| !allowed.contains(&label.as_str()));
        assert_eq!(unknown, None, "{name}: labels come from enums, never from input");
    }
}

#[test]
fn every_metric_that_a_page_speaks_of_exists() {
    let code = read(&rendered());
    for file in repository::texts() {
        if !file.path.to_lowercase().ends_with(".md") {
            continue;
        }
        let is_sign = |sign: char| !sign.is_ascii_alphanumeric() && sign != '_';
        for word in file.text.split(is_sign).filter(|word| word.starts_with("twinstream_")) {
            let is_sample = ["_bucket", "_sum", "_count"].iter().any(|end| {
                let family = word.strip_suffix(end).and_then(|name| code.get(name));
                family.is_some_and(|metric| metric.kind == "histogram")
            });
            // The prefix alone stands for all of them.
            let known = word == "twinstream_" || is_sample || code.contains_key(word);
            assert!(known, "{}: there is no metric {word}", file.path);
        }
    }
}

#[test]
fn tables_and_samples_are_read_as_they_are_meant() {
    let text = "# HELP a_seconds x.\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n\
                a_seconds_bucket{le=\"1.0\",path=\"x\"} 1\n# TYPE a counter\na_total{b=\"c\"} 1\n";
    let metric = |kind: &str, unit: &str, labels: &[&str]| Metric {
        kind: kind.into(),
        unit: unit.into(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
    };
    let expected = BTreeMap::from([
        ("a_seconds".to_owned(), metric("histogram", "seconds", &["path"])),
        ("a_total".to_owned(), metric("counter", "", &["b"])),
    ]);
    assert_eq!(read(text), expected);
    let page = "| name | … |\n| --- | --- |\n| `a_seconds` | histogram | seconds | `path` | m | w |\n\
                | `a_total` | counter | – | `b` | m | w |\n";
    assert_eq!(documented(page), expected);
}
