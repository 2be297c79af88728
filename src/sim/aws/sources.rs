//! Partner event sources: what a partner offers to this account, and a bus of the same name takes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bus::{Buses, PARTNER_PREFIX};
use super::refusal::{Code, Refusal};
use crate::event::Timestamp;

/// For how long a source may stay pending. AWS names no number; the stand-in gives it two weeks.
const PENDING_FOR: Duration = Duration::from_hours(14 * 24);

/// All sources that partners have offered.
#[derive(Debug, Default)]
pub(super) struct Sources(BTreeMap<String, Source>);

/// One source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    pub(super) created: Timestamp,
    pub(super) expires: Timestamp,
    is_deleted: bool,
}

/// API reference, `EventSource`, `State`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// No bus takes its events: they are dropped.
    Pending,
    /// The bus of its name takes its events.
    Active,
    /// The partner has deleted it.
    Deleted,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Active => "ACTIVE",
            Self::Deleted => "DELETED",
        }
    }
}

impl Sources {
    /// A partner offers a source; once more is no error, and brings a deleted one back.
    pub(super) fn offer(&mut self, name: &str, now: Timestamp) -> Result<(), Refusal> {
        if !name.starts_with(PARTNER_PREFIX) {
            return Err(Refusal::new(
                Code::Validation,
                "A partner event source's name begins with aws.partner/.",
            ));
        }
        if self.0.get(name).is_none_or(|source| source.is_deleted) {
            let expires = now.plus(PENDING_FOR);
            self.0.insert(name.to_owned(), Source { created: now, expires, is_deleted: false });
        }
        Ok(())
    }

    /// The partner deletes a source. Its bus stays, and gets nothing any more.
    pub(super) fn withdraw(&mut self, name: &str) {
        if let Some(source) = self.0.get_mut(name) {
            source.is_deleted = true;
        }
    }

    pub(super) fn get(&self, name: &str) -> Result<&Source, Refusal> {
        self.0.get(name).ok_or_else(|| {
            Refusal::new(
                Code::ResourceNotFound,
                format_args!("Event source {name} does not exist."),
            )
        })
    }

    /// Those whose names begin so, and come after this one.
    pub(super) fn after<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a String, &'a Source)> {
        self.0.iter().filter(move |(name, _)| {
            name.starts_with(prefix) && after.is_none_or(|after| name.as_str() > after)
        })
    }

    /// Whether a bus may take this source's events now (API reference, `CreateEventBus`, "Errors").
    pub(super) fn check_free(&self, name: &str, now: Timestamp) -> Result<(), Refusal> {
        let source = self.get(name)?;
        if source.is_deleted || source.expires <= now {
            return Err(Refusal::new(
                Code::InvalidState,
                format_args!("Event source {name} is deleted, or has expired."),
            ));
        }
        Ok(())
    }
}

impl Source {
    pub(super) fn state(&self, name: &str, buses: &Buses) -> State {
        if self.is_deleted {
            State::Deleted
        } else if buses.has(name) {
            State::Active
        } else {
            State::Pending
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "aws.partner/auth0.com/acme-1/auth0.events";

    #[test]
    fn a_source_is_pending_until_a_bus_takes_it_and_free_only_in_time() {
        let (mut sources, mut buses) = (Sources::default(), Buses::default());
        let now = Timestamp::from_millis(1_000);
        sources.offer("acme.com/x", now).unwrap_err();
        sources.offer(NAME, now).unwrap();
        assert_eq!(sources.get(NAME).unwrap().state(NAME, &buses), State::Pending);
        sources.check_free(NAME, now).unwrap();
        let late = sources.check_free(NAME, now.plus(PENDING_FOR)).unwrap_err();
        assert_eq!(late.code(), Code::InvalidState);
        buses.create(NAME, true).unwrap();
        assert_eq!(sources.get(NAME).unwrap().state(NAME, &buses), State::Active);
        sources.withdraw(NAME);
        assert_eq!(sources.get(NAME).unwrap().state(NAME, &buses), State::Deleted);
        assert_eq!(sources.check_free(NAME, now).unwrap_err().code(), Code::InvalidState);
        sources.offer(NAME, now).unwrap();
        assert_eq!(sources.get(NAME).unwrap().state(NAME, &buses), State::Active);
    }
}
