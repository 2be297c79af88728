//! From flags and configuration to what is wanted.

use std::ops::RangeInclusive;
use std::time::Duration;

use url::Url;

use super::super::super::Failure;
use super::Arguments;
use crate::config::ForSetup;
use crate::provision::aws::{
    self, ARCHIVE_DAYS, Names, RECEIVES_MAX, RETENTION, Setting, SourceName, VISIBILITY, Wanted,
    narrowed, rule_pattern,
};

/// API reference, `SetQueueAttributes`. The lowest visibility is ours: below it, a queue hands out again
/// what is being stored.
const VISIBILITY_RANGE: RangeInclusive<Duration> =
    Duration::from_secs(30)..=Duration::from_hours(12);
const RETENTION_RANGE: RangeInclusive<Duration> =
    Duration::from_mins(1)..=Duration::from_hours(14 * 24);

/// What the parts are called: by flags, else by the configuration, else as usual.
pub(super) fn names(arguments: &Arguments, settings: &ForSetup) -> Result<Names, Failure> {
    let queue = arguments.queue.as_deref();
    let queue = queue.or_else(|| settings.queue_url.as_ref().and_then(queue_of));
    Names::new(queue.unwrap_or(aws::QUEUE), &arguments.rule).map_err(Failure::Input)
}

/// A queue's URL ends in its name (SQS developer guide, "Queue and message identifiers").
fn queue_of(url: &Url) -> Option<&str> {
    url.path_segments()?.next_back().filter(|name| !name.is_empty())
}

/// What can be said of flags and configuration before AWS is asked.
pub(super) fn check(arguments: &Arguments, settings: &ForSetup) -> Result<(), Failure> {
    names(arguments, settings)?;
    check_span("--visibility", arguments.visibility.unwrap_or(VISIBILITY), &VISIBILITY_RANGE)?;
    check_span("--retention", arguments.retention.unwrap_or(RETENTION), &RETENTION_RANGE)
}

/// What can be said once AWS has told which account it is: the queue that the gateway takes from is meant, and
/// not another of its name.
pub(super) fn check_account(
    arguments: &Arguments,
    settings: &ForSetup,
    account: &str,
) -> Result<(), Failure> {
    let meant = settings.queue_account().filter(|_| arguments.queue.is_none());
    match meant {
        Some(meant) if meant != account => Err(Failure::Input(format!(
            "eventbridge.queue_url is a queue of the account {meant}, and these credentials are of {account}: \
             take that account's credentials, or name a queue of this one with --queue"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// What is to be there, and what is to be said of it.
pub(super) fn wanted(
    arguments: &Arguments,
    settings: &ForSetup,
    (source, names): (SourceName, Names),
) -> (Wanted, Option<String>) {
    let (pattern, note) = if arguments.only_routes {
        let patterns: Vec<_> = settings.routes.iter().map(|route| &route.pattern).collect();
        let narrowed = narrowed(&patterns);
        (narrowed.pattern, narrowed.note)
    } else {
        (rule_pattern(None), None)
    };
    let wanted = Wanted {
        source,
        names,
        visibility: Setting::new(arguments.visibility, VISIBILITY),
        receives_max: Setting::new(arguments.max_receive_count, RECEIVES_MAX),
        retention: Setting::new(arguments.retention, RETENTION),
        pattern: Setting {
            value: pattern,
            is_asked: arguments.only_routes || arguments.all_events,
        },
        archive_days: arguments.archive.then(|| Setting::new(arguments.archive_days, ARCHIVE_DAYS)),
    };
    (wanted, note)
}

fn check_span(flag: &str, span: Duration, range: &RangeInclusive<Duration>) -> Result<(), Failure> {
    if range.contains(&span) && span.subsec_nanos() == 0 {
        return Ok(());
    }
    let (least, most) = (range.start().as_secs(), range.end().as_secs());
    Err(Failure::Input(format!("{flag} takes whole seconds, from {least}s to {most}s")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_queue(url: &str, expected: Option<&str>) {
        assert_eq!(queue_of(&url.parse().unwrap()), expected);
    }

    #[test]
    fn the_queue_of_the_configuration_is_meant() {
        check_queue(
            "https://sqs.eu-west-1.amazonaws.com/123456789012/my-events",
            Some("my-events"),
        );
        check_queue("http://127.0.0.1:4566/", None);
    }

    #[track_caller]
    fn check_visibility(seconds: f64, expected: bool) {
        let span = Duration::from_secs_f64(seconds);
        assert_eq!(check_span("--visibility", span, &VISIBILITY_RANGE).is_ok(), expected);
    }

    #[test]
    fn spans_have_their_bounds() {
        check_visibility(30.0, true);
        check_visibility(29.0, false);
        check_visibility(90.5, false);
        check_visibility(43_200.0, true);
        check_visibility(43_201.0, false);
    }
}
