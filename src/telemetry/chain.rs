//! Errors with their causes.

use std::error::Error;
use std::fmt;

/// Shows an error and all its causes in one line: `commit of 3 events: disk I/O error`.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Some errors, the AWS SDK's among them, tell their cause themselves.
            if !said.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("reading the file")]
    struct Outer(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("service error: {0}")]
    struct Repeating(#[source] std::io::Error);

    #[test]
    fn what_an_error_says_of_its_cause_is_not_said_again() {
        let error = Repeating(std::io::Error::other("no such queue"));
        assert_eq!(Chain(&error).to_string(), "service error: no such queue");
    }

    #[test]
    fn an_error_is_shown_with_its_causes() {
        let error = Outer(std::io::Error::other("disk on fire"));
        assert_eq!(Chain(&error).to_string(), "reading the file: disk on fire");
    }
}
