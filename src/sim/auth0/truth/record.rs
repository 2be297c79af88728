//! What became of one event.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::carrier::Answer;
use super::super::stream::Attempt;
use super::super::tenant::Change;
use crate::event::{Path, PerPath, Timestamp};

/// What becomes of an event on a path, as it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Planned {
    /// So many copies are to be sent, one at least.
    Sent(u32),
    /// A fault loses it.
    Lost,
    /// The stream is switched off.
    StreamOff,
    /// No place to wait is left.
    Unsent,
}

/// Why an event is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Repeat {
    /// Its stream was switched on.
    Flushed,
    /// Somebody asked for it.
    Redelivered,
}

/// How the sending of one copy went.
#[derive(Debug)]
pub(in super::super) struct Copy<'a> {
    pub attempts: &'a [Attempt],
    /// When it was sent first.
    pub sent: Option<Timestamp>,
    /// When its acceptance was known.
    pub accepted: Option<Timestamp>,
    /// Whether it is listed for redelivery.
    pub listed: bool,
    /// Whether it was stopped before its attempts were over.
    pub cut_off: bool,
}

impl Copy<'_> {
    pub(super) fn was_unanswered(&self) -> bool {
        self.attempts.iter().any(|attempt| matches!(attempt.answer, Answer::Unanswered(_)))
    }

    /// A server that fails may have done what it was asked to.
    pub(super) fn had_server_error(&self) -> bool {
        let failed = |answer: &Answer| matches!(answer, Answer::Status(500..) | Answer::Busy(_));
        self.attempts.iter().any(|attempt| failed(&attempt.answer))
    }
}

/// How an event ended on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fate {
    Delivered,
    Lost,
    Failed,
    Unknown,
    StreamOff,
    Unsent,
    Pending,
}

/// So many attempts are told.
const ATTEMPTS_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct Record {
    event: u64,
    kind: &'static str,
    subject: String,
    pub time: Timestamp,
    pub test: bool,
    /// Whether both paths carry it under one id.
    pub one_id: bool,
    paths: PerPath<Option<OnPath>>,
}

#[derive(Debug)]
struct OnPath {
    id: String,
    planned: Planned,
    /// Copies that are still to be sent.
    waiting: u32,
    listed: bool,
    copies: u32,
    unanswered: u32,
    attempts: Vec<Value>,
    last: Option<Value>,
    sent: Option<Timestamp>,
    accepted: Option<Timestamp>,
    sequence: Option<u64>,
    out_of_order: bool,
    repeats: Repeats,
}

#[derive(Debug, Clone, Copy, Default)]
struct Repeats {
    flushed: bool,
    redelivered: bool,
}

impl Record {
    pub(super) fn new(event: u64, change: &Change, planned: PerPath<Option<Planned>>) -> Self {
        let paths = PerPath::from_fn(|path| {
            planned.of(path).map(|planned| OnPath::new(change.on(path).id.clone(), planned))
        });
        Self {
            event,
            kind: change.kind,
            subject: change.subject.clone(),
            time: change.time,
            test: change.test,
            one_id: change.webhook.id == change.eventbridge.id,
            paths,
        }
    }

    /// The door accepted a copy. Whether it was the first.
    pub(super) fn accept(&mut self, path: Path, sequence: u64, late: bool) -> bool {
        let Some(on) = self.paths.of_mut(path) else { return false };
        on.copies += 1;
        if on.copies == 1 {
            (on.sequence, on.out_of_order) = (Some(sequence), late && !self.test);
        }
        on.copies == 1
    }

    pub(super) fn sent(&mut self, path: Path, copy: &Copy) {
        let Some(on) = self.paths.of_mut(path) else { return };
        on.waiting = on.waiting.saturating_sub(u32::from(!copy.cut_off));
        on.listed |= copy.listed;
        on.accepted = on.accepted.or(copy.accepted);
        on.sent = on.sent.or(copy.sent);
        for attempt in copy.attempts {
            on.unanswered += u32::from(matches!(attempt.answer, Answer::Unanswered(_)));
            let status = status(&attempt.answer);
            if on.attempts.len() < ATTEMPTS_MAX {
                let ms = (attempt.took.as_secs_f64() * 1e6).round() / 1e3;
                on.attempts.push(json!({ "status": status, "ms": ms }));
            }
            on.last = Some(status);
        }
    }

    pub(super) fn repeats(&mut self, path: Path, why: Repeat) {
        let Some(on) = self.paths.of_mut(path) else { return };
        on.waiting += 1;
        on.listed = false;
        match why {
            Repeat::Flushed => on.repeats.flushed = true,
            Repeat::Redelivered => on.repeats.redelivered = true,
        }
    }

    pub(super) fn forget(&mut self, path: Path) {
        if let Some(on) = self.paths.of_mut(path) {
            on.listed = false;
        }
    }

    /// Whether nothing can happen to it any more.
    pub(super) fn is_over(&self) -> bool {
        let over = |on: &OnPath| on.waiting == 0 && !on.listed;
        Path::ALL.iter().all(|path| self.paths.of(*path).as_ref().is_none_or(over))
    }

    pub(super) fn fate(&self, path: Path) -> Option<Fate> {
        self.paths.of(path).as_ref().map(OnPath::fate)
    }

    pub(super) fn line(&self) -> Value {
        let path = |path| self.paths.of(path).as_ref().map(OnPath::line);
        json!({
            "event": self.event, "type": self.kind, "subject": self.subject, "time": self.time,
            "test": self.test,
            "webhook": path(Path::Webhook), "eventbridge": path(Path::Eventbridge),
        })
    }
}

impl OnPath {
    const fn new(id: String, planned: Planned) -> Self {
        let waiting = match planned {
            Planned::Sent(copies) => copies,
            Planned::Lost | Planned::StreamOff | Planned::Unsent => 0,
        };
        Self {
            id,
            planned,
            waiting,
            listed: false,
            copies: 0,
            unanswered: 0,
            attempts: Vec::new(),
            last: None,
            sent: None,
            accepted: None,
            sequence: None,
            out_of_order: false,
            repeats: Repeats { flushed: false, redelivered: false },
        }
    }

    const fn fate(&self) -> Fate {
        match self.planned {
            _ if self.copies > 0 => Fate::Delivered,
            Planned::Lost => Fate::Lost,
            Planned::StreamOff => Fate::StreamOff,
            Planned::Unsent => Fate::Unsent,
            Planned::Sent(_) if self.unanswered > 0 => Fate::Unknown,
            Planned::Sent(_) if self.waiting > 0 => Fate::Pending,
            Planned::Sent(_) => Fate::Failed,
        }
    }

    fn line(&self) -> Value {
        let fate = self.fate();
        json!({
            "id": self.id, "fate": fate,
            "last": self.last.as_ref().filter(|_| fate != Fate::Delivered),
            "copies": self.copies, "unanswered": self.unanswered, "attempts": self.attempts,
            "sent": self.sent, "accepted": self.accepted, "sequence": self.sequence,
            "out_of_order": self.out_of_order,
            "flushed": self.repeats.flushed, "redelivered": self.repeats.redelivered,
        })
    }
}

fn status(answer: &Answer) -> Value {
    match answer {
        Answer::Status(status) => json!(status),
        Answer::Taken => json!("taken"),
        Answer::Busy(what)
        | Answer::Refused(what)
        | Answer::NotSent(what)
        | Answer::Unanswered(what) => json!(&**what),
    }
}
