//! Who carries an event away: an HTTP client, an AWS SDK, or the stand-in itself.

mod bus;
mod queue;
mod refused;
#[cfg(test)]
pub mod scripted;
mod webhook;

use std::sync::Arc;

pub use bus::BusCarrier;
pub use queue::QueueCarrier;
pub use webhook::{Authorization, AuthorizationError, WebhookCarrier, WebhookError};

use crate::event::Timestamp;
use crate::sim::aws;

/// What is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The CloudEvent's type; what `detail-type` is made of.
    pub kind: &'static str,
    /// The CloudEvent.
    pub json: Arc<str>,
}

/// What came of carrying an event once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A webhook was answered with this status.
    Status(u16),
    /// AWS has it.
    Taken,
    /// AWS could not, this time: its error code.
    Busy(Arc<str>),
    /// AWS would not, ever: its error code.
    Refused(Arc<str>),
    /// It was not sent: no connection, no credentials, an outage.
    NotSent(Arc<str>),
    /// It may have been sent, and no answer came: whether it arrived is unknown.
    Unanswered(Arc<str>),
}

/// Why the other end can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Unreachable {
    /// What is not there.
    pub what: String,
    /// Why.
    pub why: String,
}

/// Carries events. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Carrier {
    /// To a webhook door.
    Webhook(WebhookCarrier),
    /// To an event bus, as `PutEvents` does.
    Bus(BusCarrier),
    /// To a queue, in the envelope that EventBridge would have made.
    Queue(QueueCarrier),
    /// To a partner's event bus of the stand-in for AWS, whose own clock is in the envelope.
    Partner {
        /// The stand-in.
        aws: aws::Handle,
        /// The bus, which is the event source too.
        bus: Arc<str>,
    },
    /// As a test says.
    #[cfg(test)]
    Scripted(scripted::Scripted),
}

impl Carrier {
    /// How many events go at once, at most. EventBridge and SQS: 10 (API references, `PutEvents` and
    /// `SendMessageBatch`).
    pub const fn batch_max(&self) -> usize {
        match self {
            Self::Webhook(_) | Self::Partner { .. } => 1,
            Self::Bus(_) | Self::Queue(_) => 10,
            #[cfg(test)]
            Self::Scripted(scripted) => scripted.batch_max,
        }
    }

    /// Whether the other end is there; asks without sending an event.
    ///
    /// # Errors
    /// When it is not. A right to ask that is missing is no error.
    pub async fn reach(&self) -> Result<(), Unreachable> {
        match self {
            Self::Webhook(webhook) => webhook.reach().await,
            Self::Bus(bus) => bus.reach().await,
            Self::Queue(queue) => queue.reach().await,
            Self::Partner { .. } => Ok(()),
            #[cfg(test)]
            Self::Scripted(_) => Ok(()),
        }
    }

    /// Carries these events, [`Carrier::batch_max`] at most, once. EventBridge's clock shows `now`.
    /// Gives an answer to each, in order.
    pub(super) async fn carry(&self, letters: &[Letter], now: Timestamp) -> Vec<Answer> {
        match self {
            Self::Webhook(webhook) => {
                let mut answers = Vec::with_capacity(letters.len());
                for letter in letters {
                    answers.push(webhook.post(letter).await);
                }
                answers
            }
            Self::Bus(bus) => bus.put(letters, now).await,
            Self::Queue(queue) => queue.send(letters, now).await,
            Self::Partner { aws, bus } => {
                let put = |letter: &Letter| aws.put_partner_event(bus, letter.kind, &letter.json);
                let answer = |letter| match put(letter) {
                    Ok(_) => Answer::Taken,
                    Err(refusal) => Answer::Refused(refusal.to_string().into()),
                };
                letters.iter().map(answer).collect()
            }
            #[cfg(test)]
            Self::Scripted(scripted) => scripted.carry(letters).await,
        }
    }
}
