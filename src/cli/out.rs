//! Printing.

use std::io::Write as _;

/// To standard output. Whoever closed the pipe has read enough.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// A line to standard output.
pub(super) fn line(text: &str) {
    print(&format!("{text}\n"));
}

/// A line to standard error, for people who wait.
pub(super) fn note(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// An error, to standard error.
pub(super) fn error(text: &str) {
    note(&format!("error: {text}"));
}
