//! Setting up Auth0: the client of the Management API, and the commands, against a stand-in for it.

mod client;
mod commands;
mod deliveries;
mod following;
mod schemas;
mod through_a_gateway;

use std::time::Duration;

use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use twinstream::clock::Clock;
use twinstream::event::Timestamp;
use twinstream::provision::auth0::{
    Api, Authorization, NewDestination, NewStream, Patience, Settings,
};
use twinstream::sim::auth0::management::{self, EventsSettings, Handle, Management};
use twinstream::sim::auth0::{Change, Ids, Rules};

pub(crate) const DOMAIN: &str = "example-tenant.eu.auth0.com";
pub(crate) const CLIENT_SECRET: &str = "client-secret-0123456789";
/// Where streams post to, by what they are told.
pub(crate) const ENDPOINT: &str = "https://hooks.example.com/webhooks/auth0";

/// A tenant with a Management API.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) handle: Handle,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl Tenant {
    pub(crate) async fn start() -> Self {
        Self::start_with(settings()).await
    }

    pub(crate) async fn start_with(settings: management::Settings) -> Self {
        let api = Management::bind("127.0.0.1:0".parse().unwrap(), settings).await.unwrap();
        let handle = api.handle();
        let stop = CancellationToken::new();
        let server = tokio::spawn(api.run(stop.clone()));
        Self { handle, stop, server }
    }

    pub(crate) fn api(&self) -> Api {
        self.api_with(Patience { first_pause: Duration::from_millis(5), ..Patience::default() })
    }

    pub(crate) fn api_with(&self, patience: Patience) -> Api {
        let settings = Settings {
            domain: DOMAIN.to_owned(),
            endpoint_url: Some(self.handle.url().parse().unwrap()),
            client_id: "client".to_owned(),
            client_secret: SecretString::from(CLIENT_SECRET),
            webhook_stream: "twinstream-webhook".to_owned(),
            eventbridge_stream: "twinstream-eventbridge".to_owned(),
            webhook_url: Some(ENDPOINT.parse().unwrap()),
            event_types: vec!["user.created".to_owned(), "user.updated".to_owned()],
        };
        Api::with_patience(settings, Clock::System, patience).unwrap()
    }

    /// Stops, and holds everything that was asked of it against Auth0's own schemas.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.server.await.unwrap();
        schemas::check(&self.handle.recorded());
    }
}

/// Retries come soon, and heartbeats.
pub(crate) fn settings() -> management::Settings {
    let pauses = vec![Duration::from_millis(5); 3];
    management::Settings {
        domain: DOMAIN.to_owned(),
        client_secret: SecretString::from(CLIENT_SECRET),
        rules: Rules { pauses, ..Rules::default() },
        events: EventsSettings {
            heartbeat: Duration::from_millis(200),
            ..EventsSettings::default()
        },
        ..management::Settings::default()
    }
}

pub(crate) fn webhook_stream(name: &str) -> NewStream {
    NewStream {
        name: name.to_owned(),
        event_types: vec!["user.created".to_owned(), "user.updated".to_owned()],
        destination: NewDestination::Webhook {
            endpoint: ENDPOINT.parse().unwrap(),
            authorization: Authorization::Bearer { token: SecretString::from("hook-secret") },
        },
    }
}

/// The next changes of these types, at this moment.
pub(crate) fn changes(types: &[&str], count: usize) -> Vec<Change> {
    let mut tenant = twinstream::sim::auth0::Tenant::new(3, Ids::Same);
    let now = Clock::System.now();
    let mut number = 0;
    let changes = std::iter::from_fn(|| {
        number += 1;
        Some(tenant.next_change(now.plus(Duration::from_millis(number))))
    });
    changes.filter(|change| types.contains(&change.kind) && !change.test).take(count).collect()
}

pub(crate) fn updates(count: usize) -> Vec<Change> {
    changes(&["user.updated"], count)
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}
