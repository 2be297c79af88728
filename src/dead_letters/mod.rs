//! Dead letters, wherever they lie: deliveries that failed, in the journal; messages that were received
//! too often, in the SQS queue's dead-letter queue; events that EventBridge could not put into the
//! queue, in the dead-letter queue of the rule's target. One list, one way to put them back.
//!
//! A redrive gives a delivery its turn again, and the order of its route decides: on a route with
//! `order = "latest"` old news is superseded. A message goes back into the queue, and is then an
//! arrival like any other.

mod clerk;
mod letter;
mod pace;
mod pass;
mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use clerk::Clerk;
pub use letter::DeadLetter;
pub use queue::QueueError;

use crate::event::legible;
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
    /// The names of the configuration's routes: a letter of another would wait for ever.
    routes: Arc<[String]>,
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
#[derive(Debug, Serialize, Deserialize)]
pub struct QueueLook {
    /// Which.
    pub source: LetterSource,
    /// Its URL; empty when it is not known yet.
    pub url: String,
    /// Messages looked at.
    pub looked_at: usize,
    /// Messages in it, as SQS counts them: about so many.
    pub messages: Option<u64>,
    /// There were more than are looked at for one list.
    pub more: bool,
    /// Why it could not be looked into.
    pub error: Option<String>,
}

impl QueueLook {
    /// What there is to say of looking into it, if anything.
    pub fn remark(&self) -> Option<String> {
        let place = self.source.place();
        if let Some(error) = &self.error {
            return Some(format!("{place} could not be looked into: {}", legible(error)));
        }
        if !self.more {
            return None;
        }
        let all = self.messages.map_or(String::new(), |all| format!(" of some {all}"));
        Some(format!("{place} has more: {}{all} messages were looked at", self.looked_at))
    }
}

/// How many letters there are.
#[derive(Debug)]
pub struct Count {
    /// So many that can be put back.
    pub letters: u64,
    /// So many more whose route is not in the configuration any more.
    pub routeless: u64,
    /// There are more: counting took too long, or a queue has more than are looked at.
    pub at_least: bool,
    /// Ids of the filter that name none of them.
    pub unknown: Vec<String>,
    /// The first few of them.
    pub sample: Vec<DeadLetter>,
    /// Which queues were looked into.
    pub queues: Vec<QueueLook>,
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
/// Counting takes no longer: somebody waits for the answer.
const COUNT_WITHIN: Duration = Duration::from_secs(20);

impl DeadLetters {
    /// In this journal and, if there are any, these queues. `routes` are the names of the
    /// configuration's routes.
    pub fn new(
        reader: Reader,
        queues: Option<(SharedClient, Settings)>,
        routes: Arc<[String]>,
    ) -> Self {
        let queues = queues.map(|(client, settings)| Queue::of(&client, &settings));
        Self { reader, queues: queues.unwrap_or_default(), routes }
    }

    /// About how many messages are in each queue, hidden ones too: `main`, `dead_letters` and
    /// `rule_dead_letters`. A queue that can't be asked is left out.
    pub async fn depths(&self) -> BTreeMap<&'static str, u64> {
        let of_queue = async |queue: &Queue| {
            let name = match queue.source() {
                LetterSource::Rule => "rule_dead_letters",
                LetterSource::Queue | LetterSource::Journal => "dead_letters",
            };
            queue.messages().await.ok().map(|messages| (name, messages))
        };
        let of_home = async || match self.queues.first() {
            Some(queue) => queue.messages_at_home().await.ok().map(|messages| ("main", messages)),
            None => None,
        };
        let (letters, home) = tokio::join!(join_all(self.queues.iter().map(of_queue)), of_home());
        letters.into_iter().chain([home]).flatten().collect()
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
            let (letters, looks) = self.in_all_queues(filter, &pattern).await;
            list.letters.extend(letters);
            list.queues = looks;
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
            let found = letters.letters.into_iter();
            list.letters.extend(found.map(|letter| DeadLetter::in_journal(letter, &self.routes)));
            list.next = letters.looked_at;
            match letters.looked_at {
                Some(looked_at) => seq = looked_at,
                None => break,
            }
        }
        Ok(list)
    }

    async fn in_all_queues(
        &self,
        filter: &LetterFilter,
        pattern: &Pattern,
    ) -> (Vec<DeadLetter>, Vec<QueueLook>) {
        let asked_for = self.queues.iter().filter(|queue| filter.asks_for(queue.source()));
        let mut letters = Vec::new();
        let mut looks = Vec::new();
        for (found, look) in join_all(asked_for.map(Queue::look)).await {
            let left = found.into_iter().filter(|found| found.is_left_by(filter, pattern));
            letters.extend(left.map(|found| found.letter));
            looks.push(look);
        }
        (letters, looks)
    }

    /// Counts what the filter leaves, and keeps the first `sample` of them.
    ///
    /// # Errors
    /// As [`DeadLetters::list`].
    pub async fn count(&self, filter: &LetterFilter, sample: usize) -> Result<Count, ListError> {
        let pattern = pattern_of(filter).map_err(ListError::Pattern)?;
        let deadline = Instant::now() + COUNT_WITHIN;
        let (letters, queues) = self.in_all_queues(filter, &pattern).await;
        let mut counting = Counting::new(filter, sample);
        counting.at_least = queues.iter().any(|look| look.more);
        let mut before = None;
        while filter.asks_for(LetterSource::Journal) {
            let page = self.in_journal(filter, &pattern, (before, EVENTS)).await?;
            counting.take(page.letters);
            match page.next {
                Some(_) if Instant::now() >= deadline => {
                    counting.at_least = true;
                    break;
                }
                Some(next) => before = Some(next),
                None => break,
            }
        }
        counting.take(letters);
        Ok(counting.into_count(queues))
    }

    /// The queue's letters with this event id or message id, with their bodies.
    pub async fn in_queues(&self, id: &str) -> Vec<(DeadLetter, String)> {
        let is_meant =
            |found: &Found| found.letter.letter == id || found.letter.id.as_deref() == Some(id);
        let looks = join_all(self.queues.iter().map(Queue::look)).await;
        let found = looks.into_iter().flat_map(|(found, _)| found).filter(is_meant);
        found.map(|found| (found.letter, found.body)).collect()
    }
}

/// A count that is being made.
struct Counting<'a> {
    asked_for: BTreeSet<&'a str>,
    sample_max: usize,
    at_least: bool,
    letters: u64,
    routeless: u64,
    sample: Vec<DeadLetter>,
}

impl<'a> Counting<'a> {
    fn new(filter: &'a LetterFilter, sample_max: usize) -> Self {
        let asked_for = filter.ids.iter().map(String::as_str).collect();
        let sample = Vec::new();
        Self { asked_for, sample_max, at_least: false, letters: 0, routeless: 0, sample }
    }

    fn take(&mut self, letters: Vec<DeadLetter>) {
        for letter in letters {
            self.asked_for.remove(letter.letter.as_str());
            if let Some(id) = &letter.id {
                self.asked_for.remove(id.as_str());
            }
            if letter.route_gone {
                self.routeless += 1;
            } else {
                self.letters += 1;
            }
            if self.sample.len() < self.sample_max {
                self.sample.push(letter);
            }
        }
    }

    fn into_count(self, queues: Vec<QueueLook>) -> Count {
        let Self { asked_for, at_least, letters, routeless, sample, .. } = self;
        let unknown = asked_for.into_iter().map(ToOwned::to_owned).collect();
        Count { letters, routeless, at_least, unknown, sample, queues }
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
