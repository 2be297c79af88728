//! When a door was open, as a bar.

use crate::compare::Window;

/// The picture's width; the page stretches it.
pub(in crate::admin::pages) const WIDTH: f64 = 360.0;
/// What is shorter would not be seen.
const WIDTH_MIN: f64 = 0.5;

/// A part of the bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::admin::pages) struct Stretch {
    pub(in crate::admin::pages) x: f64,
    pub(in crate::admin::pages) width: f64,
}

/// The parts of the window's bar that are open.
pub(in crate::admin::pages) fn stretches(open: &[Window], window: Window) -> Vec<Stretch> {
    let whole = window.seconds();
    if whole <= 0.0 {
        return Vec::new();
    }
    let place = |seconds: f64| seconds / whole * WIDTH;
    open.iter()
        .map(|open| Window { from: open.from.max(window.from), to: open.to.min(window.to) })
        .filter(|open| open.seconds() > 0.0)
        .map(|open| {
            let before = Window { from: window.from, to: open.from }.seconds();
            let width = place(open.seconds()).max(WIDTH_MIN);
            Stretch { x: place(before).min(WIDTH - width), width }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    fn window(from: i64, to: i64) -> Window {
        let at = |seconds| Timestamp::from_millis(1_772_356_544_000 + seconds * 1_000);
        Window { from: at(from), to: at(to) }
    }

    #[track_caller]
    fn check(open: &[(i64, i64)], expected: &[(f64, f64)]) {
        let open: Vec<Window> = open.iter().map(|(from, to)| window(*from, *to)).collect();
        let found = stretches(&open, window(0, 3_600));
        let found: Vec<(f64, f64)> = found.iter().map(|part| (part.x, part.width)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_bar_shows_when_a_door_was_open() {
        check(&[], &[]);
        check(&[(-100, 0), (3_600, 4_000)], &[]);
        check(&[(0, 900), (1_800, 3_600)], &[(0.0, 90.0), (180.0, 180.0)]);
        check(&[(-500, 5_000)], &[(0.0, 360.0)]);
    }

    #[test]
    fn a_moment_is_seen_too() {
        check(&[(0, 1), (3_599, 3_600)], &[(0.0, 0.5), (359.5, 0.5)]);
        assert_eq!(stretches(&[window(0, 1)], window(5, 5)), []);
    }
}
