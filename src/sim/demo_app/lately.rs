//! What was seen lately.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// A set of texts that forgets the oldest when it is full.
#[derive(Debug)]
pub(super) struct Lately {
    most: usize,
    known: BTreeSet<Arc<str>>,
    by_age: VecDeque<Arc<str>>,
}

impl Lately {
    pub(super) fn up_to(most: usize) -> Self {
        Self { most, known: BTreeSet::new(), by_age: VecDeque::new() }
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        self.known.contains(text)
    }

    /// Whether it was not known; from now on it is.
    pub(super) fn add(&mut self, text: &str) -> bool {
        if self.contains(text) {
            return false;
        }
        let text: Arc<str> = text.into();
        self.known.insert(Arc::clone(&text));
        self.by_age.push_back(text);
        if self.by_age.len() > self.most
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_when_there_are_too_many() {
        let mut lately = Lately::up_to(2);
        assert!(lately.add("a") && !lately.add("a"));
        assert!(lately.add("b") && lately.add("c"));
        assert!(lately.contains("b") && lately.contains("c") && !lately.contains("a"));
        assert_eq!((lately.known.len(), lately.by_age.len()), (2, 2));
    }
}
