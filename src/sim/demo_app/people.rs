//! What the application knows of its users.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};

use super::intake::Event;
use super::news::{News, What, changed, elsewhere};
use crate::event::{Path, Timestamp};

/// The users, and the last changes.
#[derive(Debug, Default)]
pub(super) struct People {
    /// By their id.
    all: BTreeMap<String, Person>,
    /// The last changes, the newest first.
    feed: VecDeque<News>,
    /// The last of those that changed who may come in, the newest first.
    access: VecDeque<News>,
    /// The last delays, in milliseconds, and whether the webhook came first.
    recent: VecDeque<(f64, bool)>,
    /// The number of the last change.
    version: u64,
}

/// One user.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub id: String,
    /// A number for the pages, which never changes.
    pub number: u64,
    /// Not known before somebody spoke of it.
    pub blocked: Option<bool>,
    pub deleted: bool,
    /// The newest news of all.
    pub latest: News,
    /// What made `blocked` or `deleted` what they are.
    pub turn: Option<News>,
    /// What was told last of each field.
    object: Map<String, Value>,
}

/// How a delivery came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub path: Option<Path>,
    pub arrived: Timestamp,
    pub late: bool,
}

/// Numbers for the top of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    pub people: usize,
    pub blocked: usize,
    /// The median of the last delays.
    pub delay_ms: Option<f64>,
    /// How many of a hundred came by webhook first.
    pub webhook_first_percent: Option<usize>,
}

/// Users kept; beyond it, the one of whom nothing was heard for longest is forgotten.
const PEOPLE_MAX: usize = 500;
const FEED_MAX: usize = 8;
const RECENT_MAX: usize = 200;

impl People {
    /// Takes in what an event says. Returns the number of the change.
    pub(super) fn hear(&mut self, event: &Event, told: Told) -> u64 {
        self.version += 1;
        let news = match event.user() {
            Some(id) if !event.is_test() => self.hear_of_user(id, event, told),
            _ => self.hear_else(event, told),
        };
        if !event.is_test() {
            keep(&mut self.recent, (news.delay_ms, news.path == Some(Path::Webhook)), RECENT_MAX);
        }
        if news.what.is_access() && !news.late {
            keep(&mut self.access, news.clone(), FEED_MAX);
        }
        keep(&mut self.feed, news, FEED_MAX);
        self.version
    }

    fn hear_else(&self, event: &Event, told: Told) -> News {
        let (who, what) = if event.is_test() {
            ("Auth0".to_owned(), What::Test)
        } else {
            let (who, words) = elsewhere(&event.kind, &event.data.object);
            (who, What::Else(words))
        };
        self.news(event, told, who, what)
    }

    fn hear_of_user(&mut self, id: &str, event: &Event, told: Told) -> News {
        let known = self.all.get(id);
        let object = &event.data.object;
        let what = what(event, known);
        let who = name(object).or_else(|| known.and_then(|known| name(&known.object)));
        let mut news = self.news(event, told, who.unwrap_or(id).to_owned(), what);
        news.user_id = Some(id.to_owned());
        if let Some(person) = self.all.get_mut(id) {
            news.late |= news.time < person.latest.time;
            // Old news is told, and changes nothing.
            if !news.late {
                person.follow(object, &news);
            }
        } else {
            self.make_room();
            self.all.insert(id.to_owned(), Person::new(id, object, &news));
        }
        news
    }

    fn news(&self, event: &Event, told: Told, who: String, what: What) -> News {
        News {
            version: self.version,
            user_id: None,
            who,
            what,
            path: told.path,
            delay_ms: told.arrived.millis_since(event.time),
            time: event.time,
            late: told.late,
        }
    }

    fn make_room(&mut self) {
        if self.all.len() < PEOPLE_MAX {
            return;
        }
        let quietest = self.all.values().min_by_key(|person| person.latest.version);
        if let Some(id) = quietest.map(|person| person.id.clone()) {
            self.all.remove(&id);
        }
    }

    /// The number of the last change.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn person(&self, id: &str) -> Option<&Person> {
        self.all.get(id)
    }

    /// Those who are there, by name.
    pub(super) fn by_name(&self) -> Vec<Person> {
        let mut people: Vec<Person> =
            self.all.values().filter(|person| !person.deleted).cloned().collect();
        people.sort_by_cached_key(|person| (person.sort_name(), person.number));
        people
    }

    /// Those of whom something was heard after this change, the deleted among them.
    pub(super) fn heard_of_after(&self, version: u64) -> Vec<Person> {
        self.all.values().filter(|person| person.latest.version > version).cloned().collect()
    }

    /// The last changes, the newest first.
    pub(super) fn feed(&self) -> Vec<News> {
        self.feed.iter().cloned().collect()
    }

    /// The last of those that changed who may come in, the newest first.
    pub(super) fn access(&self) -> Vec<News> {
        self.access.iter().cloned().collect()
    }

    pub(super) fn figures(&self) -> Figures {
        let present = self.all.values().filter(|person| !person.deleted);
        let (people, blocked) = present.fold((0, 0), |(people, blocked), person| {
            (people + 1, blocked + usize::from(person.is_blocked()))
        });
        let mut delays: Vec<f64> = self.recent.iter().map(|(delay_ms, _)| *delay_ms).collect();
        delays.sort_by(f64::total_cmp);
        let delay_ms = delays.get(delays.len() / 2).copied();
        let webhook = self.recent.iter().filter(|(_, by_webhook)| *by_webhook).count();
        let webhook_first_percent = (webhook * 100).checked_div(self.recent.len());
        Figures { people, blocked, delay_ms, webhook_first_percent }
    }
}

/// Puts one before the others, and lets the last go when there are too many.
fn keep<T>(list: &mut VecDeque<T>, one: T, most: usize) {
    list.push_front(one);
    list.truncate(most);
}

fn name(object: &Map<String, Value>) -> Option<&str> {
    ["name", "nickname", "email"].into_iter().find_map(|field| object.get(field)?.as_str())
}

fn blocked(object: &Map<String, Value>) -> Option<bool> {
    object.get("blocked")?.as_bool()
}

fn what(event: &Event, known: Option<&Person>) -> What {
    let content = &event.data;
    let before = content.previous_object.as_ref().or(known.map(|known| &known.object));
    match event.kind.as_str() {
        "user.created" => What::Joined,
        "user.deleted" => What::Left,
        _ => match (before.and_then(blocked), blocked(&content.object)) {
            (Some(false) | None, Some(true)) => What::Blocked,
            (Some(true), Some(false)) => What::Unblocked,
            _ => What::Changed(match before {
                Some(before) => changed(before, &content.object),
                None => "updated profile".to_owned(),
            }),
        },
    }
}

impl Person {
    fn new(id: &str, object: &Map<String, Value>, news: &News) -> Self {
        let mut person = Self {
            id: id.to_owned(),
            number: news.version,
            blocked: None,
            deleted: false,
            latest: news.clone(),
            turn: None,
            object: Map::new(),
        };
        person.follow(object, news);
        person
    }

    /// A field that is absent is not spoken of: it stays as it was.
    fn follow(&mut self, object: &Map<String, Value>, news: &News) {
        let before = (self.blocked, self.deleted);
        for (field, value) in object {
            self.object.insert(field.clone(), value.clone());
        }
        self.blocked = blocked(&self.object);
        // An id that is created anew is somebody else.
        self.deleted = match news.what {
            What::Left => true,
            What::Joined => false,
            _ => self.deleted,
        };
        if before != (self.blocked, self.deleted) {
            self.turn = Some(news.clone());
        }
        self.latest = news.clone();
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked == Some(true)
    }

    pub(super) fn name(&self) -> &str {
        name(&self.object).unwrap_or(&self.id)
    }

    pub(super) fn sort_name(&self) -> String {
        self.name().to_lowercase()
    }

    pub(super) fn email(&self) -> &str {
        self.text("email")
    }

    pub(super) fn plan(&self) -> &str {
        self.object.get("app_metadata").and_then(|one| one.get("plan")?.as_str()).unwrap_or("free")
    }

    /// A field that is text; empty where it is not known.
    pub(super) fn text(&self, field: &str) -> &str {
        self.object.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The date in a field that is a time.
    pub(super) fn day(&self, field: &str) -> &str {
        self.text(field).split('T').next().filter(|day| !day.is_empty()).unwrap_or("–")
    }

    /// The first letters of the name's first and last word.
    pub(super) fn initials(&self) -> String {
        let mut words = self.name().split_whitespace();
        let first = words.next().and_then(|word| word.chars().next());
        let last = words.next_back().and_then(|word| word.chars().next());
        first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
    }

    /// One of eight colours.
    pub(super) fn hue(&self) -> u32 {
        self.id.bytes().map(u32::from).sum::<u32>() % 8
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_772_356_544_960);

    /// An event so many seconds after the start, which came 100 ms after it.
    fn hear(people: &mut People, second: i64, kind: &str, object: &Value) -> News {
        let time = Timestamp::from_nanos(START.as_nanos() + second * 1_000_000_000);
        let event = json!({ "type": kind, "time": time, "data": { "object": object } });
        let event: Event = serde_json::from_value(event).unwrap();
        let arrived = time.plus(std::time::Duration::from_millis(100));
        people.hear(&event, Told { path: Some(Path::Webhook), arrived, late: false });
        people.feed()[0].clone()
    }

    fn kim(blocked: Option<bool>) -> Value {
        let mut kim = json!({ "user_id": "auth0|1", "name": "Kim Birch" });
        if let Some(blocked) = blocked {
            kim["blocked"] = blocked.into();
        }
        kim
    }

    /// Follows what is said of `blocked`, one second after the other.
    #[track_caller]
    fn check(said: &[Option<bool>], blocked: Option<bool>, last: &What) {
        let mut people = People::default();
        let news = said
            .iter()
            .zip(0..)
            .map(|(said, second)| hear(&mut people, second, "user.updated", &kim(*said)).what);
        assert_eq!(news.last().as_ref(), Some(last));
        assert_eq!(people.person("auth0|1").unwrap().blocked, blocked);
    }

    #[test]
    fn only_true_and_false_speak() {
        let updated = What::Changed("updated profile".into());
        check(&[None], None, &updated);
        check(&[Some(true)], Some(true), &What::Blocked);
        check(&[Some(false), Some(true)], Some(true), &What::Blocked);
        check(&[Some(true), None], Some(true), &updated);
        check(&[Some(true), Some(true)], Some(true), &updated);
        check(&[Some(true), None, Some(false)], Some(false), &What::Unblocked);
        check(&[Some(false)], Some(false), &updated);
    }

    #[test]
    fn the_object_before_says_whether_it_is_news() {
        let mut people = People::default();
        let data = json!({ "object": kim(Some(true)), "previous_object": kim(Some(true)) });
        let event = json!({ "type": "user.updated", "time": START, "data": data });
        let event: Event = serde_json::from_value(event).unwrap();
        people.hear(&event, Told { path: None, arrived: START, late: false });
        assert_eq!(people.feed()[0].what, What::Changed("updated profile".into()));
        assert!(people.person("auth0|1").unwrap().is_blocked());
        assert!(people.access().is_empty());
    }

    #[test]
    fn old_news_is_told_and_changes_nothing() {
        let mut people = People::default();
        hear(&mut people, 10, "user.updated", &kim(Some(true)));
        let old = hear(&mut people, 9, "user.updated", &kim(Some(false)));
        assert!(old.late);
        assert!(people.person("auth0|1").unwrap().is_blocked());
        assert_eq!(people.access().len(), 1, "who may come in did not change");
    }

    #[test]
    fn who_was_deleted_does_not_come_back_by_old_news() {
        let mut people = People::default();
        hear(&mut people, 1, "user.created", &kim(None));
        hear(&mut people, 3, "user.deleted", &kim(None));
        hear(&mut people, 2, "user.updated", &kim(None));
        assert!(people.by_name().is_empty());
        assert!(people.person("auth0|1").unwrap().deleted);
        assert_eq!(people.heard_of_after(0).len(), 1, "pages have to hear of it");
        hear(&mut people, 4, "user.created", &kim(None));
        assert_eq!(people.by_name().len(), 1);
    }

    #[test]
    fn events_of_the_test_call_are_shown_and_change_nobody() {
        let mut people = People::default();
        let event = json!({
            "type": "user.updated", "time": START, "a0purpose": "test",
            "data": { "object": kim(Some(true)) }
        });
        let event: Event = serde_json::from_value(event).unwrap();
        people.hear(&event, Told { path: None, arrived: START, late: false });
        assert_eq!(people.feed()[0].what, What::Test);
        assert_eq!(people.figures(), People::default().figures());
    }

    #[test]
    fn there_is_a_bound_on_everything() {
        let mut people = People::default();
        for second in 0..600 {
            let id = format!("auth0|{second}");
            let user = json!({ "user_id": id, "name": id, "blocked": true });
            hear(&mut people, second, "user.updated", &user);
        }
        assert_eq!(people.all.len(), PEOPLE_MAX);
        assert!(people.person("auth0|99").is_none(), "the quietest are forgotten");
        assert!(people.person("auth0|100").is_some());
        assert_eq!((people.feed.len(), people.access.len()), (FEED_MAX, FEED_MAX));
        assert_eq!(people.recent.len(), RECENT_MAX);
    }

    #[test]
    fn figures_are_of_those_who_are_there() {
        let mut people = People::default();
        for (second, id) in (0..).zip(["a", "b", "c"]) {
            let user = json!({ "user_id": id, "blocked": id != "a" });
            hear(&mut people, second, "user.updated", &user);
        }
        hear(&mut people, 9, "user.deleted", &json!({ "user_id": "c" }));
        let expected = Figures {
            people: 2,
            blocked: 1,
            delay_ms: Some(100.0),
            webhook_first_percent: Some(100),
        };
        assert_eq!(people.figures(), expected);
    }
}
