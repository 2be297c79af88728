//! `twinstream demo`

use std::cell::Cell;
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Failure, out, serve};
use crate::app::demo::{self, Ids, Level, News, Places, Progress, Settings, Told};
use crate::compare::report;
use crate::event::Path;
use crate::sim::auth0::faults;
use crate::telemetry::log::{self, Format};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How much goes wrong.
    #[arg(long, value_enum, default_value_t = Level::Typical)]
    faults: Level,
    /// How long events happen, such as 30s or 5m. Until Ctrl-C by default; 30s where no terminal
    /// watches.
    #[arg(long = "for", value_name = "DURATION", value_parser = faults::duration)]
    within: Option<Duration>,
    /// How many events happen at most.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    events: Option<u64>,
    /// How many happen a second.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// Whether the two streams carry the same id for one event; Auth0 does not say.
    #[arg(long, value_enum, default_value_t = Ids::Same)]
    ids: Ids,
    /// Makes the same events and the same faults again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Open the pages in the browser.
    #[arg(long)]
    open: bool,
    /// Print the comparison's JSON document at the end.
    #[arg(long)]
    json: bool,
    /// Show the gateway's log.
    #[arg(long)]
    verbose: bool,
}

/// The end, where no terminal watches and nobody gave one.
const UNWATCHED_FOR: Duration = Duration::from_secs(30);
/// Where no terminal watches, a line is written this often.
const TELL_EVERY: Duration = Duration::from_secs(5);

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.verbose {
        let settings = log::Settings { format: Format::Text, filter: "info".into() };
        log::start(&settings).map_err(|error| Failure::Fault(error.into()))?;
    }
    let Arguments { faults, events, rate, ids, seed, .. } = arguments;
    let is_endless = arguments.within.is_none() && events.is_none();
    let within = arguments.within.or((is_endless && !out::is_watched()).then_some(UNWATCHED_FOR));
    let settings = Settings { faults, rate, events, within, ids, seed };
    let (stop, teller) = (CancellationToken::new(), Teller::new(&arguments, within));
    let playing = demo::run(&settings, stop.clone(), |news| teller.tell(&news));
    let told = tokio::select! {
        told = playing => told.map_err(Failure::Fault)?,
        // Dropped, the demo ends its tasks and takes its folder away.
        ended = second_interrupt(&stop) => {
            ended?;
            return Err(Failure::DoesNotHold("stopped before the paths were compared".into()));
        }
    };
    if arguments.json {
        let json = report::json(&told.comparison).map_err(|error| Failure::Fault(error.into()))?;
        out::line(&json);
    } else {
        print(&told);
    }
    Ok(())
}

/// The first Ctrl-C, or the first request to terminate, ends the events; the second ends everything.
async fn second_interrupt(stop: &CancellationToken) -> Result<(), Failure> {
    serve::stop_signal().map_err(Failure::Fault)?.await;
    stop.cancel();
    serve::stop_signal().map_err(Failure::Fault)?.await;
    Ok(())
}

/// Tells people who wait what happens.
struct Teller {
    opens: bool,
    within: Option<Duration>,
    told_at: Cell<Option<Instant>>,
}

impl Teller {
    const fn new(arguments: &Arguments, within: Option<Duration>) -> Self {
        Self { opens: arguments.open, within, told_at: Cell::new(None) }
    }

    fn tell(&self, news: &News) {
        match news {
            News::Up(places) => self.up(places),
            News::Scene(scene) => {
                clear();
                out::note(&format!("  ! {scene}"));
            }
            News::Progress(progress) => self.progress(progress),
            News::Settling => {
                clear();
                out::note(
                    "\nThe rest arrives, the grace period passes, and the paths are compared …\n",
                );
            }
        }
    }

    fn up(&self, places: &Places) {
        let Places { dashboard, application, webhook, queue, journal } = places;
        out::note(&format!(
            "twinstream demo: a simulated Auth0 tenant, a stand-in for AWS, the gateway with both doors\n\
             open, and an application. All of it is on this machine.\n\n\
             \x20 dashboard    {dashboard}\n\
             \x20 application  {application}\n\n\
             \x20 webhook door {webhook}\n\
             \x20 queue        {queue}\n\
             \x20 journal      {journal}\n"
        ));
        match self.within {
            Some(within) => out::note(&format!("Ends after {} s.\n", within.as_secs())),
            None => out::note("Ctrl-C ends it, and compares the two paths.\n"),
        }
        if self.opens {
            for page in [dashboard, application] {
                if let Err(error) = open::that_detached(page) {
                    out::note(&format!("{page} can't be opened: {error}"));
                }
            }
        }
    }

    fn progress(&self, progress: &Progress) {
        let line = in_words(progress);
        if out::is_watched() {
            out::renew_line(&line);
            return;
        }
        let is_due = self.told_at.get().is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if is_due {
            self.told_at.set(Some(Instant::now()));
            out::note(&line);
        }
    }
}

fn clear() {
    if out::is_watched() {
        out::renew_line("");
    }
}

fn in_words(progress: &Progress) -> String {
    let Progress { elapsed, happened, accepted, delivered, waiting, dead } = progress;
    let seconds = elapsed.as_secs();
    format!(
        "{:>2}:{:02}  {happened} events · webhook {} · eventbridge {} · delivered {delivered} · \
         waiting {waiting} · dead letters {dead}",
        seconds / 60,
        seconds % 60,
        accepted.webhook,
        accepted.eventbridge,
    )
}

fn print(told: &Told) {
    let Told { comparison, truth, progress, events_taken, attempts } = told;
    out::print(&report::terminal(comparison));
    out::line("\nWhat really happened, as the simulator knows, / what the comparison found:\n");
    let rows = Path::ALL.into_iter().filter_map(|path| {
        let (truth, found) = ((*truth.paths.of(path))?, comparison.paths.of(path));
        let both = |truth: u64, found: Option<u64>| {
            let found = found.map_or_else(|| "–".to_owned(), |found| found.to_string());
            format!("{truth} / {found}")
        };
        Some(vec![
            path.to_string(),
            both(truth.seen, Some(found.seen)),
            both(truth.missing, found.missing),
            both(truth.duplicates, Some(found.duplicates)),
            both(truth.out_of_order, found.out_of_order),
        ])
    });
    let header = ["path", "seen", "missing", "duplicates", "out of order"];
    out::line(&out::table(&header, rows.collect(), &[1, 2, 3, 4]));
    out::line(&format!(
        "\nThe application took {events_taken} events in {attempts} attempts; {} dead letters are left.",
        progress.dead
    ));
}
