//! What Prometheus and Grafana are given: rules that fire when they should, and panels of metrics that there
//! are.

mod promtool;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

#[track_caller]
fn check_promtool(program: &Path, arguments: &[&str]) {
    let mut command = Command::new(program);
    let output = command.current_dir(file("config")).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn every_rule_fires_when_it_should_and_not_otherwise() {
    let Some(promtool) = promtool::program() else { return };
    check_promtool(&promtool, &["check", "rules", "prometheus-rules.yml"]);
    check_promtool(&promtool, &["test", "rules", "prometheus-rules.test.yml"]);
    let (rules, tests) =
        (text("config/prometheus-rules.yml"), text("config/prometheus-rules.test.yml"));
    let alerts: Vec<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 15, "{alerts:?}");
    for alert in alerts {
        let name = format!("alertname: {alert}\n");
        let named = tests.matches(&name).count();
        assert!(named >= 2, "{alert} is not tried both ways");
        let mut fires = tests.split(&name).skip(1);
        assert!(
            fires.any(|after| !after.trim_start().starts_with("exp_alerts: []")),
            "{alert} never fires in its test"
        );
    }
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_name = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_';
    text.split(|sign| !is_name(sign))
        .filter(|word| word.starts_with("twinstream_") && word.len() > "twinstream_".len())
        .map(str::to_owned)
        .collect()
}

#[test]
fn rules_and_panels_name_metrics_that_there_are() {
    let known = metrics(&text("docs/METRICS.md"));
    for name in ["config/prometheus-rules.yml", "config/grafana-dashboard.json"] {
        let named = metrics(&text(name));
        assert!(named.len() > 10, "{name}: {named:?}");
        for metric in named {
            let of_histogram = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| metric.strip_suffix(suffix))
                .unwrap_or(&metric);
            let is_known = known.contains(&metric) || known.contains(of_histogram);
            assert!(is_known, "{name}: docs/METRICS.md has no {metric}");
        }
    }
}

#[test]
fn every_panel_says_what_it_shows() {
    let dashboard: Value = serde_json::from_str(&text("config/grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let shown = panels.iter().filter(|panel| panel["type"] != "row");
    let mut number = 0;
    for panel in shown {
        number += 1;
        for pointer in ["/title", "/description", "/fieldConfig/defaults/unit"] {
            let said = panel.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            assert!(!said.is_empty(), "{pointer} of {panel:#}");
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel:#}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel:#}");
        for target in targets {
            assert!(target["expr"].as_str().unwrap().contains("twinstream_"), "{target:#}");
        }
    }
    assert!(number > 10, "{number} panels");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(variables.iter().any(|variable| variable["type"] == "datasource"), "{variables:?}");
}
