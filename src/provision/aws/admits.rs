//! Whether a queue's policy lets a rule of EventBridge in, as far as that can be told from here.

use serde_json::Value;

use super::policy::{read, texts};

/// What a policy says of a rule that wants to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    In,
    /// No statement lets it in.
    NotLetIn,
    /// A statement keeps it out, whatever others say (IAM user guide, "Policy evaluation logic").
    KeptOut,
    /// It depends on what only AWS knows.
    Unclear,
}

/// Who wants to do what.
#[derive(Debug, Clone, Copy)]
struct Asking<'a> {
    queue_arn: Option<&'a str>,
    rule_arn: &'a str,
    account: &'a str,
}

/// Whether EventBridge may send to this queue for this rule. Where the queue's ARN is not known, a statement is taken
/// to be of this queue.
pub fn admission(policy: Option<&str>, queue_arn: Option<&str>, rule_arn: &str) -> Admission {
    let account = rule_arn.split(':').nth(4).unwrap_or_default();
    let asking = Asking { queue_arn, rule_arn, account };
    let (mut allowed, mut denied) = (Some(false), Some(false));
    for statement in read(policy) {
        let speaks = asking.is_meant_by(&statement);
        let sum = if statement["Effect"] == "Deny" { &mut denied } else { &mut allowed };
        *sum = or(*sum, speaks);
    }
    match (allowed, denied) {
        (_, Some(true)) => Admission::KeptOut,
        (Some(false), _) => Admission::NotLetIn,
        (Some(true), Some(false)) => Admission::In,
        (Some(true), None) | (None, _) => Admission::Unclear,
    }
}

/// `None` is what nobody knows.
fn or(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    if one == Some(true) || other == Some(true) { Some(true) } else { one.and(other) }
}

fn and(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    if one == Some(false) || other == Some(false) { Some(false) } else { one.and(other) }
}

impl Asking<'_> {
    fn is_meant_by(self, statement: &Value) -> Option<bool> {
        let parts = [
            is_for_eventbridge(&statement["Principal"]),
            one_fits(&statement["Action"], |action| {
                is_like(&action.to_ascii_lowercase(), "sqs:sendmessage")
            }),
            one_fits(&statement["Resource"], |resource| {
                self.queue_arn.is_none_or(|arn| is_like(resource, arn))
            }),
        ];
        let met = parts.into_iter().fold(Some(true), and);
        let operators = statement["Condition"].as_object().into_iter().flatten();
        let keys = operators.flat_map(|(operator, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, values)| self.meets(operator, key, values))
        });
        keys.fold(met, and)
    }

    /// Whether one condition holds (IAM user guide, "Condition operators").
    fn meets(self, operator: &str, key: &str, values: &Value) -> Option<bool> {
        let found = match key.to_ascii_lowercase().as_str() {
            "aws:sourcearn" => self.rule_arn,
            "aws:sourceaccount" => self.account,
            // EventBridge sends by TLS alone.
            "aws:securetransport" => "true",
            _ => return None,
        };
        // What is asked for is there.
        let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
        let any = |fits: fn(&str, &str) -> bool| {
            let mut all = listed(values).into_iter();
            all.any(|value| fits(&value, found))
        };
        let is_same = |value: &str, found: &str| value == found;
        match operator {
            "StringEquals" | "Bool" => Some(any(is_same)),
            "StringNotEquals" => Some(!any(is_same)),
            "StringEqualsIgnoreCase" => Some(any(str::eq_ignore_ascii_case)),
            "StringNotEqualsIgnoreCase" => Some(!any(str::eq_ignore_ascii_case)),
            "ArnEquals" | "ArnLike" | "StringLike" => Some(any(is_like)),
            "ArnNotEquals" | "ArnNotLike" | "StringNotLike" => Some(!any(is_like)),
            _ => None,
        }
    }
}

/// What is not there says it the other way round (`NotAction`), and is not judged.
fn one_fits(value: &Value, fits: impl Fn(&str) -> bool) -> Option<bool> {
    (!value.is_null()).then(|| texts(value).any(fits))
}

fn is_for_eventbridge(principal: &Value) -> Option<bool> {
    if principal == "*" || texts(&principal["Service"]).any(|one| one == "events.amazonaws.com") {
        return Some(true);
    }
    // Whether every principal of every account includes a service, AWS's pages say in two ways.
    let is_everybody = texts(&principal["AWS"]).any(|one| one == "*");
    if is_everybody || principal.is_null() { None } else { Some(false) }
}

/// One value or several, each as its text.
fn listed(values: &Value) -> Vec<String> {
    let one = [values.clone()];
    let all = values.as_array().map_or(&one[..], Vec::as_slice);
    all.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect()
}

/// Whether a text fits a pattern with `*` for any characters and `?` for one.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut of, mut star) = (0, 0, None);
    while let Some(sign) = text.get(at) {
        match pattern.get(of) {
            Some('*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(one) if *one == '?' || one == sign => {
                (at, of) = (at + 1, of + 1);
            }
            _ => {
                // The last `*` takes one more.
                let Some((back, taken)) = star else { return false };
                star = Some((back, taken + 1));
                (at, of) = (taken + 1, back + 1);
            }
        }
    }
    pattern.iter().skip(of).all(|sign| *sign == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const QUEUE: &str = "arn:aws:sqs:r:1:q";
    const RULE: &str = "arn:aws:events:r:1:rule/aws.partner/auth0.com/a-1/auth0.events/twinstream";

    fn of(statements: &[Value]) -> Admission {
        admission(Some(&json!({"Statement": statements}).to_string()), Some(QUEUE), RULE)
    }

    fn statement(change: &[(&str, Value)]) -> Value {
        let mut statement = json!({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": QUEUE});
        for (key, value) in change {
            match value {
                Value::Null => drop(statement.as_object_mut().unwrap().remove(*key)),
                value => statement[*key] = value.clone(),
            }
        }
        statement
    }

    /// A statement that allows, with one part changed.
    #[track_caller]
    fn check(key: &str, value: Value, expected: Admission) {
        assert_eq!(of(&[statement(&[(key, value)])]), expected);
    }

    #[test]
    fn a_statement_lets_in_whom_it_means() {
        use Admission::{In, NotLetIn, Unclear};
        assert_eq!(admission(None, Some(QUEUE), RULE), NotLetIn);
        assert_eq!(admission(Some("no JSON"), Some(QUEUE), RULE), NotLetIn);
        check("Principal", json!({"Service": ["x", "events.amazonaws.com"]}), In);
        check("Principal", json!("*"), In);
        check("Principal", json!({"AWS": "*"}), Unclear);
        check("Principal", json!({"AWS": "123456789012"}), NotLetIn);
        check("Principal", json!(null), Unclear);
        for action in ["SQS:SendMessage", "sqs:*", "*", "sqs:SendM*", "sqs:SendMessag?"] {
            check("Action", json!([action]), In);
        }
        check("Action", json!("sqs:ReceiveMessage"), NotLetIn);
        check("Action", json!(null), Unclear);
        check("Resource", json!("*"), In);
        check("Resource", json!("arn:aws:sqs:r:1:*"), In);
        check("Resource", json!("arn:aws:sqs:r:1:another"), NotLetIn);
    }

    #[test]
    fn conditions_are_judged_where_they_can_be() {
        use Admission::{In, NotLetIn, Unclear};
        let check = |operator: &str, key: &str, value: Value, expected: Admission| {
            check("Condition", json!({operator: {key: value}}), expected);
        };
        check("ArnEquals", "aws:SourceArn", json!(RULE), In);
        check("ArnEquals", "AWS:SourceArn", json!(["x", RULE]), In);
        check("ArnLike", "aws:SourceArn", json!("arn:aws:events:*:1:rule/*"), In);
        check("ArnLikeIfExists", "aws:SourceArn", json!("arn:aws:events:*:1:rule/*"), In);
        check("ArnEquals", "aws:SourceArn", json!("arn:aws:events:r:1:rule/x"), NotLetIn);
        check("ArnLike", "aws:SourceArn", json!("arn:*:rule/*/other"), NotLetIn);
        check("StringEquals", "aws:SourceAccount", json!("1"), In);
        check("StringEqualsIgnoreCase", "aws:SourceAccount", json!("1"), In);
        check("StringEquals", "aws:SourceAccount", json!("2"), NotLetIn);
        check("StringNotEquals", "aws:SourceAccount", json!("2"), In);
        check("Bool", "aws:SecureTransport", json!(true), In);
        check("StringEquals", "aws:PrincipalOrgID", json!("o-1"), Unclear);
        check("ForAnyValue:StringEquals", "aws:SourceArn", json!(RULE), Unclear);
    }

    #[test]
    fn a_denial_outweighs_what_is_allowed() {
        let denial = |condition: Value| {
            let everybody =
                [("Effect", json!("Deny")), ("Principal", json!("*")), ("Condition", condition)];
            of(&[statement(&[]), statement(&everybody)])
        };
        assert_eq!(denial(json!({})), Admission::KeptOut);
        let plain = json!({"Bool": {"aws:SecureTransport": "false"}});
        assert_eq!(denial(plain), Admission::In);
        let organisation = json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}});
        assert_eq!(denial(organisation), Admission::Unclear);
    }

    #[test]
    fn patterns_are_followed_to_their_end() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*b*c", "aXbYbc", true),
            ("a?c", "ac", false),
            ("a*c", "abcd", false),
            ("*/twinstream", RULE, true),
        ] {
            assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
