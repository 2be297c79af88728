//! Which event goes where. Pure decisions.

mod pattern;

pub use pattern::{Pattern, PatternError};

use crate::event::Event;

/// Which events go by which route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes(Vec<Pattern>);

impl Routes {
    /// In the order of the configuration.
    pub fn new(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }

    /// The positions of the routes that the event takes.
    pub fn of<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = usize> + 'a {
        let patterns = self.0.iter().enumerate();
        patterns.filter(|(_, pattern)| pattern.matches(event)).map(|(position, _)| position)
    }
}
