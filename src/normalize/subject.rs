//! What an event is about.
//!
//! Events with one subject must reach a target in order, and arrivals that agree in tenant, type,
//! subject and time are one event; so the subject is as narrow as Auth0's payloads allow.

use super::json::Json;

/// The subject in the form `family:part/part`, such as `user:auth0|5f0c` or
/// `organization.member:org_1/auth0|5f0c`. What has no known parts belongs to the whole stream.
pub(super) fn of(kind: &str, tenant: &str, object: &Json<'_>) -> Box<str> {
    parts(kind)
        .and_then(|(family, places)| named(family, places, object))
        .unwrap_or_else(|| format!("stream:{tenant}"))
        .into()
}

/// The names that lead to one part of the subject.
type Place = &'static [&'static str];

/// Where the parts of the subject stand in `data.object`, by the family of the type.
fn parts(kind: &str) -> Option<(&'static str, &'static [Place])> {
    let (family, _verb) = kind.rsplit_once('.')?;
    Some(match family {
        "user" => ("user", &[&["user_id"]]),
        "organization" => ("organization", &[&["id"]]),
        "organization.member" => {
            ("organization.member", &[&["organization", "id"], &["user", "user_id"]])
        }
        "organization.member.role" => (
            "organization.member.role",
            &[&["organization", "id"], &["user", "user_id"], &["role", "id"]],
        ),
        "organization.connection" => {
            ("organization.connection", &[&["organization", "id"], &["connection", "id"]])
        }
        "group" => ("group", &[&["id"]]),
        "group.member" => ("group.member", &[&["group", "id"], &["member", "id"]]),
        "connection" => ("connection", &[&["id"]]),
        _ => return None,
    })
}

fn named(family: &str, places: &[Place], object: &Json<'_>) -> Option<String> {
    let alone = places.len() == 1;
    let parts: Option<Vec<String>> = places
        .iter()
        .map(|place| match object.at(place)? {
            Json::Text(text) if text.is_empty() => None,
            Json::Text(text) if alone => Some(text.clone().into_owned()),
            // A slash inside a part must not look like the one between two.
            Json::Text(text) => Some(text.replace('%', "%25").replace('/', "%2F")),
            Json::Number(number) => Some(number.to_string()),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
        })
        .collect();
    Some(format!("{family}:{}", parts?.join("/")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(kind: &str, object: &Value, expected: &str) {
        let text = object.to_string();
        assert_eq!(&*of(kind, "acme", &serde_json::from_str(&text).unwrap()), expected);
    }

    #[test]
    fn each_family_has_its_own_parts() {
        check("user.updated", &json!({"user_id": "auth0|1"}), "user:auth0|1");
        check("user.created", &json!({"user_id": 7}), "user:7");
        check("organization.deleted", &json!({"id": "org_1"}), "organization:org_1");
        let member = json!({"organization": {"id": "org_1"}, "user": {"user_id": "auth0|1"},
            "role": {"id": "rol_1"}, "connection": {"id": "con_1"}});
        check("organization.member.added", &member, "organization.member:org_1/auth0|1");
        check(
            "organization.member.role.assigned",
            &member,
            "organization.member.role:org_1/auth0|1/rol_1",
        );
        check("organization.connection.removed", &member, "organization.connection:org_1/con_1");
        check("group.updated", &json!({"id": "grp_1"}), "group:grp_1");
        let member = json!({"group": {"id": "grp_1"}, "member": {"id": "auth0|1"}});
        check("group.member.added", &member, "group.member:grp_1/auth0|1");
        check("connection.created", &json!({"id": "con_1"}), "connection:con_1");
    }

    #[test]
    fn what_has_no_known_parts_belongs_to_the_stream() {
        check("group.role.assigned", &json!({"id": "x"}), "stream:acme");
        check("organization.group.role.deleted", &json!({}), "stream:acme");
        check("user.updated", &json!({}), "stream:acme");
        check("user.updated", &json!({"user_id": ""}), "stream:acme");
        check("user.updated", &Value::Null, "stream:acme");
        check("something", &json!({"id": "x"}), "stream:acme");
        check("session.revoked", &json!({"id": "x"}), "stream:acme");
    }

    #[test]
    fn parts_cannot_be_mistaken_for_each_other() {
        let one = json!({"organization": {"id": "a/b"}, "user": {"user_id": "c"}});
        let two = json!({"organization": {"id": "a"}, "user": {"user_id": "b/c"}});
        check("organization.member.added", &one, "organization.member:a%2Fb/c");
        check("organization.member.added", &two, "organization.member:a/b%2Fc");
    }
}
