//! Dead letters, wherever they lie: deliveries that failed, in the journal; messages that were received
//! too often, in the SQS queue's dead-letter queue; events that EventBridge could not put into the
//! queue, in the dead-letter queue of the rule's target. One list, one way to put them back.
//!
//! A redrive gives a delivery its turn again, and the order of its route decides: on a route with
//! `order = "latest"` old news is superseded. A message goes back into the queue, and is then an
//! arrival like any other.

mod clerk;
mod letter;
mod queue;

use std::sync::{Arc, OnceLock};

use serde::Serialize;

pub use clerk::Clerk;
pub use letter::DeadLetter;
pub use queue::QueueError;

use crate::journal::{LetterFilter, LetterSource, Page, ReadError, Reader};
use crate::routing::{Pattern, PatternError};
use letter::Found;
use queue::Queue;

/// Where the queues are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The URL of the EventBridge door's queue: where messages are put back.
    pub home: String,
    /// The URL of its dead-letter queue; found by its redrive policy when not given.
    pub queue_letters: Option<String>,
    /// The URL of the dead-letter queue of the rule's target.
    pub rule_letters: Option<String>,
}

/// A client for SQS that is set once AWS's credentials are there.
pub type SharedClient = Arc<OnceLock<aws_sdk_sqs::Client>>;

/// Finds dead letters. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    reader: Reader,
    queues: Vec<Queue>,
}

/// A part of the list.
#[derive(Debug, Serialize)]
pub struct List {
    /// The letters: those of the journal with the last events first, then those of the queues.
    pub letters: Vec<DeadLetter>,
    /// The `before` of the next page of the journal's letters; `null` on the last. The queues' are all on
    /// the first page.
    pub next: Option<i64>,
    /// Which queues were looked into.
    pub queues: Vec<QueueLook>,
}

/// What looking into a queue brought.
#[derive(Debug, Serialize)]
pub struct QueueLook {
    /// Which.
    pub source: LetterSource,
    /// Its URL; empty when it is not known yet.
    pub url: String,
    /// Messages looked at.
    pub looked_at: usize,
    /// There were more than are looked at for one list.
    pub more: bool,
    /// Why it could not be looked into.
    pub error: Option<String>,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The journal can't be read.
    #[error(transparent)]
    Read(ReadError),
    /// The filter's pattern is none.
    #[error("the pattern is refused, {0}")]
    Pattern(#[source] PatternError),
}

/// Events of the journal looked at for one page.
const EVENTS: usize = 500;

impl DeadLetters {
    /// In this journal and, if there are any, these queues.
    pub fn new(reader: Reader, queues: Option<(SharedClient, Settings)>) -> Self {
        let queues = queues.map(|(client, settings)| Queue::of(&client, &settings));
        Self { reader, queues: queues.unwrap_or_default() }
    }

    /// Lists what the filter leaves: `limit` letters of the journal at most, from before the event
    /// `before`, and on the first page those of the queues.
    ///
    /// # Errors
    /// When the journal can't be read, or the pattern is none. A queue that can't be looked into is a
    /// part of the list.
    pub async fn list(
        &self,
        filter: &LetterFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<List, ListError> {
        let pattern = pattern_of(filter).map_err(ListError::Pattern)?;
        let mut list = List { letters: Vec::new(), next: None, queues: Vec::new() };
        if filter.asks_for(LetterSource::Journal) {
            list = self.in_journal(filter, &pattern, (before, limit)).await?;
        }
        if before.is_none() {
            for queue in self.queues.iter().filter(|queue| filter.asks_for(queue.source())) {
                let (found, look) = queue.look().await;
                let left = found.into_iter().filter(|found| found.is_left_by(filter, &pattern));
                list.letters.extend(left.map(|found| found.letter));
                list.queues.push(look);
            }
        }
        Ok(list)
    }

    async fn in_journal(
        &self,
        filter: &LetterFilter,
        pattern: &Pattern,
        (before, limit): (Option<i64>, usize),
    ) -> Result<List, ListError> {
        let mut list = List { letters: Vec::new(), next: None, queues: Vec::new() };
        let mut seq = before.unwrap_or(i64::MAX);
        while list.letters.len() < limit {
            let left = limit - list.letters.len();
            let page = Page::Before { seq, events: left.min(EVENTS) };
            let pattern = pattern.clone();
            let matches = move |event: &serde_json::Value| pattern.matches(event);
            let letters = self.reader.letters(filter.clone(), page, matches);
            let letters = letters.await.map_err(ListError::Read)?;
            list.letters.extend(letters.letters.into_iter().map(DeadLetter::from));
            list.next = letters.looked_at;
            match letters.looked_at {
                Some(looked_at) => seq = looked_at,
                None => break,
            }
        }
        Ok(list)
    }

    /// How many letters the filter leaves, in the journal and in each queue.
    ///
    /// # Errors
    /// As [`DeadLetters::list`].
    pub async fn count(&self, filter: &LetterFilter) -> Result<u64, ListError> {
        let (mut before, mut n) = (None, 0);
        loop {
            let list = self.list(filter, before, EVENTS).await?;
            n += u64::try_from(list.letters.len()).unwrap_or(u64::MAX);
            match list.next {
                Some(next) => before = Some(next),
                None => return Ok(n),
            }
        }
    }

    /// The queue's letters with this event id or message id, with their bodies.
    pub async fn in_queues(&self, id: &str) -> Vec<(DeadLetter, String)> {
        let mut letters = Vec::new();
        for queue in &self.queues {
            let (found, _) = queue.look().await;
            let is_meant =
                |found: &Found| found.letter.letter == id || found.letter.id.as_deref() == Some(id);
            let meant = found.into_iter().filter(is_meant);
            letters.extend(meant.map(|found| (found.letter, found.body)));
        }
        letters
    }
}

fn pattern_of(filter: &LetterFilter) -> Result<Pattern, PatternError> {
    match &filter.pattern {
        None => Ok(Pattern::Every),
        Some(pattern) => match pattern.as_str() {
            Some(text) => text.parse(),
            None => Pattern::parse(pattern),
        },
    }
}
