//! The rule's pattern: all events of the source, or those alone that some route takes.

use serde_json::{Value, json};

use super::{PATTERN_CHARACTERS_MAX, SourceName};
use crate::routing::Pattern;

/// A pattern for the rule that takes only what some route takes, as far as that goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Narrowed {
    /// The pattern.
    pub pattern: Value,
    /// Why it takes all events all the same, or what to mind.
    pub note: Option<String>,
}

/// The pattern of a rule that takes all events of the bus's source whose `detail`, the CloudEvent, matches.
///
/// By prefix: the exact text `aws.partner/auth0.com` matches nothing, since a source has more behind it.
pub fn rule_pattern(detail: Option<&Value>) -> Value {
    let mut pattern = json!({"source": [{"prefix": SourceName::PREFIX}]});
    if let Some(detail) = detail {
        pattern["detail"] = detail.clone();
    }
    pattern
}

/// Whether a rule with this pattern takes events of the source at all. What else it asks for is its owner's matter.
pub(super) fn takes_of(pattern: Option<&str>, source: &SourceName) -> bool {
    let pattern: Option<Value> = pattern.and_then(|text| serde_json::from_str(text).ok());
    pattern.is_some_and(|pattern| match pattern.get("source") {
        None => pattern.is_object(),
        Some(of_source) => Pattern::parse(&json!({ "source": of_source }))
            .is_ok_and(|only| only.matches(&json!({ "source": source.as_str() }))),
    })
}

/// The union of the routes' patterns: what no route takes does not cost anything then.
pub fn narrowed(routes: &[&Pattern]) -> Narrowed {
    let all = |why: &str| Narrowed { pattern: rule_pattern(None), note: Some(why.into()) };
    if routes.is_empty() {
        return all("there are no routes: the rule takes all events");
    }
    let patterns: Option<Vec<&Value>> = routes.iter().map(|route| route.as_json()).collect();
    let Some(patterns) = patterns else {
        return all("a route without a pattern takes every event, and so does the rule");
    };
    let pattern = rule_pattern(Some(&union(&patterns)));
    let characters = pattern.to_string().chars().count();
    if characters > PATTERN_CHARACTERS_MAX {
        return all(&format!(
            "the routes' patterns together have {characters} characters, and a rule's at most \
             {PATTERN_CHARACTERS_MAX}: the rule takes all events"
        ));
    }
    if let Err(error) = Pattern::parse(&pattern) {
        return all(&format!(
            "the routes' patterns together are none that EventBridge takes ({error}): the rule takes all \
             events"
        ));
    }
    let note = "events that no route takes no longer come by EventBridge: where the webhook still brings \
                them, a comparison of all types counts them as EventBridge's losses (`compare --type`), \
                and a route that is changed needs this command once more";
    Narrowed { pattern, note: Some(note.into()) }
}

/// One pattern that matches what one of these matches.
fn union(patterns: &[&Value]) -> Value {
    let (mut types, mut others) = (Vec::new(), Vec::new());
    for pattern in patterns {
        match only_types(pattern) {
            Some(more) => add(&mut types, more.iter()),
            None => add(&mut others, [*pattern].into_iter()),
        }
    }
    // Most routes ask for nothing but types: one list of them says it shorter than alternatives do.
    if !types.is_empty() {
        others.insert(0, json!({"type": types}));
    }
    if others.len() == 1 { others.swap_remove(0) } else { json!({"$or": others}) }
}

fn add<'a>(to: &mut Vec<Value>, more: impl Iterator<Item = &'a Value>) {
    for value in more {
        if !to.contains(value) {
            to.push(value.clone());
        }
    }
}

/// What a pattern asks of the type, when it asks for nothing else.
fn only_types(pattern: &Value) -> Option<&Vec<Value>> {
    let fields = pattern.as_object().filter(|fields| fields.len() == 1)?;
    fields.get("type")?.as_array()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(routes: &[&str], detail: Option<&Value>, note: &str) {
        let routes: Vec<Pattern> = routes
            .iter()
            .map(|text| if text.is_empty() { Pattern::Every } else { text.parse().unwrap() })
            .collect();
        let told = narrowed(&routes.iter().collect::<Vec<_>>());
        assert_eq!(told.pattern, rule_pattern(detail));
        let said = told.note.unwrap();
        assert!(said.contains(note), "{said}");
        Pattern::parse(&told.pattern).unwrap();
    }

    #[test]
    fn a_pattern_takes_of_a_source_or_nothing() {
        let source = SourceName::parse("aws.partner/auth0.com/acme-1/auth0.events").unwrap();
        let check = |pattern: &str, expected: bool| {
            assert_eq!(takes_of(Some(pattern), &source), expected, "{pattern}");
        };
        check(&rule_pattern(None).to_string(), true);
        check(r#"{"source": ["aws.partner/auth0.com/acme-1/auth0.events"]}"#, true);
        check(r#"{"detail": {"type": ["user.updated"]}}"#, true);
        // The mistake that is made most.
        check(r#"{"source": ["aws.partner/auth0.com"]}"#, false);
        check(r#"{"source": [{"prefix": "aws.partner/auth0.com/other"}]}"#, false);
        check("no JSON", false);
        assert!(!takes_of(None, &source));
    }

    #[test]
    fn the_rule_takes_what_some_route_takes() {
        let types = json!({"type": ["user.updated", "user.deleted", {"prefix": "group."}]});
        check(
            &[
                r#"{"type": ["user.updated", "user.deleted"]}"#,
                r#"{"type": ["user.deleted", {"prefix": "group."}]}"#,
            ],
            Some(&types),
            "no longer come",
        );
        let blocked = r#"{"data": {"object": {"blocked": [true]}}}"#;
        let one: Value = serde_json::from_str(blocked).unwrap();
        check(&[blocked, blocked], Some(&one), "no longer come");
        check(
            &[blocked, r#"{"type": ["user.created"]}"#],
            Some(&json!({"$or": [{"type": ["user.created"]}, one]})),
            "no longer come",
        );
    }

    #[test]
    fn where_that_can_not_be_said_it_takes_all_and_says_why() {
        check(&[], None, "no routes");
        check(&[r#"{"type": ["a"]}"#, ""], None, "without a pattern");
        let long = format!(r#"{{"type": ["{}"]}}"#, "x".repeat(PATTERN_CHARACTERS_MAX));
        check(&[&long], None, "at most 2048");
        let most =
            PATTERN_CHARACTERS_MAX - rule_pattern(Some(&json!({"type": [""]}))).to_string().len();
        let longest = format!(r#"{{"type": ["{}"]}}"#, "x".repeat(most));
        check(&[&longest], serde_json::from_str(&longest).ok().as_ref(), "no longer come");
    }

    #[test]
    fn a_union_matches_exactly_what_one_of_its_routes_matches() {
        let routes: Vec<Pattern> = [
            r#"{"type": ["user.created"]}"#,
            r#"{"$or": [{"type": ["x"]}, {"data": {"object": {"blocked": [true]}}}]}"#,
        ]
        .map(|text| text.parse().unwrap())
        .into();
        let rule = Pattern::parse(&narrowed(&routes.iter().collect::<Vec<_>>()).pattern).unwrap();
        for detail in [
            json!({"type": "user.created"}),
            json!({"type": "user.deleted"}),
            json!({"type": "x"}),
            json!({"type": "y", "data": {"object": {"blocked": true}}}),
            json!({"type": "y", "data": {"object": {"blocked": false}}}),
        ] {
            let by_routes = routes.iter().any(|route| route.matches(&detail));
            let source = "aws.partner/auth0.com/a-1/auth0.events";
            assert_eq!(rule.matches(&json!({"source": source, "detail": detail})), by_routes);
        }
    }
}
