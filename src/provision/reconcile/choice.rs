//! Which failed deliveries are asked for.

use std::collections::{HashMap, HashSet};

use super::{Failed, Selection};
use crate::event::EventId;

/// An event whose redelivery failed so often is not asked for again by itself: each failure counts towards
/// switching the stream off.
pub const TRIES_MAX: u32 = 3;

/// What is done about each failed delivery. The numbers add up to all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// Asked for: the journal has no such event. The oldest first.
    pub ask: Vec<EventId>,
    /// The journal has the event: the other path brought it, or an earlier redelivery did.
    pub known: u64,
    /// Auth0 still tries by itself.
    pub still_tried: u64,
    /// Not what was selected.
    pub not_selected: u64,
    /// Asked for too often already.
    pub given_up: u64,
    /// Left for the next pass.
    pub left: u64,
}

/// Decides about each. `asked` says how often each was asked for.
pub(super) fn choose(
    failed: &[Failed],
    known: &HashSet<EventId>,
    asked: &HashMap<EventId, u32>,
    selection: &Selection,
) -> Choice {
    let mut choice = Choice::default();
    let mut oldest_first: Vec<&Failed> = failed.iter().collect();
    oldest_first.sort_by_key(|failed| failed.time.or(failed.last_attempt));
    let mut seen = HashSet::new();
    for failed in oldest_first {
        let tries = asked.get(&failed.id).copied().unwrap_or(0);
        if known.contains(&failed.id) || !seen.insert(&failed.id) {
            choice.known += 1;
        } else if !failed.has_ended {
            choice.still_tried += 1;
        } else if !selection.takes(failed) {
            choice.not_selected += 1;
        } else if tries >= TRIES_MAX && !selection.insists {
            choice.given_up += 1;
        } else if choice.ask.len() >= selection.most {
            choice.left += 1;
        } else {
            choice.ask.push(failed.id.clone());
        }
    }
    choice
}

#[cfg(test)]
mod tests {
    use super::super::fixture::failed;
    use super::*;
    use crate::event::Timestamp;

    fn id(text: &str) -> EventId {
        EventId::parse(text).unwrap()
    }

    fn all() -> Selection {
        Selection { since: None, types: Vec::new(), most: 100, insists: false }
    }

    #[track_caller]
    fn check(failed: &[Failed], selection: &Selection, expected: &Choice) {
        let known = HashSet::from([id("evt_known")]);
        let asked = HashMap::from([(id("evt_tired"), TRIES_MAX), (id("evt_asked"), 1)]);
        let choice = choose(failed, &known, &asked, selection);
        assert_eq!(choice, *expected);
        let Choice { ask, known, still_tried, not_selected, given_up, left } = choice;
        let rest = known + still_tried + not_selected + given_up + left;
        assert_eq!(ask.len() + usize::try_from(rest).unwrap(), failed.len());
    }

    #[test]
    fn what_the_journal_lacks_is_asked_for_the_oldest_first() {
        let second = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let of = |name: &str, seconds| Failed { time: Some(second(seconds)), ..failed(name) };
        let failed = [of("evt_b", 2), of("evt_known", 1), of("evt_a", 1), of("evt_asked", 3)];
        let ask = ["evt_a", "evt_b", "evt_asked"].map(id).to_vec();
        check(&failed, &all(), &Choice { ask: ask.clone(), known: 1, ..Choice::default() });
        let two = Selection { most: 2, ..all() };
        let ask = ask[..2].to_vec();
        check(&failed, &two, &Choice { ask, known: 1, left: 1, ..Choice::default() });
    }

    #[test]
    fn what_fails_again_and_again_is_left_unless_somebody_insists() {
        let failed = [failed("evt_tired")];
        check(&failed, &all(), &Choice { given_up: 1, ..Choice::default() });
        let insists = Selection { insists: true, ..all() };
        check(&failed, &insists, &Choice { ask: vec![id("evt_tired")], ..Choice::default() });
    }

    #[test]
    fn what_is_not_selected_or_still_tried_is_not_asked_for() {
        let still = Failed { has_ended: false, ..failed("evt_1") };
        check(&[still], &all(), &Choice { still_tried: 1, ..Choice::default() });
        let types = Selection { types: vec!["user.deleted".into()], ..all() };
        check(&[failed("evt_1")], &types, &Choice { not_selected: 1, ..Choice::default() });
        let since =
            Selection { since: Some(Timestamp::from_millis(i64::MAX / 2_000_000)), ..all() };
        check(&[failed("evt_1")], &since, &Choice { not_selected: 1, ..Choice::default() });
    }

    #[test]
    fn what_is_listed_twice_is_asked_for_once() {
        let twice = [failed("evt_1"), failed("evt_1")];
        let expected = Choice { ask: vec![id("evt_1")], known: 1, ..Choice::default() };
        check(&twice, &all(), &expected);
    }
}
