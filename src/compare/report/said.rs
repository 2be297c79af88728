//! The verdict and the assertion in a sentence.

use super::sheets::{estimated, measure, number_of, standing};
use crate::compare::words::counted;
use crate::compare::{Choice, Document, Expect, Outcome};
use crate::event::Path;

/// The verdict in a few words: `not enough data (64 events more needed)`.
pub(super) fn verdict(document: &Document) -> String {
    let verdict = &document.verdict;
    format!("{}{}", verdict.choice.as_str().replace('_', " "), needed(document))
}

fn needed(document: &Document) -> String {
    match document.verdict.needs_more_events {
        Some(more) => format!(" ({} more needed)", counted(more, "event")),
        None => String::new(),
    }
}

/// What to do, in a sentence without a full stop.
pub fn headline(document: &Document) -> String {
    let advice = match document.verdict.choice {
        Choice::Webhook => "Keep the webhook",
        Choice::Eventbridge => "Keep EventBridge",
        Choice::Either => "Either path will do",
        Choice::Both => "Keep both paths",
        Choice::NotEnoughData => "Not enough data yet",
    };
    format!("{advice}{}", needed(document))
}

/// The class of a verdict in a style sheet: `good`, `warn` or nothing.
pub const fn mood(choice: Choice) -> &'static str {
    match choice {
        Choice::Webhook | Choice::Eventbridge | Choice::Either => "good",
        Choice::Both => "warn",
        Choice::NotEnoughData => "",
    }
}

/// What was expected, and whether it holds: `expected: the webhook is good enough; it holds`.
pub fn expectation(document: &Document) -> String {
    let expectation = &document.expectation;
    let expected = match expectation.expected {
        Expect::Webhook => "the webhook is good enough",
        Expect::Eventbridge => "EventBridge is good enough",
        Expect::Either => "one of the paths is good enough",
        Expect::Both => "both paths are good enough",
    };
    let so = match expectation.outcome {
        Outcome::Holds => "it holds",
        Outcome::Fails => "it fails",
        Outcome::NotEnoughData => "not enough data yet",
    };
    format!("expected: {expected}; {so}")
}

/// One line on what was expected: whether it holds, and which criteria do not, with their numbers.
///
/// `expected: one of the paths is good enough; it fails: webhook, loss 0.2 % (0.15 % to 0.25 %) of
/// at most 0.1 % (fails)`
pub fn asserted(document: &Document) -> String {
    let currency = document.costs.as_ref().map_or("", |costs| costs.currency.as_str());
    let open = document.expectation.criteria.iter();
    let open = open.filter(|criterion| criterion.outcome != Outcome::Holds);
    let open = open.map(|criterion| {
        let show = number_of(criterion.measure, currency);
        let measured = criterion.measured.map_or_else(
            || "has not been measured".to_owned(),
            |measured| estimated(measured, &show),
        );
        format!(
            "{}, {} {measured} of at most {} ({})",
            criterion.path,
            measure(criterion.measure),
            show(criterion.limit),
            standing(criterion.outcome)
        )
    });
    let open: Vec<String> = open.collect();
    let all = expectation(document);
    let line = match document.expectation.outcome {
        Outcome::Holds => all,
        Outcome::Fails | Outcome::NotEnoughData if open.is_empty() => all,
        Outcome::Fails | Outcome::NotEnoughData => format!("{all}: {}", open.join("; ")),
    };
    crate::event::legible(&line)
}

/// The path inside a sentence.
pub(super) const fn name(path: Path) -> &'static str {
    match path {
        Path::Webhook => "the webhook",
        Path::Eventbridge => "EventBridge",
    }
}

/// The path at the start of a sentence.
pub(super) const fn title(path: Path) -> &'static str {
    match path {
        Path::Webhook => "The webhook",
        Path::Eventbridge => "EventBridge",
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[track_caller]
    fn check(expected: Expect, outcome: Outcome, line: &str) {
        let mut document = sample::busy_day();
        document.expectation.expected = expected;
        document.expectation.outcome = outcome;
        assert_eq!(asserted(&document), line);
    }

    #[test]
    fn what_holds_needs_no_numbers() {
        let line = "expected: one of the paths is good enough; it holds";
        check(Expect::Either, Outcome::Holds, line);
    }

    #[test]
    fn what_does_not_hold_is_told_with_its_numbers() {
        let open = "eventbridge, loss 0.059 % (0.0286 % to 0.122 %) of at most 0.1 % (not enough \
                    data); eventbridge, 99 % latency 2.31 s (2.19 s to 2.45 s) of at most 2 s (fails)";
        let line = format!("expected: both paths are good enough; it fails: {open}");
        check(Expect::Both, Outcome::Fails, &line);
        let line = format!("expected: EventBridge is good enough; not enough data yet: {open}");
        check(Expect::Eventbridge, Outcome::NotEnoughData, &line);
    }

    #[test]
    fn without_criteria_there_is_nothing_to_tell() {
        let line = "expected: one of the paths is good enough; not enough data yet";
        assert_eq!(asserted(&sample::quiet_day()), line);
    }

    #[test]
    fn a_headline_says_what_to_do() {
        assert_eq!(headline(&sample::busy_day()), "Keep the webhook");
        let quiet = "Not enough data yet (3,000 events more needed)";
        assert_eq!(headline(&sample::quiet_day()), quiet);
    }
}
