//! Which of the waiting entries go into one call.

use tokio::sync::{mpsc, oneshot};

use super::answer::BusAnswer;
use super::entry::CheckedEntry;

/// EventBridge: 10 entries a call (API reference, `PutEvents`).
pub(super) const ENTRIES_MAX: usize = 10;

/// An entry, and who waits for its answer.
#[derive(Debug)]
pub(super) struct Queued {
    pub entry: CheckedEntry,
    pub answer: oneshot::Sender<BusAnswer>,
}

impl Queued {
    /// Who gave up waiting learns nothing, and tries again.
    pub(super) fn answer(self, answer: BusAnswer) {
        drop(self.answer.send(answer));
    }
}

/// Entries that wait, in the order in which they came.
#[derive(Debug)]
pub(super) struct Waiting {
    queue: mpsc::Receiver<Queued>,
    /// The first of all: what did not fit into the last batch, or what was waited for.
    first: Option<Queued>,
}

/// How full a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fill {
    entries: usize,
    bytes: usize,
}

impl Fill {
    /// With one more entry of so many bytes; `None` if that is too much. The first one always fits.
    fn with(self, bytes: usize, bytes_max: usize) -> Option<Self> {
        let with = Self { entries: self.entries + 1, bytes: self.bytes.saturating_add(bytes) };
        let fits = with.entries <= ENTRIES_MAX && with.bytes <= bytes_max;
        (self.entries == 0 || fits).then_some(with)
    }
}

impl Waiting {
    pub(super) const fn new(queue: mpsc::Receiver<Queued>) -> Self {
        Self { queue, first: None }
    }

    /// Waits until an entry waits; false when none ever will again.
    ///
    /// # Cancel safety
    /// Dropped, no entry is lost.
    pub(super) async fn any(&mut self) -> bool {
        if self.first.is_none() {
            self.first = self.queue.recv().await;
        }
        self.first.is_some()
    }

    /// What goes into the next call: no more than may, and nothing that nobody waits for any more.
    pub(super) fn take(&mut self, bytes_max: usize) -> Vec<Queued> {
        let mut batch = Vec::new();
        let mut fill = Fill::default();
        while let Some(next) = self.first.take().or_else(|| self.queue.try_recv().ok()) {
            if next.answer.is_closed() {
                continue;
            }
            let Some(with) = fill.with(next.entry.bytes, bytes_max) else {
                self.first = Some(next);
                break;
            };
            fill = with;
            batch.push(next);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Entry;
    use super::super::settings::EventSource;
    use super::*;

    type Answered = oneshot::Receiver<BusAnswer>;

    /// An entry of so many bytes, at least seven.
    fn queued(bytes: usize) -> (Queued, Answered) {
        let (answer, answered) = oneshot::channel();
        let detail = format!("{{{}}}", " ".repeat(bytes - 7)).into_bytes();
        let entry = Entry { detail_type: "type".into(), time: None, detail };
        let entry = entry.check(&EventSource::parse("s").unwrap(), usize::MAX).unwrap();
        assert_eq!(entry.bytes, bytes);
        (Queued { entry, answer }, answered)
    }

    fn waiting(sizes: &[usize]) -> (Waiting, Vec<Answered>) {
        let (sender, queue) = mpsc::channel(sizes.len().max(1));
        let answered = sizes.iter().map(|bytes| {
            let (queued, answered) = queued(*bytes);
            sender.try_send(queued).unwrap();
            answered
        });
        let answered = answered.collect();
        (Waiting::new(queue), answered)
    }

    fn sizes(batch: &[Queued]) -> Vec<usize> {
        batch.iter().map(|queued| queued.entry.bytes).collect()
    }

    /// The sizes in each call, with at most 100 bytes to a call.
    #[track_caller]
    fn check(waiting_sizes: &[usize], expected: &[&[usize]]) {
        let (mut waiting, _answered) = waiting(waiting_sizes);
        let batches = std::iter::repeat_with(|| sizes(&waiting.take(100)));
        let batches: Vec<_> = batches.take_while(|batch| !batch.is_empty()).collect();
        assert_eq!(batches, expected);
    }

    #[test]
    fn ten_go_into_one_call() {
        check(&[], &[]);
        check(&[10], &[&[10]]);
        check(&[10; 10], &[&[10; 10]]);
        check(&[7; 25], &[&[7; 10], &[7; 10], &[7; 5]]);
    }

    #[test]
    fn a_call_is_no_larger_than_may_be() {
        check(&[50, 50, 50], &[&[50, 50], &[50]]);
        check(&[50, 51, 49], &[&[50], &[51, 49]]);
        check(&[100, 7, 100], &[&[100], &[7], &[100]]);
        // Not to be had, since larger ones are refused; it would go alone, not wait for ever.
        check(&[10, 101, 10], &[&[10], &[101], &[10]]);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_left_out() {
        let (mut waiting, mut answered) = waiting(&[10, 20, 30, 40]);
        drop((answered.remove(2), answered.remove(0)));
        assert!(waiting.any().await);
        assert_eq!(sizes(&waiting.take(100)), [20, 40]);
        assert!(!waiting.any().await);
    }
}
