//! The demo's application: what it takes, what it shows, and how it misbehaves when asked to.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use twinstream::clock::Clock;
use twinstream::event::Timestamp;
use twinstream::sim::demo_app::{Conduct, Deliveries, DemoApp, Settings};

use crate::support::event::{CloudEvent, event};
use crate::support::http::{self, Response};
use crate::support::settings::SIGNING_SECRET;

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    deliveries: Deliveries,
    conduct: Conduct,
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

impl App {
    pub(crate) async fn start() -> Self {
        let signing_secret = SIGNING_SECRET.into();
        let settings = Settings { port: 0, signing_secret, clock: Clock::System };
        let app = DemoApp::bind(settings).await.unwrap();
        let url = app.page_url();
        assert_eq!(app.url(), format!("{url}events"));
        let address = url.strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap();
        let (deliveries, conduct) = (app.deliveries(), app.conduct());
        let stop = CancellationToken::new();
        let ended = tokio::spawn(app.run(stop.clone()));
        Self { address, deliveries, conduct, stop, ended }
    }

    /// Delivers a body by a route. Signed for what `signed` is.
    async fn send(&self, route: &str, id: &str, body: &str, signed: &str) -> u16 {
        let timestamp = Clock::System.now().as_seconds();
        let signature = Webhook::new(SIGNING_SECRET).unwrap();
        let signature = signature.sign(id, timestamp, signed.as_bytes()).unwrap();
        let headers = [
            &format!("webhook-id: {id}"),
            &format!("webhook-timestamp: {timestamp}"),
            &format!("webhook-signature: {signature}"),
            &format!("twinstream-route: {route}"),
            "twinstream-path: eventbridge",
        ];
        http::send(self.address, &http::request("POST", "/events", &headers, body)).await.status
    }

    /// Delivers an event as the gateway would.
    pub(crate) async fn deliver(&self, event: &CloudEvent) -> u16 {
        let (id, body) = (event.0["id"].as_str().unwrap(), event.body());
        self.send("all", id, &body, &body).await
    }

    async fn page(&self, path: &str) -> Response {
        http::get(self.address, path).await
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.ended.await.unwrap();
    }
}

/// The number-th event of Kim, who is then blocked or not.
fn kim(number: u64, blocked: bool) -> CloudEvent {
    let event = event(&format!("evt_{number}"), 1, number);
    event
        .having("blocked", blocked)
        .having("name", "Kim <b>Birch</b>")
        .having("user_id", "auth0|k/1")
}

const KIM: &str = "/users/auth0%7Ck%2F1";

#[tokio::test]
async fn a_delivery_counts_once_and_only_when_it_is_signed() {
    let app = App::start().await;
    let event = kim(1, true);
    let body = event.body();
    assert_eq!(app.send("all", "evt_1", &body, "something else").await, 401);
    let unsigned = http::request("POST", "/events", &["webhook-id: evt_1"], &body);
    assert_eq!(http::send(app.address, &unsigned).await.status, 401);
    assert_eq!(app.deliveries.attempts(), 0);
    for no_event in ["", "[]", "{}", r#"{"type": "user.updated", "time": "now", "data": {}}"#] {
        assert_eq!(app.send("all", "evt_0", no_event, no_event).await, 400, "{no_event}");
    }
    assert_eq!(app.deliveries.is_blocked("auth0|k/1"), None);
    assert_eq!(app.deliver(&event).await, 204);
    assert_eq!(app.deliveries.is_blocked("auth0|k/1"), Some(true));
    assert_eq!(app.deliver(&event).await, 204);
    assert_eq!(app.deliveries.repeats(), 1);
    // By another route it is no repeat, and no news.
    assert_eq!(app.send("audit", "evt_1", &body, &body).await, 204);
    let deliveries = &app.deliveries;
    assert_eq!((deliveries.events(), deliveries.repeats(), deliveries.attempts()), (1, 1, 7));
    let feed = app.page("/").await.body;
    assert_eq!(feed.matches("class=\"news blocked\"").count(), 2, "once in each list: {feed}");
    app.stop().await;
}

#[tokio::test]
async fn a_session_is_shut_while_its_user_is_blocked() {
    let app = App::start().await;
    assert_eq!(app.page(KIM).await.status, 404);
    app.deliver(&kim(1, false)).await;
    let open = app.page(KIM).await;
    assert_eq!(open.status, 200);
    assert!(open.body.contains("Signed in as") && open.body.contains("Kim &#60;b&#62;Birch"));
    // The click was a second and a half before the delivery.
    let click = Clock::System.now().minus(Duration::from_millis(1_500));
    app.deliver(&kim(2, true).with("time", json!(click))).await;
    let shut = app.page(KIM).await;
    assert_eq!(shut.status, 403);
    assert!(shut.body.contains("This account was blocked"), "{}", shut.body);
    assert!(shut.body.contains("EventBridge") && shut.body.contains("1.5 s"), "{}", shut.body);
    let later = |ms| json!(Timestamp::plus(click, Duration::from_millis(ms)));
    app.deliver(&kim(3, false).with("time", later(1))).await;
    let open = app.page(KIM).await;
    assert_eq!(open.status, 200);
    assert!(open.body.contains("the block was lifted"));
    let deleted = kim(4, false).with("time", later(2)).with("type", "user.deleted");
    app.deliver(&deleted).await;
    assert_eq!(app.page(KIM).await.status, 410);
    assert!(!app.page("/").await.body.contains("id=\"person-"));
    app.stop().await;
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere_and_run_nothing_inline() {
    let app = App::start().await;
    app.deliver(&kim(1, true)).await;
    app.deliver(&event("evt_2", 2, 2)).await;
    for path in ["/", KIM, "/users/auth0%7C2", "/users/nobody"] {
        let page = app.page(path).await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"));
        assert!(!policy.contains("unsafe"));
        for inline in ["<style", " style=", " onclick=", "javascript:", "http://", "https://"] {
            assert!(!page.body.contains(inline), "{inline} in {path}: {}", page.body);
        }
        assert_eq!(page.body.matches("<script").count(), 1);
        for link in page.body.split(['"', '\'']).filter(|text| text.starts_with("/assets/")) {
            assert_eq!(app.page(link).await.status, 200, "{link}");
        }
        let links = page.body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for link in links.filter(|link| link.starts_with("/users/")) {
            assert_ne!(app.page(link).await.status, 404, "{link}");
        }
    }
    assert_eq!(app.page("/assets/../Cargo.toml").await.status, 404);
    assert_eq!(app.page("/elsewhere").await.status, 404);
    app.stop().await;
}

#[tokio::test]
async fn an_open_page_hears_of_what_changes() {
    let app = App::start().await;
    app.deliver(&kim(1, false)).await;
    for (live, expected) in [
        ("/live?after=1", ["id=\"person-1\"", "fresh-blocked"]),
        (&format!("{KIM}/live?after=1"), ["id=\"account\"", "This account was blocked"]),
        // A page of an earlier run of the application knows of more than there is.
        ("/live?after=1000", ["id=\"person-1\"", "id=\"figures\""]),
    ] {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.write_all(&http::request("GET", live, &[], "")).await.unwrap();
        // Repeated for the second page, which then hears at once of what was before.
        app.deliver(&kim(2, true)).await;
        let mut read = Vec::new();
        let heard = async {
            while !expected.iter().all(|text| String::from_utf8_lossy(&read).contains(text)) {
                assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "the stream ended");
            }
        };
        timeout(Duration::from_secs(10), heard).await.expect(live);
        assert!(String::from_utf8_lossy(&read).contains("event: parts\n"));
    }
    // Open pages hold up no stop.
    let stream = TcpStream::connect(app.address).await.unwrap();
    timeout(Duration::from_secs(5), app.stop()).await.unwrap();
    drop(stream);
}

#[tokio::test]
async fn it_misbehaves_when_asked_to_and_recovers() {
    let app = App::start().await;
    app.conduct.down_for(Duration::from_mins(1));
    assert_eq!(app.deliver(&kim(1, true)).await, 503);
    assert_eq!(app.page("/").await.status, 200, "who looks at it sees it all the same");
    app.conduct.down_for(Duration::ZERO);
    assert_eq!(app.deliver(&kim(1, true)).await, 204);

    app.conduct.refuse_next(1);
    assert_eq!(app.deliver(&kim(1, true)).await, 204, "what was taken stays taken");
    let group = event("evt_2", 2, 2).with("type", "group.created");
    assert_eq!(app.deliver(&group).await, 204, "it is about no user");
    assert_eq!(app.deliver(&kim(3, false)).await, 422);
    assert_eq!(app.deliveries.is_blocked("auth0|k/1"), Some(true));
    assert_eq!(app.deliver(&kim(3, false)).await, 204, "put back, it is taken");
    assert_eq!(app.deliveries.is_blocked("auth0|k/1"), Some(false));
    app.conduct.refuse_user("auth0|k/1");
    assert_eq!(app.deliver(&event("evt_4", 2, 4)).await, 204);
    assert_eq!(app.deliver(&kim(5, true)).await, 422);
    app.stop().await;
}

#[tokio::test]
async fn a_port_in_use_and_a_bad_secret_are_told() {
    let app = App::start().await;
    let bind = |port, secret: &str| {
        DemoApp::bind(Settings { port, signing_secret: secret.into(), clock: Clock::System })
    };
    let taken = bind(app.address.port(), SIGNING_SECRET).await.unwrap_err();
    assert_eq!(taken.to_string(), format!("listening on port {} of loopback", app.address.port()));
    let bad = bind(0, "whsec_not base64").await.unwrap_err();
    assert_eq!(bad.to_string(), "reading the signing secret");
    app.stop().await;
}
