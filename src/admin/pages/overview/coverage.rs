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
    let window = Window { from: pulse.at.minus(HOUR), to: pulse.at };
    let open = pulse.coverage.of(path);
    let covered = covered_seconds(open, window);
    // The journal is told every few seconds that a door is open.
    let closed = (window.seconds() - covered).max(0.0);
    let closed = if closed < 10.0 {
        "open all the time".to_owned()
    } else {
        format!("closed for {}", words::duration(closed.round() * 1e3))
    };
    Bar {
        path,
        open: stretches(open, window),
        share: words::percent((covered / window.seconds() * 1e3).round() / 1e3),
        closed,
    }
}
