//! The webhook door, as the world finds it.

use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::Check;
use super::clock::Answered;
use crate::clock::Clock;
use crate::event::Timestamp;
use crate::outbound;
use crate::telemetry::Chain;

/// How one of the door's secrets is shown to it.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The secret's label.
    pub label: String,
    /// The header, …
    pub header: String,
    /// … and what stands in it.
    pub value: SecretString,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// Not at all; why.
    None(String),
}

/// What is so at the public address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The address.
    pub url: Url,
    /// The answer to a request without credentials.
    pub stranger: Answer,
    /// The answer to a request by GET.
    pub by_get: Answer,
    /// The answer to each secret, by its label.
    pub secrets: Vec<(String, Answer)>,
}

/// An answer takes no longer: Auth0 waits for some seconds too.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Asks the door. Nothing that it stores is sent.
pub async fn look(url: Url, credentials: &[Credential]) -> Facts {
    let client = match outbound::client(&url, |client| client.timeout(ANSWER_WITHIN)) {
        Ok(client) => client,
        Err(error) => {
            let none = Answer::None(Chain(&error).to_string());
            return Facts { url, stranger: none.clone(), by_get: none, secrets: Vec::new() };
        }
    };
    let ask = async |method: Method, credential: Option<&Credential>| {
        let mut request = client.request(method, url.clone());
        if let Some(Credential { header, value, .. }) = credential {
            request = request.header(header.as_str(), value.expose_secret());
        }
        match request.send().await {
            Ok(answer) => Answer::Status(answer.status().as_u16()),
            Err(error) => Answer::None(cause(&error.without_url())),
        }
    };
    let stranger = ask(Method::HEAD, None).await;
    let by_get = ask(Method::GET, None).await;
    let mut secrets = Vec::new();
    // Whoever does not ask for a secret is not this door, and is shown none.
    let asks_for_one = stranger == Answer::Status(StatusCode::UNAUTHORIZED.as_u16());
    for credential in credentials.iter().filter(|_| asks_for_one) {
        secrets.push((credential.label.clone(), ask(Method::HEAD, Some(credential)).await));
    }
    Facts { url, stranger, by_get, secrets }
}

/// What a server of AWS says that the time is: any of its answers does.
pub async fn ask_the_time(url: Url, clock: &Clock) -> Option<Answered> {
    let client = outbound::client(&url, |client| client.timeout(ANSWER_WITHIN)).ok()?;
    let asked_at = clock.now();
    let answer = client.head(url).send().await.ok()?;
    let heard_at = clock.now();
    let date = answer.headers().get(http::header::DATE)?.to_str().ok()?;
    let said = httpdate::parse_http_date(date).ok()?;
    let said = said.duration_since(std::time::UNIX_EPOCH).ok()?;
    let said = Timestamp::from_millis(i64::try_from(said.as_millis()).ok()?);
    Some(Answered { said, asked_at, heard_at })
}

/// The innermost cause is what helps: a name that is not known, a certificate that has expired.
fn cause(error: &reqwest::Error) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(deeper) = source.source() {
        source = deeper;
    }
    source.to_string()
}

/// The header that a secret is shown in, by the door's method.
pub fn header_of(method: &str, name: &str) -> String {
    match method {
        "header" => name.to_owned(),
        _ => AUTHORIZATION.as_str().to_owned(),
    }
}

/// All checks of the public address.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = vec![address(facts)];
    if matches!(facts.stranger, Answer::Status(_)) {
        checks.push(stranger(facts));
        checks.push(by_get(facts));
        checks.extend(facts.secrets.iter().map(|(label, answer)| secret(label, answer)));
    }
    checks
}

fn address(facts: &Facts) -> Check {
    const WHAT: &str = "public address of the webhook door";
    if facts.url.scheme() != "https" {
        let advice = "Auth0 posts to https:// alone.";
        return Check::bad(WHAT, facts.url.to_string(), advice);
    }
    match &facts.stranger {
        Answer::Status(_) => Check::good(WHAT, format!("{} answers", facts.url)),
        Answer::None(why) => {
            let advice = "From here it can't be reached: name, certificate, firewall, proxy, or the gateway \
                          itself. Auth0 gives an event up after 7 s.";
            Check::bad(WHAT, format!("{} does not answer: {why}", facts.url), advice)
                .mended_by("twinstream healthcheck")
        }
    }
}

fn stranger(facts: &Facts) -> Check {
    const WHAT: &str = "without a secret";
    match &facts.stranger {
        Answer::Status(401) => Check::good(WHAT, "401"),
        Answer::Status(404) => {
            let advice = "There is no webhook door at this path: compare it with webhook.path, and see what \
                          the proxy makes of it. Auth0 never repeats what is answered 404.";
            Check::bad(WHAT, "404", advice)
        }
        Answer::Status(status) if is_redirect(*status) => {
            let advice = "A redirect is no success: write the address that it leads to into Auth0.";
            Check::bad(WHAT, status.to_string(), advice)
        }
        Answer::Status(status) if (200..300).contains(status) => {
            let advice = "Something takes requests without a secret there: it is not this door.";
            Check::bad(WHAT, status.to_string(), advice)
        }
        Answer::Status(status) => {
            let advice = "The door answers 401; something in front of it answers for it. Of a proxy, 4XX are \
                          never repeated by Auth0, and 5XX for 7 s.";
            Check::bad(WHAT, status.to_string(), advice)
        }
        Answer::None(why) => Check::not_asked(WHAT, why.clone(), "It did not answer this time."),
    }
}

fn is_redirect(status: u16) -> bool {
    StatusCode::from_u16(status).is_ok_and(|status| status.is_redirection())
}

fn by_get(facts: &Facts) -> Check {
    const WHAT: &str = "by GET";
    match &facts.by_get {
        Answer::Status(405) => Check::good(WHAT, "405"),
        Answer::Status(status) => {
            let advice = "The door answers 405: something in front of it answers for it.";
            Check::look(WHAT, status.to_string(), advice)
        }
        Answer::None(why) => Check::not_asked(WHAT, why.clone(), "It did not answer this time."),
    }
}

fn secret(label: &str, answer: &Answer) -> Check {
    let what = format!("secret {label}");
    match answer {
        Answer::Status(204) => Check::good(what, "taken"),
        Answer::Status(401) => {
            let advice = "The running gateway does not know it: it reads its secrets when it starts. An event \
                          with it is answered 401, which Auth0 never repeats: restart the gateway before \
                          Auth0 gets this secret.";
            Check::bad(what, "refused", advice).mended_by("systemctl restart twinstream")
        }
        Answer::Status(status) => {
            let advice = "The door answers 204 or 401: something in front of it answers for it.";
            Check::look(what, status.to_string(), advice)
        }
        Answer::None(why) => Check::not_asked(what, why.clone(), "It did not answer this time."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn facts() -> Facts {
        Facts {
            url: "https://gateway.example.com/webhooks/auth0".parse().unwrap(),
            stranger: Answer::Status(401),
            by_get: Answer::Status(405),
            secrets: vec![("2026-11".into(), Answer::Status(204))],
        }
    }

    /// The check of `what` after a change; all others stay good.
    #[track_caller]
    fn check(what: &str, expected: State, change: impl FnOnce(&mut Facts)) {
        let mut facts = facts();
        change(&mut facts);
        for check in checks(&facts) {
            let state = if check.what == what { expected } else { State::Good };
            assert_eq!(check.found_to_be, state, "{check:?}");
        }
    }

    #[test]
    fn a_door_that_answers_as_it_should_has_nothing_to_tell() {
        check("", State::Good, |_| {});
    }

    #[test]
    fn a_door_that_the_world_does_not_find_is_told() {
        let why = "no such name".to_owned();
        let found = Facts { stranger: Answer::None(why), ..facts() };
        let found = checks(&found);
        assert_eq!(found.len(), 1, "nothing more is asked of who does not answer");
        assert_eq!(found[0].found_to_be, State::Bad);
        check("public address of the webhook door", State::Bad, |facts| {
            facts.url = "http://gateway.example.com/webhooks/auth0".parse().unwrap();
        });
    }

    #[test]
    fn somebody_else_who_answers_is_told() {
        for status in [200, 204, 301, 403, 404, 502] {
            check("without a secret", State::Bad, |facts| {
                facts.stranger = Answer::Status(status);
            });
        }
        check("by GET", State::Look, |facts| facts.by_get = Answer::Status(200));
    }

    #[test]
    fn a_secret_that_no_longer_matches_is_told() {
        let answered =
            |status| move |facts: &mut Facts| facts.secrets[0].1 = Answer::Status(status);
        check("secret 2026-11", State::Good, answered(204));
        check("secret 2026-11", State::Bad, answered(401));
        check("secret 2026-11", State::Look, answered(200));
    }
}
