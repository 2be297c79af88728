//! What goes wrong in the demo, and when.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::event::{Path, PerPath};
use crate::sim::auth0::faults::{Faults, FaultsError};
use crate::sim::demo_app::Conduct;

/// How much goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// Nothing: each path takes its time, and that is all.
    None,
    /// What a bad week has: some events are lost, doubled or overtaken, the application refuses some and is
    /// down for a moment.
    Typical,
    /// What a bad day has: each path has outages of its own, and the application too.
    Storm,
}

/// What the application does, and when; the story begins again when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Act {
    at: Duration,
    deed: Deed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// It answers 422 to so many events, once each.
    Refuse(u32),
    /// It answers 503 for so long.
    BeDown(Duration),
}

const WEBHOOK: &str = "delay=lognormal(45ms,160ms)";
const EVENTBRIDGE: &str = "delay=lognormal(180ms,700ms)";
const TYPICAL: PerPath<&str> = PerPath {
    webhook: "loss=0.6%,duplicates=1%:2s,reorder=1%:1s",
    eventbridge: "loss=0.4%,duplicates=2%:3s,reorder=2%:2s",
};
const STORM: PerPath<&str> = PerPath {
    webhook: "loss=2%,duplicates=3%:2s,reorder=3%:2s,delay=spikes(2%,3s)",
    eventbridge: "loss=1%,duplicates=5%:3s,reorder=5%:3s,delay=spikes(2%,4s)",
};

/// The story is this long.
const STORY: Duration = Duration::from_mins(1);
/// Outages are written down for so many of them: longer than anybody looks at a demo.
const STORIES: u32 = 240;
/// When a path of the storm is out, within the story, and for how long.
const OUTAGES: PerPath<(Duration, Duration)> = PerPath {
    webhook: (Duration::from_secs(25), Duration::from_secs(9)),
    eventbridge: (Duration::from_secs(45), Duration::from_secs(8)),
};

const TYPICAL_ACTS: [Act; 2] = [
    Act { at: Duration::from_secs(5), deed: Deed::Refuse(3) },
    Act { at: Duration::from_secs(35), deed: Deed::BeDown(Duration::from_secs(6)) },
];
const STORM_ACTS: [Act; 3] = [
    Act { at: Duration::from_secs(4), deed: Deed::Refuse(6) },
    Act { at: Duration::from_secs(12), deed: Deed::BeDown(Duration::from_secs(8)) },
    Act { at: Duration::from_secs(40), deed: Deed::Refuse(6) },
];

impl Level {
    /// What goes wrong on each path.
    ///
    /// # Errors
    /// When the texts above are wrong.
    pub(super) fn faults(self) -> Result<PerPath<Faults>, FaultsError> {
        let (webhook, eventbridge) = (self.text(Path::Webhook), self.text(Path::Eventbridge));
        Ok(PerPath {
            webhook: Faults::parse(Path::Webhook, &webhook)?,
            eventbridge: Faults::parse(Path::Eventbridge, &eventbridge)?,
        })
    }

    fn text(self, path: Path) -> String {
        let usual = *PerPath { webhook: WEBHOOK, eventbridge: EVENTBRIDGE }.of(path);
        match self {
            Self::None => usual.to_owned(),
            Self::Typical => format!("{usual},{}", TYPICAL.of(path)),
            Self::Storm => {
                let (at, lasts) = *OUTAGES.of(path);
                let outages = (0..STORIES).map(|story| {
                    let from = STORY * story + at;
                    format!("outage={}s+{}s", from.as_secs(), lasts.as_secs())
                });
                let outages: Vec<_> = outages.collect();
                format!("{usual},{},{}", STORM.of(path), outages.join(","))
            }
        }
    }

    const fn acts(self) -> &'static [Act] {
        match self {
            Self::None => &[],
            Self::Typical => &TYPICAL_ACTS,
            Self::Storm => &STORM_ACTS,
        }
    }
}

/// Has the application misbehave, again and again; `tell` hears of it. Never ends by itself.
pub(super) async fn play(level: Level, conduct: &Conduct, tell: impl Fn(&str)) {
    let began = Instant::now();
    for story in 0.. {
        for act in level.acts() {
            sleep_until(began + STORY * story + act.at).await;
            match act.deed {
                Deed::Refuse(events) => {
                    conduct.refuse_next(events);
                    tell(&format!(
                        "the application refuses {events} events: dead letters, to be put back on the page"
                    ));
                }
                Deed::BeDown(lasts) => {
                    conduct.down_for(lasts);
                    let lasts = lasts.as_secs();
                    tell(&format!("the application is down for {lasts} s: deliveries wait"));
                }
            }
        }
        sleep_until(began + STORY * (story + 1)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_faults_that_can_be_played() {
        for level in [Level::None, Level::Typical, Level::Storm] {
            let faults = level.faults().unwrap();
            let is_calm = faults.webhook.loss.get() <= 0.0;
            assert_eq!(is_calm, level == Level::None);
            assert_eq!(faults.webhook.outages.is_empty(), level != Level::Storm);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_story_is_told_again() {
        let told = std::cell::RefCell::new(Vec::new());
        let tell = |text: &str| told.borrow_mut().push(text.to_owned());
        let conduct = Conduct::default();
        let two_stories = STORY * 2;
        assert!(
            tokio::time::timeout(two_stories, play(Level::Typical, &conduct, tell)).await.is_err()
        );
        let told = told.into_inner();
        assert_eq!(told.len(), 4);
        assert_eq!(told[0], told[2]);
    }
}
