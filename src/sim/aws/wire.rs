//! What both protocols share: JSON in, JSON out.

use serde::de::DeserializeOwned;

use super::refusal::{Code, Refusal};

/// Reads a call's parameters.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    // A call without parameters may come without a body.
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Refusal::new(Code::Serialization, error))
}

/// Whole seconds of a time that came as a JSON number with a fraction; out of range is the nearest
/// in range.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a cast from f64 saturates, which is what is wanted"
)]
pub(super) const fn to_number(seconds: f64) -> i64 {
    seconds.floor() as i64
}
