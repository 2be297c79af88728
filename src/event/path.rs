//! The two deliveries of Auth0.

use std::fmt;

use serde::Serialize;

/// One of Auth0's two deliveries.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// HTTPS POST from Auth0.
    Webhook,
    /// Partner event bus, rule, SQS queue.
    Eventbridge,
}

impl Path {
    /// Both, in the order in which every table and report shows them.
    pub const ALL: [Self; 2] = [Self::Webhook, Self::Eventbridge];

    /// The name used in configuration, labels and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Eventbridge => "eventbridge",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Webhook => Self::Eventbridge,
            Self::Eventbridge => Self::Webhook,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which doors are open: the setting `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PathSet {
    /// Only the webhook door.
    Webhook,
    /// Only the SQS door.
    Eventbridge,
    /// Both doors; the comparison works.
    Both,
}

impl PathSet {
    /// Whether the door of this path is open.
    pub const fn contains(self, path: Path) -> bool {
        match (self, path) {
            (Self::Both, Path::Webhook | Path::Eventbridge)
            | (Self::Webhook, Path::Webhook)
            | (Self::Eventbridge, Path::Eventbridge) => true,
            (Self::Webhook, Path::Eventbridge) | (Self::Eventbridge, Path::Webhook) => false,
        }
    }

    /// The name used in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Eventbridge => "eventbridge",
            Self::Both => "both",
        }
    }
}

impl fmt::Display for PathSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
