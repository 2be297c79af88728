//! When are two arrivals one event? Decided here, and nowhere else.
//!
//! Whether Auth0's two streams carry the same `id` for one change is not documented. So:
//! 1. the same `id` is the same event (the journal finds it before this rule is asked);
//! 2. else arrivals that agree in `a0tenant`, `type`, subject and `time` are the same event, but
//!    only across different streams: one stream gives each event its own id, so that two ids on
//!    one stream are two events. Ties are broken by the digest of the canonical `data.object`.
//!
//! What was taken in from Auth0's Events API came by a stream of its own, on no path: its path's own late
//! arrival is the same event, even where that names no stream.
//!
//! A test event sent to two streams is two events. Neither `a0stream` nor anything that
//! EventBridge adds ever makes two arrivals one.

use crate::event::{Candidate, EVENTS_API, Newcomer, Pairing, Path, Purpose};

/// The rule for an arrival with an id that is not known yet; `candidates` agree with it in tenant,
/// type, subject and time, oldest first.
pub fn pair(newcomer: &Newcomer<'_>, candidates: &[Candidate]) -> Pairing {
    if newcomer.purpose == Purpose::Test {
        return Pairing::New;
    }
    let possible: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| candidate.purpose == Purpose::Live)
        .filter(|candidate| !arrived_by_the_same_stream(newcomer, candidate))
        .collect();
    match possible.as_slice() {
        [] => Pairing::New,
        [only] => Pairing::Same { seq: only.seq },
        [oldest, ..] => {
            let alike: Vec<&&Candidate> = possible
                .iter()
                .filter(|candidate| candidate.object_digest == newcomer.object_digest)
                .collect();
            match alike.as_slice() {
                [only] => Pairing::Same { seq: only.seq },
                [first, ..] => Pairing::Ambiguous { seq: first.seq },
                [] => Pairing::Ambiguous { seq: oldest.seq },
            }
        }
    }
}

fn arrived_by_the_same_stream(newcomer: &Newcomer<'_>, candidate: &Candidate) -> bool {
    candidate.arrived_by.iter().any(|(path, stream)| {
        same_stream((*path, stream.as_deref()), (newcomer.path, newcomer.stream))
    })
}

/// Streams are told apart by name; where one has none, by path.
fn same_stream(one: (Path, Option<&str>), two: (Path, Option<&str>)) -> bool {
    match (one.1, two.1) {
        (Some(one), Some(two)) => one == two,
        (Some(EVENTS_API), None) | (None, Some(EVENTS_API)) => false,
        (Some(_) | None, None) | (None, Some(_)) => one.0 == two.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Digest;

    fn candidate(seq: i64, object: &str, arrived_by: &[(Path, Option<&str>)]) -> Candidate {
        Candidate {
            seq,
            purpose: Purpose::Live,
            object_digest: Digest::of(object.as_bytes()),
            arrived_by: arrived_by
                .iter()
                .map(|(path, name)| (*path, name.map(Into::into)))
                .collect(),
        }
    }

    /// A newcomer by EventBridge on the stream `est_e`, with the object `blocked`.
    #[track_caller]
    fn check(candidates: &[Candidate], expected: Pairing) {
        let newcomer = Newcomer {
            path: Path::Eventbridge,
            stream: Some("est_e"),
            purpose: Purpose::Live,
            object_digest: Digest::of(b"blocked"),
        };
        assert_eq!(pair(&newcomer, candidates), expected);
    }

    const WEBHOOK: (Path, Option<&str>) = (Path::Webhook, Some("est_w"));
    const EVENTBRIDGE: (Path, Option<&str>) = (Path::Eventbridge, Some("est_e"));

    #[test]
    fn across_streams_a_lone_candidate_is_the_same_event() {
        check(&[], Pairing::New);
        check(&[candidate(1, "blocked", &[WEBHOOK])], Pairing::Same { seq: 1 });
        check(&[candidate(1, "other payload", &[WEBHOOK])], Pairing::Same { seq: 1 });
    }

    #[test]
    fn on_one_stream_another_id_is_another_event() {
        check(&[candidate(1, "blocked", &[EVENTBRIDGE])], Pairing::New);
        check(&[candidate(1, "blocked", &[WEBHOOK, EVENTBRIDGE])], Pairing::New);
    }

    #[test]
    fn two_streams_of_one_path_are_two_streams() {
        let other = (Path::Eventbridge, Some("est_other"));
        check(&[candidate(1, "blocked", &[other])], Pairing::Same { seq: 1 });
    }

    #[test]
    fn a_nameless_stream_is_known_by_its_path() {
        check(&[candidate(1, "blocked", &[(Path::Eventbridge, None)])], Pairing::New);
        check(&[candidate(1, "blocked", &[(Path::Webhook, None)])], Pairing::Same { seq: 1 });
    }

    #[test]
    fn what_the_events_api_gave_is_the_same_as_what_any_stream_brings() {
        #[track_caller]
        fn check(came: Option<&str>, comes: Option<&str>, expected: Pairing) {
            let newcomer = Newcomer {
                path: Path::Webhook,
                stream: comes,
                purpose: Purpose::Live,
                object_digest: Digest::of(b"blocked"),
            };
            let known = candidate(1, "blocked", &[(Path::Webhook, came)]);
            assert_eq!(pair(&newcomer, &[known]), expected);
        }
        let same = Pairing::Same { seq: 1 };
        for stream in [Some("est_w"), None] {
            check(Some(EVENTS_API), stream, same);
            check(stream, Some(EVENTS_API), same);
        }
        // It gives each event its own id, as a stream does.
        check(Some(EVENTS_API), Some(EVENTS_API), Pairing::New);
    }

    #[test]
    fn ties_are_broken_by_the_object() {
        let other = candidate(1, "unblocked", &[WEBHOOK]);
        let same = candidate(2, "blocked", &[WEBHOOK]);
        check(&[other.clone(), same.clone()], Pairing::Same { seq: 2 });
        let twin = candidate(3, "blocked", &[WEBHOOK]);
        check(&[other.clone(), same, twin], Pairing::Ambiguous { seq: 2 });
        check(&[other, candidate(4, "else", &[WEBHOOK])], Pairing::Ambiguous { seq: 1 });
    }

    #[test]
    fn a_test_event_sent_to_two_streams_is_two_events() {
        let mut test = candidate(1, "blocked", &[WEBHOOK]);
        test.purpose = Purpose::Test;
        check(&[test], Pairing::New);
        let newcomer = Newcomer {
            path: Path::Eventbridge,
            stream: Some("est_e"),
            purpose: Purpose::Test,
            object_digest: Digest::of(b"blocked"),
        };
        assert_eq!(pair(&newcomer, &[candidate(1, "blocked", &[WEBHOOK])]), Pairing::New);
    }
}
