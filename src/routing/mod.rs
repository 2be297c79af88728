//! Which event goes where, and in what shape. Pure decisions.

mod pattern;
mod transform;

use std::cell::OnceCell;
use std::collections::HashMap;

use serde_json::Value;

pub use pattern::{
    CidrError, Failure, Filter, Found, Pattern, PatternError, Reason, WildcardError,
};
pub use transform::{
    BODY_BYTES_MAX, ContentType, Context, PathError, RenderError, Rendered, TemplateError,
    Transform, TransformError,
};

use crate::event::Event;
use pattern::ByType;

/// Which events go by which route.
///
/// Most patterns name the types they want, so that a table by type leaves few to look at; the
/// event's JSON is parsed only when one of those asks for more than the type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// In the order of the configuration.
    patterns: Vec<Pattern>,
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
    pub fn new(patterns: Vec<Pattern>) -> Self {
        let mut by_type: HashMap<Box<str>, Vec<Candidate>> = HashMap::new();
        let mut others = Vec::new();
        for (position, pattern) in patterns.iter().enumerate() {
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
        Self { patterns, by_type, others }
    }

    /// The positions of the routes that the event takes, in order.
    pub fn of(&self, event: &Event) -> Vec<usize> {
        let payload = OnceCell::new();
        let of_type = self.by_type.get(&event.kind).map(Vec::as_slice).unwrap_or_default();
        let candidates = of_type.iter().chain(&self.others);
        let taken = candidates.filter(|Candidate { position, sure }| {
            *sure || self.patterns[*position].matches(payload.get_or_init(|| parse(event)))
        });
        let mut positions: Vec<usize> = taken.map(|candidate| candidate.position).collect();
        positions.sort_unstable();
        positions
    }
}

/// An event's payload is JSON, or `normalize` would not have made it; null matches no pattern.
fn parse(event: &Event) -> Value {
    serde_json::from_str(&event.payload).unwrap_or_default()
}
