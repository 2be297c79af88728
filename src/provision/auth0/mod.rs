//! Auth0's Management API: its event streams, what they could not deliver, and the Events API.
//!
//! ```text
//! Api ─ token, limits, retries ─▶ /api/v2/event-streams…   streams, failed deliveries, redelivery, test
//!                                 /api/v2/events           Following: what truly happened
//! ```
//! Written from the reference of the Management API (August 2026). Recorded replies differ from it in places;
//! the doc comment at each says how, and all known forms are taken.

mod api;
mod deliveries;
mod follow;
mod settings;
mod streams;
mod wanted;

pub use api::{Api, ApiError, Patience, Refusal, SCOPES, ServerDate};
pub use deliveries::{Attempt, Delivery, DeliveryFilter, DeliveryPage, DeliveryStatus};
pub use follow::{Following, Frame, Since, StreamTrouble};
pub use settings::Settings;
pub use streams::{
    Authorization, Destination, NewDestination, NewStream, Stream, StreamChanges, StreamStatus,
    TestEvent,
};
pub use wanted::{
    StreamAction, Wanted, WantedBridge, WantedError, WantedWebhook, Wish, plan, switch,
};
