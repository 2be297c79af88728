//! Which failed deliveries are asked for.

use std::collections::{HashMap, HashSet};

use super::{Failed, Selection};
use crate::event::{EventId, Timestamp};
use crate::journal::AskedFor;

/// An event that was asked for so often is not asked for again by itself: each redelivery that fails counts
/// towards switching the stream off.
pub const TRIES_MAX: u32 = 3;

/// What is done about each failed delivery. The numbers add up to all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// Asked for: the journal has no such event. Those asked for least come first, of these the oldest.
    pub ask: Vec<EventId>,
    /// Asked for though the journal has them, after the others: so that Auth0's list gets shorter.
    pub shorten: Vec<EventId>,
    /// The journal has the event: the other path brought it, or an earlier redelivery did.
    pub known: u64,
    /// Auth0 still tries by itself.
    pub still_tried: u64,
    /// Not what was selected.
    pub not_selected: u64,
    /// So old that the journal may have had it and have forgotten it.
    pub too_old: u64,
    /// Asked for too often already.
    pub given_up: u64,
    /// Left for the next pass.
    pub left: u64,
}

/// What a choice is made by.
#[derive(Debug, Clone)]
pub(super) struct Knowledge {
    /// Events that the journal has.
    pub known: HashSet<EventId>,
    /// How often Auth0 was asked for each.
    pub asked: HashMap<EventId, AskedFor>,
    /// What happened from then on and came is known.
    pub since: Timestamp,
    /// So much is listed that known ones are asked for too.
    pub shortens: bool,
}

impl Knowledge {
    fn tries(&self, id: &EventId) -> u32 {
        self.asked.get(id).map_or(0, |asked| asked.tries)
    }
}

/// What one failed delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Known,
    StillTried,
    NotSelected,
    TooOld,
    GivenUp,
    Lacking,
    Shortening,
}

/// Decides about each.
pub(super) fn choose(failed: &[Failed], knowledge: &Knowledge, selection: &Selection) -> Choice {
    let mut choice = Choice::default();
    let mut in_order: Vec<&Failed> = failed.iter().collect();
    in_order.sort_by_key(|failed| (knowledge.tries(&failed.id), failed.happened()));
    let mut shortening = Vec::new();
    let mut seen = HashSet::new();
    for failed in in_order {
        // What is listed twice is looked at once.
        let is_new = seen.insert(&failed.id);
        let kind = if is_new { kind_of(failed, knowledge, selection) } else { Kind::Known };
        match kind {
            Kind::Known => choice.known += 1,
            Kind::StillTried => choice.still_tried += 1,
            Kind::NotSelected => choice.not_selected += 1,
            Kind::TooOld => choice.too_old += 1,
            Kind::GivenUp => choice.given_up += 1,
            Kind::Lacking if choice.ask.len() < selection.most => {
                choice.ask.push(failed.id.clone());
            }
            Kind::Lacking => choice.left += 1,
            Kind::Shortening => shortening.push(failed.id.clone()),
        }
    }
    let room = selection.most.saturating_sub(choice.ask.len());
    choice.left += u64::try_from(shortening.len().saturating_sub(room)).unwrap_or(u64::MAX);
    shortening.truncate(room);
    choice.shorten = shortening;
    choice
}

fn kind_of(failed: &Failed, knowledge: &Knowledge, selection: &Selection) -> Kind {
    let is_known = knowledge.known.contains(&failed.id);
    let may_be_asked = failed.has_ended && selection.takes(failed);
    if is_known && !(knowledge.shortens && may_be_asked) {
        Kind::Known
    } else if !failed.has_ended {
        Kind::StillTried
    } else if !may_be_asked {
        Kind::NotSelected
    } else if !is_known && is_too_old(failed, knowledge, selection) {
        Kind::TooOld
    } else if knowledge.tries(&failed.id) >= TRIES_MAX && !selection.insists {
        Kind::GivenUp
    } else if is_known {
        Kind::Shortening
    } else {
        Kind::Lacking
    }
}

/// Whether the journal may have had it and have forgotten it: it would be delivered a second time, and be old
/// news. Who says since when events are wanted has decided about that.
fn is_too_old(failed: &Failed, knowledge: &Knowledge, selection: &Selection) -> bool {
    let is_before = |at| at < knowledge.since;
    selection.since.is_none() && failed.happened().is_none_or(is_before)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::failed;
    use super::*;

    fn id(text: &str) -> EventId {
        EventId::parse(text).unwrap()
    }

    fn all() -> Selection {
        Selection { since: None, types: Vec::new(), most: 100, insists: false }
    }

    const fn second(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn of(name: &str, seconds: i64) -> Failed {
        Failed { time: Some(second(seconds)), ..failed(name) }
    }

    #[track_caller]
    fn check(failed: &[Failed], selection: &Selection, expected: &Choice) {
        check_of(failed, (selection, false), expected);
    }

    #[track_caller]
    fn check_of(failed: &[Failed], (selection, shortens): (&Selection, bool), expected: &Choice) {
        let tried = |tries| AskedFor { tries, refused: 0, at: second(0) };
        let asked = [("evt_tired", TRIES_MAX), ("evt_asked", 1), ("evt_known_tired", TRIES_MAX)];
        let knowledge = Knowledge {
            known: ["evt_known", "evt_known_too", "evt_known_tired"].map(id).into(),
            asked: asked.map(|(name, tries)| (id(name), tried(tries))).into(),
            since: second(0),
            shortens,
        };
        let choice = choose(failed, &knowledge, selection);
        assert_eq!(choice, *expected);
        let Choice { ask, shorten, known, still_tried, not_selected, too_old, given_up, left } =
            choice;
        let rest = known + still_tried + not_selected + too_old + given_up + left;
        let all = ask.len() + shorten.len() + usize::try_from(rest).unwrap();
        assert_eq!(all, failed.len());
    }

    #[test]
    fn what_the_journal_lacks_is_asked_for_the_oldest_first() {
        let failed = [of("evt_b", 2), of("evt_known", 1), of("evt_a", 1)];
        let ask = ["evt_a", "evt_b"].map(id).to_vec();
        check(&failed, &all(), &Choice { ask: ask.clone(), known: 1, ..Choice::default() });
        let one = Selection { most: 1, ..all() };
        let ask = ask[..1].to_vec();
        check(&failed, &one, &Choice { ask, known: 1, left: 1, ..Choice::default() });
    }

    #[test]
    fn what_was_asked_for_in_vain_does_not_hold_up_what_was_not_asked_for() {
        let failed = [of("evt_asked", 1), of("evt_b", 2)];
        let one = Selection { most: 1, ..all() };
        check(&failed, &one, &Choice { ask: vec![id("evt_b")], left: 1, ..Choice::default() });
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

    #[test]
    fn what_the_journal_may_have_forgotten_is_asked_for_only_when_its_time_is_named() {
        let too_old = Choice { too_old: 1, ..Choice::default() };
        let old = of("evt_old", -1);
        check(std::slice::from_ref(&old), &all(), &too_old);
        let insists = Selection { insists: true, ..all() };
        check(std::slice::from_ref(&old), &insists, &too_old);
        let since = Selection { since: Some(second(-2)), ..all() };
        check(&[old], &since, &Choice { ask: vec![id("evt_old")], ..Choice::default() });
        // When it happened is not told: it had happened when it was tried first.
        let untimed = |first_attempt| Failed { time: None, first_attempt, ..failed("evt_1") };
        check(&[untimed(Some(second(-1)))], &all(), &too_old);
        check(&[untimed(None)], &all(), &too_old);
        let ask = Choice { ask: vec![id("evt_1")], ..Choice::default() };
        check(&[untimed(Some(second(1)))], &all(), &ask);
    }

    #[test]
    fn what_is_known_is_asked_for_after_the_rest_when_the_list_is_long() {
        let failed = [of("evt_known", 1), of("evt_a", 2), of("evt_known_too", -9)];
        let known = ["evt_known_too", "evt_known"].map(id).to_vec();
        let ask = vec![id("evt_a")];
        let expected = Choice { ask: ask.clone(), shorten: known.clone(), ..Choice::default() };
        check_of(&failed, (&all(), true), &expected);
        check(&failed, &all(), &Choice { ask: ask.clone(), known: 2, ..Choice::default() });
        let two = Selection { most: 2, ..all() };
        let expected = Choice { ask, shorten: known[..1].to_vec(), left: 1, ..Choice::default() };
        check_of(&failed, (&two, true), &expected);
    }

    #[test]
    fn what_is_known_and_can_not_be_asked_for_is_left_alone() {
        let still = Failed { has_ended: false, ..failed("evt_known") };
        let types = Selection { types: vec!["user.deleted".into()], ..all() };
        let known = Choice { known: 1, ..Choice::default() };
        check_of(&[still], (&all(), true), &known);
        check_of(&[failed("evt_known")], (&types, true), &known);
        let tired = Choice { given_up: 1, ..Choice::default() };
        check_of(&[failed("evt_known_tired")], (&all(), true), &tired);
    }
}
