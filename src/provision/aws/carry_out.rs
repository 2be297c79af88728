//! Carrying a plan out, call by call.

use std::collections::HashMap;

use aws_sdk_eventbridge::types::{DeadLetterConfig, RetryPolicy, Target};
use aws_sdk_sqs::types::QueueAttributeName;

use super::call::{Call, CallError, present};
use super::find::Services;
use super::found::Place;
use super::queue::Attributes;
use super::{TAG, TARGET_RETRIES, TARGET_RETRY_AGE};

/// What a rule says of itself.
const RULE_DESCRIPTION: &str = "Auth0's events to the queue that twinstream takes from";

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Makes the bus of a partner event source, which associates the two.
    CreateBus {
        /// Its name, and the source's.
        name: String,
    },
    /// Makes an archive of all events of a bus.
    CreateArchive {
        /// Its name.
        name: String,
        /// The bus.
        bus_arn: String,
        /// For how many days it keeps; 0 for ever.
        days: u32,
    },
    /// Changes for how long an archive keeps.
    UpdateArchive {
        /// Its name.
        name: String,
        /// For how many days it keeps; 0 for ever.
        days: u32,
    },
    /// Makes a queue, with our tag.
    CreateQueue {
        /// Its name.
        name: String,
        /// Its attributes.
        attributes: Attributes,
    },
    /// Changes some attributes of a queue.
    ChangeQueue {
        /// Its name.
        name: String,
        /// The attributes that change.
        attributes: Attributes,
    },
    /// Makes a rule, or changes it, and switches it on.
    PutRule {
        /// The bus.
        bus: String,
        /// Its name.
        name: String,
        /// Its pattern's JSON.
        pattern: String,
    },
    /// Makes a rule's target, or replaces it.
    PutTarget {
        /// The bus.
        bus: String,
        /// The rule.
        rule: String,
        /// The target.
        target: NewTarget,
    },
    /// Takes targets off a rule.
    RemoveTargets {
        /// The bus.
        bus: String,
        /// The rule.
        rule: String,
        /// The targets' ids.
        ids: Vec<String>,
    },
    /// Deletes a rule without targets.
    DeleteRule {
        /// The bus.
        bus: String,
        /// Its name.
        name: String,
    },
    /// Deletes an archive with its events.
    DeleteArchive {
        /// Its name.
        name: String,
    },
    /// Deletes a bus without rules, and so ends the association with its source.
    DeleteBus {
        /// Its name.
        name: String,
    },
    /// Deletes a queue.
    DeleteQueue {
        /// Its name.
        name: String,
        /// Whatever it holds by then.
        even_with_messages: bool,
    },
}

/// A rule's target: a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTarget {
    /// Its id within the rule.
    pub id: String,
    /// The queue.
    pub arn: String,
    /// Where what the queue does not take goes.
    pub dead_letter_arn: String,
}

impl Services {
    /// Does one thing. What is to be deleted and is not there is no error.
    ///
    /// # Errors
    /// The call that failed.
    ///
    /// # Cancel safety
    /// Dropped, it may have been done or not; reading what is there tells.
    pub async fn carry_out(&self, action: &Action, place: &Place) -> Result<(), CallError> {
        match action {
            Action::CreateBus { name } => self.create_bus(name, place).await,
            Action::CreateArchive { name, bus_arn, days } => {
                self.create_archive(name, (bus_arn, *days)).await
            }
            Action::UpdateArchive { name, days } => self.update_archive(name, *days).await,
            Action::CreateQueue { name, attributes } => {
                self.create_queue(name, attributes, place).await
            }
            Action::ChangeQueue { name, attributes } => {
                self.change_queue(name, attributes, place).await
            }
            Action::PutRule { bus, name, pattern } => {
                self.put_rule((bus, name), pattern, place).await
            }
            Action::PutTarget { bus, rule, target } => {
                self.put_target((bus, rule), target, place).await
            }
            Action::RemoveTargets { bus, rule, ids } => {
                self.remove_targets((bus, rule), ids, place).await
            }
            Action::DeleteRule { bus, name } => self.delete_rule((bus, name), place).await,
            Action::DeleteArchive { name } => self.delete_archive(name).await,
            Action::DeleteBus { name } => self.delete_bus(name, place).await,
            Action::DeleteQueue { name, even_with_messages } => {
                self.delete_queue(name, *even_with_messages, place).await
            }
        }
    }

    async fn create_bus(&self, name: &str, place: &Place) -> Result<(), CallError> {
        let call = self.events.create_event_bus().name(name).event_source_name(name).send().await;
        call.map(drop)
            .map_err(|error| Call::new("events:CreateEventBus", place.bus(name)).failed(error))
    }

    async fn create_archive(
        &self,
        name: &str,
        (bus_arn, days): (&str, u32),
    ) -> Result<(), CallError> {
        let call = self.events.create_archive().archive_name(name).event_source_arn(bus_arn);
        let made = call.retention_days(days_of(days)).send().await;
        made.map(drop)
            .map_err(|error| Call::new("events:CreateArchive", archive(name)).failed(error))
    }

    async fn update_archive(&self, name: &str, days: u32) -> Result<(), CallError> {
        let call = self.events.update_archive().archive_name(name).retention_days(days_of(days));
        let made = call.send().await;
        made.map(drop)
            .map_err(|error| Call::new("events:UpdateArchive", archive(name)).failed(error))
    }

    async fn create_queue(
        &self,
        name: &str,
        attributes: &Attributes,
        place: &Place,
    ) -> Result<(), CallError> {
        let call = self.queues.create_queue().queue_name(name).tags(TAG.0, TAG.1);
        let made = call.set_attributes(Some(typed(attributes))).send().await;
        made.map(drop)
            .map_err(|error| Call::new("sqs:CreateQueue", place.queue(name)).failed(error))
    }

    async fn change_queue(
        &self,
        name: &str,
        attributes: &Attributes,
        place: &Place,
    ) -> Result<(), CallError> {
        let call = || Call::new("sqs:SetQueueAttributes", place.queue(name));
        let url = self.queue_url(&place.queue(name)).await?;
        let url = url.ok_or_else(|| call().answered_oddly("the queue is gone"))?;
        let change = self.queues.set_queue_attributes().queue_url(url);
        let made = change.set_attributes(Some(typed(attributes))).send().await;
        made.map(drop).map_err(|error| call().failed(error))
    }

    async fn put_rule(
        &self,
        (bus, name): (&str, &str),
        pattern: &str,
        place: &Place,
    ) -> Result<(), CallError> {
        let call = self.events.put_rule().name(name).event_bus_name(bus).event_pattern(pattern);
        let call = call.state(aws_sdk_eventbridge::types::RuleState::Enabled);
        let made = call.description(RULE_DESCRIPTION).send().await;
        made.map(drop)
            .map_err(|error| Call::new("events:PutRule", place.rule(bus, name)).failed(error))
    }

    async fn put_target(
        &self,
        (bus, rule): (&str, &str),
        target: &NewTarget,
        place: &Place,
    ) -> Result<(), CallError> {
        let call = || Call::new("events:PutTargets", place.rule(bus, rule));
        let retry = RetryPolicy::builder()
            .maximum_retry_attempts(i32::try_from(TARGET_RETRIES).unwrap_or(i32::MAX))
            .maximum_event_age_in_seconds(
                i32::try_from(TARGET_RETRY_AGE.as_secs()).unwrap_or(i32::MAX),
            );
        let target = Target::builder()
            .id(&target.id)
            .arn(&target.arn)
            .dead_letter_config(DeadLetterConfig::builder().arn(&target.dead_letter_arn).build())
            .retry_policy(retry.build())
            .build()
            .map_err(|error| call().answered_oddly(&error.to_string()))?;
        let put = self.events.put_targets().rule(rule).event_bus_name(bus).targets(target);
        let put = put.send().await.map_err(|error| call().failed(error))?;
        match put.failed_entries().first() {
            None => Ok(()),
            Some(entry) => {
                Err(call().answered_oddly(entry.error_message().unwrap_or("it was not taken")))
            }
        }
    }

    async fn remove_targets(
        &self,
        (bus, rule): (&str, &str),
        ids: &[String],
        place: &Place,
    ) -> Result<(), CallError> {
        let call = || Call::new("events:RemoveTargets", place.rule(bus, rule));
        let remove = self.events.remove_targets().rule(rule).event_bus_name(bus);
        let removed = remove.set_ids(Some(ids.to_vec())).send().await;
        let removed = present(removed.map_err(|error| call().failed(error)))?;
        match removed.as_ref().and_then(|removed| removed.failed_entries().first()) {
            None => Ok(()),
            Some(entry) => {
                Err(call().answered_oddly(entry.error_message().unwrap_or("it was not removed")))
            }
        }
    }

    async fn delete_rule(&self, (bus, name): (&str, &str), place: &Place) -> Result<(), CallError> {
        let deleted = self.events.delete_rule().name(name).event_bus_name(bus).send().await;
        present(
            deleted.map(drop).map_err(|error| {
                Call::new("events:DeleteRule", place.rule(bus, name)).failed(error)
            }),
        )
        .map(drop)
    }

    async fn delete_archive(&self, name: &str) -> Result<(), CallError> {
        let deleted = self.events.delete_archive().archive_name(name).send().await;
        present(
            deleted
                .map(drop)
                .map_err(|error| Call::new("events:DeleteArchive", archive(name)).failed(error)),
        )
        .map(drop)
    }

    async fn delete_bus(&self, name: &str, place: &Place) -> Result<(), CallError> {
        let deleted = self.events.delete_event_bus().name(name).send().await;
        present(
            deleted
                .map(drop)
                .map_err(|error| Call::new("events:DeleteEventBus", place.bus(name)).failed(error)),
        )
        .map(drop)
    }

    async fn delete_queue(
        &self,
        name: &str,
        even_with_messages: bool,
        place: &Place,
    ) -> Result<(), CallError> {
        let arn = place.queue(name);
        let Some(url) = self.queue_url(&arn).await? else { return Ok(()) };
        // Something may have come since it was looked into.
        let holds = self.queue(name, place).await?.map_or(0, |queue| queue.messages());
        if holds > 0 && !even_with_messages {
            let what = format!("it holds about {holds} messages by now, and stays");
            return Err(Call::new("sqs:DeleteQueue", arn).not_made(what));
        }
        let deleted = self.queues.delete_queue().queue_url(url).send().await;
        present(deleted.map(drop).map_err(|error| Call::new("sqs:DeleteQueue", arn).failed(error)))
            .map(drop)
    }
}

fn archive(name: &str) -> String {
    format!("archive/{name}")
}

fn days_of(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

fn typed(attributes: &Attributes) -> HashMap<QueueAttributeName, String> {
    let typed = attributes
        .iter()
        .map(|(name, text)| (QueueAttributeName::from(name.as_str()), text.clone()));
    typed.collect()
}
