//! Numbers as bytes: seven bits to a byte, the lowest first (LEB128).

use super::sketch::Malformed;

/// Appends a number: one byte below 128, ten at most.
pub(in crate::summary) fn put(into: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            into.push(low);
            return;
        }
        into.push(low | 0x80);
    }
}

/// Takes a number off the front.
pub(in crate::summary) fn take(from: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first().ok_or(Malformed)?;
        *from = rest;
        let bits = u64::from(byte & 0x7f);
        let placed = bits.checked_shl(shift).filter(|placed| placed >> shift == bits);
        number |= placed.ok_or(Malformed)?;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Malformed)
}
