//! What each path costs in a month, at the measured rate and by the prices of the configuration.

use super::document::{CostItem, Costs, PathCost, PathReport, Paths};
use super::proportion::Share;

/// Days of a month.
const DAYS: f64 = 30.0;
/// A long poll that finds nothing ends after so many seconds.
const POLL_SECONDS: f64 = 20.0;

/// Prices, dated: nobody looks them up.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    /// The day they are of.
    pub as_of: jiff::civil::Date,
    /// What they are in, such as USD.
    pub currency: String,
    /// Of an event that a partner source puts on the bus.
    pub eventbridge_event: f64,
    /// Of a request to SQS: a send by the rule, a receive, a delete.
    pub sqs_request: f64,
    /// Of a request that a load balancer or a gateway in front of the webhook takes.
    pub webhook_request: f64,
    /// Of what EventBridge's path takes beside, in a month.
    pub eventbridge_month: f64,
    /// Of what the webhook takes beside, in a month: an address, a certificate, a machine.
    pub webhook_month: f64,
    /// SQS receivers: each polls all the time.
    pub receivers: u32,
}

/// The costs, at this number of settled events a day.
///
/// SQS is counted at its most: one receive and one delete for each message, though a batch takes up to
/// ten, and a poll every 20 s of each receiver. An event counts as one request: those of Auth0 are far
/// below the 64 KiB that AWS bills as one. Source: the pricing pages of EventBridge and SQS.
pub(super) fn costs(prices: &Prices, paths: &Paths, settled_per_day: f64) -> Costs {
    let events = settled_per_day * DAYS;
    // Each event comes once by each path, but for what that loses, and now and then once more.
    let arrivals = |path: &PathReport| {
        let firsts = Share { part: path.seen, whole: path.seen + path.duplicates };
        let lost = path.covered.loss.map_or(0.0, |loss| loss.estimate);
        (1.0 - lost) / firsts.ratio().filter(|ratio| *ratio > 0.0).unwrap_or(1.0)
    };
    let (webhook, eventbridge) = (arrivals(&paths.webhook), arrivals(&paths.eventbridge));
    let polls = f64::from(prices.receivers) * DAYS * 86_400.0 / POLL_SECONDS;
    Costs {
        as_of: prices.as_of.to_string(),
        currency: prices.currency.clone(),
        events_per_month: events,
        webhook: path(vec![
            item("requests", events * webhook, prices.webhook_request),
            item("fixed", 1.0, prices.webhook_month),
        ]),
        eventbridge: path(vec![
            item("events on the bus", events, prices.eventbridge_event),
            item("SQS sends, receives and deletes", events * eventbridge * 3.0, prices.sqs_request),
            item("SQS polls that find nothing", polls, prices.sqs_request),
            item("fixed", 1.0, prices.eventbridge_month),
        ]),
    }
}

fn item(name: &'static str, quantity: f64, price: f64) -> CostItem {
    CostItem { name, quantity, price, amount: quantity * price }
}

fn path(items: Vec<CostItem>) -> PathCost {
    PathCost { per_month: items.iter().map(|item| item.amount).sum(), items }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{both_open, compare, event};
    use super::*;

    #[test]
    fn a_month_is_priced_item_by_item() {
        let document =
            compare(&[event(5, Some(6), Some(7)), event(9, None, Some(12))], &both_open());
        let prices = Prices {
            as_of: jiff::civil::date(2026, 8, 1),
            currency: "USD".into(),
            eventbridge_event: 1e-6,
            sqs_request: 4e-7,
            webhook_request: 2e-6,
            eventbridge_month: 0.5,
            webhook_month: 3.0,
            receivers: 2,
        };
        let costs = costs(&prices, &document.paths, 1_000.0);
        assert_eq!((costs.as_of.as_str(), costs.events_per_month), ("2026-08-01", 30_000.0));
        // Half of the events came by webhook.
        check(&costs.webhook, &[(15_000.0, 0.03), (1.0, 3.0)]);
        check(
            &costs.eventbridge,
            &[(30_000.0, 0.03), (90_000.0, 0.036), (259_200.0, 0.10368), (1.0, 0.5)],
        );
    }

    #[track_caller]
    fn check(cost: &PathCost, expected: &[(f64, f64)]) {
        for (item, (quantity, amount)) in cost.items.iter().zip(expected) {
            assert!((item.quantity - quantity).abs() < 1e-6, "{item:?}");
            assert!((item.amount - amount).abs() < 1e-9, "{item:?}");
        }
        assert_eq!(cost.items.len(), expected.len());
        let sum: f64 = expected.iter().map(|(_, amount)| amount).sum();
        assert!((cost.per_month - sum).abs() < 1e-9);
    }
}
