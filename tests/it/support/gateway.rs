//! A gateway in this process: the real one, on real sockets.

use serde_json::Value;
use std::net::SocketAddr;
use twinstream::clock::Clock;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use twinstream::app::{AwsAccess, Gateway as App};
use twinstream::config::{Config, Sources};
use twinstream::journal::{Counts, EventStory, Reader};

use super::http::{self, Response};
use super::journal_file;
use super::settings::Settings;
use super::until;

#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) webhook: Option<SocketAddr>,
    pub(crate) admin: SocketAddr,
    pub(crate) reader: Reader,
    settings: Settings,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<anyhow::Result<()>>,
}

impl Gateway {
    pub(crate) async fn start(settings: Settings) -> Self {
        let environment = settings.environment.clone();
        let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
        let app = App::start(&config, AwsAccess::StandIn).await.unwrap();
        let addresses = app.addresses();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(app.run_until(async { drop(stopped.await) }));
        let reader = Reader::open(&config.journal.path).unwrap();
        let (webhook, admin) = (addresses.webhook, addresses.admin);
        Self { webhook, admin, reader, settings, stop, ended }
    }

    /// Posts a body with the right token.
    pub(crate) async fn post(&self, body: &str) -> Response {
        http::post(self.webhook.unwrap(), body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        http::get(self.admin, path).await
    }

    /// Gives an order by the admin API.
    pub(crate) async fn order(&self, path: &str, body: &Value) -> Response {
        let json = ["Content-Type: application/json"];
        http::send(self.admin, &http::request("POST", path, &json, &body.to_string())).await
    }

    pub(crate) async fn counts(&self) -> Counts {
        self.reader.counts().await.unwrap()
    }

    pub(crate) async fn story(&self, id: &str) -> Option<EventStory> {
        let id = twinstream::event::EventId::parse(id).unwrap();
        self.reader.event(id).await.unwrap()
    }

    /// Waits until `arrivals` ended in any way, by any path.
    pub(crate) async fn arrived(&self, arrivals: u64) {
        until("arrivals", async || {
            let counts = self.counts().await;
            let all: u64 = counts.arrivals.iter().map(|(_, _, count)| count).sum();
            (all >= arrivals).then_some(())
        })
        .await;
    }

    /// Waits until it is being written down that both doors are open.
    pub(crate) async fn covers(&self) {
        let now = Clock::System.now().to_string();
        until("both doors", async || {
            let document = self.get(&format!("/api/v1/compare?from={now}")).await.json();
            let open = |path: &str| document["paths"][path]["covered_seconds"].as_f64() > Some(0.0);
            (open("webhook") && open("eventbridge")).then_some(())
        })
        .await;
    }

    /// Waits until it is written down that both doors were open when the first events happened.
    pub(crate) async fn covered(&self) {
        until("coverage", async || {
            let document = self.get("/api/v1/compare?from=2026-01-01T00:00:00Z").await.json();
            let missing = |path: &str| document["paths"][path].clone();
            let all = |path: Value| path["covered"]["missing"] == path["missing"];
            (all(missing("webhook")) && all(missing("eventbridge"))).then_some(())
        })
        .await;
    }

    /// Waits until every event has settled.
    pub(crate) async fn settled(&self) {
        until("every event to settle", async || {
            let document = self.get("/api/v1/compare?from=2026-01-01T00:00:00Z").await.json();
            (document["excluded"]["unsettled"] == 0).then_some(())
        })
        .await;
    }

    /// Waits until no delivery is pending.
    pub(crate) async fn delivered(&self) {
        until("the end of all deliveries", async || {
            let counts = self.counts().await;
            counts.pending.iter().all(|route| route.pending == 0).then_some(())
        })
        .await;
    }

    pub(crate) async fn ready(&self) {
        until("readiness", async || (self.get("/readyz").await.status == 200).then_some(())).await;
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Stops, and checks what holds whenever a gateway has stopped. Returns the settings, with the
    /// folder of the journal.
    pub(crate) async fn stop(self) -> Settings {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
        drop(self.reader);
        journal_file::check(&self.settings.journal());
        self.settings
    }
}
