//! The running gateway, as it says of itself.

use serde_json::Value;

use super::Check;
use crate::event::{Path, PathSet};

/// Why a gateway does not say how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silent {
    /// None answers at its admin listener.
    NoneAnswers(String),
    /// It can't be asked, or not by us.
    Unasked(String),
}

/// All checks of a running gateway: `status` is what its `/api/v1/status` answers.
pub fn checks(status: &Result<Value, Silent>, mode: PathSet) -> Vec<Check> {
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
    checks
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
        let checks = checks(&status, PathSet::Webhook);
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
            let checks = checks(&Err(silent), PathSet::Both);
            assert_eq!(checks[0].found_to_be, expected);
            assert_eq!(checks.len(), 1);
        };
        check(Silent::NoneAnswers("refused".into()), State::Bad);
        check(Silent::Unasked("no token".into()), State::NotAsked);
    }
}
