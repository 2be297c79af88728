//! The terms in which "is it this event's turn on this route?" is asked and answered.
//!
//! The rule itself lives in `routing::turn`, what was told to a target so far in the journal; these
//! values are what they say to each other.

use serde::{Deserialize, Serialize};

use super::{Digest, Timestamp};

/// What a route does with events that come after newer ones of their subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteOrder {
    /// They are never delivered: the target is to know the latest state, and nothing older.
    Latest,
    /// They are delivered too, marked as late.
    #[default]
    Every,
}

/// Where an event stands among those of its subject: by its `time`; where times are equal, by the
/// order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The CloudEvent's `time`.
    pub time: Timestamp,
    /// The journal's number of the event.
    pub seq: i64,
}

/// What an event says at the places that a route watches (its `changed`), in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Names the list of places; values of different lists are not compared.
    pub places: Digest,
    /// One for each place, as digests of canonical JSON; `None` when the event has nothing there, and
    /// so says nothing of it. What was there before (`data.previous_object`) is no matter: what a target
    /// knows is what it was told.
    pub values: Box<[Option<Digest>]>,
}

/// An event whose turn it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidacy<'a> {
    /// Where it stands.
    pub moment: Moment,
    /// What it says, on a route that watches something.
    pub watched: Option<&'a Watched>,
}

/// What a target was told of one subject by one route so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The newest event that was delivered, attempted, or found to say nothing new.
    pub moment: Moment,
    /// Names the list of places that `values` is about.
    pub places: Digest,
    /// What the target knows, one for each place that the route watches.
    pub values: Box<[Known]>,
}

/// What a target knows of one watched place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Known {
    /// It was told nothing.
    #[default]
    Nothing,
    /// It acknowledged this value.
    Sure(Digest),
    /// It was sent another value, and nobody knows whether it took it: an attempt that timed out may
    /// have been applied.
    Unsure,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It is to be sent; `told` is what the target may know from then on, and has to be on disk
    /// before.
    Send {
        /// An event that is newer was told before.
        late: bool,
        /// What the target may know from then on.
        told: Told,
    },
    /// A newer event of its subject was told before.
    Superseded,
    /// It says nothing new. `told` is there when the target is up to date as of this event.
    Filtered {
        /// What the target knows as of now.
        told: Option<Told>,
    },
}

/// The rule. `routing::turn::RULE` is the one.
#[derive(Debug, Clone, Copy)]
pub struct TurnRule {
    /// Whose turn it is.
    pub turn: fn(RouteOrder, Option<&Told>, Candidacy<'_>) -> Turn,
    /// What the target knows when it has acknowledged the event; `None` when nothing changes.
    pub acknowledged: fn(&Told, Candidacy<'_>) -> Option<Told>,
}
