//! The running gateway, as it says of itself.

use serde_json::Value;

use super::Check;
use crate::event::{Path, PathSet, legible};

const RECONCILE: &str = "twinstream reconcile --status";

/// Why a gateway does not say how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silent {
    /// None answers at its admin listener.
    NoneAnswers(String),
    /// It can't be asked, or not by us.
    Unasked(String),
}

/// All checks of a running gateway: `status` is what its `/api/v1/status` answers, `reconcile` what its
/// `/api/v1/reconcile` does, where it has a tenant to ask.
pub fn checks(
    status: &Result<Value, Silent>,
    reconcile: Option<&Value>,
    mode: PathSet,
) -> Vec<Check> {
    const WHAT: &str = "running gateway";
    let status = match status {
        Ok(status) => status,
        Err(Silent::NoneAnswers(why)) => {
            let advice = "While none runs, webhook events are lost after 7 s, and the queue keeps its \
                          messages.";
            return vec![Check::bad(WHAT, why.clone(), advice).mended_by("twinstream serve")];
        }
        Err(Silent::Unasked(why)) => {
            let advice = "How its doors stand is not known.";
            return vec![Check::not_asked(WHAT, why.clone(), advice)];
        }
    };
    let version = status["version"].as_str().unwrap_or("of a version that it does not tell");
    let mut checks = vec![Check::good(WHAT, format!("answers, {version}"))];
    checks.extend(
        Path::ALL.into_iter().filter(|path| mode.contains(*path)).map(|path| door(status, path)),
    );
    checks.extend(reconcile.into_iter().flat_map(reconciling));
    checks
}

/// How the third observer stands: its last pass, and the Events API where it is followed.
fn reconciling(reconcile: &Value) -> Vec<Check> {
    let pass = reconcile["last"]["error"].as_str().map(|error| {
        let advice = "What failed at Auth0 is neither counted nor asked for, and how near a stream is to being \
                      switched off is not known.";
        Check::bad("last pass of reconcile", legible(error), advice).mended_by(RECONCILE)
    });
    let following = &reconcile["following"];
    let followed = following.is_object().then(|| {
        const WHAT: &str = "Events API, as the running gateway hears it";
        let error = following["error"].as_str().map(legible);
        if following["connected"] != true {
            let advice =
                "What is lost is not put down to anybody meanwhile, nor taken in.";
            return match error {
                Some(error) => Check::bad(WHAT, format!("not heard: {error}"), advice),
                None => Check::look(WHAT, "not heard yet", "It should be within seconds of the start."),
            }
            .mended_by(RECONCILE);
        }
        match following["gap_until"].as_str() {
            Some(until) => {
                let found = format!("heard, with a gap that ended at {}", legible(until));
                let advice = "What happened in the gap has no witness: nobody knows whether any of it was lost. \
                              It is told until the gateway is started anew.";
                Check::look(WHAT, found, advice)
            }
            None => Check::good(WHAT, "heard"),
        }
    });
    pass.into_iter().chain(followed).collect()
}

fn door(status: &Value, path: Path) -> Check {
    let what = format!("{path} door of the running gateway");
    let door = &status["doors"][path.as_str()];
    let text = |key: &str| door[key].as_str().map(str::to_owned);
    let advice = "It takes nothing in. The log and the page Set-up say more.";
    match door["state"].as_str() {
        Some("open") => Check::good(what, "open"),
        Some("failing") => {
            let why = text("error").unwrap_or_default();
            Check::bad(what, format!("failing: {why}"), advice)
        }
        Some("opening") => match text("waiting_for") {
            Some(why) => Check::bad(what, format!("not open yet: {why}"), advice),
            None => {
                Check::look(what, "not open yet", "It should open within seconds of the start.")
            }
        },
        Some(_) | None => {
            let advice = "The gateway runs in another mode than this configuration says, or stops.";
            Check::look(what, "closed", advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::State;
    use super::*;

    #[track_caller]
    fn check(doors: &Value, expected: State) {
        let status = Ok(json!({ "version": "1", "doors": doors }));
        let checks = checks(&status, None, PathSet::Webhook);
        assert_eq!(checks[0].found_to_be, State::Good);
        assert_eq!(checks[1].found_to_be, expected, "{checks:?}");
        assert_eq!(checks.len(), 2);
    }

    #[test]
    fn a_door_that_takes_nothing_in_is_told() {
        let of = |door: Value| json!({ "webhook": door });
        check(&of(json!({ "state": "open" })), State::Good);
        check(&of(json!({ "state": "failing", "error": "no disk" })), State::Bad);
        check(&of(json!({ "state": "opening", "waiting_for": "x" })), State::Bad);
        check(&of(json!({ "state": "opening", "waiting_for": null })), State::Look);
        check(&json!({}), State::Look);
    }

    #[test]
    fn a_gateway_that_does_not_run_is_told_from_one_that_can_not_be_asked() {
        let check = |silent, expected| {
            let checks = checks(&Err(silent), None, PathSet::Both);
            assert_eq!(checks[0].found_to_be, expected);
            assert_eq!(checks.len(), 1);
        };
        check(Silent::NoneAnswers("refused".into()), State::Bad);
        check(Silent::Unasked("no token".into()), State::NotAsked);
    }

    #[track_caller]
    fn check_reconcile(reconcile: &Value, expected: &[State]) {
        let found: Vec<State> =
            reconciling(reconcile).iter().map(|check| check.found_to_be).collect();
        assert_eq!(found, expected, "{reconcile}");
    }

    #[test]
    fn a_third_observer_that_is_blind_is_told() {
        check_reconcile(&json!({ "last": null, "following": null }), &[]);
        check_reconcile(&json!({ "last": { "error": null } }), &[]);
        check_reconcile(&json!({ "last": { "error": "no answer" } }), &[State::Bad]);
        let heard = |connected: bool, gap: Value| json!({ "following": { "connected": connected, "error": "HTTP 403", "gap_until": gap } });
        check_reconcile(&heard(true, json!(null)), &[State::Good]);
        check_reconcile(&heard(true, json!("2026-01-01T00:00:00Z")), &[State::Look]);
        check_reconcile(&heard(false, json!(null)), &[State::Bad]);
        check_reconcile(&json!({ "following": { "connected": false } }), &[State::Look]);
    }
}
