//! What a stream could not deliver, and asking for redelivery.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::api::{Call, whole_seconds};
use super::streams::TAKE_MAX;
use super::{Api, ApiError};
use crate::event::Timestamp;

/// An event that a stream could not deliver, or not yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Delivery {
    /// The event's id: `evt_…`.
    pub id: String,
    /// The stream's.
    #[serde(default, rename = "event_stream_id")]
    pub stream: String,
    /// How it stands.
    pub status: DeliveryStatus,
    /// The event's type.
    #[serde(default)]
    pub event_type: String,
    /// What was tried, in Auth0's order.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// The event, as Auth0 told it: a CloudEvent, but for `data`, which is text in the reference and an object in
    /// recorded answers. [`Self::cloud_event`] has the event as it would be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Map<String, Value>>,
}

/// How a delivery stands. The reference has `failed` alone; the others were recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It failed, and is tried again on demand only.
    Failed,
    /// It waits.
    Pending,
    /// It failed, and is tried again.
    Retrying,
    /// A status that was not known when this was written.
    #[serde(untagged)]
    Other(String),
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Attempt {
    /// How it ended, in Auth0's words.
    #[serde(default)]
    pub status: String,
    /// When.
    pub timestamp: Option<Timestamp>,
    /// Why, in Auth0's words.
    pub error_message: Option<String>,
    /// How long it took, in ms; not in the reference, and recorded.
    #[serde(
        default,
        rename = "duration",
        deserialize_with = "millis",
        serialize_with = "as_millis"
    )]
    pub took: Option<Duration>,
}

/// Which deliveries; all of them by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryFilter {
    /// Those that stand so: `failed`. Empty: however they stand.
    pub statuses: Vec<String>,
    /// Events of these types; empty: of any.
    pub event_types: Vec<String>,
    /// From then on, in whole seconds.
    pub from: Option<Timestamp>,
    /// Up to then, in whole seconds.
    pub to: Option<Timestamp>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The deliveries, in Auth0's order.
    pub deliveries: Vec<Delivery>,
    /// What the next page begins with; `None` on the last, and where Auth0 does not tell.
    pub next: Option<String>,
    /// Whether there are more, or may be: a full page in the form that names no next one.
    pub has_more: bool,
}

impl Api {
    /// A page of what a stream could not deliver: at most 100 deliveries, from where `from` says.
    ///
    /// # Errors
    /// As every call: no answer, or one that is no success.
    pub async fn deliveries(
        &self,
        stream: &str,
        filter: &DeliveryFilter,
        from: Option<&str>,
        take: usize,
    ) -> Result<DeliveryPage, ApiError> {
        let listed = |texts: &[String]| (!texts.is_empty()).then(|| texts.join(","));
        let path = ["event-streams", stream, "deliveries"];
        let call = Call::get("listing failed deliveries", &path)
            .with("statuses", listed(&filter.statuses))
            .with("event_types", listed(&filter.event_types))
            .with("date_from", filter.from.map(whole_seconds))
            .with("date_to", filter.to.map(whole_seconds))
            .with("from", from.map(str::to_owned))
            .with("take", Some(take.clamp(1, TAKE_MAX).to_string()));
        Ok(self.ask::<DeliveryList>(&call).await?.page(take))
    }

    /// All of them, `at_most` so many, and whether there are more. Where a full page names no next one, as in the
    /// reference's form, it is paged on by date.
    ///
    /// # Errors
    /// As [`Self::deliveries`].
    pub async fn all_deliveries(
        &self,
        stream: &str,
        filter: &DeliveryFilter,
        at_most: usize,
    ) -> Result<(Vec<Delivery>, bool), ApiError> {
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        let (mut filter, mut from) = (filter.clone(), None::<String>);
        // Pages by date overlap, and none need be full.
        let mut pages_left = 4 * at_most.div_ceil(TAKE_MAX) + 4;
        loop {
            pages_left -= 1;
            // Whole pages: of two that overlap a short one might bring nothing new.
            let page = self.deliveries(stream, &filter, from.as_deref(), TAKE_MAX).await?;
            let by_date = page.has_more && page.next.is_none();
            let beyond = by_date.then(|| beyond(&filter, &page.deliveries)).flatten();
            let (before, is_empty) = (all.len(), page.deliveries.is_empty());
            all.extend(page.deliveries.into_iter().filter(|one| seen.insert(one.id.clone())));
            // A page with nothing new on it would be followed by such pages for ever.
            let is_stuck = all.len() == before || pages_left == 0;
            let is_last = page.next.is_none() && beyond.is_none();
            if all.len() >= at_most || is_last || is_stuck {
                let has_more = (page.has_more && !is_empty) || all.len() > at_most;
                all.truncate(at_most);
                return Ok((all, has_more));
            }
            (filter, from) = (beyond.unwrap_or(filter), page.next);
        }
    }

    /// One delivery, with its attempts.
    ///
    /// # Errors
    /// As every call; [`ApiError::is_not_found`] where there is none.
    pub async fn delivery(&self, stream: &str, event: &str) -> Result<Delivery, ApiError> {
        let path = ["event-streams", stream, "deliveries", event];
        self.ask(&Call::get("reading a failed delivery", &path)).await
    }

    /// Asks for one event to be sent once more; it has the same id and time. A success says that it will be tried,
    /// not that it arrived.
    ///
    /// # Errors
    /// As every call; 409 where the event is in no state to be sent again.
    pub async fn redeliver(&self, stream: &str, event: &str) -> Result<(), ApiError> {
        let path = ["event-streams", stream, "redeliver", event];
        // Not repeated where it may have been done: a refusal of the second would hide that the first was taken.
        let call = Call::post("asking for a redelivery", &path);
        self.order(&call).await.map(drop)
    }

    /// Asks for all of these to be sent once more.
    ///
    /// # Errors
    /// As every call; 409 where one of them is in no state to be sent again.
    pub async fn redeliver_all(
        &self,
        stream: &str,
        filter: &DeliveryFilter,
    ) -> Result<(), ApiError> {
        let listed = |texts: &[String]| (!texts.is_empty()).then(|| json!(texts));
        let date = |at: Option<Timestamp>| at.map(|at| json!(whole_seconds(at)));
        let fields = [
            ("date_from", date(filter.from)),
            ("date_to", date(filter.to)),
            ("statuses", listed(&filter.statuses)),
            ("event_types", listed(&filter.event_types)),
        ];
        let fields = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        let path = ["event-streams", stream, "redeliver"];
        let call = Call::post("asking for redeliveries", &path).repeatable();
        self.order(&call.sending(Value::Object(fields.collect()))).await.map(drop)
    }
}

impl Delivery {
    /// The event as it would be sent, in JSON; `None` where Auth0 did not tell it.
    pub fn cloud_event(&self) -> Option<String> {
        let mut event = self.event.clone()?;
        if let Some(Value::String(text)) = event.get("data")
            && let Ok(data @ Value::Object(_)) = serde_json::from_str(text)
        {
            event.insert("data".to_owned(), data);
        }
        Some(Value::Object(event).to_string())
    }

    /// When it was tried first.
    pub fn first_tried_at(&self) -> Option<Timestamp> {
        self.attempts.iter().filter_map(|attempt| attempt.timestamp).min()
    }

    /// When it was tried last.
    pub fn last_tried_at(&self) -> Option<Timestamp> {
        self.attempts.iter().filter_map(|attempt| attempt.timestamp).max()
    }

    /// When the event happened, as far as it says.
    pub fn time(&self) -> Option<Timestamp> {
        Timestamp::parse(self.event.as_ref()?.get("time")?.as_str()?).ok()
    }
}

/// What follows a full page, by date: its order is not documented, so that it is taken from the page. `None`
/// where it says nothing. What the dates are compared with is not documented either: the time of the event, or
/// when it was tried first; the one that lets nothing slip through is taken.
fn beyond(filter: &DeliveryFilter, page: &[Delivery]) -> Option<DeliveryFilter> {
    let (first, last) = (page.first()?, page.last()?);
    let earliest = |one: &Delivery| one.time().into_iter().chain(one.first_tried_at()).min();
    let latest = |one: &Delivery| one.time().into_iter().chain(one.first_tried_at()).max();
    Some(if earliest(first)? <= earliest(last)? {
        // Inclusive, and of whole seconds.
        DeliveryFilter { from: earliest(last), ..filter.clone() }
    } else {
        // Exclusive.
        DeliveryFilter { to: Some(latest(last)?.plus(Duration::from_secs(1))), ..filter.clone() }
    })
}

/// All three forms were recorded: the reference's bare array, and objects with one name or the other for the
/// next page.
#[derive(Deserialize)]
#[serde(untagged)]
enum DeliveryList {
    Page {
        deliveries: Vec<Delivery>,
        #[serde(default)]
        next: Option<String>,
        #[serde(default, rename = "nextPageToken")]
        next_page_token: Option<String>,
    },
    Bare(Vec<Delivery>),
}

impl DeliveryList {
    fn page(self, take: usize) -> DeliveryPage {
        match self {
            Self::Page { deliveries, next, next_page_token } => {
                let next = next.or(next_page_token).filter(|next| !next.is_empty());
                DeliveryPage { deliveries, has_more: next.is_some(), next }
            }
            Self::Bare(deliveries) => {
                let has_more = deliveries.len() >= take;
                DeliveryPage { deliveries, has_more, next: None }
            }
        }
    }
}

fn millis<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let millis = Option::<f64>::deserialize(from)?;
    Ok(millis.and_then(|millis| Duration::try_from_secs_f64(millis / 1e3).ok()))
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn as_millis<S: serde::Serializer>(took: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    took.map(|took| took.as_secs_f64() * 1e3).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> Value {
        json!({
            "id": "evt_1", "event_stream_id": "est_1", "status": "failed",
            "event_type": "user.updated", "new": true,
            "attempts": [
                { "status": "failed", "timestamp": "2026-03-01T09:15:45Z", "duration": 12.5,
                  "error_message": "503" },
                { "status": "failed", "timestamp": "2026-03-01T09:15:46.5Z" }
            ],
            "event": { "id": "evt_1", "time": "2026-03-01T09:15:44.96Z", "data": { "object": {} } }
        })
    }

    #[test]
    fn deliveries_are_read_as_recorded() {
        let delivery: Delivery = serde_json::from_value(recorded()).unwrap();
        assert_eq!(delivery.status, DeliveryStatus::Failed);
        assert_eq!(delivery.attempts[0].took, Some(Duration::from_micros(12_500)));
        let last = Timestamp::parse("2026-03-01T09:15:46.5Z").unwrap();
        assert_eq!(delivery.last_tried_at(), Some(last));
        assert_eq!(delivery.first_tried_at(), Timestamp::parse("2026-03-01T09:15:45Z").ok());
        assert_eq!(delivery.time(), Timestamp::parse("2026-03-01T09:15:44.96Z").ok());
        assert_eq!(serde_json::to_value(&delivery).unwrap()["attempts"][0]["duration"], 12.5);
        let bare: Delivery = serde_json::from_value(json!({ "id": "e", "status": "odd" })).unwrap();
        assert_eq!(bare.status, DeliveryStatus::Other("odd".into()));
        assert_eq!((bare.cloud_event(), bare.time(), bare.last_tried_at()), (None, None, None));
    }

    #[test]
    fn data_is_an_object_whether_it_came_as_one_or_as_text() {
        let event = |data: Value| {
            let mut delivery = recorded();
            delivery["event"]["data"] = data;
            let delivery: Delivery = serde_json::from_value(delivery).unwrap();
            let event: Value = serde_json::from_str(&delivery.cloud_event().unwrap()).unwrap();
            event["data"].clone()
        };
        let object = json!({ "object": { "user_id": "auth0|1" } });
        assert_eq!(event(object.clone()), object);
        assert_eq!(event(json!(object.to_string())), object);
        assert_eq!(event(json!("no json")), json!("no json"));
    }

    #[test]
    fn lists_come_in_three_forms() {
        let check = |list: Value, take: usize, next: Option<&str>, has_more: bool| {
            let page = serde_json::from_value::<DeliveryList>(list).unwrap().page(take);
            assert_eq!((page.deliveries.len(), page.next.as_deref()), (1, next));
            assert_eq!(page.has_more, has_more);
        };
        check(json!({ "deliveries": [recorded()], "next": "n" }), 1, Some("n"), true);
        check(json!({ "deliveries": [recorded()], "nextPageToken": "n" }), 9, Some("n"), true);
        check(json!({ "deliveries": [recorded()], "next": null }), 1, None, false);
        check(json!({ "deliveries": [recorded()], "next": "" }), 1, None, false);
        check(json!([recorded()]), 2, None, false);
        check(json!([recorded()]), 1, None, true);
    }

    #[test]
    fn a_full_page_is_followed_by_what_is_later_or_earlier() {
        let at = |second: u32| format!("2026-03-01T09:15:{second:02}.5Z");
        let of = |second: u32| -> Delivery {
            let attempts = json!([{ "timestamp": at(second + 2) }]);
            serde_json::from_value(json!({
                "id": "evt_1", "status": "failed", "attempts": attempts, "event": { "time": at(second) }
            }))
            .unwrap()
        };
        let instant = |text: String| Timestamp::parse(&text).ok();
        let check = |page: &[Delivery], from: Option<String>, to: Option<String>| {
            let next = beyond(&DeliveryFilter::default(), page).unwrap();
            assert_eq!((next.from, next.to), (from.and_then(instant), to.and_then(instant)));
        };
        check(&[of(1), of(5)], Some(at(5)), None);
        check(&[of(5), of(1)], None, Some(at(4)));
        check(&[of(1), of(1)], Some(at(1)), None);
        let bare: Delivery = serde_json::from_value(json!({ "id": "e", "status": "odd" })).unwrap();
        assert_eq!(beyond(&DeliveryFilter::default(), &[bare]), None);
        assert_eq!(beyond(&DeliveryFilter::default(), &[]), None);
    }
}
