//! The real executable in a process of its own, that can be stopped and killed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use super::settings::Settings;
use super::{http, until};

/// A gateway in a process of its own. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) webhook: Option<SocketAddr>,
    pub(crate) admin: SocketAddr,
    child: Child,
}

/// The executable, with nothing in its environment but what it is given.
pub(crate) fn command(settings: &Settings) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinstream"));
    command
        .env_clear()
        .envs(&settings.environment)
        // Any will do at a stand-in, and nothing is asked for them elsewhere.
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(settings.folder())
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(settings: &Settings, arguments: &[&str]) -> Output {
    command(settings).args(arguments).output().unwrap()
}

impl Process {
    pub(crate) async fn serve(settings: &Settings) -> Self {
        Self::serve_with(settings, |_| {}).await
    }

    /// With changes to the command.
    pub(crate) async fn serve_with(settings: &Settings, change: impl FnOnce(&mut Command)) -> Self {
        let addresses: PathBuf = settings.file("addresses.json");
        drop(std::fs::remove_file(&addresses));
        let log =
            std::fs::File::options().create(true).append(true).open(settings.file("log")).unwrap();
        let mut command = command(settings);
        command.arg("serve").arg("--addresses-file").arg(&addresses).stderr(log);
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let text = until("the gateway's start", async || {
            if let Some(status) = child.try_wait().unwrap() {
                let log = std::fs::read_to_string(settings.file("log")).unwrap();
                panic!("the gateway ended with {status}:\n{log}");
            }
            std::fs::read_to_string(&addresses).ok()
        })
        .await;
        let addresses: serde_json::Value = serde_json::from_str(&text).unwrap();
        let address = |name: &str| addresses[name].as_str().map(|text| text.parse().unwrap());
        Self { webhook: address("webhook"), admin: address("admin").unwrap(), child }
    }

    pub(crate) async fn ready(&self) {
        until("readiness", async || {
            (http::get(self.admin, "/readyz").await.status == 200).then_some(())
        })
        .await;
    }

    /// `kill -9`: nothing of it runs on.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, as a supervisor sends it. Returns how it ended, and how long that took.
    pub(crate) async fn terminate(mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
        let status = until("the gateway's end", async || self.child.try_wait().unwrap()).await;
        (status, started.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
