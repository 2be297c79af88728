//! Changes in Auth0, the events that tell of them, and the routes that these take.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use twinstream::event::{
    Arrival, Digest, Event, EventId, Flags, Hops, Path, Purpose, QueueHops, RouteOrder, Timestamp,
};
use twinstream::journal::{Arrived, NewDelivery, RouteNo};
use twinstream::routing::{Changed, Interest, Pattern, Routes};

use crate::support::store::START;

pub(super) const SUBJECTS: usize = 2;
/// Fields that routes watch, by their names in an event.
pub(super) const FIELDS: [&str; 2] = ["blocked", "plan"];
/// Each field has one of so many values, from 0.
pub(super) const VALUES: u8 = 2;

/// What an event says of each field: an absent one says nothing.
pub(super) type Says = [Option<u8>; FIELDS.len()];

#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) subject: usize,
    /// When, in seconds after the start: some changes share one.
    second: u8,
    pub(super) says: Says,
    /// A field that nobody watches.
    name: u8,
    /// Whether its event tells what was before.
    with_previous: bool,
}

/// A route, and which of the fields it watches.
pub(super) struct Route {
    pub(super) name: &'static str,
    pub(super) order: RouteOrder,
    pub(super) watches: &'static [usize],
}

pub(super) const ROUTES: [Route; 5] = [
    Route { name: "latest", order: RouteOrder::Latest, watches: &[] },
    Route { name: "latest-one", order: RouteOrder::Latest, watches: &[0] },
    Route { name: "latest-both", order: RouteOrder::Latest, watches: &[0, 1] },
    Route { name: "every", order: RouteOrder::Every, watches: &[] },
    Route { name: "every-both", order: RouteOrder::Every, watches: &[0, 1] },
];

impl Route {
    /// What of it the route watches; all, on a route that watches nothing.
    pub(super) fn heard(&self, says: Says) -> Says {
        let watched = |field: &usize| self.watches.is_empty() || self.watches.contains(field);
        std::array::from_fn(|field| says[field].filter(|_| watched(&field)))
    }
}

pub(super) fn changes() -> impl Strategy<Value = Vec<Change>> {
    let value = || prop_oneof![3 => (0..VALUES).prop_map(Some), 1 => Just(None)];
    let one = (0..SUBJECTS, 0..8_u8, [value(), value()], 0..VALUES, any::<bool>());
    let one = one.prop_map(|(subject, second, says, name, with_previous)| Change {
        subject,
        second,
        says,
        name,
        with_previous,
    });
    proptest::collection::vec(one, 4..16)
}

impl Change {
    pub(super) fn time(&self) -> Timestamp {
        START.plus(Duration::from_secs(self.second.into()))
    }

    fn user(&self) -> String {
        format!("auth0|{}", self.subject)
    }
}

pub(super) fn id(change: usize) -> String {
    format!("evt_{change}")
}

/// An arrival of this change's event by a path.
pub(super) fn arrived(
    changes: &[Change],
    change: usize,
    path: Path,
    at: Timestamp,
    numbers: &[RouteNo],
) -> Arrived {
    let event = event(changes, change);
    let interests = ROUTES.map(|route| Interest {
        pattern: Pattern::Every,
        changed: (!route.watches.is_empty()).then(|| {
            let pointer = |field: &usize| format!("/data/object/{}", FIELDS[*field]);
            Changed::parse(&route.watches.iter().map(pointer).collect::<Vec<_>>()).unwrap()
        }),
    });
    let taken = Routes::new(interests.into()).of(&event).into_iter();
    let delivery = |taken: twinstream::routing::Taken| NewDelivery {
        route: numbers[taken.position],
        watched: taken.watched,
    };
    let hops = match path {
        Path::Webhook => Hops::Webhook,
        Path::Eventbridge => Hops::Eventbridge(QueueHops::default()),
    };
    // One stream for both paths: changes of one instant are never taken for one another.
    let arrival = Arrival { at, stream: Some("one".into()), hops, flags: Flags::NONE };
    Arrived::new(event, arrival, taken.map(delivery).collect())
}

fn event(changes: &[Change], change: usize) -> Event {
    let of = &changes[change];
    let mut data = json!({"object": object(of, of.says, of.name)});
    if of.with_previous {
        data["previous_object"] = previous_object(changes, change);
    }
    let payload = json!({"id": id(change), "type": "user.updated", "data": data}).to_string();
    Event {
        id: EventId::parse(&id(change)).unwrap(),
        kind: "user.updated".into(),
        tenant: "acme".into(),
        subject: format!("user:{}", of.user()).into(),
        time: of.time(),
        purpose: Purpose::Live,
        object_digest: Digest::of(data.to_string().as_bytes()),
        payload_digest: Digest::of(payload.as_bytes()),
        payload: payload.into(),
    }
}

fn object(change: &Change, says: Says, name: u8) -> Value {
    let mut object = json!({"user_id": change.user(), "name": name});
    for (field, value) in FIELDS.iter().zip(says) {
        if let Some(value) = value {
            object[field] = if *field == "blocked" { (value == 1).into() } else { value.into() };
        }
    }
    object
}

/// As Auth0 has it: whatever the changes before made of it, whether or not their events ever come.
fn previous_object(changes: &[Change], change: usize) -> Value {
    let of = &changes[change];
    let when = |index: usize| (changes[index].second, index);
    let mut before: Vec<usize> = (0..changes.len())
        .filter(|&other| changes[other].subject == of.subject && when(other) < when(change))
        .collect();
    before.sort_by_key(|&index| when(index));
    let mut says: Says = [Some(0); FIELDS.len()];
    for index in before {
        says = std::array::from_fn(|field| changes[index].says[field].or(says[field]));
    }
    object(of, says, 0)
}
