//! A benchmark's command line, its folder, and its report.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Report;

/// What is asked for on the command line.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub quick: bool,
    json: bool,
    strict: bool,
    only: Vec<String>,
}

impl Options {
    pub(crate) fn read() -> Self {
        let mut options = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // cargo says so to every benchmark.
                "--bench" => {}
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                "--strict" => options.strict = true,
                "--only" => options.only.extend(arguments.next()),
                other => panic!("unknown option {other}"),
            }
        }
        options
    }

    /// Whether this part is measured: all are, unless some are asked for.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.names(part)
    }

    /// Whether this part is asked for by its name.
    pub(crate) fn names(&self, part: &str) -> bool {
        self.only.iter().any(|only| only == part)
    }
}

/// Measures, in a folder of its own, and prints the report.
pub(crate) fn run(name: &str, options: &Options, measure: impl AsyncFnOnce(&Path, &mut Report)) {
    let began = Instant::now();
    // Beside the build, so on a disk: a tmpfs would flush for free.
    let folder = tempfile::Builder::new()
        .prefix(&format!("{name}-"))
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .expect("a folder under the target folder");
    let mut report = Report::new(options.quick);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let measured = measure(folder.path(), &mut report);
    runtime.block_on(tokio::task::LocalSet::new().run_until(measured));
    report.took(began.elapsed());
    if options.json {
        println!("{}", report.json());
    } else {
        println!("{}", report.table());
    }
    if options.strict && !report.all_met() {
        std::process::exit(1);
    }
}

/// The folder of a part.
pub(crate) fn part(folder: &Path, name: &str) -> PathBuf {
    eprintln!("measuring: {name} …");
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
