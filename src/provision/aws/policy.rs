//! Queue policies: ours among those of others.

use serde_json::{Map, Value, json};

/// The ids of our statements.
const RULE_SID: &str = "TwinstreamRuleOnly";
const TLS_SID: &str = "TwinstreamTlsOnly";

/// What a queue's policy is to say of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Merged {
    /// It says so.
    Same,
    /// Its new text, and how many statements of others it keeps.
    Changed {
        /// The JSON.
        text: String,
        /// Statements that are not ours.
        others: usize,
    },
}

/// Our statements: this rule alone may send, where one is named, and nobody may do anything without TLS.
pub(super) fn statements(queue_arn: &str, rule_arn: Option<&str>) -> Vec<Value> {
    let mut statements = Vec::new();
    if let Some(rule_arn) = rule_arn {
        // EventBridge user guide, "Amazon SQS permissions".
        statements.push(json!({
            "Sid": RULE_SID,
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
        }));
    }
    statements.push(json!({
        "Sid": TLS_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": queue_arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }));
    statements
}

/// A new policy.
pub(super) fn fresh(ours: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": ours}).to_string()
}

/// What is there, with our statements among those of others.
pub(super) fn merged(found: Option<&str>, ours: &[Value]) -> Merged {
    let Some(mut policy) = found.and_then(|text| serde_json::from_str::<Map<_, _>>(text).ok())
    else {
        return Merged::Changed { text: fresh(ours), others: 0 };
    };
    let held = statements_of(policy.get("Statement"));
    let is_ours = |one: &&Value| matches!(one["Sid"].as_str(), Some(RULE_SID | TLS_SID));
    let others: Vec<Value> = held.iter().filter(|one| !is_ours(one)).cloned().collect();
    if held.iter().filter(is_ours).count() == ours.len()
        && ours.iter().all(|one| held.contains(one))
    {
        return Merged::Same;
    }
    let others_count = others.len();
    let all: Vec<Value> = others.into_iter().chain(ours.iter().cloned()).collect();
    policy.entry("Version").or_insert_with(|| json!("2012-10-17"));
    policy.insert("Statement".into(), Value::Array(all));
    Merged::Changed { text: Value::Object(policy).to_string(), others: others_count }
}

fn statements_of(value: Option<&Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(statements)) => statements.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        Some(_) | None => Vec::new(),
    }
}

/// Whether a queue's policy has a statement that lets EventBridge send for this rule, as far as that can
/// be judged here: conditions on anything but the rule's ARN and the account are taken not to hold.
pub fn lets_rule_in(policy: Option<&str>, rule_arn: &str, account: &str) -> bool {
    let policy = policy.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let statements = policy.map(|policy| statements_of(policy.get("Statement")));
    statements.unwrap_or_default().iter().any(|statement| {
        statement["Effect"] == "Allow"
            && is_for_eventbridge(&statement["Principal"])
            && texts(&statement["Action"]).any(|action| {
                let action = action.to_ascii_lowercase();
                matches!(action.as_str(), "sqs:sendmessage" | "sqs:*" | "sqs:send*" | "*")
            })
            && conditions_hold(&statement["Condition"], rule_arn, account)
    })
}

fn is_for_eventbridge(principal: &Value) -> bool {
    principal == "*" || texts(&principal["Service"]).any(|one| one == "events.amazonaws.com")
}

fn conditions_hold(condition: &Value, rule_arn: &str, account: &str) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    let mut keys = operators.flat_map(|(operator, keys)| {
        keys.as_object().into_iter().flatten().map(move |key| (operator.as_str(), key))
    });
    keys.all(|(operator, (key, values))| {
        let found = match key.to_ascii_lowercase().as_str() {
            "aws:sourcearn" => rule_arn,
            "aws:sourceaccount" => account,
            "aws:securetransport" => "true",
            _ => return false,
        };
        let by_pattern = matches!(operator, "ArnEquals" | "ArnLike" | "StringLike");
        let exact = matches!(operator, "StringEquals" | "Bool") || by_pattern;
        texts(values)
            .any(|value| (exact && value == found) || (by_pattern && is_like(value, found)))
    })
}

/// Whether a text fits a pattern with `*` for any characters.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    value.as_str().into_iter().chain(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:r:1:q";
    const RULE: &str = "arn:aws:events:r:1:rule/aws.partner/auth0.com/a-1/auth0.events/twinstream";

    #[track_caller]
    fn check(found: Option<&Value>, expected: Result<(), (usize, usize)>) {
        let ours = statements(QUEUE, Some(RULE));
        let text = found.map(ToString::to_string);
        match merged(text.as_deref(), &ours) {
            Merged::Same => assert_eq!(Ok(()), expected),
            Merged::Changed { text, others } => {
                let policy: Value = serde_json::from_str(&text).unwrap();
                let count = policy["Statement"].as_array().unwrap().len();
                assert_eq!(Err((others, count)), expected);
                assert_eq!(policy["Version"], "2012-10-17");
                assert_eq!(merged(Some(&text), &ours), Merged::Same, "it is settled then");
                assert!(lets_rule_in(Some(&text), RULE, "1"));
            }
        }
    }

    #[test]
    fn statements_of_others_are_kept_and_ours_are_renewed() {
        check(None, Err((0, 2)));
        check(Some(&json!(7)), Err((0, 2)));
        let theirs = json!({"Sid": "Other", "Effect": "Allow", "Principal": "*", "Action": "sqs:*",
            "Resource": QUEUE, "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}});
        check(Some(&json!({"Version": "2012-10-17", "Statement": theirs})), Err((1, 3)));
        let stale = statements(QUEUE, Some("arn:aws:events:r:1:rule/other"));
        check(Some(&json!({"Version": "2012-10-17", "Statement": stale})), Err((0, 2)));
        let mut all = statements(QUEUE, Some(RULE));
        all.insert(0, theirs);
        check(Some(&json!({"Version": "2012-10-17", "Statement": all})), Ok(()));
    }

    #[test]
    fn a_statement_of_ours_that_is_not_wanted_any_more_goes() {
        let held = fresh(&statements(QUEUE, Some(RULE)));
        let Merged::Changed { text, others } = merged(Some(&held), &statements(QUEUE, None)) else {
            panic!("it stays")
        };
        assert_eq!((lets_rule_in(Some(&text), RULE, "1"), others), (false, 0));
    }

    #[track_caller]
    fn check_in(principal: &Value, condition: &Value, expected: bool) {
        let policy = json!({"Statement": [{"Effect": "Allow", "Principal": principal,
            "Action": ["sqs:SendMessage"], "Resource": QUEUE, "Condition": condition}]});
        assert_eq!(lets_rule_in(Some(&policy.to_string()), RULE, "1"), expected, "{policy}");
    }

    #[test]
    fn a_policy_lets_a_rule_in_or_not() {
        let events = json!({"Service": ["events.amazonaws.com"]});
        check_in(&events, &json!({}), true);
        check_in(&json!("*"), &json!({"StringEquals": {"aws:SourceAccount": "1"}}), true);
        check_in(&json!({"AWS": "*"}), &json!({}), false);
        check_in(&events, &json!({"StringEquals": {"aws:SourceAccount": "2"}}), false);
        check_in(
            &events,
            &json!({"ArnLike": {"aws:SourceArn": "arn:aws:events:*:1:rule/*"}}),
            true,
        );
        check_in(
            &events,
            &json!({"ArnEquals": {"aws:SourceArn": "arn:aws:events:r:1:rule/x"}}),
            false,
        );
        check_in(&events, &json!({"ArnLike": {"aws:SourceArn": "arn:*:rule/*/other"}}), false);
        check_in(&events, &json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), false);
        assert!(!lets_rule_in(None, RULE, "1"));
    }
}
