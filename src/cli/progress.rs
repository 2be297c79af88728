//! Waiting for an order that a running gateway carries out.

use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::admin::Admin;
use super::{Failure, out};
use crate::event::legible;
use crate::journal::{OrderState, OrderStory};
use crate::telemetry::Chain;

/// How long to wait for an order.
#[derive(Debug, Args)]
pub(super) struct WaitArguments {
    /// Return as soon as the order is taken; `orders show` says how far it is.
    #[arg(long)]
    no_wait: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// The shortest and the longest pause between two looks.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// Where nobody watches, a line is written this often at most.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// An order that does nothing for this long may wait for another.
const WONDER_AFTER: Duration = Duration::from_secs(3);
/// A gateway may be away for this long: a restart takes no time.
const AWAY_MAX: Duration = Duration::from_mins(1);

/// Waits for an order that was just taken, unless it is not to; prints what came of it.
pub(super) async fn wait(
    admin: &Admin,
    taken: Value,
    arguments: &WaitArguments,
) -> Result<(), Failure> {
    let Some(number) = taken["order"].as_i64() else {
        return Err(Failure::Fault(anyhow::anyhow!("an order without a number: {taken}")));
    };
    // What was counted in part is no measure of how far it is.
    let at_least = taken["at_least"] == true;
    if arguments.no_wait {
        if arguments.json {
            out::line(&taken.to_string());
        } else {
            out::line(&format!("order {number} is under way"));
            out::note(&how_to_go_on(number));
        }
        return Ok(());
    }
    let document = tokio::select! {
        document = watch(admin, number, at_least) => document?,
        _ = tokio::signal::ctrl_c() => {
            out::note(&format!("order {number} goes on without you"));
            out::note(&how_to_go_on(number));
            return Ok(());
        }
    };
    let order: OrderStory = admin.understand(document.clone())?;
    if arguments.json {
        out::line(&document.to_string());
    } else {
        let is_empty = order.done == 0 && order.total == 0;
        let came = if is_empty { "nothing to do".to_owned() } else { order.so_far(at_least) };
        out::line(&format!("{came} (order {number})"));
    }
    if order.state == OrderState::Stopped {
        let so_far = order.so_far(at_least);
        let what = format!("order {number} was stopped before its end: {so_far}");
        return Err(Failure::DoesNotHold(what));
    }
    if let Some(left) = order.left().filter(|_| !at_least) {
        out::note(&left);
    }
    Ok(())
}

fn how_to_go_on(number: i64) -> String {
    format!(
        "`twinstream orders show {number}` says how far it is, `twinstream orders stop {number}` \
         stops it"
    )
}

/// The order's document once it has ended.
async fn watch(admin: &Admin, number: i64, at_least: bool) -> Result<Value, Failure> {
    let mut watching = Watching::new(number, at_least);
    let mut pause = LOOK_EVERY.0;
    loop {
        match admin.get(&["orders", &number.to_string()], &[]).await {
            Ok(document) => {
                let order: OrderStory = admin.understand(document.clone())?;
                if order.state != OrderState::UnderWay {
                    watching.end();
                    return Ok(document);
                }
                watching.tell(admin, &order).await;
            }
            Err(failure @ Failure::Unreachable { .. }) => watching.away(failure)?,
            Err(failure) => return Err(failure),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LOOK_EVERY.1);
    }
}

/// What was told of an order.
struct Watching {
    number: i64,
    at_least: bool,
    done: u64,
    moved_at: Instant,
    told_at: Instant,
    told: String,
    wondered: bool,
    away_since: Option<Instant>,
}

impl Watching {
    fn new(number: i64, at_least: bool) -> Self {
        let (moved_at, told_at) = (Instant::now(), Instant::now());
        let told = String::new();
        let (done, wondered, away_since) = (0, false, None);
        Self { number, at_least, done, moved_at, told_at, told, wondered, away_since }
    }

    async fn tell(&mut self, admin: &Admin, order: &OrderStory) {
        self.away_since = None;
        if order.done != self.done {
            self.done = order.done;
            self.moved_at = Instant::now();
        }
        if self.moved_at.elapsed() >= WONDER_AFTER && !self.wondered {
            self.wondered = true;
            if let Some(other) = goes_first(admin, self.number).await {
                self.note(&format!(
                    "order {} goes first: {}, by {}",
                    other.order.0,
                    other.so_far(false),
                    legible(&other.who)
                ));
            } else if self.done >= order.total {
                self.note("looking through the dead-letter queues for more");
            }
        }
        let so_far = order.so_far(self.at_least);
        if out::is_watched() {
            out::renew_line(&so_far);
        } else if self.told_at.elapsed() >= TELL_EVERY && so_far != self.told {
            self.told_at = Instant::now();
            out::note(&so_far);
        }
        self.told = so_far;
    }

    /// The gateway does not answer: an error when that lasts.
    fn away(&mut self, failure: Failure) -> Result<(), Failure> {
        if self.away_since.is_none() {
            self.note(&format!("{}; trying on", Chain(&failure)));
        }
        let since = *self.away_since.get_or_insert_with(Instant::now);
        if since.elapsed() < AWAY_MAX {
            return Ok(());
        }
        self.note(&format!("order {} goes on when the gateway is back", self.number));
        Err(failure)
    }

    fn note(&self, text: &str) {
        self.end();
        out::note(text);
    }

    /// Leaves the line to others.
    fn end(&self) {
        if out::is_watched() && !self.told.is_empty() {
            out::renew_line("");
        }
    }
}

/// An order before this one: those that touch dead letters are carried out one after the other.
async fn goes_first(admin: &Admin, number: i64) -> Option<OrderStory> {
    let limit = [("limit", "1000".to_owned())];
    let mut document = admin.get(&["orders"], &limit).await.ok()?;
    let orders: Vec<OrderStory> = admin.understand(document["orders"].take()).ok()?;
    let this = orders.iter().find(|order| order.order.0 == number)?.clone();
    let before = orders.into_iter().filter(|order| {
        order.order.0 < number
            && order.state == OrderState::UnderWay
            && order.shares_a_desk_with(&this)
    });
    before.min_by_key(|order| order.order)
}
