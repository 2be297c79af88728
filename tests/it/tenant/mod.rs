//! The simulated tenant: its events are as Auth0's, its lives make sense, and the gateway
//! understands it.

mod lives;
mod schemas;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use twinstream::event::{Path, Purpose, Timestamp};
use twinstream::normalize;
use twinstream::sim::auth0::{Change, Ids, Mix, Population, Shares, TENANT, Tenant};

/// The types of Auth0's SDKs, as of August 2026.
const TYPES: [&str; 25] = [
    "connection.created",
    "connection.deleted",
    "connection.updated",
    "group.created",
    "group.deleted",
    "group.member.added",
    "group.member.deleted",
    "group.role.assigned",
    "group.role.deleted",
    "group.updated",
    "organization.connection.added",
    "organization.connection.removed",
    "organization.connection.updated",
    "organization.created",
    "organization.deleted",
    "organization.group.role.assigned",
    "organization.group.role.deleted",
    "organization.member.added",
    "organization.member.deleted",
    "organization.member.role.assigned",
    "organization.member.role.deleted",
    "organization.updated",
    "user.created",
    "user.deleted",
    "user.updated",
];

/// The changes of a tenant, about ten a second, beginning on 2026-03-01.
fn changes(seed: u64, mix: &Mix, count: u64) -> impl Iterator<Item = Change> {
    let mut tenant = Tenant::with(seed, Ids::Different, mix);
    let start = Timestamp::parse("2026-03-01T09:15:44.960123456Z").unwrap();
    (0..count).map(move |at| tenant.next_change(start.plus(Duration::from_millis(101 * at))))
}

/// The event of a change, as the webhook stream carries it.
fn event(change: &Change) -> Value {
    serde_json::from_str(&change.webhook.json).unwrap()
}

/// The text at a place such as `/data/object/user_id`.
#[track_caller]
fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    let found = event.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer} in {event:#}"))
}

/// Nobody and nothing there at the start, but for the connections that every tenant has. More come
/// than go.
fn from_nothing() -> Mix {
    let start = Population { users: 0, organizations: 0, groups: 0 };
    Mix { start, shares: Shares { created: 50, ..Shares::default() }, ..Mix::default() }
}

#[test]
fn every_type_happens() {
    for mix in [Mix::default(), from_nothing()] {
        let happened: BTreeSet<&str> = changes(1, &mix, 10_000).map(|change| change.kind).collect();
        assert_eq!(happened, BTreeSet::from(TYPES));
    }
}

#[test]
fn the_gateway_sees_in_an_event_what_the_change_says_of_it() {
    let mix = Mix { oddities_of_1000: 200, tests_of_1000: 50, ..Mix::default() };
    let mut odd = 0;
    for change in changes(2, &mix, 5_000) {
        for path in [Path::Webhook, Path::Eventbridge] {
            let carried = change.on(path);
            let normalized = normalize::webhook(carried.json.as_bytes()).unwrap();
            let event = normalized.event;
            assert_eq!(event.id.as_str(), carried.id);
            assert_eq!((&*event.kind, &*event.tenant), (change.kind, TENANT));
            assert_eq!(&*event.subject, change.subject, "{}", carried.json);
            assert_eq!(event.time, change.time, "{}", carried.json);
            assert_eq!(event.purpose == Purpose::Test, change.test);
            let stream = normalized.stream.unwrap();
            assert!(stream.starts_with(&format!("est_{path}")), "{stream} is not of {path}");
        }
        odd += u32::from(event(&change).get("a0region").is_some());
    }
    assert!(odd > 100, "{odd} events with an unknown attribute");
}

#[test]
fn what_is_known_of_auth0s_events_occurs() {
    let mut seen = BTreeSet::new();
    for change in changes(3, &Mix::default(), 20_000) {
        let event = event(&change);
        let digits = text(&event, "/time").trim_end_matches('Z').split_once('.');
        seen.insert(format!("time with {} digits", digits.map_or(0, |(_, digits)| digits.len())));
        if digits.is_some_and(|(_, digits)| digits.ends_with('0')) {
            seen.insert("zeros kept".to_owned());
        }
        for (pointer, what) in [
            ("/data/previous_object", "the object before"),
            ("/data/context/request/ip", "a context"),
            ("/data/object/risk_hint", "an unknown property"),
            ("/a0region", "an unknown attribute"),
        ] {
            if event.pointer(pointer).is_some() {
                seen.insert(what.to_owned());
            }
        }
        if event["source"] == "urn:auth0:" {
            seen.insert("a bare source".to_owned());
        }
        if change.kind == "user.updated" {
            let object = &event["data"]["object"];
            let blocked = object.get("blocked").map_or("unknown".to_owned(), Value::to_string);
            seen.insert(format!("blocked {blocked}"));
            if object.get("identities").is_none() {
                seen.insert("no identities".to_owned());
            }
            if object.get("nickname").is_none() {
                seen.insert("not every field".to_owned());
            }
            if object["identities"][0]["user_id"].is_number() {
                seen.insert("a number for a user's id".to_owned());
            }
        }
    }
    let expected = [
        "time with 0 digits",
        "time with 1 digits",
        "time with 2 digits",
        "time with 3 digits",
        "time with 6 digits",
        "time with 9 digits",
        "zeros kept",
        "the object before",
        "a context",
        "an unknown property",
        "an unknown attribute",
        "a bare source",
        "blocked unknown",
        "blocked true",
        "blocked false",
        "no identities",
        "not every field",
        "a number for a user's id",
    ];
    for expected in expected {
        assert!(seen.contains(expected), "{expected}: not among {seen:?}");
    }
}
