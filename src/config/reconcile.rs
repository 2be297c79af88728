//! The third observer.

use std::time::Duration;

use super::check::Check;
use super::raw;
use crate::provision::auth0;
use crate::provision::reconcile::{ASKING_MAX, Settings, asking_takes};

/// The table `[reconcile]`; `None` where no tenant is named, since there is nobody to ask.
pub(super) fn reconcile(
    check: &mut Check<'_>,
    raw: &raw::Reconcile,
    auth0: Option<&auth0::Settings>,
) -> Option<Settings> {
    let every = Some(raw.every.0).filter(|every| !every.is_zero());
    if let Some(every) = every {
        let range = (Duration::from_secs(10), Duration::from_hours(24));
        check.range("reconcile.every", &every, range);
    }
    check.range("reconcile.most", &raw.most, (1, 5_000));
    check.range("reconcile.rate", &raw.rate, (0.01, 10.0));
    if asking_takes(raw.most, raw.rate) > ASKING_MAX {
        let what = "to ask for so many at reconcile.rate takes longer than an hour";
        check.problem("reconcile.most", what, "ask for fewer, or faster");
    }
    if raw.follow && every.is_none() {
        let what = "what is followed is judged by nobody, since reconcile.every is \"0s\"";
        check.problem("reconcile.follow", what, "set reconcile.every = \"5m\", or follow = false");
    }
    if raw.backfill && !raw.follow {
        let what = "only what is followed can be taken in";
        check.problem("reconcile.backfill", what, "set reconcile.follow = true too");
    }
    if auth0.is_none() {
        // What is wrong in [auth0] itself has been told.
        let is_told = check.problems.iter().any(|problem| problem.key.starts_with("auth0."));
        if every.is_some() && !is_told {
            let what = "there is nobody to ask: auth0.domain is empty";
            check.problem("reconcile.every", what, "fill in [auth0], or set every = \"0s\"");
        }
        return None;
    }
    Some(Settings {
        every,
        redeliver: raw.redeliver,
        most: raw.most,
        rate: raw.rate,
        follow: raw.follow,
        backfill: raw.backfill,
    })
}
