//! Where an event was lost.

use std::collections::HashSet;

use crate::event::{EventId, Path, PathSet, PerPath};
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
}

/// What came of an event on each path.
pub(super) fn fates(witness: &SettledWitness, evidence: &Evidence) -> PerPath<Fate> {
    PerPath::from_fn(|path| {
        if *witness.seen.of(path) {
            return Fate::Seen;
        }
        let in_use = evidence.mode.is_none_or(|mode| mode.contains(path));
        let types = evidence.subscribed.of(path).as_ref();
        if !in_use || types.is_some_and(|types| !types.contains(&*witness.event.kind)) {
            return Fate::Unused;
        }
        match path {
            Path::Webhook => webhook(witness, evidence),
            Path::Eventbridge => eventbridge(witness, evidence),
        }
    })
}

/// Auth0 lists what it tried and could not deliver to us. What it does not list, and what came while our door
/// was open, it never sent.
fn webhook(witness: &SettledWitness, evidence: &Evidence) -> Fate {
    // What was asked for is not listed any more once it has come.
    let tried = witness.asked_for || evidence.failed.webhook.contains(&witness.event.id);
    if tried || !witness.open.webhook { Fate::LostUs } else { Fate::LostAuth0 }
}

fn eventbridge(witness: &SettledWitness, evidence: &Evidence) -> Fate {
    let id = &witness.event.id;
    if evidence.failed.eventbridge.contains(id) {
        Fate::LostAuth0
    } else if evidence.queue_letters.contains(id) {
        Fate::LostQueue
    } else if evidence.rule_letters.contains(id) {
        Fate::LostEventbridge
    } else if !witness.open.eventbridge {
        // The queue keeps it until we ask.
        Fate::LostUs
    } else {
        // Auth0 handed it over, and it never came to the queue.
        Fate::LostEventbridge
    }
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
    use crate::event::{Digest, Timestamp};
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
            seen: PerPath::default(),
            open: PerPath { webhook: true, eventbridge: true },
            asked_for: false,
        }
    }

    fn both() -> Evidence {
        Evidence { mode: Some(PathSet::Both), ..Evidence::default() }
    }

    #[track_caller]
    fn check(
        (change, know): (impl FnOnce(&mut SettledWitness), impl FnOnce(&mut Evidence)),
        expected: (Fate, Fate),
    ) {
        let (mut witness, mut evidence) = (lost(), both());
        change(&mut witness);
        know(&mut evidence);
        let PerPath { webhook, eventbridge } = fates(&witness, &evidence);
        assert_eq!((webhook, eventbridge), expected);
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
        let closed = |witness: &mut SettledWitness| witness.open = PerPath::default();
        check((closed, |_: &mut Evidence| {}), (Fate::LostUs, Fate::LostUs));
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
