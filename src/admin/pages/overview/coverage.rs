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
