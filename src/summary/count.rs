//! What is counted of the events of a stretch of time.

use crate::event::{Flag, Flags, Observation, PairedBy, Path};

/// One thing that is counted. Its number is stored: give none away twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Events that both paths brought.
    Both = 0,
    /// Events that the webhook alone brought.
    WebhookOnly = 1,
    /// Events that EventBridge alone brought.
    EventbridgeOnly = 2,
    /// As [`Count::Both`], of events that happened while both doors were open.
    CoveredBoth = 3,
    /// As [`Count::WebhookOnly`], likewise.
    CoveredWebhookOnly = 4,
    /// As [`Count::EventbridgeOnly`], likewise.
    CoveredEventbridgeOnly = 5,
    /// Pairs by the same id.
    PairedById = 6,
    /// Pairs by content.
    PairedByFallback = 7,
    /// Pairs by content where others fitted as well, or that nobody vouches for.
    PairedAmbiguously = 8,
    /// Requests that Auth0 sent again.
    WebhookRetries = 9,
    /// Messages that SQS handed out again.
    SameMessage = 10,
    /// Further messages with the same event.
    OtherMessage = 11,
    /// Arrivals by webhook after that of a later event.
    WebhookOutOfOrder = 12,
    /// Arrivals by EventBridge after that of a later event.
    EventbridgeOutOfOrder = 13,
    /// Pairs, measured, in which the webhook came first.
    WebhookFirst = 14,
    /// Pairs, measured, in which both came in the same instant.
    SameInstant = 15,
    /// Pairs that are not measured, because an arrival is flagged.
    DifferenceFlagged = 16,
    /// Events whose payloads differ, but for what is ignored.
    PayloadDiffers = 17,
    /// Events that somebody sent as a test; they are in no other count.
    Test = 18,
    /// Events that came too late to be judged; they are in no other count.
    TooLate = 19,
    /// Webhook arrivals that are flagged, by their first flag.
    WebhookBacklog = 20,
    /// Likewise.
    WebhookStartup = 21,
    /// EventBridge arrivals that are flagged, by their first flag.
    EventbridgeReceivedBefore = 22,
    /// Likewise.
    EventbridgeRedriven = 23,
    /// Likewise.
    EventbridgeReplayed = 24,
    /// Likewise.
    EventbridgeStartup = 25,
    /// Events that neither path brought, and that came because twinstream asked for them; they are in no
    /// other count.
    Rescued = 26,
}

/// So many things are counted.
const COUNTS: usize = 27;

impl Count {
    const fn index(self) -> usize {
        #[expect(clippy::as_conversions, reason = "the numbers of a field-less enum, below COUNTS")]
        {
            self as usize
        }
    }

    /// Under what a flagged arrival is counted. A path does not raise the other one's flags.
    pub const fn flagged(path: Path, flag: Flag) -> Option<Self> {
        match (path, flag) {
            (Path::Webhook, Flag::Backlog) => Some(Self::WebhookBacklog),
            (Path::Webhook, Flag::Startup) => Some(Self::WebhookStartup),
            (Path::Eventbridge, Flag::ReceiveCount) => Some(Self::EventbridgeReceivedBefore),
            (Path::Eventbridge, Flag::Redriven) => Some(Self::EventbridgeRedriven),
            (Path::Eventbridge, Flag::Replayed) => Some(Self::EventbridgeReplayed),
            (Path::Eventbridge, Flag::Startup) => Some(Self::EventbridgeStartup),
            (Path::Webhook, Flag::ReceiveCount | Flag::Redriven | Flag::Replayed)
            | (Path::Eventbridge, Flag::Backlog)
            | (_, Flag::Rescued | Flag::Backfilled) => None,
        }
    }
}

/// What is known of an event beside its arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Circumstances {
    /// Whether both doors were open when it happened.
    pub covered: bool,
    /// Whether its payloads differ, but for what is ignored.
    pub payload_differs: bool,
}

/// How often each thing was. A change of what was counted before can be below zero; a whole cell is
/// not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts([i64; COUNTS]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; COUNTS])
    }
}

impl Counts {
    /// What one settled event counts for.
    pub fn of(event: &Observation, circumstances: Circumstances) -> Self {
        let mut counts = Self::default();
        if event.test || event.too_late {
            counts.add(if event.test { Count::Test } else { Count::TooLate }, 1);
            return counts;
        }
        let sighted = match (event.webhook, event.eventbridge) {
            (Some(_), Some(_)) => Some((Count::Both, Count::CoveredBoth)),
            (Some(_), None) => Some((Count::WebhookOnly, Count::CoveredWebhookOnly)),
            (None, Some(_)) => Some((Count::EventbridgeOnly, Count::CoveredEventbridgeOnly)),
            (None, None) => {
                counts.add(Count::Rescued, event.rescued.is_some().into());
                None
            }
        };
        if let Some((all, covered)) = sighted {
            counts.add(all, 1);
            counts.add(covered, circumstances.covered.into());
        }
        counts.add(Count::WebhookRetries, event.repeats.webhook_retry.into());
        counts.add(Count::SameMessage, event.repeats.same_message.into());
        counts.add(Count::OtherMessage, event.repeats.other_message.into());
        counts.add(Count::PayloadDiffers, circumstances.payload_differs.into());
        for path in Path::ALL {
            if let Some(sighting) = event.sighting(path) {
                counts.arrival(path, sighting.flags, sighting.out_of_order);
            }
        }
        counts.pair(event);
        counts
    }

    fn arrival(&mut self, path: Path, flags: Flags, out_of_order: bool) {
        let late = match path {
            Path::Webhook => Count::WebhookOutOfOrder,
            Path::Eventbridge => Count::EventbridgeOutOfOrder,
        };
        self.add(late, out_of_order.into());
        if let Some(flagged) = flags.first().and_then(|flag| Count::flagged(path, flag)) {
            self.add(flagged, 1);
        }
    }

    fn pair(&mut self, event: &Observation) {
        let (Some(webhook), Some(eventbridge)) = (event.webhook, event.eventbridge) else {
            return;
        };
        let rule = match event.paired_by {
            Some(PairedBy::Id) => Count::PairedById,
            Some(PairedBy::Fallback) => Count::PairedByFallback,
            // A pair that nobody vouches for is no better than one of several that fit.
            Some(PairedBy::Ambiguous) | None => Count::PairedAmbiguously,
        };
        self.add(rule, 1);
        if webhook.is_flagged() || eventbridge.is_flagged() {
            self.add(Count::DifferenceFlagged, 1);
        } else if webhook.at < eventbridge.at {
            self.add(Count::WebhookFirst, 1);
        } else if webhook.at == eventbridge.at {
            self.add(Count::SameInstant, 1);
        }
    }

    fn add(&mut self, count: Count, number: i64) {
        if let Some(counted) = self.0.get_mut(count.index()) {
            *counted += number;
        }
    }

    /// How often it was; 0 where a change is below.
    pub fn get(&self, count: Count) -> u64 {
        self.0.get(count.index()).map_or(0, |number| u64::try_from(*number).unwrap_or(0))
    }

    /// The counts of several kinds together.
    pub fn sum(&self, counts: &[Count]) -> u64 {
        counts.iter().map(|count| self.get(*count)).sum()
    }

    /// Adds another stretch's.
    pub fn merge(&mut self, other: &Self) {
        for (counted, more) in self.0.iter_mut().zip(other.0) {
            *counted += more;
        }
    }

    /// What turns `before` into `self`.
    #[must_use]
    pub fn minus(mut self, before: &Self) -> Self {
        for (counted, less) in self.0.iter_mut().zip(before.0) {
            *counted -= less;
        }
        self
    }

    /// Moves what was counted of `from` to `to`.
    pub(super) fn shift(&mut self, from: Count, to: Count) {
        let moved = i64::try_from(self.get(from)).unwrap_or(i64::MAX);
        self.add(from, -moved);
        self.add(to, moved);
    }

    pub(super) fn raise(&mut self, count: Count, number: u64) {
        self.add(count, i64::try_from(number).unwrap_or(i64::MAX));
    }

    pub(super) fn clear(&mut self, counts: &[Count]) {
        for count in counts {
            if let Some(counted) = self.0.get_mut(count.index()) {
                *counted = 0;
            }
        }
    }

    /// Those that are not 0, by their number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, i64)> {
        self.0.into_iter().enumerate().filter(|(_, number)| *number != 0)
    }

    /// Sets one by its number; `None` for a number that stands for nothing.
    pub(super) fn set(&mut self, index: usize, number: i64) -> Option<()> {
        *self.0.get_mut(index)? = number;
        Some(())
    }
}
