//! `wildcard`: texts with `*` for any characters, none included.

/// More than anybody needs. EventBridge refuses a rule whose wildcards are "too complex", by a
/// measure it does not publish (user guide, "Best practices when defining event patterns"); ours
/// match in time linear in the pattern however they are nested, and so need only a bound.
const WILDCARDS_MAX: usize = 32;

/// What is wrong with a wildcard. Positions count characters, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WildcardError {
    /// `**`.
    #[error("two `*` one after the other, at character {0}; one is enough")]
    Consecutive(usize),
    /// A backslash before anything but `*` and `\`, or at the end.
    #[error(
        "a backslash stands before `*` or another backslash, which it does not at character {0}"
    )]
    Escape(usize),
    /// More than the bound.
    #[error("more than {WILDCARDS_MAX} `*`")]
    TooMany,
}

/// The texts between the `*`s. The first begins the value, the last ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wildcard {
    first: Box<str>,
    /// Empty for a text without `*`.
    others: Box<[Box<str>]>,
}

impl Wildcard {
    /// Reads `*`, `\*` and `\\`: README of `aws/event-ruler`, wildcard matching.
    pub(super) fn parse(text: &str) -> Result<Self, WildcardError> {
        let mut pieces = vec![String::new()];
        let mut characters = text.chars().zip(1..).peekable();
        while let Some((character, position)) = characters.next() {
            let literal = match character {
                '*' if characters.peek().is_some_and(|(next, _)| *next == '*') => {
                    return Err(WildcardError::Consecutive(position));
                }
                '*' => {
                    pieces.push(String::new());
                    continue;
                }
                '\\' => match characters.next() {
                    Some((escaped @ ('*' | '\\'), _)) => escaped,
                    _ => return Err(WildcardError::Escape(position)),
                },
                other => other,
            };
            if let Some(piece) = pieces.last_mut() {
                piece.push(literal);
            }
        }
        if pieces.len() > WILDCARDS_MAX + 1 {
            return Err(WildcardError::TooMany);
        }
        let mut pieces = pieces.into_iter().map(String::into_boxed_str);
        let first = pieces.next().unwrap_or_default();
        Ok(Self { first, others: pieces.collect() })
    }

    /// Each piece is taken at its first place: if any choice of places fits, that one does.
    pub(super) fn matches(&self, value: &str) -> bool {
        let Some((last, between)) = self.others.split_last() else { return value == &*self.first };
        let rest = value.strip_prefix(&*self.first).and_then(|rest| rest.strip_suffix(&**last));
        let end =
            between.iter().try_fold(rest, |rest, piece| Some(Some(rest?.split_once(&**piece)?.1)));
        end.flatten().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, value: &str, expected: bool) {
        assert_eq!(Wildcard::parse(pattern).unwrap().matches(value), expected, "{pattern} {value}");
    }

    #[track_caller]
    fn refuse(pattern: &str, expected: &WildcardError) {
        assert_eq!(Wildcard::parse(pattern).as_ref(), Err(expected), "{pattern}");
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        check("auth0|*", "auth0|", true);
        check("auth0|*", "auth0|66f", true);
        check("auth0|*", "google|66f", false);
        check("*@example.com", "kim@example.com", true);
        check("*@example.com", "kim@example.com.evil", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "abc", true);
        check("a*b*c", "ab", false);
        check("ab*ba", "aba", false);
        check("*a*a*a*", "aa", false);
        check("*a*a*a*", "xaxaxax", true);
        check("*", "", true);
        check("", "", true);
        check("", "a", false);
        check("plain", "plain", true);
        check("*é*", "café au lait", true);
    }

    #[test]
    fn backslashes_escape() {
        check(r"a\*b", "a*b", true);
        check(r"a\*b", "axb", false);
        check(r"a\\*", r"a\b", true);
        check(r"*\**", "1*2", true);
        check(r"*\**", "12", false);
    }

    #[test]
    fn what_event_ruler_refuses_is_refused() {
        refuse("a**", &WildcardError::Consecutive(2));
        refuse("é***", &WildcardError::Consecutive(2));
        refuse(r"a\b", &WildcardError::Escape(2));
        refuse(r"ab\", &WildcardError::Escape(3));
        refuse(&"*a".repeat(33), &WildcardError::TooMany);
        check(&"*a".repeat(32), &"a".repeat(40), true);
    }
}
