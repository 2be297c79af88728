//! Servers written by others that tests start: they end when the tests do, however these end.

use std::fs::File;
use std::process::{Child, Command, Stdio};

/// A server that ends with this process, or when this is dropped.
#[derive(Debug)]
pub(crate) struct Guarded {
    /// Never waited for: it may outlive this process by a moment.
    _guard: Child,
}

/// Starts a program. A guard, which needs this Python, ends it and whatever it started when this
/// process ends: the guard's standard input is closed then.
pub(crate) fn start(
    python: &str,
    program: &[&str],
    log: File,
    change: impl FnOnce(&mut Command),
) -> Guarded {
    let mut command = Command::new(python);
    command.args(["-c", GUARD]).args(program);
    command.stdin(Stdio::piped()).stdout(log).stderr(Stdio::null());
    change(&mut command);
    let guard = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Guarded { _guard: guard }
}

/// Starts the program in a session of its own, and ends that at the end of standard input.
const GUARD: &str = "
import os, signal, subprocess, sys
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True)
try:
    sys.stdin.read()
finally:
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
";
