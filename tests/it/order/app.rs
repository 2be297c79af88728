//! The application behind a route: what it is, and what can be known of it from outside.

use std::collections::BTreeSet;

use super::changes::{FIELDS, Says, VALUES};

/// What an application holds of one subject. It is naive: it takes what comes, looks at no time, and
/// leaves alone what an event does not speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct App {
    /// The change whose event it took last.
    pub(super) last: Option<usize>,
    pub(super) holds: Holds,
}

/// A value for each field.
pub(super) type Holds = [u8; FIELDS.len()];

/// A value that no event says.
const FROM_BEFORE: u8 = VALUES;

impl App {
    /// Before it was told anything.
    pub(super) const fn new() -> Self {
        Self { last: None, holds: [FROM_BEFORE; FIELDS.len()] }
    }

    pub(super) fn take(&mut self, change: usize, says: Says) {
        *self = Self { last: Some(change), holds: after(self.holds, says) };
    }
}

fn after(holds: Holds, says: Says) -> Holds {
    std::array::from_fn(|field| says[field].unwrap_or(holds[field]))
}

/// All that an application may hold, as far as anybody knows who was told only how attempts ended.
#[derive(Debug, Clone)]
pub(super) struct Possible(BTreeSet<Holds>);

impl Possible {
    /// Nothing is known.
    pub(super) fn all() -> Self {
        let values = || 0..=FROM_BEFORE;
        Self(values().flat_map(|one| values().map(move |two| [one, two])).collect())
    }

    /// This was sent, and may have been taken.
    pub(super) fn sent(&mut self, says: Says) {
        let taken: Vec<Holds> = self.0.iter().map(|holds| after(*holds, says)).collect();
        self.0.extend(taken);
    }

    /// This was taken.
    pub(super) fn took(&mut self, says: Says) {
        self.0 = self.0.iter().map(|holds| after(*holds, says)).collect();
    }

    /// Whether taking this could change nothing.
    pub(super) fn is_no_news(&self, says: Says) -> bool {
        self.0.iter().all(|holds| after(*holds, says) == *holds)
    }

    pub(super) fn includes(&self, holds: Holds) -> bool {
        self.0.contains(&holds)
    }
}
