//! Where passes are ordered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::report::Status;
use super::{Order, Settings};

/// One pass asks for so long at most: what is to be judged waits meanwhile.
pub const ASKING_MAX: Duration = Duration::from_hours(1);

/// How long it takes to ask for so many, at so many a second.
pub fn asking_takes(most: usize, rate: f64) -> Duration {
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    Duration::try_from_secs_f64(f64::from(most) / rate).unwrap_or(Duration::MAX)
}

/// Where passes are ordered, and what became of them is read. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    orders: mpsc::Sender<Order>,
    status: watch::Receiver<Status>,
    /// The last ticket that was given.
    tickets: Arc<Mutex<u64>>,
    defaults: Settings,
}

/// Why an order was not taken.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum NotTaken {
    /// A pass is under way, and another waits.
    #[error("a pass is under way, and another one waits already")]
    Busy,
    /// It would hold up everything else for too long.
    #[error(
        "to ask for {most} at {rate} a second takes longer than an hour: ask for fewer (`most`), or faster \
         (`rate`)"
    )]
    TooLong {
        /// Events asked for.
        most: usize,
        /// Events a second.
        rate: f64,
    },
}

impl Desk {
    pub(super) fn new(
        orders: mpsc::Sender<Order>,
        status: watch::Receiver<Status>,
        defaults: Settings,
    ) -> Self {
        Self { orders, status, tickets: Arc::default(), defaults }
    }

    /// Orders a pass; returns the ticket that its report carries. It begins when the one under way has
    /// ended. Passes are made in the order of their tickets.
    ///
    /// # Errors
    /// When one waits already, or the pass would take too long.
    pub fn order(&self, order: Order) -> Result<u64, NotTaken> {
        let (most, rate) = (order.selection.most, order.rate);
        let asks = order.redeliver && !order.dry_run;
        if asks && asking_takes(most, rate) > ASKING_MAX {
            return Err(NotTaken::TooLong { most, rate });
        }
        // Number and place are had together: else two who order at once could get each the other's place.
        let mut last = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let place = self.orders.try_reserve().map_err(|_| NotTaken::Busy)?;
        *last += 1;
        let ticket = *last;
        place.send(Order { ticket, ..order });
        Ok(ticket)
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// What the configuration says.
    pub const fn defaults(&self) -> &Settings {
        &self.defaults
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::Selection;
    use super::*;

    fn desk(places: usize) -> (Desk, mpsc::Receiver<Order>) {
        let (sender, orders) = mpsc::channel(places);
        let (_, status) = watch::channel(Status::default());
        let defaults = Settings {
            every: None,
            redeliver: true,
            most: 100,
            rate: 1.0,
            follow: false,
            backfill: false,
        };
        (Desk::new(sender, status, defaults), orders)
    }

    fn order(most: usize, rate: f64) -> Order {
        let selection = Selection { since: None, types: Vec::new(), most, insists: false };
        Order { selection, dry_run: false, redeliver: true, rate, ticket: 0 }
    }

    #[test]
    fn a_place_is_given_once() {
        let (desk, mut orders) = desk(1);
        assert_eq!(desk.order(order(1, 1.0)), Ok(1));
        assert_eq!(desk.order(order(1, 1.0)), Err(NotTaken::Busy));
        assert_eq!(orders.try_recv().unwrap().ticket, 1);
        assert_eq!(desk.order(order(1, 1.0)), Ok(2), "who was refused has no ticket");
    }

    #[test]
    fn who_order_at_once_are_served_in_the_order_of_their_tickets() {
        const EACH: usize = 2_000;
        let (desk, mut orders) = desk(4 * EACH);
        let tickets: HashSet<u64> = std::thread::scope(|scope| {
            let all = [(); 4].map(|()| {
                let order = || desk.order(order(1, 1.0)).unwrap();
                scope.spawn(move || (0..EACH).map(|_| order()).collect::<Vec<u64>>())
            });
            all.into_iter().flat_map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(tickets.len(), 4 * EACH);
        let served: Vec<u64> =
            std::iter::from_fn(|| orders.try_recv().ok()).map(|order| order.ticket).collect();
        assert!(served.is_sorted(), "served out of order");
    }

    #[test]
    fn a_pass_that_would_last_for_hours_is_not_taken() {
        let taken = |order: Order| desk(1).0.order(order).is_ok();
        assert!(taken(order(3_600, 1.0)));
        assert!(!taken(order(3_601, 1.0)));
        assert!(!taken(order(100, 0.01)));
        assert!(taken(Order { dry_run: true, ..order(5_000, 0.01) }), "nothing is asked for");
        let why = desk(1).0.order(order(5_000, 1.0)).unwrap_err().to_string();
        assert!(why.contains("5000 at 1 a second takes longer than an hour"), "{why}");
    }
}
