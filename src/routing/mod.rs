//! Which event goes where, and in what shape. Pure decisions.

mod changed;
mod pattern;
mod transform;
pub mod turn;

use std::cell::OnceCell;
use std::collections::HashMap;

use serde_json::Value;

pub use changed::{Changed, ChangedError};
pub use pattern::{
    CidrError, Failure, Filter, Found, Pattern, PatternError, Reason, WildcardError,
};
pub use transform::{
    BODY_BYTES_MAX, ContentType, Context, PathError, RenderError, Rendered, TemplateError,
    Transform, TransformError,
};

use crate::event::{Event, Watched};
use pattern::ByType;

/// Which events a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// Those that match.
    pub pattern: Pattern,
    /// Of these, those that say something new at the places it watches; all when it watches none.
    pub changed: Option<Changed>,
}

impl From<Pattern> for Interest {
    fn from(pattern: Pattern) -> Self {
        Self { pattern, changed: None }
    }
}

/// A route that an event takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its position in the configuration.
    pub position: usize,
    /// What the event says at the places that the route watches; whether that is news is decided when
    /// it is its turn.
    pub watched: Option<Watched>,
}

/// Which events go by which route.
///
/// Most patterns name the types they want, so that a table by type leaves few to look at; the
/// event's JSON is parsed only when one of those asks for more than the type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// In the order of the configuration.
    interests: Vec<Interest>,
    /// The routes that take only events of that type, in order.
    by_type: HashMap<Box<str>, Vec<Candidate>>,
    /// All others, in order.
    others: Vec<Candidate>,
}

/// A route that an event may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    position: usize,
    /// That it is a candidate is enough.
    sure: bool,
}

impl Routes {
    /// In the order of the configuration.
    pub fn new<I: Into<Interest>>(interests: Vec<I>) -> Self {
        let interests: Vec<Interest> = interests.into_iter().map(Into::into).collect();
        let mut by_type: HashMap<Box<str>, Vec<Candidate>> = HashMap::new();
        let mut others = Vec::new();
        for (position, Interest { pattern, .. }) in interests.iter().enumerate() {
            match pattern.by_type() {
                ByType::Every => others.push(Candidate { position, sure: true }),
                ByType::Unknown => others.push(Candidate { position, sure: false }),
                ByType::Only { mut types, suffices } => {
                    types.sort_unstable();
                    types.dedup();
                    for kind in types {
                        let candidate = Candidate { position, sure: suffices };
                        by_type.entry(kind.into()).or_default().push(candidate);
                    }
                }
            }
        }
        Self { interests, by_type, others }
    }

    /// The routes that the event takes, in the order of the configuration.
    pub fn of(&self, event: &Event) -> Vec<Taken> {
        let payload = OnceCell::new();
        let payload = || payload.get_or_init(|| parse(event));
        let of_type = self.by_type.get(&event.kind).map(Vec::as_slice).unwrap_or_default();
        let candidates = of_type.iter().chain(&self.others);
        let taken = candidates.filter_map(|Candidate { position, sure }| {
            let interest = self.interests.get(*position)?;
            let takes = *sure || interest.pattern.matches(payload());
            let changed = interest.changed.as_ref();
            takes.then(|| Taken {
                position: *position,
                watched: changed.map(|changed| changed.watched(payload())),
            })
        });
        let mut taken: Vec<Taken> = taken.collect();
        taken.sort_unstable_by_key(|taken| taken.position);
        taken
    }
}

/// An event's payload is JSON, or `normalize` would not have made it; null matches no pattern.
fn parse(event: &Event) -> Value {
    serde_json::from_str(&event.payload).unwrap_or_default()
}
