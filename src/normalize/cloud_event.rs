//! A CloudEvent of Auth0 in structured mode.
//!
//! Attributes: CloudEvents 1.0, "Context Attributes", and Auth0's extensions `a0tenant`,
//! `a0stream`, `a0purpose`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::bus_envelope::string;
use super::canonical::Canonical;
use super::{Reason, Rejection, subject};
use crate::event::{Event, EventId, Purpose, Timestamp};

/// The attributes that decide. Each is raw, so that a wrong one is told by its name.
#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow)]
    specversion: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    a0tenant: Option<&'a RawValue>,
    #[serde(borrow)]
    a0stream: Option<&'a RawValue>,
    #[serde(borrow)]
    a0purpose: Option<&'a RawValue>,
    #[serde(borrow)]
    log_id: Option<&'a RawValue>,
}

/// The longest `type`, tenant or stream taken, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// Reads the JSON text of one CloudEvent. Returns the event and the stream that carried it.
pub(super) fn read(text: &str) -> Result<(Event, Option<Box<str>>), Rejection> {
    let attributes: Attributes<'_> =
        serde_json::from_str(text).map_err(|error| Rejection::json(&error))?;
    check_kind_of_document(&attributes)?;
    let id = id(attributes.id)?;
    let kind = kind(attributes.kind)?;
    let time = time(attributes.time)?;
    let tenant = name(attributes.a0tenant).unwrap_or_default();
    let stream = name(attributes.a0stream);
    let purpose = match attributes.a0purpose.and_then(string).as_deref() {
        Some("test") => Purpose::Test,
        Some(_) | None => Purpose::Live,
    };
    let mut document: Value =
        serde_json::from_str(text).map_err(|error| Rejection::json(&error))?;
    if let Some(object) = document.as_object_mut() {
        object.remove("a0stream");
    }
    let object = document.pointer("/data/object").unwrap_or(&Value::Null);
    let canonical = Canonical::of(&document, text.len())
        .map_err(|_| Rejection::new(Reason::NotJson, "a value with no canonical form"))?;
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

fn check_kind_of_document(attributes: &Attributes<'_>) -> Result<(), Rejection> {
    match attributes.specversion.map(string) {
        Some(Some(version)) if version.starts_with("1.") => {}
        Some(_) => {
            return Err(Rejection::new(
                Reason::NotACloudEvent,
                "`specversion` is not 1.x, the CloudEvents version that Auth0 sends",
            ));
        }
        None if attributes.log_id.is_some() => {
            return Err(Rejection::new(Reason::LogStream, "an Auth0 log stream's record"));
        }
        None => {
            return Err(Rejection::new(Reason::NotACloudEvent, "no `specversion`"));
        }
    }
    // `source` can be just `urn:auth0:`; an event with Auth0's extension is Auth0's in any case.
    let from_auth0 = attributes.a0tenant.is_some()
        || attributes
            .source
            .and_then(string)
            .is_some_and(|source| source.starts_with("urn:auth0:"));
    if from_auth0 {
        return Ok(());
    }
    Err(Rejection::new(
        Reason::ForeignSource,
        "`source` does not begin with urn:auth0: and there is no `a0tenant`",
    ))
}

fn id(value: Option<&RawValue>) -> Result<EventId, Rejection> {
    let text = required(value, "id", Reason::BadId)?;
    EventId::parse(&text).map_err(|error| Rejection::new(Reason::BadId, error.to_string()))
}

fn kind(value: Option<&RawValue>) -> Result<Box<str>, Rejection> {
    let text = required(value, "type", Reason::BadType)?;
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        let detail = format!("`type` has {} bytes, 1 to {NAME_BYTES_MAX} are taken", text.len());
        return Err(Rejection::new(Reason::BadType, detail));
    }
    Ok(text.into())
}

fn time(value: Option<&RawValue>) -> Result<Timestamp, Rejection> {
    let text = required(value, "time", Reason::BadTime)?;
    Timestamp::parse(&text)
        .map_err(|error| Rejection::new(Reason::BadTime, format!("`time` is {error}")))
}

fn required<'a>(
    value: Option<&'a RawValue>,
    attribute: &str,
    reason: Reason,
) -> Result<Cow<'a, str>, Rejection> {
    let value = value.ok_or_else(|| Rejection::new(reason, format!("no `{attribute}`")))?;
    string(value)
        .ok_or_else(|| Rejection::new(reason, format!("`{attribute}` is not a JSON string")))
}

/// An optional name. One that is no text, or absurdly long, is as good as absent: it only helps to
/// pair, and the payload keeps it.
fn name(value: Option<&RawValue>) -> Option<Box<str>> {
    let text = value.and_then(string)?;
    (text.len() <= NAME_BYTES_MAX).then(|| text.into())
}
