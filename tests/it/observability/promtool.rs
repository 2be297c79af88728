//! Prometheus's promtool: that of the machine, or Debian's, unpacked beside the build. Nothing is installed
//! and no server is started.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Set to `required`, by `.ci/run`: then a missing promtool is a failure, and not a skipped test.
const DEMAND: &str = "TWINSTREAM_PROMTOOL";

/// `None` where there is none and none can be had; says so.
pub(super) fn program() -> Option<PathBuf> {
    let why = match on_path().map_or_else(unpacked, Ok) {
        Ok(program) => return Some(program),
        Err(why) => why,
    };
    let said = format!("no promtool, and none could be had: {why}");
    assert!(std::env::var(DEMAND).is_err(), "{said}; {DEMAND} demands one");
    println!("SKIPPED: the Prometheus rules were not tried: {said}");
    None
}

fn on_path() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join("promtool"))
        .find(|file| file.is_file())
}

fn unpacked() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("promtool");
    let program = folder.join("usr/bin/promtool");
    if program.is_file() {
        return Ok(program);
    }
    if !Path::new("/etc/debian_version").exists() {
        return Err("this is not Debian".into());
    }
    let download =
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|error| error.to_string())?;
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.current_dir(download.path()).args(arguments);
        let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {said}")) }
    };
    let wanted = ["download", "prometheus"];
    // The lists of a fresh machine are old or empty.
    run("apt-get", &wanted)
        .or_else(|_| run("apt-get", &["update"]).and_then(|()| run("apt-get", &wanted)))?;
    let mut files = std::fs::read_dir(download.path()).map_err(|error| error.to_string())?;
    let package = files.find_map(Result::ok).ok_or("apt-get downloaded nothing")?.path();
    // Into a folder of its own first: a test that is stopped leaves no half of it behind.
    let half = download.path().join("unpacked");
    run("dpkg", &["-x", &package.to_string_lossy(), &half.to_string_lossy()])?;
    match std::fs::rename(&half, &folder) {
        Ok(()) => Ok(program),
        Err(_) if program.is_file() => Ok(program),
        Err(error) => Err(error.to_string()),
    }
}
