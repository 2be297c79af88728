//! IP addresses and blocks of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is wrong with a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// No `/`, or several.
    #[error("a block is an address, one `/` and a number of bits, such as 10.0.0.0/8")]
    NoBlock,
    /// Not an IP address.
    #[error("`{0}` is no IPv4 or IPv6 address")]
    Address(String),
    /// Not a number of bits that makes a block.
    #[error("`{bits}` is no number of bits from 0 to {max}")]
    Bits {
        /// What was written.
        bits: String,
        /// The most that EventBridge takes.
        max: u32,
    },
}

/// A block of addresses, by its first and last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cidr {
    first: IpAddr,
    last: IpAddr,
}

impl Cidr {
    /// Reads `10.0.0.0/8`. Bits behind the mask need not be zero. A single address is no block:
    /// event-ruler refuses `/32` and `/128` (`CIDR.java`: "IPv4 mask bits must be < 32").
    pub(super) fn parse(text: &str) -> Result<Self, CidrError> {
        let (base, bits) = text.split_once('/').ok_or(CidrError::NoBlock)?;
        if bits.contains('/') {
            return Err(CidrError::NoBlock);
        }
        let base = address(base).ok_or_else(|| CidrError::Address(base.to_owned()))?;
        let max = if base.is_ipv4() { 31 } else { 127 };
        let count = bits.parse::<u32>().ok().filter(|count| *count <= max);
        let count = count.ok_or_else(|| CidrError::Bits { bits: bits.to_owned(), max })?;
        let (first, last) = match base {
            IpAddr::V4(base) => {
                let variable = u32::MAX >> count;
                let base = base.to_bits() & !variable;
                (Ipv4Addr::from_bits(base).into(), Ipv4Addr::from_bits(base | variable).into())
            }
            IpAddr::V6(base) => {
                let variable = u128::MAX >> count;
                let base = base.to_bits() & !variable;
                (Ipv6Addr::from_bits(base).into(), Ipv6Addr::from_bits(base | variable).into())
            }
        };
        Ok(Self { first, last })
    }

    /// Whether the text is an address of the block. Every IPv4 address sorts before every IPv6
    /// address, so that none is in a block of the other kind.
    pub(super) fn contains(&self, text: &str) -> bool {
        address(text).is_some_and(|address| self.first <= address && address <= self.last)
    }
}

/// An address as event-ruler reads it (`CIDR.java`, on Java's `InetAddress`): four decimal numbers,
/// zeros before them allowed; or IPv6 without a zone and without an IPv4 part, and an IPv4 address
/// in IPv6's form is the IPv4 address.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        let plain = text.bytes().all(|byte| byte == b':' || byte.is_ascii_hexdigit());
        let address: Ipv6Addr = text.parse().ok().filter(|_| plain)?;
        return Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4));
    }
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?;
        let significant = part.trim_start_matches('0');
        *octet = if !part.is_empty() && significant.is_empty() {
            0
        } else {
            significant.parse().ok()?
        };
    }
    parts.next().is_none().then(|| octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(block: &str, text: &str, expected: bool) {
        assert_eq!(Cidr::parse(block).unwrap().contains(text), expected, "{block} {text}");
    }

    #[test]
    fn a_block_has_its_first_and_its_last_address() {
        check("203.0.113.0/24", "203.0.113.0", true);
        check("203.0.113.0/24", "203.0.113.255", true);
        check("203.0.113.0/24", "203.0.114.0", false);
        check("203.0.113.77/24", "203.0.113.1", true);
        check("10.0.0.0/0", "255.255.255.255", true);
        check("10.0.0.0/31", "10.0.0.1", true);
        check("10.0.0.0/31", "10.0.0.2", false);
        check("010.000.0.0/8", "10.1.02.003", true);
        check("2001:db8::/32", "2001:DB8:0:0:0:0:0:1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::/0", "10.0.0.1", false);
        check("0.0.0.0/0", "::1", false);
        check("10.0.0.0/8", "::ffff:0a00:0001", true);
    }

    #[test]
    fn what_is_no_address_is_in_no_block() {
        for text in ["", "10", "10.0.0", "10.0.0.1.2", "10.0.0.256", "10.0.0.-1", "10.0.0.1 "] {
            check("0.0.0.0/0", text, false);
        }
        for text in [":", "::ffff:10.0.0.1", "fe80::1%eth0", "12345::", ":::"] {
            check("::/0", text, false);
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        let bits = |bits: &str, max| CidrError::Bits { bits: bits.into(), max };
        for (text, expected) in [
            ("10.0.0.0", CidrError::NoBlock),
            ("10.0.0.0/8/8", CidrError::NoBlock),
            ("10.0.0.0/32", bits("32", 31)),
            ("2001:db8::/128", bits("128", 127)),
            ("10.0.0.0/-1", bits("-1", 31)),
            ("10.0.0.0/", bits("", 31)),
            ("example.com/8", CidrError::Address("example.com".into())),
            ("/8", CidrError::Address(String::new())),
        ] {
            assert_eq!(Cidr::parse(text), Err(expected), "{text}");
        }
    }
}
