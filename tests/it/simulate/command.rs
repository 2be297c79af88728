//! `twinstream simulate` as people run it.

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

use super::{check_same, copies, gateway, lines};
use crate::support::cloud::Cloud;
use crate::support::process;
use crate::support::settings::Settings;
use crate::support::until;

fn command(settings: &Settings, arguments: &[&str]) -> Command {
    let mut command = process::command(settings);
    command.arg("simulate").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
}

async fn run(settings: &Settings, arguments: &[&str]) -> Output {
    command(settings, arguments).output().await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn its_truth_is_what_compare_says_of_the_journal() {
    let cloud = Cloud::stand_in_with(&[("VisibilityTimeout", "30")]).await;
    let gateway = gateway(&cloud).await;
    let url = format!("http://{}/webhooks/auth0", gateway.webhook.unwrap());
    let ends = ["--webhook-url", &url, "--webhook-token-env", "TOKEN", "--queue-url"];
    let cloud_at = [&cloud.queue_url, "--endpoint-url", &cloud.endpoint_url];
    let how = [
        "--events=200",
        "--rate=200",
        "--burst=20@300ms",
        "--ids=different",
        "--webhook-faults=loss=5%,duplicates=5%:100ms,reorder=5%:300ms",
        "--eventbridge-faults=loss=3%,duplicates=3%:100ms,skew=-2s",
        "--clock-skew=-250ms",
        "--test-events=20",
        "--truth=truth.jsonl",
        "--json",
    ];
    let arguments: Vec<&str> = ends.into_iter().chain(cloud_at).chain(how).collect();
    let said = run(gateway.settings(), &arguments).await;
    let notes = text(&said.stderr);
    assert_eq!(said.status.code(), Some(0), "{notes}");
    for part in [&url, &cloud.queue_url, "200 a second at even distances, 20 at once every 300ms"] {
        assert!(notes.contains(part), "{part} was not told before the start: {notes}");
    }
    let summary: Value = serde_json::from_slice(&said.stdout).unwrap();
    let file = std::fs::read_to_string(gateway.settings().file("truth.jsonl")).unwrap();
    let (records, totals) = lines(&file);
    assert_eq!((records.len(), &summary["totals"]), (200, &totals));
    assert_eq!(summary["happened"], 200);
    assert!(summary["paths"]["webhook"]["due_to_accepted_ms"]["p999"].is_number(), "{summary:#}");
    gateway.arrived(records.iter().map(copies).sum()).await;
    cloud.emptied().await;
    let since = summary["from"].as_str().unwrap();
    let compared = process::run(gateway.settings(), &["compare", "--json", "--since", since]);
    let document: Value = serde_json::from_slice(&compared.stdout).unwrap();
    check_same(&document, &totals);
    assert_eq!(document["pairs"]["paired_by"]["id"], 0, "their ids differ");
    gateway.stop().await;
}

#[tokio::test]
async fn the_summary_says_what_happened_and_what_to_compare_it_with() {
    let cloud = Cloud::stand_in().await;
    let gateway = gateway(&cloud).await;
    let url = format!("http://{}/webhooks/auth0", gateway.webhook.unwrap());
    std::fs::write(gateway.settings().file("token"), "a-wrong-token\n").unwrap();
    let arguments =
        ["--webhook-url", &url, "--webhook-token-file=token", "--events=5", "--rate=50"];
    let said = run(gateway.settings(), &arguments).await;
    let notes = text(&said.stderr);
    assert_eq!(said.status.code(), Some(1), "{notes}");
    assert!(notes.contains("the webhook end accepted nothing: 401"), "{notes}");
    let out = text(&said.stdout);
    for part in [
        "5 events happened",
        "answers of webhook: 401 × 5",
        "twinstream compare --since",
        "both paths 0 · webhook alone 0 · eventbridge alone 0 · neither 5",
    ] {
        assert!(out.contains(part), "{part} is missing: {out}");
    }
    assert!(!out.contains("eventbridge │"), "it was not driven: {out}");
    gateway.stop().await;
}

#[tokio::test]
async fn an_interrupt_ends_it_with_the_summary_so_far() {
    let cloud = Cloud::stand_in().await;
    let gateway = gateway(&cloud).await;
    let url = format!("http://{}/webhooks/auth0", gateway.webhook.unwrap());
    let arguments = ["--webhook-url", &url, "--webhook-token-env=TOKEN", "--json"];
    let child = command(gateway.settings(), &arguments).spawn().unwrap();
    gateway.arrived(3).await;
    let pid = child.id().unwrap().to_string();
    let interrupted = std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(interrupted.success());
    let said = child.wait_with_output().await.unwrap();
    assert_eq!(said.status.code(), Some(0), "{}", text(&said.stderr));
    let summary: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(summary["was_stopped"], true);
    let seen = summary["totals"]["paths"]["webhook"]["seen"].as_u64().unwrap();
    assert!(seen >= 3, "{summary:#}");
    until("all arrivals", async || {
        let counts = gateway.counts().await;
        let all: u64 = counts.arrivals.iter().map(|(_, _, count)| count).sum();
        (all == seen).then_some(())
    })
    .await;
    gateway.stop().await;
}

/// It ends with this code, and says so, without sending anything.
async fn check(arguments: &[&str], code: i32, part: &str) {
    let settings = Settings::new("both").variable("EMPTY", "");
    let said = run(&settings, arguments).await;
    let notes = text(&said.stderr);
    assert_eq!(said.status.code(), Some(code), "{arguments:?}: {notes}");
    assert!(notes.contains(part), "{arguments:?}: {part} is missing: {notes}");
    assert!(!notes.contains("hunter2"), "a password is shown: {notes}");
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let url = "--webhook-url=http://127.0.0.1:1/x";
    check(&[], 2, "--webhook-url <URL>|--bus <NAME>|--queue-url <URL>").await;
    check(&[url], 2, "add --webhook-token-env VAR or --webhook-token-file FILE").await;
    check(&[url, "--webhook-token-env=NOT_SET"], 2, "NOT_SET is not set; set NOT_SET").await;
    check(&[url, "--webhook-token-env=EMPTY"], 2, "EMPTY is empty").await;
    check(&[url, "--webhook-token-file=nowhere"], 2, "nowhere can't be read").await;
    let both = ["--bus=b", "--queue-url=http://127.0.0.1:1/q"];
    check(&both, 2, "cannot be used with").await;
    let token = "--webhook-token-env=TOKEN";
    check(&[url, token, "--eventbridge-faults=loss=1%"], 2, "<--bus <NAME>|--queue-url <URL>>")
        .await;
    check(&[url, token, "--region=eu-west-1"], 2, "<--bus <NAME>|--queue-url <URL>>").await;
    check(&["--bus=b", "--streams=2"], 2, "--webhook-url <URL>").await;
    let in_it = "has a name or a password";
    check(&["--webhook-url=http://kim:hunter2@127.0.0.1:1/", token], 2, in_it).await;
    let endpoint = "--endpoint-url=http://kim:hunter2@127.0.0.1:1/";
    check(&["--bus=b", endpoint], 2, in_it).await;
    check(&["--bus=b", "--endpoint-url=127.0.0.1:1"], 2, "no http:// or https:// URL").await;
    check(&[url, token, "--webhook-auth=X Y"], 2, "`X Y` is no name of an HTTP header").await;
    check(&[url, token, "--webhook-faults=loss=2"], 2, "write it like 1% or 0.01").await;
    check(&[url, token, "--webhook-faults=skew=1s"], 2, "--clock-skew").await;
    check(&[url, token, "--burst=9"], 2, "write 100@30s").await;
    check(&[url, token, "--rate=0"], 2, "nothing would ever happen").await;
    check(&[url, token, "--rate=-1"], 2, "a rate is a number of events a second").await;
    check(&[url, token, "--streams=0"], 2, "a number from 1 to 1024").await;
    check(&["--webhook-url=ftp://x/", token], 2, "no http:// or https:// URL").await;
}

#[tokio::test]
async fn a_load_for_somebody_else_has_to_be_meant() {
    let token = "--webhook-token-env=TOKEN";
    let elsewhere = "--webhook-url=https://gateway.invalid/webhooks/auth0";
    check(&[elsewhere, token, "--rate=51"], 2, "add --yes").await;
    check(&[elsewhere, token, "--burst=501@1m"], 2, "add --yes").await;
    check(&[elsewhere, token, "--rate=0", "--burst=500@1ms"], 2, "add --yes").await;
    // Allowed, and told; then nobody is there.
    check(&[elsewhere, token, "--rate=51", "--yes"], 3, "51 a second").await;
    check(&[elsewhere, token], 3, "gateway.invalid").await;
    check(&["--bus=b", "--rate=51"], 2, "at AWS itself").await;
}

#[tokio::test]
async fn an_end_that_is_not_there_is_told_before_anything_is_sent() {
    let token = "--webhook-token-env=TOKEN";
    check(
        &["--webhook-url=http://127.0.0.1:1/x", token],
        3,
        "nobody takes webhooks at 127.0.0.1:1",
    )
    .await;
    let endpoint = "--endpoint-url=http://127.0.0.1:1";
    check(&["--bus=b", endpoint], 3, "the event bus b: no connection").await;
    let queue = "--queue-url=http://127.0.0.1:1/000000000000/q";
    check(&[queue, endpoint], 3, "/q: no connection").await;
    let cloud = Cloud::stand_in().await;
    let endpoint = format!("--endpoint-url={}", cloud.endpoint_url);
    let queue = format!("--queue-url={}/000000000000/nobodys", cloud.endpoint_url);
    check(&[&queue, &endpoint], 3, "nobodys: it does not exist").await;
}
