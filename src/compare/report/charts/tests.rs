//! What holds for every chart, whatever the document.

use super::super::sample;
use super::*;

/// All numbers in what a path says, two by two or alone, as they come.
fn places(data: &PathData) -> Vec<f64> {
    let text = data.to_string();
    let numbers = text.split(|sign: char| !(sign.is_ascii_digit() || matches!(sign, '.' | '-')));
    numbers.filter_map(|number| number.parse().ok()).collect()
}

#[track_caller]
fn check_picture(picture: &Picture, of: &str) {
    let (width, height) = (picture.size.width, picture.height);
    let inside = |(x, y): Point| {
        assert!((-0.1..=width + 0.1).contains(&x), "{of}: x {x} of {width}");
        assert!((-0.1..=height + 0.1).contains(&y), "{of}: y {y} of {height}");
    };
    for shape in &picture.shapes {
        match shape {
            Shape::Line { class: _, from, to } => [*from, *to].into_iter().for_each(inside),
            Shape::Text { class: _, at, anchor, text } => {
                inside(*at);
                // A letter is some 6.6 px broad.
                let broad = f64::from(u32::try_from(text.chars().count()).unwrap()) * 6.6;
                let (left, right) = match anchor {
                    Anchor::Start => (at.0, at.0 + broad),
                    Anchor::Middle => (at.0 - broad / 2.0, at.0 + broad / 2.0),
                    Anchor::End => (at.0 - broad, at.0),
                };
                assert!(left >= -8.0 && right <= width + 8.0, "{of}: {text}: {left} to {right}");
            }
            Shape::Path { class, data } => {
                assert!(!data.to_string().contains("NaN"), "{of}: {class}");
                let most = width.max(height) + 0.1;
                let places = places(data);
                assert!(places.iter().all(|place| place.abs() <= most), "{of}: {class}: {data}");
            }
        }
    }
    let svg = picture.to_string();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert!(!picture.label.is_empty());
}

/// All charts of the document are within their pictures; these are there.
#[track_caller]
fn check(document: &Document, ids: &[&str]) {
    let figures = all(document);
    let found: Vec<&str> = figures.iter().map(|figure| figure.id).collect();
    assert_eq!(found, ids);
    for figure in &figures {
        assert!(figure.says.ends_with('.') && !figure.says.contains("NaN"), "{}", figure.says);
        check_picture(&figure.broad, figure.id);
        check_picture(&figure.narrow, figure.id);
        for row in &figure.numbers.rows {
            assert_eq!(row.cells.len(), figure.numbers.columns.len(), "{}", figure.id);
        }
    }
}

const EVERY: [&str; 7] = [
    "chart-loss",
    "chart-distribution",
    "chart-difference",
    "chart-timeline",
    "chart-hops",
    "chart-latency",
    "chart-disorder",
];

#[test]
fn a_busy_day_has_every_chart() {
    check(&sample::busy_day(), &EVERY);
}

#[test]
fn what_has_no_data_is_not_drawn() {
    check(&sample::quiet_day(), &[]);
    let alone =
        ["chart-distribution", "chart-timeline", "chart-hops", "chart-latency", "chart-disorder"];
    check(&sample::one_door(), &alone);
}

#[test]
fn the_largest_numbers_stay_in_their_picture() {
    check(&sample::extremes(), &EVERY);
}

#[test]
fn any_number_of_slots_can_be_drawn() {
    check(&sample::with_slots(0), &["chart-loss", "chart-distribution", "chart-hops"]);
    let first = [
        "chart-loss",
        "chart-distribution",
        "chart-difference",
        "chart-timeline",
        "chart-hops",
        "chart-latency",
    ];
    check(&sample::with_slots(1), &first);
    check(&sample::with_slots(2), &EVERY);
    check(&sample::with_slots(200), &EVERY);
}

#[test]
fn what_is_no_number_is_nowhere() {
    let mut document = sample::busy_day();
    let nan = f64::NAN;
    document.timeline[3].difference_ms = Some(nan);
    document.timeline[4].webhook.p50 = Some(f64::INFINITY);
    document.timeline[5].webhook.covered_seconds = nan;
    document.paths.webhook.latency_ms.p50 = Some(nan);
    document.paths.webhook.distribution[2].high_ms = nan;
    document.paths.webhook.hops[0].p50 = nan;
    document.method.loss_max = nan;
    check(&document, &EVERY);
}

#[test]
fn a_missed_event_is_a_bar_and_a_closed_door_a_gap() {
    let figures = all(&sample::busy_day());
    let figure = figures.iter().find(|figure| figure.id == "chart-timeline").unwrap();
    let says = "The webhook missed 12 events in 5 of 96 slots of 15 min; its door was closed for 25 min. \
                EventBridge missed 7 events in 4 of 96 slots of 15 min; its door was open all the time.";
    assert_eq!(figure.says, says);
    let bars = |class: &str| {
        let paths = figure.broad.shapes.iter().filter_map(|shape| match shape {
            Shape::Path { class: found, data } if found == class => Some(data.to_string()),
            _ => None,
        });
        paths.map(|data| data.matches('M').count()).sum::<usize>()
    };
    assert_eq!((bars("bars webhook"), bars("bars eventbridge")), (5, 4));
    // Partly in one slot, wholly in the next.
    assert_eq!((bars("shut webhook"), bars("shut eventbridge")), (2, 0));
}

#[test]
fn a_line_breaks_where_nothing_is_known() {
    let figures = all(&sample::busy_day());
    let figure = figures.iter().find(|figure| figure.id == "chart-difference").unwrap();
    let line = figure.broad.shapes.iter().find_map(|shape| match shape {
        Shape::Path { class, data } if class == "line neutral" => Some(data.to_string()),
        _ => None,
    });
    assert_eq!(line.unwrap().matches('M').count(), 2);
}
