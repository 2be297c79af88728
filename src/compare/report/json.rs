//! The document as JSON.

use crate::compare::Document;

/// The document as indented JSON, without a line end after it.
///
/// # Errors
/// Only if the serializer fails, which it does for no document that a comparison makes.
pub fn json(document: &Document) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(document)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::sample;
    use super::*;

    fn value(document: &Document) -> Value {
        serde_json::from_str(&json(document).unwrap()).unwrap()
    }

    /// The names that scripts read: `section.name` with the names inside it.
    #[track_caller]
    fn check(document: &Value, pointer: &str, names: &[&str]) {
        let object = document.pointer(pointer).and_then(Value::as_object).unwrap();
        for name in names {
            let field = object.get(*name);
            assert!(field.is_some_and(|value| !value.is_null()), "{pointer}/{name}: {field:?}");
        }
    }

    #[test]
    fn the_names_that_scripts_read_are_there() {
        let document = value(&sample::busy_day());
        check(&document, "/window", &["from", "to", "settled_until"]);
        for path in ["/paths/webhook", "/paths/eventbridge"] {
            let names =
                ["seen", "missing", "loss", "duplicates", "out_of_order", "covered_seconds"];
            check(&document, path, &names);
            check(&document, &format!("{path}/loss"), &["estimate", "low", "high"]);
            let names = ["p50", "p90", "p99", "p999", "max", "negative"];
            check(&document, &format!("{path}/latency_ms"), &names);
        }
        let names = ["both", "webhook_only", "eventbridge_only", "paired_by"];
        check(&document, "/pairs", &names);
        check(&document, "/pairs/paired_by", &["id", "fallback", "ambiguous"]);
        check(&document, "/pairs/webhook_first", &["share", "low", "high"]);
        check(&document, "/pairs/difference_ms", &["median", "low", "high", "p5", "p95"]);
        check(&document, "/unseen", &["estimate", "low", "high"]);
        check(&document, "/verdict", &["choice", "reasons"]);
        assert!(document.pointer("/verdict/needs_more_events").is_some_and(Value::is_null));
        check(&document, "/excluded", &["test", "unsettled", "latency_flagged"]);
        check(&document, "/excluded/latency_flagged", &["receive_count"]);
    }

    const SCHEMA: &str = include_str!("../../../docs/compare.schema.json");

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    /// The document is what the schema says, and nothing beside it.
    #[track_caller]
    fn check_schema(document: &Document) {
        let validator = jsonschema::draft202012::new(&schema()).unwrap();
        let value = value(document);
        let errors = validator.iter_errors(&value);
        let errors: Vec<String> =
            errors.map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }

    #[test]
    fn every_document_is_what_the_schema_says() {
        check_schema(&sample::busy_day());
        check_schema(&sample::quiet_day());
        check_schema(&sample::one_door());
        check_schema(&sample::extremes());
    }

    /// The names of all fields that objects of the schema may have. Fails where one is open to more,
    /// or where a field may be left out.
    fn names(schema: &Value, found: &mut BTreeSet<String>) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            assert_eq!(schema["additionalProperties"], Value::Bool(false), "{schema:#}");
            let required: BTreeSet<&str> =
                schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            assert!(properties.keys().all(|name| required.contains(name.as_str())), "{schema:#}");
            assert_eq!(properties.len(), required.len(), "{schema:#}");
            found.extend(properties.keys().cloned());
        }
        match schema {
            Value::Object(members) => members.values().for_each(|inner| names(inner, found)),
            Value::Array(items) => items.iter().for_each(|inner| names(inner, found)),
            _ => {}
        }
    }

    #[test]
    fn every_field_is_explained_and_none_can_be_added_in_silence() {
        let page = include_str!("../../../docs/COMPARE.md");
        let ticked: String = page.split('`').skip(1).step_by(2).collect::<Vec<_>>().join(" ");
        let ticked: BTreeSet<&str> = ticked.split([' ', '.']).collect();
        let mut found = BTreeSet::new();
        names(&schema(), &mut found);
        assert!(found.len() > 80, "{found:?}");
        for name in found {
            assert!(ticked.contains(name.as_str()), "docs/COMPARE.md never says `{name}`");
        }
    }

    #[test]
    fn times_are_rfc_3339_in_utc() {
        let document = value(&sample::busy_day());
        assert_eq!(document["window"]["to"], "2026-03-02T00:00:00Z");
        assert_eq!(document["window"]["settled_until"], "2026-03-01T23:45:00Z");
    }

    #[test]
    fn what_cannot_be_computed_is_null() {
        let document = value(&sample::quiet_day());
        for pointer in [
            "/paths/webhook/loss",
            "/paths/webhook/missing",
            "/paths/webhook/latency_ms/p50",
            "/paths/eventbridge/latency_ms/max",
            "/pairs/webhook_first",
            "/pairs/difference_ms",
            "/unseen",
            "/mcnemar",
        ] {
            assert_eq!(document.pointer(pointer), Some(&Value::Null), "{pointer}");
        }
        assert_eq!(document["verdict"]["choice"], "not_enough_data");
    }
}
