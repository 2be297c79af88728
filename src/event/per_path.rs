//! One of something for each path.

use serde::Serialize;

use super::Path;

/// One of something for each path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PerPath<T> {
    /// The webhook's.
    pub webhook: T,
    /// EventBridge's.
    pub eventbridge: T,
}

impl<T> PerPath<T> {
    /// Makes each.
    pub fn from_fn(mut make: impl FnMut(Path) -> T) -> Self {
        Self { webhook: make(Path::Webhook), eventbridge: make(Path::Eventbridge) }
    }

    /// The path's own.
    pub const fn of(&self, path: Path) -> &T {
        match path {
            Path::Webhook => &self.webhook,
            Path::Eventbridge => &self.eventbridge,
        }
    }

    /// The path's own, to be changed.
    pub const fn of_mut(&mut self, path: Path) -> &mut T {
        match path {
            Path::Webhook => &mut self.webhook,
            Path::Eventbridge => &mut self.eventbridge,
        }
    }
}
