//! The client: tokens, limits, errors, streams.

use std::time::Duration;

use http::StatusCode;
use secrecy::SecretString;
use tokio::time::Instant;
use twinstream::clock::Clock;
use twinstream::provision::auth0::{
    ApiError, Authorization, Destination, NewDestination, NewStream, Patience, SCOPES,
    StreamChanges, StreamStatus,
};
use twinstream::sim::auth0::management;

use super::{CLIENT_SECRET, ENDPOINT, Tenant, settings, webhook_stream};

fn asked(tenant: &Tenant, path: &str) -> usize {
    tenant.handle.recorded().iter().filter(|request| request.path == path).count()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_another_when_it_is_refused() {
    let tenant = Tenant::start().await;
    let api = tenant.api();
    let scopes = api.granted_scopes().await.unwrap().unwrap();
    assert!(SCOPES.iter().all(|(scope, _)| scopes.contains(*scope)));
    assert_eq!(api.streams().await.unwrap(), []);
    assert_eq!(api.streams().await.unwrap(), []);
    assert_eq!(tenant.handle.tokens_issued(), 1);
    tenant.handle.revoke_tokens();
    assert_eq!(api.streams().await.unwrap(), []);
    assert_eq!(tenant.handle.tokens_issued(), 2);
    let shown = format!("{api:?}");
    assert!(!shown.contains(CLIENT_SECRET) && !shown.contains("token-"), "{shown}");
    tenant.end().await;
}

#[tokio::test]
async fn a_token_that_is_soon_to_end_is_not_used_any_more() {
    let tenant = Tenant::start_with(management::Settings {
        token_life: Duration::from_secs(1),
        ..settings()
    })
    .await;
    let api = tenant.api();
    api.streams().await.unwrap();
    tokio::time::sleep(Duration::from_millis(950)).await;
    api.streams().await.unwrap();
    assert_eq!(tenant.handle.tokens_issued(), 2);
    let refused = tenant.handle.recorded().iter().filter(|request| request.status == 401).count();
    assert_eq!(refused, 0);
    tenant.end().await;
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let tenant = Tenant::start().await;
    let api = tenant.api();
    tenant.handle.take_scope("read:event_streams");
    let error = api.streams().await.unwrap_err();
    assert_eq!(error.missing_scopes(), ["read:event_streams"]);
    assert_eq!(
        error.to_string(),
        "listing the event streams: HTTP 403: Insufficient scope, expected any of: \
         read:event_streams (insufficient_scope)"
    );
    assert!(!error.is_transient() && !error.is_not_found());
    let scopes = api.granted_scopes().await.unwrap().unwrap();
    assert!(!scopes.contains("read:event_streams") && scopes.contains("read:events"));

    let stranger = twinstream::provision::auth0::Settings {
        client_secret: SecretString::from("another"),
        ..api.settings().clone()
    };
    let stranger = twinstream::provision::auth0::Api::new(stranger, Clock::System).unwrap();
    let error = stranger.granted_scopes().await.unwrap_err();
    assert!(matches!(error, ApiError::Credentials(_)), "{error}");
    assert!(error.to_string().contains("Unauthorized"), "{error}");
    assert_eq!(asked(&tenant, "/oauth/token"), 2, "what is refused is not asked again");
    tenant.end().await;
}

#[tokio::test]
async fn a_limit_is_waited_for_unless_that_takes_too_long() {
    let tenant = Tenant::start().await;
    let api = tenant.api();
    api.granted_scopes().await.unwrap();
    tenant.handle.limit_next(2, Duration::from_millis(10));
    let started = Instant::now();
    api.streams().await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(2), "two pauses of a second and a bit");
    assert_eq!(asked(&tenant, "/api/v2/event-streams"), 3);
    tenant.handle.limit_next(1, Duration::from_hours(1));
    let error = api.streams().await.unwrap_err();
    assert_eq!(error.status(), Some(429));
    assert!(error.is_transient());
    assert!(error.refusal().unwrap().retry_after.unwrap() > Duration::from_mins(59));
    assert_eq!(asked(&tenant, "/api/v2/event-streams"), 4);
    tenant.end().await;
}

#[tokio::test]
async fn a_failure_of_auth0_is_tried_again_where_that_is_harmless() {
    let tenant = Tenant::start().await;
    let api = tenant.api();
    api.granted_scopes().await.unwrap();
    tenant.handle.fail_next(3, StatusCode::BAD_GATEWAY);
    api.streams().await.unwrap();
    tenant.handle.fail_next(4, StatusCode::BAD_GATEWAY);
    assert_eq!(api.streams().await.unwrap_err().status(), Some(502));
    assert_eq!(asked(&tenant, "/api/v2/event-streams"), 8);
    // Nobody knows whether it was made.
    tenant.handle.fail_next(1, StatusCode::BAD_GATEWAY);
    let error = api.create_stream(&webhook_stream("a")).await.unwrap_err();
    assert_eq!(error.status(), Some(502));
    assert_eq!(asked(&tenant, "/api/v2/event-streams"), 9);
    tenant.end().await;
}

#[tokio::test]
async fn who_does_not_answer_is_named_without_secrets() {
    let tenant = Tenant::start().await;
    let api = tenant.api_with(Patience { tries_max: 2, ..Patience::default() });
    api.granted_scopes().await.unwrap();
    tenant.end().await;
    let error = api.streams().await.unwrap_err();
    assert!(error.is_transient());
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("no answer from Auth0") && !shown.contains("token-"), "{shown}");
}

#[tokio::test]
async fn auth0s_clock_is_heard() {
    let tenant = Tenant::start().await;
    let api = tenant.api();
    assert_eq!(api.server_date(), None);
    tenant.handle.skew("+90s".parse().unwrap());
    api.streams().await.unwrap();
    let heard = api.server_date().unwrap();
    assert!(heard.asked_at <= heard.heard_at);
    let ahead_ms = heard.said.millis_since(heard.heard_at);
    assert!((85_000.0..=90_000.0).contains(&ahead_ms), "{ahead_ms}");
    tenant.end().await;
}

#[tokio::test]
async fn streams_are_made_changed_and_deleted() {
    let tenant = Tenant::start().await;
    let api = tenant.api();
    let made = api.create_stream(&webhook_stream("hook")).await.unwrap();
    assert_eq!((made.id.len(), made.status.clone()), (26, StreamStatus::Enabled));
    let bridge = NewStream {
        name: "bridge".to_owned(),
        event_types: vec!["user.created".to_owned()],
        destination: NewDestination::Eventbridge {
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
        },
    };
    let bridge = api.create_stream(&bridge).await.unwrap();
    let Destination::Eventbridge { source: Some(source), .. } = &bridge.destination else {
        panic!("{bridge:?}");
    };
    assert!(source.starts_with("aws.partner/auth0.com/example-tenant-"), "{source}");
    assert!(source.ends_with("/auth0.events"), "{source}");
    assert_eq!(api.streams().await.unwrap(), [made.clone(), bridge.clone()]);
    assert_eq!(api.stream_named("bridge").await.unwrap(), Some(bridge.clone()));
    assert_eq!(api.stream_named("none").await.unwrap(), None);

    let taken = api.create_stream(&webhook_stream("hook")).await.unwrap_err();
    assert_eq!(taken.status(), Some(409));
    assert!(taken.to_string().contains("creating the event stream `hook`"), "{taken}");

    let authorization =
        Authorization::Header { name: "x-hook".to_owned(), value: SecretString::from("other") };
    let changes = StreamChanges {
        name: Some("hook-2".to_owned()),
        event_types: Some(vec!["user.deleted".to_owned()]),
        enabled: Some(false),
        webhook: Some((ENDPOINT.parse().unwrap(), authorization)),
    };
    let after = api.update_stream(&made.id, &changes).await.unwrap();
    assert_eq!((after.name.as_str(), &after.status), ("hook-2", &StreamStatus::Disabled));
    assert_eq!(after.event_types, ["user.deleted"]);
    let Destination::Webhook { method, name, .. } = &after.destination else {
        panic!("{after:?}");
    };
    assert_eq!((method.as_str(), name.as_deref()), ("custom_header", Some("x-hook")));
    assert_eq!(api.stream(&made.id).await.unwrap(), after);

    api.delete_stream(&made.id).await.unwrap();
    api.delete_stream(&made.id).await.unwrap();
    let gone = api.stream(&made.id).await.unwrap_err();
    assert!(gone.is_not_found(), "{gone}");
    tenant.end().await;
}

#[tokio::test]
async fn long_lists_of_streams_are_read_to_their_end_and_a_full_plan_says_so() {
    let tenant = Tenant::start_with(management::Settings { streams_max: 130, ..settings() }).await;
    let api = tenant.api();
    for number in 0..130 {
        api.create_stream(&webhook_stream(&format!("hook-{number}"))).await.unwrap();
    }
    let names: Vec<String> =
        api.streams().await.unwrap().into_iter().map(|stream| stream.name).collect();
    assert_eq!(names, (0..130).map(|number| format!("hook-{number}")).collect::<Vec<_>>());
    let full = api.create_stream(&webhook_stream("one more")).await.unwrap_err();
    assert!(full.to_string().contains("maximum number of event streams"), "{full}");
    tenant.end().await;
}
