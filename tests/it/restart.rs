//! Under a service manager that holds the socket (`tests/it/support/activate.py` plays it), a restart
//! refuses nobody.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

use crate::support::event::event;
use crate::support::http::{self, Connection};
use crate::support::journal_file;
use crate::support::process;
use crate::support::settings::Settings;
use crate::support::until;

const RESTARTS: usize = 4;
const SENDERS: u32 = 4;

/// The manager and what it says.
struct Manager {
    _child: Child,
    said: Lines<BufReader<ChildStdout>>,
    socket: SocketAddr,
}

impl Manager {
    /// Starts the gateway on a socket with this name.
    async fn start(settings: &Settings, name: &str) -> Self {
        let serve = process::command(settings);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/activate.py");
        let mut command = Command::new("python3");
        let variables = serve.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let log =
            std::fs::File::options().create(true).append(true).open(settings.file("log")).unwrap();
        command
            .arg(script)
            .arg(name)
            .arg(serve.get_program())
            .args(["serve", "--addresses-file"])
            .arg(settings.file("addresses.json"))
            .env_clear()
            .envs(variables)
            .env("PATH", std::env::var("PATH").unwrap())
            .current_dir(settings.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let port: u16 = said.next_line().await.unwrap().unwrap().parse().unwrap();
        Self { _child: child, said, socket: ([127, 0, 0, 1], port).into() }
    }

    /// The number of the process that was started next.
    async fn started(&mut self) -> String {
        let line = tokio::time::timeout(Duration::from_secs(30), self.said.next_line());
        line.await.expect("it is started again").unwrap().unwrap()
    }
}

/// Posts events, each on a connection of its own, and repeats each until it is acknowledged, as Auth0 does.
async fn post(
    sender: u32,
    to: SocketAddr,
    sent: Arc<AtomicU64>,
    stop: CancellationToken,
) -> BTreeSet<String> {
    let mut acknowledged = BTreeSet::new();
    for number in 0_u64.. {
        let id = format!("evt_{sender}_{number}");
        let request = http::webhook(&event(&id, sender, number).body());
        loop {
            if stop.is_cancelled() {
                return acknowledged;
            }
            let mut connection =
                Connection::try_open(to).await.expect("nobody is refused during a restart");
            // A process that stops may cut off what it has not answered: Auth0 sends that again.
            let answer = match connection.try_send(&request).await {
                Ok(()) => connection.receive().await,
                Err(_) => None,
            };
            match answer.map(|answer| answer.status) {
                Some(204) => break,
                Some(503) | None => tokio::time::sleep(Duration::from_millis(2)).await,
                Some(status) => panic!("answered {status}, which Auth0 would never retry"),
            }
        }
        acknowledged.insert(id);
        sent.fetch_add(1, Ordering::SeqCst);
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_under_load_refuses_nobody_and_loses_nothing() {
    let settings = Settings::new("webhook");
    let mut manager = Manager::start(&settings, "webhook").await;
    let (sent, stop) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| tokio::spawn(post(sender, manager.socket, Arc::clone(&sent), stop.clone())))
        .collect();
    for _ in 0..RESTARTS {
        let process = manager.started().await;
        let before = sent.load(Ordering::SeqCst);
        until("a load on this process", async || {
            (sent.load(Ordering::SeqCst) > before + 20).then_some(())
        })
        .await;
        let told = std::process::Command::new("kill").args(["-TERM", &process]).status().unwrap();
        assert!(told.success());
    }
    manager.started().await;
    let before = sent.load(Ordering::SeqCst);
    until("the last process to answer", async || {
        (sent.load(Ordering::SeqCst) > before + 20).then_some(())
    })
    .await;
    stop.cancel();
    let text = std::fs::read_to_string(settings.file("addresses.json")).unwrap();
    let addresses: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(addresses["webhook"], manager.socket.to_string(), "the socket that was passed");
    let mut acknowledged = BTreeSet::new();
    for sender in senders {
        acknowledged.extend(sender.await.unwrap());
    }
    drop(manager);
    let there: BTreeSet<String> = journal_file::ids(&settings.journal()).into_iter().collect();
    assert!(acknowledged.is_subset(&there));
}

#[tokio::test]
async fn a_socket_with_a_strange_name_is_refused_with_what_to_do() {
    let settings = Settings::new("webhook");
    let mut manager = Manager::start(&settings, "http").await;
    manager.started().await;
    // It ended, and was started again.
    manager.started().await;
    let log = std::fs::read_to_string(settings.file("log")).unwrap();
    let expected = "a socket called `http` was passed (LISTEN_FDNAMES); in its systemd socket unit set \
                    FileDescriptorName= to one of: webhook, admin";
    assert!(log.contains(expected), "{log}");
}
