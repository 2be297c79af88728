//! What is known of the events of a stretch of time, in little room: counts, and sketches of what was
//! measured. Cells of several stretches, types and streams merge into that of all of them.

use std::collections::BTreeMap;

use super::count::{Circumstances, Count, Counts};
use super::sketch::{Precision, Sketch};
use crate::event::{Observation, Path, Sighting};

/// One thing that is measured, in milliseconds. Its number is stored: give none away twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Series {
    /// From the event's `time` to its arrival by webhook.
    WebhookLatency = 0,
    /// From the event's `time` to its arrival by EventBridge.
    EventbridgeLatency = 1,
    /// EventBridge's arrival minus the webhook's.
    Difference = 2,
    /// From the webhook's request to its commit.
    WebhookCommit = 3,
    /// From the event's `time` to that of EventBridge's envelope.
    ToEnvelope = 4,
    /// From the envelope's time to `SentTimestamp`.
    ToSent = 5,
    /// From `SentTimestamp` to the first receive.
    ToReceived = 6,
    /// From the first receive to the commit.
    EventbridgeCommit = 7,
}

impl Series {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::WebhookLatency,
        Self::EventbridgeLatency,
        Self::Difference,
        Self::WebhookCommit,
        Self::ToEnvelope,
        Self::ToSent,
        Self::ToReceived,
        Self::EventbridgeCommit,
    ];

    /// The latency of a path.
    pub const fn latency(path: Path) -> Self {
        match path {
            Path::Webhook => Self::WebhookLatency,
            Path::Eventbridge => Self::EventbridgeLatency,
        }
    }

    const fn index(self) -> usize {
        #[expect(clippy::as_conversions, reason = "the numbers of a field-less enum")]
        {
            self as usize
        }
    }

    /// A quantile of it is off by at most this share of itself.
    pub const fn relative_error(self) -> f64 {
        self.precision().relative_error()
    }

    /// How finely it is measured.
    pub(super) const fn precision(self) -> Precision {
        match self {
            Self::Difference => Precision::PerMille,
            _ => Precision::Percent,
        }
    }
}

/// Where payloads differ, kept for so many places; the rest is counted together.
const POINTERS_MAX: usize = 50;

/// What is known of the events of a stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    counts: Counts,
    series: [Sketch; 8],
    pointers: BTreeMap<Box<str>, i64>,
    elsewhere: i64,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            counts: Counts::default(),
            series: Series::ALL.map(|series| Sketch::new(series.precision())),
            pointers: BTreeMap::new(),
            elsewhere: 0,
        }
    }
}

impl Cell {
    /// Adds a settled event.
    pub fn add(&mut self, event: &Observation, circumstances: Circumstances) {
        self.counts.merge(&Counts::of(event, circumstances));
        for (series, value) in samples(event).into_iter().flatten() {
            self.measure(series, value);
        }
    }

    /// An event that was added as `before` is known better now: it came once more, or by its other path.
    /// What was measured of it stays true; more can be measured.
    pub fn amend(
        &mut self,
        (before, then): (&Observation, Circumstances),
        (after, now): (&Observation, Circumstances),
    ) {
        self.counts.merge(&Counts::of(after, now).minus(&Counts::of(before, then)));
        self.measure_new(before, after);
    }

    /// What is measured of an event only since it is known better.
    pub(super) fn measure_new(&mut self, before: &Observation, after: &Observation) {
        let known = samples(before);
        for (series, value) in samples(after).into_iter().flatten() {
            if !known.iter().flatten().any(|(known, _)| *known == series) {
                self.measure(series, value);
            }
        }
    }

    pub(super) const fn counts_mut(&mut self) -> &mut Counts {
        &mut self.counts
    }

    /// So many events that somebody sent as a test.
    pub fn tests(&mut self, events: u64) {
        self.counts.raise(Count::Test, events);
    }

    /// The payloads of an event differ here.
    pub fn differs_at<'a>(&mut self, pointers: impl IntoIterator<Item = &'a str>) {
        for pointer in pointers {
            self.differ(pointer, 1);
        }
    }

    /// The payloads of an event differ, and nobody can say where any more.
    pub const fn differs_elsewhere(&mut self) {
        self.elsewhere += 1;
    }

    /// Takes back what [`Cell::differs_at`] or, for `None`, [`Cell::differs_elsewhere`] added.
    pub(super) fn forget_differences(&mut self, pointers: Option<&[Box<str>]>) {
        match pointers {
            Some(pointers) => pointers.iter().for_each(|pointer| self.differ(pointer, -1)),
            None => self.elsewhere -= 1,
        }
    }

    fn differ(&mut self, pointer: &str, events: i64) {
        if let Some(known) = self.pointers.get_mut(pointer) {
            *known += events;
            if *known == 0 {
                self.pointers.remove(pointer);
            }
        } else if self.pointers.len() < POINTERS_MAX {
            self.pointers.insert(pointer.into(), events);
        } else {
            self.elsewhere += events;
        }
    }

    fn measure(&mut self, series: Series, value: f64) {
        if let Some(sketch) = self.series.get_mut(series.index()) {
            sketch.add(value);
        }
    }

    /// Adds all of another stretch.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        for (sketch, more) in self.series.iter_mut().zip(&other.series) {
            sketch.merge(more);
        }
        for (pointer, events) in &other.pointers {
            self.differ(pointer, *events);
        }
        self.elsewhere += other.elsewhere;
    }

    /// As if this path had brought nothing: what its streams brought is not asked for.
    pub fn without(&mut self, path: Path) {
        let counts = &mut self.counts;
        match path {
            Path::Webhook => {
                counts.shift(Count::Both, Count::EventbridgeOnly);
                counts.shift(Count::CoveredBoth, Count::CoveredEventbridgeOnly);
                counts.clear(&[
                    Count::WebhookOnly,
                    Count::CoveredWebhookOnly,
                    Count::WebhookRetries,
                    Count::WebhookOutOfOrder,
                    Count::WebhookBacklog,
                    Count::WebhookStartup,
                ]);
                self.forget(&[Series::WebhookLatency, Series::WebhookCommit]);
            }
            Path::Eventbridge => {
                counts.shift(Count::Both, Count::WebhookOnly);
                counts.shift(Count::CoveredBoth, Count::CoveredWebhookOnly);
                counts.clear(&[
                    Count::EventbridgeOnly,
                    Count::CoveredEventbridgeOnly,
                    Count::SameMessage,
                    Count::OtherMessage,
                    Count::EventbridgeOutOfOrder,
                    Count::EventbridgeReceivedBefore,
                    Count::EventbridgeRedriven,
                    Count::EventbridgeReplayed,
                    Count::EventbridgeStartup,
                ]);
                self.forget(&[
                    Series::EventbridgeLatency,
                    Series::ToEnvelope,
                    Series::ToSent,
                    Series::ToReceived,
                    Series::EventbridgeCommit,
                ]);
            }
        }
        self.counts.clear(&[
            Count::PairedById,
            Count::PairedByFallback,
            Count::PairedAmbiguously,
            Count::WebhookFirst,
            Count::SameInstant,
            Count::DifferenceFlagged,
            Count::PayloadDiffers,
        ]);
        self.forget(&[Series::Difference]);
        self.pointers.clear();
        self.elsewhere = 0;
    }

    fn forget(&mut self, series: &[Series]) {
        for series in series {
            if let Some(sketch) = self.series.get_mut(series.index()) {
                *sketch = Sketch::new(series.precision());
            }
        }
    }

    /// How often each thing was.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What was measured.
    pub const fn series(&self, series: Series) -> &Sketch {
        &self.series[series.index()]
    }

    /// Where payloads differ, with the number of events, and how many differences are elsewhere.
    pub fn pointers(&self) -> (impl Iterator<Item = (&str, u64)>, u64) {
        let known = self.pointers.iter();
        let known = known.map(|(pointer, events)| (&**pointer, events.unsigned_abs()));
        (known, u64::try_from(self.elsewhere).unwrap_or(0))
    }

    pub(super) const fn sketches(&self) -> &[Sketch; 8] {
        &self.series
    }

    pub(super) const fn sketches_mut(&mut self) -> &mut [Sketch; 8] {
        &mut self.series
    }

    pub(super) fn count_at(&mut self, pointer: &str, events: i64) {
        self.differ(pointer, events);
    }

    pub(super) const fn count_elsewhere(&mut self, events: i64) {
        self.elsewhere += events;
    }
}

/// What is measured of an event: at most one value for each series. A flagged arrival is not measured,
/// and no pair with one.
fn samples(event: &Observation) -> [Option<(Series, f64)>; 8] {
    let counted = !event.test && !event.too_late;
    let timed =
        |path| event.sighting(path).filter(|sighting: &Sighting| counted && !sighting.is_flagged());
    let (webhook, eventbridge) = (timed(Path::Webhook), timed(Path::Eventbridge));
    let both = webhook.zip(eventbridge);
    let hops = eventbridge.map(|sighting| sighting.hops).unwrap_or_default();
    let between = |from: Option<_>, to: Option<crate::event::Timestamp>| {
        from.zip(to).map(|(from, to)| to.millis_since(from))
    };
    let time = Some(event.time);
    let all = [
        (Series::WebhookLatency, between(time, webhook.map(|seen| seen.at))),
        (Series::EventbridgeLatency, between(time, eventbridge.map(|seen| seen.at))),
        (Series::Difference, between(both.map(|(one, _)| one.at), both.map(|(_, two)| two.at))),
        (
            Series::WebhookCommit,
            between(webhook.map(|seen| seen.at), webhook.map(|seen| seen.stored_at)),
        ),
        (Series::ToEnvelope, between(time, hops.envelope)),
        (Series::ToSent, between(hops.envelope, hops.sent)),
        (Series::ToReceived, between(hops.sent, hops.first_received)),
        (
            Series::EventbridgeCommit,
            between(hops.first_received, eventbridge.map(|seen| seen.stored_at)),
        ),
    ];
    all.map(|(series, value)| value.map(|value| (series, value)))
}
