//! What is open: what waits, and what waits for somebody.

use askama::Template;

use super::View;
use super::say::lasted;
use crate::admin::pages::words::count;

/// Counts, each leading to its page.
#[derive(Debug, Template)]
#[template(path = "overview/open.html")]
pub(super) struct OpenCard {
    items: Vec<Item>,
}

#[derive(Debug, PartialEq, Eq)]
struct Item {
    path: &'static str,
    number: String,
    caption: &'static str,
    detail: String,
    /// `good`, `warn` or none.
    kind: &'static str,
}

impl OpenCard {
    pub(super) fn of(view: View<'_>) -> Self {
        Self { items: vec![dead(view), quarantined(view), waiting(view)] }
    }
}

fn dead(view: View<'_>) -> Item {
    let dead: Vec<_> = view.pulse.counts.pending.iter().filter(|route| route.dead > 0).collect();
    let all: u64 = dead.iter().map(|route| route.dead).sum();
    let routes: Vec<&str> = dead.iter().map(|route| route.route.as_str()).collect();
    Item {
        path: "/dead-letters",
        number: count(all),
        caption: "open dead letters",
        detail: match all {
            0 => "no delivery was given up".to_owned(),
            _ => format!("of {}", routes.join(", ")),
        },
        kind: if all == 0 { "good" } else { "warn" },
    }
}

fn quarantined(view: View<'_>) -> Item {
    let reasons = &view.pulse.counts.quarantined;
    let all: u64 = reasons.iter().map(|(_, count)| count).sum();
    let most = reasons.iter().max_by_key(|(_, count)| *count);
    Item {
        path: "/quarantine",
        number: count(all),
        caption: "in quarantine",
        detail: match most {
            Some((reason, _)) => format!("most: {}", reason.replace('_', " ")),
            None => "all that came was understood".to_owned(),
        },
        kind: if all == 0 { "good" } else { "warn" },
    }
}

fn waiting(view: View<'_>) -> Item {
    let routes = &view.pulse.counts.pending;
    let oldest = routes.iter().filter_map(|route| route.oldest).min();
    Item {
        path: "/targets",
        number: count(routes.iter().map(|route| route.pending).sum()),
        caption: "deliveries waiting",
        detail: match oldest {
            Some(oldest) => format!("the oldest for {}", lasted(oldest, view.pulse.at)),
            None if routes.is_empty() => "no route is configured".to_owned(),
            None => "everything is delivered".to_owned(),
        },
        kind: "",
    }
}
