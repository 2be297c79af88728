//! The real executable as a client of a running gateway.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::process;
use super::settings::Settings;

/// Who orders things, by the login name.
pub(crate) const WHO: &str = "kim";

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) err: String,
}

/// Runs a command that asks the gateway there, to its end.
pub(crate) async fn ask(settings: &Settings, admin: SocketAddr, arguments: &[&str]) -> Said {
    let output = command(settings, admin, arguments).output().await.unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    Said { code: output.status.code(), bytes: output.stdout, err }
}

/// Starts one.
pub(crate) fn start(settings: &Settings, admin: SocketAddr, arguments: &[&str]) -> Child {
    let mut command = command(settings, admin, arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

fn command(settings: &Settings, admin: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = process::command(settings);
    command.args(arguments).args(["--admin", &admin.to_string()]).env("USER", WHO);
    Command::from(command)
}

impl Said {
    #[track_caller]
    pub(crate) fn check(&self, code: i32, part: &str) {
        let said = format!("{}{}", self.out(), self.err);
        assert_eq!(self.code, Some(code), "{said}");
        assert!(said.contains(part), "{part} is missing: {said}");
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The document of a command that went well.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{}{}", self.out(), self.err);
        serde_json::from_slice(&self.bytes).unwrap()
    }
}
