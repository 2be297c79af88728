//! The targets: whether they are up, what waits for them, and who paused them.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::live::{self, Part};
use super::moment::Moment;
use super::session::Visitor;
use super::{Desk, Layout, Tab, assets, shown, unreadable, words};
use crate::admin::orders::targets::{self, RouteOf, Target};
use crate::event::{Timestamp, legible};
use crate::journal::ReadError;
use crate::telemetry::BreakerState;

const EVERY: Duration = Duration::from_secs(1);

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "targets.html")]
struct Targets {
    layout: Layout,
    list: List,
}

/// All of them.
#[derive(Debug, Template)]
#[template(path = "targets_list.html")]
struct List {
    targets: Vec<Shown>,
}

#[derive(Debug)]
struct Shown {
    name: String,
    legible: String,
    state: Breaker,
    paused: Option<Paused>,
    under_way: usize,
    pending: String,
    oldest: Option<String>,
    dead: String,
    has_dead: bool,
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Paused {
    since: Moment,
    who: String,
    why: String,
}

/// One route's counts.
#[derive(Debug)]
struct Route {
    name: String,
    pending: String,
    dead: String,
    delivered: String,
    /// Deliveries that ended otherwise, in words.
    otherwise: String,
}

/// Whether a target is up, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Breaker {
    word: &'static str,
    class: &'static str,
    since: Option<Moment>,
    /// What it means, and why it is so.
    said: String,
}

impl Breaker {
    fn of(target: &Target) -> Self {
        let since = target.since.map(Moment::of);
        let because = |what: &str| match &target.down_because {
            Some(why) => format!("{what} {}.", sentence(&legible(why))),
            None => what.to_owned(),
        };
        match target.breaker {
            None => {
                Self { word: "no route leads to it", class: "", since: None, said: String::new() }
            }
            Some(BreakerState::Closed) if target.draining => Self {
                word: "up, catching up",
                class: "warn",
                since,
                said: "What gathered while it was down is delivered at a bounded rate.".to_owned(),
            },
            Some(BreakerState::Closed) => Self {
                word: "up",
                class: "good",
                since,
                said: "Everything due is attempted.".to_owned(),
            },
            Some(BreakerState::HalfOpen) => Self {
                word: "down, being tried",
                class: "warn",
                since,
                said: because("One attempt at a time finds out whether it is up again."),
            },
            Some(BreakerState::Open) => Self {
                word: "down",
                class: "bad",
                since,
                said: because(
                    "Nothing is sent until a probe finds it up, and nothing counts against a delivery.",
                ),
            },
        }
    }
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}

impl Route {
    fn of(route: &RouteOf) -> Self {
        let count = |outcome: &str| route.ended.get(outcome).copied().unwrap_or_default();
        let others = route.ended.iter().filter(|(outcome, count)| {
            !matches!(outcome.as_str(), "delivered" | "dead") && **count > 0
        });
        let others: Vec<String> =
            others.map(|(outcome, n)| format!("{} {outcome}", words::count(*n))).collect();
        Self {
            name: legible(&route.route),
            pending: words::count(route.pending),
            dead: words::count(route.dead),
            delivered: words::count(count("delivered")),
            otherwise: others.join(", "),
        }
    }
}

impl Shown {
    fn of(target: &Target, now: Timestamp) -> Self {
        Self {
            name: target.name.clone(),
            legible: legible(&target.name),
            state: Breaker::of(target),
            paused: target.paused.as_ref().map(|paused| Paused {
                since: Moment::of(paused.since),
                who: legible(&paused.who),
                why: legible(&paused.why),
            }),
            under_way: target.under_way,
            pending: words::count(target.pending),
            oldest: target.oldest.map(|oldest| words::ago(oldest, now)),
            dead: words::count(target.dead),
            has_dead: target.dead > 0,
            routes: target.routes.iter().map(Route::of).collect(),
        }
    }
}

async fn list(desk: &Desk) -> Result<List, ReadError> {
    let now = desk.sources.clock.now();
    let targets = targets::list(&desk.sources).await?;
    Ok(List { targets: targets.iter().map(|target| Shown::of(target, now)).collect() })
}

pub(super) async fn page(State(desk): State<Desk>, visitor: Visitor) -> Response {
    match list(&desk).await {
        Ok(list) => {
            let layout = Layout::new(&desk, Tab::Targets, visitor);
            shown(StatusCode::OK, &Targets { layout, list })
        }
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

pub(super) async fn live(State(desk): State<Desk>) -> Response {
    let source = desk.clone();
    live::stream(&desk, EVERY, move || {
        let desk = source.clone();
        async move {
            let html = list(&desk).await.ok()?.render().ok()?;
            Some(vec![Part { id: "targets-list", html }])
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(breaker: Option<BreakerState>, why: Option<&str>, draining: bool) -> Target {
        Target {
            name: "app".to_owned(),
            pending: 0,
            oldest: None,
            dead: 0,
            paused: None,
            breaker,
            since: Some(Timestamp::from_millis(0)),
            down_because: why.map(Into::into),
            draining,
            under_way: 0,
            routes: Vec::new(),
        }
    }

    #[track_caller]
    fn check(target: &Target, expected: (&str, &str)) {
        let state = Breaker::of(target);
        assert_eq!((state.word, state.class), expected);
    }

    #[test]
    fn a_breaker_is_said_in_words() {
        check(&target(None, None, false), ("no route leads to it", ""));
        check(&target(Some(BreakerState::Closed), None, false), ("up", "good"));
        check(&target(Some(BreakerState::Closed), None, true), ("up, catching up", "warn"));
        let down = target(Some(BreakerState::Open), Some("the target answered 503"), false);
        check(&down, ("down", "bad"));
        assert!(Breaker::of(&down).said.ends_with("The target answered 503."));
        check(&target(Some(BreakerState::HalfOpen), None, false), ("down, being tried", "warn"));
    }
}
