//! Texts compared whatever their case.

/// A text that stands for all its spellings in upper and lower case.
///
/// As `EqualsIgnoreCaseParser` of event-ruler does it: each character of the pattern stands for its
/// lower and its upper form, each taken alone; forms may be of different length, and a pattern
/// `ß` is met by `SS` while a pattern `SS` is not met by `ß`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnyCase(Box<str>);

impl AnyCase {
    pub(super) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether the value is one of the spellings.
    pub(super) fn equals(&self, value: &str) -> bool {
        if self.0.is_ascii() {
            return self.0.eq_ignore_ascii_case(value);
        }
        self.ends_of_beginnings(value).contains(&value.len())
    }

    /// Whether the value begins with one of them.
    pub(super) fn begins(&self, value: &str) -> bool {
        if self.0.is_ascii() {
            let beginning = value.as_bytes().get(..self.0.len());
            return beginning.is_some_and(|it| it.eq_ignore_ascii_case(self.0.as_bytes()));
        }
        !self.ends_of_beginnings(value).is_empty()
    }

    /// Whether the value ends with one of them.
    pub(super) fn ends(&self, value: &str) -> bool {
        if self.0.is_ascii() {
            let from = value.len().checked_sub(self.0.len());
            let end = from.and_then(|from| value.as_bytes().get(from..));
            return end.is_some_and(|it| it.eq_ignore_ascii_case(self.0.as_bytes()));
        }
        let mut starts = vec![value.len()];
        for character in self.0.chars().rev() {
            starts = step(&starts, character, |end, form| {
                value.get(..end)?.strip_suffix(form).map(str::len)
            });
        }
        !starts.is_empty()
    }

    /// Where in the value a spelling that begins with it may end.
    fn ends_of_beginnings(&self, value: &str) -> Vec<usize> {
        let mut ends = vec![0];
        for character in self.0.chars() {
            ends = step(&ends, character, |start, form| {
                let rest = value.get(start..)?;
                rest.starts_with(form).then(|| start + form.len())
            });
        }
        ends
    }
}

/// Moves each place by each form of a character, as far as the value has it there.
fn step(
    places: &[usize],
    character: char,
    go: impl Fn(usize, &str) -> Option<usize>,
) -> Vec<usize> {
    let (lower, upper) =
        (character.to_lowercase().to_string(), character.to_uppercase().to_string());
    let mut moved: Vec<usize> = places
        .iter()
        .flat_map(|place| [go(*place, &lower), go(*place, &upper)])
        .flatten()
        .collect();
    moved.sort_unstable();
    moved.dedup();
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, value: &str, (equals, begins, ends): (bool, bool, bool)) {
        let pattern = AnyCase::new(pattern);
        let found = (pattern.equals(value), pattern.begins(value), pattern.ends(value));
        assert_eq!(found, (equals, begins, ends), "{pattern:?} and {value:?}");
    }

    #[test]
    fn ascii_of_either_case_is_equal() {
        check("Kim@Example.com", "kim@eXAMPLE.com", (true, true, true));
        check("kim", "KIMBERLY", (false, true, false));
        check("LY", "kimberly", (false, false, true));
        check("kimberly", "kim", (false, false, false));
        check("", "kim", (false, true, true));
        check("k", "\u{212a}", (false, false, false));
    }

    #[test]
    fn each_character_stands_for_its_lower_and_its_upper_form() {
        check("zoë", "ZOË", (true, true, true));
        check("zoë", "ZOË!", (false, true, false));
        check("ÉA", "xéa", (false, false, true));
        check("straße", "STRASSE", (true, true, true));
        check("strasse", "straße", (false, false, false));
        check("ⱥ", "Ⱥ", (true, true, true));
        check("é", "e", (false, false, false));
    }
}
