//! The one owner of the calls.

use std::iter::repeat;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_eventbridge::Client;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::answer::{BusAnswer, of_entry, of_failed_call};
use super::batch::{ENTRIES_MAX, Queued, Waiting};
use super::presence::Presence;
use super::settings::Settings;

/// Takes entries that wait into calls, and gives each its own answer.
#[derive(Debug)]
pub struct BusBatcher {
    settings: Arc<Settings>,
    waiting: Waiting,
}

/// Calls side by side at least, where there are as many attempts: one that hangs does not hold up all.
const CALLS_MIN: usize = 2;

/// As many calls as carry all attempts under way.
fn calls_max(concurrency: usize) -> usize {
    concurrency.div_ceil(ENTRIES_MAX).max(CALLS_MIN.min(concurrency)).max(1)
}

impl BusBatcher {
    pub(super) fn new(settings: Arc<Settings>, queue: mpsc::Receiver<Queued>) -> Self {
        Self { settings, waiting: Waiting::new(queue) }
    }

    /// Makes calls until every [`super::BusTarget`] is gone, or for `stop_within` after `stop`:
    /// attempts under way then may still end. Who waits for what has not ended by then, or by a crash,
    /// is told to try again; the bus may have the event all the same.
    ///
    /// `client` does not repeat calls by itself: the dispatcher does, entry by entry.
    pub async fn run(self, client: Client, stop: CancellationToken, stop_within: Duration) {
        let Self { settings, mut waiting } = self;
        let bus = Bus { presence: Presence::new(&settings.event_bus), client, settings };
        let calls_max = calls_max(bus.settings.concurrency);
        let too_late = async {
            stop.cancelled().await;
            sleep(stop_within).await;
        };
        tokio::pin!(too_late);
        let mut calls = FuturesUnordered::new();
        loop {
            let free = calls.len() < calls_max;
            tokio::select! {
                biased;
                () = &mut too_late => return,
                Some(()) = calls.next() => {}
                any = waiting.any(), if free => {
                    // Then nobody waits for what is under way either.
                    if !any { return; }
                    let batch = waiting.take(bus.settings.entry_bytes_max);
                    if !batch.is_empty() { calls.push(bus.put(batch)); }
                }
            }
        }
    }
}

/// The bus, seen by a call.
#[derive(Debug)]
struct Bus {
    settings: Arc<Settings>,
    client: Client,
    presence: Presence,
}

impl Bus {
    /// Puts a batch, and answers each of its entries.
    async fn put(&self, mut batch: Vec<Queued>) {
        if self.presence.is_missing(&self.client, &self.settings.event_bus).await {
            answer_each(batch, repeat(BusAnswer::again("there is no such event bus")));
            return;
        }
        // Who gave up meanwhile attempts it anew, or something newer: it must not be put behind its back.
        batch.retain(|queued| !queued.answer.is_closed());
        if batch.is_empty() {
            return;
        }
        match self.call(&batch).await {
            Ok(answers) => answer_each(batch, answers),
            // One of them is to blame, and EventBridge does not say which.
            Err(BusAnswer::Refused { .. }) if batch.len() > 1 => self.put_each(batch).await,
            Err(answer) => answer_each(batch, repeat(answer)),
        }
    }

    /// In calls of one entry. Each is answered at once, lest it be put again for the next one's sake.
    async fn put_each(&self, batch: Vec<Queued>) {
        for queued in batch {
            if queued.answer.is_closed() {
                continue;
            }
            match self.call(std::slice::from_ref(&queued)).await {
                Ok(answers) => answer_each(vec![queued], answers),
                Err(answer) => queued.answer(answer),
            }
        }
    }

    /// One call: the answer of each entry, or the one for all of them.
    async fn call(&self, batch: &[Queued]) -> Result<Vec<BusAnswer>, BusAnswer> {
        let Settings { event_bus, source, .. } = &*self.settings;
        let entries = batch.iter().map(|queued| queued.entry.request(event_bus, source));
        let call = self.client.put_events().set_entries(Some(entries.collect())).send();
        let answer = match timeout(self.settings.timeout, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(of_failed_call(&error)),
            Err(_) => return Err(BusAnswer::again("no answer from EventBridge in time")),
        };
        let (entries, failed) = (batch.len(), answer.failed_entry_count);
        debug!(event_bus = event_bus.as_str(), entries, failed, "events were put");
        let untold = BusAnswer::again("EventBridge did not say what became of it");
        let told = answer.entries().iter().map(of_entry);
        Ok(told.chain(repeat(untold)).take(entries).collect())
    }
}

fn answer_each(batch: Vec<Queued>, answers: impl IntoIterator<Item = BusAnswer>) {
    for (queued, answer) in batch.into_iter().zip(answers) {
        queued.answer(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(concurrency: usize, expected: usize) {
        assert_eq!(calls_max(concurrency), expected);
    }

    #[test]
    fn as_many_calls_as_carry_all_attempts() {
        check(1, 1);
        check(2, 2);
        check(16, 2);
        check(20, 2);
        check(21, 3);
        check(1_000, 100);
    }
}
