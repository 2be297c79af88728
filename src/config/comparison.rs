//! How the paths are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use super::check::Check;
use super::layers::Layer;
use super::{ConfigError, raw};
use crate::compare::{Prices, Settings};
use crate::event::FlagRules;
use crate::journal::SummarySettings;

/// What a million of something is divided by.
const MILLION: f64 = 1e6;

/// The settings of a comparison, for those who need no more.
pub(super) fn compare_alone(raw: &raw::Raw, layers: &[Layer]) -> Result<Settings, ConfigError> {
    let nothing = BTreeMap::new();
    let mut check = Check::new(layers, &nothing);
    let (settings, _) = compare(&mut check, raw);
    if check.problems.is_empty() {
        Ok(settings)
    } else {
        Err(ConfigError { problems: check.problems })
    }
}

/// How the paths are compared, and when an arrival's time says nothing about its path.
pub(super) fn compare(check: &mut Check<'_>, whole: &raw::Raw) -> (Settings, FlagRules) {
    let raw = &whole.compare;
    let (none, year) = (Duration::ZERO, Duration::from_hours(24 * 365));
    check.range("compare.grace", &raw.grace.0, (none, year));
    check.range("compare.keep", &raw.keep.0, (Duration::from_mins(1), 100 * year));
    check.range("compare.startup", &raw.startup.0, (none, Duration::from_hours(1)));
    check.range("compare.backlog_after", &raw.backlog_after.0, (Duration::from_secs(10), year));
    check.range("compare.confidence", &raw.confidence, (0.8, 0.999));
    check.range("compare.loss_max", &raw.loss_max, (1e-9, 0.999_999));
    check.range("compare.difference_min_ms", &raw.difference_min_ms, (0.0, 1e9));
    if let Some(limit) = raw.p99_max {
        check.range("compare.p99_max", &limit.0, (Duration::from_millis(1), year));
    }
    if let Some(limit) = raw.cost_max {
        check.range("compare.cost_max", &limit, (0.0, 1e12));
    }
    for pointer in raw.ignore.iter().filter(|pointer| !pointer.starts_with('/')) {
        let remedy = "write JSON pointers into the CloudEvent, such as \"/data/context\"";
        check.problem("compare.ignore", format!("`{pointer}` is no JSON pointer"), remedy);
    }
    let receivers = u32::try_from(whole.eventbridge.receivers).unwrap_or(u32::MAX);
    let settings = Settings {
        grace: raw.grace.0,
        confidence: raw.confidence,
        loss_max: raw.loss_max,
        p99_max: raw.p99_max.map(|limit| limit.0),
        cost_max: raw.cost_max,
        difference_min_ms: raw.difference_min_ms,
        expect: raw.expect,
        prices: prices(check, &whole.prices, receivers),
        ignore: raw.ignore.clone(),
        receivers,
    };
    (settings, FlagRules { startup: raw.startup.0, backlog_after: raw.backlog_after.0 })
}

/// What the journal keeps for comparisons.
pub(super) fn summaries(settings: &Settings, raw: &raw::Compare) -> SummarySettings {
    SummarySettings { grace: settings.grace, keep: raw.keep.0, ignore: settings.ignore.clone() }
}

fn prices(check: &mut Check<'_>, raw: &raw::Prices, receivers: u32) -> Option<Prices> {
    for (key, price) in [
        ("eventbridge_per_million_events", raw.eventbridge_per_million_events),
        ("sqs_per_million_requests", raw.sqs_per_million_requests),
        ("webhook_per_million_requests", raw.webhook_per_million_requests),
        ("eventbridge_per_month", raw.eventbridge_per_month),
        ("webhook_per_month", raw.webhook_per_month),
    ] {
        check.range(&format!("prices.{key}"), &price, (0.0, 1e9));
    }
    let Ok(as_of) = raw.as_of.parse() else {
        let what = format!("`{}` is no date", raw.as_of);
        check.problem("prices.as_of", what, "write the day the prices are of: \"2026-06-01\"");
        return None;
    };
    Some(Prices {
        as_of,
        currency: raw.currency.clone(),
        eventbridge_event: raw.eventbridge_per_million_events / MILLION,
        sqs_request: raw.sqs_per_million_requests / MILLION,
        webhook_request: raw.webhook_per_million_requests / MILLION,
        eventbridge_month: raw.eventbridge_per_month,
        webhook_month: raw.webhook_per_month,
        receivers,
    })
}
