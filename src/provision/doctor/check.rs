//! One thing that was looked at: how it is, why it matters, what mends it.

use serde::Serialize;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Good,
    /// It could not be looked at.
    NotAsked,
    /// It may be as intended.
    Look,
    /// Events are lost by it, or will be.
    Bad,
}

impl State {
    /// The word for it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::NotAsked => "not asked",
            Self::Look => "look",
            Self::Bad => "wrong",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// How it came out.
    #[serde(rename = "state")]
    pub found_to_be: State,
    /// What was looked at.
    pub what: String,
    /// What was found. Never a secret.
    pub found: String,
    /// Why it matters and what to do; nothing where all is well.
    pub advice: Option<String>,
    /// The command that mends it, where one does.
    pub command: Option<String>,
}

/// Checks that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// What they are about.
    pub title: &'static str,
    /// In the order in which they are read.
    pub checks: Vec<Check>,
}

impl Check {
    /// It is as it should be.
    pub fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        let (what, found) = (what.into(), found.into());
        Self { found_to_be: State::Good, what, found, advice: None, command: None }
    }

    /// It may be as intended.
    pub fn look(
        what: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let advice = Some(advice.into());
        Self { found_to_be: State::Look, advice, ..Self::good(what, found) }
    }

    /// It is wrong.
    pub fn bad(
        what: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { found_to_be: State::Bad, ..Self::look(what, found, advice) }
    }

    /// It could not be looked at.
    pub fn not_asked(
        what: impl Into<String>,
        why: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { found_to_be: State::NotAsked, ..Self::look(what, why, advice) }
    }

    /// With the command that mends it.
    #[must_use]
    pub fn mended_by(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }
}
