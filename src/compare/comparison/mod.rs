//! From what is known of the settled events to the document.

use super::bootstrap::quantile_interval;
use super::coverage::{Coverage, Window, both_open_seconds, covered_seconds};
use super::document::{
    Bin, CoveredLoss, Document, DuplicateKinds, Events, Excluded, Hop, LatencyFlagged,
    LatencySummary, Method, PairRules, Pairs, PathReport, Paths, Payloads, PointerCount, Scope,
    SettledWindow,
};
use super::loss::Sightings;
use super::slots::{self, Stretch};
use super::verdict::{self, Evidence};
use super::{Settings, costs, criteria, difference, notes, plan};
use crate::event::{Flag, Path, PathSet, Timestamp};
use crate::journal::Answer;
use crate::summary::{Cell, Count, Series, Sketch};

/// Bins of a latency's histogram, at most.
const BINS_MAX: usize = 100;
/// Places where payloads differ that are listed, at most.
const POINTERS_MAX: usize = 20;

/// The events of an answer, compared: pure, so that the same events give the same document.
pub(super) fn compare(
    settings: &Settings,
    scope: &Scope,
    answer: &Answer,
    coverage: &Coverage,
    now: Timestamp,
) -> Document {
    let facts = Facts::new(settings, answer, coverage, now);
    let paths =
        Paths { webhook: facts.path(Path::Webhook), eventbridge: facts.path(Path::Eventbridge) };
    let open = open_doors(&paths);
    let both_open = open == Some(PathSet::Both);
    let pairs = facts.pairs();
    let excluded = facts.excluded();
    let settled = facts.all.total();
    let per_day = facts.per_day();
    let costs = settings
        .prices
        .as_ref()
        .zip(per_day)
        .map(|(prices, per_day)| costs::costs(prices, &paths, per_day));
    let expectation = criteria::expectation(settings, &paths, costs.as_ref());
    let evidence = Evidence {
        open,
        sightings: facts.covered,
        difference_ms: pairs.difference_ms,
        criteria: criteria::all(settings, &paths, costs.as_ref()),
    };
    let mut document = Document {
        window: facts.settled_window(),
        scope: scope.clone(),
        events: Events { observed: settled + excluded.events(), settled },
        unseen: facts.covered.unseen(settings.confidence).filter(|_| both_open),
        mcnemar: facts.covered.mcnemar().filter(|_| both_open),
        payloads: facts.payloads(),
        verdict: verdict::decide(&evidence, settings),
        expectation,
        costs,
        plan: if both_open { plan::plan(facts.covered, per_day, settings) } else { Vec::new() },
        timeline: slots::timeline(&facts.slots, coverage),
        paths,
        pairs,
        excluded,
        method: method(settings),
        notes: Vec::new(),
    };
    document.notes = notes::of(&document, coverage);
    document
}

/// All that is known, in the forms in which it is asked for.
struct Facts<'a> {
    settings: &'a Settings,
    coverage: &'a Coverage,
    window: Window,
    young_after: Timestamp,
    unsettled: u64,
    total: Cell,
    slots: Vec<Stretch>,
    /// Settled events.
    all: Sightings,
    /// Settled events that happened while both doors were open.
    covered: Sightings,
}

impl<'a> Facts<'a> {
    fn new(
        settings: &'a Settings,
        answer: &Answer,
        coverage: &'a Coverage,
        now: Timestamp,
    ) -> Self {
        let mut total = Cell::default();
        for (_, _, cell) in &answer.stretches {
            total.merge(cell);
        }
        let counts = total.counts();
        let all = Sightings {
            both: counts.get(Count::Both),
            webhook_only: counts.get(Count::WebhookOnly),
            eventbridge_only: counts.get(Count::EventbridgeOnly),
        };
        let covered = Sightings {
            both: counts.get(Count::CoveredBoth),
            webhook_only: counts.get(Count::CoveredWebhookOnly),
            eventbridge_only: counts.get(Count::CoveredEventbridgeOnly),
        };
        let window = Window { from: answer.from, to: answer.to };
        Self {
            settings,
            coverage,
            window,
            young_after: now.minus(settings.grace),
            unsettled: answer.unsettled,
            slots: slots::join(window, &answer.stretches),
            total,
            all,
            covered,
        }
    }

    fn settled_window(&self) -> SettledWindow {
        let Window { from, to } = self.window;
        SettledWindow { from, to, settled_until: to.min(self.young_after).max(from) }
    }

    fn excluded(&self) -> Excluded {
        let counts = self.total.counts();
        let flagged = |path| self.flagged(path);
        let (webhook, eventbridge) = (flagged(Path::Webhook), flagged(Path::Eventbridge));
        Excluded {
            test: counts.get(Count::Test),
            unsettled: self.unsettled,
            too_late: counts.get(Count::TooLate),
            rescued: counts.get(Count::Rescued),
            latency_flagged: LatencyFlagged {
                receive_count: webhook.receive_count + eventbridge.receive_count,
                redriven: webhook.redriven + eventbridge.redriven,
                replayed: webhook.replayed + eventbridge.replayed,
                backlog: webhook.backlog + eventbridge.backlog,
                startup: webhook.startup + eventbridge.startup,
            },
            difference_flagged: counts.get(Count::DifferenceFlagged),
        }
    }

    fn flagged(&self, path: Path) -> LatencyFlagged {
        let of =
            |flag| Count::flagged(path, flag).map_or(0, |count| self.total.counts().get(count));
        LatencyFlagged {
            receive_count: of(Flag::ReceiveCount),
            redriven: of(Flag::Redriven),
            replayed: of(Flag::Replayed),
            backlog: of(Flag::Backlog),
            startup: of(Flag::Startup),
        }
    }

    fn path(&self, path: Path) -> PathReport {
        let covered_for = |path| covered_seconds(self.coverage.of(path), self.window);
        let open = |path| covered_for(path) > 0.0 || self.all.seen(path) > 0;
        let both_open = open(path) && open(path.other());
        let counts = self.total.counts();
        let missing = self.covered.missing(path);
        let confidence = self.settings.confidence;
        let duplicates_by = match path {
            Path::Webhook => DuplicateKinds {
                webhook_retry: counts.get(Count::WebhookRetries),
                ..DuplicateKinds::default()
            },
            Path::Eventbridge => DuplicateKinds {
                same_message: counts.get(Count::SameMessage),
                other_message: counts.get(Count::OtherMessage),
                ..DuplicateKinds::default()
            },
        };
        let latency = self.total.series(Series::latency(path));
        PathReport {
            open: open(path),
            seen: self.all.seen(path),
            missing: both_open.then(|| self.all.missing(path).part),
            loss: self.all.loss(path, confidence).filter(|_| both_open),
            covered: CoveredLoss {
                witnessed: missing.whole,
                missing: missing.part,
                loss: self.covered.loss(path, confidence),
            },
            duplicates: duplicates_by.total(),
            duplicates_by,
            out_of_order: open(path).then(|| {
                counts.get(match path {
                    Path::Webhook => Count::WebhookOutOfOrder,
                    Path::Eventbridge => Count::EventbridgeOutOfOrder,
                })
            }),
            latency_ms: LatencySummary::of(latency, self.flagged(path).total()),
            p99_ms: quantile_interval(&self.blocks(Series::latency(path)), 0.99, confidence),
            distribution: histogram(latency),
            hops: hops(&self.total, path),
            covered_seconds: covered_for(path),
        }
    }

    fn pairs(&self) -> Pairs {
        let counts = self.total.counts();
        Pairs {
            both: self.all.both,
            webhook_only: self.all.webhook_only,
            eventbridge_only: self.all.eventbridge_only,
            paired_by: PairRules {
                id: counts.get(Count::PairedById),
                fallback: counts.get(Count::PairedByFallback),
                ambiguous: counts.get(Count::PairedAmbiguously),
            },
            webhook_first: difference::webhook_first(&self.total, self.settings.confidence),
            difference_ms: difference::summary(
                self.total.series(Series::Difference),
                &self.blocks(Series::Difference),
                self.settings.confidence,
            ),
        }
    }

    /// What was measured, slot after slot.
    fn blocks(&self, series: Series) -> Vec<&Sketch> {
        self.slots.iter().map(|slot| slot.cell.series(series)).collect()
    }

    fn payloads(&self) -> Payloads {
        let (pointers, mut elsewhere) = self.total.pointers();
        let mut pointers: Vec<_> = pointers
            .map(|(pointer, events)| PointerCount { pointer: pointer.to_owned(), events })
            .collect();
        pointers.sort_by_key(|pointer| std::cmp::Reverse(pointer.events));
        elsewhere += pointers.iter().skip(POINTERS_MAX).map(|pointer| pointer.events).sum::<u64>();
        pointers.truncate(POINTERS_MAX);
        let differing = self.total.counts().get(Count::PayloadDiffers);
        Payloads { differing, pointers, elsewhere }
    }

    /// Settled events in a day, at the rate of the time in which both doors were open; `None` when it is less
    /// than a second, or nothing happened in it.
    fn per_day(&self) -> Option<f64> {
        let SettledWindow { from, settled_until, .. } = self.settled_window();
        let judged = Window { from, to: settled_until };
        let seconds = both_open_seconds(self.coverage, judged);
        let events = self.covered.total();
        (seconds >= 1.0 && events > 0).then(|| super::number::as_f64(events) / seconds * 86_400.0)
    }
}

fn histogram(latency: &Sketch) -> Vec<Bin> {
    let bins: Vec<_> = latency.bins().collect();
    let joined = bins.len().div_ceil(BINS_MAX).max(1);
    let chunks = bins.chunks(joined).filter_map(|chunk| {
        let (first, last) = (chunk.first()?, chunk.last()?);
        let count = chunk.iter().map(|bin| bin.count).sum();
        Some(Bin { low_ms: first.low, high_ms: last.high, count })
    });
    chunks.filter(|bin| bin.count > 0).collect()
}

fn hops(total: &Cell, path: Path) -> Vec<Hop> {
    let stretches: &[(Series, &str, &str)] = match path {
        Path::Webhook => &[
            (Series::WebhookLatency, "event", "request"),
            (Series::WebhookCommit, "request", "commit"),
        ],
        Path::Eventbridge => &[
            (Series::ToEnvelope, "event", "envelope"),
            (Series::ToSent, "envelope", "sent"),
            (Series::ToReceived, "sent", "received"),
            (Series::EventbridgeCommit, "received", "commit"),
        ],
    };
    let hop = |(series, from, to): &(Series, &'static str, &'static str)| {
        let measured = total.series(*series);
        let at = |quantile| measured.quantile(quantile);
        let (p50, p90, p99) = (at(0.5)?, at(0.9)?, at(0.99)?);
        Some(Hop { from, to, count: measured.count(), p50, p90, p99 })
    };
    stretches.iter().filter_map(hop).collect()
}

fn open_doors(paths: &Paths) -> Option<PathSet> {
    match (paths.webhook.open, paths.eventbridge.open) {
        (true, true) => Some(PathSet::Both),
        (true, false) => Some(PathSet::Webhook),
        (false, true) => Some(PathSet::Eventbridge),
        (false, false) => None,
    }
}

fn method(settings: &Settings) -> Method {
    Method {
        confidence: settings.confidence,
        latency_relative_error: Series::WebhookLatency.relative_error(),
        difference_relative_error: Series::Difference.relative_error(),
        grace_ms: u64::try_from(settings.grace.as_millis()).unwrap_or(u64::MAX),
        loss_max: settings.loss_max,
        p99_max_ms: settings.p99_max_ms(),
        cost_max: settings.cost_max,
        difference_min_ms: settings.difference_min_ms,
        receivers: settings.receivers,
    }
}

#[cfg(test)]
mod tests;
