//! The load generator: keep-alive connections, each posting one prebuilt request after the other.
//! It shares the cores with the server, so it does next to nothing.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::events::Template;
use super::quantile;

/// The bearer token that all servers want.
pub(crate) const TOKEN: &str = "bench-token-0123456789abcdefghijklmnopqrstuv";

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub address: SocketAddr,
    pub connections: usize,
    pub duration: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The numbers of the events that were answered with 204.
    pub accepted: Vec<u64>,
    /// Answers of any other status.
    pub refused: u64,
    /// How long each accepted one took, in milliseconds.
    pub took_ms: Vec<f64>,
    pub elapsed: Duration,
}

impl Outcome {
    /// How many were accepted a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.took_ms.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The time that this share of the answers took at most, in milliseconds.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        quantile(&self.took_ms, share)
    }
}

/// Gives each event a number of its own, over all runs.
#[derive(Debug, Default, Clone)]
pub(crate) struct Numbers(Rc<Cell<u64>>);

impl Numbers {
    pub(crate) fn take(&self) -> u64 {
        self.0.replace(self.0.get() + 1)
    }
}

/// Runs it. Ends early on every connection that the server closes.
pub(crate) async fn run(load: Load, numbers: &Numbers) -> Outcome {
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let template = Template::request(&load.address.to_string(), TOKEN);
    let mut streams = Vec::new();
    for _ in 0..load.connections {
        let stream = TcpStream::connect(load.address).await.expect("the server accepts");
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    let began = Instant::now();
    let deadline = began + load.duration;
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|stream| {
            let (template, numbers, outcome) =
                (template.clone(), numbers.clone(), Rc::clone(&outcome));
            tokio::task::spawn_local(post(stream, template, numbers, (deadline, outcome)))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut outcome = Rc::try_unwrap(outcome).unwrap().into_inner();
    outcome.elapsed = began.elapsed().min(load.duration);
    outcome
}

/// Sends so many a second for a while, at a steady pace and whatever is answered when, on as many
/// connections as that takes. Returns the number of each event, with when it was to be sent.
pub(crate) async fn run_at(
    address: SocketAddr,
    (per_second, duration): (f64, Duration),
    numbers: &Numbers,
) -> Vec<(u64, Instant)> {
    let free: Rc<RefCell<Vec<TcpStream>>> = Rc::default();
    let began = Instant::now();
    let events = (per_second * duration.as_secs_f64()) as u32;
    let mut tasks = Vec::new();
    let mut sent = Vec::new();
    for n in 0..events {
        let at = began + Duration::from_secs_f64(f64::from(n) / per_second);
        tokio::time::sleep_until(at.into()).await;
        let number = numbers.take();
        sent.push((number, at));
        let free = Rc::clone(&free);
        tasks.push(tokio::task::spawn_local(async move {
            let pooled = free.borrow_mut().pop();
            let mut stream = match pooled {
                Some(stream) => stream,
                None => TcpStream::connect(address).await.expect("the server accepts"),
            };
            stream.set_nodelay(true).unwrap();
            let mut template = Template::request(&address.to_string(), TOKEN);
            stream.write_all(template.fill(number)).await.unwrap();
            let status = read_answer(&mut stream, &mut [0; 1_024]).await;
            assert_eq!(status.as_ref(), Some(b"204"), "an event was refused");
            free.borrow_mut().push(stream);
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    sent
}

async fn post(
    mut stream: TcpStream,
    mut template: Template,
    numbers: Numbers,
    (deadline, outcome): (Instant, Rc<RefCell<Outcome>>),
) {
    let mut answer = [0; 1_024];
    loop {
        let number = numbers.take();
        let request = template.fill(number);
        let sent = Instant::now();
        if sent >= deadline || stream.write_all(request).await.is_err() {
            return;
        }
        let Some(status) = read_answer(&mut stream, &mut answer).await else { return };
        let now = Instant::now();
        // What the server promised counts at any time, its speed only until the deadline.
        let mut outcome = outcome.borrow_mut();
        if status == *b"204" {
            if now <= deadline {
                outcome.took_ms.push((now - sent).as_secs_f64() * 1e3);
            }
            outcome.accepted.push(number);
        } else {
            outcome.refused += 1;
        }
    }
}

/// The status; `None` when the connection ended. Answers have no body.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Option<[u8; 3]> {
    let mut length = 0;
    loop {
        let read = stream.read(&mut buffer[length..]).await.ok().filter(|read| *read > 0)?;
        length += read;
        if buffer[..length].ends_with(b"\r\n\r\n") {
            return buffer[9..12].try_into().ok();
        }
    }
}
