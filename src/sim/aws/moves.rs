//! Message move tasks: dead letters on their way back.

use std::sync::Arc;
use std::time::Duration;

use super::account::{Account, no_such_queue};
use super::message::{Message, MessageId};
use super::refusal::{Code, Refusal};
use super::truth::{Fate, Origin};
use crate::event::Timestamp;

/// SQS: at most 500 messages a second (API reference, `StartMessageMoveTask`).
const RATE_MAX: u32 = 500;
/// Finished tasks are remembered, so many in all.
const TASKS_MAX: usize = 100;

/// The tasks, oldest first.
#[derive(Debug, Default)]
pub(super) struct Moves {
    tasks: Vec<Move>,
}

/// One task.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub(super) handle: String,
    pub(super) source_arn: Arc<str>,
    /// Where to; where each message came from when `None`.
    pub(super) destination_arn: Option<Arc<str>>,
    pub(super) rate: Option<u32>,
    pub(super) started: Timestamp,
    pub(super) total: u64,
    pub(super) moved: u64,
    pub(super) status: MoveStatus,
}

/// How a task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MoveStatus {
    Running,
    Completed,
    Cancelled,
    Failed(&'static str),
}

impl MoveStatus {
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
            Self::Failed(_) => "FAILED",
        }
    }
}

/// What `StartMessageMoveTask` asks for.
#[derive(Debug)]
pub(super) struct MoveOrder {
    pub(super) source_arn: String,
    pub(super) destination_arn: Option<String>,
    pub(super) rate: Option<u32>,
}

impl Account {
    /// Begins to move the messages of a dead-letter queue. Only queues that are another queue's
    /// dead-letter queue can be a source, and each has one running task at most (API reference,
    /// `StartMessageMoveTask`).
    pub(super) fn start_move(
        &mut self,
        order: MoveOrder,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let source = self.name_of(&order.source_arn)?;
        let destination = order.destination_arn.map(|arn| Ok((self.name_of(&arn)?, arn)));
        let destination = destination.transpose()?;
        if self.sources_of(&order.source_arn).next().is_none() {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                "Source queue must be configured as a Dead Letter Queue.",
            ));
        }
        let kind = |queue: &str| self.queues.get(queue).map(|held| held.settings.is_fifo);
        if destination.as_ref().is_some_and(|(name, _)| kind(name) != kind(&source)) {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                "Source and destination must be queues of the same type.",
            ));
        }
        if order.rate.is_some_and(|rate| !(1..=RATE_MAX).contains(&rate)) {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                "MaxNumberOfMessagesPerSecond must be from 1 to 500.",
            ));
        }
        let tasks = &mut self.moves.tasks;
        if tasks
            .iter()
            .any(|task| *task.source_arn == *order.source_arn && task.status == MoveStatus::Running)
        {
            return Err(Refusal::new(
                Code::UnsupportedOperation,
                "There is already a task running. Only one active task is allowed for a source \
                 queue arn at a given time.",
            ));
        }
        if tasks.len() >= TASKS_MAX {
            tasks.remove(0);
        }
        let handle = MessageId::new(self.dice.uuid()).to_string();
        self.advance(&source, now)?;
        let depth = self.queues.get(&source).map(|held| held.queue.depth()).unwrap_or_default();
        self.moves.tasks.push(Move {
            handle: handle.clone(),
            source_arn: order.source_arn.into(),
            destination_arn: destination.map(|(_, arn)| arn.into()),
            rate: order.rate,
            started: now,
            total: u64::try_from(depth.visible).unwrap_or(u64::MAX),
            moved: 0,
            status: MoveStatus::Running,
        });
        Ok(handle)
    }

    /// Stops a running task; what has been moved stays moved. Gives how many those are.
    pub(super) fn cancel_move(&mut self, handle: &str) -> Result<u64, Refusal> {
        let task = self
            .moves
            .tasks
            .iter_mut()
            .find(|task| task.handle == handle && task.status == MoveStatus::Running);
        let Some(task) = task else {
            return Err(Refusal::new(Code::ResourceNotFound, "Task does not exist."));
        };
        task.status = MoveStatus::Cancelled;
        Ok(task.moved)
    }

    /// The tasks of a source, the latest first.
    pub(super) fn moves_of(&self, source_arn: &str) -> impl Iterator<Item = &Move> {
        self.moves.tasks.iter().rev().filter(move |task| *task.source_arn == *source_arn)
    }

    /// The queues whose dead-letter queue this is.
    pub(super) fn sources_of(&self, arn: &str) -> impl Iterator<Item = &Arc<str>> {
        self.queues.iter().filter_map(move |(name, held)| {
            let redrive = held.settings.redrive.as_ref()?;
            (*redrive.target_arn == *arn).then_some(name)
        })
    }

    /// Moves what is due by now.
    pub(super) fn advance_moves(&mut self, now: Timestamp) {
        for index in 0..self.moves.tasks.len() {
            let Some(mut task) = self
                .moves
                .tasks
                .get(index)
                .filter(|task| task.status == MoveStatus::Running)
                .cloned()
            else {
                continue;
            };
            match self.move_due(&mut task, now) {
                Ok(true) => {}
                Ok(false) => task.status = MoveStatus::Completed,
                Err(reason) => task.status = MoveStatus::Failed(reason),
            }
            if let Some(slot) = self.moves.tasks.get_mut(index) {
                *slot = task;
            }
        }
    }

    /// Whether there is more to do.
    fn move_due(&mut self, task: &mut Move, now: Timestamp) -> Result<bool, &'static str> {
        const GONE: &str = "AWS.SimpleQueueService.NonExistentQueue";
        let source = self.name_of(&task.source_arn).map_err(|_| GONE)?;
        self.advance(&source, now).map_err(|_| GONE)?;
        let rate = u64::from(task.rate.unwrap_or(RATE_MAX));
        let elapsed_ms = u64::try_from(now.nanos_since(task.started) / 1_000_000).unwrap_or(0);
        let due = rate.saturating_mul(elapsed_ms) / 1_000;
        while task.moved < due {
            if task.moved >= task.total {
                return Ok(false);
            }
            let held = self.queues.get_mut(&source).ok_or(GONE)?;
            let Some(message) = held.queue.take() else { return Ok(false) };
            self.move_one(task, &source, message, now)?;
            task.moved += 1;
        }
        Ok(task.moved < task.total)
    }

    fn move_one(
        &mut self,
        task: &Move,
        source: &str,
        message: Message,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        const UNKNOWN: &str = "CouldNotDetermineMessageSource";
        let arn = task.destination_arn.clone().or_else(|| message.source_arn.clone());
        let to = arn.and_then(|arn| self.name_of(&arn).ok());
        let Some(to) = to else {
            // It stays: a message that did not come by a redrive policy has nowhere to go back.
            let held = self.queues.get_mut(source).ok_or(UNKNOWN)?;
            held.queue.add(message, now, now);
            return Err(UNKNOWN);
        };
        let held = self.queues.get(source).ok_or(UNKNOWN)?;
        let fate = Fate::Moved { at: now, to: Arc::clone(&to) };
        self.truth.ended(&held.name, message.record, fate);
        // "All redriven messages are new messages": id, time and receive count begin anew
        // (developer guide, "Dead-letter queue redrive").
        let message = message.renewed(MessageId::new(self.dice.uuid()), now);
        let entered = self.enter(&to, message, (Origin::Redrive, Duration::ZERO), now);
        entered.map(drop).map_err(|_| UNKNOWN)
    }

    /// The queue of an ARN, where it exists.
    pub(super) fn name_of(&self, arn: &str) -> Result<Arc<str>, Refusal> {
        let name = self.names.queue_of_arn(arn).and_then(|name| self.queues.get_key_value(name));
        let (name, _) = name.ok_or_else(|| match arn {
            "" => Refusal::new(
                Code::MissingParameter,
                "The request must contain the parameter SourceArn.",
            ),
            _ => Refusal::new(Code::ResourceNotFound, no_such_queue().message()),
        })?;
        Ok(Arc::clone(name))
    }
}
