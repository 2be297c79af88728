//! Whether a stream is switched on.

use super::Rules;

/// The books of one stream: whether it is switched on, and how near it is to being switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    in_a_row: u64,
    in_all: u64,
    off: bool,
}

impl Standing {
    /// Whether it is switched on.
    pub const fn is_on(self) -> bool {
        !self.off
    }

    /// Events in a row whose delivery failed.
    pub const fn failures_in_a_row(self) -> u64 {
        self.in_a_row
    }

    /// After the delivery of one more event. A failed redelivery counts like any other failure.
    #[must_use]
    pub const fn after(self, delivered: bool, rules: &Rules) -> Self {
        if delivered {
            return Self { in_a_row: 0, ..self };
        }
        let (in_a_row, in_all) = (self.in_a_row + 1, self.in_all + 1);
        let too_many = in_a_row >= rules.failures_in_a_row_max || in_all >= rules.failures_max;
        Self { in_a_row, in_all, off: self.off || too_many }
    }

    /// Switched on again. Whether Auth0 forgets the failures then is not documented; here it does,
    /// lest the next one switch it off again.
    #[must_use]
    pub const fn switched_on() -> Self {
        Self { in_a_row: 0, in_all: 0, off: false }
    }
}
