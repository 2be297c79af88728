//! Chromium and its driver: Debian's. Where they are missing they are installed, if that can be done.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The browser and what drives it.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) browser: PathBuf,
    pub(super) driver: PathBuf,
}

/// Set to `required`, by `.ci/run`: then a missing browser is a failure, and not a skipped test.
const DEMAND: &str = "TWINSTREAM_BROWSER";

/// `None` where there is no browser and none can be installed; says so.
pub(super) fn programs() -> Option<Programs> {
    let missing = match find() {
        Some(programs) => return Some(programs),
        None => match install() {
            Ok(()) => match find() {
                Some(programs) => return Some(programs),
                None => "installed, and not found".to_owned(),
            },
            Err(why) => why,
        },
    };
    let said = format!("no Chromium with its driver, and none could be installed: {missing}");
    assert!(std::env::var(DEMAND).is_err(), "{said}; {DEMAND} demands one");
    println!("SKIPPED: the browser test did not run: {said}");
    None
}

fn find() -> Option<Programs> {
    Some(Programs { browser: on_path("chromium")?, driver: on_path("chromedriver")? })
}

fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn install() -> Result<(), String> {
    if !Path::new("/etc/debian_version").exists() {
        return Err("this is not Debian".into());
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {said}")) }
    };
    let wanted = ["install", "--yes", "--no-install-recommends", "chromium", "chromium-driver"];
    // The lists of a fresh machine are old or empty.
    apt(&wanted).or_else(|_| apt(&["update"]).and_then(|()| apt(&wanted)))
}
