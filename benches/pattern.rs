//! What it costs to find the routes of one event: `cargo bench --bench pattern`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    missing_docs,
    reason = "a measurement on the command line, of real time"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twinstream::event::{Digest, Event, EventId, Purpose, Timestamp};
use twinstream::routing::{Pattern, Routes};

fn main() {
    let event = event();
    println!("one event of {} bytes; the best of 5 rounds", event.payload.len());
    println!("{:<30}{:>8}{:>12}{:>8}", "patterns", "number", "µs/event", "taken");
    measure_all("each its own type, and more", of_own_type, &event);
    measure_all("all of one type, and more", of_one_type, &event);
    measure_all("no type", of_no_type, &event);
}

fn measure_all(name: &str, pattern: fn(usize) -> Value, event: &Event) {
    for number in [1, 100, 1_000] {
        let patterns = (0..number).map(|at| Pattern::parse(&pattern(at)).unwrap());
        let routes = Routes::new(patterns.collect());
        let micros = measure(&routes, event).as_secs_f64() * 1e6;
        println!("{name:<30}{number:>8}{micros:>12.2}{:>8}", routes.of(event).len());
    }
}

/// The time of one event, in the best of some rounds.
fn measure(routes: &Routes, event: &Event) -> Duration {
    let round = || {
        let (start, mut events) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_millis(200) {
            for _ in 0..10 {
                black_box(black_box(routes).of(black_box(event)));
            }
            events += 10;
        }
        start.elapsed() / events
    };
    (0..5).map(|_| round()).min().unwrap()
}

fn of_own_type(at: usize) -> Value {
    let kind = if at.is_multiple_of(10) { "user.updated".into() } else { format!("type.{at}") };
    json!({"type": [kind], "data": {"object": {"blocked": [true, false]}}})
}

fn of_one_type(at: usize) -> Value {
    json!({"type": ["user.updated"], "data": {"object": {
        "user_id": [{"prefix": format!("auth0|{}", at % 100)}],
        "identities": {"provider": ["auth0"], "isSocial": [false]},
        "logins_count": [{"numeric": [">", 0, "<=", at + 1]}],
    }}})
}

fn of_no_type(at: usize) -> Value {
    json!({"a0tenant": [{"anything-but": format!("tenant-{at}")}], "data": {"object": {"$or": [
        {"email": [{"wildcard": "*@*.example.com"}]},
        {"last_ip": [{"cidr": format!("10.{}.0.0/16", at % 256)}]},
        {"email_verified": [{"exists": false}]},
    ]}}})
}

fn event() -> Event {
    let id = "evt_0000000000000000000001";
    let time = "2026-03-01T09:15:44.000Z";
    let payload = json!({
        "specversion": "1.0", "type": "user.updated", "source": "urn:auth0:acme.auth0.com",
        "id": id, "time": time, "a0tenant": "acme", "a0stream": "est_0000000000000001",
        "data": {"object": {
            "user_id": "auth0|42f", "email": "kim@example.com", "email_verified": true,
            "name": "Kim", "nickname": "kim", "picture": "https://example.com/kim.png",
            "created_at": time, "updated_at": time, "last_login": time, "blocked": true,
            "last_ip": "203.0.113.7", "logins_count": 42,
            "app_metadata": {"roles": ["admin", "editor"], "plan": "team", "seats": 12},
            "user_metadata": {"language": "en", "theme": {"mode": "dark", "contrast": 1.5}},
            "identities": [
                {"provider": "google-oauth2", "isSocial": true, "user_id": "11", "connection": "g"},
                {"provider": "auth0", "isSocial": false, "user_id": "42f", "connection": "u"},
            ],
        }}
    });
    Event {
        id: EventId::parse(id).unwrap(),
        kind: "user.updated".into(),
        tenant: "acme".into(),
        subject: "user/auth0|42f".into(),
        time: Timestamp::from_millis(1_772_356_544_000),
        purpose: Purpose::Live,
        object_digest: Digest::of(b""),
        payload_digest: Digest::of(b""),
        payload: payload.to_string().into(),
    }
}
