//! Health, metrics and the API.

use twinstream::clock::Clock;

use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::http::{self, request};
use crate::support::settings::Settings;
use crate::support::target::Target;

#[tokio::test]
async fn an_event_is_told_with_both_arrivals_their_hops_and_every_attempt() {
    let cloud = Cloud::stand_in().await;
    let target = Target::up().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url).deliver(
        "app",
        &target.url(),
        &[],
    );
    let gateway = Gateway::start(settings).await;
    let one = event("evt_1", 1, 1);
    assert_eq!(gateway.post(&one.body()).await.status, 204);
    gateway.arrived(1).await;
    cloud.send(one.clone().by_eventbridge().envelope()).await;
    gateway.arrived(2).await;
    gateway.delivered().await;
    let story = gateway.get("/api/v1/events/evt_1").await.json();
    assert_eq!(story["id"], "evt_1");
    assert_eq!(story["type"], "user.updated");
    assert_eq!(story["subject"], "user:auth0|1");
    assert_eq!(story["first_path"], "webhook");
    assert_eq!(story["paired_by"], "id");
    assert_eq!(story["payload"], one.0);
    assert_eq!(story["payload_differences"], serde_json::json!([]));
    let arrivals = story["arrivals"].as_array().unwrap();
    assert_eq!(arrivals.len(), 2);
    assert_eq!(
        (&arrivals[0]["path"], &arrivals[1]["path"]),
        (&"webhook".into(), &"eventbridge".into())
    );
    assert_eq!(arrivals[0]["stream"], "est_webhook");
    for hop in ["envelope_time", "sent_at", "first_received_at", "at", "stored_at"] {
        assert!(arrivals[1][hop].is_string(), "{hop}: {story:#}");
    }
    assert_eq!(arrivals[1]["receive_count"], 1);
    let delivery = &story["deliveries"][0];
    assert_eq!((&delivery["route"], &delivery["state"]), (&"to-app".into(), &"delivered".into()));
    assert_eq!(delivery["attempts"][0]["status"], 204);
    gateway.stop().await;
}

#[tokio::test]
async fn events_are_listed_in_pages_and_filtered() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    for number in 0..7 {
        let kind = if number % 2 == 0 { "user.updated" } else { "user.deleted" };
        let event =
            event(&format!("evt_{number}"), number % 3, u64::from(number)).with("type", kind);
        assert_eq!(gateway.post(&event.body()).await.status, 204);
    }
    let ids = async |path: &str| {
        let page = gateway.get(path).await.json();
        let ids: Vec<String> = page["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect();
        (ids, page["next"].as_i64())
    };
    let (first, next) = ids("/api/v1/events?limit=4").await;
    assert_eq!(first, ["evt_6", "evt_5", "evt_4", "evt_3"]);
    let (second, end) = ids(&format!("/api/v1/events?limit=4&before={}", next.unwrap())).await;
    assert_eq!((second, end), (vec!["evt_2".into(), "evt_1".into(), "evt_0".into()], None));
    assert_eq!(ids("/api/v1/events?type=user.deleted").await.0, ["evt_5", "evt_3", "evt_1"]);
    for subject in ["auth0%7C1", "user:auth0%7C1"] {
        assert_eq!(ids(&format!("/api/v1/events?subject={subject}")).await.0, ["evt_4", "evt_1"]);
    }
    for (path, status) in [
        ("/api/v1/events?limit=x", 400),
        ("/api/v1/events?colour=red", 400),
        ("/api/v1/events/evt_nobody", 404),
        ("/api/v1/events/%ff", 400),
        ("/api/v1/compare?from=soon", 400),
        ("/api/v1/nothing", 404),
    ] {
        let response = gateway.get(path).await;
        assert_eq!(response.status, status, "{path}");
        assert!(response.json()["error"].is_string(), "{path}: {response:?}");
    }
    let post = request("POST", "/api/v1/compare", &[], "");
    let response = http::send(gateway.admin, &post).await;
    assert_eq!((response.status, response.header("allow")), (405, Some("GET,HEAD")));
    assert!(response.json()["error"].is_string(), "{response:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_token_is_demanded_of_everything_but_the_probes() {
    let settings = Settings::new("webhook")
        .set("admin.token", "{ env = \"ADMIN\" }")
        .variable("ADMIN", "admin-token-0123456789");
    let gateway = Gateway::start(settings).await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(gateway.get(path).await.status, 200, "{path}");
    }
    // The reasons name queues and accounts: a probe gets the answer alone.
    assert_eq!(gateway.get("/readyz").await.body, "{\"ready\":true}");
    for path in ["/metrics", "/api/v1/status", "/api/v1/events", "/api/v1/compare", "/other"] {
        assert_eq!(gateway.get(path).await.status, 401, "{path}");
        let header = "Authorization: Bearer admin-token-0123456789";
        let response = http::send(gateway.admin, &request("GET", path, &[header], "")).await;
        assert_eq!(response.status, if path == "/other" { 404 } else { 200 }, "{path}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn metrics_say_what_happened() {
    let target = Target::up().await;
    let gateway = Gateway::start(Settings::new("webhook").deliver("app", &target.url(), &[])).await;
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    assert_eq!(gateway.post("no json").await.status, 202);
    let wrong = request("POST", "/webhooks/auth0", &["Authorization: Bearer x"], "{}");
    assert_eq!(http::send(gateway.webhook.unwrap(), &wrong).await.status, 401);
    gateway.delivered().await;
    let metrics = gateway.get("/metrics").await;
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for line in [
        "twinstream_arrivals_total{path=\"webhook\",outcome=\"accepted\"} 1",
        "twinstream_arrivals_total{path=\"webhook\",outcome=\"duplicate\"} 1",
        "twinstream_arrivals_total{path=\"webhook\",outcome=\"quarantined\"} 1",
        "twinstream_webhook_answers_total{status=\"204\"} 2",
        "twinstream_webhook_answers_total{status=\"202\"} 1",
        "twinstream_webhook_answers_total{status=\"401\"} 1",
        "twinstream_webhook_refused_total{cause=\"credentials\"} 1",
        "twinstream_delivery_attempts_total{target=\"app\",outcome=\"delivered\"} 1",
        "twinstream_deliveries_total{route=\"to-app\",target=\"app\",outcome=\"delivered\"} 1",
        "twinstream_deliveries_pending{route=\"to-app\",target=\"app\"} 0",
        "twinstream_quarantined{reason=\"not_json\"} 1",
        "twinstream_door_open{path=\"webhook\"} 1",
    ] {
        assert!(metrics.body.lines().any(|other| other == line), "{line}: {}", metrics.body);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_comparison_is_the_document_that_scripts_rely_on() {
    let cloud = Cloud::stand_in().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = Gateway::start(settings.set("compare.startup", "0s")).await;
    gateway.covers().await;
    for number in 0..10 {
        let one = event(&format!("evt_{number}"), number, u64::from(number))
            .with("time", Clock::System.now().to_string());
        if number != 3 {
            assert_eq!(gateway.post(&one.body()).await.status, 204);
        }
        if number != 5 && number != 6 {
            cloud.send(one.by_eventbridge().envelope()).await;
        }
    }
    gateway.arrived(17).await;
    gateway.covered().await;
    let document = gateway.get("/api/v1/compare?from=2026-01-01T00:00:00Z").await.json();
    assert_eq!(document["paths"]["webhook"]["seen"], 9);
    assert_eq!(document["paths"]["webhook"]["missing"], 1);
    assert_eq!(document["paths"]["eventbridge"]["seen"], 8);
    assert_eq!(document["paths"]["eventbridge"]["missing"], 2);
    assert_eq!(document["pairs"]["both"], 7);
    assert_eq!(document["pairs"]["webhook_only"], 2);
    assert_eq!(document["pairs"]["eventbridge_only"], 1);
    let has = |pointer: &str| document.pointer(pointer).is_some();
    for path in ["webhook", "eventbridge"] {
        for field in [
            "seen",
            "missing",
            "loss/estimate",
            "loss/low",
            "loss/high",
            "duplicates",
            "out_of_order",
            "latency_ms/p50",
            "latency_ms/p90",
            "latency_ms/p99",
            "latency_ms/p999",
            "latency_ms/max",
            "latency_ms/negative",
            "covered_seconds",
        ] {
            assert!(has(&format!("/paths/{path}/{field}")), "{path} {field}: {document:#}");
        }
    }
    for field in [
        "/window/from",
        "/window/to",
        "/window/settled_until",
        "/pairs/paired_by/id",
        "/pairs/paired_by/fallback",
        "/pairs/paired_by/ambiguous",
        "/pairs/webhook_first/share",
        "/pairs/webhook_first/low",
        "/pairs/webhook_first/high",
        "/pairs/difference_ms/median",
        "/pairs/difference_ms/low",
        "/pairs/difference_ms/high",
        "/pairs/difference_ms/p5",
        "/pairs/difference_ms/p95",
        "/unseen/estimate",
        "/unseen/low",
        "/unseen/high",
        "/verdict/choice",
        "/verdict/reasons/0",
        "/verdict/needs_more_events",
    ] {
        assert!(has(field), "{field}: {document:#}");
    }
    gateway.stop().await;
}
