//! What each target was told of each subject: rows of `told`, and the blobs in them.

use rusqlite::{Connection, OptionalExtension as _, params};
use tracing::error;

use super::RouteNo;
use super::due::{damaged, is_damage};
use crate::event::{Digest, Known, Moment, Timestamp, Told, Watched};
use crate::telemetry::Chain;

/// Names a subject on a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lane {
    pub route: RouteNo,
    pub lane: i64,
}

/// What the target of this route was told of this subject. A damaged row tells nothing, and is written
/// anew with what is told next: were it an error, everything of this subject would fail for ever.
pub(super) fn read(connection: &Connection, lane: Lane) -> rusqlite::Result<Option<Told>> {
    match read_row(connection, lane) {
        Err(error) if is_damage(&error) => {
            error!(route = lane.route.0, error = %Chain(&error), "what was told to a target is damaged");
            Ok(None)
        }
        result => result,
    }
}

fn read_row(connection: &Connection, lane: Lane) -> rusqlite::Result<Option<Told>> {
    connection
        .prepare_cached("SELECT time_ns, seq, known FROM told WHERE lane = ? AND route = ?")?
        .query_row(params![lane.lane, lane.route.0], |row| {
            let moment = Moment { time: row.get(0)?, seq: row.get(1)? };
            let known: Option<Vec<u8>> = row.get(2)?;
            told(moment, known.as_deref())
        })
        .optional()
}

pub(super) fn write(
    connection: &Connection,
    lane: Lane,
    told: &Told,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO told (lane, route, time_ns, seq, updated_at, known)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (lane, route) DO UPDATE SET time_ns = excluded.time_ns,
                seq = excluded.seq, updated_at = excluded.updated_at, known = excluded.known",
        )?
        .execute(params![
            lane.lane,
            lane.route.0,
            told.moment.time,
            told.moment.seq,
            now,
            known_blob(told)
        ])?;
    Ok(())
}

/// Rows looked at in one step of [`sweep`].
const SWEEP_STEP: usize = 1_000;

/// Deletes what was told before `cutoff`, in small steps: it looks at the next few rows after
/// `cursor`, and returns where to go on; `None` at the end of the table.
pub(super) fn sweep(
    connection: &Connection,
    cursor: Option<(i64, i64)>,
    cutoff: Timestamp,
) -> rusqlite::Result<Option<(i64, i64)>> {
    let (lane, route) = cursor.unwrap_or((i64::MIN, i64::MIN));
    let last: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT lane, route FROM told WHERE (lane, route) > (?, ?)
             ORDER BY lane, route LIMIT 1 OFFSET ?",
        )?
        .query_row(params![lane, route, SWEEP_STEP - 1], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (to_lane, to_route) = last.unwrap_or((i64::MAX, i64::MAX));
    connection
        .prepare_cached(
            "DELETE FROM told WHERE (lane, route) > (?, ?) AND (lane, route) <= (?, ?)
             AND updated_at < ?",
        )?
        .execute(params![lane, route, to_lane, to_route, cutoff])?;
    Ok(last)
}

const DIGEST: usize = 16;

/// What a route watches of an event: the name of the places, then each value behind a byte that says
/// what there is of it.
pub(super) fn watched_blob(watched: &Watched) -> Vec<u8> {
    let mut blob = watched.places.as_bytes().to_vec();
    for value in &watched.values {
        blob.push(u8::from(value.is_some()));
        blob.extend(value.iter().flat_map(Digest::as_bytes));
    }
    blob
}

/// The same, read back.
pub(super) fn watched(blob: &[u8]) -> rusqlite::Result<Watched> {
    let mut blob = Blob(blob);
    let places = blob.digest()?;
    let mut values = Vec::new();
    while let Some(there) = blob.byte() {
        values.push(if there == 1 { Some(blob.digest()?) } else { None });
    }
    Ok(Watched { places, values: values.into() })
}

const NOTHING: u8 = 0;
const SURE: u8 = 1;
const UNSURE: u8 = 2;

/// `None` for a route that watches nothing: most do, and their rows stay small.
fn known_blob(told: &Told) -> Option<Vec<u8>> {
    if told.values.is_empty() {
        return None;
    }
    let mut blob = told.places.as_bytes().to_vec();
    for known in &told.values {
        match known {
            Known::Nothing => blob.push(NOTHING),
            Known::Sure(digest) => {
                blob.push(SURE);
                blob.extend_from_slice(digest.as_bytes());
            }
            Known::Unsure => blob.push(UNSURE),
        }
    }
    Some(blob)
}

fn told(moment: Moment, blob: Option<&[u8]>) -> rusqlite::Result<Told> {
    let Some(blob) = blob else {
        let places = Digest::from_bytes([0; DIGEST]);
        return Ok(Told { moment, places, values: Box::default() });
    };
    let mut blob = Blob(blob);
    let places = blob.digest()?;
    let mut values = Vec::new();
    while let Some(byte) = blob.byte() {
        values.push(match byte {
            NOTHING => Known::Nothing,
            SURE => Known::Sure(blob.digest()?),
            _ => Known::Unsure,
        });
    }
    Ok(Told { moment, places, values: values.into() })
}

/// Reads from the front.
struct Blob<'a>(&'a [u8]);

impl Blob<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn digest(&mut self) -> rusqlite::Result<Digest> {
        let cut_short = || damaged(std::io::Error::other("a digest is cut short"));
        let (digest, rest) = self.0.split_first_chunk::<DIGEST>().ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(Digest::from_bytes(*digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    #[track_caller]
    fn check_watched(values: &[Option<&str>]) {
        let values = values.iter().map(|value| value.map(digest)).collect();
        let one = Watched { places: digest("places"), values };
        assert_eq!(watched(&watched_blob(&one)).unwrap(), one);
    }

    #[test]
    fn what_is_watched_comes_back() {
        check_watched(&[None]);
        check_watched(&[Some("a"), None, Some("b")]);
    }

    #[track_caller]
    fn check_told(values: &[Known]) {
        let moment = Moment { time: Timestamp::from_millis(1), seq: 2 };
        let places = if values.is_empty() { Digest::from_bytes([0; 16]) } else { digest("places") };
        let one = Told { moment, places, values: values.into() };
        assert_eq!(told(moment, known_blob(&one).as_deref()).unwrap(), one);
    }

    #[test]
    fn what_was_told_comes_back() {
        check_told(&[]);
        check_told(&[Known::Unsure, Known::Sure(digest("a")), Known::Nothing]);
    }

    #[test]
    fn a_blob_that_is_cut_short_is_damage() {
        let one = Watched { places: digest("places"), values: [Some(digest("a"))].into() };
        let blob = watched_blob(&one);
        assert!(watched(&blob[..blob.len() - 1]).is_err());
        assert!(watched(&blob[..3]).is_err());
    }
}
