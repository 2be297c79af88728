//! Events and quarantined bytes that name somebody.

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::journal::{ReadError, payload};

/// An event that names somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Naming {
    /// The journal's number of the event.
    pub seq: i64,
    /// It is about whoever it names: they are a part of its subject.
    pub is_about: bool,
}

/// Some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamingPage {
    /// Those found.
    pub found: Vec<Naming>,
    /// The last event that was looked at; `None` at the end of the journal.
    pub looked_at: Option<i64>,
}

/// Events looked at for one page: some ten milliseconds.
const EVENTS: usize = 1_000;

pub(super) fn find(connection: &Connection, id: &str, after: i64) -> Result<NamingPage, ReadError> {
    let subjects = subjects(connection, after).map_err(ReadError::Sqlite)?;
    let mut found = Vec::new();
    for (seq, subject) in &subjects {
        let is_about = is_part_of(id, subject);
        if is_about || any_content_names(connection, *seq, id).map_err(ReadError::Sqlite)? {
            found.push(Naming { seq: *seq, is_about });
        }
    }
    let last = subjects.last().map(|(seq, _)| *seq);
    Ok(NamingPage { found, looked_at: last.filter(|_| subjects.len() == EVENTS) })
}

fn subjects(connection: &Connection, after: i64) -> rusqlite::Result<Vec<(i64, String)>> {
    connection
        .prepare_cached(
            "SELECT seq, subject FROM events WHERE seq > ? AND erased = 0 ORDER BY seq LIMIT ?",
        )?
        .query_map(params![after, EVENTS], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// `user:auth0|1` and `organization.member:org_1/auth0|1` name `auth0|1`; `normalize` escapes `%` and
/// `/` where a subject has several parts.
fn is_part_of(id: &str, subject: &str) -> bool {
    let Some((_, name)) = subject.split_once(':') else { return false };
    let escaped = id.replace('%', "%25").replace('/', "%2F");
    name == id || name.split('/').any(|part| part == escaped)
}

fn any_content_names(connection: &Connection, seq: i64, id: &str) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT encoding, body FROM payloads WHERE seq = ?1
         UNION ALL SELECT encoding, body FROM redacted_payloads WHERE seq = ?1
         UNION ALL SELECT encoding, body FROM rival_payloads WHERE seq = ?1",
    )?;
    let mut rows = statement.query([seq])?;
    while let Some(row) = rows.next()? {
        // What is damaged can't be read, and so can't be told from what names somebody.
        let names = payload::decode(row.get(0)?, row.get(1)?)
            .ok()
            .and_then(|body| serde_json::from_slice(&body).ok())
            .is_none_or(|content: Value| names(&content, id));
        if names {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the id stands in it as a text of its own: not as a part of a longer one, which may be
/// somebody else's.
fn names(value: &Value, id: &str) -> bool {
    match value {
        Value::String(text) => text == id,
        Value::Array(values) => values.iter().any(|value| names(value, id)),
        Value::Object(members) => {
            members.iter().any(|(name, value)| name == id || names(value, id))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The same for what is no JSON: no letter or digit stands before it or after it.
pub(in crate::journal) fn stands_in(text: &str, id: &str) -> bool {
    text.match_indices(id).any(|(start, found)| {
        let (before, rest) = text.split_at(start);
        let after = rest.strip_prefix(found).unwrap_or_default();
        !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
    })
}

pub(super) fn in_quarantine(connection: &Connection, id: &str) -> Result<Vec<i64>, ReadError> {
    let read = || -> rusqlite::Result<Vec<i64>> {
        let mut statement =
            connection.prepare_cached("SELECT no, encoding, body FROM quarantine")?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            // What is damaged can't be told from what names somebody; and what was not understood may
            // hold its JSON in a text.
            let names = payload::decode(row.get(1)?, row.get(2)?).ok().is_none_or(|body| {
                let content = serde_json::from_slice(&body);
                content.is_ok_and(|content| names(&content, id))
                    || stands_in(&String::from_utf8_lossy(&body), id)
            });
            if names {
                found.push(row.get(0)?);
            }
        }
        Ok(found)
    };
    read().map_err(ReadError::Sqlite)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_subject(id: &str, subject: &str, expected: bool) {
        assert_eq!(is_part_of(id, subject), expected, "{id} in {subject}");
    }

    #[test]
    fn a_subject_names_its_parts() {
        check_subject("auth0|1", "user:auth0|1", true);
        check_subject("auth0|1", "user:auth0|12", false);
        check_subject("auth0|1", "organization.member:org_1/auth0|1", true);
        check_subject("a/b", "organization.member:org_1/a%2Fb", true);
        check_subject("a/b", "user:a/b", true);
        check_subject("auth0|1", "erased", false);
    }

    #[track_caller]
    fn check(content: &Value, expected: bool) {
        assert_eq!(names(content, "auth0|1"), expected, "{content}");
    }

    #[test]
    fn in_what_is_no_json_it_is_no_part_of_a_longer_word() {
        for (text, expected) in [
            ("{\"user_id\": \"auth0|1\", ", true),
            ("{\"user_id\": \"auth0|1", true),
            ("{\"user_id\": \"auth0|12\", ", false),
            ("{\"ids\": [\"auth0|12\", \"auth0|1\"", true),
            ("xauth0|1", false),
            ("", false),
        ] {
            assert_eq!(stands_in(text, "auth0|1"), expected, "{text}");
        }
    }

    #[test]
    fn an_id_is_found_wherever_it_stands_alone() {
        check(&json!({"data": {"object": {"user": {"user_id": "auth0|1"}}}}), true);
        check(&json!({"data": [{"ids": ["x", "auth0|1"]}]}), true);
        check(&json!({"data": {"auth0|1": {}}}), true);
        check(&json!({"data": {"user_id": "auth0|12", "n": 1, "b": true, "z": null}}), false);
    }
}
