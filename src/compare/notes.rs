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
    notes.push(uncertainty(document));
    notes
}

fn excluded(document: &Document) -> Option<String> {
    let excluded = document.excluded;
    let reasons = [
        (excluded.unsettled, "too young to be judged"),
        (excluded.test, "sent as a test"),
        (excluded.too_late, "come when what was known of their time had expired"),
        (excluded.rescued, "lost by both paths and asked for by reconcile"),
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
    let flagged = document.excluded.latency_flagged;
    let reasons = [
        (flagged.receive_count, "had been delivered by the queue before"),
        (flagged.redriven, "came back from a dead-letter queue"),
        (flagged.replayed, "were replayed by EventBridge"),
        (flagged.backlog, "were sent by Auth0 long after they happened"),
        (flagged.startup, "came as the door opened"),
    ];
    let parts: Vec<String> = reasons
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, reason)| format!("{} {reason}", count(number)))
        .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "{} seen, but not in latency: {}. For this, {} not in the difference.",
            counted(flagged.total(), "arrival"),
            parts.join(", "),
            match document.excluded.difference_flagged {
                1 => "1 pair is".to_owned(),
                pairs => format!("{} pairs are", count(pairs)),
            }
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
             is in its loss over the whole window, though the path may not have lost it; it is not in \
             its loss while both doors were open.",
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
            "Paired by tenant, type, subject and time, for want of a common id: {}{}.",
            counted(guessed, "pair"),
            match rules.ambiguous {
                0 => String::new(),
                several => format!("; for {} of them several events fitted", count(several)),
            }
        )
    })
}

fn uncertainty(document: &Document) -> String {
    let confidence = percent(document.method.confidence);
    let error = percent(document.method.latency_relative_error);
    let p99 = Path::ALL.into_iter().any(|path| document.paths.of(path).p99_ms.is_some());
    let median = document.pairs.difference_ms.is_some_and(|difference| difference.low.is_some());
    let bootstrap = if p99 || median {
        " Those of the median difference and of the 99 % latency are by block bootstrap, which \
             allows for arrivals that follow each other closely."
    } else {
        ""
    };
    format!(
        "Intervals are of {confidence} and take losses as independent; losses that come in bursts \
         make them too narrow.{bootstrap} Latency quantiles are within {error} of their value."
    )
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{WINDOW, at, both_open, compare, event};
    use super::*;
    use crate::event::{Flag, Flags, Observation, PairedBy, Sighting};

    /// The notes on these events, without the last one, which stands below every comparison.
    #[track_caller]
    fn check(events: &[Observation], coverage: &Coverage, expected: &[&str]) {
        let mut notes = compare(events, coverage).notes;
        assert!(notes.pop().is_some_and(|note| note.starts_with("Intervals are of 95 %")));
        assert_eq!(notes.len(), expected.len(), "{notes:?}");
        for (note, start) in notes.iter().zip(expected) {
            assert!(note.starts_with(start), "{note}");
        }
    }

    #[test]
    fn an_undisturbed_comparison_needs_no_note() {
        check(&[event(100, Some(110), Some(120))], &both_open(), &[]);
    }

    #[test]
    fn what_was_not_counted_is_told_with_its_number() {
        let test = Observation { test: true, ..event(200, Some(210), None) };
        let events = [event(950_000, Some(950_001), None), test, event(100, Some(110), None)];
        let note =
            "Of 3 events, these were not counted: 1 too young to be judged, 1 sent as a test.";
        check(&events, &both_open(), &[note]);
    }

    #[test]
    fn a_negative_latency_is_an_alarm() {
        check(&[event(100, Some(90), Some(120))], &both_open(), &["Clock alarm: 1 arrival came"]);
    }

    #[test]
    fn a_message_that_the_queue_held_back_is_told() {
        let mut held = event(100, Some(110), None);
        held.eventbridge = Some(Sighting {
            flags: Flags::NONE.with(Flag::ReceiveCount),
            ..Sighting::plain(at(90_100))
        });
        held.paired_by = Some(PairedBy::Ambiguous);
        let notes = [
            "1 arrival seen, but not in latency: 1 had been delivered by the queue before. For this, 1 \
             pair is not in the difference.",
            "Paired by tenant, type, subject and time, for want of a common id: 1 pair; for 1 of them",
        ];
        check(&[held], &both_open(), &notes);
    }

    #[test]
    fn a_door_that_was_closed_is_told_unless_it_was_never_open() {
        let half = Window { from: at(0), to: at(450_000) };
        let coverage = Coverage { webhook: vec![half], eventbridge: Vec::new() };
        check(&[], &coverage, &["The webhook door was closed for 7.5 min of the 15 min"]);
        // What cannot be judged yet needs no open door.
        let judged = Window { from: at(0), to: at(900_000) };
        check(&[], &Coverage { webhook: vec![judged], eventbridge: vec![WINDOW] }, &[]);
    }
}
