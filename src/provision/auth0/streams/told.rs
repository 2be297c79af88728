//! Event streams, as Auth0 tells of them.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// An event stream, as Auth0 tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "Told")]
pub struct Stream {
    /// Its id: `est_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it sends.
    pub status: StreamStatus,
    /// What it is subscribed to, in Auth0's order.
    pub event_types: Vec<String>,
    /// Where it sends to.
    pub destination: Destination,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
}

/// Whether a stream sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamStatus {
    /// It sends.
    Enabled,
    /// It does not, and keeps nothing meanwhile.
    Disabled,
    /// A status that was not known when this was written.
    #[serde(untagged)]
    Other(String),
}

/// Where a stream sends to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Destination {
    /// A webhook.
    Webhook {
        /// Its address.
        endpoint: String,
        /// `bearer`, `basic`, `custom_header`. The secret is never told.
        method: String,
        /// The user of `basic`, or the name of the header.
        name: Option<String>,
    },
    /// A partner event source of EventBridge.
    Eventbridge {
        /// The AWS account.
        account: String,
        /// The AWS region.
        region: String,
        /// The name of the partner event source, which is that of the bus as well.
        source: Option<String>,
    },
    /// Another kind: an action, say.
    Other {
        /// Its type.
        #[serde(rename = "kind")]
        kind: String,
    },
}

/// The reference has an object; a bare array is what the call gave before it had pages.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum StreamList {
    Page(StreamPage),
    Bare(Vec<Stream>),
}

#[derive(Deserialize)]
pub(super) struct StreamPage {
    #[serde(rename = "eventStreams")]
    pub event_streams: Vec<Stream>,
    #[serde(default)]
    pub next: Option<String>,
}

impl StreamList {
    pub(super) fn page(self) -> StreamPage {
        match self {
            Self::Page(page) => page,
            Self::Bare(event_streams) => StreamPage { event_streams, next: None },
        }
    }
}

/// A stream as Auth0 writes it. Unknown fields are no matter.
#[derive(Deserialize)]
struct Told {
    id: String,
    #[serde(default)]
    name: String,
    status: StreamStatus,
    #[serde(default)]
    subscriptions: Vec<Subscription>,
    destination: ToldDestination,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Subscription {
    event_type: Option<String>,
}

#[derive(Deserialize)]
struct ToldDestination {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    configuration: Configuration,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Configuration {
    webhook_endpoint: String,
    webhook_authorization: ToldAuthorization,
    aws_account_id: String,
    aws_region: String,
    aws_partner_event_source: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ToldAuthorization {
    method: String,
    username: Option<String>,
    header_key: Option<String>,
}

impl From<Told> for Stream {
    fn from(told: Told) -> Self {
        let ToldDestination { kind, configuration } = told.destination;
        let authorization = configuration.webhook_authorization;
        let destination = match kind.as_str() {
            "webhook" => Destination::Webhook {
                endpoint: configuration.webhook_endpoint,
                method: authorization.method,
                name: authorization.username.or(authorization.header_key),
            },
            "eventbridge" => Destination::Eventbridge {
                account: configuration.aws_account_id,
                region: configuration.aws_region,
                source: configuration.aws_partner_event_source,
            },
            _ => Destination::Other { kind },
        };
        let event_types = told.subscriptions.into_iter().filter_map(|one| one.event_type);
        Self {
            id: told.id,
            name: told.name,
            status: told.status,
            event_types: event_types.collect(),
            destination,
            created_at: told.created_at,
            updated_at: told.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(destination: &Value, expected: &Destination) {
        let told = json!({
            "id": "est_1", "status": "enabled", "name": "a", "more": [],
            "subscriptions": [{ "event_type": "user.created" }, {}],
            "created_at": "2026-03-01T09:15:44.96Z", "destination": destination,
        });
        let stream: Stream = serde_json::from_value(told).unwrap();
        assert_eq!(stream.destination, *expected);
        assert_eq!(stream.event_types, ["user.created"]);
        assert_eq!(stream.status, StreamStatus::Enabled);
    }

    #[test]
    fn streams_are_read_as_auth0_writes_them() {
        let webhook = |how: Value| {
            json!({ "type": "webhook", "configuration": {
                "webhook_endpoint": "https://a.example/x", "webhook_authorization": how } })
        };
        let read = |method: &str, name: Option<&str>| Destination::Webhook {
            endpoint: "https://a.example/x".into(),
            method: method.into(),
            name: name.map(str::to_owned),
        };
        check(&webhook(json!({ "method": "bearer" })), &read("bearer", None));
        let basic = webhook(json!({ "method": "basic", "username": "kim" }));
        check(&basic, &read("basic", Some("kim")));
        let header = webhook(json!({ "method": "custom_header", "header_key": "x-a" }));
        check(&header, &read("custom_header", Some("x-a")));
        let source = "aws.partner/auth0.com/t-1/auth0.events";
        check(
            &json!({ "type": "eventbridge", "configuration": { "aws_region": "us-east-1",
                "aws_account_id": "123456789012", "aws_partner_event_source": source } }),
            &Destination::Eventbridge {
                account: "123456789012".into(),
                region: "us-east-1".into(),
                source: Some(source.into()),
            },
        );
        let action = json!({ "type": "action", "configuration": { "action_id": "x" } });
        check(&action, &Destination::Other { kind: "action".into() });
        let status: StreamStatus = serde_json::from_value(json!("resting")).unwrap();
        assert_eq!(status, StreamStatus::Other("resting".into()));
    }

    #[test]
    fn lists_come_with_pages_and_without() {
        let one = json!({ "id": "est_1", "status": "disabled", "destination": { "type": "x" } });
        for (list, next) in [
            (json!({ "eventStreams": [one], "next": "n" }), Some("n")),
            (json!({ "eventStreams": [one] }), None),
            (json!([one]), None),
        ] {
            let page = serde_json::from_value::<StreamList>(list).unwrap().page();
            assert_eq!((page.event_streams.len(), page.next.as_deref()), (1, next));
        }
    }
}
