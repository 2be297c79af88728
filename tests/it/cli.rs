//! The command line, as scripts and people use it.

use std::process::Output;

use twinstream::clock::Clock;

use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::http;
use crate::support::process::{self, Process};
use crate::support::settings::Settings;
use crate::support::target::Target;
use crate::support::until;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn check(output: &Output, code: i32, part: &str) {
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(part), "{part} is missing: {said}");
}

#[tokio::test]
async fn compare_and_events_read_the_journal_of_a_running_and_of_a_stopped_gateway() {
    let cloud = Cloud::stand_in().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = Gateway::start(settings).await;
    let (one, two) = (event("evt_1", 1, 1), event("evt_2", 2, 2));
    assert_eq!(gateway.post(&one.body()).await.status, 204);
    assert_eq!(gateway.post(&two.body()).await.status, 204);
    cloud.send(one.by_eventbridge().envelope()).await;
    gateway.arrived(3).await;
    reads(gateway.settings());
    let settings = gateway.stop().await;
    reads(&settings);
}

fn reads(settings: &Settings) {
    let since = "2026-01-01T00:00:00Z";
    let compare = process::run(settings, &["compare", "--since", since]);
    check(&compare, 0, "seen by both");
    let day = process::run(settings, &["compare", "--since", "24h"]);
    check(&day, 0, "not enough data");
    // Without a window, all that the journal has.
    let json = process::run(settings, &["compare", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["pairs"]["both"], 1);
    assert_eq!(document["pairs"]["webhook_only"], 1);
    reports(settings);
    let list = process::run(settings, &["events", "list"]);
    check(&list, 0, "evt_2");
    let list = process::run(settings, &["events", "list", "--json", "--subject", "auth0|1"]);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list["events"].as_array().unwrap().len(), 1);
    assert_eq!(list["events"][0]["id"], "evt_1");
    let show = process::run(settings, &["events", "show", "evt_1"]);
    check(&show, 0, "queued by SQS");
    let show = process::run(settings, &["events", "show", "evt_1", "--json"]);
    let story: serde_json::Value = serde_json::from_slice(&show.stdout).unwrap();
    assert_eq!(story["arrivals"].as_array().unwrap().len(), 2);
    check(&process::run(settings, &["events", "show", "evt_0"]), 1, "no event with the id evt_0");
}

/// Events of one type came by both paths, those of another by the webhook alone.
#[tokio::test]
async fn a_pipeline_learns_by_the_exit_code_whether_an_expectation_holds() {
    let cloud = Cloud::stand_in().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = Gateway::start(settings).await;
    gateway.covers().await;
    for number in 0..10 {
        let both = number < 5;
        let kind = if both { "user.created" } else { "user.deleted" };
        let one = event(&format!("evt_{number}"), number, 1)
            .with("type", kind)
            .with("time", Clock::System.now().to_string());
        assert_eq!(gateway.post(&one.body()).await.status, 204);
        if both {
            cloud.send(one.by_eventbridge().envelope()).await;
        }
    }
    gateway.arrived(15).await;
    gateway.covered().await;
    let settings = gateway.stop().await;
    let assert = |settings: &Settings, kind: &str, expect: &str| {
        process::run(settings, &["compare", "--assert", "--type", kind, "--expect", expect])
    };
    // Five events without a miss show a loss of at most 60 %, and no less.
    check(&assert(&settings, "user.created", "both"), 4, "not enough data");
    check(&assert(&settings, "user.deleted", "eventbridge"), 1, "eventbridge, loss");
    let lax = settings.set("compare.loss_max", "0.7");
    check(&assert(&lax, "user.created", "both"), 0, "holds");
    let json = process::run(&lax, &["compare", "--json", "--assert", "--type", "user.created"]);
    check(&json, 0, "\"outcome\": \"holds\"");
    let pairs = process::run(&lax, &["compare", "--csv", "-", "--type", "user.created"]);
    let lines = String::from_utf8(pairs.stdout).unwrap();
    assert!(lines.starts_with("id,type,time,webhook_at,eventbridge_at,difference_ms,"), "{lines}");
    assert_eq!(lines.lines().count(), 6, "{lines}");
    assert!(lines.lines().skip(1).all(|line| line.contains(",user.created,")), "{lines}");
    let file = lax.file("pairs.csv");
    let written = process::run(&lax, &["compare", "--csv", &file.to_string_lossy()]);
    check(&written, 0, "10 events written");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 11);
}

fn reports(settings: &Settings) {
    let markdown = process::run(settings, &["compare", "--markdown"]);
    check(&markdown, 0, "## Each path by itself");
    let html = process::run(settings, &["compare", "--html", "-"]);
    check(&html, 0, "</html>");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let written = process::run(settings, &["compare", "--html", &file.to_string_lossy()]);
    check(&written, 0, "is written");
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("</html>\n"));
    assert!(written.stdout.is_empty() && html.stderr.is_empty());
    let nowhere = folder.path().join("none").join("report.html");
    let nowhere = process::run(settings, &["compare", "--html", &nowhere.to_string_lossy()]);
    check(&nowhere, 3, "can't be written");
    check(&process::run(settings, &["compare", "--json", "--markdown"]), 2, "cannot be used with");
    // Two events decide nothing. What a script reads is the report alone.
    for form in ["--json", "--markdown", "--html=-"] {
        let asserted = process::run(settings, &["compare", "--assert", form]);
        assert_eq!(asserted.status.code(), Some(4), "{form}");
        assert!(text(&asserted.stderr).contains("not enough data yet"), "{form}");
        assert!(!text(&asserted.stdout).contains("error:"), "{form}");
    }
    check(&process::run(settings, &["compare", "--assert"]), 4, "Verdict: not enough data");
}

#[test]
fn wrong_input_is_2_and_what_is_missing_3() {
    let settings = Settings::new("webhook");
    check(&process::run(&settings, &["compare", "--since", "soon"]), 2, "neither a time");
    check(&process::run(&settings, &["no-such-command"]), 2, "unrecognized subcommand");
    check(&process::run(&settings, &["compare"]), 3, "there is no journal at");
    check(&process::run(&settings, &["serve", "--config", "nowhere.toml"]), 2, "nowhere.toml");
    let none = Settings::new("nothing");
    check(&process::run(&none, &["serve"]), 2, "unknown variant `nothing`");
}

#[test]
fn check_config_prints_the_settings_in_force_and_no_secret() {
    let settings = Settings::new("webhook").deliver("app", "http://127.0.0.1:1/events", &[]);
    let output = process::run(&settings, &["check-config", "--mode", "webhook"]);
    check(&output, 0, "[webhook]");
    check(&output, 0, "environment variable TOKEN");
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    for secret in [crate::support::settings::TOKEN, crate::support::settings::SIGNING_SECRET] {
        assert!(!said.contains(secret), "{said}");
    }
    let mut settings = Settings::new("webhook").set("webhook.colour", "red");
    check(&process::run(&settings, &["check-config"]), 2, "TWINSTREAM__WEBHOOK__COLOUR");
    settings = Settings::new("webhook").set("admin.listen", "0.0.0.0:0");
    check(&process::run(&settings, &["check-config"]), 2, "there is no admin.token");
    settings = Settings::new("both");
    check(&process::run(&settings, &["check-config"]), 2, "eventbridge.queue_url");
}

#[test]
fn settings_come_from_a_file_too_and_errors_name_it() {
    let settings = Settings::new("webhook");
    let file = settings.file("gateway.toml");
    std::fs::write(&file, "[compare]\ngrace = \"7m\"\n").unwrap();
    let file = file.to_str().unwrap();
    let settings_without_grace = {
        let mut settings = settings;
        settings.environment.remove("TWINSTREAM__COMPARE__GRACE");
        settings
    };
    let output = process::run(&settings_without_grace, &["check-config", "--config", file]);
    check(&output, 0, "grace = \"7m\"");
    std::fs::write(file, "[compare]\ngrace = \"soon\"\n").unwrap();
    let output = process::run(&settings_without_grace, &["check-config", "--config", file]);
    check(&output, 2, &format!("{file}: compare.grace: "));
}

#[tokio::test]
async fn healthcheck_is_0_when_ready_and_1_when_not() {
    let settings = Settings::new("webhook");
    let gateway = Process::serve(&settings).await;
    let admin = gateway.admin.to_string();
    check(&process::run(&settings, &["healthcheck", "--admin", &admin]), 0, "\"ready\":true");
    gateway.terminate().await;
    let gone = process::run(&settings, &["healthcheck", "--admin", &admin]);
    check(&gone, 1, "no answer from");
    check(&gone, 1, "refused");
}

#[tokio::test]
async fn plain_http_needs_no_certificate_authorities_and_https_says_what_it_needs() {
    let settings = Settings::new("webhook").without_certificate_authorities();
    let gateway = Process::serve(&settings).await;
    let admin = gateway.admin.to_string();
    check(&process::run(&settings, &["healthcheck", "--admin", &admin]), 0, "\"ready\":true");
    check(&process::run(&settings, &["targets", "list", "--admin", &admin]), 0, "has no targets");
    gateway.terminate().await;
    let by_https = ["targets", "list", "--admin", "https://127.0.0.1:9"];
    check(&process::run(&settings, &by_https), 3, "ca-certificates");
    let settings = settings.deliver("app", "https://127.0.0.1:9/events", &[]);
    check(&process::run(&settings, &["serve"]), 3, "ca-certificates");
}

#[tokio::test]
async fn a_backup_is_not_put_where_the_configuration_only_happens_to_point() {
    let settings = Settings::new("webhook");
    let gateway = Process::serve(&settings).await;
    gateway.terminate().await;
    let (copy, elsewhere) = (settings.file("copy.db"), settings.file("elsewhere.db"));
    let copy = copy.to_str().unwrap();
    check(&process::run(&settings, &["journal", "backup", copy]), 0, "is a checked copy of");
    let settings = settings.set("journal.path", elsewhere.to_str().unwrap());
    let guessed = process::run(&settings, &["journal", "restore", copy]);
    check(&guessed, 2, "elsewhere.db, where the configuration has it: say with --journal FILE");
    assert!(!elsewhere.exists());
    let meant = ["journal", "restore", copy, "--journal", elsewhere.to_str().unwrap()];
    check(&process::run(&settings, &meant), 0, "is what the backup was");
}

#[tokio::test]
async fn secrets_and_bodies_are_not_in_the_log() {
    let (cloud, target) = (Cloud::stand_in().await, Target::up().await);
    let settings = Settings::new("both")
        .queue(&cloud.endpoint_url, &cloud.queue_url)
        .deliver("app", &target.url(), &[])
        .set("log.filter", "trace");
    let gateway = Process::serve(&settings).await;
    gateway.ready().await;
    let address = gateway.webhook.unwrap();
    for body in [event("evt_1", 1, 1).body(), "{\"email\": \"kim@example.com\"".to_owned()] {
        http::post(address, &body).await;
        cloud.send(body).await;
    }
    let wrong = ["Authorization: Bearer a-wrong-token-0123456789"];
    http::send(address, &http::request("POST", "/webhooks/auth0", &wrong, "{}")).await;
    cloud.emptied().await;
    until("a delivery", async || (!target.came().is_empty()).then_some(())).await;
    gateway.terminate().await;
    let log = std::fs::read_to_string(settings.file("log")).unwrap();
    assert!(log.contains("twinstream is up"), "{log}");
    let (token, key) = (crate::support::settings::TOKEN, crate::support::settings::SIGNING_SECRET);
    for secret in ["example.com", token, key, "a-wrong-token", "auth0|1"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
    assert!(!log.contains('\u{1b}'), "colours are for terminals: {log}");
}

#[test]
fn the_demo_shows_a_comparison_of_both_paths() {
    let settings = Settings::new("both");
    let output = process::run(&settings, &["demo", "--events", "60", "--rate", "100", "--json"]);
    check(&output, 0, "paths");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let seen = |path: &str| document["paths"][path]["seen"].as_u64().unwrap();
    assert!(seen("webhook") > 50 && seen("eventbridge") > 50, "{document:#}");
    assert_eq!(document["events"]["observed"], 60);
}
