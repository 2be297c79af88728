//! Telling how far it is.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::super::out;
use crate::event::Path;
use crate::sim::auth0::truth::TruthError;
use crate::sim::auth0::{Controls, Now, PathNow, Played, Schedule};

/// How often the line of a terminal is renewed.
const RENEW_EVERY: Duration = Duration::from_millis(200);
/// Where nobody watches, a line is written this often.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Signs of the bar.
const BAR: u32 = 20;

/// Watches until the end.
pub(super) async fn until_end(
    playing: impl Future<Output = Result<Played, TruthError>>,
    controls: Controls,
    schedule: &Schedule,
    stopped: impl Future<Output = ()>,
) -> Result<Played, TruthError> {
    let is_watched = out::is_watched();
    let mut ticks = interval(if is_watched { RENEW_EVERY } else { TELL_EVERY });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // The first is at once.
    ticks.tick().await;
    let stopped = async {
        stopped.await;
        std::future::pending::<()>().await;
    };
    tokio::pin!(playing, stopped);
    loop {
        tokio::select! {
            came = &mut playing => {
                if is_watched {
                    out::renew_line("");
                }
                return came;
            }
            () = &mut stopped => {}
            _ = ticks.tick() => {
                let so_far = so_far(controls.now(), schedule);
                if is_watched {
                    out::renew_line(&so_far);
                } else {
                    out::note(&so_far);
                }
            }
        }
    }
}

/// `[█████░░░░░░░░░░░░░░░] 300 of 1200 events · webhook 298 accepted, 2 waiting · …`
fn so_far(now: Now, schedule: &Schedule) -> String {
    let bar = share(now, schedule).map(|share| format!("[{}] ", bar(share)));
    let of = schedule.events.map(|events| format!(" of {events}"));
    let (bar, of) = (bar.unwrap_or_default(), of.unwrap_or_default());
    let paths = Path::ALL.into_iter().filter_map(|path| {
        now.paths.of(path).as_ref().map(|path_now| format!("{path} {}", one(path_now)))
    });
    let events = format!("{bar}{}{of} events", now.happened);
    [events].into_iter().chain(paths).collect::<Vec<_>>().join(" · ")
}

fn one(path: &PathNow) -> String {
    let counts = [
        (u64::try_from(path.waiting).unwrap_or(u64::MAX), "waiting"),
        (path.failed, "failed"),
        (path.unsent, "with no place to wait"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts = counts.map(|(count, what)| format!("{count} {what}"));
    let off = (!path.is_on).then(|| "switched off".to_owned());
    let parts = [format!("{} accepted", path.accepted)].into_iter().chain(counts).chain(off);
    parts.collect::<Vec<_>>().join(", ")
}

/// How much is done, from 0 to 1.
fn share(now: Now, schedule: &Schedule) -> Option<f64> {
    let by_time = schedule.within.map(|within| now.elapsed.as_secs_f64() / within.as_secs_f64());
    let by_events = schedule.events.map(|events| parts(now.happened, events));
    let share = by_time.into_iter().chain(by_events).reduce(f64::max)?;
    Some(if now.is_happening { share.clamp(0.0, 1.0) } else { 1.0 })
}

/// One number in parts of another; to a millionth is enough for a bar.
fn parts(of: u64, all: u64) -> f64 {
    let millionths = u128::from(of) * 1_000_000 / u128::from(all.max(1));
    f64::from(u32::try_from(millionths).unwrap_or(u32::MAX)) / 1e6
}

fn bar(share: f64) -> String {
    (0..BAR).map(|sign| if f64::from(sign) < share * f64::from(BAR) { '█' } else { '░' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::PerPath;
    use crate::sim::auth0::Arrivals;

    fn schedule(events: Option<u64>, within: Option<Duration>) -> Schedule {
        Schedule { rate: 10.0, arrivals: Arrivals::Even, burst: None, within, events }
    }

    #[track_caller]
    fn check(now: Now, schedule: &Schedule, expected: &str) {
        assert_eq!(so_far(now, schedule), expected);
    }

    #[test]
    fn it_is_told_how_far_it_is() {
        let webhook =
            PathNow { is_on: true, accepted: 290, waiting: 8, failed: 2, ..PathNow::default() };
        let paths = PerPath { webhook: Some(webhook), eventbridge: None };
        let elapsed = Duration::from_secs(30);
        let now = Now { elapsed, happened: 300, is_happening: true, paths };
        let counts = "webhook 290 accepted, 8 waiting, 2 failed";
        check(now, &schedule(None, None), &format!("300 events · {counts}"));
        let quarter = "[█████░░░░░░░░░░░░░░░]";
        check(
            now,
            &schedule(Some(1_200), None),
            &format!("{quarter} 300 of 1200 events · {counts}"),
        );
        let minutes = Some(Duration::from_mins(2));
        check(now, &schedule(None, minutes), &format!("{quarter} 300 events · {counts}"));
        let sending = Now { is_happening: false, paths: PerPath::default(), ..now };
        check(sending, &schedule(Some(300), None), "[████████████████████] 300 of 300 events");
        let off = PerPath { webhook: None, eventbridge: Some(PathNow::default()) };
        let now = Now { paths: off, ..now };
        check(now, &schedule(None, None), "300 events · eventbridge 0 accepted, switched off");
    }
}
