//! `twinstream journal`

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::{Failure, out};
use crate::clock::Clock;
use crate::compare::words::{count, counted};
use crate::config::{ForReading, Sources};
use crate::journal::{self, BackupError, Contents, OpenError};

/// Bytes that a copy leaves free on its disk, which may be the journal's.
const ROOM_LEFT: u64 = 256 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Copy the journal to a new file while the gateway runs, and check the copy.
    Backup {
        /// The new file; it must not be there yet.
        to: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Look through a journal, or a backup, for damage.
    Check {
        /// The file; without it, the journal of the configuration.
        file: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// Put a backup in the journal's place while no gateway runs. The old journal is kept beside it.
    Restore {
        /// The backup; it stays as it is.
        from: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The configuration file (or `TWINSTREAM_CONFIG`), for `journal.path`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The journal's file, whatever the configuration says.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Place {
    fn journal(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.journal {
            return Ok(path.clone());
        }
        let sources = Sources { file: self.config.clone(), ..Sources::default() };
        Ok(ForReading::load(&sources.with_environment())?.journal)
    }
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    let work = tokio::task::spawn_blocking(move || match command {
        Command::Backup { to, place } => back_up(&to, &place),
        Command::Check { file, place } => {
            let file = file.map_or_else(|| place.journal(), Ok)?;
            let contents = journal::check(&file).map_err(failure)?;
            told(&place, &file, contents, &format!("{} is whole", file.display()));
            Ok(())
        }
        Command::Restore { from, place } => put_back(&from, &place),
    });
    work.await.map_err(|error| Failure::Fault(error.into()))?
}

fn back_up(to: &Path, place: &Place) -> Result<(), Failure> {
    let from = place.journal()?;
    if !from.exists() {
        return Err(Failure::NoJournal(from));
    }
    if out::is_watched() {
        out::note(&format!("copying {} …", from.display()));
    }
    has_room(&from, to)?;
    let contents = journal::backup(&from, to).map_err(failure)?;
    told(place, to, contents, &format!("{} is a checked copy of {}", to.display(), from.display()));
    Ok(())
}

/// A copy must not take the room that the journal needs, nor fail half way.
fn has_room(from: &Path, to: &Path) -> Result<(), Failure> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // Where it can't be asked, copying says what is wrong.
    let (Ok(stat), Ok(file)) = (rustix::fs::statvfs(folder), from.metadata()) else {
        return Ok(());
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    lacks_room(free, file.len()).map_or(Ok(()), |why| {
        Err(Failure::DoesNotHold(format!("no copy was made: {} {why}", folder.display())))
    })
}

/// What a disk with so many free bytes lacks for a copy of so many.
fn lacks_room(free: u64, copy: u64) -> Option<String> {
    (free < copy.saturating_add(ROOM_LEFT)).then(|| {
        format!(
            "has {} bytes free, and the copy takes {} and is to leave {}; delete an old one, or name another disk",
            count(free),
            count(copy),
            count(ROOM_LEFT)
        )
    })
}

fn put_back(from: &Path, place: &Place) -> Result<(), Failure> {
    let journal = place.journal()?;
    if place.journal.is_none() && !journal.exists() {
        return Err(Failure::Input(format!(
            "there is no journal at {}, where the configuration has it: say with --journal FILE that the backup \
             is to go there nevertheless, or with --config FILE where the gateway's is",
            journal.display()
        )));
    }
    let now = Clock::System.now();
    let (contents, aside) = journal::restore(from, &journal, now).map_err(failure)?;
    told(place, &journal, contents, &format!("{} is what the backup was", journal.display()));
    if let Some(aside) = aside {
        out::note(&format!("what was there is kept as {}", aside.display()));
    }
    out::note(
        "What was acknowledged after the backup is not in it. Where reconcile.follow and \
         reconcile.backfill are true, it is taken in again from Auth0's Events API, from where the backup \
         broke off. What is in it and was delivered after it is delivered again, under the same webhook-id.",
    );
    Ok(())
}

fn told(place: &Place, file: &Path, contents: Contents, words: &str) {
    if place.json {
        let Contents { events, last_stored_at, bytes } = contents;
        let document = json!({
            "file": file, "events": events, "last_stored_at": last_stored_at, "bytes": bytes,
        });
        out::line(&document.to_string());
    } else {
        let last = contents
            .last_stored_at
            .map_or_else(String::new, |at| format!(", the last of {}", at.floor_to_millis()));
        let events = counted(contents.events, "event");
        out::line(&format!("{words}: {events}{last}; {} bytes", count(contents.bytes)));
    }
}

fn failure(error: BackupError) -> Failure {
    match error {
        BackupError::Open(error @ OpenError::InUse { .. }) => {
            Failure::Unreachable { what: "stop the gateway first".into(), source: error.into() }
        }
        BackupError::Open(error) => Failure::Open(error),
        BackupError::Exists(_) | BackupError::Missing(_) => Failure::Input(error.to_string()),
        BackupError::Damaged { .. } => Failure::DoesNotHold(error.to_string()),
        BackupError::Busy(_) | BackupError::Sqlite { .. } | BackupError::File { .. } => {
            Failure::Unreachable { what: "the journal".into(), source: error.into() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_made_only_where_it_leaves_room() {
        let check = |free: u64, copy: u64, lacks: bool| {
            assert_eq!(lacks_room(free, copy).is_some(), lacks, "{free} {copy}");
        };
        check(ROOM_LEFT + 10, 10, false);
        check(ROOM_LEFT + 9, 10, true);
        check(0, 0, true);
        check(u64::MAX, u64::MAX, false);
    }
}
