//! What the gateway is compared with: the bare flush, and two servers on the same HTTP front that store
//! less. Both check the token and read the event as the gateway does.
//!
//! - `log`: one writer thread appends all that waits to a file, flushes it, and answers.
//! - `forget`: answers at once.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use http::{HeaderMap, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::support::load::TOKEN;

/// The most that waits; above it the answer is 503.
const QUEUE: usize = 4_096;

/// How long writing 4 KiB at the end of a file and flushing it takes, each time, in milliseconds.
pub(crate) fn flushes(folder: &Path, times: u64) -> Vec<f64> {
    let file = File::options().create(true).append(true).open(folder.join("flush")).unwrap();
    let length = file.metadata().unwrap().len();
    let page: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(4_096).collect();
    let flush = |no: u64| {
        let began = Instant::now();
        file.write_all_at(&page, length + no * 4_096).unwrap();
        file.sync_data().unwrap();
        began.elapsed().as_secs_f64() * 1e3
    };
    (0..times).map(flush).collect()
}

type Waiting = (Bytes, oneshot::Sender<()>);

#[derive(Clone)]
struct Front {
    authorization: String,
    log: Option<mpsc::Sender<Waiting>>,
}

/// Runs one of them in this process, until standard input ends.
pub(crate) fn serve(kind: &str, folder: &Path) {
    let log = match kind {
        "log" => Some(start_log(folder)),
        "forget" => None,
        other => panic!("no server is called {other}"),
    };
    let front = Front { authorization: format!("Bearer {TOKEN}"), log };
    std::thread::spawn(|| {
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        let router = Router::new().route("/webhooks/auth0", post(receive)).with_state(front);
        axum::serve(listener, router).await.unwrap();
    });
}

async fn receive(State(front): State<Front>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let authorization = headers.get("authorization").map(http::HeaderValue::as_bytes);
    if authorization != Some(front.authorization.as_bytes()) {
        return StatusCode::UNAUTHORIZED;
    }
    // The gateway's own reading of an event, so that what is compared is the storing.
    if twinstream::normalize::webhook(&body).is_err() {
        return StatusCode::ACCEPTED;
    }
    let Some(log) = front.log else { return StatusCode::NO_CONTENT };
    let (reply, answer) = oneshot::channel();
    if log.try_send((body, reply)).is_err() || answer.await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::NO_CONTENT
}

fn start_log(folder: &Path) -> mpsc::Sender<Waiting> {
    let mut file = File::create(folder.join("log")).unwrap();
    let (log, mut waiting) = mpsc::channel::<Waiting>(QUEUE);
    std::thread::spawn(move || {
        let (mut bytes, mut replies) = (Vec::new(), Vec::new());
        while let Some(first) = waiting.blocking_recv() {
            let rest = std::iter::from_fn(|| waiting.try_recv().ok());
            for (body, reply) in std::iter::once(first).chain(rest) {
                bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
                bytes.extend_from_slice(&body);
                replies.push(reply);
            }
            file.write_all(&bytes).unwrap();
            file.sync_data().unwrap();
            bytes.clear();
            for reply in replies.drain(..) {
                // Fails when its connection is gone.
                reply.send(()).unwrap_or(());
            }
        }
    });
    log
}
