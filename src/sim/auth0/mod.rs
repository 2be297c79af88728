//! Auth0: a tenant whose users change, and the streams that tell of it.
//!
//! A [`Tenant`] makes changes; a [`Player`] lets them happen on a [`Schedule`] and sends each on two
//! streams. A [`Stream`] follows Auth0's rules ([`Rules`], [`Standing`]), is disturbed by [`Faults`], and
//! hands what it sends to a [`Carrier`]. What really happened is the [`truth`]. The tenant's Management API
//! is played by [`management`].

pub mod carrier;
pub mod faults;
pub mod management;
pub mod play;
mod schedule;
mod stream;
mod tenant;
pub mod truth;

pub use carrier::Carrier;
pub use faults::Faults;
pub use play::{Controls, Now, PathNow, Play, Played, Player, Stream};
pub use schedule::{Arrivals, Burst, BurstError, Schedule, ScheduleError};
pub use stream::{Rules, Standing};
pub use tenant::{Change, CloudEvent, Ids, Mix, Population, Shares, TENANT, Tenant};
pub use truth::Truth;
