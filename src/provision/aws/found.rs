//! What is there.

use std::collections::BTreeMap;

use super::source::SourceStanding;
use super::survey::DEFAULT_BUS;

/// Where in AWS: what all ARNs begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// Such as `eu-west-1`.
    pub region: String,
    /// The account's number.
    pub account: String,
}

impl Place {
    /// Of a thing with this ARN: `arn:<partition>:<service>:<region>:<account>:…`.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.split(':');
        let (Some("arn"), Some(partition), Some(_), Some(region), Some(account)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let own = str::to_owned;
        Some(Self { partition: own(partition), region: own(region), account: own(account) })
    }

    /// A queue's ARN.
    pub fn queue(&self, name: &str) -> String {
        self.arn("sqs", name)
    }

    /// A bus's ARN.
    pub fn bus(&self, name: &str) -> String {
        self.arn("events", &format!("event-bus/{name}"))
    }

    /// The ARN of a rule. That of one on the default bus does not name its bus (Service Authorization Reference,
    /// "Amazon EventBridge").
    pub fn rule(&self, bus: &str, name: &str) -> String {
        match bus {
            DEFAULT_BUS => self.arn("events", &format!("rule/{name}")),
            bus => self.arn("events", &format!("rule/{bus}/{name}")),
        }
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// All that matters of what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub place: Place,
    /// The partner event source.
    pub source: SourceStanding,
    /// Whether the bus of the source's name is there.
    pub bus: bool,
    /// The rule of our name on it.
    pub rule: Option<FoundRule>,
    /// Where that rule sends to.
    pub targets: Vec<FoundTarget>,
    /// The names of all rules on the bus.
    pub rules: Vec<String>,
    /// The names of the rules on the bus that send to the queue.
    pub senders: Vec<String>,
    /// Rules on other buses that do: each with its bus, for people.
    pub elsewhere: Vec<String>,
    /// The archive of our name.
    pub archive: Option<FoundArchive>,
    /// The queue.
    pub queue: Option<FoundQueue>,
    /// Its dead-letter queue.
    pub dead_letters: Option<FoundQueue>,
    /// The dead-letter queue of the rule's target.
    pub undelivered: Option<FoundQueue>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRule {
    /// Its pattern's JSON.
    pub pattern: Option<String>,
    /// Whether it is switched on.
    pub is_enabled: bool,
}

/// A rule's target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTarget {
    /// Its id within the rule.
    pub id: String,
    /// What it is.
    pub arn: String,
    /// Where what it does not take goes.
    pub dead_letter_arn: Option<String>,
    /// How often it is tried.
    pub retries: Option<i32>,
    /// For how many seconds it is tried.
    pub retry_age: Option<i32>,
    /// Whether it gets events as they are, and not reshaped.
    pub is_plain: bool,
}

/// An archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundArchive {
    /// Of which bus.
    pub bus_arn: String,
    /// For how many days it keeps; 0 for ever.
    pub days: u32,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoundQueue {
    /// Its URL.
    pub url: String,
    /// All its attributes, as SQS tells them.
    pub attributes: BTreeMap<String, String>,
    /// Whether `setup aws` made it.
    pub is_ours: bool,
}

impl FoundQueue {
    /// An attribute's text.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// About how many messages it holds, in flight or not.
    pub fn messages(&self) -> u64 {
        const COUNTS: [&str; 3] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ];
        let count = |name: &&str| self.attribute(name).and_then(|text| text.parse::<u64>().ok());
        COUNTS.iter().filter_map(count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_tell_the_place_and_are_made_of_it() {
        let place = Place::of_arn("arn:aws-cn:events:cn-north-1:123:event-bus/default").unwrap();
        assert_eq!(place.queue("q"), "arn:aws-cn:sqs:cn-north-1:123:q");
        assert_eq!(place.bus("a/b"), "arn:aws-cn:events:cn-north-1:123:event-bus/a/b");
        assert_eq!(place.rule("a/b", "r"), "arn:aws-cn:events:cn-north-1:123:rule/a/b/r");
        assert_eq!(place.rule("default", "r"), "arn:aws-cn:events:cn-north-1:123:rule/r");
        assert_eq!(Place::of_arn("aws:events"), None);
    }
}
