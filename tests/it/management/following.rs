//! The Events API: what happens, as it happens, and again from where it broke off.

use std::time::Duration;

use twinstream::provision::auth0::{ApiError, Following, Frame, Since};
use twinstream::sim::auth0::management::{self, EventsSettings};

use super::{Tenant, changes, settings, updates};

/// The next event: its id, and the offset after it. Passes over what is none.
async fn event(following: &mut Following) -> (String, String) {
    loop {
        match following.next().await.unwrap().expect("an event before the end") {
            Frame::Event { offset, event } => {
                let event: serde_json::Value = serde_json::from_str(&event).unwrap();
                assert!(event.get("a0stream").is_none(), "{event:#}");
                return (event["id"].as_str().unwrap().to_owned(), offset);
            }
            Frame::Offset(_) => {}
            Frame::Trouble(trouble) => panic!("{trouble}"),
        }
    }
}

#[tokio::test]
async fn events_come_as_they_happen_and_again_after_an_offset_or_a_time() {
    let tenant = Tenant::start().await;
    let api = tenant.api();
    let changes = updates(4);
    tenant.handle.happen(&changes[0]).await;
    let mut following = api.follow(&Since::Now, &[]).await.unwrap();
    for change in &changes[1..] {
        tenant.handle.happen(change).await;
    }
    let (first, offset) = event(&mut following).await;
    assert_eq!(first, changes[1].webhook.id, "what was before is passed over");
    assert_eq!(event(&mut following).await.0, changes[2].webhook.id);
    drop(following);
    let mut following = api.follow(&Since::Offset(offset), &[]).await.unwrap();
    assert_eq!(event(&mut following).await.0, changes[2].webhook.id);
    let from = changes[0].time.minus(Duration::from_secs(1));
    let mut following = api.follow(&Since::Time(from), &[]).await.unwrap();
    assert_eq!(event(&mut following).await.0, changes[0].webhook.id);
    tenant.end().await;
}

#[tokio::test]
async fn other_types_are_passed_over_and_the_offset_goes_on() {
    let tenant = Tenant::start().await;
    let api = tenant.api();
    let types = ["user.created".to_owned(), "user.deleted".to_owned()];
    let mut following = api.follow(&Since::Now, &types).await.unwrap();
    tenant.handle.happen(&updates(1)[0]).await;
    let frame = following.next().await.unwrap().unwrap();
    assert_eq!(frame, Frame::Offset(tenant.handle.offset()), "by the heartbeat");
    let created = &changes(&["user.created"], 1)[0];
    tenant.handle.happen(created).await;
    assert_eq!(event(&mut following).await.0, created.webhook.id);
    tenant.end().await;
}

#[tokio::test]
async fn an_offset_from_too_long_ago_has_expired() {
    let tenant = Tenant::start().await;
    let api = tenant.api();
    let since = Since::Offset(tenant.handle.offset());
    let mut following = api.follow(&since, &[]).await.unwrap();
    tenant.handle.happen(&updates(1)[0]).await;
    event(&mut following).await;
    tenant.handle.expire_offsets();
    let expired = api.follow(&since, &[]).await.unwrap_err();
    assert!(matches!(expired, ApiError::OffsetExpired), "{expired}");
    // Who follows already is told so in the stream, which ends then.
    let trouble = loop {
        match following.next().await.unwrap() {
            Some(Frame::Trouble(trouble)) => break trouble,
            Some(Frame::Offset(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(trouble.is_expired(), "{trouble}");
    assert_eq!(following.next().await.unwrap(), None);
    let odd = api.follow(&Since::Offset("odd".to_owned()), &[]).await.unwrap_err();
    assert_eq!(odd.status(), Some(400));
    let broken = api.follow(&Since::Offset("a\nb".to_owned()), &[]).await.unwrap_err();
    assert!(matches!(broken, ApiError::Offset), "{broken}");
    tenant.end().await;
}

#[tokio::test]
async fn a_connection_is_closed_now_and_then_and_there_are_few() {
    let close_after = Duration::from_millis(300);
    let events = EventsSettings { close_after, connections_max: 1, ..settings().events };
    let tenant = Tenant::start_with(management::Settings { events, ..settings() }).await;
    let api = tenant.api();
    let mut following = api.follow(&Since::Now, &[]).await.unwrap();
    let error = api.follow(&Since::Now, &[]).await.unwrap_err();
    assert_eq!(error.status(), Some(403));
    assert!(error.to_string().contains("Maximum concurrent event stream connections"), "{error}");
    assert!(error.missing_scopes().is_empty());
    while let Some(frame) = following.next().await.unwrap() {
        assert!(matches!(frame, Frame::Offset(_)), "{frame:?}");
    }
    api.follow(&Since::Now, &[]).await.unwrap();
    tenant.end().await;
}
