//! The event's name.

use std::fmt;

use serde::Serialize;

/// Auth0's event id (`evt_…`): names one event on the path that carried it.
///
/// The published pattern of the ids has changed before, so neither prefix nor length is checked,
/// only what twinstream itself needs: 1 to 255 bytes of visible ASCII, because the id goes out as
/// the HTTP header `webhook-id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct EventId(Box<str>);

/// Why a text is no event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventIdError {
    /// No text at all.
    #[error("the event id is empty")]
    Empty,
    /// More than [`EventId::BYTES_MAX`] bytes.
    #[error("the event id has {bytes} bytes, at most {} are taken", EventId::BYTES_MAX)]
    TooLong {
        /// How many bytes came.
        bytes: usize,
    },
    /// A byte that is not visible ASCII: it could not be sent as a header.
    #[error("the event id has a character outside visible ASCII at byte {at}")]
    Character {
        /// The offset of the byte.
        at: usize,
    },
}

impl EventId {
    /// The longest id taken, in bytes. Auth0's are 26.
    pub const BYTES_MAX: usize = 255;

    /// Checks a text.
    ///
    /// # Errors
    /// [`EventIdError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, EventIdError> {
        if text.is_empty() {
            return Err(EventIdError::Empty);
        }
        if text.len() > Self::BYTES_MAX {
            return Err(EventIdError::TooLong { bytes: text.len() });
        }
        match text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            Some(at) => Err(EventIdError::Character { at }),
            None => Ok(Self(text.into())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &Result<(), EventIdError>) {
        assert_eq!(&EventId::parse(text).map(|id| assert_eq!(id.as_str(), text)), expected);
    }

    #[test]
    fn ids_are_visible_ascii_of_bounded_length() {
        check("evt_2f6EbxdkVMJ8SgCwWq9zTh", &Ok(()));
        check("anything-goes/even+this", &Ok(()));
        check(&"x".repeat(255), &Ok(()));
        check("", &Err(EventIdError::Empty));
        check(&"x".repeat(256), &Err(EventIdError::TooLong { bytes: 256 }));
        check("evt_ 1", &Err(EventIdError::Character { at: 4 }));
        check("evt_\r\n1", &Err(EventIdError::Character { at: 4 }));
        check("évt", &Err(EventIdError::Character { at: 0 }));
    }
}
