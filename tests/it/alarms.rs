//! What is wrong is told to everybody once, and told again when it is over.

use serde_json::Value;
use twinstream::event::Path;

use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::http::{self, request};
use crate::support::process::{self, Process};
use crate::support::settings::Settings;
use crate::support::target::{Behaviour, Target};
use crate::support::until;

/// A part of the address that whoever knows it could post with.
const SECRET_PATH: &str = "services-T000-B000-secret-part";

fn alarming(settings: Settings, destinations: &[&Target]) -> Settings {
    let mut webhooks = Vec::new();
    let mut settings = settings
        .set("alarms.every", "100ms")
        .set("alarms.raise_after", "0s")
        .set("alarms.resolve_after", "300ms")
        .set("alarms.within", "3s")
        .set("alarms.link", "https://twinstream.example.com");
    for (number, target) in destinations.iter().enumerate() {
        let name = format!("ALARM_URL_{number}");
        webhooks.push(format!(r#"{{ name = "to-{number}", url = {{ env = "{name}" }} }}"#));
        let url = format!("{}/{SECRET_PATH}", target.url().trim_end_matches('/'));
        settings = settings.variable(&name, &url);
    }
    settings.set("alarms.webhooks", &format!("[{}]", webhooks.join(", ")))
}

/// The messages of one alarm, as `raised`, `still`, `resolved`.
fn told(target: &Target, alarm: &str) -> Vec<String> {
    let messages =
        target.came().into_iter().map(|came| serde_json::from_slice(&came.body).unwrap());
    let of_alarm = messages.filter(|message: &Value| message["alarm"] == alarm);
    of_alarm.map(|message| message["state"].as_str().unwrap().to_owned()).collect()
}

async fn until_told(target: &Target, alarm: &str, expected: &[&str]) {
    until("the alarm", async || (told(target, alarm) == expected).then_some(())).await;
}

#[tokio::test]
async fn wrong_secrets_are_told_once_and_told_to_be_over() {
    let (slack, hangs) = (Target::up().await, Target::start(|_, _| Behaviour::Stall).await);
    let settings = alarming(Settings::new("webhook"), &[&hangs, &slack]);
    let gateway = Process::serve(&settings).await;
    gateway.ready().await;
    let wrong = ["Authorization: Bearer a-wrong-token-0123456789"];
    for _ in 0..3 {
        let body = event("evt_1", 1, 1).body();
        let refused = request("POST", "/webhooks/auth0", &wrong, &body);
        assert_eq!(http::send(gateway.webhook.unwrap(), &refused).await.status, 401);
    }
    until_told(&slack, "refused", &["raised"]).await;
    let message: Value = serde_json::from_slice(&slack.came()[0].body).unwrap();
    assert_eq!(message["text"], "twinstream: Alarm: refused");
    let shown = &message["attachments"][0];
    assert_eq!(shown["title_link"], "https://twinstream.example.com/setup");
    let what = shown["fields"][0]["value"].as_str().unwrap();
    assert!(what.contains("had a wrong secret within 3 s; 0 are allowed."), "{what}");
    let metrics = http::get(gateway.admin, "/metrics").await.body;
    assert!(metrics.contains("twinstream_alarm_firing{alarm=\"refused\"} 1"), "{metrics}");
    until_told(&slack, "refused", &["raised", "resolved"]).await;
    gateway.terminate().await;
    assert_eq!(told(&slack, "refused"), ["raised", "resolved"]);
    let log = std::fs::read_to_string(settings.file("log")).unwrap();
    assert!(log.contains("alarm: 3 webhook requests had a wrong secret"), "{log}");
    assert!(!log.contains(SECRET_PATH), "{log}");
}

#[tokio::test]
async fn letters_in_a_dead_letter_queue_and_a_silent_path_are_told() {
    let slack = Target::up().await;
    let cloud = Cloud::stand_in().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let settings = alarming(settings, &[&slack]).set("alarms.silent_for", "1s");
    let gateway = Process::serve(&settings.set("alarms.silent_while", "5")).await;
    gateway.ready().await;
    for number in 0..8 {
        let body = event(&format!("evt_{number}"), number, 1).body();
        http::post(gateway.webhook.unwrap(), &body).await;
    }
    until_told(&slack, "silence", &["raised"]).await;
    let messages = slack.came();
    let silent =
        messages.iter().find(|came| String::from_utf8_lossy(&came.body).contains("silence"));
    let said = String::from_utf8_lossy(&silent.unwrap().body).into_owned();
    assert!(said.contains(&format!("Nothing came by {}", Path::Eventbridge)), "{said}");
    // When the other path is silent too, nobody is.
    until_told(&slack, "silence", &["raised", "resolved"]).await;
    gateway.terminate().await;
}

#[tokio::test]
async fn a_test_message_is_sent_to_everybody() {
    let (takes, refuses) = (Target::up().await, Target::start(|_, _| Behaviour::Answer(403)).await);
    let settings = alarming(Settings::new("webhook"), &[&takes]);
    let run = async |settings: Settings| {
        tokio::task::spawn_blocking(move || process::run(&settings, &["alarms", "test"]))
            .await
            .unwrap()
    };
    let output = run(settings).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "to-0: taken, HTTP 204\n");
    let message: Value = serde_json::from_slice(&takes.came()[0].body).unwrap();
    assert_eq!(message["state"], "test");
    let output = run(alarming(Settings::new("webhook"), &[&takes, &refuses])).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "to-0: taken, HTTP 204\nto-1: not taken, HTTP 403\n");
    let nobody = run(Settings::new("webhook")).await;
    assert_eq!(nobody.status.code(), Some(2), "{nobody:?}");
}
