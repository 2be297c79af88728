//! Users: created, changed, blocked, unblocked, deleted.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::envelope;
use super::happening::{Happening, write_before};
use super::names::{Name, Names};
use crate::event::Timestamp;

/// The users that are there now.
#[derive(Debug)]
pub(super) struct Users {
    list: Vec<User>,
    names: Names,
    most: usize,
    /// Nobody is deleted below this number.
    least: usize,
}

#[derive(Debug)]
struct User {
    id: String,
    updated: Timestamp,
    /// As events carry it; all that is known of the user.
    object: Map<String, Value>,
}

/// A connection that users come by.
#[derive(Debug, Clone, Copy)]
struct Origin {
    connection: &'static str,
    provider: &'static str,
    social: bool,
}

const DATABASE: Origin =
    Origin { connection: "Username-Password-Authentication", provider: "auth0", social: false };
const GOOGLE: Origin =
    Origin { connection: "google-oauth2", provider: "google-oauth2", social: true };
const GITHUB: Origin = Origin { connection: "github", provider: "github", social: true };
const COMPANY: Origin = Origin { connection: "acme-okta", provider: "okta", social: false };
const ORIGINS: [(Origin, u32); 4] = [(DATABASE, 12), (GOOGLE, 4), (GITHUB, 2), (COMPANY, 2)];

/// Changes that don't matter to a list of who is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    Login,
    UserMetadata,
    AppMetadata,
    Nickname,
    Picture,
    Email,
    Phone,
    SecondFactor,
}

const DETAILS: [(Detail, u32); 8] = [
    (Detail::Login, 10),
    (Detail::UserMetadata, 6),
    (Detail::AppMetadata, 5),
    (Detail::Nickname, 2),
    (Detail::Picture, 2),
    (Detail::Email, 2),
    (Detail::Phone, 2),
    (Detail::SecondFactor, 1),
];

/// The fields that a `user.updated` may come without.
const OPTIONAL: [&str; 12] = [
    "app_metadata",
    "blocked",
    "email_verified",
    "family_name",
    "given_name",
    "last_ip",
    "last_login",
    "logins_count",
    "multifactor",
    "nickname",
    "picture",
    "user_metadata",
];
/// Out of 1,000 changes of a profile, those that don't carry every field.
const PARTIAL: u32 = 120;
/// Out of 1,000 events of a user, those with a property that nobody announced.
const UNKNOWN: u32 = 60;
/// The first users signed up in the 30 days after 2026-01-12T08:00:00Z.
const FOUNDED: Timestamp = Timestamp::from_millis(1_768_204_800_000);
const FOUNDING_MINUTES: u32 = 30 * 24 * 60;

impl Users {
    pub(super) fn new(start: usize, most: usize, dice: &mut Dice) -> Self {
        let names = Names::new(dice);
        let mut users = Self { list: Vec::new(), names, most, least: start.min(most) / 2 };
        for _ in 0..start.min(most) {
            let minutes = u64::from(dice.below(FOUNDING_MINUTES));
            let user = users.newcomer(FOUNDED.plus(Duration::from_mins(minutes)), dice);
            users.list.push(user);
        }
        // Some were blocked, or blocked and unblocked, before anybody listened.
        for user in &mut users.list {
            match dice.below(10) {
                0 => drop(user.object.insert("blocked".into(), true.into())),
                1..=3 => drop(user.object.insert("blocked".into(), false.into())),
                _ => {}
            }
        }
        users
    }

    /// The ids of all.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|user| user.id.as_str())
    }

    /// How many are blocked.
    pub(super) fn blocked(&self) -> usize {
        self.list.iter().filter(|user| user.is_blocked()).count()
    }

    /// Somebody signs up, where there is room.
    pub(super) fn create(&mut self, time: Timestamp, dice: &mut Dice) -> Option<Happening> {
        if self.list.len() >= self.most {
            return None;
        }
        let user = self.newcomer(write_before(time, dice), dice);
        let happening = user.happening("user.created", user.object.clone());
        self.list.push(user);
        Some(happening)
    }

    /// Something about a user changes that a list of who is blocked does not care for.
    pub(super) fn change(&mut self, time: Timestamp, dice: &mut Dice) -> Option<Happening> {
        let place = dice.place(self.list.len())?;
        let user = self.list.get_mut(place)?;
        let before = user.object.clone();
        user.write(time, dice);
        user.change(dice);
        let mut told = user.object.clone();
        if dice.of_1000(PARTIAL) {
            told.retain(|name, _| !OPTIONAL.contains(&name.as_str()) || dice.of_1000(400));
        }
        if dice.of_1000(UNKNOWN) {
            told.insert("risk_hint".into(), json!({ "score": dice.below(100), "model": "v2" }));
        }
        Some(user.happening("user.updated", told).after(before.into()))
    }

    /// Somebody is blocked who is not, unless a quarter is.
    pub(super) fn block(&mut self, time: Timestamp, dice: &mut Dice) -> Option<Happening> {
        (self.blocked() * 4 < self.list.len()).then(|| self.set_blocked(true, time, dice))?
    }

    /// Somebody is unblocked who is blocked, unless no more than a tenth is.
    pub(super) fn unblock(&mut self, time: Timestamp, dice: &mut Dice) -> Option<Happening> {
        (self.blocked() * 10 > self.list.len()).then(|| self.set_blocked(false, time, dice))?
    }

    /// Somebody leaves. Returns the id as well.
    pub(super) fn delete(
        &mut self,
        time: Timestamp,
        dice: &mut Dice,
    ) -> Option<(String, Happening)> {
        if self.list.len() <= self.least {
            return None;
        }
        let place = dice.place(self.list.len())?;
        let user = self.list.remove(place);
        let mut object = user.object.clone();
        object.insert("deleted_at".into(), json!(write_before(time, dice)));
        let happening = user.happening("user.deleted", object);
        Some((user.id, happening))
    }

    /// The user of the Management API's test call, who is nobody's.
    pub(super) fn sample(time: Timestamp, dice: &mut Dice) -> Happening {
        let written = write_before(time, dice);
        let object = json!({
            "user_id": "auth0|000000000000000000000001", "email": "sample@example.com",
            "email_verified": true, "blocked": dice.of_1000(500),
            "created_at": written, "updated_at": written,
            "identities": [{
                "connection": DATABASE.connection, "provider": DATABASE.provider,
                "isSocial": false, "user_id": "000000000000000000000001"
            }],
            "name": "Sample User", "nickname": "sample"
        });
        Happening::new("user.updated", "user:auth0|000000000000000000000001".into(), object)
    }

    fn set_blocked(
        &mut self,
        blocked: bool,
        time: Timestamp,
        dice: &mut Dice,
    ) -> Option<Happening> {
        let mut possible: Vec<&mut User> =
            self.list.iter_mut().filter(|user| user.is_blocked() != blocked).collect();
        let place = dice.place(possible.len())?;
        let user = possible.get_mut(place)?;
        let before = user.object.clone();
        user.write(time, dice);
        user.object.insert("blocked".into(), blocked.into());
        let told = user.object.clone();
        Some(user.happening("user.updated", told).after(before.into()))
    }

    fn newcomer(&mut self, written: Timestamp, dice: &mut Dice) -> User {
        let name = self.names.next();
        let origin = dice.weigh(&ORIGINS).unwrap_or(DATABASE);
        let (local, local_id) = origin.local_id(dice);
        let id = match origin.provider {
            "okta" => format!("okta|{}|{local}", origin.connection),
            provider => format!("{provider}|{local}"),
        };
        let mut object = profile(&name, dice);
        object.insert("user_id".into(), id.clone().into());
        object.insert("created_at".into(), json!(written));
        object.insert("updated_at".into(), json!(written));
        object.insert("email_verified".into(), (origin.social || dice.of_1000(300)).into());
        let identity = json!({
            "connection": origin.connection, "provider": origin.provider,
            "isSocial": origin.social, "user_id": local_id
        });
        object.insert("identities".into(), json!([identity]));
        if dice.of_1000(250) {
            object.insert("blocked".into(), false.into());
        }
        User { id, updated: written, object }
    }
}

fn profile(name: &Name, dice: &mut Dice) -> Map<String, Value> {
    let handle = name.handle();
    let profile = json!({
        "email": format!("{handle}@example.com"),
        "name": name.full(), "nickname": name.given,
        "given_name": name.given, "family_name": name.family,
        "picture": format!("https://example.com/pictures/{handle}.png"),
        "app_metadata": { "plan": dice.pick(&["free", "team", "business"]) },
        "user_metadata": {},
    });
    match profile {
        Value::Object(profile) => profile,
        _ => Map::new(),
    }
}

impl Origin {
    /// The id that the user has there, as text and as the identity carries it: GitHub's is a number.
    fn local_id(self, dice: &mut Dice) -> (String, Value) {
        let text = match self.provider {
            "github" => {
                let number = 1_000_000 + dice.below(90_000_000);
                return (number.to_string(), number.into());
            }
            "google-oauth2" => format!("1{}", dice.decimal(20)),
            "okta" => format!("00u{}", dice.hex(17)),
            _ => dice.hex(24),
        };
        (text.clone(), text.into())
    }
}

impl User {
    fn is_blocked(&self) -> bool {
        self.object.get("blocked") == Some(&Value::Bool(true))
    }

    fn happening(&self, kind: &'static str, object: Map<String, Value>) -> Happening {
        Happening::new(kind, format!("user:{}", self.id), object.into())
    }

    /// Notes when it was written.
    fn write(&mut self, time: Timestamp, dice: &mut Dice) {
        self.updated = write_before(time, dice).max(self.updated);
        self.object.insert("updated_at".into(), json!(self.updated));
    }

    fn change(&mut self, dice: &mut Dice) {
        let detail = dice.weigh(&DETAILS).unwrap_or(Detail::UserMetadata);
        // Who is blocked can't log in.
        let detail = match detail {
            Detail::Login if self.is_blocked() => Detail::UserMetadata,
            other => other,
        };
        let number = dice.below(10_000);
        match detail {
            Detail::Login => self.log_in(dice),
            Detail::UserMetadata => {
                let theme = dice.pick(&["light", "dark", "system"]);
                self.set("user_metadata", json!({ "theme": theme, "tour_step": number % 12 }));
            }
            Detail::AppMetadata => {
                let plan = dice.pick(&["free", "team", "business"]);
                self.set("app_metadata", json!({ "plan": plan, "seats": number % 50 }));
            }
            Detail::Nickname => {
                let given = self.object.get("given_name").and_then(Value::as_str);
                let nickname = format!("{}{}", given.unwrap_or("user"), number % 100);
                self.set("nickname", nickname.into());
            }
            Detail::Picture => {
                let picture = format!("https://example.com/pictures/{number}.png");
                self.set("picture", picture.into());
            }
            Detail::Email => {
                let verified = self.object.get("email_verified") == Some(&Value::Bool(true));
                self.set("email_verified", (!verified).into());
            }
            // 555-0100 to 555-0199 are kept free for fiction (North American Numbering Plan).
            Detail::Phone => {
                self.set("phone_number", format!("+120255501{:02}", number % 100).into());
                self.set("phone_verified", dice.of_1000(500).into());
            }
            Detail::SecondFactor => self.set("multifactor", json!(["guardian"])),
        }
    }

    fn log_in(&mut self, dice: &mut Dice) {
        let logins = self.object.get("logins_count").and_then(Value::as_u64).unwrap_or(0);
        self.set("logins_count", (logins + 1).into());
        self.set("last_login", json!(self.updated));
        self.set("last_ip", envelope::address(dice).into());
    }

    fn set(&mut self, name: &str, value: Value) {
        self.object.insert(name.into(), value);
    }
}
