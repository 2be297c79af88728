//! The terms in which "are these two arrivals one event?" is asked and answered.
//!
//! The rule itself lives in `normalize::identity`, the places to look in `journal`; these values
//! are what they say to each other.

use super::{Digest, Path, Purpose};

/// An arrival whose id the journal does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newcomer<'a> {
    /// The path it came by.
    pub path: Path,
    /// The stream it came by, where it names one.
    pub stream: Option<&'a str>,
    /// Live or test.
    pub purpose: Purpose,
    /// Digest of its canonical `data.object`.
    pub object_digest: Digest,
}

/// A known event that agrees with the newcomer in tenant, type, subject and time, though not in id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The journal's number of the event.
    pub seq: i64,
    /// Live or test.
    pub purpose: Purpose,
    /// Digest of its canonical `data.object`.
    pub object_digest: Digest,
    /// Every path and stream it has come by so far.
    pub arrived_by: Vec<(Path, Option<Box<str>>)>,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// An event of its own.
    New,
    /// The same event as the candidate with this number, and no other could be meant.
    Same {
        /// The journal's number of the event.
        seq: i64,
    },
    /// Several candidates fit equally well; the oldest was taken.
    Ambiguous {
        /// The journal's number of the event.
        seq: i64,
    },
}

/// A rule that decides. `normalize::identity::pair` is the one.
pub type PairingRule = fn(&Newcomer<'_>, &[Candidate]) -> Pairing;
