//! Sending a test event, and following it to its arrival.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::super::super::admin::Admin;
use super::super::super::{Failure, out};
use super::{Tenant, failure};
use crate::event::{Path, legible};
use crate::provision::auth0::{Stream, StreamStatus};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A test event that was sent.
pub(super) struct Sent {
    pub path: Path,
    pub stream: Stream,
    pub event: String,
    since: Instant,
}

impl Tenant {
    /// Has a stream send a test event: of this type, or of the first that it is subscribed to.
    pub(super) async fn send_test(
        &self,
        path: Path,
        stream: &Stream,
        kind: Option<&str>,
    ) -> Result<Sent, Failure> {
        let name = &stream.name;
        if stream.status != StreamStatus::Enabled {
            return Err(Failure::DoesNotHold(format!(
                "the event stream `{name}` is switched off, and sends nothing: `twinstream setup auth0 enable \
                 {path}` switches it on"
            )));
        }
        let Some(kind) = kind.or_else(|| stream.event_types.first().map(String::as_str)) else {
            let what = format!(
                "the event stream `{name}` is subscribed to nothing: say a type with --type"
            );
            return Err(Failure::DoesNotHold(what));
        };
        let sent = self.api.send_test_event(&stream.id, kind).await.map_err(failure)?;
        Ok(Sent { path, stream: stream.clone(), event: sent.id, since: Instant::now() })
    }

    /// Why it has not arrived, as far as Auth0 tells.
    pub(super) async fn why_not(&self, sent: &Sent) -> String {
        let known = self.api.delivery(&sent.stream.id, &sent.event).await.ok();
        let last = known.and_then(|delivery| delivery.attempts.into_iter().next_back());
        let said = last.and_then(|attempt| attempt.error_message).filter(|said| !said.is_empty());
        match (said, sent.path) {
            (Some(said), _) => format!("Auth0 could not deliver it: {}", legible(&said)),
            (None, Path::Webhook) => "Auth0 lists no failure of it: look at the gateway's log, and at \
                                      `twinstream setup auth0 status`"
                .to_owned(),
            (None, Path::Eventbridge) => "Auth0 lists no failure of it: `twinstream setup aws --dry-run` tells \
                                          whether the source is pending, and what of rule, queue and policy is \
                                          missing"
                .to_owned(),
        }
    }
}

impl Sent {
    /// How long it took to arrive by its path; `None` when it has not within this time.
    pub(super) async fn follow(
        &self,
        admin: &Admin,
        within: Duration,
    ) -> Result<Option<Duration>, Failure> {
        loop {
            let waited = self.since.elapsed();
            if self.has_arrived(admin).await? {
                clear();
                return Ok(Some(waited));
            }
            if waited >= within {
                clear();
                return Ok(None);
            }
            if out::is_watched() {
                let (path, event) = (self.path, legible(&self.event));
                out::renew_line(&format!("{path}: waiting for {event}, {} s", waited.as_secs()));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn has_arrived(&self, admin: &Admin) -> Result<bool, Failure> {
        match admin.get(&["events", &self.event], &[]).await {
            Ok(story) => Ok(came_by(&story, self.path)),
            // There is none of this id yet.
            Err(Failure::DoesNotHold(_)) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

fn clear() {
    if out::is_watched() {
        out::renew_line("");
    }
}

fn came_by(story: &Value, path: Path) -> bool {
    let arrivals = story["arrivals"].as_array();
    arrivals.into_iter().flatten().any(|arrival| arrival["path"] == path.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_arrival_counts_by_its_own_path_alone() {
        let story = json!({ "arrivals": [{ "path": "eventbridge" }] });
        assert!(came_by(&story, Path::Eventbridge));
        assert!(!came_by(&story, Path::Webhook));
        assert!(!came_by(&json!({}), Path::Webhook));
    }
}
