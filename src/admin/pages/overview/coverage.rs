//! When each door was open in the last hour.

use askama::Template;

use super::View;
use crate::admin::pages::chart::{self, Stretch, stretches};
use crate::admin::pages::pulse::HOUR;
use crate::compare::{Window, covered_seconds, words};
use crate::event::Path;

/// A bar for each path.
#[derive(Debug, Template)]
#[template(path = "overview/coverage.html")]
pub(super) struct CoverageCard {
    bars: Vec<Bar>,
}

#[derive(Debug)]
struct Bar {
    path: Path,
    /// From the first start on.
    known: Vec<Stretch>,
    open: Vec<Stretch>,
    share: String,
    closed: String,
}

impl CoverageCard {
    pub(super) fn of(view: View<'_>) -> Self {
        let paths = Path::ALL.into_iter().filter(|path| view.mode.contains(*path));
        Self { bars: paths.map(|path| bar(view, path)).collect() }
    }
}

fn bar(view: View<'_>, path: Path) -> Bar {
    let pulse = view.pulse;
    let hour = Window { from: pulse.at.minus(HOUR), to: pulse.at };
    // What was before the gateway's first start is no gap.
    let window = Window { from: pulse.began.unwrap_or(hour.from).max(hour.from), ..hour };
    let open = pulse.coverage.of(path);
    let covered = covered_seconds(open, window);
    // The journal is told every few seconds that a door is open.
    let closed = (window.seconds() - covered).max(0.0);
    let is_open_throughout = closed < 10.0;
    let closed = if is_open_throughout {
        match pulse.began {
            Some(_) => "open since the start".to_owned(),
            None => "open all the time".to_owned(),
        }
    } else {
        format!("closed for {}", words::duration(closed.round() * 1e3))
    };
    Bar {
        path,
        known: stretches(&[window], hour),
        open: stretches(open, hour),
        share: words::percent(if is_open_throughout {
            1.0
        } else {
            (covered / window.seconds().max(1.0)).min(1.0)
        }),
        closed,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::admin::pages::pulse::fixture::{ago, now, quiet};
    use crate::compare::Coverage;
    use crate::event::{PathSet, Timestamp};

    /// What is said of the webhook's door, which was open so many seconds ago, from and to.
    #[track_caller]
    fn check(open: &[(u64, u64)], began: Option<Timestamp>, expected: (&str, &str)) {
        let open = open.iter().map(|(from, to)| Window { from: ago(*from), to: ago(*to) });
        let coverage = Coverage { webhook: open.collect(), eventbridge: Vec::new() };
        let pulse = crate::admin::pages::pulse::Pulse { coverage, began, ..quiet() };
        let view = View { pulse: &pulse, mode: PathSet::Webhook, grace: Duration::ZERO };
        let bars = CoverageCard::of(view).bars;
        let [bar] = bars.as_slice() else { panic!("{bars:?}") };
        assert_eq!((bar.closed.as_str(), bar.share.as_str()), expected);
    }

    #[test]
    fn a_closed_door_is_told_unless_it_was_before_the_first_start() {
        check(&[(4_000, 0)], None, ("open all the time", "100 %"));
        check(&[(4_000, 2)], None, ("open all the time", "100 %"));
        check(&[(3_600, 1_800)], None, ("closed for 30 min", "50 %"));
        check(&[(900, 0)], None, ("closed for 45 min", "25 %"));
        check(&[(900, 0)], Some(ago(900)), ("open since the start", "100 %"));
        check(&[(900, 450)], Some(ago(900)), ("closed for 7.5 min", "50 %"));
        check(&[], Some(now()), ("open since the start", "100 %"));
    }
}
