//! Dead letters: deliveries that ended in failure, and are kept for redrive.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Timestamp;
use crate::journal::orders::LetterNo;
use crate::journal::{ReadError, RouteNo, given_up, payload};

/// Which dead letters. What is not given leaves all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LetterFilter {
    /// Only these: of an event by its id, one alone by its name, `<id>/<route>` or an SQS `MessageId`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Only to this target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Only by this route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Only of this type, such as `user.updated`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only of this subject, in full (`user:auth0|1`) or without its family (`auth0|1`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Only those whose reason, or last attempt's error, has this text in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Only those that died then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Only those that died before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Only those that were given up after attempts that might have succeeded; not those that the
    /// target refused for good.
    #[serde(skip_serializing_if = "is_false")]
    pub given_up: bool,
    /// Only those that lie there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<LetterSource>,
    /// Only those whose CloudEvent matches this EventBridge event pattern. The journal does not read
    /// it: who asks brings the function that does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Where dead letters lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LetterSource {
    /// In the journal: deliveries that failed.
    Journal,
    /// In the SQS queue's dead-letter queue: messages that were received too often.
    Queue,
    /// In the dead-letter queue of the rule's target: events that EventBridge could not put into the
    /// queue.
    Rule,
}

impl LetterSource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Journal, Self::Queue, Self::Rule];

    /// The name used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Queue => "queue",
            Self::Rule => "rule",
        }
    }

    /// The place, in words.
    pub const fn place(self) -> &'static str {
        match self {
            Self::Journal => "the journal",
            Self::Queue => "the queue's dead-letter queue",
            Self::Rule => "the dead-letter queue of the rule's target",
        }
    }
}

/// Which part of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The last events first, from before this number.
    Before {
        /// An event's number.
        seq: i64,
        /// Events looked at, at most.
        events: usize,
    },
    /// The first events first, from after this number.
    After {
        /// An event's number.
        seq: i64,
        /// Events looked at, at most.
        events: usize,
    },
}

/// A page of dead letters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Letters {
    /// Those that the filter leaves.
    pub letters: Vec<Letter>,
    /// The last event that was looked at: the next page begins there. `None` at the end of the list.
    pub looked_at: Option<i64>,
}

/// A dead letter of the journal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Letter {
    /// Names it.
    #[serde(skip)]
    pub no: LetterNo,
    /// The journal's number of the event.
    pub seq: i64,
    /// The event's id.
    pub id: String,
    /// The CloudEvent's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// When it happened, by Auth0's clock.
    pub time: Timestamp,
    /// The route.
    pub route: String,
    /// Where it was to be delivered.
    pub target: String,
    /// Why it is dead.
    pub reason: String,
    /// Since when.
    pub died_at: Timestamp,
    /// Attempts made.
    pub attempts: u32,
    /// How often it was put back before.
    pub redrives: u32,
    /// The last answer's HTTP status.
    pub status: Option<u16>,
    /// What went wrong at the last attempt.
    pub error: Option<String>,
    /// The beginning of the last answer, with secrets taken out.
    pub answer: Option<String>,
}

pub(super) fn list(
    connection: &Connection,
    filter: &LetterFilter,
    page: Page,
    matches: &dyn Fn(&Value) -> bool,
) -> Result<Letters, ReadError> {
    let seqs = seqs(connection, page).map_err(ReadError::Sqlite)?;
    let (Page::Before { events, .. } | Page::After { events, .. }) = page;
    let mut letters = Vec::new();
    for seq in &seqs {
        let of_event = letters_of(connection, *seq).map_err(ReadError::Sqlite)?;
        let left: Vec<Letter> =
            of_event.into_iter().filter(|letter| filter.leaves(letter)).collect();
        // Most lists ask for no content: a hundred thousand letters are then read in no time.
        let is_asked_for =
            !left.is_empty() && (filter.pattern.is_none() || matches(&content(connection, *seq)?));
        if is_asked_for {
            letters.extend(left);
        }
    }
    let looked_at = seqs.last().copied().filter(|_| seqs.len() == events);
    Ok(Letters { letters, looked_at })
}

fn seqs(connection: &Connection, page: Page) -> rusqlite::Result<Vec<i64>> {
    let (sql, seq, events) = match page {
        Page::Before { seq, events } => (
            "SELECT DISTINCT seq FROM deliveries INDEXED BY deliveries_dead
             WHERE state = 6 AND seq < ? ORDER BY seq DESC LIMIT ?",
            seq,
            events,
        ),
        Page::After { seq, events } => (
            "SELECT DISTINCT seq FROM deliveries INDEXED BY deliveries_dead
             WHERE state = 6 AND seq > ? ORDER BY seq LIMIT ?",
            seq,
            events,
        ),
    };
    connection.prepare_cached(sql)?.query_map(params![seq, events], |row| row.get(0))?.collect()
}

fn letters_of(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<Letter>> {
    connection
        .prepare_cached(
            "SELECT d.route, e.id, e.kind, e.subject, e.time_ns, r.name, r.target,
                coalesce(d.reason, ''), d.settled_at, d.attempts, d.redrives, a.status, a.error,
                a.answer
             FROM deliveries d JOIN events e ON e.seq = d.seq JOIN routes r ON r.no = d.route
                LEFT JOIN attempts a
                    ON a.seq = d.seq AND a.route = d.route AND a.attempt = d.attempts
             WHERE d.seq = ? AND d.state = 6 ORDER BY r.name",
        )?
        .query_map([seq], |row| {
            Ok(Letter {
                no: LetterNo { seq, route: RouteNo(row.get(0)?) },
                seq,
                id: row.get(1)?,
                kind: row.get(2)?,
                subject: row.get(3)?,
                time: row.get(4)?,
                route: row.get(5)?,
                target: row.get(6)?,
                reason: row.get(7)?,
                died_at: row.get(8)?,
                attempts: row.get(9)?,
                redrives: row.get(10)?,
                status: row.get(11)?,
                error: row.get(12)?,
                answer: row.get(13)?,
            })
        })?
        .collect()
}

/// Null when it is damaged: such a letter can still be seen, and discarded.
fn content(connection: &Connection, seq: i64) -> Result<Value, ReadError> {
    let stored: Option<(i64, Vec<u8>)> = connection
        .prepare_cached("SELECT encoding, body FROM payloads WHERE seq = ?")
        .and_then(|mut statement| {
            statement.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(ReadError::Sqlite)?;
    let bytes = stored.and_then(|(encoding, body)| payload::decode(encoding, body).ok());
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

impl LetterFilter {
    /// Whether dead letters that lie there are asked for.
    pub fn asks_for(&self, source: LetterSource) -> bool {
        self.source.is_none_or(|wanted| wanted == source)
    }

    fn leaves(&self, letter: &Letter) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        let has = |text: Option<&str>, part: &str| text.is_some_and(|text| text.contains(part));
        let of_subject = |wanted: &str| {
            let name = letter.subject.split_once(':').map_or("", |(_, name)| name);
            wanted == letter.subject || wanted == name
        };
        let is_named = |name: &String| {
            let rest = name.strip_prefix(letter.id.as_str());
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.strip_prefix('/') == Some(letter.route.as_str())
            })
        };
        (self.ids.is_empty() || self.ids.iter().any(is_named))
            && is(&self.target, &letter.target)
            && is(&self.route, &letter.route)
            && is(&self.kind, &letter.kind)
            && self.subject.as_deref().is_none_or(of_subject)
            && self.error.as_deref().is_none_or(|part| {
                has(Some(&letter.reason), part) || has(letter.error.as_deref(), part)
            })
            && self.from.is_none_or(|from| letter.died_at >= from)
            && self.to.is_none_or(|to| letter.died_at < to)
            && (!self.given_up
                || [given_up::ATTEMPTS, given_up::AGE].contains(&letter.reason.as_str()))
    }
}
