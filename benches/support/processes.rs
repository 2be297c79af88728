//! Servers in processes of their own, so that each has its memory and its threads to itself.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::load::TOKEN;

/// Longer than anything here takes; a server that needs more is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server to compare with. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    pub address: SocketAddr,
}

impl Server {
    /// `kind` as in `servers::serve`.
    pub(crate) fn start(kind: &str, folder: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--serve-as", kind])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, address: line.trim().parse().unwrap() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The real executable, as a user runs it. Is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    process: Child,
    addresses: Addresses,
    pub journal: PathBuf,
    /// From the start of the process until it said that it is ready.
    pub ready_after: Duration,
}

#[derive(Debug, serde::Deserialize)]
struct Addresses {
    webhook: Option<SocketAddr>,
    admin: SocketAddr,
}

impl Gateway {
    /// With the webhook door alone.
    pub(crate) async fn webhook(folder: &Path) -> Self {
        let door = "[webhook]\nlisten = \"127.0.0.1:0\"\n\
                    secrets = [{ label = \"bench\", env = \"BENCH_TOKEN\" }]";
        Self::start(folder, "webhook", door).await
    }

    /// With the webhook door, and routes to a target.
    pub(crate) async fn delivering(folder: &Path, target: &str, routes: &[&str]) -> Self {
        let mut door = "[webhook]\nlisten = \"127.0.0.1:0\"\n\
             secrets = [{ label = \"bench\", env = \"BENCH_TOKEN\" }]\n\
             [[targets]]\nname = \"app\"\n"
            .to_owned();
        door.push_str(target);
        for route in routes {
            door.extend(["\n[[routes]]\nname = \"", route, "\"\ntarget = \"app\"\n"]);
        }
        Self::start(folder, "webhook", &door).await
    }

    /// With the SQS door alone.
    pub(crate) async fn eventbridge(folder: &Path, queue_url: &str, endpoint_url: &str) -> Self {
        let door = format!(
            "[eventbridge]\nqueue_url = {queue_url:?}\nendpoint_url = {endpoint_url:?}\n\
             region = \"us-east-1\""
        );
        Self::start(folder, "eventbridge", &door).await
    }

    /// Returns when `/readyz` answers 200.
    async fn start(folder: &Path, mode: &str, door: &str) -> Self {
        let journal = folder.join("journal.db");
        let config = format!(
            "mode = {mode:?}\n{door}\n[log]\nfilter = \"error\"\n[journal]\npath = {:?}\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n",
            journal.display().to_string()
        );
        let (config_file, addresses_file) = (folder.join("config.toml"), folder.join("addresses"));
        std::fs::write(&config_file, config).unwrap();
        // One of a run before would be believed.
        drop(std::fs::remove_file(&addresses_file));
        let began = Instant::now();
        let process = Command::new(env!("CARGO_BIN_EXE_twinstream"))
            .arg("serve")
            .arg("--config")
            .arg(&config_file)
            .arg("--addresses-file")
            .arg(&addresses_file)
            .env("BENCH_TOKEN", TOKEN)
            .env("AWS_ACCESS_KEY_ID", "bench")
            .env("AWS_SECRET_ACCESS_KEY", "bench")
            .spawn()
            .unwrap();
        let addresses = loop {
            let written = std::fs::read(&addresses_file).ok();
            if let Some(addresses) = written.and_then(|json| serde_json::from_slice(&json).ok()) {
                break addresses;
            }
            assert!(began.elapsed() < PATIENCE, "the gateway does not start");
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let mut gateway = Self { process, addresses, journal, ready_after: Duration::ZERO };
        while !is_ready(gateway.addresses.admin).await {
            assert!(began.elapsed() < PATIENCE, "the gateway does not get ready");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        gateway.ready_after = began.elapsed();
        gateway
    }

    /// Where it takes webhooks.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses.webhook.expect("the webhook door is open")
    }

    /// Resident memory, in MiB: now, and the most so far.
    pub(crate) fn memory_mib(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.unwrap();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
        };
        (of("VmRSS:"), of("VmHWM:"))
    }

    /// Sends SIGTERM. A signal needs no `unsafe` when `kill` sends it.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Stops it in its tracks, until it is resumed.
    pub(crate) fn suspend(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the gateway does not end");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

async fn is_ready(admin: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(admin).await?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
            .await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    asked.await.is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}
