//! Which addresses are the public Internet's, and which lead to somebody's inside.
//!
//! A target may be limited to public ones, so that who may write the configuration can't make the
//! gateway speak to the machines around it (server-side request forgery). Sources: IANA's IPv4 and
//! IPv6 Special-Purpose Address Registries, and the RFC at each range.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A range of addresses, and what it is.
type Range<Address> = (Address, u32, &'static str);

/// Everything of IPv4 that is not the public Internet.
const V4: [Range<Ipv4Addr>; 17] = [
    (Ipv4Addr::UNSPECIFIED, 8, "this network (RFC 791)"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private (RFC 1918)"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by a carrier's customers (RFC 6598)"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback (RFC 1122)"),
    // Where clouds serve a machine's credentials: 169.254.169.254.
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local (RFC 3927)"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private (RFC 1918)"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "for protocols (RFC 6890)"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation (RFC 5737)"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "of 6to4 relays (RFC 7526)"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private (RFC 1918)"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks (RFC 2544)"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation (RFC 5737)"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation (RFC 5737)"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast (RFC 5771)"),
    (Ipv4Addr::BROADCAST, 32, "broadcast (RFC 919)"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved (RFC 1112)"),
    // Not IANA's: Azure answers its machines there (Microsoft Learn, "What is IP address
    // 168.63.129.16?").
    (Ipv4Addr::new(168, 63, 129, 16), 32, "of the cloud's own services (Azure)"),
];

/// What of IPv6 carries an IPv4 address, or is otherwise not the public Internet, by name. All outside
/// of `2000::/3` is not, named or not: nothing else is allocated as global unicast (RFC 4291, IANA's
/// IPv6 Global Unicast Address Assignments).
const V6: [Range<Ipv6Addr>; 15] = [
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified (RFC 4291)"),
    (Ipv6Addr::LOCALHOST, 128, "loopback (RFC 4291)"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "an IPv4 address in IPv6's form (RFC 4291)"),
    (Ipv6Addr::UNSPECIFIED, 96, "an IPv4 address in IPv6's form (RFC 4291)"),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "of local translators (RFC 8215)"),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "for discarding (RFC 6666)"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, "of Teredo tunnels (RFC 4380)"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "for protocols and benchmarks (RFC 2928)"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation (RFC 3849)"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "of 6to4 tunnels (RFC 3056)"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation (RFC 9637)"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "unique local (RFC 4193)"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local (RFC 4291)"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "site-local (RFC 3879)"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast (RFC 4291)"),
];

const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// In a network without IPv4, this is how names that have only an IPv4 address resolve (DNS64): such
/// an address is as public as the one in it (RFC 6052).
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// What an address is that is not the public Internet's; `None` when it is.
pub(super) fn why_not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Option<&'static str> {
    let within =
        |first: Ipv4Addr, bits: u32| (u32::from(address) ^ u32::from(first)) >> (32 - bits) == 0;
    V4.iter().find(|(first, bits, _)| within(*first, *bits)).map(|(_, _, what)| *what)
}

fn v6(address: Ipv6Addr) -> Option<&'static str> {
    let within =
        |first: Ipv6Addr, bits: u32| (u128::from(address) ^ u128::from(first)) >> (128 - bits) == 0;
    if within(NAT64.0, NAT64.1) {
        let [.., a, b, c, d] = address.octets();
        return v4(Ipv4Addr::new(a, b, c, d));
    }
    let named = V6.iter().find(|(first, bits, _)| within(*first, *bits));
    let global = within(GLOBAL_UNICAST.0, GLOBAL_UNICAST.1);
    let unnamed = (!global).then_some("no global unicast address (RFC 4291)");
    named.map(|(_, _, what)| *what).or(unnamed)
}

/// An address that is not the public Internet's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPublic {
    address: IpAddr,
    what: &'static str,
}

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.address, self.what)
    }
}

/// Whether a URL names an address itself that is not the public Internet's. A client asks no resolver
/// for such a host, so that this has to be asked before.
///
/// # Errors
/// The address, and what it is.
pub fn check_literal(url: &url::Url) -> Result<(), NotPublic> {
    let address = match url.host() {
        Some(url::Host::Ipv4(address)) => IpAddr::V4(address),
        Some(url::Host::Ipv6(address)) => IpAddr::V6(address),
        Some(url::Host::Domain(_)) | None => return Ok(()),
    };
    why_not_public(address).map_or(Ok(()), |what| Err(NotPublic { address, what }))
}

/// Why a name leads nowhere public.
#[derive(Debug, thiserror::Error)]
enum ResolveError {
    /// It has addresses, and none that may be used.
    #[error("`{name}` has no public address: {}", list(refused))]
    NotPublic { name: String, refused: Vec<NotPublic> },
    /// It can't be resolved.
    #[error("looking up `{name}`")]
    LookUp { name: String, source: std::io::Error },
}

/// Addresses shown of one name at most.
const SHOWN_MAX: usize = 3;

fn list(refused: &[NotPublic]) -> String {
    let shown = refused.iter().take(SHOWN_MAX).map(ToString::to_string);
    let mut shown: Vec<String> = shown.collect();
    if refused.len() > SHOWN_MAX {
        shown.push(format!("{} more", refused.len() - SHOWN_MAX));
    }
    shown.join(", ")
}

/// Resolves names as the host does, and leaves out every address that is not public. What it returns
/// is what is connected to: a name that is public when it is checked and private when it is used
/// (DNS rebinding) gains nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            // The client puts the URL's port, or its scheme's, in the place of 0.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found
                .map(Iterator::collect)
                .map_err(|source| ResolveError::LookUp { name: name.clone(), source })?;
            let public: Addrs = Box::new(only_public(name, found)?.into_iter());
            Ok(public)
        })
    }
}

fn only_public(name: String, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, ResolveError> {
    let (mut public, mut refused) = (Vec::new(), Vec::new());
    for address in found {
        match why_not_public(address.ip()) {
            None => public.push(address),
            Some(what) => refused.push(NotPublic { address: address.ip(), what }),
        }
    }
    if public.is_empty() {
        return Err(ResolveError::NotPublic { name, refused });
    }
    Ok(public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: Option<&str>) {
        let what = why_not_public(address.parse().unwrap());
        match expected {
            None => assert_eq!(what, None, "{address}"),
            Some(part) => {
                assert!(what.is_some_and(|what| what.contains(part)), "{address}: {what:?}");
            }
        }
    }

    /// First and last address of each range, and the public ones beside it.
    #[test]
    fn ranges_of_ipv4() {
        for (first, last, what) in [
            ("0.0.0.0", "0.255.255.255", "RFC 791"),
            ("10.0.0.0", "10.255.255.255", "RFC 1918"),
            ("100.64.0.0", "100.127.255.255", "RFC 6598"),
            ("127.0.0.0", "127.255.255.255", "RFC 1122"),
            ("169.254.0.0", "169.254.255.255", "RFC 3927"),
            ("172.16.0.0", "172.31.255.255", "RFC 1918"),
            ("192.0.0.0", "192.0.0.255", "RFC 6890"),
            ("192.0.2.0", "192.0.2.255", "RFC 5737"),
            ("192.88.99.0", "192.88.99.255", "RFC 7526"),
            ("192.168.0.0", "192.168.255.255", "RFC 1918"),
            ("198.18.0.0", "198.19.255.255", "RFC 2544"),
            ("198.51.100.0", "198.51.100.255", "RFC 5737"),
            ("203.0.113.0", "203.0.113.255", "RFC 5737"),
            ("224.0.0.0", "239.255.255.255", "RFC 5771"),
            ("240.0.0.0", "255.255.255.254", "RFC 1112"),
            ("168.63.129.16", "168.63.129.16", "Azure"),
        ] {
            check(first, Some(what));
            check(last, Some(what));
        }
        check("169.254.169.254", Some("link-local"));
        check("255.255.255.255", Some("broadcast"));
        check("100.100.100.200", Some("RFC 6598"));
        for public in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "168.63.129.15",
            "168.63.129.17",
            "8.8.8.8",
        ] {
            check(public, None);
        }
    }

    #[test]
    fn ranges_of_ipv6() {
        for (first, last, what) in [
            ("::", "::", "unspecified"),
            ("::1", "::1", "loopback"),
            ("::2", "::ffff:ffff", "IPv4"),
            ("::ffff:0.0.0.0", "::ffff:255.255.255.255", "IPv4"),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "RFC 8215"),
            ("100::", "100::ffff:ffff:ffff:ffff", "RFC 6666"),
            ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "RFC 4380"),
            ("2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "RFC 2928"),
            ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "RFC 2928"),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "RFC 3849"),
            ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "RFC 3056"),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "RFC 9637"),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "RFC 4193"),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
            ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "RFC 3879"),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
            // Never allocated, or taken back: no name, and not public.
            ("4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "no global unicast"),
            ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "no global unicast"),
        ] {
            check(first, Some(what));
            check(last, Some(what));
        }
        for public in [
            "2000::1",
            "2001:200::",
            "2001:4860:4860::8888",
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db9::",
            "2003::",
            "2606:4700:4700::1111",
            "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "3fff:1000::",
        ] {
            check(public, None);
        }
    }

    #[test]
    fn an_ipv4_address_inside_of_ipv6_hides_nothing() {
        for address in [
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "::8.8.8.8",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001:0:808:808::f7f7:f7f7",
        ] {
            assert!(why_not_public(address.parse().unwrap()).is_some(), "{address}");
        }
        // DNS64 makes these of every name that has an IPv4 address alone.
        check("64:ff9b::8.8.8.8", None);
        check("64:ff9b::127.0.0.1", Some("loopback"));
        check("64:ff9b::169.254.169.254", Some("link-local"));
        check("64:ff9b::10.0.0.1", Some("private"));
    }

    #[track_caller]
    fn check_url(url: &str, expected: Option<&str>) {
        let result = check_literal(&url.parse().unwrap()).map_err(|error| error.to_string());
        assert_eq!(result.err().as_deref(), expected, "{url}");
    }

    #[test]
    fn a_url_with_an_address_in_it_however_written() {
        check_url("https://app.example.com/", None);
        check_url("https://8.8.8.8/", None);
        let loopback = Some("127.0.0.1 is loopback (RFC 1122)");
        for url in [
            "http://127.0.0.1:8080/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://0177.0.0.1/",
            "http://127.0.0.1./",
            "http://%31%32%37.0.0.1/",
            "http://１２７.0.0.1/",
        ] {
            check_url(url, loopback);
        }
        check_url("http://[::1]/", Some("::1 is loopback (RFC 4291)"));
        let mapped = "::ffff:127.0.0.1 is an IPv4 address in IPv6's form (RFC 4291)";
        check_url("http://[::ffff:7f00:1]/", Some(mapped));
    }

    #[tokio::test]
    async fn a_name_is_left_its_public_addresses() {
        let socket = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let (public, private) = (socket("8.8.8.8:0"), socket("10.0.0.1:0"));
        let found = only_public("app".into(), vec![private, public]).unwrap();
        assert_eq!(found, [public]);
        let error = only_public("app".into(), vec![private, socket("[::1]:0")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`app` has no public address: 10.0.0.1 is private (RFC 1918), ::1 is loopback (RFC 4291)"
        );
        let many = (0..5).map(|last| socket(&format!("10.0.0.{last}:0"))).collect();
        let error = only_public("app".into(), many).unwrap_err().to_string();
        assert!(error.ends_with("10.0.0.2 is private (RFC 1918), 2 more"), "{error}");
        // The resolver as the client calls it.
        let error = PublicOnly.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(error.to_string().contains("`localhost` has no public address: "), "{error}");
    }
}
