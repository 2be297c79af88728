//! Partner event sources: their names, how they stand, and which one is meant.

use std::fmt;

use crate::event::Timestamp;

/// What the names of Auth0's sources begin with.
const AUTH0: &str = "aws.partner/auth0.com/";

/// The name of an event stream's source: `aws.partner/auth0.com/<tenant>-<uuid>/auth0.events`. Only
/// [`SourceName::parse`] makes one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceName(String);

/// Why a name is none of an event stream's source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceNameError {
    /// A log stream's.
    #[error(
        "{0} is the source of a log stream: another product with other events; twinstream takes event \
         streams, whose sources end in /auth0.events"
    )]
    LogStream(String),
    /// Something else.
    #[error(
        "{0:?} is no event source of Auth0's event streams: those are called \
         aws.partner/auth0.com/<tenant>-<uuid>/auth0.events"
    )]
    Other(String),
}

impl SourceName {
    /// What the names of all Auth0's sources begin with, log streams' too.
    pub const PREFIX: &'static str = AUTH0;

    /// Reads a name.
    ///
    /// # Errors
    /// When it is no name of an event stream's source.
    pub fn parse(text: &str) -> Result<Self, SourceNameError> {
        let rest = text.strip_prefix(AUTH0).and_then(|rest| rest.split_once('/'));
        match rest {
            Some((tenant, "auth0.events")) if !tenant.is_empty() => Ok(Self(text.to_owned())),
            Some((_, "auth0.logs")) => Err(SourceNameError::LogStream(text.to_owned())),
            Some(_) | None => Err(SourceNameError::Other(text.to_owned())),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a source stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// No bus is associated: what Auth0 sends is dropped.
    Pending {
        /// When it goes, unless a bus is associated before.
        expires: Option<Timestamp>,
    },
    /// A bus takes its events.
    Active,
    /// Auth0 has deleted its stream.
    Deleted,
    /// Nobody says; why.
    Unknown(String),
}

impl SourceState {
    /// Whether a bus can still be associated, or is already.
    fn is_of_use(&self, now: Timestamp) -> bool {
        match self {
            Self::Pending { expires } => expires.is_none_or(|at| now < at),
            Self::Active | Self::Unknown(_) => true,
            Self::Deleted => false,
        }
    }

    /// In words.
    pub fn words(&self, now: Timestamp) -> String {
        match self {
            Self::Pending { expires: Some(at) } if *at <= now => format!("EXPIRED at {at}"),
            Self::Pending { expires: Some(at) } => {
                format!("PENDING: its events are dropped; expires at {at}")
            }
            Self::Pending { expires: None } => "PENDING: its events are dropped".into(),
            Self::Active => "ACTIVE".into(),
            Self::Deleted => "DELETED by Auth0".into(),
            Self::Unknown(why) => format!("not known: {why}"),
        }
    }
}

/// A source as EventBridge tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStanding {
    /// Its name, whatever kind it is of.
    pub name: String,
    /// How it stands.
    pub state: SourceState,
    /// When Auth0 made it.
    pub created: Option<Timestamp>,
}

/// Why no source could be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// None is of use.
    #[error(
        "there is no partner event source of an Auth0 event stream here that can be used{0}\n  to mend it: \
         make an EventBridge stream in Auth0 with this account and this region (`twinstream setup auth0`)"
    )]
    None(Lines),
    /// Several are.
    #[error("there are several event sources; choose one with --source:{0}")]
    Several(Lines),
    /// The one that was asked for is of no use any more.
    #[error(
        "{name} is {state}: no bus can be associated\n  to mend it: delete its stream in Auth0 and make \
         it anew"
    )]
    Gone {
        /// Which.
        name: String,
        /// How it stands.
        state: String,
    },
}

/// Sources, one on each line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines(Vec<String>);

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// The one source that can only be meant, of those listed.
///
/// # Errors
/// When there is none that is of use, or more than one; with all that are there.
pub fn choose(listed: &[SourceStanding], now: Timestamp) -> Result<SourceName, ChoiceError> {
    let of_events =
        || listed.iter().filter_map(|one| Some((SourceName::parse(&one.name).ok()?, one)));
    let mut usable = of_events().filter(|(_, one)| one.state.is_of_use(now));
    match (usable.next(), usable.next()) {
        (Some((name, _)), None) => Ok(name),
        (None, _) => Err(ChoiceError::None(lines(listed.iter(), now))),
        (Some(_), Some(_)) => {
            Err(ChoiceError::Several(lines(of_events().map(|(_, one)| one), now)))
        }
    }
}

impl SourceStanding {
    /// Whether a bus can be associated, or is already.
    ///
    /// # Errors
    /// When Auth0 has deleted it, or its time is over.
    pub fn check_of_use(&self, now: Timestamp) -> Result<(), ChoiceError> {
        if self.state.is_of_use(now) {
            return Ok(());
        }
        Err(ChoiceError::Gone { name: self.name.clone(), state: self.state.words(now) })
    }
}

fn lines<'a>(listed: impl Iterator<Item = &'a SourceStanding>, now: Timestamp) -> Lines {
    let lines = listed.map(|one| {
        let state = match SourceName::parse(&one.name) {
            Err(SourceNameError::LogStream(_)) => "a log stream, which is another product".into(),
            Ok(_) | Err(SourceNameError::Other(_)) => one.state.words(now),
        };
        match one.created {
            Some(created) => format!("{} ({state}; made at {created})", one.name),
            None => format!("{} ({state})", one.name),
        }
    });
    Lines(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "aws.partner/auth0.com/acme-1b2c/auth0.events";
    const OTHER: &str = "aws.partner/auth0.com/acme-dev-3d4e/auth0.events";
    const LOGS: &str = "aws.partner/auth0.com/acme-5f60/auth0.logs";

    #[track_caller]
    fn check_name(text: &str, expected: Result<&str, &str>) {
        let parsed = SourceName::parse(text);
        let told = parsed.as_ref().map(SourceName::as_str).map_err(ToString::to_string);
        match expected {
            Ok(name) => assert_eq!(told, Ok(name)),
            Err(part) => assert!(told.as_ref().is_err_and(|why| why.contains(part)), "{told:?}"),
        }
    }

    #[test]
    fn only_an_event_streams_source_is_taken() {
        check_name(ONE, Ok(ONE));
        check_name(LOGS, Err("log stream"));
        check_name("aws.partner/auth0.com", Err("no event source"));
        check_name("aws.partner/auth0.com/acme/auth0.events/more", Err("no event source"));
        check_name("aws.partner/auth0.com//auth0.events", Err("no event source"));
        check_name("aws.partner/other.com/acme-1/auth0.events", Err("no event source"));
    }

    fn standing(name: &str, state: SourceState) -> SourceStanding {
        SourceStanding { name: name.into(), state, created: Some(Timestamp::from_millis(0)) }
    }

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn pending(expires_ms: i64) -> SourceState {
        SourceState::Pending { expires: Some(Timestamp::from_millis(expires_ms)) }
    }

    #[track_caller]
    fn check_choice(listed: &[SourceStanding], expected: Result<&str, &[&str]>) {
        let chosen = choose(listed, NOW).map_err(|error| error.to_string());
        match (&chosen, expected) {
            (Ok(name), Ok(expected)) => assert_eq!(name.as_str(), expected),
            (Err(why), Err(parts)) => {
                for part in parts {
                    assert!(why.contains(part), "{part} is missing: {why}");
                }
            }
            _ => panic!("{chosen:?}"),
        }
    }

    #[test]
    fn the_only_one_of_use_is_chosen_and_none_is_guessed() {
        check_choice(&[standing(ONE, pending(2_000))], Ok(ONE));
        let mixed = [
            standing(ONE, SourceState::Deleted),
            standing(LOGS, SourceState::Active),
            standing(OTHER, SourceState::Active),
        ];
        check_choice(&mixed, Ok(OTHER));
        let two = [standing(ONE, SourceState::Active), standing(OTHER, pending(2_000))];
        check_choice(&two, Err(&["--source", ONE, "(ACTIVE; made at 1970", OTHER, "(PENDING"]));
        check_choice(&[], Err(&["no partner event source", "setup auth0"]));
        let gone = [standing(ONE, pending(1_000)), standing(LOGS, SourceState::Active)];
        check_choice(&gone, Err(&["EXPIRED at 1970-01-01T00:00:01", "a log stream"]));
    }

    #[test]
    fn what_is_gone_can_not_be_used() {
        standing(ONE, pending(1_001)).check_of_use(NOW).unwrap();
        standing(ONE, SourceState::Unknown("denied".into())).check_of_use(NOW).unwrap();
        let gone = standing(ONE, SourceState::Deleted).check_of_use(NOW).unwrap_err();
        assert!(gone.to_string().contains("DELETED"), "{gone}");
        standing(ONE, pending(1_000)).check_of_use(NOW).unwrap_err();
    }
}
