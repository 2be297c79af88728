//! Asking the webhook door whether it takes a secret.

use std::time::Duration;

use anyhow::anyhow;
use http::StatusCode;
use secrecy::ExposeSecret as _;
use url::Url;

use super::super::super::Failure;
use crate::event::legible;
use crate::ingress::LABEL_HEADER;
use crate::outbound;
use crate::provision::auth0::Authorization;
use crate::telemetry::Chain;

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The running gateway takes this secret, under this label; or Auth0 must not get it.
pub(super) async fn must_take(
    door: &Url,
    label: &str,
    authorization: &Authorization,
) -> Result<(), Failure> {
    match label_of(door, authorization).await? {
        Some(known) if known == label => Ok(()),
        Some(known) => Err(Failure::DoesNotHold(format!(
            "nothing was changed: the running gateway knows the secret `{label}` as `{}`; it runs with another \
             configuration",
            legible(&known)
        ))),
        None => Err(Failure::DoesNotHold(format!(
            "nothing was changed: the running gateway does not take the secret `{label}` yet. It reads its \
             configuration when it starts: add the secret beside the old one, restart it, and run this again"
        ))),
    }
}

/// The label under which the running gateway takes this secret. Leaves nothing there.
async fn label_of(door: &Url, authorization: &Authorization) -> Result<Option<String>, Failure> {
    let client = outbound::client(door, |client| client.timeout(ANSWER_WITHIN))?;
    let request = client.head(door.clone());
    let request = match authorization {
        Authorization::Bearer { token } => request.bearer_auth(token.expose_secret()),
        Authorization::Basic { username, password } => {
            request.basic_auth(username, Some(password.expose_secret()))
        }
        Authorization::Header { name, value } => request.header(name, value.expose_secret()),
    };
    let what = |why: &str| {
        format!(
            "{why} at {door}; --door URL names another address of the running gateway's webhook door"
        )
    };
    let answer = request.send().await.map_err(|error| Failure::Unreachable {
        what: what("no webhook door answers"),
        source: anyhow!("{}", Chain(&error.without_url())),
    })?;
    let label = answer.headers().get(&LABEL_HEADER);
    let label = label.and_then(|label| serde_json::from_slice::<String>(label.as_bytes()).ok());
    match (answer.status(), label) {
        (StatusCode::NO_CONTENT, Some(label)) => Ok(Some(label)),
        (StatusCode::UNAUTHORIZED, _) => Ok(None),
        (status, _) => Err(Failure::Unreachable {
            what: what("no webhook door of this version of twinstream answers"),
            source: anyhow!("it answered {status}"),
        }),
    }
}
