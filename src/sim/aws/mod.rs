//! A stand-in for AWS: one HTTP endpoint that speaks enough of the JSON protocols of SQS and
//! EventBridge for the real SDKs, keeps everything in memory, checks no signatures, and misbehaves
//! on demand.
//!
//! It is written from the public API references and developer guides; where those leave the
//! behaviour open, the doc comment at the place says what was chosen.

mod account;
mod archives;
mod attributes;
mod bus;
mod events;
mod faults;
mod fifo;
mod handle;
mod lifecycle;
mod message;
mod moves;
mod partners;
mod pattern;
mod policy;
mod queue;
mod refusal;
mod server;
mod sources;
mod sqs;
mod sqs_queues;
#[cfg(test)]
mod tests;
mod truth;
mod wire;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

pub use bus::Routed;
pub use faults::{Faults, Outage, Probability};
pub use handle::Handle;
pub use message::MessageId;
pub use queue::Depth;
pub use refusal::{Code, Refusal};
pub use truth::{Fate, Origin, Record, Recording, Totals};

use crate::clock::Clock;
use crate::telemetry::Chain;
use account::Account;
use faults::Dice;
use server::Shared;
use truth::Truth;

/// How often move tasks go on.
const TICK: Duration = Duration::from_millis(20);
/// How long connections have to end after a stop.
const STOP_GRACE: Duration = Duration::from_millis(100);
/// How long no connection is accepted after one could not be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// How the endpoint is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The time that messages live by. Long polls wait by tokio's time.
    pub clock: Clock,
    /// Part of all ARNs.
    pub region: String,
    /// The account's number: part of all ARNs and queue URLs.
    pub account: String,
    /// What ids and faults are drawn from: the same calls get the same.
    pub seed: u64,
    /// The faults to begin with.
    pub faults: Faults,
    /// How much of the ground truth is kept.
    pub recording: Recording,
    /// The bounds.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock: Clock::System,
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            seed: 0,
            faults: Faults::default(),
            recording: Recording::Last(100_000),
            limits: Limits::default(),
        }
    }
}

/// The endpoint's own bounds, beside those of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "a limit is named for what it is: a maximum")]
pub struct Limits {
    /// Connections at a time; more wait to be accepted.
    pub connections_max: usize,
    /// Queues.
    pub queues_max: usize,
    /// Messages in a queue; more are refused with `OverLimit`.
    pub messages_max: usize,
    /// Bytes of all bodies in a queue; more are refused with `OverLimit`.
    pub bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            queues_max: 1_000,
            messages_max: 2_000_000,
            bytes_max: 4 * 1_024 * 1_024 * 1_024,
        }
    }
}

/// URLs and ARNs.
#[derive(Debug, Clone)]
struct Names {
    url: String,
    region: String,
    account: String,
}

impl Names {
    fn url(&self) -> &str {
        &self.url
    }

    fn region(&self) -> &str {
        &self.region
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn queue_url(&self, queue: &str) -> String {
        format!("{}/{}/{queue}", self.url, self.account)
    }

    fn queue_arn(&self, queue: &str) -> String {
        format!("arn:aws:sqs:{}:{}:{queue}", self.region, self.account)
    }

    /// The queue of an ARN of this region and account.
    fn queue_of_arn<'a>(&self, arn: &'a str) -> Option<&'a str> {
        let rest = arn.strip_prefix("arn:aws:sqs:")?.strip_prefix(&self.region)?;
        let queue = rest.strip_prefix(':')?.strip_prefix(&self.account)?.strip_prefix(':')?;
        Some(queue).filter(|queue| !queue.is_empty())
    }

    fn bus_arn(&self, bus: &str) -> String {
        format!("arn:aws:events:{}:{}:event-bus/{bus}", self.region, self.account)
    }

    fn archive_arn(&self, archive: &str) -> String {
        format!("arn:aws:events:{}:{}:archive/{archive}", self.region, self.account)
    }

    /// A partner's source belongs to no account (user guide, "Partner event sources").
    fn source_arn(&self, source: &str) -> String {
        format!("arn:aws:events:{}::event-source/{source}", self.region)
    }

    fn rule_arn(&self, bus: &str, rule: &str) -> String {
        let path = if bus == bus::DEFAULT_BUS { rule.to_owned() } else { format!("{bus}/{rule}") };
        format!("arn:aws:events:{}:{}:rule/{path}", self.region, self.account)
    }
}

/// The endpoint, bound and not yet served.
#[derive(Debug)]
pub struct Aws {
    listener: TcpListener,
    address: SocketAddr,
    connections_max: usize,
    shared: Arc<Shared>,
}

type Connection = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Aws {
    /// Opens the door at this address; port 0 takes a free one. Connections wait until
    /// [`Aws::run`] serves them.
    ///
    /// # Errors
    /// When the address can't be listened on.
    pub async fn bind(address: SocketAddr, settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let Settings { clock, region, account, seed, faults, recording, limits } = settings;
        let names = Names { url: format!("http://{address}"), region, account };
        let mut dice = Dice::new(seed);
        dice.set(faults);
        let account = Account::new(names, limits, dice, Truth::new(recording));
        let shared = Arc::new(Shared::new(clock, account));
        Ok(Self { listener, address, connections_max: limits.connections_max, shared })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL, for the clients' `endpoint_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A handle, good also while and after the endpoint is served.
    pub fn handle(&self) -> Handle {
        Handle { shared: Arc::clone(&self.shared) }
    }

    /// Serves until `stop`. Then long polls are answered with what they have, open connections get
    /// 100 ms, and everything in memory stays readable by the [`Handle`]s.
    ///
    /// # Errors
    /// None at present: a connection that fails ends alone.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let mut connections = FuturesUnordered::<Connection>::new();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(()) = connections.next() => {}
                _ = tick.tick() => self.shared.tick(),
                accepted = self.listener.accept(),
                    if connections.len() < self.connections_max => match accepted {
                    Ok((stream, _)) => connections.push(self.connection(stream, &stop)),
                    Err(error) => {
                        // No file descriptor is left, say. Open connections wait as well, for a
                        // moment.
                        warn!(error = %Chain(&error), "simulated aws could not accept");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(self.listener);
        let drained = timeout(STOP_GRACE, async { while connections.next().await.is_some() {} });
        if drained.await.is_err() {
            debug!(connections = connections.len(), "simulated aws cut connections at its stop");
        }
        Ok(())
    }

    fn connection(&self, stream: TcpStream, stop: &CancellationToken) -> Connection {
        let (shared, stop) = (Arc::clone(&self.shared), stop.clone());
        Box::pin(async move {
            if shared.lock().dice.outage() == Some(Outage::Reset) {
                // Closing without lingering sends a reset instead of an orderly end.
                if let Err(error) = stream.set_zero_linger() {
                    debug!(error = %Chain(&error), "simulated aws could not reset");
                }
                return;
            }
            if let Err(error) = serve(stream, shared, stop).await {
                debug!(error = %Chain(&error), "simulated aws ended a connection");
            }
        })
    }
}

async fn serve(
    stream: TcpStream,
    shared: Arc<Shared>,
    stop: CancellationToken,
) -> hyper::Result<()> {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(error = %Chain(&error), "simulated aws could not set nodelay");
    }
    let service = service_fn(|request| server::answer(Arc::clone(&shared), stop.clone(), request));
    let mut connection =
        pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
