//! The `twinstream` command; see the library for everything.

use std::process::ExitCode;

fn main() -> ExitCode {
    twinstream::cli::main()
}
