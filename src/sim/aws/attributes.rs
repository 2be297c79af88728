//! A queue's attributes: from the protocol's texts to values, and back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::message::BYTES_MAX;
use super::policy::Policy;
use super::queue::VISIBILITY_MAX;
use super::refusal::{Code, Refusal};

/// Attribute texts by name.
pub(super) type Texts = BTreeMap<String, String>;

/// How a queue behaves. Source of ranges and defaults: API reference, `SetQueueAttributes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueueSettings {
    /// Up to 12 h; 30 s by default.
    pub(super) visibility: Duration,
    /// Up to 15 min; 0 by default.
    pub(super) delay: Duration,
    /// The long poll of a receive that names none: up to 20 s; 0 by default.
    pub(super) wait: Duration,
    /// From 1 min to 14 days; 4 days by default.
    pub(super) retention: Duration,
    /// From 1 KiB to 1 MiB; 1 MiB by default.
    pub(super) message_bytes_max: usize,
    pub(super) redrive: Option<Redrive>,
    /// Which rules may send to it.
    pub(super) policy: Policy,
    pub(super) is_fifo: bool,
    /// FIFO: the body's digest serves as the deduplication id where a message has none.
    pub(super) deduplicates_by_content: bool,
    /// Attributes that are kept and shown, and have no effect here.
    others: Texts,
}

/// When a message counts as failed, and where it goes then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redrive {
    pub(super) receives_max: u32,
    pub(super) target_arn: Arc<str>,
    text: String,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            visibility: Duration::from_secs(30),
            delay: Duration::ZERO,
            wait: Duration::ZERO,
            retention: Duration::from_hours(4 * 24),
            message_bytes_max: BYTES_MAX,
            redrive: None,
            policy: Policy::default(),
            is_fifo: false,
            deduplicates_by_content: false,
            others: Texts::new(),
        }
    }
}

/// The attributes that are kept without effect.
const WITHOUT_EFFECT: [&str; 7] = [
    "DeduplicationScope",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "Tags",
];

impl QueueSettings {
    /// These settings changed by these texts. `FifoQueue` is not changed: see
    /// [`QueueSettings::for_new`].
    pub(super) fn changed(&self, texts: &Texts) -> Result<Self, Refusal> {
        const DAY: u64 = 24 * 60 * 60;
        let mut new = self.clone();
        for (name, text) in texts {
            match name.as_str() {
                "VisibilityTimeout" => {
                    new.visibility = seconds(name, text, 0, VISIBILITY_MAX.as_secs())?;
                }
                "DelaySeconds" => new.delay = seconds(name, text, 0, 900)?,
                "ReceiveMessageWaitTimeSeconds" => new.wait = seconds(name, text, 0, 20)?,
                "MessageRetentionPeriod" => new.retention = seconds(name, text, 60, 14 * DAY)?,
                "MaximumMessageSize" => {
                    let most = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX);
                    let bytes = number(name, text, 1_024, most)?;
                    new.message_bytes_max = usize::try_from(bytes).unwrap_or(BYTES_MAX);
                }
                "RedrivePolicy" if text.is_empty() => new.redrive = None,
                "RedrivePolicy" => new.redrive = Some(Redrive::parse(text)?),
                "Policy" => {
                    new.policy = Policy::parse(text)?;
                    // An empty policy takes the policy away.
                    new.others.retain(|other, _| other != "Policy");
                    if !text.is_empty() {
                        new.others.insert(name.clone(), text.clone());
                    }
                }
                "FifoQueue" => {
                    if flag(name, text)? != self.is_fifo {
                        return Err(Refusal::new(
                            Code::InvalidAttributeName,
                            "You can specify the FifoQueue attribute only at creation.",
                        ));
                    }
                }
                "ContentBasedDeduplication" if self.is_fifo => {
                    new.deduplicates_by_content = flag(name, text)?;
                }
                known if WITHOUT_EFFECT.contains(&known) => {
                    new.others.insert(name.clone(), text.clone());
                }
                _ => return Err(unknown(name)),
            }
        }
        Ok(new)
    }

    /// The settings of a new queue. A FIFO queue's name ends in `.fifo`, and no other's does.
    pub(super) fn for_new(queue: &str, texts: &Texts) -> Result<Self, Refusal> {
        let is_fifo = texts.get("FifoQueue").is_some_and(|text| text == "true");
        if queue.strip_suffix(".fifo").is_some() != is_fifo {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or \
                 underscores, must end with .fifo suffix and be 1 to 80 in length.",
            ));
        }
        Self { is_fifo, ..Self::default() }.changed(texts)
    }

    /// As texts, without the attributes that are not settings.
    pub(super) fn texts(&self) -> Texts {
        let mut texts = self.others.clone();
        let mut set = |name: &str, text: String| drop(texts.insert(name.to_owned(), text));
        set("VisibilityTimeout", self.visibility.as_secs().to_string());
        set("DelaySeconds", self.delay.as_secs().to_string());
        set("ReceiveMessageWaitTimeSeconds", self.wait.as_secs().to_string());
        set("MessageRetentionPeriod", self.retention.as_secs().to_string());
        set("MaximumMessageSize", self.message_bytes_max.to_string());
        if let Some(redrive) = &self.redrive {
            set("RedrivePolicy", redrive.text.clone());
        }
        if self.is_fifo {
            // A standard queue does not have these two at all.
            set("FifoQueue", true.to_string());
            set("ContentBasedDeduplication", self.deduplicates_by_content.to_string());
        }
        texts
    }
}

impl Redrive {
    /// `maxReceiveCount` is from 1 to 1,000, and comes as number or text.
    fn parse(text: &str) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Count {
            Number(u32),
            Text(String),
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Policy {
            dead_letter_target_arn: String,
            max_receive_count: Count,
        }
        let policy: Policy = serde_json::from_str(text).map_err(|_| bad("RedrivePolicy", text))?;
        let count = match policy.max_receive_count {
            Count::Number(number) => Some(number),
            Count::Text(digits) => digits.parse().ok(),
        };
        let receives_max =
            count.filter(|n| (1..=1_000).contains(n)).ok_or_else(|| bad("RedrivePolicy", text))?;
        Ok(Self {
            receives_max,
            target_arn: policy.dead_letter_target_arn.into(),
            text: text.to_owned(),
        })
    }
}

fn number(name: &str, text: &str, least: u64, most: u64) -> Result<u64, Refusal> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| bad(name, text))
}

fn seconds(name: &str, text: &str, least: u64, most: u64) -> Result<Duration, Refusal> {
    number(name, text, least, most).map(Duration::from_secs)
}

fn flag(name: &str, text: &str) -> Result<bool, Refusal> {
    text.parse().map_err(|_| bad(name, text))
}

fn bad(name: &str, text: &str) -> Refusal {
    Refusal::new(
        Code::InvalidAttributeValue,
        format_args!("Invalid value {text} for the parameter {name}."),
    )
}

pub(super) fn unknown(name: &str) -> Refusal {
    Refusal::new(Code::InvalidAttributeName, format_args!("Unknown Attribute {name}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(queue: &str, attribute: (&str, &str), expected: Result<(), Code>) {
        let texts = Texts::from([(attribute.0.to_owned(), attribute.1.to_owned())]);
        let result = QueueSettings::for_new(queue, &texts);
        if let Ok(settings) = &result {
            assert_eq!(settings.texts().get(attribute.0).map(String::as_str), Some(attribute.1));
        }
        assert_eq!(result.map(drop).map_err(|refusal| refusal.code()), expected);
    }

    #[test]
    fn attributes_have_ranges() {
        check("q", ("VisibilityTimeout", "43200"), Ok(()));
        check("q", ("VisibilityTimeout", "43201"), Err(Code::InvalidAttributeValue));
        check("q", ("VisibilityTimeout", "-1"), Err(Code::InvalidAttributeValue));
        check("q", ("ReceiveMessageWaitTimeSeconds", "21"), Err(Code::InvalidAttributeValue));
        check("q", ("MessageRetentionPeriod", "59"), Err(Code::InvalidAttributeValue));
        check("q", ("Policy", r#"{"Statement":[]}"#), Ok(()));
        check("q", ("Policy", "{}"), Err(Code::InvalidAttributeValue));
        check("q", ("Colour", "red"), Err(Code::InvalidAttributeName));
    }

    #[test]
    fn redrive_policies_take_numbers_and_texts() {
        let policy = |count: &str| {
            format!(r#"{{"deadLetterTargetArn":"arn:aws:sqs:r:1:d","maxReceiveCount":{count}}}"#)
        };
        check("q", ("RedrivePolicy", &policy("3")), Ok(()));
        check("q", ("RedrivePolicy", &policy(r#""3""#)), Ok(()));
        check("q", ("RedrivePolicy", &policy("0")), Err(Code::InvalidAttributeValue));
        check("q", ("RedrivePolicy", "{}"), Err(Code::InvalidAttributeValue));
    }

    #[test]
    fn fifo_queues_are_named_so() {
        check("q.fifo", ("FifoQueue", "true"), Ok(()));
        check("q", ("FifoQueue", "true"), Err(Code::InvalidParameterValue));
        check("q.fifo", ("DelaySeconds", "0"), Err(Code::InvalidParameterValue));
        check("q", ("ContentBasedDeduplication", "true"), Err(Code::InvalidAttributeName));
    }
}
