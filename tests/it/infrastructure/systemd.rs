//! The units, as systemd reads them, and what has to stand in them whoever reads them.

use std::process::Command;

use twinstream::app::SOCKETS;
use twinstream::config::{Config, Sources};

use crate::repository;
use crate::support::process::Process;
use crate::support::settings::Settings;

const FOLDER: &str = "config/systemd";
const PROGRAM: &str = "/usr/local/bin/twinstream";
/// As `systemd-analyze security` counts: 0 is safe, 100 is not. The service has 13.
const EXPOSURE_MAX: &str = "20";

/// The values of a key of a unit, in their order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines.filter(|(found, _)| *found == key).map(|(_, value)| value).collect()
}

#[track_caller]
fn value<'a>(unit: &'a str, key: &str) -> &'a str {
    match values(unit, key)[..] {
        [value] => value,
        ref other => panic!("{key}= {other:?}"),
    }
}

fn unit(name: &str) -> String {
    repository::read(&format!("{FOLDER}/{name}"))
}

fn config() -> Config {
    let environment = [
        ("TWINSTREAM_MODE", "webhook"),
        ("TWINSTREAM__WEBHOOK__SECRETS", "[{ label = \"a\", env = \"T\" }]"),
        ("T", "a-long-enough-webhook-token"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Config::load(&Sources { environment, ..Sources::default() }).unwrap()
}

#[test]
fn systemd_reads_the_units_and_finds_them_safe() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("NOT RUN: systemd-analyze on {FOLDER} (it is not installed)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(repository::root().join(FOLDER)).unwrap().map(Result::unwrap) {
        let path = folder.path().join(entry.file_name());
        // It wants the executable to be there.
        let text = std::fs::read_to_string(entry.path()).unwrap();
        std::fs::write(&path, text.replace(PROGRAM, env!("CARGO_BIN_EXE_twinstream"))).unwrap();
        files.push(path);
    }
    assert_eq!(files.len(), 4);
    let check = |command: &mut Command| {
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{command:?}: {said}");
    };
    check(Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&files));
    let service = folder.path().join("twinstream.service");
    let security = ["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE_MAX];
    check(Command::new("systemd-analyze").args(security).arg(service));
}

#[test]
fn the_socket_is_the_door_s() {
    let socket = unit("twinstream.socket");
    assert_eq!(value(&socket, "FileDescriptorName"), SOCKETS[0]);
    let port = value(&socket, "ListenStream").rsplit_once(':').unwrap().1;
    let listen = config().webhook.unwrap().listen;
    assert_eq!(port, listen.port().to_string());
    let service = unit("twinstream.service");
    assert_eq!(value(&service, "Requires"), "twinstream.socket");
    assert!(value(&service, "After").contains("twinstream.socket"));
}

#[test]
fn the_service_is_started_and_stopped_as_the_program_means_it() {
    let service = unit("twinstream.service");
    assert_eq!(value(&service, "Type"), "notify");
    assert_eq!(value(&service, "Restart"), "on-failure");
    assert_eq!(value(&service, "RestartPreventExitStatus"), "2");
    assert!(value(&service, "ExecStart").starts_with(&format!("{PROGRAM} serve ")));
    let files: usize = value(&service, "LimitNOFILE").parse().unwrap();
    let config = config();
    let connections =
        config.webhook.unwrap().door.limits.connections_max + config.admin.limits.connections_max;
    assert!(files > 4 * connections, "{files} files for {connections} connections");
}

#[test]
fn service_and_backup_mean_the_same_journal_and_user() {
    let of = |unit: &str| {
        let start = value(unit, "ExecStart").to_owned();
        let (_, config) = start.split_once("--config ").unwrap();
        config.split([' ', ';']).next().unwrap().to_owned()
    };
    let (service, backup) = (unit("twinstream.service"), unit("twinstream-backup.service"));
    for key in ["User", "StateDirectory", "StateDirectoryMode", "UMask", "WorkingDirectory"] {
        assert_eq!(value(&service, key), value(&backup, key), "{key}");
    }
    let folder = format!("/var/lib/{}", value(&service, "StateDirectory"));
    assert_eq!(value(&service, "WorkingDirectory"), folder);
    assert_eq!(of(&service), of(&backup));
}

/// The command of the backup's unit, in another folder, as the shell gets it.
#[tokio::test]
async fn the_backup_s_command_replaces_its_copy_of_two_days_ago() {
    let settings = Settings::new("webhook");
    let gateway = Process::serve(&settings).await;
    let folder = settings.folder();
    std::fs::create_dir(folder.join("backup")).unwrap();
    let backup = unit("twinstream-backup.service");
    let command = value(&backup, "ExecStart");
    let script = command.split('\'').nth(1).unwrap().replace("%%", "%").replace("$$", "$");
    let script = script.replace(PROGRAM, env!("CARGO_BIN_EXE_twinstream")).replace(
        "--config /etc/twinstream/gateway.toml",
        &format!("--journal {}", settings.journal().display()),
    );
    let copies = || {
        let entries = std::fs::read_dir(folder.join("backup")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        let mut shell = Command::new("/bin/sh");
        let run = shell.args(["-eu", "-c", &script]).current_dir(folder).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let names = copies();
        assert!(matches!(&*names[0], "journal-0.db" | "journal-1.db"), "{names:?}");
        assert_eq!(names.len(), 1);
        // What a run that was killed left behind.
        for half in [".new", ".new.part-0"] {
            let half = format!("{}{half}", names[0]);
            std::fs::write(folder.join("backup").join(half), "half").unwrap();
        }
    }
    gateway.terminate().await;
}
