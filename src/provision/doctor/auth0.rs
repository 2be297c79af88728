//! The tenant's Management API, and the two streams.

use std::collections::BTreeSet;

use url::Url;

use super::Check;
use crate::event::{Path, PathSet, PerPath, legible};
use crate::provision::auth0::{ApiError, Destination, SCOPES, Settings, Stream, StreamStatus};
use crate::provision::reconcile::Failures;
use crate::telemetry::Chain;

/// What Auth0 says, and what the configuration wants of it.
#[derive(Debug)]
pub struct Facts {
    /// Which doors are open.
    pub mode: PathSet,
    /// The table `[auth0]`.
    pub settings: Settings,
    /// The scopes of the token; `None` where Auth0 does not say.
    pub scopes: Result<Option<BTreeSet<String>>, ApiError>,
    /// All streams of the tenant.
    pub streams: Result<Vec<Stream>, ApiError>,
    /// What each of the two could not deliver.
    pub failures: PerPath<Option<Result<Failures, ApiError>>>,
    /// Why each could not deliver last, in Auth0's words.
    pub newest_error: PerPath<Option<String>>,
    /// The account and the region of the queue, where its URL tells them.
    pub queue: Option<(String, String)>,
}

const SETUP: &str = "twinstream setup auth0 streams";
/// So many failures away from being switched off is near.
const LEFT_MIN: u64 = 250;

/// All checks at Auth0.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let scopes = match &facts.scopes {
        Ok(scopes) => scopes,
        Err(error) => {
            let advice = "Nothing can be asked of the Management API without a token. Are auth0.domain, \
                          client_id and client_secret those of a machine-to-machine application that is \
                          authorized for the Auth0 Management API?";
            let found = Chain(error).to_string();
            return vec![if error.is_transient() {
                Check::not_asked("token of the Management API", found, advice)
            } else {
                Check::bad("token of the Management API", found, advice)
            }];
        }
    };
    let mut checks = vec![Check::good("token of the Management API", "granted")];
    checks.extend(missing_scopes(scopes.as_ref()));
    let streams = match &facts.streams {
        Ok(streams) => streams,
        Err(error) => {
            let advice = "The streams can't be looked at.";
            checks.push(Check::bad("event streams", Chain(error).to_string(), advice));
            return checks;
        }
    };
    for path in Path::ALL.into_iter().filter(|path| facts.mode.contains(*path)) {
        checks.extend(of_path(facts, streams, path));
    }
    if facts.mode == PathSet::Both {
        checks.extend(same_types(facts, streams));
    }
    checks
}

fn missing_scopes(scopes: Option<&BTreeSet<String>>) -> Vec<Check> {
    let Some(scopes) = scopes else {
        return vec![Check::good("scopes", "Auth0 does not tell them")];
    };
    let missing = SCOPES.iter().filter(|(scope, _)| !scopes.contains(*scope));
    let missing: Vec<Check> = missing
        .map(|(scope, use_of)| {
            let advice = format!(
                "Without it twinstream can't {use_of}. Grant it to the application in Auth0, under APIs, \
                 Auth0 Management API."
            );
            Check::look(format!("scope {scope}"), "missing", advice)
        })
        .collect();
    if missing.is_empty() { vec![Check::good("scopes", "all are granted")] } else { missing }
}

fn name_of(settings: &Settings, path: Path) -> &str {
    match path {
        Path::Webhook => &settings.webhook_stream,
        Path::Eventbridge => &settings.eventbridge_stream,
    }
}

fn found<'a>(facts: &Facts, streams: &'a [Stream], path: Path) -> Option<&'a Stream> {
    let name = name_of(&facts.settings, path);
    streams.iter().find(|stream| stream.name == name)
}

fn of_path(facts: &Facts, streams: &[Stream], path: Path) -> Vec<Check> {
    let what = format!("{path} stream");
    let Some(stream) = found(facts, streams, path) else {
        let name = name_of(&facts.settings, path);
        let found = format!("none is called {name}, of {}", streams.len());
        let advice = "No event comes by this path. Make it, or give auth0.webhook_stream or \
                      auth0.eventbridge_stream the name of the one that is there; a plan may have room \
                      for one only.";
        return vec![Check::bad(what, found, advice).mended_by(SETUP)];
    };
    let state = match &stream.status {
        StreamStatus::Enabled => Check::good(what.clone(), format!("{}, enabled", stream.name)),
        StreamStatus::Disabled | StreamStatus::Other(_) => {
            let advice = "Its new events are kept nowhere. Auth0 switches a stream off after 500 failures in \
                          a row, or 5,000 in all: see what failed first.";
            Check::bad(what.clone(), format!("{}, DISABLED", stream.name), advice)
                .mended_by(format!("twinstream setup auth0 enable {path}"))
        }
    };
    vec![state, destination(facts, stream, path), failures(facts, path)]
}

fn destination(facts: &Facts, stream: &Stream, path: Path) -> Check {
    let what = format!("destination of the {path} stream");
    match (&stream.destination, path) {
        (Destination::Webhook { endpoint, method, .. }, Path::Webhook) => {
            let found = format!("{endpoint}, {method}");
            match &facts.settings.webhook_url {
                Some(url) if Url::parse(endpoint).ok().as_ref() != Some(url) => {
                    let advice = format!("auth0.webhook_url is {url}: its webhooks go elsewhere.");
                    Check::bad(what, found, advice).mended_by(SETUP)
                }
                Some(_) | None => Check::good(what, found),
            }
        }
        (Destination::Eventbridge { account, region, source }, Path::Eventbridge) => {
            let source = source.as_deref().unwrap_or("a source that Auth0 does not name");
            let found = format!("{account} in {region}, {source}");
            match &facts.queue {
                Some((own, here)) if (own, here) != (account, region) => {
                    let advice = format!(
                        "The queue is of {own} in {here}: events go to another account or region. A \
                         stream's account and region can't be changed: delete it in Auth0, and make it anew."
                    );
                    Check::bad(what, found, advice).mended_by(SETUP)
                }
                Some(_) | None => Check::good(what, found),
            }
        }
        (other, _) => {
            let kind = match other {
                Destination::Webhook { .. } => "a webhook",
                Destination::Eventbridge { .. } => "EventBridge",
                Destination::Other { kind } => kind,
            };
            let advice =
                "The stream of this name is of another kind: give it, or the key, another name.";
            Check::bad(what, format!("it is {kind}"), advice)
        }
    }
}

fn failures(facts: &Facts, path: Path) -> Check {
    let what = format!("failed deliveries of the {path} stream");
    let failures = match facts.failures.of(path) {
        Some(Ok(failures)) => *failures,
        Some(Err(error)) => {
            let advice = "How near the stream is to being switched off is not known.";
            return Check::bad(what, Chain(error).to_string(), advice);
        }
        None => return Check::not_asked(what, "not asked", "The stream could not be found."),
    };
    let left = failures.left();
    let mut found =
        format!("{} of 500 in a row, {} of 5,000 in all", failures.in_a_row, failures.in_all);
    let newest = facts.newest_error.of(path).as_deref();
    if let Some(newest) = newest.filter(|_| failures.in_all > 0) {
        found = format!("{found}; the newest: {}", legible(newest));
    }
    if path == Path::Webhook && failures.in_a_row > 0 && newest.is_some_and(says_unauthorized) {
        let advice = "Auth0 proves itself with a secret that the door does not take, and never repeats what is \
                      refused so. Give it the newest of webhook.secrets, then ask for what was lost.";
        return Check::bad(what, found, advice)
            .mended_by("twinstream setup auth0 streams --set-secret, then twinstream reconcile");
    }
    if left < LEFT_MIN {
        let advice =
            format!("After {left} more Auth0 switches the stream off. Mend the door first.");
        return Check::bad(what, found, advice).mended_by("twinstream reconcile --dry-run");
    }
    if failures.in_all > 0 {
        let advice = "Auth0 keeps them for a while: ask for those that the journal does not have.";
        return Check::look(what, found, advice).mended_by("twinstream reconcile --dry-run");
    }
    Check::good(what, "none")
}

/// Auth0's words for a failed try are not documented; the status stands in them as a number.
fn says_unauthorized(error: &str) -> bool {
    error.split(|sign: char| !sign.is_ascii_digit()).any(|number| number == "401")
}

/// The comparison is of like with like only where both streams send the same types.
fn same_types(facts: &Facts, streams: &[Stream]) -> Option<Check> {
    const WHAT: &str = "types of both streams";
    let of = |path| found(facts, streams, path);
    let (webhook, eventbridge) = (of(Path::Webhook)?, of(Path::Eventbridge)?);
    let types = |stream: &Stream| stream.event_types.iter().cloned().collect::<BTreeSet<_>>();
    let (webhook, eventbridge) = (types(webhook), types(eventbridge));
    if webhook == eventbridge {
        return Some(Check::good(WHAT, format!("the same {}", webhook.len())));
    }
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>, path: Path| {
        let only: Vec<&str> = one.difference(other).map(String::as_str).collect();
        (!only.is_empty()).then(|| format!("by {path} alone: {}", only.join(", ")))
    };
    let parts = [
        only(&webhook, &eventbridge, Path::Webhook),
        only(&eventbridge, &webhook, Path::Eventbridge),
    ];
    let found = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
    let advice = "A comparison of all types counts them as lost by the other path.";
    Some(Check::bad(WHAT, found, advice).mended_by(SETUP))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::super::State;
    use super::*;

    const URL: &str = "https://gateway.example.com/webhooks/auth0";

    fn stream(name: &str, destination: Destination) -> Stream {
        Stream {
            id: "est_1".into(),
            name: name.into(),
            status: StreamStatus::Enabled,
            event_types: vec!["user.created".into(), "user.updated".into()],
            destination,
            created_at: None,
            updated_at: None,
        }
    }

    fn facts() -> Facts {
        let webhook =
            Destination::Webhook { endpoint: URL.into(), method: "bearer".into(), name: None };
        let eventbridge = Destination::Eventbridge {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            source: Some("aws.partner/auth0.com/acme-1/auth0.events".into()),
        };
        Facts {
            mode: PathSet::Both,
            settings: Settings {
                domain: "acme.eu.auth0.com".into(),
                endpoint_url: None,
                client_id: "client".into(),
                client_secret: SecretString::from("secret"),
                webhook_stream: "hook".into(),
                eventbridge_stream: "bridge".into(),
                webhook_url: Some(URL.parse().unwrap()),
                event_types: Vec::new(),
            },
            scopes: Ok(Some(SCOPES.iter().map(|(scope, _)| (*scope).to_owned()).collect())),
            streams: Ok(vec![stream("hook", webhook), stream("bridge", eventbridge)]),
            failures: PerPath::from_fn(|_| Some(Ok(Failures::default()))),
            newest_error: PerPath::default(),
            queue: Some(("123456789012".into(), "eu-west-1".into())),
        }
    }

    /// The check of `what` after a change; all others stay good.
    #[track_caller]
    fn check(what: &str, expected: State, change: impl FnOnce(&mut Facts)) -> Check {
        let mut facts = facts();
        change(&mut facts);
        let (found, others): (Vec<_>, Vec<_>) =
            checks(&facts).into_iter().partition(|check| check.what == what);
        let worse: Vec<_> =
            others.iter().filter(|check| check.found_to_be != State::Good).collect();
        assert!(worse.is_empty(), "{worse:?}");
        let found = found.into_iter().next().expect(what);
        assert_eq!(found.found_to_be, expected, "{found:?}");
        found
    }

    fn first(facts: &mut Facts) -> &mut Stream {
        &mut facts.streams.as_mut().unwrap()[0]
    }

    #[test]
    fn two_streams_as_they_should_be_have_nothing_to_tell() {
        let all = checks(&facts());
        assert!(all.iter().all(|check| check.found_to_be == State::Good), "{all:?}");
        assert_eq!(all.len(), 9);
    }

    #[test]
    fn scopes_that_are_missing_are_named_one_by_one() {
        let without = |facts: &mut Facts| {
            facts.scopes.as_mut().unwrap().as_mut().unwrap().remove("read:events");
        };
        check("scope read:events", State::Look, without);
        check("scopes", State::Good, |facts| facts.scopes = Ok(None));
    }

    #[test]
    fn a_stream_that_is_off_or_not_there_is_told() {
        let off = check("webhook stream", State::Bad, |facts| {
            first(facts).status = StreamStatus::Disabled;
        });
        assert_eq!(off.command.as_deref(), Some("twinstream setup auth0 enable webhook"));
        check("webhook stream", State::Bad, |facts| first(facts).name = "other".into());
    }

    #[test]
    fn a_stream_that_goes_elsewhere_is_told() {
        check("destination of the webhook stream", State::Bad, |facts| {
            facts.settings.webhook_url = Some("https://other.example.com/x".parse().unwrap());
        });
        check("destination of the eventbridge stream", State::Bad, |facts| {
            facts.queue = Some(("123456789012".into(), "eu-west-2".into()));
        });
        check("destination of the webhook stream", State::Bad, |facts| {
            first(facts).destination = Destination::Other { kind: "action".into() };
        });
    }

    #[test]
    fn a_stream_that_is_near_its_end_is_told() {
        const WHAT: &str = "failed deliveries of the webhook stream";
        let failed = |in_a_row, in_all| {
            move |facts: &mut Facts| {
                facts.failures.webhook = Some(Ok(Failures { in_a_row, in_all }));
            }
        };
        check(WHAT, State::Look, failed(0, 1));
        check(WHAT, State::Look, failed(250, 250));
        let near = check(WHAT, State::Bad, failed(251, 251));
        assert!(near.advice.unwrap().contains("After 249 more"));
        check(WHAT, State::Bad, failed(0, 4_800));
    }

    #[test]
    fn streams_that_send_other_types_are_told() {
        let found = check("types of both streams", State::Bad, |facts| {
            first(facts).event_types.pop();
        });
        assert_eq!(found.found, "by eventbridge alone: user.updated");
        // With one door nothing is compared.
        check("webhook stream", State::Good, |facts| {
            facts.mode = PathSet::Webhook;
            first(facts).event_types.pop();
        });
    }

    #[test]
    fn an_address_may_be_spelled_otherwise() {
        check("destination of the webhook stream", State::Good, |facts| {
            let endpoint = URL.replace("gateway.example.com", "Gateway.Example.com:443");
            first(facts).destination =
                Destination::Webhook { endpoint, method: "bearer".into(), name: None };
        });
    }

    #[test]
    fn a_token_that_no_longer_matches_is_told() {
        const WHAT: &str = "failed deliveries of the webhook stream";
        let failed = |in_a_row, error: &'static str| {
            move |facts: &mut Facts| {
                facts.failures.webhook = Some(Ok(Failures { in_a_row, in_all: 2 }));
                facts.newest_error.webhook = Some(error.into());
            }
        };
        let refused = check(WHAT, State::Bad, failed(2, "HTTP 401"));
        assert!(refused.command.unwrap().contains("--set-secret"));
        check(WHAT, State::Look, failed(2, "HTTP 4010"));
        let other = check(WHAT, State::Look, failed(2, "HTTP 503"));
        assert!(other.found.ends_with("; the newest: HTTP 503"), "{other:?}");
        // Since then events came.
        check(WHAT, State::Look, failed(0, "HTTP 401"));
    }
}
