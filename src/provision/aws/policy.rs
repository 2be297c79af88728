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

/// What is there, with our statements among those of others. A rule that our statement let in stays in it: it may
/// be that of another source, whose events come to the same queue.
pub(super) fn merged(found: Option<&str>, ours: &[Value]) -> Merged {
    let Some(mut policy) = found.and_then(|text| serde_json::from_str::<Map<_, _>>(text).ok())
    else {
        return Merged::Changed { text: fresh(ours), others: 0 };
    };
    let held = statements_of(policy.get("Statement"));
    let is_ours = |one: &&Value| matches!(one["Sid"].as_str(), Some(RULE_SID | TLS_SID));
    let ours: Vec<Value> = ours.iter().map(|one| with_senders(one, &senders(&held))).collect();
    let others: Vec<Value> = held.iter().filter(|one| !is_ours(one)).cloned().collect();
    let normal: Vec<Value> = held.iter().map(normal).collect();
    if held.iter().filter(is_ours).count() == ours.len()
        && ours.iter().all(|one| normal.contains(&self::normal(one)))
    {
        return Merged::Same;
    }
    let others_count = others.len();
    let all: Vec<Value> = others.into_iter().chain(ours).collect();
    policy.entry("Version").or_insert_with(|| json!("2012-10-17"));
    policy.insert("Statement".into(), Value::Array(all));
    Merged::Changed { text: Value::Object(policy).to_string(), others: others_count }
}

/// The rules that our statement lets in.
fn senders(held: &[Value]) -> Vec<String> {
    let ours = held.iter().filter(|one| one["Sid"] == RULE_SID);
    let arns = ours.map(|one| &one["Condition"]["ArnEquals"]["aws:SourceArn"]);
    arns.flat_map(texts).map(str::to_owned).collect()
}

/// How many rules our statement of this policy lets in.
pub(super) fn senders_of(policy: &str) -> usize {
    senders(&read(Some(policy))).len()
}

/// The rules that our statement of this policy lets in beside this one.
pub(super) fn others_let_in(policy: Option<&str>, rule_arn: &str) -> Vec<String> {
    let mut senders = senders(&read(policy));
    senders.retain(|arn| arn != rule_arn);
    senders
}

/// The policy without this rule, where our statement lets it in.
pub(super) fn without(policy: Option<&str>, rule_arn: &str) -> Option<String> {
    let mut document: Map<_, _> = serde_json::from_str(policy?).ok()?;
    let mut held = statements_of(document.get("Statement"));
    if !senders(&held).iter().any(|arn| arn == rule_arn) {
        return None;
    }
    let others = others_let_in(policy, rule_arn);
    held.retain(|one| one["Sid"] != RULE_SID || !others.is_empty());
    for one in held.iter_mut().filter(|one| one["Sid"] == RULE_SID) {
        one["Condition"]["ArnEquals"]["aws:SourceArn"] = one_or_several(&others);
    }
    document.insert("Statement".into(), Value::Array(held));
    Some(Value::Object(document).to_string())
}

fn with_senders(statement: &Value, more: &[String]) -> Value {
    let mut statement = statement.clone();
    if statement["Sid"] == RULE_SID {
        let condition = &mut statement["Condition"]["ArnEquals"]["aws:SourceArn"];
        let mut all: Vec<String> = more.to_vec();
        all.extend(
            texts(condition).filter(|arn| !more.iter().any(|one| one == arn)).map(Into::into),
        );
        *condition = one_or_several(&all);
    }
    statement
}

fn one_or_several(texts: &[String]) -> Value {
    match texts {
        [one] => json!(one),
        several => json!(several),
    }
}

/// A statement as all ways of writing it are alike (IAM user guide, "JSON policy element reference"): one is a list
/// of one, actions have no case, everybody is `*`.
fn normal(statement: &Value) -> Value {
    let mut statement = statement.clone();
    let Some(fields) = statement.as_object_mut() else { return statement };
    if let Some(action) = fields.get_mut("Action") {
        *action = listed(action, str::to_ascii_lowercase);
    }
    if let Some(resource) = fields.get_mut("Resource") {
        *resource = listed(resource, str::to_owned);
    }
    match fields.get_mut("Principal") {
        Some(Value::Object(kinds))
            if kinds.len() == 1 && kinds.get("AWS").is_some_and(|names| texts(names).eq(["*"])) =>
        {
            fields.insert("Principal".into(), json!("*"));
        }
        Some(Value::Object(kinds)) => {
            kinds.values_mut().for_each(|names| *names = listed(names, str::to_owned));
        }
        _ => {}
    }
    let operators =
        fields.get_mut("Condition").and_then(Value::as_object_mut).into_iter().flatten();
    for keys in operators.filter_map(|(_, keys)| keys.as_object_mut()) {
        keys.values_mut().for_each(|values| *values = listed(values, str::to_owned));
    }
    statement
}

/// The texts of a value, as a sorted list of them; a truth value is its text.
fn listed(value: &Value, as_normal: impl Fn(&str) -> String) -> Value {
    let one = [value.clone()];
    let all = value.as_array().map_or(&one[..], Vec::as_slice);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), &as_normal);
    let mut texts: Vec<String> = all.iter().map(text).collect();
    texts.sort_unstable();
    json!(texts)
}

pub(super) fn read(policy: Option<&str>) -> Vec<Value> {
    let policy = policy.and_then(|text| serde_json::from_str::<Value>(text).ok());
    policy.map(|policy| statements_of(policy.get("Statement"))).unwrap_or_default()
}

fn statements_of(value: Option<&Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(statements)) => statements.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        Some(_) | None => Vec::new(),
    }
}

pub(super) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    value.as_str().into_iter().chain(list)
}

#[cfg(test)]
mod tests {
    use super::super::admits::{Admission, admission};
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:r:1:q";
    const RULE: &str = "arn:aws:events:r:1:rule/aws.partner/auth0.com/a-1/auth0.events/twinstream";

    fn is_let_in(policy: &str, rule: &str) -> bool {
        admission(Some(policy), Some(QUEUE), rule) == Admission::In
    }

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
                assert!(is_let_in(&text, RULE));
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
        let other = statements(QUEUE, Some("arn:aws:events:r:1:rule/other"));
        check(Some(&json!({"Version": "2012-10-17", "Statement": other})), Err((0, 2)));
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
        assert_eq!((is_let_in(&text, RULE), others), (false, 0));
    }

    /// Two sources that share a queue do not shut each other out.
    #[test]
    fn a_rule_that_was_let_in_stays_until_it_is_taken_out() {
        const OTHER: &str =
            "arn:aws:events:r:1:rule/aws.partner/auth0.com/b-2/auth0.events/twinstream";
        let first = fresh(&statements(QUEUE, Some(OTHER)));
        let Merged::Changed { text, .. } = merged(Some(&first), &statements(QUEUE, Some(RULE)))
        else {
            panic!("it lacks one")
        };
        assert!(is_let_in(&text, RULE) && is_let_in(&text, OTHER));
        assert_eq!(merged(Some(&text), &statements(QUEUE, Some(OTHER))), Merged::Same);
        assert_eq!(others_let_in(Some(&text), RULE), [OTHER]);
        let text = without(Some(&text), RULE).unwrap();
        assert!(!is_let_in(&text, RULE) && is_let_in(&text, OTHER));
        assert_eq!(without(Some(&text), RULE), None);
        let text = without(Some(&text), OTHER).unwrap();
        assert!(!is_let_in(&text, OTHER));
        assert!(text.contains(TLS_SID) && !text.contains(RULE_SID), "{text}");
    }

    #[test]
    fn what_is_only_written_otherwise_is_left() {
        let check = |at: usize, key: &str, value: Value| {
            let mut held = statements(QUEUE, Some(RULE));
            held[at][key] = value;
            let held = fresh(&held);
            assert_eq!(merged(Some(&held), &statements(QUEUE, Some(RULE))), Merged::Same, "{held}");
        };
        check(0, "Action", json!(["SQS:SendMessage"]));
        check(0, "Resource", json!([QUEUE]));
        check(0, "Principal", json!({"Service": ["events.amazonaws.com"]}));
        check(0, "Condition", json!({"ArnEquals": {"aws:SourceArn": [RULE]}}));
        check(1, "Principal", json!({"AWS": "*"}));
        check(1, "Action", json!("SQS:*"));
        check(1, "Condition", json!({"Bool": {"aws:SecureTransport": false}}));
    }
}
