//! Programs of others from PyPI, each kind in a virtual environment in the target folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of this name beside the build, which git ignores.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Makes the environment in this folder, once for all test runs. Returns its Python.
pub(crate) fn environment(folder: &Path, packages: &[String]) -> PathBuf {
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let python = folder.join("venv/bin/python");
    let done = folder.join("installed");
    if !done.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")));
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(packages));
        File::create(done).unwrap();
    }
    python
}

fn run(command: &mut Command) {
    let shown = format!("{command:?}");
    let status = command.status().unwrap_or_else(|error| panic!("{shown}: {error}"));
    assert!(status.success(), "{shown}: {status}");
}
