//! Whether something has lasted, or has been over, for long enough to be told.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Alarm, Finding};
use crate::event::Timestamp;

/// How long things have to last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub raise: Duration,
    pub resolve: Duration,
    pub repeat: Duration,
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It has lasted for long enough.
    Raised { finding: Finding, since: Timestamp },
    /// It lasts.
    Lasts { finding: Finding, since: Timestamp },
    /// It has been over for long enough.
    Resolved { finding: Finding, since: Timestamp },
}

#[derive(Debug, Clone)]
struct Watched {
    finding: Finding,
    /// Since when it has been wrong.
    since: Timestamp,
    /// When it was told last; `None` while it has not been.
    told: Option<Timestamp>,
    /// Since when it has been over.
    over_since: Option<Timestamp>,
}

/// What is wrong, or was a moment ago.
#[derive(Debug, Default)]
pub(super) struct Hysteresis(BTreeMap<(Alarm, String), Watched>);

impl Hysteresis {
    /// Takes what is wrong now. Returns what is to be told of it.
    pub(super) fn look(
        &mut self,
        findings: Vec<Finding>,
        now: Timestamp,
        patience: Patience,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for watched in self.0.values_mut() {
            watched.over_since = watched.over_since.or(Some(now));
        }
        for finding in findings {
            let key = (finding.alarm, finding.about.clone());
            let watched = self.0.entry(key).or_insert_with(|| Watched {
                finding: finding.clone(),
                since: now,
                told: None,
                over_since: None,
            });
            (watched.finding, watched.over_since) = (finding, None);
            changes.extend(watched.lasts(now, patience));
        }
        self.0.retain(|_, watched| {
            let Some(over_since) = watched.over_since else { return true };
            match watched.told {
                // It was never told: nobody has to know that it is over.
                None => false,
                Some(_) if now < over_since.plus(patience.resolve) => true,
                Some(_) => {
                    let (finding, since) = (watched.finding.clone(), watched.since);
                    changes.push(Change::Resolved { finding, since });
                    false
                }
            }
        });
        changes
    }

    /// How many of a kind have been told and are not over.
    pub(super) fn firing(&self, alarm: Alarm) -> usize {
        let of_kind = self.0.iter().filter(|((kind, _), _)| *kind == alarm);
        of_kind.filter(|(_, watched)| watched.told.is_some()).count()
    }
}

impl Watched {
    fn lasts(&mut self, now: Timestamp, patience: Patience) -> Option<Change> {
        let (finding, since) = (self.finding.clone(), self.since);
        match self.told {
            None if now >= since.plus(patience.raise) => {
                self.told = Some(now);
                Some(Change::Raised { finding, since })
            }
            Some(told) if now >= told.plus(patience.repeat) => {
                self.told = Some(now);
                Some(Change::Lasts { finding, since })
            }
            None | Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert, proptest};

    use super::super::Severity;
    use super::*;

    const PATIENCE: Patience = Patience {
        raise: Duration::from_mins(1),
        resolve: Duration::from_mins(2),
        repeat: Duration::from_mins(10),
    };

    fn finding(about: &str) -> Finding {
        Finding {
            alarm: Alarm::Breaker,
            about: about.to_owned(),
            severity: Severity::Critical,
            what: String::new(),
            remedy: "",
        }
    }

    /// Looks (second, whether it is wrong), and what is told when.
    #[track_caller]
    fn check(looks: &[(i64, bool)], expected: &[(i64, &str)]) {
        let mut hysteresis = Hysteresis::default();
        let mut told = Vec::new();
        for (second, wrong) in looks {
            let now = Timestamp::from_millis(second * 1_000);
            let findings = if *wrong { vec![finding("app")] } else { Vec::new() };
            for change in hysteresis.look(findings, now, PATIENCE) {
                told.push((
                    *second,
                    match change {
                        Change::Raised { .. } => "raised",
                        Change::Lasts { .. } => "lasts",
                        Change::Resolved { .. } => "resolved",
                    },
                ));
            }
        }
        assert_eq!(told, expected);
    }

    #[test]
    fn what_does_not_last_is_not_told() {
        check(&[(0, true), (59, true), (60, false), (200, false)], &[]);
        check(&[(0, true), (30, false), (40, true), (99, true)], &[]);
    }

    #[test]
    fn what_lasts_is_told_once_and_then_now_and_then() {
        check(&[(0, true), (60, true), (90, true), (659, true)], &[(60, "raised")]);
        check(&[(0, true), (60, true), (660, true)], &[(60, "raised"), (660, "lasts")]);
    }

    #[test]
    fn what_comes_and_goes_is_one_alarm() {
        let looks = [(0, true), (60, true), (70, false), (100, true), (110, false), (229, false)];
        check(&looks, &[(60, "raised")]);
        let all = [&looks[..], &[(230, false), (400, false)]].concat();
        check(&all, &[(60, "raised"), (230, "resolved")]);
    }

    proptest! {
        #[test]
        fn an_alarm_is_raised_and_resolved_in_turns(
            looks in vec((1..200_u64, any::<bool>(), any::<bool>()), 0..100)
        ) {
            let mut hysteresis = Hysteresis::default();
            let mut raised = std::collections::BTreeSet::new();
            let mut now = Timestamp::from_millis(0);
            for (pause, one, other) in looks {
                now = now.plus(Duration::from_secs(pause));
                let wrong = [(one, "one"), (other, "other")];
                let found = wrong.iter().filter(|(wrong, _)| *wrong).map(|(_, name)| finding(name));
                for change in hysteresis.look(found.collect(), now, PATIENCE) {
                    match change {
                        Change::Raised { finding, .. } => prop_assert!(raised.insert(finding.about)),
                        Change::Lasts { finding, .. } => prop_assert!(raised.contains(&finding.about)),
                        Change::Resolved { finding, .. } => prop_assert!(raised.remove(&finding.about)),
                    }
                }
                prop_assert!(hysteresis.firing(Alarm::Breaker) == raised.len());
            }
        }
    }
}
