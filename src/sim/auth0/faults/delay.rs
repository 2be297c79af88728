//! How long an event is under way.

use std::time::Duration;

use super::{Faults, Share};

/// How long an event is under way before it is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// Always the same.
    Fixed(Duration),
    /// Mostly near the median, now and then much longer, as networks are.
    LogNormal {
        /// Half of all take no longer.
        median: Duration,
        /// The standard deviation of the natural logarithm; 0 is fixed.
        sigma: f64,
    },
    /// A few take so much longer.
    Spikes {
        /// How many.
        share: Share,
        /// How much longer.
        extra: Duration,
    },
}

/// The standard normal distribution's quantile of 99 % (any table of it).
const NORMAL_P99: f64 = 2.326_347_874_040_841;

impl Delay {
    /// A log-normal delay of which 99 % are no longer than `p99`, which is no less than `median`.
    pub fn log_normal_to(median: Duration, p99: Duration) -> Self {
        let ratio = p99.as_secs_f64() / median.as_secs_f64();
        let sigma = if ratio.is_finite() { ratio.max(1.0).ln() / NORMAL_P99 } else { 0.0 };
        Self::LogNormal { median, sigma }
    }

    /// The delay, given a number drawn evenly from 0 to 1 and one from the standard normal
    /// distribution; [`Faults::HOLD_MAX`] at most.
    pub(super) fn of(self, even: f64, normal: f64) -> Duration {
        match self {
            Self::Fixed(delay) => delay,
            Self::LogNormal { median, sigma } => {
                let seconds = median.as_secs_f64() * (sigma * normal).exp();
                let delay = Duration::try_from_secs_f64(seconds).unwrap_or(Faults::HOLD_MAX);
                delay.min(Faults::HOLD_MAX)
            }
            Self::Spikes { share, extra } if even < share.get() => extra,
            Self::Spikes { .. } => Duration::ZERO,
        }
    }
}
