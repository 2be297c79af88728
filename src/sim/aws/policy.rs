//! The part of queue policies that says whether a rule of EventBridge may send to the queue.
//!
//! What the stand-in can't judge by is refused when the policy is set, so that none lets a rule in, or
//! keeps it out, that AWS would not.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::refusal::{Code, Refusal};

/// Who EventBridge is in a policy (user guide, "Amazon SQS permissions").
const EVENTBRIDGE: &str = "events.amazonaws.com";

/// A queue's policy, checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Policy(Vec<Statement>);

/// A rule that sends to a queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender<'a> {
    pub(super) rule_arn: &'a str,
    pub(super) account: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    allows: bool,
    /// Whether EventBridge is among those that it speaks of.
    speaks_of_eventbridge: bool,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    key: Key,
    values: Vec<String>,
    /// Whether `*` and `?` stand for others in the values.
    by_pattern: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    SourceArn,
    SourceAccount,
    SecureTransport,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawPolicy {
    #[serde(rename = "Version")]
    _version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: OneOrMany<RawStatement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawStatement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: String,
    principal: Value,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
    #[serde(default)]
    condition: Map<String, Value>,
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl Policy {
    /// An empty text is no policy.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let raw: RawPolicy = serde_json::from_str(text).map_err(|error| invalid(&error))?;
        let statements = raw.statement.into_vec().into_iter().map(Statement::of);
        statements.collect::<Result<_, _>>().map(Self)
    }

    /// Whether EventBridge may send to this queue for this rule: some statement allows it, and none denies
    /// it (IAM user guide, "Policy evaluation logic").
    pub(super) fn lets_in(&self, sender: Sender<'_>, queue_arn: &str) -> bool {
        let speaking = || self.0.iter().filter(|one| one.speaks_of(sender, queue_arn));
        speaking().any(|one| one.allows) && speaking().all(|one| one.allows)
    }
}

impl Statement {
    fn of(raw: RawStatement) -> Result<Self, Refusal> {
        let allows = match raw.effect.as_str() {
            "Allow" => true,
            "Deny" => false,
            other => return Err(invalid(&format_args!("no Effect: {other}"))),
        };
        let conditions = raw.condition.iter().map(|(operator, keys)| conditions(operator, keys));
        Ok(Self {
            allows,
            speaks_of_eventbridge: speaks_of_eventbridge(&raw.principal),
            actions: raw.action.into_vec(),
            resources: raw.resource.into_vec(),
            conditions: conditions.collect::<Result<Vec<_>, _>>()?.concat(),
        })
    }

    fn speaks_of(&self, sender: Sender<'_>, queue_arn: &str) -> bool {
        self.speaks_of_eventbridge
            // Actions are compared without case (IAM user guide, "Action").
            && self.actions.iter().any(|action| {
                fits(&action.to_ascii_lowercase(), "sqs:sendmessage")
            })
            && self.resources.iter().any(|resource| fits(resource, queue_arn))
            && self.conditions.iter().all(|condition| condition.holds(sender))
    }
}

/// `"*"`, or a service, or everybody of AWS: EventBridge is meant by the first two alone.
fn speaks_of_eventbridge(principal: &Value) -> bool {
    let is_it = |value: &Value| value.as_str().is_some_and(|text| text == EVENTBRIDGE);
    match principal {
        Value::String(text) => text == "*",
        Value::Object(kinds) => kinds.get("Service").is_some_and(|services| match services {
            Value::Array(services) => services.iter().any(is_it),
            one => is_it(one),
        }),
        _ => false,
    }
}

fn conditions(operator: &str, keys: &Value) -> Result<Vec<Condition>, Refusal> {
    // For ARNs, `ArnEquals` and `ArnLike` behave identically (IAM user guide, "Condition operators").
    let by_pattern = match operator {
        "ArnEquals" | "ArnLike" | "StringLike" => true,
        "StringEquals" | "Bool" => false,
        _ => return Err(invalid(&format_args!("the stand-in does not judge by {operator}"))),
    };
    let keys = keys.as_object().ok_or_else(|| invalid(&"a condition without keys"))?;
    let conditions = keys.iter().map(|(name, values)| {
        let key = match name.to_ascii_lowercase().as_str() {
            "aws:sourcearn" => Key::SourceArn,
            "aws:sourceaccount" => Key::SourceAccount,
            "aws:securetransport" => Key::SecureTransport,
            _ => return Err(invalid(&format_args!("the stand-in does not judge by {name}"))),
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let values = match values {
            Value::Array(values) => values.iter().map(text).collect(),
            one => vec![text(one)],
        };
        Ok(Condition { key, values, by_pattern })
    });
    conditions.collect()
}

impl Condition {
    fn holds(&self, sender: Sender<'_>) -> bool {
        let found = match self.key {
            Key::SourceArn => sender.rule_arn,
            Key::SourceAccount => sender.account,
            // EventBridge sends by TLS.
            Key::SecureTransport => "true",
        };
        let is_equal = |value: &String| value == found;
        let is_like = |value: &String| fits(value, found);
        if self.by_pattern {
            self.values.iter().any(is_like)
        } else {
            self.values.iter().any(is_equal)
        }
    }
}

/// Whether a text fits a pattern with `*` for any characters and `?` for one.
fn fits(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = rest.as_str();
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| text.get(at..).is_some_and(|end| fits(rest, end)))
        }
        Some(wanted) => {
            let mut others = text.chars();
            others.next().is_some_and(|found| {
                (wanted == '?' || wanted == found) && fits(rest.as_str(), others.as_str())
            })
        }
    }
}

fn invalid(reason: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(
        Code::InvalidAttributeValue,
        format_args!("Invalid value for the parameter Policy. Reason: {reason}."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:r:1:q";
    const RULE: &str = "arn:aws:events:r:1:rule/aws.partner/auth0.com/a-1/auth0.events/twinstream";

    #[track_caller]
    fn check(statements: &str, expected: Result<bool, Code>) {
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": {statements}}}"#);
        let sender = Sender { rule_arn: RULE, account: "1" };
        let result = Policy::parse(&text).map(|policy| policy.lets_in(sender, QUEUE));
        assert_eq!(result.map_err(|refusal| refusal.code()), expected, "{statements}");
    }

    fn statement(effect: &str, principal: &str, action: &str, condition: &str) -> String {
        format!(
            r#"{{"Effect": "{effect}", "Principal": {principal}, "Action": {action},
                "Resource": "{QUEUE}", "Condition": {condition}}}"#
        )
    }

    #[test]
    fn a_statement_lets_a_rule_in_when_all_of_it_fits() {
        let events = r#"{"Service": "events.amazonaws.com"}"#;
        let of = |condition: &str| statement("Allow", events, r#""sqs:SendMessage""#, condition);
        check(&of("{}"), Ok(true));
        check(&of(&format!(r#"{{"ArnEquals": {{"aws:SourceArn": "{RULE}"}}}}"#)), Ok(true));
        check(&of(r#"{"ArnEquals": {"aws:SourceArn": "arn:aws:events:r:1:rule/x"}}"#), Ok(false));
        check(&of(r#"{"ArnLike": {"aws:SourceArn": "arn:aws:events:*:1:rule/*"}}"#), Ok(true));
        check(&of(r#"{"StringEquals": {"aws:SourceAccount": ["2", "1"]}}"#), Ok(true));
        check(&of(r#"{"StringEquals": {"aws:SourceAccount": "2"}}"#), Ok(false));
        check(&of(r#"{"Bool": {"aws:SecureTransport": false}}"#), Ok(false));
        check(&statement("Allow", r#""*""#, r#"["SQS:*"]"#, "{}"), Ok(true));
        check(&statement("Allow", r#"{"AWS": "*"}"#, r#""sqs:*""#, "{}"), Ok(false));
        check(&statement("Allow", events, r#""sqs:ReceiveMessage""#, "{}"), Ok(false));
        check("[]", Ok(false));
        let elsewhere = of("{}").replace(QUEUE, "arn:aws:sqs:r:1:other");
        check(&elsewhere, Ok(false));
    }

    #[test]
    fn a_denial_prevails() {
        let events = r#"{"Service": ["events.amazonaws.com"]}"#;
        let allow = statement("Allow", events, r#""sqs:SendMessage""#, "{}");
        let insecure = r#"{"Bool": {"aws:SecureTransport": "false"}}"#;
        let deny = statement("Deny", r#""*""#, r#""sqs:*""#, insecure);
        check(&format!("[{allow}, {deny}]"), Ok(true));
        let deny = statement("Deny", r#""*""#, r#""sqs:*""#, "{}");
        check(&format!("[{allow}, {deny}]"), Ok(false));
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let numeric = r#"{"NumericEquals": {"aws:SourceArn": "1"}}"#;
        for text in [
            "7".to_owned(),
            statement("Perhaps", r#""*""#, r#""sqs:*""#, "{}"),
            statement("Allow", r#""*""#, r#""sqs:*""#, numeric),
            statement("Allow", r#""*""#, r#""sqs:*""#, r#"{"Bool": {"aws:ViaAWSService": true}}"#),
        ] {
            check(&text, Err(Code::InvalidAttributeValue));
        }
        assert_eq!(Policy::parse("{}").unwrap_err().code(), Code::InvalidAttributeValue);
        assert_eq!(Policy::parse("").unwrap(), Policy::default());
    }
}
