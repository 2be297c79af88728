//! How it was counted, in sentences: what a reader has to know beside the numbers.

use super::coverage::{Coverage, Window, covered_seconds};
use super::document::Document;
use super::words::{count, counted, duration, percent};
use crate::event::Path;

/// A door that was closed for less than this, in seconds, is not worth a sentence.
const CLOSED_MIN_SECONDS: f64 = 1.0;

/// The notes of a document; of its verdict and its notes nothing is read.
pub(super) fn of(document: &Document, coverage: &Coverage) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(excluded(document));
    notes.extend(clock_alarm(document));
    notes.extend(flagged(document));
    notes.extend(Path::ALL.into_iter().filter_map(|path| closed(document, coverage, path)));
    notes.extend(pairing(document));
    notes.extend(sampled(document));
    notes.extend(disordered(document));
    notes.push(uncertainty(document));
    notes
}

fn excluded(document: &Document) -> Option<String> {
    let excluded = document.excluded;
    let reasons = [
        (excluded.unsettled, "too young to be judged"),
        (excluded.test, "sent as a test"),
        (excluded.outside_window, "outside of the window"),
        (excluded.no_arrival, "without an arrival"),
    ];
    let parts: Vec<String> = reasons
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, reason)| format!("{} {reason}", count(number)))
        .collect();
    (!parts.is_empty()).then(|| {
        let all = counted(document.events.observed, "event");
        format!("Of {all}, these were not counted: {}.", parts.join(", "))
    })
}

fn clock_alarm(document: &Document) -> Option<String> {
    let negative: u64 =
        Path::ALL.into_iter().map(|path| document.paths.of(path).latency_ms.negative).sum();
    (negative > 0).then(|| {
        format!(
            "Clock alarm: {} came before their own event by this host's clock, which is behind \
             Auth0's. Both paths' latencies are too short by as much; the difference between the \
             paths is not affected.",
            counted(negative, "arrival")
        )
    })
}

fn flagged(document: &Document) -> Option<String> {
    let arrivals = document.excluded.latency_flagged.receive_count;
    (arrivals > 0).then(|| {
        format!(
            "{} had been delivered by the queue before: seen, but not in latency, and {} not in \
             the difference.",
            counted(arrivals, "arrival"),
            counted(document.excluded.difference_flagged, "pair")
        )
    })
}

/// While a door is closed the path cannot deliver, which is no fault of the path.
fn closed(document: &Document, coverage: &Coverage, path: Path) -> Option<String> {
    let judged = Window { from: document.window.from, to: document.window.settled_until };
    let covered = covered_seconds(coverage.of(path), judged);
    let closed = judged.seconds() - covered;
    (document.paths.of(path).open && closed >= CLOSED_MIN_SECONDS).then(|| {
        format!(
            "The {path} door was closed for {} of the {} that can be judged. What passed meanwhile \
             counts as missing, though the path may not have lost it.",
            duration(closed * 1e3),
            duration(judged.seconds() * 1e3)
        )
    })
}

fn pairing(document: &Document) -> Option<String> {
    let rules = document.pairs.paired_by;
    let guessed = rules.fallback + rules.ambiguous;
    (guessed > 0).then(|| {
        format!(
            "{} did not share an id and were paired by tenant, type, subject and time{}.",
            counted(guessed, "pair"),
            match rules.ambiguous {
                0 => String::new(),
                several => format!("; for {} of them several events fitted", count(several)),
            }
        )
    })
}

fn sampled(document: &Document) -> Option<String> {
    let difference = document.pairs.difference_ms?;
    (difference.sampled < difference.count).then(|| {
        format!(
            "The difference is from a random sample of {} of {} pairs.",
            count(difference.sampled),
            count(difference.count)
        )
    })
}

fn disordered(document: &Document) -> Option<String> {
    let unknown = Path::ALL.into_iter().any(|path| document.paths.of(path).out_of_order.is_none());
    unknown.then(|| {
        "Out of order could not be counted: the events were not read from the latest on.".to_owned()
    })
}

fn uncertainty(document: &Document) -> String {
    let error = percent(document.method.latency_relative_error);
    format!(
        "Intervals are of 95 % and take events as independent; losses and delays that come in \
         bursts make them too narrow. Latency quantiles are within {error} of their value."
    )
}
