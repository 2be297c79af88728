//! The doors' bytes: what is an event, what is quarantined, and under which name.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::Purpose;

fn block() -> Value {
    json!({
        "id": "evt_2f6EbxdkVMJ8SgCwWq9zTh", "specversion": "1.0", "type": "user.updated",
        "source": "urn:auth0:acme.auth0.com", "time": "2026-03-01T09:15:44.96Z",
        "data": {"object": {"user_id": "auth0|1", "blocked": true, "logins_count": 1.0}},
        "a0tenant": "acme", "a0stream": "est_w"
    })
}

/// The example with one attribute changed; `Null` takes it away.
fn with(attribute: &str, value: Value) -> Vec<u8> {
    let mut event = block();
    if value.is_null() {
        event.as_object_mut().unwrap().remove(attribute);
    } else {
        event[attribute] = value;
    }
    event.to_string().into_bytes()
}

fn envelope(detail: &Value) -> Vec<u8> {
    json!({
        "version": "0", "id": "5b2c", "detail-type": "anything", "account": "123456789012",
        "source": "aws.partner/auth0.com/acme-1/auth0.events", "time": "2026-03-01T09:15:45Z",
        "region": "eu-west-1", "resources": [], "detail": detail
    })
    .to_string()
    .into_bytes()
}

#[track_caller]
fn check_rejected(body: &[u8], expected: Reason) {
    assert_eq!(webhook(body).map_err(|rejection| rejection.reason), Err(expected), "webhook");
    assert_eq!(queue_message(body).map_err(|rejection| rejection.reason), Err(expected), "queue");
}

#[test]
fn a_cloud_event_is_read_as_it_is() {
    let body = block().to_string();
    let read = webhook(body.as_bytes()).unwrap();
    assert_eq!(read.event.id.as_str(), "evt_2f6EbxdkVMJ8SgCwWq9zTh");
    assert_eq!(&*read.event.kind, "user.updated");
    assert_eq!(&*read.event.tenant, "acme");
    assert_eq!(&*read.event.subject, "user:auth0|1");
    assert_eq!(read.event.time.to_string(), "2026-03-01T09:15:44.96Z");
    assert_eq!(read.event.purpose, Purpose::Live);
    assert_eq!(&*read.event.payload, body);
    assert_eq!(read.stream.as_deref(), Some("est_w"));
    assert_eq!(read.envelope_time, None);
}

#[test]
fn the_envelope_is_taken_off_and_its_time_kept() {
    let read = queue_message(&envelope(&block())).unwrap();
    assert_eq!(read.event, webhook(block().to_string().as_bytes()).unwrap().event);
    assert_eq!(read.envelope_time.unwrap().to_string(), "2026-03-01T09:15:45Z");
    let bare = queue_message(block().to_string().as_bytes()).unwrap();
    assert_eq!(bare.event, read.event);
    assert_eq!(bare.envelope_time, None);
}

#[test]
fn every_type_of_the_catalogue_and_unknown_ones_pass() {
    let types = [
        "user.created",
        "user.updated",
        "user.deleted",
        "organization.created",
        "organization.updated",
        "organization.deleted",
        "organization.member.added",
        "organization.member.deleted",
        "organization.member.role.assigned",
        "organization.member.role.deleted",
        "organization.connection.added",
        "organization.connection.updated",
        "organization.connection.removed",
        "group.created",
        "group.updated",
        "group.deleted",
        "group.member.added",
        "group.member.deleted",
        "group.role.assigned",
        "group.role.deleted",
        "organization.group.role.assigned",
        "organization.group.role.deleted",
        "connection.created",
        "connection.updated",
        "connection.deleted",
        "session.revoked",
        "whatever",
    ];
    for kind in types {
        let read = webhook(&with("type", json!(kind))).unwrap();
        assert_eq!(&*read.event.kind, kind);
    }
}

#[test]
fn what_is_no_event_is_named() {
    for body in [&b""[..], b"   ", b"{", b"\xff\xfe", b"hello", b"{\"id\":", b"{}x"] {
        check_rejected(body, Reason::NotJson);
    }
    for body in [&b"[]"[..], b" [{}]", b"12", b"null", b"\"text\""] {
        check_rejected(body, Reason::NotAnObject);
    }
    check_rejected(br#"{"specversion":"1.0","id":"a","id":"b"}"#, Reason::NotAnObject);
    check_rejected(b"{}", Reason::NotACloudEvent);
    check_rejected(&with("specversion", json!("0.3")), Reason::NotACloudEvent);
    check_rejected(&with("specversion", json!(1.0)), Reason::NotACloudEvent);
    check_rejected(&with("id", Value::Null), Reason::BadId);
    check_rejected(&with("id", json!("")), Reason::BadId);
    check_rejected(&with("id", json!(7)), Reason::BadId);
    check_rejected(&with("id", json!("evt 1")), Reason::BadId);
    check_rejected(&with("type", Value::Null), Reason::BadType);
    check_rejected(&with("type", json!("x".repeat(256))), Reason::BadType);
    check_rejected(&with("time", Value::Null), Reason::BadTime);
    check_rejected(&with("time", json!("soon")), Reason::BadTime);
    check_rejected(&with("time", json!("9999-01-01T00:00:00Z")), Reason::BadTime);
    let mut foreign = block();
    foreign.as_object_mut().unwrap().remove("a0tenant");
    foreign["source"] = json!("/github/hooks");
    check_rejected(foreign.to_string().as_bytes(), Reason::ForeignSource);
    let deep = format!("{}{}", "{\"data\":".repeat(200), "}".repeat(200));
    assert!(webhook(deep.as_bytes()).is_err());
    let deep = format!("{{\"data\":{}{},{}", "[".repeat(200), "]".repeat(200), {
        let event = block().to_string();
        event.strip_prefix('{').unwrap().replace("\"data\"", "\"more\"")
    });
    check_rejected(deep.as_bytes(), Reason::NotJson);
}

#[test]
fn log_streams_are_refused_by_name() {
    let mut record: Value = serde_json::from_slice(&envelope(&json!({"log_id": "1"}))).unwrap();
    record["detail-type"] = json!("Auth0 log");
    let rejection = queue_message(record.to_string().as_bytes()).unwrap_err();
    assert_eq!(rejection.reason, Reason::LogStream);
    record["detail-type"] = json!("else");
    record["source"] = json!("aws.partner/auth0.com/acme-1/auth0.logs");
    let rejection = queue_message(record.to_string().as_bytes()).unwrap_err();
    assert_eq!(rejection.reason, Reason::LogStream);
    let rejection = webhook(br#"{"log_id":"1","data":{}}"#).unwrap_err();
    assert_eq!(rejection.reason, Reason::LogStream);
}

#[test]
fn lenient_where_auth0_may_change() {
    for (attribute, value) in [
        ("data", Value::Null),
        ("data", json!("text")),
        ("source", json!("urn:auth0:")),
        ("a0tenant", Value::Null),
        ("a0stream", json!(7)),
        ("id", json!("short")),
        ("brand_new", json!({"deep": [1, 2]})),
        ("time", json!("2026-03-01T09:15:44Z")),
        ("time", json!("2026-03-01T09:15:44.123456789Z")),
    ] {
        assert!(webhook(&with(attribute, value.clone())).is_ok(), "{attribute} = {value}");
    }
}

#[test]
fn the_payload_digest_ignores_stream_spacing_and_order() {
    let digest = |body: &[u8]| webhook(body).unwrap().event.payload_digest;
    let one = digest(block().to_string().as_bytes());
    assert_eq!(digest(&with("a0stream", json!("est_other"))), one);
    assert_eq!(digest(&with("a0stream", Value::Null)), one);
    assert_eq!(digest(serde_json::to_string_pretty(&block()).unwrap().as_bytes()), one);
    // The same number, written in another way.
    assert_eq!(digest(block().to_string().replace("1.0}", "1}").as_bytes()), one);
    assert_ne!(digest(&with("a0tenant", json!("other"))), one);
}

#[test]
fn events_sent_as_a_test_are_known() {
    assert_eq!(webhook(&with("a0purpose", json!("test"))).unwrap().event.purpose, Purpose::Test);
    assert_eq!(webhook(&with("a0purpose", json!("else"))).unwrap().event.purpose, Purpose::Live);
}

/// Any JSON value, as text with odd spacing, so that a byte-equal copy is not one by chance.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f32>()
            .prop_filter("JSON has no NaN", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        any::<String>().prop_map(|text| Value::String(text).to_string()),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[ {} ]", items.join(" ,\t"))),
            prop::collection::btree_map(any::<String>(), inner, 0..5).prop_map(|members| {
                let members: Vec<String> = members
                    .iter()
                    .map(|(key, value)| format!("{} :\n{value}", Value::from(key.as_str())))
                    .collect();
                format!("{{{} }}", members.join(", "))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        drop((webhook(&body), queue_message(&body)));
    }

    #[test]
    fn no_json_panics(text in any_json()) {
        drop((webhook(text.as_bytes()), queue_message(text.as_bytes())));
    }

    #[test]
    fn a_cut_or_garbled_event_does_not_panic(at in 0_usize..400, byte in any::<u8>()) {
        let mut body = envelope(&block());
        let at = at % body.len();
        body[at] = byte;
        drop(queue_message(&body));
        body.truncate(at);
        prop_assert!(queue_message(&body).is_err());
    }

    #[test]
    fn an_accepted_payload_comes_out_byte_equal_in_data(data in any_json()) {
        let event = format!(
            "{{\"id\":\"evt_1\", \"specversion\":\"1.0\",\"type\":\"user.updated\",\
             \"source\":\"urn:auth0:\",\"time\":\"2026-03-01T09:15:44Z\",\"data\":{data}}}"
        );
        let by_webhook = webhook(event.as_bytes()).unwrap().event;
        prop_assert_eq!(&*by_webhook.payload, event.as_str());
        let wrapped = format!("{{\"version\":\"0\",\"detail\":{event} , \"id\":\"x\"}}");
        let by_queue = queue_message(wrapped.as_bytes()).unwrap().event;
        prop_assert_eq!(&*by_queue.payload, event.as_str());
        prop_assert_eq!(by_queue, by_webhook);
    }
}
