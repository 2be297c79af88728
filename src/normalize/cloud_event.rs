//! A CloudEvent of Auth0 in structured mode.
//!
//! Attributes: CloudEvents 1.0, "Context Attributes", and Auth0's extensions `a0tenant`,
//! `a0stream`, `a0purpose`.

use super::canonical::Canonical;
use super::json::Json;
use super::{Reason, Rejection, subject};
use crate::event::{Event, EventId, Purpose, Timestamp};

/// The attributes that decide. An event that has one of them twice is none: which one counts?
const ATTRIBUTES: [&str; 9] =
    ["specversion", "id", "type", "source", "time", "a0tenant", "a0stream", "a0purpose", "log_id"];

/// The longest `type`, tenant or stream taken, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// Reads the JSON text of one CloudEvent. Returns the event and the stream that carried it.
pub(super) fn read(text: &str) -> Result<(Event, Option<Box<str>>), Rejection> {
    let document: Json<'_> = serde_json::from_str(text).map_err(|error| Rejection::json(&error))?;
    check_members(&document)?;
    check_kind_of_document(&document)?;
    let id = id(&document)?;
    let kind = kind(&document)?;
    let time = time(&document)?;
    let tenant = name(&document, "a0tenant").unwrap_or_default();
    let stream = name(&document, "a0stream");
    let purpose = match attribute(&document, "a0purpose").and_then(Json::text) {
        Some("test") => Purpose::Test,
        Some(_) | None => Purpose::Live,
    };
    let canonical = Canonical::of(&document, "a0stream", text.len())
        .map_err(|_| Rejection::new(Reason::NotJson, "a value with no canonical form"))?;
    let object = document.at(&["data", "object"]).unwrap_or(&Json::Null);
    let event = Event {
        id,
        subject: subject::of(&kind, &tenant, object),
        object_digest: canonical.object_digest(),
        payload_digest: canonical.digest(),
        kind,
        tenant,
        time,
        purpose,
        payload: text.into(),
    };
    Ok((event, stream))
}

/// An attribute; one that is `null` is absent.
fn attribute<'a, 'b>(document: &'a Json<'b>, name: &str) -> Option<&'a Json<'b>> {
    document.get(name).filter(|value| !matches!(value, Json::Null))
}

fn check_members(document: &Json<'_>) -> Result<(), Rejection> {
    if let Json::Object(members) = document {
        let mut seen = [false; ATTRIBUTES.len()];
        let mut attributes = members
            .iter()
            .filter_map(|(name, _)| ATTRIBUTES.iter().position(|attribute| attribute == name))
            .filter_map(|position| {
                seen.get_mut(position).map(|seen| std::mem::replace(seen, true))
            });
        if !attributes.any(|seen_before| seen_before) {
            return Ok(());
        }
    }
    Err(Rejection::new(Reason::NotAnObject, "not an object with each attribute once"))
}

fn check_kind_of_document(document: &Json<'_>) -> Result<(), Rejection> {
    match attribute(document, "specversion").map(Json::text) {
        Some(Some(version)) if version.starts_with("1.") => {}
        Some(_) => {
            return Err(Rejection::new(
                Reason::NotACloudEvent,
                "`specversion` is not 1.x, the CloudEvents version that Auth0 sends",
            ));
        }
        None if attribute(document, "log_id").is_some() => {
            return Err(Rejection::new(Reason::LogStream, "an Auth0 log stream's record"));
        }
        None => {
            return Err(Rejection::new(Reason::NotACloudEvent, "no `specversion`"));
        }
    }
    // `source` can be just `urn:auth0:`; an event with Auth0's extension is Auth0's in any case.
    let from_auth0 = attribute(document, "a0tenant").is_some()
        || attribute(document, "source")
            .and_then(Json::text)
            .is_some_and(|source| source.starts_with("urn:auth0:"));
    if from_auth0 {
        return Ok(());
    }
    Err(Rejection::new(
        Reason::ForeignSource,
        "`source` does not begin with urn:auth0: and there is no `a0tenant`",
    ))
}

fn id(document: &Json<'_>) -> Result<EventId, Rejection> {
    let text = required(document, "id", Reason::BadId)?;
    EventId::parse(text).map_err(|error| Rejection::new(Reason::BadId, error.to_string()))
}

fn kind(document: &Json<'_>) -> Result<Box<str>, Rejection> {
    let text = required(document, "type", Reason::BadType)?;
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        let detail = format!("`type` has {} bytes, 1 to {NAME_BYTES_MAX} are taken", text.len());
        return Err(Rejection::new(Reason::BadType, detail));
    }
    Ok(text.into())
}

fn time(document: &Json<'_>) -> Result<Timestamp, Rejection> {
    let text = required(document, "time", Reason::BadTime)?;
    Timestamp::parse(text)
        .map_err(|error| Rejection::new(Reason::BadTime, format!("`time` is {error}")))
}

fn required<'a>(document: &'a Json<'_>, name: &str, reason: Reason) -> Result<&'a str, Rejection> {
    let value =
        attribute(document, name).ok_or_else(|| Rejection::new(reason, format!("no `{name}`")))?;
    value.text().ok_or_else(|| Rejection::new(reason, format!("`{name}` is not a JSON string")))
}

/// An optional name. One that is no text, or absurdly long, is as good as absent: it only helps to
/// pair, and the payload keeps it.
fn name(document: &Json<'_>, name: &str) -> Option<Box<str>> {
    let text = attribute(document, name)?.text()?;
    (text.len() <= NAME_BYTES_MAX).then(|| text.into())
}
