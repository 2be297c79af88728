//! This host: disk, files, configuration.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::Check;

/// What is so on this host.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The journal's file.
    pub journal: PathBuf,
    /// The most that it may have, in bytes.
    pub journal_bytes_max: u64,
    /// What it has now; `None` where there is no such file.
    pub journal_bytes: Option<u64>,
    /// What is free on its disk for this user, or why nobody knows.
    pub free_bytes: Result<u64, String>,
    /// How long writing and flushing takes there, or why nothing can be written.
    pub flush: Result<Flush, String>,
    /// The door's time for a commit.
    pub commit_deadline: Duration,
    /// Files that this user's processes may have open; none where there is no limit.
    pub files_max: Option<u64>,
    /// Connections that the listeners may have open.
    pub connections_max: u64,
    /// What is allowed, and yet better otherwise.
    pub warnings: Vec<String>,
}

/// How long it takes until something is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flush {
    /// Half of the tries took longer.
    pub median: Duration,
    /// The longest.
    pub longest: Duration,
}

/// Tries to flush.
const FLUSHES: usize = 21;
/// A page of the journal.
const PAGE: usize = 16_384;

/// Looks at the folder of the journal, or the next one above that is there. Blocks.
pub fn look_at_disk(journal: &FilePath) -> (Result<u64, String>, Result<Flush, String>) {
    let folder = journal.ancestors().skip(1).find(|folder| folder.is_dir());
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(FilePath::new("."));
    let free = rustix::fs::statvfs(folder);
    let free = free.map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    (free.map_err(|error| error.to_string()), flush(folder).map_err(|error| error.to_string()))
}

fn flush(folder: &FilePath) -> io::Result<Flush> {
    let mut file: File = tempfile::tempfile_in(folder)?;
    let page = [0x5a; PAGE];
    let mut took = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        let began = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let at = |position: usize| took.get(position).copied().unwrap_or_default();
    Ok(Flush { median: at(FLUSHES / 2), longest: at(FLUSHES - 1) })
}

/// How many files this process may open, and so may the gateway when it is started likewise.
pub fn files_max() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// Free space under which events are at risk soon.
const FREE_MIN: u64 = 1 << 30;
/// What the journal needs beside its growth: its write-ahead log, above all.
const SPARE: u64 = 256 << 20;
/// A flush that takes longer makes a stream slow: Auth0 sends one event after the other.
const FLUSH_GOOD: Duration = Duration::from_millis(20);
/// Files beside those of connections: journal, log, queue, targets.
const OTHER_FILES: u64 = 256;

/// All checks of this host.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = vec![journal(facts), space(facts), flushes(facts), files(facts)];
    let warnings = facts.warnings.iter();
    checks.extend(warnings.map(|warning| {
        Check::look("configuration", warning.clone(), "It is allowed; better is otherwise.")
            .mended_by("twinstream check-config")
    }));
    if facts.warnings.is_empty() {
        checks.push(Check::good("configuration", "it can be used, and nothing in it is odd"));
    }
    checks
}

/// Whoever looks from another folder, or with another configuration, looks at another disk.
fn journal(facts: &Facts) -> Check {
    const WHAT: &str = "journal";
    let path = std::path::absolute(&facts.journal).unwrap_or_else(|_| facts.journal.clone());
    match facts.journal_bytes {
        Some(bytes) => Check::good(WHAT, format!("{}, {}", path.display(), mebibytes(bytes))),
        None => Check::look(
            WHAT,
            format!("there is none at {}", path.display()),
            "A gateway makes it when it starts. Where one has run, this is not its configuration, or \
             journal.path begins in another folder.",
        ),
    }
}

fn space(facts: &Facts) -> Check {
    let what = "disk space for the journal";
    let free = match &facts.free_bytes {
        Ok(free) => *free,
        Err(why) => {
            return Check::bad(
                what,
                format!("{} can't be looked at: {why}", facts.journal.display()),
                "Without a place for the journal nothing can be acknowledged.",
            );
        }
    };
    let to_come = facts.journal_bytes_max.saturating_sub(facts.journal_bytes.unwrap_or(0));
    let found = format!("{} free, the journal may grow by {}", mebibytes(free), mebibytes(to_come));
    if free < FREE_MIN.min(to_come.saturating_add(SPARE)) {
        let advice =
            "When the disk is full, webhooks are answered 503 and Auth0 gives them up after 7 s.";
        return Check::bad(what, found, advice).mended_by("df -h; then make room");
    }
    if free < to_come {
        let advice = "The disk is full before journal.size_bytes_max has the oldest events deleted: make \
                      room, or lower it.";
        return Check::look(what, found, advice);
    }
    Check::good(what, found)
}

fn flushes(facts: &Facts) -> Check {
    let what = "flush to the journal's disk";
    let flush = match &facts.flush {
        Ok(flush) => *flush,
        Err(why) => {
            let found = format!("nothing can be written beside {}: {why}", facts.journal.display());
            let advice = "The gateway writes there before it acknowledges anything: give its user the \
                          right to.";
            return Check::bad(what, found, advice);
        }
    };
    let millis = |took: Duration| match took.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds} s"),
    };
    let found = format!(
        "{} (half of {FLUSHES} tries), {} at most; an event has {}",
        millis(flush.median),
        millis(flush.longest),
        millis(facts.commit_deadline)
    );
    if flush.longest * 2 > facts.commit_deadline {
        let advice = "An event that is not on disk in time is answered 503: put the journal on a local \
                      disk, not on a network's.";
        Check::bad(what, found, advice)
    } else if flush.median > FLUSH_GOOD {
        let advice = "Auth0 sends a stream's events one after the other: each waits for a flush, which \
                      bounds their rate.";
        Check::look(what, found, advice)
    } else {
        Check::good(what, found)
    }
}

fn files(facts: &Facts) -> Check {
    let what = "limit of open files";
    let needed = facts.connections_max.saturating_add(OTHER_FILES);
    match facts.files_max {
        None => Check::good(what, "none"),
        Some(limit) if limit >= needed => Check::good(what, format!("{limit}, {needed} may be used")),
        Some(limit) => Check::look(
            what,
            format!("{limit} for this shell, and {needed} may be used"),
            "Beyond it connections can't be accepted. A service has its own limit: LimitNOFILE= in its \
             unit.",
        )
        .mended_by(format!("ulimit -n {needed}")),
    }
}

fn mebibytes(bytes: u64) -> String {
    if bytes >= 10 << 30 { format!("{} GiB", bytes >> 30) } else { format!("{} MiB", bytes >> 20) }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn facts() -> Facts {
        let millis = Duration::from_millis;
        Facts {
            journal: "data/journal.db".into(),
            journal_bytes_max: 8 << 30,
            journal_bytes: Some(1 << 30),
            free_bytes: Ok(20 << 30),
            flush: Ok(Flush { median: millis(2), longest: millis(9) }),
            commit_deadline: millis(2_000),
            files_max: Some(65_536),
            connections_max: 1_024,
            warnings: Vec::new(),
        }
    }

    /// The check of `what` after a change; all others stay good.
    #[track_caller]
    fn check(what: &str, expected: State, change: impl FnOnce(&mut Facts)) -> Check {
        let mut facts = facts();
        change(&mut facts);
        let (found, others): (Vec<_>, Vec<_>) =
            checks(&facts).into_iter().partition(|check| check.what == what);
        assert!(others.iter().all(|check| check.found_to_be == State::Good), "{others:?}");
        let found = found.into_iter().next().expect(what);
        assert_eq!(found.found_to_be, expected, "{found:?}");
        assert_eq!(found.advice.is_none(), expected == State::Good, "{found:?}");
        found
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_told() {
        const WHAT: &str = "disk space for the journal";
        check(WHAT, State::Good, |_| {});
        check(WHAT, State::Look, |facts| facts.free_bytes = Ok(2 << 30));
        check(WHAT, State::Bad, |facts| facts.free_bytes = Ok(900 << 20));
        check(WHAT, State::Bad, |facts| facts.free_bytes = Err("no such folder".into()));
    }

    #[test]
    fn a_disk_that_is_slow_is_told() {
        const WHAT: &str = "flush to the journal's disk";
        let of = |median, longest| {
            let millis = Duration::from_millis;
            move |facts: &mut Facts| {
                facts.flush = Ok(Flush { median: millis(median), longest: millis(longest) });
            }
        };
        check(WHAT, State::Good, of(20, 500));
        check(WHAT, State::Look, of(21, 500));
        check(WHAT, State::Bad, of(2, 1_001));
        check(WHAT, State::Bad, |facts| facts.flush = Err("permission denied".into()));
    }

    #[test]
    fn too_few_open_files_are_told_with_the_number_that_is_needed() {
        const WHAT: &str = "limit of open files";
        check(WHAT, State::Good, |facts| facts.files_max = Some(1_280));
        check(WHAT, State::Good, |facts| facts.files_max = None);
        let few = check(WHAT, State::Look, |facts| facts.files_max = Some(1_024));
        assert_eq!(few.command.as_deref(), Some("ulimit -n 1280"));
    }

    #[test]
    fn a_journal_that_is_not_there_is_told_with_its_whole_path() {
        let none = |facts: &mut Facts| facts.journal_bytes = None;
        check("journal", State::Look, none);
        let mut facts = facts();
        none(&mut facts);
        let found = &checks(&facts)[0].found;
        assert!(
            found.starts_with("there is none at /") && found.ends_with("data/journal.db"),
            "{found}"
        );
    }

    #[test]
    fn a_small_journal_needs_little_room() {
        let small = |free: u64| {
            move |facts: &mut Facts| {
                facts.journal_bytes_max = 1 << 27;
                facts.journal_bytes = Some(1 << 26);
                facts.free_bytes = Ok(free);
            }
        };
        check("disk space for the journal", State::Good, small(400 << 20));
        check("disk space for the journal", State::Bad, small(300 << 20));
    }

    #[test]
    fn warnings_of_the_configuration_are_told() {
        let odd = |facts: &mut Facts| facts.warnings = vec!["odd".into()];
        assert_eq!(check("configuration", State::Look, odd).found, "odd");
    }

    #[test]
    fn a_real_disk_can_be_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let (free, flush) = look_at_disk(&folder.path().join("not/there/journal.db"));
        assert!(free.unwrap() > 0);
        let flush = flush.unwrap();
        assert!(flush.median <= flush.longest && flush.longest > Duration::ZERO);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }
}
