//! What is there around a queue, whoever made it and whatever it is called.

use serde_json::Value;

use super::Services;
use super::call::{Call, CallError, present};
use super::found::{FoundQueue, FoundRule, FoundTarget};
use super::source::{SourceName, SourceStanding};

/// What is there around a queue. What could not be asked for says why.
#[derive(Debug)]
pub struct Survey {
    /// Auth0's partner event sources in this account and region.
    pub sources: Result<Vec<SourceStanding>, CallError>,
    /// The queue.
    pub queue: Result<Option<FoundQueue>, CallError>,
    /// Its dead-letter queue, where it has a redrive policy.
    pub dead_letters: Option<Result<Option<FoundQueue>, CallError>>,
    /// The rules that send to the queue, of Auth0's buses and of the default bus.
    pub senders: Result<Vec<Sender>, CallError>,
    /// All rules of Auth0's buses, by bus and name, whether they send to the queue or not.
    pub others: Vec<(String, String)>,
}

/// A rule that sends to the queue.
#[derive(Debug)]
pub struct Sender {
    /// Its bus.
    pub bus: String,
    /// Its name.
    pub name: String,
    /// Its ARN, as the queue's policy names it.
    pub arn: String,
    /// The rule.
    pub rule: FoundRule,
    /// The target that is the queue.
    pub target: FoundTarget,
    /// The dead-letter queue of that target, where it has one.
    pub undelivered: Option<Result<Option<FoundQueue>, CallError>>,
}

/// The default bus, where a rule for partner events takes none.
pub const DEFAULT_BUS: &str = "default";

impl Services {
    /// Looks around the queue with this URL.
    pub async fn survey(&self, queue_url: &str) -> Survey {
        let queue = self.queue_at(queue_url).await;
        let arn = queue.as_ref().ok().and_then(Option::as_ref);
        let arn = arn.and_then(|queue| queue.attribute("QueueArn")).map(str::to_owned);
        let redrive = queue.as_ref().ok().and_then(Option::as_ref);
        let redrive = redrive.and_then(|queue| queue.attribute("RedrivePolicy"));
        let letters_arn = redrive.and_then(|text| {
            let policy: Value = serde_json::from_str(text).ok()?;
            Some(policy["deadLetterTargetArn"].as_str()?.to_owned())
        });
        let dead_letters = match &letters_arn {
            Some(arn) => Some(self.queue_of(arn).await),
            None => None,
        };
        let (senders, others) = match self.senders_to(arn.as_deref()).await {
            Ok((senders, others)) => (Ok(senders), others),
            Err(error) => (Err(error), Vec::new()),
        };
        Survey { sources: self.sources().await, queue, dead_letters, senders, others }
    }

    /// The rules that send to a queue, and all there are on Auth0's buses.
    async fn senders_to(
        &self,
        queue_arn: Option<&str>,
    ) -> Result<(Vec<Sender>, Vec<(String, String)>), CallError> {
        let place = self.place().await?;
        let mut buses = self.auth0_buses().await?;
        buses.push(DEFAULT_BUS.to_owned());
        let (mut senders, mut others) = (Vec::new(), Vec::new());
        for bus in &buses {
            if bus != DEFAULT_BUS {
                let rules = self.rules(bus, &place).await?;
                others.extend(rules.into_iter().map(|rule| (bus.clone(), rule)));
            }
            let Some(queue_arn) = queue_arn else { continue };
            for name in self.senders(bus, queue_arn).await? {
                let Some(rule) = self.rule(bus, &name, &place).await? else { continue };
                let targets = self.targets(bus, &name, &place).await?;
                let Some(target) = targets.into_iter().find(|target| target.arn == queue_arn)
                else {
                    continue;
                };
                let undelivered = match &target.dead_letter_arn {
                    Some(arn) => Some(self.queue_of(arn).await),
                    None => None,
                };
                let arn = place.rule(bus, &name);
                senders.push(Sender { bus: bus.clone(), name, arn, rule, target, undelivered });
            }
        }
        Ok((senders, others))
    }

    pub(super) async fn auth0_buses(&self) -> Result<Vec<String>, CallError> {
        // An account has 100 buses: one page (user guide, "Amazon EventBridge quotas").
        let call = self.events.list_event_buses().name_prefix(SourceName::PREFIX).limit(100);
        let found = call.send().await;
        let found = found.map_err(|error| Call::new("events:ListEventBuses", "*").failed(error))?;
        let buses = found.event_buses.unwrap_or_default();
        Ok(buses.into_iter().filter_map(|bus| bus.name).collect())
    }

    /// The queue with this ARN, by its name.
    async fn queue_of(&self, arn: &str) -> Result<Option<FoundQueue>, CallError> {
        match self.queue_url(arn).await? {
            Some(url) => self.queue_at(&url).await,
            None => Ok(None),
        }
    }

    async fn queue_at(&self, url: &str) -> Result<Option<FoundQueue>, CallError> {
        let call = self.queues.get_queue_attributes().queue_url(url);
        let found = call.attribute_names(aws_sdk_sqs::types::QueueAttributeName::All).send().await;
        let found = found.map_err(|error| Call::new("sqs:GetQueueAttributes", url).failed(error));
        let Some(found) = present(found)? else { return Ok(None) };
        let attributes = found.attributes.unwrap_or_default().into_iter();
        let attributes = attributes.map(|(name, text)| (name.as_str().to_owned(), text)).collect();
        Ok(Some(FoundQueue { url: url.to_owned(), attributes, is_ours: false }))
    }
}
