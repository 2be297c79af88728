//! A day with everything in it.

use super::{at, method, nothing, timeline};
use crate::compare::{
    Bin, Choice, CostItem, Costs, Coverage, CoveredLoss, Criterion, DifferenceSummary, Document,
    DuplicateKinds, Events, Excluded, Expect, Expectation, Hop, Interval, LatencyFlagged,
    LatencySummary, McNemar, Need, Outcome, PairRules, Pairs, PathCost, PathReport, Paths,
    Payloads, Plan, PointerCount, Share, Verdict, WebhookFirst, Window, loss, notes,
};
use crate::event::Path;

/// 12,000 settled events. The webhook takes about 180 ms and was closed for 25 minutes; EventBridge
/// takes about 560 ms. Each loses some, and nothing is left empty.
pub(crate) fn busy_day() -> Document {
    let mut document = Document {
        events: Events { observed: 12_147, settled: 12_000 },
        paths: Paths { webhook: webhook(), eventbridge: eventbridge() },
        pairs: pairs(),
        unseen: Some(Interval { estimate: 0.007, low: 0.002, high: 0.027 }),
        mcnemar: Some(McNemar { p_value: 0.3593 }),
        payloads: Payloads {
            differing: 18,
            pointers: vec![
                PointerCount { pointer: "/data/object/updated_at".into(), events: 11 },
                PointerCount { pointer: "/data/object/identities/0/provider".into(), events: 4 },
            ],
            elsewhere: 3,
        },
        verdict: verdict(),
        expectation: expectation(),
        costs: Some(costs()),
        plan: plan(),
        excluded: Excluded {
            test: 24,
            unsettled: 118,
            too_late: 2,
            rescued: 3,
            latency_flagged: LatencyFlagged {
                receive_count: 26,
                redriven: 3,
                replayed: 40,
                backlog: 55,
                startup: 8,
            },
            difference_flagged: 121,
        },
        timeline: timeline::slots(),
        method: method(),
        ..nothing()
    };
    note(&mut document);
    document
}

/// Writes the document's notes, of what else is in it.
pub(in crate::compare::report) fn note(document: &mut Document) {
    document.notes = notes::of(document, &coverage());
}

fn coverage() -> Coverage {
    let webhook =
        vec![Window { from: at(0), to: at(37_200) }, Window { from: at(38_700), to: at(86_400) }];
    Coverage { webhook, eventbridge: vec![Window { from: at(0), to: at(86_400) }] }
}

fn share(part: u64, whole: u64) -> Option<Interval> {
    loss::loss(Share { part, whole }, 0.95)
}

fn webhook() -> PathReport {
    PathReport {
        open: true,
        seen: 11_988,
        missing: Some(12),
        loss: share(12, 11_993),
        covered: CoveredLoss { witnessed: 11_870, missing: 5, loss: share(5, 11_870) },
        duplicates: 9,
        duplicates_by: DuplicateKinds { webhook_retry: 9, ..DuplicateKinds::default() },
        out_of_order: Some(14),
        latency_ms: LatencySummary {
            count: 11_930,
            p50: Some(182.4),
            p90: Some(361.0),
            p99: Some(812.5),
            p999: Some(4_310.0),
            max: Some(7_204.0),
            negative: 6,
            flagged: 58,
        },
        p99_ms: Some(Interval { estimate: 812.5, low: 774.0, high: 868.0 }),
        distribution: distribution(11_930, 182.4, 0.5),
        hops: vec![
            Hop { from: "event", to: "request", count: 11_930, p50: 178.1, p90: 355.0, p99: 803.0 },
            Hop { from: "request", to: "commit", count: 11_930, p50: 4.2, p90: 7.7, p99: 19.5 },
        ],
        covered_seconds: 84_900.0,
    }
}

fn eventbridge() -> PathReport {
    let hop = |from, to, p50, p90, p99| Hop { from, to, count: 11_919, p50, p90, p99 };
    PathReport {
        open: true,
        seen: 11_993,
        missing: Some(7),
        loss: share(7, 11_988),
        covered: CoveredLoss { witnessed: 11_865, missing: 7, loss: share(7, 11_865) },
        duplicates: 31,
        duplicates_by: DuplicateKinds { webhook_retry: 0, same_message: 26, other_message: 5 },
        out_of_order: Some(61),
        latency_ms: LatencySummary {
            count: 11_919,
            p50: Some(561.7),
            p90: Some(1_120.0),
            p99: Some(2_315.0),
            p999: Some(9_870.0),
            max: Some(61_300.0),
            negative: 0,
            flagged: 74,
        },
        p99_ms: Some(Interval { estimate: 2_315.0, low: 2_190.0, high: 2_452.0 }),
        distribution: distribution(11_919, 561.7, 0.55),
        hops: vec![
            hop("event", "envelope", -61.5, 310.0, 655.0),
            hop("envelope", "sent", 548.0, 1_010.0, 2_120.0),
            hop("sent", "received", 62.4, 141.0, 420.0),
            hop("received", "commit", 5.1, 9.3, 22.8),
        ],
        covered_seconds: 86_400.0,
    }
}

/// A bell on the logarithmic axis: so many arrivals around the median.
fn distribution(total: u64, median_ms: f64, spread: f64) -> Vec<Bin> {
    let edge = |bin: i32| 10_f64.powf(f64::from(bin) / 10.0);
    let below = |ms: f64| {
        // The logistic curve is as good a bell as any here.
        1.0 / (1.0 + (-1.7 * (ms / median_ms).ln() / spread).exp())
    };
    let bins = 12..46;
    let mut counts = timeline::spread(
        total,
        &bins.clone().map(|bin| below(edge(bin + 1)) - below(edge(bin))).collect::<Vec<_>>(),
    )
    .into_iter();
    bins.map(|bin| Bin { low_ms: edge(bin), high_ms: edge(bin + 1), count: counts.next().unwrap() })
        .collect()
}

fn pairs() -> Pairs {
    Pairs {
        both: 11_981,
        webhook_only: 7,
        eventbridge_only: 12,
        paired_by: PairRules { id: 11_960, fallback: 17, ambiguous: 4 },
        webhook_first: Some(WebhookFirst {
            share: 0.9712,
            low: 0.9680,
            high: 0.9741,
            same_instant: 2,
        }),
        difference_ms: Some(DifferenceSummary {
            count: 11_860,
            median: 379.2,
            low: Some(371.8),
            high: Some(386.9),
            p5: -38.4,
            p95: 1_012.6,
        }),
    }
}

fn verdict() -> Verdict {
    let reasons = [
        "The webhook missed 5 of 11,870: its loss, 0.018 % to 0.0986 %, is within the 0.1 % allowed.",
        "EventBridge missed 7 of 11,865: its loss, 0.0286 % to 0.122 %, is not yet known to be within \
         or over the 0.1 % allowed.",
        "The webhook is the only path shown to lose little enough; about 9,040 more events would tell \
         of EventBridge.",
    ];
    Verdict {
        choice: Choice::Webhook,
        reasons: reasons.map(str::to_owned).into(),
        needs_more_events: None,
    }
}

fn expectation() -> Expectation {
    let criterion = |path, measure, limit, measured, outcome| Criterion {
        path,
        measure,
        limit,
        measured,
        outcome,
    };
    let exactly = |number| Some(Interval { estimate: number, low: number, high: number });
    let p99 = |path: &PathReport| path.p99_ms;
    let criteria = vec![
        criterion(Path::Webhook, "loss", 0.001, share(5, 11_870), Outcome::Holds),
        criterion(Path::Webhook, "p99_ms", 2_000.0, p99(&webhook()), Outcome::Holds),
        criterion(Path::Webhook, "cost_per_month", 50.0, exactly(5.07), Outcome::Holds),
        criterion(Path::Eventbridge, "loss", 0.001, share(7, 11_865), Outcome::NotEnoughData),
        criterion(Path::Eventbridge, "p99_ms", 2_000.0, p99(&eventbridge()), Outcome::Fails),
        criterion(Path::Eventbridge, "cost_per_month", 50.0, exactly(0.79), Outcome::Holds),
    ];
    Expectation { expected: Expect::Either, outcome: Outcome::Holds, criteria }
}

fn costs() -> Costs {
    let item = |name, quantity: f64, price: f64| CostItem {
        name,
        quantity,
        price,
        amount: quantity * price,
    };
    let cost = |items: Vec<CostItem>| PathCost {
        per_month: items.iter().map(|item| item.amount).sum(),
        items,
    };
    Costs {
        as_of: "2026-02-15".into(),
        currency: "USD".into(),
        events_per_month: 360_000.0,
        webhook: cost(vec![
            item("public endpoint", 1.0, 5.0),
            item("webhook requests", 360_270.0, 0.000_000_2),
        ]),
        eventbridge: cost(vec![
            item("partner events", 360_000.0, 0.000_001),
            item("queue requests", 1_081_000.0, 0.000_000_4),
        ]),
    }
}

fn plan() -> Vec<Plan> {
    let events = |events, days| Need::Events { events, days };
    vec![
        Plan { loss_max: 0.01, webhook: Need::Nothing, eventbridge: Need::Nothing },
        Plan { loss_max: 0.001, webhook: Need::Nothing, eventbridge: events(9_040, Some(0.75)) },
        Plan {
            loss_max: 0.000_5,
            webhook: events(1_234_567, None),
            eventbridge: Need::Unreachable,
        },
        Plan { loss_max: 0.000_1, webhook: Need::Unreachable, eventbridge: Need::Unreachable },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_add_up() {
        let document = busy_day();
        let (events, excluded) = (document.events, document.excluded);
        assert_eq!(events.observed, events.settled + excluded.events());
        let pairs = &document.pairs;
        assert_eq!(events.settled, pairs.both + pairs.webhook_only + pairs.eventbridge_only);
        let rules = pairs.paired_by;
        assert_eq!(pairs.both, rules.id + rules.fallback + rules.ambiguous);
        assert_eq!(pairs.difference_ms.unwrap().count, pairs.both - excluded.difference_flagged);
        let flagged = Path::ALL.map(|path| document.paths.of(path).latency_ms.flagged);
        assert_eq!(excluded.latency_flagged.total(), flagged.into_iter().sum::<u64>());
        for path in Path::ALL {
            let report = document.paths.of(path);
            let sum = |of: &dyn Fn(&crate::compare::SlotPath) -> u64| {
                document.timeline.iter().map(|slot| of(slot.of(path))).sum::<u64>()
            };
            assert_eq!(sum(&|slot| slot.seen), report.seen);
            assert_eq!(Some(sum(&|slot| slot.missing)), report.missing);
            assert_eq!(Some(sum(&|slot| slot.out_of_order)), report.out_of_order);
            let latency = &report.latency_ms;
            assert_eq!(latency.count + latency.flagged, report.seen);
            assert_eq!(report.distribution.iter().map(|bin| bin.count).sum::<u64>(), latency.count);
            let kinds = report.duplicates_by;
            let kinds = kinds.webhook_retry + kinds.same_message + kinds.other_message;
            assert_eq!(kinds, report.duplicates);
        }
    }
}
