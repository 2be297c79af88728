//! Charts: from numbers to places in a picture. Templates put them into SVG; colours come from the
//! style sheet, by class.

mod coverage;
mod race;
mod sparkline;

pub(super) use self::coverage::{Stretch, stretches};
pub(super) use self::race::{
    HEIGHT as RACE_HEIGHT, NAMES_Y as RACE_NAMES_Y, Race, Runners, SECOND, Size, lane_y,
};
pub(super) use self::sparkline::Sparkline;
pub(super) use crate::compare::report::charts::{PathData, px};
