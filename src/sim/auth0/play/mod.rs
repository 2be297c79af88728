//! Letting a tenant's changes happen, and sending each on its streams.

mod controls;
mod lane;
mod played;
mod timing;

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

pub use controls::{Controls, Now, PathNow};
pub use played::{PathPlayed, Played};
pub use timing::Quantiles;

use self::controls::Order;
use self::lane::{Lane, Parcel};
use super::carrier::Carrier;
use super::faults::{Dice, Faults, Skew};
use super::schedule::Instants;
use super::stream::{Rules, Sent, deliver};
use super::truth::{Copy, Doubt, Repeat, TruthError};
use super::{Schedule, Tenant, Truth};
use crate::clock::Clock;
use crate::event::{Path, PerPath, Timestamp};

/// One stream of the tenant.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Who carries its events away.
    pub carrier: Carrier,
    /// What goes wrong on the way.
    pub faults: Faults,
    /// Batches under way at a time: 1, as Auth0 has it; more for load, at the price of order. All share
    /// the books of one stream.
    pub at_once: NonZeroUsize,
}

/// What is played.
#[derive(Debug)]
pub struct Play {
    /// Whose changes happen.
    pub tenant: Tenant,
    /// When.
    pub schedule: Schedule,
    /// The streams; a path without one is not driven.
    pub streams: PerPath<Option<Stream>>,
    /// How streams send.
    pub rules: Rules,
    /// What faults and the schedule are drawn from.
    pub seed: u64,
    /// The host's time.
    pub clock: Clock,
    /// How far Auth0's clock is off: the events' `time`.
    pub clock_skew: Skew,
    /// A stream that was switched off is switched on again after this time; by order alone otherwise.
    pub switch_on_after: Option<Duration>,
    /// Where it is told what really happened.
    pub truth: Truth,
}

/// Plays: makes events happen on schedule, whatever the receivers do, and sends them.
#[derive(Debug)]
pub struct Player {
    tenant: Tenant,
    instants: Instants,
    /// When the next event happens.
    next: Option<Duration>,
    began: (Instant, Timestamp),
    clock: Clock,
    clock_skew: Skew,
    switch_on_after: Option<Duration>,
    lanes: PerPath<Option<Lane>>,
    truth: Truth,
    happened: u64,
    /// When the last of them happened.
    happening: Duration,
    /// The earliest `time` of them.
    earliest: Option<Timestamp>,
    orders: mpsc::Receiver<Order>,
    now: watch::Sender<Now>,
}

type Delivery = Pin<Box<dyn Future<Output = Delivered> + Send>>;

/// A batch whose sending is over.
struct Delivered {
    path: Path,
    parcels: Vec<Parcel>,
    sent: Vec<Sent>,
}

/// Events that happen between two looks at everything else.
const HAPPEN_AT_ONCE: usize = 64;
/// Orders that may wait.
const ORDERS_MAX: usize = 64;

impl Player {
    /// A player, and what steers and watches it.
    pub fn new(play: Play) -> (Self, Controls) {
        let Play { tenant, schedule, streams, rules, seed, clock, mut truth, .. } = play;
        let rules = Arc::new(rules);
        truth.drive(PerPath::from_fn(|path| streams.of(path).is_some()));
        let mut lanes = PerPath::<Option<Lane>>::default();
        for path in Path::ALL {
            let Some(stream) = streams.of(path).clone() else { continue };
            let dice = Dice::new(seed, path, stream.faults);
            let mut lane = Lane::new(path, dice, stream.carrier, Arc::clone(&rules));
            lane.at_once = stream.at_once;
            if stream.at_once > NonZeroUsize::MIN {
                truth.doubt(Doubt::SentAtOnce);
            }
            *lanes.of_mut(path) = Some(lane);
        }
        let mut instants = schedule.instants(seed);
        let next = instants.next();
        let (order, orders) = mpsc::channel(ORDERS_MAX);
        let (now, watched) = watch::channel(Now::default());
        let began = (Instant::now(), clock.now());
        let (clock_skew, switch_on_after) = (play.clock_skew, play.switch_on_after);
        let player = Self {
            tenant,
            instants,
            next,
            began,
            clock,
            clock_skew,
            switch_on_after,
            lanes,
            truth,
            happened: 0,
            happening: Duration::ZERO,
            earliest: None,
            orders,
            now,
        };
        (player, Controls::new(order, watched))
    }

    /// Plays until everything that was to happen has happened and is sent, or until `stop`: then
    /// nothing more happens, what is under way gets 2 s, and the rest stays unsent.
    ///
    /// # Errors
    /// When the truth can't be written.
    pub async fn run(mut self, stop: CancellationToken) -> Result<Played, TruthError> {
        self.began = (Instant::now(), self.clock.now());
        let mut under_way = FuturesUnordered::<Delivery>::new();
        loop {
            let is_stopped = stop.is_cancelled();
            if !is_stopped {
                self.switch_on_in_time();
                self.happen()?;
                self.launch(&mut under_way, &stop);
            }
            self.tell();
            if under_way.is_empty() && (is_stopped || self.is_over()) {
                return self.end(is_stopped);
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                () = stop.cancelled(), if !is_stopped => {}
                Some(delivered) = under_way.next() => self.ended(delivered)?,
                Some(order) = self.orders.recv() => self.obey(&order),
                () = sleep_until(wake.unwrap_or_else(Instant::now)),
                    if wake.is_some() && !is_stopped => {}
            }
        }
    }

    /// Lets happen what is due.
    fn happen(&mut self) -> Result<(), TruthError> {
        for _ in 0..HAPPEN_AT_ONCE {
            let Some(at) = self.next.filter(|at| self.began.0 + *at <= Instant::now()) else {
                return Ok(());
            };
            self.next = self.instants.next();
            let change = self.tenant.next_change(self.clock_skew.shown(self.began.1.plus(at)));
            let mut due = PerPath::<Vec<Duration>>::default();
            let planned = PerPath::from_fn(|path| {
                let (planned, when) = self.lanes.of_mut(path).as_mut()?.plan(at);
                *due.of_mut(path) = when;
                Some(planned)
            });
            let event = self.truth.happened(&change, planned)?;
            self.happened += 1;
            // Not always the first one's: a tenant may write fewer digits of a second.
            self.earliest =
                Some(self.earliest.map_or(change.time, |earliest| earliest.min(change.time)));
            self.happening = self.began.0.elapsed();
            for path in Path::ALL {
                let Some(lane) = self.lanes.of_mut(path) else { continue };
                for due in due.of(path) {
                    lane.wait(Parcel::new(event, &change, path, self.began.0 + *due));
                }
            }
        }
        Ok(())
    }

    /// Sends what is due.
    fn launch(&mut self, under_way: &mut FuturesUnordered<Delivery>, stop: &CancellationToken) {
        let now = Instant::now();
        for lane in self.lanes.each_mut() {
            loop {
                let parcels = lane.take(now);
                if parcels.is_empty() {
                    break;
                }
                lane.under_way += 1;
                let (path, stop) = (lane.path, stop.clone());
                let batch = lane.batch(&parcels, self.began);
                under_way.push(Box::pin(async move {
                    let sent = deliver(&batch, &stop).await;
                    Delivered { path, parcels, sent }
                }));
            }
        }
    }

    /// Books what came of a batch.
    fn ended(&mut self, delivered: Delivered) -> Result<(), TruthError> {
        let Delivered { path, parcels, sent } = delivered;
        let Some(lane) = self.lanes.of_mut(path) else { return Ok(()) };
        lane.under_way = lane.under_way.saturating_sub(1);
        let mut ended: Vec<(Parcel, Sent)> = parcels.into_iter().zip(sent).collect();
        // Those that needed another attempt came after the others.
        ended.sort_by_key(|(_, sent)| sent.attempts.len());
        let (began, wall) = self.began;
        let at = |instant: Instant| wall.plus(instant.saturating_duration_since(began));
        for (parcel, sent) in ended {
            let event = parcel.event;
            for attempt in &sent.attempts {
                lane.timing.answered(&attempt.answer, attempt.took);
            }
            let accepted = sent.attempts.last().filter(|_| sent.is_delivered());
            let accepted = accepted.map(|last| last.at + last.took);
            if let Some(accepted) = accepted {
                lane.timing.accepted(accepted.saturating_duration_since(parcel.due));
            }
            let listed = accepted.is_none() && !sent.cut_off;
            if !sent.cut_off {
                lane.ended(accepted.is_some(), Instant::now());
            }
            let copy = Copy {
                attempts: &sent.attempts,
                sent: sent.attempts.first().map(|first| at(first.at)),
                accepted: accepted.map(at),
                listed,
                cut_off: sent.cut_off,
            };
            self.truth.sent(path, event, &copy)?;
            if let Some(forgotten) = listed.then(|| lane.list(parcel)).flatten() {
                self.truth.forgotten(path, forgotten)?;
            }
        }
        Ok(())
    }

    fn obey(&mut self, order: &Order) {
        let now = Instant::now();
        match order {
            Order::SwitchOn(path) => self.switch_on(*path, now),
            Order::Redeliver(path, id) => {
                let lane = self.lanes.of_mut(*path).as_mut();
                if let Some(event) = lane.and_then(|lane| lane.redeliver(id, now)) {
                    self.truth.repeats(*path, event, Repeat::Redelivered);
                }
            }
        }
    }

    fn switch_on(&mut self, path: Path, now: Instant) {
        let Some(lane) = self.lanes.of_mut(path) else { return };
        for event in lane.switch_on(now) {
            self.truth.repeats(path, event, Repeat::Flushed);
        }
    }

    /// When a stream that is switched off is switched on again.
    fn on_again(&self, lane: &Lane) -> Option<Instant> {
        lane.off_since.zip(self.switch_on_after).map(|(since, after)| since + after)
    }

    fn switch_on_in_time(&mut self) {
        let now = Instant::now();
        for path in Path::ALL {
            let lane = self.lanes.of(path).as_ref();
            if lane.and_then(|lane| self.on_again(lane)).is_some_and(|at| at <= now) {
                self.switch_on(path, now);
            }
        }
    }

    /// Whether nothing is left to do but what is under way.
    fn is_over(&self) -> bool {
        let is_over = |lane: &Lane| match self.on_again(lane) {
            Some(_) => false,
            None => !lane.standing.is_on() || lane.waiting() == 0,
        };
        self.next.is_none() && self.lanes.each().all(is_over)
    }

    /// When there is something to do besides waiting for answers and orders.
    fn wake(&self) -> Option<Instant> {
        let now = Instant::now();
        let lanes = self.lanes.each();
        let lanes = lanes.flat_map(|lane| [lane.next_due(now), self.on_again(lane)]);
        let next = self.next.map(|at| self.began.0 + at);
        lanes.flatten().chain(next).min()
    }

    fn tell(&self) {
        let paths = PerPath::from_fn(|path| self.lanes.of(path).as_ref().map(PathNow::of));
        let elapsed = self.began.0.elapsed();
        let is_happening = self.next.is_some();
        self.now.send_replace(Now { elapsed, happened: self.happened, is_happening, paths });
    }

    fn end(self, was_stopped: bool) -> Result<Played, TruthError> {
        let took = self.began.0.elapsed();
        let totals = self.truth.finish()?;
        let PerPath { webhook, eventbridge } = self.lanes;
        let paths = PerPath {
            webhook: webhook.map(PathPlayed::of),
            eventbridge: eventbridge.map(PathPlayed::of),
        };
        let from = self.earliest.unwrap_or_else(|| self.clock_skew.shown(self.began.1));
        let (happened, happening) = (self.happened, self.happening);
        Ok(Played { happened, from, happening, took, was_stopped, totals, paths })
    }
}

impl PerPath<Option<Lane>> {
    fn each(&self) -> impl Iterator<Item = &Lane> {
        self.webhook.iter().chain(&self.eventbridge)
    }

    fn each_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.webhook.iter_mut().chain(&mut self.eventbridge)
    }
}

#[cfg(test)]
mod tests;
