//! A journal that is served from a folder of its own, and can be stopped, killed and started again.

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;
use twinstream::clock::{Clock, ManualClock};
use twinstream::event::{RouteOrder, Timestamp};
use twinstream::journal::{
    Content, EventFilter, EventStory, Journal, Reader, RouteNo, RouteSpec, Rules, Settings,
    SummarySettings,
};
use twinstream::normalize::identity;
use twinstream::routing::turn;

/// The time at which every test begins.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_772_356_544_000);

/// Where every route leads.
pub(crate) const TARGET: &str = "app";

const FILE: &str = "journal.db";

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) journal: Journal,
    pub(crate) clock: ManualClock,
    /// In the order in which it was opened with them.
    pub(crate) routes: Vec<RouteNo>,
    writer: JoinHandle<()>,
    specs: Vec<RouteSpec>,
    /// But for the path.
    settings: Settings,
    folder: TempDir,
}

impl Store {
    /// With these routes, and settings that are changed before.
    pub(crate) fn open(
        routes: &[(&str, RouteOrder)],
        keep: Duration,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let spec = |&(name, order): &(&str, RouteOrder)| RouteSpec {
            name: name.to_owned(),
            target: TARGET.to_owned(),
            order,
        };
        let mut settings = Settings {
            path: PathBuf::new(),
            queue_max: 64,
            batch_max: 16,
            busy_timeout: Duration::from_secs(1),
            keep,
            size_bytes_max: u64::MAX,
            content: Content::Keep,
            summaries: SummarySettings { grace: Duration::ZERO, ..SummarySettings::default() },
            queue_retries: false,
        };
        change(&mut settings);
        let specs = routes.iter().map(spec).collect();
        Self::open_in(tempfile::tempdir().unwrap(), specs, settings, ManualClock::at(START))
    }

    fn open_in(
        folder: TempDir,
        specs: Vec<RouteSpec>,
        settings: Settings,
        clock: ManualClock,
    ) -> Self {
        let there = Settings { path: folder.path().join(FILE), ..settings.clone() };
        let rules = Rules { pair: identity::pair, turn: turn::RULE };
        let (journal, mut writer) =
            Journal::open(&there, rules, Clock::Manual(clock.clone())).unwrap();
        let routes = writer.register_routes(&specs).unwrap();
        let writer = std::thread::spawn(move || writer.run());
        Self { journal, clock, routes, writer, specs, settings, folder }
    }

    /// Stops in order, and starts again.
    pub(crate) fn restart(self) -> Self {
        let Self { journal, clock, writer, specs, settings, folder, routes: _ } = self;
        drop(journal);
        writer.join().unwrap();
        Self::open_in(folder, specs, settings, clock)
    }

    /// Starts again from what `kill -9` would leave: the files as they are now, with a write-ahead
    /// log that nobody has brought into the journal, and a commit at its end that was cut off.
    pub(crate) fn crash(self) -> Self {
        let left = tempfile::tempdir().unwrap();
        std::fs::copy(self.file(""), left.path().join(FILE)).unwrap();
        let mut log = std::fs::read(self.file("-wal")).unwrap();
        log.extend_from_slice(&[0x5a; 5_000]);
        std::fs::write(left.path().join(format!("{FILE}-wal")), log).unwrap();
        let Self { journal, clock, writer, specs, settings, folder: _, routes: _ } = self;
        drop(journal);
        writer.join().unwrap();
        Self::open_in(left, specs, settings, clock)
    }

    /// Where the journal is, for a look past its own door.
    pub(crate) fn path(&self) -> PathBuf {
        self.file("")
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn reader(&self) -> Reader {
        self.journal.reader().unwrap()
    }

    /// Every event there is, oldest arrival first.
    pub(crate) async fn stories(&self) -> Vec<EventStory> {
        let reader = self.reader();
        let all = EventFilter { limit: usize::MAX, ..EventFilter::default() };
        let mut stories = Vec::new();
        for event in reader.events(all).await.unwrap().into_iter().rev() {
            let id = twinstream::event::EventId::parse(&event.id).unwrap();
            stories.push(reader.event(id).await.unwrap().unwrap());
        }
        stories
    }

    fn file(&self, suffix: &str) -> PathBuf {
        self.folder.path().join(format!("{FILE}{suffix}"))
    }
}
