//! The CloudEvent around a happening: ids, the text of the time, where it came from.

use serde_json::{Value, json};

use super::connections::Named;
use super::dice::Dice;
use super::happening::Happening;
use super::{CloudEvent, TENANT};
use crate::event::Timestamp;

/// The webhook stream's name (`a0stream`).
const WEBHOOK_STREAM: &str = "est_webhook000000000000001";
/// The EventBridge stream's name.
const EVENTBRIDGE_STREAM: &str = "est_eventbridge00000000001";

/// Where the tenant is reached.
const HOST: &str = "acme-demo.auth0.com";

/// Out of 1,000 events, those with nothing but `urn:auth0:` as their source.
const BARE_SOURCE: u32 = 20;
/// Out of 1,000 updates, those that say what was there before.
const WITH_PREVIOUS: u32 = 300;
/// Out of 1,000 events, those that say who asked for the change, and from where.
const WITH_CONTEXT: u32 = 300;
/// Out of 1,000 times, those whose trailing zeros were not dropped.
const ZEROS_KEPT: u32 = 150;

/// What both streams carry, but for the attributes that differ between them.
#[derive(Debug)]
pub(super) struct Envelope(Value);

/// An instant of Auth0's clock at or before `now`: mostly whole milliseconds, now and then finer.
pub(super) fn instant(now: Timestamp, dice: &mut Dice) -> Timestamp {
    let unit = match dice.below(20) {
        0 => 1,
        1 => 1_000,
        _ => 1_000_000,
    };
    Timestamp::from_nanos(now.as_nanos() - now.as_nanos().rem_euclid(unit))
}

/// As Auth0 writes it: 0 to 9 digits of a second, mostly without trailing zeros.
fn time_text(time: Timestamp, dice: &mut Dice) -> String {
    let text = time.to_string();
    if !dice.of_1000(ZEROS_KEPT) {
        return text;
    }
    let text = text.trim_end_matches('Z');
    match text.split_once('.') {
        Some((seconds, fraction)) => {
            let digits = fraction.len().next_multiple_of(3);
            format!("{seconds}.{fraction:0<digits$}Z")
        }
        None => format!("{text}.000Z"),
    }
}

/// An address from the ranges kept free for documentation: RFC 5737 and RFC 3849.
pub(super) fn address(dice: &mut Dice) -> String {
    let host = dice.below(254) + 1;
    match dice.below(4) {
        0 => format!("192.0.2.{host}"),
        1 => format!("198.51.100.{host}"),
        2 => format!("203.0.113.{host}"),
        _ => format!("2001:db8::{host:x}"),
    }
}

impl Envelope {
    /// Around a happening at this time.
    pub(super) fn around(
        happening: &Happening,
        time: Timestamp,
        from: Option<Named<'_>>,
        dice: &mut Dice,
    ) -> Self {
        let host = if dice.of_1000(BARE_SOURCE) { "" } else { HOST };
        let source = format!("urn:auth0:{host}");
        let mut data = json!({ "object": happening.object });
        if let Some(previous) = &happening.previous
            && dice.of_1000(WITH_PREVIOUS)
        {
            data["previous_object"] = previous.clone();
        }
        if dice.of_1000(WITH_CONTEXT) {
            data["context"] = context(from, dice);
        }
        Self(json!({
            "specversion": "1.0", "type": happening.kind, "source": source,
            "time": time_text(time, dice), "data": data, "a0tenant": TENANT
        }))
    }

    /// Marks it as sent by the test call.
    pub(super) fn mark_as_test(&mut self) {
        self.0["a0purpose"] = json!("test");
    }

    /// Makes it what Auth0's schemas forbid, though a gateway has to take it.
    pub(super) fn make_odd(&mut self, dice: &mut Dice) {
        let is_update = self.0["type"] == "user.updated";
        match (dice.below(3), is_update) {
            (0, true) => {
                if let Some(object) = self.0["data"]["object"].as_object_mut() {
                    object.remove("identities");
                    object.remove("created_at");
                }
            }
            (1, _) => self.0["data"]["hint"] = json!({ "batch": dice.below(100) }),
            _ => self.0["a0region"] = json!("eu-1"),
        }
    }

    /// As the webhook stream carries it.
    pub(super) fn by_webhook(&mut self, id: &str) -> CloudEvent {
        self.by(id, WEBHOOK_STREAM)
    }

    /// As the EventBridge stream carries it.
    pub(super) fn by_eventbridge(&mut self, id: &str) -> CloudEvent {
        self.by(id, EVENTBRIDGE_STREAM)
    }

    fn by(&mut self, id: &str, stream: &str) -> CloudEvent {
        self.0["id"] = json!(id);
        self.0["a0stream"] = json!(stream);
        CloudEvent { id: id.to_owned(), json: self.0.to_string() }
    }
}

fn context(from: Option<Named<'_>>, dice: &mut Dice) -> Value {
    let places = [
        ("AS", "JP", "Japan", "Sapporo", "Asia/Tokyo"),
        ("EU", "PT", "Portugal", "Porto", "Europe/Lisbon"),
        ("NA", "CA", "Canada", "Halifax", "America/Halifax"),
    ];
    let mut geo = json!({});
    if let Some((continent, country, name, city, zone)) = dice.pick(&places) {
        geo = json!({
            "continent_code": continent, "country_code": country, "country_name": name,
            "city_name": city, "time_zone": zone
        });
    }
    let mut context = json!({
        "client": { "id": dice.hex(32), "name": "Acme Desk Console", "metadata": {} },
        "request": {
            "geo": geo, "hostname": HOST, "ip": address(dice),
            "method": dice.pick(&["PATCH", "POST", "DELETE"]),
            "user_agent": "Mozilla/5.0 (synthetic)"
        },
        "tenant": { "id": TENANT }
    });
    if let Some(from) = from {
        context["connection"] =
            json!({ "id": from.id, "name": from.name, "strategy": from.strategy });
    }
    context
}
