//! Reading what is there.

use std::collections::BTreeMap;

use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{EventSourceState, RuleState, Target};
use aws_sdk_sqs::types::QueueAttributeName;

use super::call::{Call, CallError, Trouble, present};
use super::found::{Found, FoundArchive, FoundQueue, FoundRule, FoundTarget, Place};
use super::source::{SourceName, SourceStanding, SourceState};
use super::survey::DEFAULT_BUS;
use super::{Names, TAG};
use crate::event::Timestamp;
use crate::telemetry::Chain;

/// At most so many pages of a list are read: 10,000 sources or rules are more than AWS allows an account.
const PAGES_MAX: usize = 100;

/// The two services of one region and account.
#[derive(Debug, Clone)]
pub struct Services {
    pub(super) events: aws_sdk_eventbridge::Client,
    pub(super) queues: aws_sdk_sqs::Client,
}

impl Services {
    /// By these clients, which repeat calls that fail for a moment by themselves.
    pub const fn new(events: aws_sdk_eventbridge::Client, queues: aws_sdk_sqs::Client) -> Self {
        Self { events, queues }
    }

    /// All partner event sources of Auth0.
    ///
    /// # Errors
    /// The call that failed.
    pub async fn sources(&self) -> Result<Vec<SourceStanding>, CallError> {
        let (mut sources, mut token) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let call = self.events.list_event_sources().name_prefix(SourceName::PREFIX);
            let page = call.set_next_token(token).send().await;
            let page =
                page.map_err(|error| Call::new("events:ListEventSources", "*").failed(error))?;
            sources.extend(page.event_sources.unwrap_or_default().into_iter().map(|one| {
                SourceStanding {
                    name: one.name.unwrap_or_default(),
                    state: state_of(one.state.as_ref(), one.expiration_time),
                    created: one.creation_time.and_then(time_of),
                }
            }));
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(sources)
    }

    /// How one source stands. What can't be found out is [`SourceState::Unknown`]: the bus may be made all
    /// the same.
    pub async fn source(&self, name: &SourceName) -> SourceStanding {
        let standing = |state, created| SourceStanding { name: name.to_string(), state, created };
        match self.events.describe_event_source().name(name.as_str()).send().await {
            Ok(one) => standing(
                state_of(one.state.as_ref(), one.expiration_time),
                one.creation_time.and_then(time_of),
            ),
            Err(error) => {
                let error = Call::new("events:DescribeEventSource", name.as_str()).failed(error);
                let why = match error.trouble() {
                    Trouble::NotFound(_) => {
                        "EventBridge has none of this name in this account and region".to_owned()
                    }
                    _ => Chain(&error).to_string(),
                };
                standing(SourceState::Unknown(why), None)
            }
        }
    }

    /// All that matters of what is there.
    ///
    /// # Errors
    /// The call that failed. What is not there is no error.
    pub async fn find(&self, source: &SourceName, names: &Names) -> Result<Found, CallError> {
        let place = self.place().await?;
        let bus = self.bus(source, &place).await?;
        let queue_arn = place.queue(&names.queue);
        let (mut rule, mut targets) = (None, Vec::new());
        let (mut rules, mut senders) = (Vec::new(), Vec::new());
        if bus {
            rules = self.rules(source.as_str(), &place).await?;
            senders = self.senders(source.as_str(), &queue_arn).await?;
        }
        if rules.contains(&names.rule) {
            rule = self.rule(source.as_str(), &names.rule, &place).await?;
            targets = self.targets(source.as_str(), &names.rule, &place).await?;
        }
        Ok(Found {
            elsewhere: self.senders_elsewhere(source, &queue_arn).await?,
            source: self.source(source).await,
            bus,
            rule,
            targets,
            rules,
            senders,
            archive: self.archive(&names.archive).await?,
            queue: self.queue(&names.queue, &place).await?,
            dead_letters: self.queue(&names.dead_letters, &place).await?,
            undelivered: self.queue(&names.undelivered, &place).await?,
            place,
        })
    }

    /// The names with the dead-letter queue that the queue has already, in the place of ours.
    ///
    /// # Errors
    /// The call that failed.
    pub async fn names_as_found(&self, mut names: Names) -> Result<Names, CallError> {
        let place = self.place().await?;
        let queue = self.queue(&names.queue, &place).await?;
        let redrive = queue.as_ref().and_then(|queue| queue.attribute("RedrivePolicy"));
        let redrive: Option<serde_json::Value> =
            redrive.and_then(|text| serde_json::from_str(text).ok());
        let held = redrive.as_ref().and_then(|policy| policy["deadLetterTargetArn"].as_str());
        let name =
            held.and_then(|arn| arn.rsplit(':').next().filter(|name| place.queue(name) == arn));
        if let Some(name) = name {
            names.dead_letters = name.to_owned();
        }
        Ok(names)
    }

    /// Rules that send to the queue from the default bus, or from that of another source.
    async fn senders_elsewhere(
        &self,
        source: &SourceName,
        queue_arn: &str,
    ) -> Result<Vec<String>, CallError> {
        let mut buses = self.auth0_buses().await?;
        buses.push(DEFAULT_BUS.to_owned());
        buses.retain(|bus| bus != source.as_str());
        let mut elsewhere = Vec::new();
        for bus in buses {
            let rules = self.senders(&bus, queue_arn).await?;
            elsewhere.extend(rules.iter().map(|rule| format!("the rule {rule} on the bus {bus}")));
        }
        Ok(elsewhere)
    }

    /// Which account and region this is: every one has a default bus, and its ARN tells.
    pub(super) async fn place(&self) -> Result<Place, CallError> {
        let call = || Call::new("events:DescribeEventBus", "event-bus/default");
        let bus = self.events.describe_event_bus().send().await;
        let bus = bus.map_err(|error| call().failed(error))?;
        let place = bus.arn().and_then(Place::of_arn);
        place.ok_or_else(|| call().answered_oddly("the default bus has no ARN"))
    }

    async fn bus(&self, source: &SourceName, place: &Place) -> Result<bool, CallError> {
        let found = self.events.describe_event_bus().name(source.as_str()).send().await;
        let found = found.map_err(|error| {
            Call::new("events:DescribeEventBus", place.bus(source.as_str())).failed(error)
        });
        Ok(present(found)?.is_some())
    }

    pub(super) async fn rules(&self, bus: &str, place: &Place) -> Result<Vec<String>, CallError> {
        let (mut rules, mut token) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let call = self.events.list_rules().event_bus_name(bus);
            let page = call.set_next_token(token).send().await.map_err(|error| {
                Call::new("events:ListRules", place.rule(bus, "*")).failed(error)
            })?;
            rules.extend(page.rules.unwrap_or_default().into_iter().filter_map(|rule| rule.name));
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(rules)
    }

    pub(super) async fn senders(
        &self,
        bus: &str,
        queue_arn: &str,
    ) -> Result<Vec<String>, CallError> {
        let call = self.events.list_rule_names_by_target().event_bus_name(bus);
        let found = call
            .target_arn(queue_arn)
            .send()
            .await
            .map_err(|error| Call::new("events:ListRuleNamesByTarget", bus).failed(error));
        Ok(present(found)?.and_then(|found| found.rule_names).unwrap_or_default())
    }

    pub(super) async fn rule(
        &self,
        bus: &str,
        name: &str,
        place: &Place,
    ) -> Result<Option<FoundRule>, CallError> {
        let call = self.events.describe_rule().name(name).event_bus_name(bus);
        let found = call
            .send()
            .await
            .map_err(|error| Call::new("events:DescribeRule", place.rule(bus, name)).failed(error));
        let found = present(found)?;
        Ok(found.map(|rule| FoundRule {
            is_enabled: !matches!(rule.state(), Some(RuleState::Disabled)),
            pattern: rule.event_pattern,
        }))
    }

    pub(super) async fn targets(
        &self,
        bus: &str,
        rule: &str,
        place: &Place,
    ) -> Result<Vec<FoundTarget>, CallError> {
        // A rule has at most 5 targets: one page (user guide, "Amazon EventBridge quotas").
        let call = self.events.list_targets_by_rule().rule(rule).event_bus_name(bus);
        let found = call.send().await.map_err(|error| {
            Call::new("events:ListTargetsByRule", place.rule(bus, rule)).failed(error)
        });
        let targets = present(found)?.and_then(|found| found.targets).unwrap_or_default();
        Ok(targets.into_iter().map(target_of).collect())
    }

    async fn archive(&self, name: &str) -> Result<Option<FoundArchive>, CallError> {
        let found = self.events.describe_archive().archive_name(name).send().await;
        let found = found.map_err(|error| {
            Call::new("events:DescribeArchive", format!("archive/{name}")).failed(error)
        });
        Ok(present(found)?.map(|archive| FoundArchive {
            bus_arn: archive.event_source_arn.unwrap_or_default(),
            days: archive.retention_days.and_then(|days| u32::try_from(days).ok()).unwrap_or(0),
        }))
    }

    pub(super) async fn queue(
        &self,
        name: &str,
        place: &Place,
    ) -> Result<Option<FoundQueue>, CallError> {
        let arn = || place.queue(name);
        let Some(url) = self.queue_url(&arn()).await? else { return Ok(None) };
        let call = self.queues.get_queue_attributes().queue_url(&url);
        let found = call.attribute_names(QueueAttributeName::All).send().await;
        let found = found.map_err(|error| Call::new("sqs:GetQueueAttributes", arn()).failed(error));
        let Some(found) = present(found)? else { return Ok(None) };
        let attributes = found.attributes.unwrap_or_default();
        let attributes: BTreeMap<String, String> =
            attributes.into_iter().map(|(name, text)| (name.as_str().to_owned(), text)).collect();
        let tags = self.queues.list_queue_tags().queue_url(&url).send().await;
        let tags = tags.map_err(|error| Call::new("sqs:ListQueueTags", arn()).failed(error));
        let tags = present(tags)?.and_then(|found| found.tags).unwrap_or_default();
        let is_ours = tags.get(TAG.0).is_some_and(|value| value == TAG.1);
        Ok(Some(FoundQueue { url, attributes, is_ours }))
    }

    /// The URL of the queue with this ARN, where it is there; another account's may be, too.
    pub(super) async fn queue_url(&self, arn: &str) -> Result<Option<String>, CallError> {
        let mut parts = arn.rsplit(':');
        let (name, owner) = (parts.next().unwrap_or(arn), parts.next());
        let call = self.queues.get_queue_url().queue_name(name);
        let found = call.set_queue_owner_aws_account_id(owner.map(str::to_owned)).send().await;
        let found = found.map_err(|error| Call::new("sqs:GetQueueUrl", arn).failed(error));
        Ok(present(found)?.and_then(|found| found.queue_url))
    }
}

fn state_of(state: Option<&EventSourceState>, expires: Option<DateTime>) -> SourceState {
    match state {
        Some(EventSourceState::Active) => SourceState::Active,
        Some(EventSourceState::Pending) => {
            SourceState::Pending { expires: expires.and_then(time_of) }
        }
        Some(EventSourceState::Deleted) => SourceState::Deleted,
        Some(other) => SourceState::Unknown(format!("EventBridge calls it {other}")),
        None => SourceState::Unknown("EventBridge does not say".into()),
    }
}

fn time_of(time: DateTime) -> Option<Timestamp> {
    time.to_millis().ok().map(Timestamp::from_millis)
}

fn target_of(target: Target) -> FoundTarget {
    let is_plain =
        target.input.is_none() && target.input_path.is_none() && target.input_transformer.is_none();
    let retry = target
        .retry_policy
        .unwrap_or_else(|| aws_sdk_eventbridge::types::RetryPolicy::builder().build());
    FoundTarget {
        id: target.id,
        arn: target.arn,
        dead_letter_arn: target.dead_letter_config.and_then(|config| config.arn),
        retries: retry.maximum_retry_attempts,
        retry_age: retry.maximum_event_age_in_seconds,
        is_plain,
    }
}
