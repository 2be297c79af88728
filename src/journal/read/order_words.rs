//! An order in words, the same wherever it is shown.

use serde_json::Value;

use super::{OrderState, OrderStory};

impl OrderState {
    /// How far it is, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::UnderWay => "under way",
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }
}

impl OrderStory {
    /// What it is about, in a line.
    pub fn about(&self) -> String {
        about(&self.kind, &self.detail)
    }

    /// `redriven 120 of 400`. What there is to do may be counted in part, `at_least`, and more than that
    /// be done.
    pub fn so_far(&self, at_least: bool) -> String {
        let (deed, done) = (self.deed(), self.done);
        if at_least || done > self.total {
            return format!("{deed} {done}");
        }
        format!("{deed} {done} of {}", self.total)
    }

    /// What became of the rest of an order that is done: what it did not touch, and why.
    pub fn left(&self) -> Option<String> {
        let left = self.total.checked_sub(self.done).filter(|left| *left > 0)?;
        Some(match self.kind.as_str() {
            "reprocess" => format!("{left} not understood by this version either; kept"),
            "erase" => format!("{left} expired, or erased before"),
            _ => format!("{left} no dead letters any more when their turn came"),
        })
    }

    /// Whether two orders are carried out one after the other.
    pub fn shares_a_desk_with(&self, other: &Self) -> bool {
        let touches_letters = |kind: &str| matches!(kind, "redrive" | "discard");
        self.kind == other.kind || touches_letters(&self.kind) && touches_letters(&other.kind)
    }

    /// What an order of this kind has done to what it touched.
    fn deed(&self) -> &'static str {
        match self.kind.as_str() {
            "redrive" => "redriven",
            "erase" => "erased",
            "reprocess" => "understood",
            "pause" => "paused",
            "resume" => "resumed",
            _ => "discarded",
        }
    }
}

/// What an order of this kind with this detail is about, in a line.
pub fn about(kind: &str, detail: &str) -> String {
    let read: Value = serde_json::from_str(detail).unwrap_or_default();
    match kind {
        "pause" | "resume" => detail.to_owned(),
        "erase" if detail.is_empty() => "one user, whose name is forgotten".to_owned(),
        "erase" => format!("all that names {detail}"),
        // An erasure took it out, since it named a user.
        _ if detail.is_empty() => "what is forgotten".to_owned(),
        "reprocess" => choice(&read, "all that is quarantined"),
        _ if read["quarantined"].is_array() => choice(&read, ""),
        _ => choice(&read["filter"], "all dead letters"),
    }
}

/// What a filter asks for, as `key value, key value`.
fn choice(filter: &Value, all: &str) -> String {
    let chosen = filter.as_object().into_iter().flatten().filter_map(|(key, value)| {
        let text = match value {
            Value::Null => return None,
            Value::Array(values) if values.is_empty() => return None,
            Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(" "),
            value => text(value),
        };
        Some(format!("{key} {text}"))
    });
    let chosen: Vec<String> = chosen.collect();
    if chosen.is_empty() { all.to_owned() } else { chosen.join(", ") }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(kind: &str, detail: &str, (done, total): (u64, u64)) -> OrderStory {
        let order = json!({
            "order": 1, "at": "2026-03-01T00:00:00Z", "kind": kind, "who": "kim", "why": "so",
            "detail": detail, "state": "under_way", "total": total, "done": done, "ended_at": null,
        });
        serde_json::from_value(order).unwrap()
    }

    #[track_caller]
    fn check(kind: &str, detail: &str, expected: &str) {
        assert_eq!(order(kind, detail, (0, 1)).about(), expected, "{kind} {detail}");
    }

    #[test]
    fn an_order_says_what_it_is_about() {
        check("redrive", r#"{"filter":{},"rate":50.0}"#, "all dead letters");
        let chosen = r#"{"filter":{"ids":["a","b"],"type":"user.updated"},"rate":50.0}"#;
        check("discard", chosen, "ids a b, type user.updated");
        check("discard", r#"{"quarantined":[1,2]}"#, "quarantined 1 2");
        check("reprocess", r#"{"numbers":[],"reason":null}"#, "all that is quarantined");
        check("reprocess", r#"{"numbers":[7],"reason":"not_json"}"#, "numbers 7, reason not_json");
        check("pause", "app", "app");
        check("redrive", "", "what is forgotten");
        check("erase", "", "one user, whose name is forgotten");
        check("erase", "auth0|1", "all that names auth0|1");
    }

    #[test]
    fn an_order_says_how_far_it_is() {
        assert_eq!(order("redrive", "", (1, 4)).so_far(false), "redriven 1 of 4");
        assert_eq!(order("redrive", "", (1, 4)).so_far(true), "redriven 1");
        assert_eq!(order("discard", "", (5, 4)).so_far(false), "discarded 5");
        let left = |kind, counted| order(kind, "", counted).left();
        assert_eq!(left("redrive", (4, 4)), None);
        assert_eq!(left("redrive", (5, 4)), None);
        assert_eq!(left("erase", (3, 4)).as_deref(), Some("1 expired, or erased before"));
    }
}
