//! Where listening goes on, after what broke it off.

use super::super::auth0::Since;
use crate::event::Timestamp;

/// Where to begin the next time. What is stored is tried first; where that leads nowhere, the time at which it
/// was last heard, and at last what comes from now on: a place that can't be passed is passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    step: Step,
    /// The last offset that was heard before it broke off, and how often it did there.
    stuck_at: Option<String>,
    failures: u32,
    /// The step of which it was said that there is a gap.
    told: Option<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Step {
    /// After the offset that is stored.
    #[default]
    Offset,
    /// From when it was last heard.
    Time,
    /// From now on.
    Now,
}

/// How a connection ended, as far as the place matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As connections do, when they end well.
    Well,
    /// For something that has nothing to do with the place.
    Elsewhere,
    /// Auth0 will not begin there, and never will.
    Refused,
    /// Something there can't be told, or not be understood.
    Unreadable,
}

/// What can't be read may be read later: so often it is tried, before it is passed over.
const TRIES_MAX: u32 = 3;

impl Place {
    /// Where to begin. `known`: the offset that is stored, and when it was heard.
    pub(super) fn since(&self, known: Option<&(String, Timestamp)>) -> Since {
        match (self.step, known) {
            (Step::Offset, Some((offset, _))) => Since::Offset(offset.clone()),
            (Step::Time, Some((_, at))) => Since::Time(*at),
            (Step::Now, Some(_)) | (_, None) => Since::Now,
        }
    }

    /// Whether something may have been passed over, now that a connection is there, and nobody said so yet.
    pub(super) fn has_gap(&mut self) -> bool {
        let is_told = self.told.replace(self.step) == Some(self.step);
        self.step != Step::Offset && !is_told
    }

    /// A connection has ended, after this offset; `None` where it was not told of any.
    pub(super) fn ended(&mut self, end: End, last: Option<&str>) {
        let went_on = last.is_some() && last != self.stuck_at.as_deref();
        if went_on || (end == End::Well && last.is_some()) {
            *self = Self { stuck_at: last.map(str::to_owned), ..Self::default() };
        }
        match end {
            End::Well | End::Elsewhere => {}
            End::Refused => self.pass_over(),
            End::Unreadable => {
                self.failures += 1;
                if self.failures >= TRIES_MAX || self.step != Step::Offset {
                    self.pass_over();
                }
            }
        }
    }

    /// After the last step it begins again with the first: it was not the place's fault.
    fn pass_over(&mut self) {
        self.failures = 0;
        self.step = match self.step {
            Step::Offset => Step::Time,
            Step::Time => Step::Now,
            Step::Now => Step::Offset,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Connections that end so, each after this offset; and how the next one begins.
    #[track_caller]
    fn check(ends: &[(End, Option<&str>)], expected: &Since) {
        let mut place = Place::default();
        for (end, last) in ends {
            place.ended(*end, *last);
        }
        let known = ("o1".to_owned(), Timestamp::from_millis(7));
        assert_eq!(place.since(Some(&known)), *expected);
        assert_eq!(place.since(None), Since::Now);
    }

    const AT: Option<&str> = Some("o1");

    #[test]
    fn what_is_stored_is_where_it_goes_on() {
        let stored = Since::Offset("o1".to_owned());
        check(&[], &stored);
        check(&[(End::Well, AT), (End::Elsewhere, None), (End::Elsewhere, AT)], &stored);
        check(&[(End::Unreadable, AT), (End::Unreadable, AT)], &stored);
        // Each time it came further.
        check(&["o1", "o2", "o3", "o4"].map(|last| (End::Unreadable, Some(last))), &stored);
        // It was heard for long enough in between to be closed as ever.
        let now_and_then = [(End::Unreadable, AT), (End::Unreadable, AT), (End::Well, AT)];
        check(&[now_and_then, now_and_then].concat(), &stored);
    }

    #[test]
    fn a_place_that_leads_nowhere_is_passed_over() {
        let time = Since::Time(Timestamp::from_millis(7));
        check(&[(End::Refused, AT)], &time);
        check(&[(End::Refused, None), (End::Elsewhere, None), (End::Well, None)], &time);
        let thrice = [(End::Unreadable, AT); 3];
        check(&thrice, &time);
        // What was heard last is heard again, and then what can't be read: no step forward.
        check(&[&thrice[..], &[(End::Unreadable, AT)]].concat(), &Since::Now);
        check(&[(End::Refused, AT), (End::Refused, None)], &Since::Now);
        let on = Since::Offset("o1".to_owned());
        check(&[(End::Refused, AT), (End::Well, Some("o2"))], &on);
        check(&[(End::Refused, AT), (End::Elsewhere, Some("o2"))], &on);
        // Nor is it the place: all over again.
        check(&[(End::Refused, None); 3], &on);
    }

    #[test]
    fn a_gap_is_told_once() {
        let mut place = Place::default();
        assert!(!place.has_gap());
        place.ended(End::Refused, None);
        assert!(place.has_gap() && !place.has_gap());
        place.ended(End::Unreadable, None);
        assert!(place.has_gap() && !place.has_gap());
        place.ended(End::Well, Some("o2"));
        assert!(!place.has_gap());
    }
}
