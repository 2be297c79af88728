//! Patterns on events like Auth0's.

mod arrays;
mod explain;
mod operators;
mod properties;
mod reference;
mod refused;

use serde_json::{Value, json};

use super::Pattern;

/// A user as Auth0 sends it, with a little of everything.
fn user() -> Value {
    json!({
        "specversion": "1.0", "id": "evt_1", "type": "user.updated", "time": "2026-03-01T09:15:44Z",
        "source": "urn:auth0:acme.auth0.com", "a0tenant": "acme",
        "data": {"object": {
            "user_id": "auth0|66f", "email": "Kim@Example.com", "name": "", "blocked": true,
            "email_verified": false, "logins_count": 300, "score": 3.0185e2, "last_ip": "203.0.113.7",
            "nickname": null, "app_metadata": {}, "tags": [], "big": 123_456_789_012_u64,
            "roles": ["admin", "editor"], "picture": r"C:\a*b.png", "last_ip6": "2001:db8::1",
            "identities": [
                {"provider": "google-oauth2", "isSocial": true, "user_id": 11},
                {"provider": "auth0", "isSocial": false, "user_id": "66f"},
            ],
        }}
    })
}

/// A pattern on the user alone.
fn on_user(fields: &Value) -> Value {
    json!({"data": {"object": fields}})
}

#[track_caller]
fn check(pattern: &Value, event: &Value, expected: bool) {
    let parsed = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    assert_eq!(parsed.matches(event), expected, "{pattern} on {event}");
    assert_eq!(parsed.explain(event).is_empty(), expected, "{:?}", parsed.explain(event));
}
