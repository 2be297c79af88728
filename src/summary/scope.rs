//! Which events are looked at.

use std::collections::BTreeSet;

use serde::Serialize;

/// Which events are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Scope {
    /// Events of these types; of all when empty.
    pub types: BTreeSet<String>,
    /// Arrivals by these streams of Auth0 (`est_…`); by all when empty. What came by other streams
    /// counts as not seen.
    pub streams: BTreeSet<String>,
}

impl Scope {
    /// Whether it is every event.
    pub fn is_all(&self) -> bool {
        self.types.is_empty() && self.streams.is_empty()
    }

    /// Whether events of this type are meant.
    pub fn has_type(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.contains(kind)
    }

    /// Whether arrivals by this stream are meant.
    pub fn has_stream(&self, stream: Option<&str>) -> bool {
        self.streams.is_empty() || stream.is_some_and(|stream| self.streams.contains(stream))
    }
}
