//! MiniStack, an AWS emulator written by others (MIT). It is installed from PyPI into the target
//! folder on first use, and started on a free port for the length of the test run.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::guarded::{self, Guarded};
use super::{http, python};

const VERSION: &str = "1.5.33";

/// A running emulator. Shared by all tests of this process; it ends with it.
#[derive(Debug)]
pub(crate) struct Emulator {
    port: u16,
    _guard: Guarded,
}

impl Emulator {
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Emulator> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn start() -> Self {
        let python = tokio::task::spawn_blocking(install).await.unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = folder().join(format!("ministack-{port}.log"));
        let program = [python.to_str().unwrap(), "-m", "ministack"];
        let guard = guarded::start(program[0], &program, File::create(&log).unwrap(), |command| {
            command
                .env("GATEWAY_PORT", port.to_string())
                .env("BIND_HOST", "127.0.0.1")
                .env("MINISTACK_HOST", "127.0.0.1")
                .env("TMPDIR", folder());
        });
        let address = ([127, 0, 0, 1], port).into();
        let mut tries = 0;
        loop {
            if http::Connection::try_open(address).await.is_ok() {
                return Self { port, _guard: guard };
            }
            tries += 1;
            assert!(tries < 600, "MiniStack does not start; see {}", log.display());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn folder() -> PathBuf {
    python::folder(&format!("ministack-{VERSION}"))
}

/// Returns its Python.
fn install() -> PathBuf {
    python::environment(&folder(), &[format!("ministack=={VERSION}")])
}
