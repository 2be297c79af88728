//! How a target is reached.

use super::HttpTarget;
use super::body::Message;
use super::bus::{BusAnswer, BusTarget, Entry};
use super::classify::{Answer, Meaning, Sign};

/// The kinds of targets.
#[derive(Debug, Clone)]
pub enum Sender {
    /// An application that takes HTTP requests.
    Http(Box<HttpTarget>),
    /// An EventBridge bus.
    Bus(BusTarget),
}

impl Sender {
    /// One attempt. Always ends, within the target's time-out.
    pub(super) async fn send(&self, message: &Message<'_>) -> Answer {
        match self {
            Self::Http(target) => target.send(message).await,
            Self::Bus(target) => of_bus(target.send(entry(message)).await),
        }
    }
}

fn entry(message: &Message<'_>) -> Entry {
    let due = message.due;
    Entry {
        detail_type: due.kind.clone(),
        time: Some(due.time),
        detail: message.body.bytes.to_vec(),
    }
}

/// A bus that refuses one entry is there; one that turns all of them away is as good as down.
fn of_bus(answer: BusAnswer) -> Answer {
    match answer {
        BusAnswer::Taken => {
            let (meaning, sign) = (Meaning::Delivered, Sign::Up);
            Answer { meaning, sign, status: None, error: None, excerpt: None }
        }
        BusAnswer::Retry { reason } => Answer::failed(reason),
        BusAnswer::Refused { reason } => {
            let (meaning, sign) = (Meaning::Refused(reason.clone()), Sign::Up);
            Answer { meaning, sign, status: None, error: Some(reason), excerpt: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: BusAnswer, meaning: &Meaning, sign: Sign, error: Option<&str>) {
        let answer = of_bus(answer);
        assert_eq!((&answer.meaning, answer.sign), (meaning, sign));
        assert_eq!(answer.error.as_deref(), error);
    }

    #[test]
    fn a_buss_answers_mean_what_an_applications_do() {
        check(BusAnswer::Taken, &Meaning::Delivered, Sign::Up, None);
        let again = BusAnswer::Retry { reason: "throttled".into() };
        check(again, &Meaning::Retry(None), Sign::Down, Some("throttled"));
        let refused = BusAnswer::Refused { reason: "too large".into() };
        check(refused, &Meaning::Refused("too large".into()), Sign::Up, Some("too large"));
    }
}
