//! Faults as people write them: `loss=1%,delay=lognormal(60ms,400ms),outage=30s+10s`.

use std::str::FromStr;
use std::time::Duration;

use super::{Delay, Faults, Held, Share, Stretch};
use crate::event::{Path, Timestamp};

/// How far a clock is off; before or behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Skew {
    /// Not at all.
    #[default]
    None,
    /// It shows a later time.
    Ahead(Duration),
    /// It shows an earlier time.
    Behind(Duration),
}

impl Skew {
    /// What the clock shows at this instant.
    pub fn shown(self, at: Timestamp) -> Timestamp {
        match self {
            Self::None => at,
            Self::Ahead(by) => at.plus(by),
            Self::Behind(by) => at.minus(by),
        }
    }
}

impl FromStr for Skew {
    type Err = FaultsError;

    /// `150ms`, `+150ms` or `-2s`.
    fn from_str(text: &str) -> Result<Self, FaultsError> {
        let (is_behind, size) = match text.strip_prefix('-') {
            Some(size) => (true, size),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        match short(size)? {
            Duration::ZERO => Ok(Self::None),
            by if is_behind => Ok(Self::Behind(by)),
            by => Ok(Self::Ahead(by)),
        }
    }
}

/// Why a text names no faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// Not `fault=…`.
    #[error("`{0}` is no fault with a value; write it like loss=1%")]
    NoValue(String),
    /// A name that no fault has.
    #[error(
        "there is no fault `{0}`; there are loss, duplicates, delay, reorder, outage, slow and skew"
    )]
    Unknown(String),
    /// The value of a fault does not fit.
    #[error("{fault}={value}: {why}")]
    Value {
        /// The fault.
        fault: String,
        /// What was written.
        value: String,
        /// What is wrong with it.
        why: Box<Self>,
    },
    /// Not a share.
    #[error("`{0}` is no share; write it like 1% or 0.01")]
    Share(String),
    /// Not a duration.
    #[error("`{0}` is no duration; write it like 20ms, 2s or 5m")]
    Duration(String),
    /// A duration over [`Faults::HOLD_MAX`].
    #[error("{0} is longer than 24 h")]
    TooLong(String),
    /// A value with a form of its own.
    #[error("write it like {0}")]
    Form(&'static str),
    /// A skew of the webhook path.
    #[error(
        "skew is the clock of EventBridge's envelope; a webhook has none. The tenant's own clock is \
         one for both paths: --clock-skew sets it"
    )]
    SkewOfWebhook,
    /// A fault that is given twice.
    #[error("given twice; keep one of them")]
    Twice,
}

impl FromStr for Faults {
    type Err = FaultsError;

    /// `none`, or faults with commas between them.
    fn from_str(text: &str) -> Result<Self, FaultsError> {
        let mut faults = Self::default();
        if text.trim().is_empty() || text.trim() == Self::NONE {
            return Ok(faults);
        }
        let mut given = Vec::new();
        for part in split(text) {
            let (fault, value) =
                part.split_once('=').ok_or_else(|| FaultsError::NoValue(part.trim().to_owned()))?;
            let (fault, value) = (fault.trim(), value.trim());
            let wrong = |why| FaultsError::Value {
                fault: fault.to_owned(),
                value: value.to_owned(),
                why: Box::new(why),
            };
            // Delays add up, and there may be several outages.
            let may_repeat = matches!(fault, "delay" | "outage");
            if given.contains(&fault) && !may_repeat {
                return Err(wrong(FaultsError::Twice));
            }
            given.push(fault);
            match set(&mut faults, fault, value) {
                Some(set) => set.map_err(wrong)?,
                None => return Err(FaultsError::Unknown(fault.to_owned())),
            }
        }
        Ok(faults)
    }
}

impl Faults {
    /// Reads the faults of this path: `none`, `typical` or `storm`, or faults with commas between them.
    ///
    /// # Errors
    /// When the text names no faults, or none that this path can have.
    pub fn parse(path: Path, text: &str) -> Result<Self, FaultsError> {
        let text = match (text.trim(), path) {
            ("typical", Path::Webhook) => Self::TYPICAL_WEBHOOK,
            ("typical", Path::Eventbridge) => Self::TYPICAL_EVENTBRIDGE,
            ("storm", Path::Webhook) => Self::STORM_WEBHOOK,
            ("storm", Path::Eventbridge) => Self::STORM_EVENTBRIDGE,
            (text, Path::Webhook | Path::Eventbridge) => text,
        };
        let faults: Self = text.parse()?;
        match path {
            Path::Webhook if faults.skew != Skew::None => Err(FaultsError::SkewOfWebhook),
            Path::Webhook | Path::Eventbridge => Ok(faults),
        }
    }
}

/// Sets one fault; `None` when there is none of that name.
fn set(faults: &mut Faults, fault: &str, value: &str) -> Option<Result<(), FaultsError>> {
    let set = match fault {
        "loss" => share(value).map(|loss| faults.loss = loss),
        "duplicates" => held(value, Duration::from_millis(250), "2% or 2%:500ms")
            .map(|duplicates| faults.duplicates = duplicates),
        "reorder" => held(value, Duration::from_secs(1), "1% or 1%:2s")
            .map(|reorder| faults.reorder = reorder),
        "delay" => delay(value).map(|delay| faults.delays.push(delay)),
        "outage" => stretch(value).map(|outage| faults.outages.push(outage)),
        "slow" => short(value).map(|slow| faults.slow = slow),
        "skew" => value.parse().map(|skew| faults.skew = skew),
        _ => return None,
    };
    Some(set)
}

/// At the commas outside of brackets.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |sign| {
        match sign {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        sign == ',' && depth == 0
    })
}

/// Far from where clocks end.
const LONGEST: Duration = Duration::from_hours(24_000);

fn share(text: &str) -> Result<Share, FaultsError> {
    let wrong = || FaultsError::Share(text.to_owned());
    let (number, whole) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let share: f64 = number.trim().parse().map_err(|_| wrong())?;
    let share = share / whole;
    if (0.0..=1.0).contains(&share) { Ok(Share(share)) } else { Err(wrong()) }
}

/// A duration that a fault may have.
fn short(text: &str) -> Result<Duration, FaultsError> {
    let duration = duration(text)?;
    if duration > Faults::HOLD_MAX {
        return Err(FaultsError::TooLong(text.to_owned()));
    }
    Ok(duration)
}

/// Reads a duration such as `250us`, `20ms`, `1.5s`, `5m`, `1h` or `7d`; 1,000 days at most.
///
/// # Errors
/// When it is none.
pub fn duration(text: &str) -> Result<Duration, FaultsError> {
    let wrong = || FaultsError::Duration(text.to_owned());
    let text = text.trim();
    let unit_at = text.find(|sign: char| sign.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(wrong)?;
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let duration = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
    if duration > LONGEST { Err(wrong()) } else { Ok(duration) }
}

/// A share, and perhaps for how long.
fn held(text: &str, hold: Duration, form: &'static str) -> Result<Held, FaultsError> {
    match text.split_once(':') {
        None if text.is_empty() => Err(FaultsError::Form(form)),
        None => Ok(Held { share: share(text)?, hold }),
        Some((part, hold)) => Ok(Held { share: share(part)?, hold: short(hold)? }),
    }
}

const DELAYS: &str = "delay=20ms, delay=lognormal(60ms,400ms) with median and p99, \
    delay=lognormal(60ms,0.8) with median and sigma, or delay=spikes(1%,2s)";

fn delay(text: &str) -> Result<Delay, FaultsError> {
    let Some((kind, rest)) = text.split_once('(') else {
        return short(text).map(Delay::Fixed);
    };
    let wrong = || FaultsError::Form(DELAYS);
    let (one, two) =
        rest.strip_suffix(')').and_then(|rest| rest.split_once(',')).ok_or_else(wrong)?;
    let (one, two) = (one.trim(), two.trim());
    match kind.trim() {
        "lognormal" => {
            let median = short(one)?;
            if let Ok(sigma) = two.parse::<f64>() {
                let is_fine = (0.0..=10.0).contains(&sigma);
                return is_fine.then_some(Delay::LogNormal { median, sigma }).ok_or_else(wrong);
            }
            let p99 = short(two)?;
            let is_fine = p99 >= median && !median.is_zero();
            is_fine.then(|| Delay::log_normal_to(median, p99)).ok_or_else(wrong)
        }
        "spikes" => Ok(Delay::Spikes { share: share(one)?, extra: short(two)? }),
        _ => Err(wrong()),
    }
}

fn stretch(text: &str) -> Result<Stretch, FaultsError> {
    const FORM: &str = "outage=30s+10s: from 30 s after the start, for 10 s";
    let (from, lasts) = text.split_once('+').ok_or(FaultsError::Form(FORM))?;
    Ok(Stretch { from: short(from)?, lasts: short(lasts)? })
}
