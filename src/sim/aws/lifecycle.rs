//! Making, changing, emptying and deleting queues.

use std::sync::Arc;
use std::time::Duration;

use super::account::{Account, Held, Recent, end_all, no_such_queue};
use super::attributes::{QueueSettings, Texts};
use super::queue::Queue;
use super::refusal::{Code, Refusal};
use super::truth::Fate;
use crate::event::Timestamp;

/// SQS: no queue of a deleted one's name within 60 seconds (API reference, `DeleteQueue`).
const DELETED_FOR: Duration = Duration::from_mins(1);

impl Account {
    /// Makes a queue; the same once more is no error, as long as the attributes agree (API
    /// reference, `CreateQueue`).
    pub(super) fn create_queue(
        &mut self,
        name: &str,
        texts: &Texts,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        check_queue_name(name)?;
        let settings = QueueSettings::for_new(name, texts)?;
        if self.deleted.get(name).is_some_and(|at| now < at.plus(DELETED_FOR)) {
            return Err(Refusal::new(
                Code::QueueDeletedRecently,
                "You must wait 60 seconds after deleting a queue before you can create another \
                 with the same name.",
            ));
        }
        if let Some(held) = self.queues.get(name) {
            let present = held.settings.changed(texts);
            return if present.is_ok_and(|same| same == held.settings) {
                Ok(())
            } else {
                Err(Refusal::new(
                    Code::QueueNameExists,
                    "A queue already exists with the same name and a different value for an \
                     attribute.",
                ))
            };
        }
        self.check_redrive(&settings)?;
        if self.queues.len() >= self.limits.queues_max {
            return Err(Refusal::new(Code::OverLimit, "Too many queues."));
        }
        let name: Arc<str> = name.into();
        let held = Held {
            name: Arc::clone(&name),
            arn: self.names.queue_arn(&name).into(),
            number: self.next_queue,
            queue: Queue::new(settings.is_fifo),
            settings,
            created: now,
            modified: now,
            purged: None,
            wake: Arc::default(),
            recent: Recent::default(),
            tags: Texts::new(),
        };
        self.next_queue += 1;
        self.queues.insert(name, held);
        Ok(())
    }

    /// Deletes a queue with all that is in it.
    pub(super) fn delete_queue(&mut self, name: &str, now: Timestamp) -> Result<(), Refusal> {
        let mut held = self.queues.remove(name).ok_or_else(no_such_queue)?;
        self.deleted.retain(|_, at| now < at.plus(DELETED_FOR));
        self.deleted.insert(Arc::clone(&held.name), now);
        end_all(&mut self.truth, &held.name, held.queue.clear(), &Fate::Purged);
        held.wake.notify_waiters();
        Ok(())
    }

    /// Empties a queue; once in 60 seconds (API reference, `PurgeQueue`).
    pub(super) fn purge_queue(&mut self, name: &str, now: Timestamp) -> Result<(), Refusal> {
        let held = self.queues.get_mut(name).ok_or_else(no_such_queue)?;
        if held.purged.is_some_and(|at| now < at.plus(Duration::from_mins(1))) {
            return Err(Refusal::new(
                Code::PurgeQueueInProgress,
                "Only one PurgeQueue operation on a queue is allowed every 60 seconds.",
            ));
        }
        held.purged = Some(now);
        end_all(&mut self.truth, &held.name, held.queue.clear(), &Fate::Purged);
        Ok(())
    }

    /// Changes some of a queue's attributes.
    pub(super) fn set_attributes(
        &mut self,
        name: &str,
        texts: &Texts,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let settings = self.queue(name)?.settings.changed(texts)?;
        self.check_redrive(&settings)?;
        let held = self.queue(name)?;
        held.settings = settings;
        held.modified = now;
        Ok(())
    }

    /// A dead-letter queue exists, and is of the same kind (API reference, `SetQueueAttributes`).
    fn check_redrive(&self, settings: &QueueSettings) -> Result<(), Refusal> {
        let Some(redrive) = &settings.redrive else { return Ok(()) };
        let target = self.names.queue_of_arn(&redrive.target_arn);
        match target.and_then(|name| self.queues.get(name)) {
            Some(held) if held.settings.is_fifo == settings.is_fifo => Ok(()),
            Some(_) => Err(Refusal::new(
                Code::InvalidParameterValue,
                "Dead-letter queue must be same type of queue as the source.",
            )),
            None => Err(Refusal::new(
                Code::InvalidParameterValue,
                "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does \
                 not exist.",
            )),
        }
    }
}

/// SQS: 1 to 80 letters, digits, hyphens and underscores (API reference, `CreateQueue`).
fn check_queue_name(name: &str) -> Result<(), Refusal> {
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    let fits = (1..=80).contains(&name.len())
        && !stem.is_empty()
        && stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits {
        return Ok(());
    }
    Err(Refusal::new(
        Code::InvalidParameterValue,
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
    ))
}
