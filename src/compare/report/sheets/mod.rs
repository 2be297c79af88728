//! The document's numbers in words, as tables that every report shows in its own way.

mod counted;
mod paths;
mod sheet;
mod ways;

pub(super) use self::paths::{measure, number_of};
pub use self::sheet::{Cell, Row, Sheet};
pub(super) use self::ways::station;
use crate::compare::{Document, Interval, Outcome};

/// Stands where a number cannot be computed.
const NO_DATA: &str = "no data";

/// All tables that have something to say, in the order in which a reader decides from them.
pub fn all(document: &Document) -> Vec<Sheet> {
    let mut sheets = vec![
        paths::criteria(document),
        paths::paths(document),
        paths::pairs(document),
        ways::hops(document),
        ways::payloads(document),
        ways::costs(document),
        ways::plan(document),
        counted::counted(document),
        counted::excluded(document),
        counted::method(document),
    ];
    sheets.retain(|sheet| !sheet.rows.is_empty());
    sheets
}

/// Where an interval lies, in words.
pub(super) const fn standing(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "holds",
        Outcome::Fails => "fails",
        Outcome::NotEnoughData => "not enough data",
    }
}

fn known<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| NO_DATA.to_owned(), show)
}

/// An interval by its ends: `3 to 7`.
pub(super) fn between(interval: Interval, show: impl Fn(f64) -> String) -> String {
    format!("{} to {}", show(interval.low), show(interval.high))
}

/// A number with its interval: `5 (3 to 7)`.
pub(super) fn estimated(interval: Interval, show: impl Fn(f64) -> String) -> String {
    let estimate = show(interval.estimate);
    if interval.low < interval.high {
        format!("{estimate} ({})", between(interval, show))
    } else {
        estimate
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// The row of the table says this and no more.
    #[track_caller]
    fn check(sheet: &str, title: &str, cells: &[&str]) {
        let sheets = all(&sample::busy_day());
        let sheet = sheets.iter().find(|found| found.id == sheet).unwrap();
        let row = sheet.rows.iter().find(|row| row.title.text == title);
        let row = row.unwrap_or_else(|| panic!("{title} is not in {sheet:#?}"));
        let found: Vec<&str> = row.cells.iter().map(|cell| cell.text.as_str()).collect();
        assert_eq!(found, cells, "{title}");
        assert_eq!(sheet.columns.len(), cells.len(), "{title}");
    }

    #[test]
    fn a_path_s_numbers_stand_beside_what_they_are() {
        let loss = ["0.0421 % (0.018 % to 0.0986 %)", "0.059 % (0.0286 % to 0.122 %)"];
        check("paths", "loss while both doors were open", &loss);
        check("paths", "missed of what the other saw then", &["5 of 11,870", "7 of 11,865"]);
        let loss = ["0.1 % (0.0572 % to 0.175 %)", "0.0584 % (0.0283 % to 0.12 %)"];
        check("paths", "loss over the whole window", &loss);
        check("paths", "missing (only the other saw it)", &["12", "7"]);
        check("paths", "events seen", &["11,988", "11,993"]);
        check("paths", "door open", &["23.6 h", "24 h"]);
        check("paths", "latency, median", &["182.4 ms", "561.7 ms"]);
        check("paths", "latency, 90 % are below", &["361 ms", "1.12 s"]);
        let p99 = ["812.5 ms (774 ms to 868 ms)", "2.31 s (2.19 s to 2.45 s)"];
        check("paths", "latency, 99 % are below", &p99);
        check("paths", "latency, 99.9 % are below", &["4.31 s", "9.87 s"]);
        check("paths", "latency, longest", &["7.2 s", "61.3 s"]);
        check("paths", "arrivals in the latency", &["11,930", "11,919"]);
        check("paths", "arrivals left out of it", &["58", "74"]);
        check("paths", "latency below zero", &["6 (clock alarm)", "0"]);
        check("paths", "out of order (after a later one)", &["14", "61"]);
        check("paths", "duplicates (arrived again)", &["9", "31"]);
        check("paths", "· Auth0 sent the request again", &["9", "0"]);
        check("paths", "· SQS handed out the same message", &["0", "26"]);
        check("paths", "· another message, same event", &["0", "5"]);
    }

    #[test]
    fn what_both_saw_stands_beside_what_it_is() {
        check("pairs", "seen by both", &["11,981"]);
        check("pairs", "seen by the webhook alone", &["7"]);
        check("pairs", "seen by EventBridge alone", &["12"]);
        check("pairs", "the webhook came first", &["97.12 % (96.8 % to 97.41 %)"]);
        check("pairs", "both at the same instant", &["2"]);
        let median = "379.2 ms (371.8 ms to 386.9 ms)";
        check("pairs", "EventBridge minus webhook, median", &[median]);
        check("pairs", "EventBridge minus webhook, 90 % lie in", &["-38.4 ms to 1.01 s"]);
        check("pairs", "paired by id / by content / ambiguous", &["11,960 / 17 / 4"]);
    }

    #[test]
    fn what_was_left_out_stands_beside_why() {
        check("counted", "events looked at", &["12,147"]);
        check("counted", "events counted", &["12,000"]);
        check("excluded", "not counted: too young to be judged", &["118"]);
        check("excluded", "not counted: sent as a test", &["24"]);
        check("excluded", "not counted: come after what was known had expired", &["2"]);
        check("excluded", "not counted: lost by both, brought by reconcile", &["3"]);
        check("excluded", "not in latency: delivered by the queue before", &["26"]);
        check("excluded", "not in latency: back from a dead-letter queue", &["3"]);
        check("excluded", "not in latency: replayed by EventBridge", &["40"]);
        check("excluded", "not in latency: sent long after it happened", &["55"]);
        check("excluded", "not in latency: came as the door opened", &["8"]);
        check("excluded", "pairs not in the difference for this", &["121"]);
    }

    #[test]
    fn criteria_ways_costs_and_plan_stand_beside_what_they_are() {
        let fails = ["at most 2 s", "2.31 s (2.19 s to 2.45 s)", "fails"];
        check("expected", "eventbridge, 99 % latency", &fails);
        check("expected", "webhook, cost a month", &["at most 50.00 USD", "5.07 USD", "holds"]);
        let way = ["-61.5 ms", "310 ms", "655 ms", "11,919"];
        check("hops", "eventbridge: change in Auth0 to EventBridge", &way);
        check("payloads", "in any place", &["18"]);
        check("payloads", "/data/object/updated_at", &["11"]);
        check("payloads", "differences in further places", &["3"]);
        let requests = ["1,081,000", "0.0000004 USD", "0.43 USD"];
        check("costs", "eventbridge: queue requests", &requests);
        check("costs", "webhook, in all", &["", "", "5.07 USD"]);
        let plan = ["shown already", "9,040 more events, about 18 h"];
        check("plan", "a loss of at most 0.1 %", &plan);
        check("method", "99 % latency allowed", &["2 s"]);
        check("method", "an absence is a loss after (compare.grace)", &["15 min"]);
    }
}
