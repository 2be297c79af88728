//! Sending one batch, as often as the rules have it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::super::carrier::{Answer, Carrier, Letter};
use super::super::faults::Faults;
use super::{Class, Rules};
use crate::event::{Path, Timestamp};

/// What a stream sends at once, and how.
#[derive(Debug)]
pub(crate) struct Batch {
    pub path: Path,
    pub carrier: Carrier,
    pub rules: Arc<Rules>,
    pub faults: Arc<Faults>,
    /// When the play began, by both clocks.
    pub began: (Instant, Timestamp),
    pub letters: Vec<Letter>,
}

/// One attempt to send an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub at: Instant,
    /// Until the answer came; a slow receiver's extra time is not in it.
    pub took: Duration,
    pub answer: Answer,
}

/// What came of sending an event: its attempts, one at least unless the play was stopped before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sent {
    pub attempts: Vec<Attempt>,
    /// Stopped before the attempts were over.
    pub cut_off: bool,
}

impl Sent {
    /// Whether it was delivered; the last attempt says.
    pub(crate) fn is_delivered(&self) -> bool {
        self.attempts.last().is_some_and(|last| Class::of(&last.answer) == Class::Taken)
    }
}

/// What is under way when people stop the play has this long.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Sends each letter until it is delivered or its attempts are over. Gives what came of each, in order.
///
/// # Cancel safety
/// Dropped, whether what was under way arrived is unknown.
pub(crate) async fn deliver(batch: &Batch, stop: &CancellationToken) -> Vec<Sent> {
    let mut sent = vec![Sent::default(); batch.letters.len()];
    let mut left: Vec<usize> = (0..batch.letters.len()).collect();
    let mut pauses = batch.rules.pauses.iter();
    loop {
        for (position, attempt) in attempt(batch, &left, stop).await {
            if let Some(sent) = sent.get_mut(position) {
                if Class::of(&attempt.answer) != Class::Again {
                    left.retain(|other| *other != position);
                }
                sent.attempts.push(attempt);
            }
        }
        let Some(pause) = pauses.next().filter(|_| !left.is_empty()) else { return sent };
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                for position in left {
                    if let Some(sent) = sent.get_mut(position) {
                        sent.cut_off = true;
                    }
                }
                return sent;
            }
            () = sleep(*pause) => {}
        }
    }
}

/// Sends these letters once.
async fn attempt(batch: &Batch, left: &[usize], stop: &CancellationToken) -> Vec<(usize, Attempt)> {
    let (began, wall) = batch.began;
    let mut at = Instant::now();
    let outage = batch.faults.outage_until(at.saturating_duration_since(began));
    if let (Path::Webhook, Some(_)) = (batch.path, outage) {
        let (took, answer) = (Duration::ZERO, Answer::NotSent("outage".into()));
        let attempt = Attempt { at, took, answer };
        return left.iter().map(|position| (*position, attempt.clone())).collect();
    }
    if let Some(end) = outage {
        // What was planned is due after it; what was held up by others waits here.
        until(began + end, stop).await;
        at = Instant::now();
    }
    let letters: Vec<Letter> =
        left.iter().filter_map(|position| batch.letters.get(*position)).cloned().collect();
    let now = batch.faults.skew.shown(wall.plus(at.saturating_duration_since(began)));
    let answers = tokio::select! {
        biased;
        answers = batch.carrier.carry(&letters, now) => answers,
        () = stopped(stop) => vec![Answer::Unanswered("stopped".into()); left.len()],
    };
    let took = at.elapsed();
    if !batch.faults.slow.is_zero() {
        until(at + took + batch.faults.slow, stop).await;
    }
    let attempts = answers.into_iter().map(|answer| Attempt { at, took, answer });
    left.iter().copied().zip(attempts).collect()
}

/// Waits until then, or until people stop the play.
async fn until(then: Instant, stop: &CancellationToken) {
    tokio::select! {
        () = sleep_until(then) => {}
        () = stop.cancelled() => {}
    }
}

/// Some time after people stopped the play.
async fn stopped(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(STOP_WITHIN).await;
}
