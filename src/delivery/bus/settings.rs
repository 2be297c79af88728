//! What a bus target does, checked.

use std::time::Duration;

/// What a bus target does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The bus.
    pub event_bus: EventBus,
    /// The `source` of all entries.
    pub source: EventSource,
    /// The bus's region; that of its ARN, or else AWS's default chain says it, when `None`.
    pub region: Option<String>,
    /// Another address for EventBridge, for stand-ins only.
    pub endpoint_url: Option<String>,
    /// The largest entry, in bytes as EventBridge counts them; a larger one is refused unsent. All
    /// entries of one call together are no larger either.
    pub entry_bytes_max: usize,
    /// How long one attempt may take, the wait for a call included.
    pub timeout: Duration,
    /// Attempts under way at once, at least 1: as many calls are made side by side as carry them.
    pub concurrency: usize,
}

impl Settings {
    /// The default of [`Settings::entry_bytes_max`]: what AWS takes, 1 MiB in all entries of a call
    /// together (API reference, `PutEvents`: "the total entry size must be less than 1MB"; 256 KiB
    /// until January 2026). A lower one refuses what the bus would take, for targets behind its rules
    /// that take less.
    pub const ENTRY_BYTES_MAX: usize = 1_048_576;

    /// The region to ask for the bus, where the settings say one.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref().or_else(|| self.event_bus.region())
    }
}

/// The name or the ARN of an event bus that anybody with the permission may put events on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBus {
    text: Box<str>,
    region: Option<Box<str>>,
}

/// Why a text is no event bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventBusError {
    /// Not the characters or the length of a name.
    #[error(
        "no event bus's name, which has 1 to {} of the letters, digits, `.`, `-` and `_`",
        EventBus::NAME_CHARS_MAX
    )]
    Name,
    /// Begins like an ARN, and is none of a bus.
    #[error("no event bus's ARN, such as arn:aws:events:eu-west-1:123456789012:event-bus/orders")]
    Arn,
    /// A partner's bus.
    #[error("a partner's event bus, which takes events from the partner alone")]
    Partner,
}

impl EventBus {
    /// EventBridge: a name has at most 256 characters (API reference, `CreateEventBus`).
    const NAME_CHARS_MAX: usize = 256;

    /// Reads a name or an ARN.
    ///
    /// # Errors
    /// When it is neither, or a partner's.
    pub fn parse(text: &str) -> Result<Self, EventBusError> {
        let (name, region) = match text.strip_prefix("arn:") {
            Some(rest) => read_arn(rest).ok_or(EventBusError::Arn)?,
            None => (text, None),
        };
        if name.starts_with("aws.partner/") {
            return Err(EventBusError::Partner);
        }
        let fits = |sign: u8| sign.is_ascii_alphanumeric() || b".-_".contains(&sign);
        if !(1..=Self::NAME_CHARS_MAX).contains(&name.len()) || !name.bytes().all(fits) {
            return Err(EventBusError::Name);
        }
        Ok(Self { text: text.into(), region: region.map(Into::into) })
    }

    /// The name or ARN, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The region that its ARN names.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Whether it is given by name, and so one of the own account.
    pub(super) fn is_name(&self) -> bool {
        self.region.is_none()
    }
}

/// `<partition>:events:<region>:<account>:event-bus/<name>`: the name and the region.
fn read_arn(rest: &str) -> Option<(&str, Option<&str>)> {
    let mut parts = rest.splitn(5, ':');
    let (partition, service) = (parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let is_arn = partition.starts_with("aws")
        && service == "events"
        && !region.is_empty()
        && account.len() == 12
        && account.bytes().all(|sign| sign.is_ascii_digit());
    is_arn.then_some((resource.strip_prefix("event-bus/")?, Some(region)))
}

/// Who an entry says that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSource(Box<str>);

/// Why a text is no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventSourceError {
    /// Nothing, or too much.
    #[error("a source has 1 to {} bytes", EventSource::BYTES_MAX)]
    Length,
    /// A name that is AWS's own.
    #[error("a source that begins with `aws.` is AWS's own; EventBridge refuses it")]
    Reserved,
}

impl EventSource {
    /// What EventBridge allows for the sources of partners (API reference,
    /// `PutPartnerEventsRequestEntry`); it names no limit for others.
    const BYTES_MAX: usize = 256;

    /// Reads a source.
    ///
    /// # Errors
    /// When it is empty, too long, or reserved.
    pub fn parse(text: &str) -> Result<Self, EventSourceError> {
        if text.is_empty() || text.len() > Self::BYTES_MAX {
            return Err(EventSourceError::Length);
        }
        if text.starts_with("aws.") {
            return Err(EventSourceError::Reserved);
        }
        Ok(Self(text.into()))
    }

    /// The source.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_bus(text: &str, expected: Result<Option<&str>, EventBusError>) {
        let read = EventBus::parse(text);
        let expected =
            expected.map(|region| EventBus { text: text.into(), region: region.map(Into::into) });
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn a_bus_is_a_name_or_an_arn() {
        check_bus("default", Ok(None));
        check_bus("Orders_2.eu-west", Ok(None));
        check_bus(&"b".repeat(256), Ok(None));
        let arn = "arn:aws:events:eu-west-1:123456789012:event-bus/orders";
        check_bus(arn, Ok(Some("eu-west-1")));
        let arn = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/orders";
        check_bus(arn, Ok(Some("cn-north-1")));

        for name in ["", "a b", "a/b", "a:b", "größe", &"b".repeat(257)] {
            check_bus(name, Err(EventBusError::Name));
        }
        for arn in [
            "arn:",
            "arn:aws:events:eu-west-1:123456789012",
            "arn:aws:events:eu-west-1:123456789012:rule/orders",
            "arn:aws:events::123456789012:event-bus/orders",
            "arn:aws:events:eu-west-1:12345678901:event-bus/orders",
            "arn:aws:events:eu-west-1:12345678901x:event-bus/orders",
            "arn:aws:sqs:eu-west-1:123456789012:event-bus/orders",
            "arn:gcp:events:eu-west-1:123456789012:event-bus/orders",
        ] {
            check_bus(arn, Err(EventBusError::Arn));
        }
        let arn = "arn:aws:events:eu-west-1:123456789012:event-bus/";
        check_bus(arn, Err(EventBusError::Name));
    }

    #[test]
    fn a_partners_bus_takes_nothing_from_us() {
        let name = "aws.partner/auth0.com/acme-1/auth0.events";
        check_bus(name, Err(EventBusError::Partner));
        let arn = format!("arn:aws:events:eu-west-1:123456789012:event-bus/{name}");
        check_bus(&arn, Err(EventBusError::Partner));
    }

    #[track_caller]
    fn check_source(text: &str, expected: Result<(), EventSourceError>) {
        let expected = expected.map(|()| EventSource(text.into()));
        assert_eq!(EventSource::parse(text), expected, "{text}");
    }

    #[test]
    fn a_source_is_not_awss_own() {
        check_source("twinstream", Ok(()));
        check_source("com.example.auth", Ok(()));
        check_source("awsome", Ok(()));
        check_source("aws.partner/auth0.com/acme", Err(EventSourceError::Reserved));
        check_source("aws.", Err(EventSourceError::Reserved));
        check_source("", Err(EventSourceError::Length));
        check_source(&"s".repeat(256), Ok(()));
        check_source(&"s".repeat(257), Err(EventSourceError::Length));
    }

    #[track_caller]
    fn check_region(event_bus: &str, region: Option<&str>, expected: Option<&str>) {
        let settings = Settings {
            event_bus: EventBus::parse(event_bus).unwrap(),
            source: EventSource::parse("twinstream").unwrap(),
            region: region.map(str::to_owned),
            endpoint_url: None,
            entry_bytes_max: Settings::ENTRY_BYTES_MAX,
            timeout: Duration::from_secs(10),
            concurrency: 16,
        };
        assert_eq!(settings.region(), expected);
    }

    #[test]
    fn the_region_is_said_or_the_arns() {
        let arn = "arn:aws:events:eu-west-1:123456789012:event-bus/orders";
        check_region("orders", None, None);
        check_region("orders", Some("eu-central-1"), Some("eu-central-1"));
        check_region(arn, None, Some("eu-west-1"));
        check_region(arn, Some("eu-central-1"), Some("eu-central-1"));
    }
}
