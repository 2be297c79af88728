//! A change in words.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::event::{Path, Timestamp};

/// One change, as it is told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct News {
    /// The number of the change.
    pub version: u64,
    /// The user's id, where it is about one.
    pub user_id: Option<String>,
    /// Whom or what it is about.
    pub who: String,
    pub what: What,
    /// The path by which it came first, where the gateway said so.
    pub path: Option<Path>,
    /// From the change in Auth0 to its arrival here, in milliseconds.
    pub delay_ms: f64,
    /// When it happened, by Auth0's clock.
    pub time: Timestamp,
    /// It is older than what was told before of the same subject.
    pub late: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Joined,
    Blocked,
    Unblocked,
    Left,
    /// A user's fields changed, in words.
    Changed(String),
    /// Something else in the tenant, in words.
    Else(String),
    /// A test call.
    Test,
}

impl What {
    /// What it does to a user.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Joined => "signed up",
            Self::Blocked => "was blocked",
            Self::Unblocked => "was unblocked",
            Self::Left => "was deleted",
            Self::Changed(words) | Self::Else(words) => words,
            Self::Test => "test event",
        }
    }

    /// The name of its look.
    pub(super) const fn mark(&self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Blocked => "blocked",
            Self::Unblocked => "unblocked",
            Self::Left => "left",
            Self::Changed(_) | Self::Else(_) | Self::Test => "other",
        }
    }

    /// Whether it changes who may come in.
    pub(super) const fn is_access(&self) -> bool {
        matches!(self, Self::Joined | Self::Blocked | Self::Unblocked | Self::Left)
    }
}

impl News {
    /// The path as people call it.
    pub(super) const fn path_text(&self) -> &'static str {
        match self.path {
            Some(Path::Webhook) => "webhook",
            Some(Path::Eventbridge) => "EventBridge",
            None => "unknown path",
        }
    }

    /// The name of the path's look.
    pub(super) const fn path_mark(&self) -> &'static str {
        match self.path {
            Some(path) => path.as_str(),
            None => "unknown",
        }
    }

    pub(super) fn delay(&self) -> String {
        duration(self.delay_ms)
    }

    /// The time of day in UTC.
    pub(super) fn time_of_day(&self) -> String {
        time_of_day(self.time)
    }
}

/// The time of day in UTC, to the second.
pub(super) fn time_of_day(time: Timestamp) -> String {
    time.to_string().chars().skip(11).take(8).collect()
}

/// Milliseconds as people say them: `142 ms`, `1.4 s`, `3 min`.
pub(super) fn duration(ms: f64) -> String {
    match ms.abs() {
        size if size < 1_000.0 => format!("{ms:.0} ms"),
        size if size < 60_000.0 => format!("{:.1} s", ms / 1e3),
        size if size < 3_600_000.0 => format!("{:.0} min", ms / 60e3),
        _ => format!("{:.0} h", ms / 3.6e6),
    }
}

/// The fields of a user that differ, in words; those that one of the two lacks are not known.
pub(super) fn changed(before: &Map<String, Value>, after: &Map<String, Value>) -> String {
    let differs = |(name, value): &(&String, &Value)| {
        *name != "updated_at" && before.get(*name).is_some_and(|before| before != *value)
            || (*name == "last_login" && !before.contains_key(*name))
    };
    let names: BTreeSet<&str> = after.iter().filter(differs).map(|(name, _)| words(name)).collect();
    if names.contains("login") {
        return "signed in".to_owned();
    }
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => "updated profile".to_owned(),
        names => format!("updated {}", names.join(", ")),
    }
}

fn words(field: &str) -> &str {
    match field {
        "last_login" | "logins_count" | "last_ip" => "login",
        "app_metadata" => "plan",
        "user_metadata" => "settings",
        "email_verified" => "e-mail check",
        "phone_number" | "phone_verified" => "phone",
        "multifactor" => "second factor",
        "name" | "given_name" | "family_name" => "name",
        other => other,
    }
}

/// What an event that is not about a user says: `organization.member.added` of whom, in words.
pub(super) fn elsewhere(kind: &str, object: &Map<String, Value>) -> (String, String) {
    let (family, verb) = kind.rsplit_once('.').unwrap_or(("tenant", kind));
    let names = [
        object.get("display_name"),
        object.get("name"),
        object.get("organization").and_then(|one| one.get("name")),
    ];
    let name = names.into_iter().flatten().find_map(Value::as_str);
    let family = family.replace('.', " ");
    if let Some(name) = name {
        return (name.to_owned(), format!("{family} {verb}"));
    }
    let mut letters = family.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    (first.into_iter().chain(letters).collect(), verb.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(before: &Value, after: &Value, expected: &str) {
        let (before, after) = (before.as_object().unwrap(), after.as_object().unwrap());
        assert_eq!(changed(before, after), expected);
    }

    #[test]
    fn changes_are_told_in_words() {
        let kim = json!({"name": "Kim", "user_metadata": {}, "updated_at": 1});
        check(&kim, &json!({"name": "Kim", "user_metadata": {"a": 1}}), "updated settings");
        check(&kim, &json!({"name": "Kim Li", "user_metadata": 2}), "updated name, settings");
        check(&kim, &json!({"name": "Kim", "updated_at": 2}), "updated profile");
        check(&kim, &json!({"name": "Kim", "last_login": 2, "last_ip": 3}), "signed in");
    }

    #[test]
    fn what_is_not_of_a_user_has_a_name_where_it_has_one() {
        let told = |kind, object: Value| elsewhere(kind, object.as_object().unwrap());
        let member = json!({"organization": {"id": "org_1", "name": "birch"}});
        let expected = ("birch".into(), "organization member added".into());
        assert_eq!(told("organization.member.added", member), expected);
        let expected = ("Group role".into(), "assigned".into());
        assert_eq!(told("group.role.assigned", json!({"role": {}})), expected);
        assert_eq!(told("unheard", json!({})), ("Tenant".into(), "unheard".into()));
    }

    #[test]
    fn durations_are_as_people_say_them() {
        let cases = [(0.4, "0 ms"), (142.3, "142 ms"), (1_440.0, "1.4 s"), (180_000.0, "3 min")];
        for (ms, text) in cases {
            assert_eq!(duration(ms), text);
        }
        assert_eq!(duration(-3.0), "-3 ms");
        assert_eq!(duration(7.2e6), "2 h");
    }
}
