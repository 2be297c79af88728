//! The part of the configuration that asking a running gateway takes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use secrecy::SecretString;

use super::check::Check;
use super::{ConfigError, Sources, layers, raw};

/// The variable that a token is taken from when the configuration names no other.
const TOKEN_VARIABLE: &str = "TWINSTREAM_ADMIN_TOKEN";

/// What asking a running gateway takes.
#[derive(Debug, Clone)]
pub struct ForAsking {
    /// Where its admin listener is, by the configuration; none when that leaves the port open.
    pub admin: Option<SocketAddr>,
    /// The token that it demands, if one is known.
    pub token: Option<SecretString>,
    /// The login name of whoever asks.
    pub who: Option<String>,
}

impl ForAsking {
    /// Reads `admin.listen`, the token (of `admin.token`, else of `TWINSTREAM_ADMIN_TOKEN`) and the
    /// login name. No other secret is looked for.
    ///
    /// # Errors
    /// The key that is wrong, with its source and remedy.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let layers = layers(sources)?;
        let raw = raw(&layers::merge(&layers), &layers)?;
        let variable = |name: &str| {
            let text = sources.environment.get(name);
            text.filter(|text| !text.trim().is_empty()).cloned()
        };
        let mut check = Check::new(&layers, &sources.environment);
        let token = token(&mut check, &raw.admin, variable(TOKEN_VARIABLE));
        if !check.problems.is_empty() {
            return Err(ConfigError { problems: check.problems });
        }
        let who = variable("USER").or_else(|| variable("LOGNAME"));
        Ok(Self { admin: reachable(raw.admin.listen), token, who })
    }
}

/// The gateway's own source of the token may be out of reach for whoever asks, as a file of another
/// user's is: then the variable helps.
fn token(
    check: &mut Check<'_>,
    raw: &raw::Admin,
    variable: Option<String>,
) -> Option<SecretString> {
    let known = check.problems.len();
    let token = raw.token.as_ref().and_then(|source| check.secret_at("admin.token", source));
    if token.is_none() && variable.is_some() {
        check.problems.truncate(known);
    }
    let token = token.or_else(|| variable.map(SecretString::from))?;
    check.fits_a_header("admin.token", &token);
    Some(token)
}

/// Where something that listens there is found from the same machine. `None` for port 0: only the gateway
/// knows which one it took.
fn reachable(listen: SocketAddr) -> Option<SocketAddr> {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (listen.port() != 0).then(|| SocketAddr::new(ip, listen.port()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn sources(toml: &str, variables: &[(&str, &str)]) -> Sources {
        let variables = variables.iter().map(|(name, text)| ((*name).into(), (*text).into()));
        let environment: BTreeMap<String, String> = variables.collect();
        Sources { environment, overlay: Some(("test".into(), toml.into())), ..Sources::default() }
    }

    #[track_caller]
    fn check_address(listen: &str, expected: Option<&str>) {
        let toml = format!("[admin]\nlisten = \"{listen}\"");
        let found = ForAsking::load(&sources(&toml, &[])).unwrap().admin;
        assert_eq!(found, expected.map(|text| text.parse().unwrap()), "{listen}");
    }

    #[test]
    fn a_gateway_is_found_where_it_listens() {
        check_address("127.0.0.1:9400", Some("127.0.0.1:9400"));
        check_address("10.1.2.3:80", Some("10.1.2.3:80"));
        check_address("0.0.0.0:9400", Some("127.0.0.1:9400"));
        check_address("[::]:9400", Some("[::1]:9400"));
        check_address("127.0.0.1:0", None);
        let default = ForAsking::load(&Sources::default()).unwrap();
        assert_eq!(default.admin, Some(([127, 0, 0, 1], 9400).into()));
        assert!(default.token.is_none() && default.who.is_none());
    }

    #[track_caller]
    fn check_token(toml: &str, variables: &[(&str, &str)], expected: Result<Option<&str>, &str>) {
        let found = ForAsking::load(&sources(toml, variables));
        let found = found.map(|asking| asking.token.map(|text| text.expose_secret().to_owned()));
        match expected {
            Ok(expected) => assert_eq!(found.unwrap().as_deref(), expected),
            Err(part) => {
                let said = found.unwrap_err().to_string();
                assert!(said.contains(part), "{said}");
            }
        }
    }

    #[test]
    fn the_token_is_the_configurations_or_that_of_the_variable() {
        let named = "admin.token = { env = \"OTHER\" }";
        let variable = ("TWINSTREAM_ADMIN_TOKEN", "one");
        check_token("", &[], Ok(None));
        check_token("", &[variable], Ok(Some("one")));
        check_token("", &[("TWINSTREAM_ADMIN_TOKEN", "")], Ok(None));
        check_token(named, &[("OTHER", "two"), variable], Ok(Some("two")));
        check_token(named, &[variable], Ok(Some("one")));
        check_token(named, &[], Err("OTHER is not set"));
        check_token("admin.token = { file = \"/nowhere\" }", &[variable], Ok(Some("one")));
        check_token("", &[("TWINSTREAM_ADMIN_TOKEN", "a\u{7f}b")], Err("no header may have"));
    }

    #[test]
    fn whoever_asks_is_known_by_the_login_name() {
        let who = |variables| ForAsking::load(&sources("", variables)).unwrap().who;
        assert_eq!(who(&[("LOGNAME", "kim")]).as_deref(), Some("kim"));
        assert_eq!(who(&[("USER", "lee"), ("LOGNAME", "kim")]).as_deref(), Some("lee"));
        assert_eq!(who(&[("USER", "")]), None);
    }
}
