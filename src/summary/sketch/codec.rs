//! Sketches as bytes.

use thiserror::Error;

use super::precision::LONGEST_MS;
use super::{Precision, Sketch};
use crate::summary::varint::{put, take};

/// The bytes are no sketch, or one of a later version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("malformed summary")]
pub struct Malformed;

impl Sketch {
    /// Appends the sketch as bytes: 2 for an empty one, then 17 and some 3 for each bin.
    ///
    /// The precision; the number of bins; if there is one, the smallest and the largest value, how many
    /// are negative, and each bin's number (the first zigzag, each other one as what it is more than the
    /// one before) and count.
    pub fn encode(&self, into: &mut Vec<u8>) {
        into.push(self.precision.code());
        put(into, u64::try_from(self.bins.len()).unwrap_or(u64::MAX));
        if self.bins.is_empty() {
            return;
        }
        into.extend_from_slice(&self.min.to_le_bytes());
        into.extend_from_slice(&self.max.to_le_bytes());
        put(into, self.negative);
        let mut before = None;
        for (index, count) in &self.bins {
            put(into, before.map_or_else(|| zigzag(*index), |before| distance(before, *index)));
            put(into, *count);
            before = Some(*index);
        }
    }

    /// Takes off the front what [`Sketch::encode`] gave.
    ///
    /// # Errors
    /// When the bytes are no sketch. Whatever they are, no more is allocated than they are long, eight
    /// times.
    pub fn decode(from: &mut &[u8]) -> Result<Self, Malformed> {
        let [code] = take_bytes(from)?;
        let mut sketch = Self::new(Precision::from_code(code).ok_or(Malformed)?);
        let bins = usize::try_from(take(from)?).map_err(|_| Malformed)?;
        if bins == 0 {
            return Ok(sketch);
        }
        sketch.min = f64::from_le_bytes(take_bytes(from)?);
        sketch.max = f64::from_le_bytes(take_bytes(from)?);
        sketch.negative = take(from)?;
        // A bin takes two bytes at least.
        if bins > from.len() / 2 {
            return Err(Malformed);
        }
        sketch.bins.reserve_exact(bins);
        for _ in 0..bins {
            let number = take(from)?;
            let index = match sketch.bins.last() {
                None => unzigzag(number).ok_or(Malformed)?,
                Some((before, _)) => following(*before, number).ok_or(Malformed)?,
            };
            let count = take(from)?;
            sketch.count = sketch.count.checked_add(count).ok_or(Malformed)?;
            sketch.bins.push((index, count));
        }
        if sketch.is_sound() { Ok(sketch) } else { Err(Malformed) }
    }

    /// Whether a sketch with values is as adding them would have made it.
    fn is_sound(&self) -> bool {
        let last = self.precision.index_max();
        let range = -last..=last;
        self.bins.iter().all(|(index, count)| *count > 0 && range.contains(index))
            && -LONGEST_MS <= self.min
            && self.min <= self.max
            && self.max <= LONGEST_MS
            && self.negative <= self.count
    }
}

fn take_bytes<const N: usize>(from: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (bytes, rest) = from.split_first_chunk().ok_or(Malformed)?;
    *from = rest;
    Ok(*bytes)
}

/// 0, −1, 1, −2, … as 0, 1, 2, 3, …
fn zigzag(index: i32) -> u64 {
    2 * u64::from(index.unsigned_abs()) - u64::from(index < 0)
}

fn unzigzag(number: u64) -> Option<i32> {
    let size = i32::try_from(number.div_ceil(2)).ok()?;
    Some(if number.is_multiple_of(2) { size } else { -size })
}

fn distance(before: i32, index: i32) -> u64 {
    u64::from(index.abs_diff(before))
}

/// The number that is so much more; `None` where it is no more.
fn following(before: i32, distance: u64) -> Option<i32> {
    let distance = i32::try_from(distance).ok().filter(|distance| *distance > 0)?;
    before.checked_add(distance)
}
