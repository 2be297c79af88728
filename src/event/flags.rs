//! Why an arrival's time says nothing about its path.

use std::time::Duration;

use super::{Arrival, Hops, Timestamp};

/// A reason to keep an arrival out of its path's latency. It counts as seen all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// SQS had handed the message out before: it waited for a visibility time-out of ours.
    ReceiveCount,
    /// A person put it back into the queue from a dead-letter queue.
    Redriven,
    /// EventBridge replayed it from an archive (`replay-name` in its envelope).
    Replayed,
    /// Auth0 sent it long after it happened: the backlog of a webhook stream that was switched on
    /// again, or a redelivery that somebody asked for.
    Backlog,
    /// It happened before the door was open, or came in the first seconds after: it waited for us.
    Startup,
    /// It came because twinstream asked for it: a redelivery, or what Auth0's Events API still had. The
    /// path itself had lost it, so that this is no arrival of the path at all.
    Rescued,
    /// It was taken in from Auth0's Events API: no path brought it, not even when asked. Always together with
    /// [`Flag::Rescued`].
    Backfilled,
}

impl Flag {
    /// All of them; an arrival with several is counted under the first.
    pub const ALL: [Self; 7] = [
        Self::Rescued,
        Self::Backfilled,
        Self::ReceiveCount,
        Self::Redriven,
        Self::Replayed,
        Self::Backlog,
        Self::Startup,
    ];

    /// The name used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReceiveCount => "receive_count",
            Self::Redriven => "redriven",
            Self::Replayed => "replayed",
            Self::Backlog => "backlog",
            Self::Startup => "startup",
            Self::Rescued => "rescued",
            Self::Backfilled => "backfilled",
        }
    }

    /// Its bit in [`Flags::bits`]; the journal stores them.
    const fn bit(self) -> u8 {
        match self {
            Self::ReceiveCount => 1,
            Self::Redriven => 2,
            Self::Replayed => 4,
            Self::Backlog => 8,
            Self::Startup => 16,
            Self::Rescued => 32,
            Self::Backfilled => 64,
        }
    }
}

/// The flags of one arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u8);

impl Flags {
    /// Its time says all.
    pub const NONE: Self = Self(0);
    /// Of what was taken in from Auth0's Events API.
    pub const BACKFILLED: Self = Self::NONE.with(Flag::Rescued).with(Flag::Backfilled);

    /// With this one too.
    #[must_use]
    pub const fn with(self, flag: Flag) -> Self {
        Self(self.0 | flag.bit())
    }

    /// Whether it is among them.
    pub const fn has(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The flag that the arrival is counted under.
    pub fn first(self) -> Option<Flag> {
        self.iter().next()
    }

    /// All of them, in the order of [`Flag::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |flag| self.has(*flag))
    }

    /// As the journal stores them.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// What [`Flags::bits`] gave; bits that stand for nothing are dropped.
    pub fn from_bits(bits: u8) -> Self {
        Flag::ALL.into_iter().filter(|flag| bits & flag.bit() != 0).collect()
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<T: IntoIterator<Item = Flag>>(flags: T) -> Self {
        flags.into_iter().fold(Self::NONE, Self::with)
    }
}

/// When an arrival is flagged for its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlagRules {
    /// What comes within so long after a door was opened is flagged [`Flag::Startup`].
    pub startup: Duration,
    /// What the webhook brings later than this after it happened is flagged [`Flag::Backlog`]. Auth0
    /// tries an event for about 7 s, one after the other on each stream: minutes are none of a path
    /// that works.
    pub backlog_after: Duration,
}

impl Default for FlagRules {
    fn default() -> Self {
        Self { startup: Duration::from_secs(5), backlog_after: Duration::from_mins(5) }
    }
}

impl FlagRules {
    /// The flags of an arrival of an event of this `time`, by a door that has been open since then;
    /// `None` where it is not open yet.
    pub fn flags(self, arrival: &Arrival, time: Timestamp, open_since: Option<Timestamp>) -> Flags {
        let waited =
            open_since.is_none_or(|since| time < since || arrival.at < since.plus(self.startup));
        let startup = waited.then_some(Flag::Startup);
        let of_path: [Option<Flag>; 3] = match &arrival.hops {
            Hops::Webhook => {
                let late = arrival.at > time.plus(self.backlog_after);
                [late.then_some(Flag::Backlog), None, None]
            }
            Hops::Eventbridge(hops) => [
                (hops.receive_count > 1).then_some(Flag::ReceiveCount),
                hops.redriven.then_some(Flag::Redriven),
                hops.replayed.then_some(Flag::Replayed),
            ],
        };
        of_path.into_iter().chain([startup]).flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::QueueHops;
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[track_caller]
    fn check((hops, time, arrived): (Hops, i64, i64), since: Option<i64>, expected: &[Flag]) {
        let arrival = Arrival { at: at(arrived), stream: None, hops, flags: Flags::NONE };
        let flags = FlagRules::default().flags(&arrival, at(time), since.map(at));
        assert_eq!(flags.iter().collect::<Vec<_>>(), expected);
        assert_eq!(Flags::from_bits(flags.bits()), flags);
        assert_eq!(flags.first(), expected.first().copied());
    }

    fn queue(hops: QueueHops) -> Hops {
        Hops::Eventbridge(QueueHops { receive_count: hops.receive_count.max(1), ..hops })
    }

    #[test]
    fn an_arrival_that_did_not_wait_has_no_flag() {
        check((Hops::Webhook, 1_000, 1_001), Some(900), &[]);
        check((queue(QueueHops::default()), 1_000, 9_000), Some(900), &[]);
        check((Hops::Webhook, 1_000, 999), Some(900), &[]);
    }

    #[test]
    fn what_waited_for_the_door_is_flagged() {
        check((Hops::Webhook, 1_000, 1_001), None, &[Flag::Startup]);
        check((Hops::Webhook, 1_000, 1_004), Some(1_000), &[Flag::Startup]);
        check((Hops::Webhook, 1_000, 1_005), Some(1_000), &[]);
        check((queue(QueueHops::default()), 999, 1_100), Some(1_000), &[Flag::Startup]);
    }

    #[test]
    fn what_the_webhook_brings_minutes_later_is_a_backlog() {
        check((Hops::Webhook, 1_000, 1_300), Some(900), &[]);
        check((Hops::Webhook, 1_000, 1_301), Some(900), &[Flag::Backlog]);
        check((Hops::Webhook, 1_000, 1_301), Some(1_300), &[Flag::Backlog, Flag::Startup]);
    }

    #[test]
    fn the_queue_tells_what_came_again() {
        let came = |hops| (queue(hops), 1_000, 1_001);
        let again = QueueHops { receive_count: 2, ..QueueHops::default() };
        check(came(again), Some(900), &[Flag::ReceiveCount]);
        let put_back = QueueHops { redriven: true, replayed: true, ..QueueHops::default() };
        check(came(put_back), Some(900), &[Flag::Redriven, Flag::Replayed]);
    }
}
