//! Where the edges of the bins lie.

/// Values closer to zero than this are told from each other no more, in milliseconds.
pub(super) const SMALLEST_MS: f64 = 0.001;

/// The longest that two timestamps can lie apart: 2⁶³ ns, 292 years, in milliseconds.
pub(super) const LONGEST_MS: f64 = 9_223_372_036_854.775;

/// How finely values are told from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Within 1 %: 3,677 bins (57 KiB) at most.
    Percent,
    /// Within 0.1 %: 36,763 bins (574 KiB) at most.
    PerMille,
}

impl Precision {
    /// A value that is shown is off by at most this share of itself.
    pub const fn relative_error(self) -> f64 {
        match self {
            Self::Percent => 0.01,
            Self::PerMille => 0.001,
        }
    }

    /// ln γ, where γ = (1 + α) / (1 − α) is the ratio of a bin's edges and α the relative error.
    pub(super) const fn ln_ratio(self) -> f64 {
        match self {
            Self::Percent => 0.020_000_666_706_669_525,
            Self::PerMille => 0.002_000_000_666_667_066_6,
        }
    }

    /// The bin of a value: 0 from −0.001 to 0.001 ms; i over 0 for (0.001·γⁱ⁻¹, 0.001·γⁱ]; and
    /// likewise downwards for what is negative.
    pub(super) fn index(self, value: f64) -> i32 {
        let size = value.abs() / SMALLEST_MS;
        if size <= 1.0 {
            return 0;
        }
        let index = whole((size.ln() / self.ln_ratio()).ceil());
        if value < 0.0 { -index } else { index }
    }

    /// The number of the last bin; the first one is its negative.
    pub(super) fn index_max(self) -> i32 {
        self.index(LONGEST_MS)
    }

    /// Between which values a bin lies, in milliseconds.
    pub fn edges(self, index: i32) -> (f64, f64) {
        let edge = |index: i32| SMALLEST_MS * (f64::from(index) * self.ln_ratio()).exp();
        match index {
            0 => (-SMALLEST_MS, SMALLEST_MS),
            1.. => (edge(index - 1), edge(index)),
            _ => (-edge(-index), -edge(-index - 1)),
        }
    }

    /// The value that stands for a bin: the one from which both edges are equally far, relatively.
    pub(super) fn centre(self, index: i32) -> f64 {
        if index == 0 {
            return 0.0;
        }
        let (low, high) = self.edges(index);
        2.0 * low * high / (low + high)
    }

    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Percent => 0,
            Self::PerMille => 1,
        }
    }

    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Percent),
            1 => Some(Self::PerMille),
            _ => None,
        }
    }
}

/// A whole number of bins.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the logarithm of any finite number over that of the finest ratio is below 2^20"
)]
const fn whole(number: f64) -> i32 {
    number as i32
}
