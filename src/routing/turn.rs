//! Whether it is an event's turn on a route: old news never wins, and no news is not sent.
//!
//! Decided from what the target was told of the subject so far. "Told" counts attempts whose end
//! nobody knows: what was sent may have been applied, whatever the answer was. So such a place is
//! [`Known::Unsure`], and every value that comes next is news; and an event older than one that was
//! attempted is old, even if that one is a dead letter now.

use crate::event::{Candidacy, Digest, Known, RouteOrder, Told, Turn, TurnRule, Watched};

/// The rule, for the journal.
pub const RULE: TurnRule = TurnRule { turn, acknowledged };

/// Whose turn it is.
fn turn(order: RouteOrder, told: Option<&Told>, event: Candidacy<'_>) -> Turn {
    let late = told.is_some_and(|told| event.moment < told.moment);
    if late && order == RouteOrder::Latest {
        return Turn::Superseded;
    }
    let moment = told.map_or(event.moment, |told| told.moment.max(event.moment));
    let Some(watched) = event.watched else {
        // A route that watches nothing forgets what an earlier configuration had it watch.
        let told = Told { moment, places: NOWHERE, values: Box::default() };
        return Turn::Send { late, told };
    };
    let known = known(told, watched);
    let pairs = || known.iter().zip(&watched.values);
    if pairs().any(|(known, value)| is_news(*known, *value)) {
        let values = pairs().map(|(known, value)| attempted(*known, *value)).collect();
        return Turn::Send { late, told: Told { moment, places: watched.places, values } };
    }
    // An event that is silent on all that is watched must not make an older one old that speaks.
    let speaks = watched.values.iter().any(Option::is_some);
    let told = || Told { moment, places: watched.places, values: known.clone() };
    Turn::Filtered { told: speaks.then(told) }
}

/// What the target knows once it has acknowledged an event that was its turn.
fn acknowledged(told: &Told, event: Candidacy<'_>) -> Option<Told> {
    let watched = event.watched?;
    // After a late event it may hold either value.
    if event.moment < told.moment || watched.places != told.places {
        return None;
    }
    let values = told.values.iter().zip(&watched.values);
    let values = values.map(|(known, value)| value.map_or(*known, Known::Sure)).collect();
    Some(Told { values, ..told.clone() })
}

/// The name of an empty list of places.
const NOWHERE: Digest = Digest::from_bytes([0; 16]);

/// What is known of the places that this event is about: nothing, when they were others before.
fn known(told: Option<&Told>, watched: &Watched) -> Box<[Known]> {
    match told {
        Some(told) if told.places == watched.places => told.values.clone(),
        Some(_) | None => vec![Known::Nothing; watched.values.len()].into(),
    }
}

fn is_news(known: Known, value: Option<Digest>) -> bool {
    let Some(now) = value else { return false };
    match known {
        Known::Sure(known) => known != now,
        // Even if it was so before: the event that made it so may not have come, and will be old news
        // once this one is told.
        Known::Nothing | Known::Unsure => true,
    }
}

/// What may be known once a value has been sent, whether or not it arrives.
fn attempted(known: Known, value: Option<Digest>) -> Known {
    match (known, value) {
        (known, None) => known,
        (Known::Sure(known), Some(now)) if known == now => Known::Sure(known),
        (Known::Nothing | Known::Sure(_) | Known::Unsure, Some(_)) => Known::Unsure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Moment, Timestamp};

    /// A moment by the second of its event, with the number of its arrival.
    fn at(second: i64, seq: i64) -> Moment {
        Moment { time: Timestamp::from_millis(second * 1_000), seq }
    }

    fn digest(value: &str) -> Digest {
        Digest::of(value.as_bytes())
    }

    /// One value for each place; `-` is none.
    fn watched(values: &[&str]) -> Watched {
        let value = |text: &&str| (*text != "-").then(|| digest(text));
        Watched { places: digest("places"), values: values.iter().map(value).collect() }
    }

    /// `-` nothing, `?` unsure.
    fn told(moment: Moment, values: &[&str]) -> Told {
        let known = |text: &&str| match *text {
            "-" => Known::Nothing,
            "?" => Known::Unsure,
            text => Known::Sure(digest(text)),
        };
        Told { moment, places: digest("places"), values: values.iter().map(known).collect() }
    }

    fn send(late: bool, told: Told) -> Turn {
        Turn::Send { late, told }
    }

    #[track_caller]
    fn check_order(order: RouteOrder, before: Option<Moment>, moment: Moment, expected: &Turn) {
        let before = before.map(|moment| Told { moment, places: NOWHERE, values: Box::default() });
        let event = Candidacy { moment, watched: None };
        assert_eq!(&turn(order, before.as_ref(), event), expected);
    }

    #[test]
    fn old_news_is_superseded_or_late() {
        let plain = |moment| Told { moment, places: NOWHERE, values: Box::default() };
        for order in [RouteOrder::Latest, RouteOrder::Every] {
            check_order(order, None, at(5, 1), &send(false, plain(at(5, 1))));
            check_order(order, Some(at(4, 9)), at(5, 1), &send(false, plain(at(5, 1))));
            // A retry of the newest, and an event of the same time that came later.
            check_order(order, Some(at(5, 1)), at(5, 1), &send(false, plain(at(5, 1))));
            check_order(order, Some(at(5, 1)), at(5, 2), &send(false, plain(at(5, 2))));
        }
        check_order(RouteOrder::Latest, Some(at(5, 1)), at(4, 2), &Turn::Superseded);
        check_order(RouteOrder::Latest, Some(at(5, 2)), at(5, 1), &Turn::Superseded);
        check_order(RouteOrder::Every, Some(at(5, 1)), at(4, 2), &send(true, plain(at(5, 1))));
    }

    #[track_caller]
    fn check_changed(before: Option<&[&str]>, event: &[&str], expected: &Turn) {
        let before = before.map(|values| told(at(1, 1), values));
        let watched = watched(event);
        let event = Candidacy { moment: at(2, 2), watched: Some(&watched) };
        assert_eq!(&turn(RouteOrder::Latest, before.as_ref(), event), expected);
    }

    #[test]
    fn only_what_is_new_is_sent() {
        let sent = |values: &[&str]| send(false, told(at(2, 2), values));
        let filtered = |values: &[&str]| Turn::Filtered { told: Some(told(at(2, 2), values)) };
        let silent = Turn::Filtered { told: None };
        check_changed(None, &["a"], &sent(&["?"]));
        check_changed(Some(&["a"]), &["a"], &filtered(&["a"]));
        check_changed(Some(&["a"]), &["b"], &sent(&["?"]));
        // One place is enough; of the others what is known stays known.
        check_changed(Some(&["a", "b"]), &["a", "c"], &sent(&["a", "?"]));
        check_changed(Some(&["a", "b"]), &["-", "c"], &sent(&["a", "?"]));
        check_changed(Some(&["a", "b"]), &["-", "b"], &filtered(&["a", "b"]));
        // What is absent says nothing.
        check_changed(Some(&["a"]), &["-"], &silent);
        check_changed(Some(&["?"]), &["-"], &silent);
        check_changed(None, &["-"], &silent);
        // After an attempt with an unknown end, both the old and the new value are news.
        check_changed(Some(&["?"]), &["a"], &sent(&["?"]));
        // Everything is news to a target that was told nothing.
        check_changed(Some(&["-", "b"]), &["a", "b"], &sent(&["?", "b"]));
        check_changed(Some(&["-"]), &["-"], &silent);
    }

    #[test]
    fn other_places_start_anew() {
        let before = Told { places: digest("others"), ..told(at(1, 1), &["a"]) };
        let watched = watched(&["a"]);
        let event = Candidacy { moment: at(2, 2), watched: Some(&watched) };
        let expected = send(false, told(at(2, 2), &["?"]));
        assert_eq!(turn(RouteOrder::Latest, Some(&before), event), expected);
        assert_eq!(acknowledged(&before, event), None);
    }

    #[track_caller]
    fn check_acknowledged(before: (Moment, &[&str]), event: &[&str], expected: Option<&[&str]>) {
        let before = told(before.0, before.1);
        let watched = watched(event);
        let event = Candidacy { moment: at(2, 2), watched: Some(&watched) };
        let expected = expected.map(|values| told(at(2, 2), values));
        assert_eq!(acknowledged(&before, event), expected);
    }

    #[test]
    fn an_acknowledged_value_is_sure_unless_it_was_late() {
        check_acknowledged((at(2, 2), &["?"]), &["a"], Some(&["a"]));
        check_acknowledged((at(2, 2), &["?", "b"]), &["-", "c"], Some(&["?", "c"]));
        check_acknowledged((at(3, 1), &["?"]), &["a"], None);
    }
}
