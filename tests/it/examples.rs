//! The receivers that are there to be copied, each behind the real gateway.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;
use standardwebhooks::Webhook;
use twinstream::clock::Clock;

use crate::repository::root;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::{SIGNING_SECRET, Settings};
use crate::support::{http, until};

/// A receiver in a process of its own. Dropped, it is killed.
#[derive(Debug)]
struct Receiver {
    child: Child,
    url: String,
    address: SocketAddr,
}

impl Receiver {
    /// Starts a program on a free port, with a store in this folder.
    fn start(mut program: Command, folder: &Path) -> Self {
        program
            .env("TWINSTREAM_APP_SECRET", SIGNING_SECRET)
            .env("LISTEN", "127.0.0.1:0")
            .env("STORE", folder.join("receiver.db"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = program.spawn().unwrap_or_else(|error| panic!("{program:?}: {error}"));
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        let address = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/events"));
        let address = address.unwrap_or_else(|| panic!("{program:?} says {url:?}"));
        Self { child, address: address.parse().unwrap(), url }
    }

    /// What it says of the user with this number, and the status.
    async fn blocked(&self, user: u32) -> (u16, Option<bool>) {
        let answer = http::get(self.address, &format!("/users/auth0%7C{user}")).await;
        let is_known = answer.status == 200;
        (answer.status, is_known.then(|| answer.json()["blocked"].as_bool().unwrap()))
    }

    /// Delivers by hand, signed for `signed` so many seconds ago.
    async fn deliver(&self, id: &str, body: &str, signed: &str, seconds_ago: i64) -> u16 {
        let timestamp = Clock::System.now().as_seconds() - seconds_ago;
        let signature = Webhook::new(SIGNING_SECRET).unwrap();
        let signature = signature.sign(id, timestamp, signed.as_bytes()).unwrap();
        let headers = [
            &*format!("webhook-id: {id}"),
            &format!("webhook-timestamp: {timestamp}"),
            // One of another key, as while secrets are changed.
            &format!("webhook-signature: v1,AAAA {signature}"),
        ];
        http::send(self.address, &http::request("POST", "/events", &headers, body)).await.status
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Cargo puts examples beside the tests, and builds both by `cargo test`.
fn in_rust() -> Command {
    let tests = std::env::current_exe().unwrap();
    let example: PathBuf = tests.parent().unwrap().with_file_name("examples").join("receiver");
    assert!(example.exists(), "{}: `cargo build --example receiver` builds it", example.display());
    Command::new(example)
}

fn in_python() -> Command {
    let mut command = Command::new("python3");
    command.arg(root().join("examples/receiver.py"));
    command
}

/// The whole life of a receiver.
async fn check(program: impl Fn() -> Command) {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(program(), folder.path());
    let gateway = Gateway::start(
        Settings::new("webhook")
            .deliver("app", &receiver.url, &[])
            .routed_with("order = \"latest\""),
    )
    .await;

    // A block on its way through the gateway.
    assert_eq!(receiver.blocked(1).await, (404, None));
    let block = event("evt_1", 1, 2);
    assert_eq!(gateway.post(&block.body()).await.status, 204);
    until("the block", async || (receiver.blocked(1).await == (200, Some(true))).then_some(()))
        .await;
    // What does not speak of it, and what is not about a user, is taken and changes nothing.
    let mut silent = event("evt_2", 1, 3);
    silent.0["data"]["object"].as_object_mut().unwrap().remove("blocked");
    let group = event("evt_3", 1, 4)
        .with("type", "group.created")
        .with("data", json!({"object": {"id": "grp_1"}}));
    for other in [silent, group] {
        assert_eq!(gateway.post(&other.body()).await.status, 204);
    }
    gateway.delivered().await;
    for id in ["evt_1", "evt_2", "evt_3"] {
        let story = gateway.story(id).await.unwrap();
        assert_eq!(story.deliveries[0].state, "delivered", "{id}");
    }
    assert_eq!(receiver.blocked(1).await, (200, Some(true)));

    // A repeat is acknowledged, and acts no more; were it not for its id, this one would.
    let unblock = event("evt_1", 1, 5).body();
    assert_eq!(receiver.deliver("evt_1", &unblock, &unblock, 0).await, 204);
    assert_eq!(receiver.blocked(1).await, (200, Some(true)));
    // What was signed for something else, or long ago, acts not at all.
    assert_eq!(receiver.deliver("evt_5", &unblock, "something else", 0).await, 401);
    assert_eq!(receiver.deliver("evt_5", &unblock, &unblock, 600).await, 401);
    assert_eq!(receiver.deliver("evt_5", &unblock, &unblock, -600).await, 401);
    let unsigned = http::request("POST", "/events", &["webhook-id: evt_5"], &unblock);
    assert_eq!(http::send(receiver.address, &unsigned).await.status, 401);
    assert_eq!(receiver.deliver("evt_5", "no JSON", "no JSON", 0).await, 400);
    assert_eq!(receiver.blocked(1).await, (200, Some(true)));

    // What was acknowledged is there after the worst.
    drop(receiver);
    let receiver = Receiver::start(program(), folder.path());
    assert_eq!(receiver.blocked(1).await, (200, Some(true)));
    assert_eq!(receiver.deliver("evt_1", &unblock, &unblock, 0).await, 204);
    assert_eq!(receiver.blocked(1).await, (200, Some(true)));
    assert_eq!(receiver.deliver("evt_5", &unblock, &unblock, 0).await, 204);
    assert_eq!(receiver.blocked(1).await, (200, Some(false)));
    let deleted = event("evt_6", 1, 6).with("type", "user.deleted").body();
    assert_eq!(receiver.deliver("evt_6", &deleted, &deleted, 0).await, 204);
    assert_eq!(receiver.blocked(1).await, (404, None));
    gateway.stop().await;
}

#[tokio::test]
async fn the_receiver_in_rust_does_what_it_is_there_to_show() {
    check(in_rust).await;
}

#[tokio::test]
async fn the_receiver_in_python_does_what_it_is_there_to_show() {
    check(in_python).await;
}

#[test]
fn receivers_are_short_enough_to_be_copied() {
    for path in ["examples/receiver.rs", "examples/receiver.py"] {
        let lines = crate::repository::read(path).lines().count();
        assert!(lines <= 125, "{path}: {lines} lines");
    }
}
