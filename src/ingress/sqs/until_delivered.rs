//! Holding messages until their events are delivered, where the queue is what retries.
//!
//! A message is stored as ever; but it is kept until no delivery of its event goes on by itself. When
//! all have ended it is deleted. When one has failed, and waits for the message to come again, the
//! message is made visible after the back-off, and SQS does the rest: it counts the receives, and moves
//! the message to the queue's dead-letter queue after `maxReceiveCount` of them. When it comes again, by
//! a redrive too, it is a duplicate arrival that sets off what waits for it.
//!
//! A receiver asks for no more while it holds messages, so that as much is in hand as receivers have
//! places, and the rest stays in the queue: a target that takes nothing for long holds up all others.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::held::{Held, Stored};
use super::message::{self, Message};
use super::queue::Attributes;
use super::{BackOff, QueueDoor, beats, too_late};
use crate::event::Timestamp;
use crate::ingress::Taken;
use crate::journal::EventEnd;

/// How long one end is waited for to be finished together with others: a call costs the same for one
/// message and for ten.
const GATHER: Duration = Duration::from_millis(20);
/// How long the journal is waited for before it is asked anew: it forgets who asked where it could not
/// read an answer.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What is to become of a message.
#[derive(Debug)]
enum End {
    /// Nothing needs it any more.
    Delete(Stored),
    /// It is to come again then.
    LetGo { handle: String, again_at: Timestamp },
}

/// When a message may be stored: when the one before it in its chain has dropped its own turn.
#[derive(Debug)]
struct Turn {
    before: Option<oneshot::Receiver<()>>,
    after: oneshot::Sender<()>,
}

impl QueueDoor {
    /// Stores a batch, and keeps it invisible until it is known what is to become of each message.
    ///
    /// After a stop, what is not known soon is let go at once, and its receive is burnt: the next
    /// process delivers the event, or the message when it comes again. The same holds for a crash, but
    /// that messages come again only when their visibility time-out is over.
    pub(super) async fn take_until_delivered(
        &self,
        messages: Vec<Message>,
        attributes: Attributes,
        stop: &CancellationToken,
    ) {
        let held = Held::new(&messages);
        let all = join(self.finish_all(messages, &held), self.change_visibility(&held, attributes));
        tokio::select! {
            biased;
            _ = all => return,
            () = too_late(stop) => {}
        }
        self.queue.let_go(&held.all(self.intake.clock.now())).await;
    }

    /// Deletes what is to be deleted, and says what is to be let go.
    async fn finish_all(&self, messages: Vec<Message>, held: &Held) {
        let ends = in_turns(messages).into_iter();
        let mut ends: FuturesUnordered<_> =
            ends.map(|(message, turn)| self.end_within(message, turn, held)).collect();
        while let Some(first) = ends.next().await {
            let mut together = vec![first];
            let more = async {
                while let Some(end) = ends.next().await {
                    together.push(end);
                }
            };
            // Cut off or not, what has ended is in there.
            drop(timeout(GATHER, more).await);
            self.finish(together, held).await;
        }
    }

    async fn finish(&self, ends: Vec<End>, held: &Held) {
        let mut deletable = Vec::new();
        for end in ends {
            match end {
                End::Delete(stored) => deletable.push(stored),
                End::LetGo { handle, again_at } => held.let_go(&handle, again_at),
            }
        }
        if !deletable.is_empty() {
            self.queue.delete(&deletable).await;
            held.forget(deletable.iter().map(|stored| &stored.handle));
        }
    }

    /// Makes all changes of visibility, one after the other, so that no heartbeat comes after the call
    /// that lets a message go. Returns when nothing is held any more.
    async fn change_visibility(&self, held: &Held, attributes: Attributes) {
        let every = attributes.heartbeat();
        let mut beats = beats(every);
        while !held.is_empty() {
            tokio::select! {
                biased;
                () = held.changed() => {
                    let leaving = held.leaving(self.intake.clock.now());
                    if !leaving.is_empty() {
                        self.queue.let_go(&leaving).await;
                        held.forget(leaving.iter().map(|(handle, _)| handle));
                    }
                }
                _ = beats.tick() => {
                    let visibility = held.hideable_for(attributes.visibility);
                    self.beat(&held.handles(), visibility, every).await;
                }
            }
        }
    }

    /// What is to become of a message; for as long as SQS lets it be held. It has burnt a receive then.
    async fn end_within(&self, message: Message, turn: Turn, held: &Held) -> End {
        let handle = message.handle.clone();
        let end = timeout_at(held.ends_at(), self.end(message, turn)).await;
        end.unwrap_or_else(|_| {
            warn!("a message can't be held any longer; is a target paused or down for so long?");
            End::LetGo { handle, again_at: self.intake.clock.now() }
        })
    }

    async fn end(&self, message: Message, turn: Turn) -> End {
        if let Some(before) = turn.before {
            // It carries nothing but its end.
            drop(before.await);
        }
        let taken = self.store_at_last(&message).await;
        drop(turn.after);
        let seq = match &taken {
            Taken::Accepted(_, seq) => Some(*seq),
            Taken::Quarantined(_) => None,
        };
        let stored = Stored::new(message.handle, taken.into_committed());
        let again_at = match seq {
            Some(seq) => self.end_of(seq).await.again_at,
            None => None,
        };
        match again_at {
            None => End::Delete(stored),
            Some(again_at) => End::LetGo { handle: stored.handle, again_at },
        }
    }

    /// Tries until it is stored.
    async fn store_at_last(&self, message: &Message) -> Taken {
        let mut back_off = BackOff::default();
        loop {
            let body = message.body.as_bytes();
            match self.intake.take_message(body, message.at, &message.hops).await {
                Ok(taken) => return taken,
                Err(_) => sleep(back_off.next()).await,
            }
        }
    }

    /// Asks until the journal says what became of all deliveries of an event.
    async fn end_of(&self, seq: i64) -> EventEnd {
        let mut back_off = BackOff::default();
        loop {
            match timeout(ASK_AGAIN_AFTER, self.intake.journal.end_of(seq)).await {
                Ok(Ok(end)) => return end,
                // It says so itself that it can't commit.
                Ok(Err(_)) => sleep(back_off.next()).await,
                Err(_) => back_off = BackOff::default(),
            }
        }
    }
}

/// Messages of one FIFO group are stored in their order, all others at once. Their events' ends are
/// waited for at once: the journal keeps the deliveries of one subject in order.
fn in_turns(messages: Vec<Message>) -> Vec<(Message, Turn)> {
    let mut all = Vec::with_capacity(messages.len());
    for chain in message::in_chains(messages) {
        let mut before = None;
        for message in chain {
            let (after, next) = oneshot::channel();
            all.push((message, Turn { before, after }));
            before = Some(next);
        }
    }
    all
}
