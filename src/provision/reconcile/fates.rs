//! Where an event was lost.

use std::collections::HashSet;

use crate::event::{EventId, Path, PathSet, PerPath, Timestamp};
use crate::journal::{Fate, SettledWitness};

/// What is known of where events are that did not come.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Which paths are in use.
    pub mode: Option<PathSet>,
    /// What each stream is subscribed to, where that is known.
    pub subscribed: PerPath<Option<HashSet<String>>>,
    /// Events that Auth0 lists as failed, by the stream's path.
    pub failed: PerPath<HashSet<EventId>>,
    /// Events in the queue's dead-letter queue.
    pub queue_letters: HashSet<EventId>,
    /// Events in the dead-letter queue of the rule's target.
    pub rule_letters: HashSet<EventId>,
    /// The queue's door is open, and has been for long enough that what lay in the queue has come.
    pub queue_is_read: bool,
    /// What was told of before this is waited for no longer.
    pub waited_since: Option<Timestamp>,
}

/// What came of an event on each path. `None`: it may come yet.
pub(super) fn fates(witness: &SettledWitness, evidence: &Evidence) -> Option<PerPath<Fate>> {
    let of = |path| {
        if *witness.seen.of(path) {
            return Some(Fate::Seen);
        }
        let in_use = evidence.mode.is_none_or(|mode| mode.contains(path));
        let types = evidence.subscribed.of(path).as_ref();
        if !in_use || types.is_some_and(|types| !types.contains(&*witness.event.kind)) {
            return Some(Fate::Unused);
        }
        match path {
            Path::Webhook => Some(webhook(witness, evidence)),
            Path::Eventbridge => eventbridge(witness, evidence),
        }
    };
    Some(PerPath { webhook: of(Path::Webhook)?, eventbridge: of(Path::Eventbridge)? })
}

/// Auth0 lists what it tried and could not deliver to us. What it does not list, and what came while our door
/// was open, it never sent.
fn webhook(witness: &SettledWitness, evidence: &Evidence) -> Fate {
    // What was asked for is not listed any more once it has come.
    let tried = witness.asked_for || evidence.failed.webhook.contains(&witness.event.id);
    if tried || !witness.open.webhook { Fate::LostUs } else { Fate::LostAuth0 }
}

/// Whether our door was open when it happened says nothing: the queue keeps it for days, and we ask for it once
/// the door is open again.
fn eventbridge(witness: &SettledWitness, evidence: &Evidence) -> Option<Fate> {
    let id = &witness.event.id;
    if evidence.failed.eventbridge.contains(id) {
        Some(Fate::LostAuth0)
    } else if evidence.queue_letters.contains(id) {
        Some(Fate::LostQueue)
    } else if evidence.rule_letters.contains(id) {
        Some(Fate::LostEventbridge)
    } else if evidence.queue_is_read {
        // Auth0 handed it over, and it never came to the queue.
        Some(Fate::LostEventbridge)
    } else {
        // It may lie in the queue still: for a day, that is nobody's fault yet.
        is_waited_for_in_vain(witness, evidence).then_some(Fate::LostUs)
    }
}

/// Whether an event was told of so long ago that nothing more is waited for.
pub(super) fn is_waited_for_in_vain(witness: &SettledWitness, evidence: &Evidence) -> bool {
    evidence.waited_since.is_some_and(|since| witness.told_at < since)
}

/// Whether every path in use lost it.
pub(super) fn is_lost(fates: PerPath<Fate>) -> bool {
    let all = [fates.webhook, fates.eventbridge];
    all.iter().all(|fate| fate.is_lost() || *fate == Fate::Unused)
        && all.iter().any(|fate| fate.is_lost())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Digest;
    use crate::journal::Witnessed;

    fn id() -> EventId {
        EventId::parse("evt_1").unwrap()
    }

    fn lost() -> SettledWitness {
        SettledWitness {
            no: 1,
            event: Witnessed {
                id: id(),
                kind: "user.updated".into(),
                time: Timestamp::from_millis(0),
                fingerprint: Digest::of(b""),
                before: None,
            },
            told_at: Timestamp::from_millis(0),
            seen: PerPath::default(),
            is_known: false,
            open: PerPath { webhook: true, eventbridge: true },
            asked_for: false,
        }
    }

    fn both() -> Evidence {
        Evidence { mode: Some(PathSet::Both), queue_is_read: true, ..Evidence::default() }
    }

    #[track_caller]
    fn check(
        (change, know): (impl FnOnce(&mut SettledWitness), impl FnOnce(&mut Evidence)),
        expected: impl Into<Option<(Fate, Fate)>>,
    ) {
        let (mut witness, mut evidence) = (lost(), both());
        change(&mut witness);
        know(&mut evidence);
        let fates = fates(&witness, &evidence);
        let fates = fates.map(|PerPath { webhook, eventbridge }| (webhook, eventbridge));
        assert_eq!(fates, expected.into());
    }

    #[test]
    fn what_came_was_not_lost() {
        let seen = |witness: &mut SettledWitness| witness.seen.webhook = true;
        check((seen, |_: &mut Evidence| {}), (Fate::Seen, Fate::LostEventbridge));
    }

    #[test]
    fn a_path_that_is_not_in_use_loses_nothing() {
        let alone = |evidence: &mut Evidence| evidence.mode = Some(PathSet::Webhook);
        check((|_: &mut SettledWitness| {}, alone), (Fate::LostAuth0, Fate::Unused));
    }

    #[test]
    fn a_stream_loses_nothing_that_it_is_not_subscribed_to() {
        let types = |kind: &str| Some(HashSet::from([kind.to_owned()]));
        let subscribed = PerPath { webhook: types("user.updated"), eventbridge: types("other") };
        let know = |evidence: &mut Evidence| evidence.subscribed = subscribed;
        check((|_: &mut SettledWitness| {}, know), (Fate::LostAuth0, Fate::Unused));
    }

    #[test]
    fn what_auth0_tried_in_vain_or_found_our_door_closed_is_our_loss() {
        let tried = |evidence: &mut Evidence| evidence.failed.webhook.extend([id()]);
        check((|_: &mut SettledWitness| {}, tried), (Fate::LostUs, Fate::LostEventbridge));
        let asked = |witness: &mut SettledWitness| witness.asked_for = true;
        check((asked, |_: &mut Evidence| {}), (Fate::LostUs, Fate::LostEventbridge));
        let closed = |witness: &mut SettledWitness| witness.open.webhook = false;
        check((closed, |_: &mut Evidence| {}), (Fate::LostUs, Fate::LostEventbridge));
    }

    #[test]
    fn a_queue_keeps_messages_while_our_door_is_closed() {
        let closed_then = |witness: &mut SettledWitness| witness.open.eventbridge = false;
        check((closed_then, |_: &mut Evidence| {}), (Fate::LostAuth0, Fate::LostEventbridge));
        let unread = |evidence: &mut Evidence| evidence.queue_is_read = false;
        let nothing = |_: &mut SettledWitness| {};
        check((nothing, unread), None);
        check((closed_then, unread), None);
        let came = |witness: &mut SettledWitness| witness.seen.eventbridge = true;
        check((came, unread), (Fate::LostAuth0, Fate::Seen));
        let unread_in = |mode, since| {
            move |evidence: &mut Evidence| {
                evidence.queue_is_read = false;
                evidence.mode = Some(mode);
                evidence.waited_since = Some(Timestamp::from_millis(since));
            }
        };
        check((nothing, unread_in(PathSet::Webhook, 0)), (Fate::LostAuth0, Fate::Unused));
        check((nothing, unread_in(PathSet::Both, 0)), None);
        check((nothing, unread_in(PathSet::Both, 1)), (Fate::LostAuth0, Fate::LostUs));
        let elsewhere = |evidence: &mut Evidence| {
            unread(evidence);
            evidence.queue_letters.extend([id()]);
        };
        check((nothing, elsewhere), (Fate::LostAuth0, Fate::LostQueue));
    }

    #[test]
    fn what_lies_somewhere_was_lost_there() {
        let nothing = |_: &mut SettledWitness| {};
        let in_queue = |evidence: &mut Evidence| evidence.queue_letters.extend([id()]);
        check((nothing, in_queue), (Fate::LostAuth0, Fate::LostQueue));
        let at_rule = |evidence: &mut Evidence| evidence.rule_letters.extend([id()]);
        check((nothing, at_rule), (Fate::LostAuth0, Fate::LostEventbridge));
        let at_auth0 = |evidence: &mut Evidence| evidence.failed.eventbridge.extend([id()]);
        check((nothing, at_auth0), (Fate::LostAuth0, Fate::LostAuth0));
    }

    #[test]
    fn only_what_every_path_in_use_lost_is_taken_in() {
        let check = |webhook, eventbridge, expected| {
            assert_eq!(is_lost(PerPath { webhook, eventbridge }), expected);
        };
        check(Fate::LostUs, Fate::LostQueue, true);
        check(Fate::LostUs, Fate::Unused, true);
        check(Fate::LostUs, Fate::Seen, false);
        check(Fate::Unused, Fate::Unused, false);
    }
}
