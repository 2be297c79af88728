//! The application that is delivered to: answers 204 to everything, and notes what came when. It shares
//! the cores with what is measured, so it does next to nothing.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Runs until its handle and every connection are gone.
#[derive(Debug, Clone)]
pub(crate) struct Application {
    noted: Rc<Noted>,
    url: Rc<str>,
}

#[derive(Debug, Default)]
struct Noted {
    deliveries: Cell<u64>,
    /// Of each event: how often it came, and when it came last.
    events: RefCell<HashMap<String, (u32, Instant)>>,
}

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).into();
        let noted = Rc::new(Noted::default());
        let application = Self { noted: Rc::clone(&noted), url };
        tokio::task::spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::task::spawn_local(serve(stream, Rc::clone(&noted)));
            }
        });
        application
    }

    /// The line of a target's configuration that leads here.
    pub(crate) fn target(&self) -> String {
        format!("url = {:?}\n", &*self.url)
    }

    /// Deliveries that were answered.
    pub(crate) fn deliveries(&self) -> u64 {
        self.noted.deliveries.get()
    }

    /// When the event came for the `times`-th time, if it did.
    pub(crate) fn came(&self, id: &str, times: u32) -> Option<Instant> {
        let events = self.noted.events.borrow();
        events.get(id).filter(|(n, _)| *n >= times).map(|(_, at)| *at)
    }
}

/// One connection, one request after the other.
async fn serve(mut stream: TcpStream, noted: Rc<Noted>) {
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let Some((head, length)) = head_of(&buffer) else {
            if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
            continue;
        };
        while buffer.len() < head + length {
            if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        }
        note(&buffer[..head], &noted);
        buffer.drain(..head + length);
        if stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.is_err() {
            return;
        }
    }
}

/// The length of the head, once it is there, and that of the body.
fn head_of(buffer: &[u8]) -> Option<(usize, usize)> {
    let end = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let length = header(&buffer[..end], "content-length")?.parse().ok()?;
    Some((end, length))
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let head = std::str::from_utf8(head).ok()?;
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

fn note(head: &[u8], noted: &Noted) {
    noted.deliveries.set(noted.deliveries.get() + 1);
    if let Some(id) = header(head, "webhook-id") {
        let mut events = noted.events.borrow_mut();
        let entry = events.entry(id.to_owned()).or_insert((0, Instant::now()));
        *entry = (entry.0 + 1, Instant::now());
    }
}
