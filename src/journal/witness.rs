//! The third observer: what Auth0's Events API tells of, what came of it by each path, and what Auth0 was
//! asked to send once more.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;

use crate::event::{Digest, Event, EventId, PerPath, Timestamp};

/// An event that the Events API told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// Its id there.
    pub id: EventId,
    /// Its type.
    pub kind: Box<str>,
    /// Its `time`.
    pub time: Timestamp,
    /// What is the same of it on every path, whatever its id: a digest of its tenant, type, subject and time.
    pub fingerprint: Digest,
    /// The offset after which it can be had again, where one is known.
    pub before: Option<String>,
}

impl Witnessed {
    /// What is kept of an event.
    pub fn of(event: &Event, before: Option<String>) -> Self {
        let subject = (&*event.tenant, &*event.kind, &*event.subject);
        let fingerprint = fingerprint(subject, event.time);
        Self {
            id: event.id.clone(),
            kind: event.kind.clone(),
            time: event.time,
            fingerprint,
            before,
        }
    }
}

/// A digest of an event's tenant, type, subject and time: what the two paths' arrivals are paired by where
/// their ids differ.
pub(super) fn fingerprint((tenant, kind, subject): (&str, &str, &str), time: Timestamp) -> Digest {
    Digest::of(format!("{tenant}\n{kind}\n{subject}\n{}", time.as_nanos()).as_bytes())
}

/// A witnessed event that has settled, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledWitness {
    /// The journal's number of what was witnessed.
    pub no: i64,
    /// What was witnessed.
    pub event: Witnessed,
    /// When it was told of.
    pub told_at: Timestamp,
    /// Whether each path brought it by itself.
    pub seen: PerPath<bool>,
    /// The journal has it, whoever brought it.
    pub is_known: bool,
    /// Whether each door was open when it happened.
    pub open: PerPath<bool>,
    /// Auth0 was asked for it once more: it had listed it as failed by webhook.
    pub asked_for: bool,
}

/// What came of an event on one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The path brought it.
    #[default]
    Seen = 0,
    /// Auth0 did not send it, or gave up on something that was not ours.
    LostAuth0 = 1,
    /// EventBridge had it, or should have, and did not bring it to the queue.
    LostEventbridge = 2,
    /// It lies in the queue, or in its dead-letter queue.
    LostQueue = 3,
    /// We did not take it: the door was closed, or answered with a failure.
    LostUs = 4,
    /// The path is not in use.
    Unused = 5,
}

impl Fate {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] = [
        Self::Seen,
        Self::LostAuth0,
        Self::LostEventbridge,
        Self::LostQueue,
        Self::LostUs,
        Self::Unused,
    ];

    const fn code(self) -> i64 {
        match self {
            Self::Seen => 0,
            Self::LostAuth0 => 1,
            Self::LostEventbridge => 2,
            Self::LostQueue => 3,
            Self::LostUs => 4,
            Self::Unused => 5,
        }
    }

    fn of_code(code: i64) -> Self {
        Self::ALL.into_iter().find(|fate| fate.code() == code).unwrap_or_default()
    }

    /// The name used in documents and labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::LostAuth0 => "lost_auth0",
            Self::LostEventbridge => "lost_eventbridge",
            Self::LostQueue => "lost_queue",
            Self::LostUs => "lost_us",
            Self::Unused => "unused",
        }
    }

    /// Whether the path lost it.
    pub const fn is_lost(self) -> bool {
        match self {
            Self::LostAuth0 | Self::LostEventbridge | Self::LostQueue | Self::LostUs => true,
            Self::Seen | Self::Unused => false,
        }
    }
}

/// What came of an event, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// On each path.
    pub fates: PerPath<Fate>,
    /// Neither brought it, and it was taken in from the Events API.
    pub backfilled: bool,
}

impl Judgement {
    pub(super) const fn code(self) -> i64 {
        let PerPath { webhook, eventbridge } = self.fates;
        webhook.code() + 8 * eventbridge.code() + 64 * (if self.backfilled { 1 } else { 0 })
    }

    pub(super) fn of_code(code: i64) -> Self {
        let fates = PerPath {
            webhook: Fate::of_code(code.rem_euclid(8)),
            eventbridge: Fate::of_code(code.rem_euclid(64) / 8),
        };
        Self { fates, backfilled: code >= 64 }
    }
}

/// Hours are what judgements are counted by.
pub(super) const HOUR_NS: i64 = 3_600 * 1_000_000_000;

/// What is remembered of asking Auth0.
#[derive(Debug)]
pub(super) enum Rescue {
    /// It is about to be asked for these.
    Asked(Vec<EventId>),
    /// It would not send this one.
    Refused(EventId),
    /// It was not asked for this one after all.
    TakenBack(EventId),
}

/// Remembers that Auth0 was asked, or would not.
pub(super) fn rescue(
    connection: &Connection,
    rescue: &Rescue,
    now: Timestamp,
) -> rusqlite::Result<()> {
    match rescue {
        Rescue::Asked(ids) => {
            let mut insert = connection.prepare_cached(
                "INSERT INTO rescues (digest, at, tries, refused) VALUES (?1, ?2, 1, 0)
                 ON CONFLICT (digest) DO UPDATE SET at = ?2, tries = tries + 1",
            )?;
            for id in ids {
                insert.execute(params![Digest::of(id.as_str().as_bytes()), now])?;
            }
        }
        Rescue::Refused(id) => {
            connection
                .prepare_cached("UPDATE rescues SET refused = refused + 1 WHERE digest = ?")?
                .execute([Digest::of(id.as_str().as_bytes())])?;
        }
        Rescue::TakenBack(id) => {
            connection
                .prepare_cached("UPDATE rescues SET tries = tries - 1 WHERE digest = ?")?
                .execute([Digest::of(id.as_str().as_bytes())])?;
        }
    }
    Ok(())
}

/// Whether Auth0 was asked for the event with this digest of its id, and did not refuse each time.
pub(super) fn is_rescued(connection: &Connection, id: Digest) -> rusqlite::Result<bool> {
    let found = connection
        .prepare_cached("SELECT 1 FROM rescues WHERE digest = ? AND tries > refused")?
        .query_row([id], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// Whether Auth0 was ever asked for anything that is still remembered.
pub(super) fn any_rescues(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM rescues)", [], |row| row.get(0))
}

/// Keeps what the Events API told, and how far it was read.
pub(super) fn witness(
    connection: &Connection,
    told: &[Witnessed],
    offset: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO witnessed (id, kind, time_ns, told_at, fingerprint, before)
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    )?;
    for Witnessed { id, kind, time, fingerprint, before } in told {
        insert.execute(params![id.as_str(), kind, time, now, fingerprint, before])?;
    }
    if let Some(offset) = offset {
        connection
            .prepare_cached(
                "INSERT INTO feed (no, offset, at) VALUES (1, ?1, ?2)
                 ON CONFLICT (no) DO UPDATE SET offset = ?1, at = ?2",
            )?
            .execute(params![offset, now])?;
    }
    Ok(())
}

/// Counts what came of these, and forgets them.
pub(super) fn judge(
    connection: &Connection,
    judged: &[(i64, Timestamp, Judgement)],
) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM witnessed WHERE no = ?")?;
    let mut count = connection.prepare_cached(
        "INSERT INTO judged (hour, fate, events) VALUES (?, ?, 1)
         ON CONFLICT (hour, fate) DO UPDATE SET events = events + 1",
    )?;
    for (no, time, judgement) in judged {
        // Judged before, by one who could not say so: it counts once.
        if delete.execute([no])? == 1 {
            let nanos = time.as_nanos();
            let hour = nanos.saturating_sub(nanos.rem_euclid(HOUR_NS));
            count.execute(params![hour, judgement.code()])?;
        }
    }
    Ok(())
}

/// At each step of retention, between one commit and the next: an index has to find what goes.
pub(super) const EXPIRE_WITNESSED: &str = "DELETE FROM witnessed WHERE told_at < ?";

/// Forgets what is older than `cutoff`, and judgements older than `summaries_cutoff`.
pub(super) fn expire(
    connection: &Connection,
    cutoff: Timestamp,
    summaries_cutoff: Timestamp,
) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM rescues WHERE at < ?")?.execute([cutoff])?;
    connection.prepare_cached(EXPIRE_WITNESSED)?.execute([cutoff])?;
    connection.prepare_cached("DELETE FROM judged WHERE hour < ?")?.execute([summaries_cutoff])?;
    Ok(())
}
