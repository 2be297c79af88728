//! What a route watches: the places whose change makes an event worth delivering.

use serde_json::Value;

use crate::event::{Digest, Watched};

/// The places that a route watches (its `changed`), as JSON pointers (RFC 6901) into the CloudEvent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pointers: Box<[Box<str>]>,
    places: Digest,
}

/// Why a list of pointers can't be watched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangedError {
    /// Nothing would ever be delivered.
    #[error("an empty list would let no event through")]
    Empty,
    /// Not a JSON pointer.
    #[error("`{0}` is no JSON pointer such as \"/data/object/blocked\"")]
    NoPointer(String),
    /// More than anybody needs.
    #[error("{0} pointers; at most {max} are watched", max = Changed::POINTERS_MAX)]
    TooMany(usize),
}

impl Changed {
    /// Places that one route watches at most.
    pub const POINTERS_MAX: usize = 32;

    /// Reads JSON pointers.
    ///
    /// # Errors
    /// When there are none or too many, or one is no JSON pointer.
    pub fn parse<T: AsRef<str>>(pointers: &[T]) -> Result<Self, ChangedError> {
        if pointers.is_empty() {
            return Err(ChangedError::Empty);
        }
        if pointers.len() > Self::POINTERS_MAX {
            return Err(ChangedError::TooMany(pointers.len()));
        }
        let pointers = pointers.iter().map(|pointer| checked(pointer.as_ref()));
        let pointers: Box<[Box<str>]> = pointers.collect::<Result<_, _>>()?;
        Ok(Self { places: Digest::of(pointers.join("\n").as_bytes()), pointers })
    }

    /// What a CloudEvent says at these places.
    pub(super) fn watched(&self, event: &Value) -> Watched {
        let values = self.pointers.iter().map(|pointer| event.pointer(pointer).map(digest));
        Watched { places: self.places, values: values.collect() }
    }
}

fn checked(pointer: &str) -> Result<Box<str>, ChangedError> {
    let escapes_are_good =
        pointer.split('~').skip(1).all(|rest| rest.starts_with('0') || rest.starts_with('1'));
    if !pointer.starts_with('/') || !escapes_are_good {
        return Err(ChangedError::NoPointer(pointer.to_owned()));
    }
    Ok(pointer.into())
}

/// Of the canonical form (RFC 8785): the order of members and the spelling of numbers don't matter.
fn digest(value: &Value) -> Digest {
    let canonical = serde_json_canonicalizer::to_vec(value);
    Digest::of(&canonical.unwrap_or_else(|_| value.to_string().into_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(pointers: &[&str], expected: &Result<(), ChangedError>) {
        assert_eq!(&Changed::parse(pointers).map(drop), expected);
    }

    #[test]
    fn places_are_json_pointers() {
        check(&["/data/object/blocked"], &Ok(()));
        check(&["/a~0b", "/a~1b", "/", "/0"], &Ok(()));
        check(&[], &Err(ChangedError::Empty));
        for wrong in ["", "data/object", "$.data", "/a~2", "/a~"] {
            check(&[wrong], &Err(ChangedError::NoPointer(wrong.into())));
        }
        check(&["/a"; 33], &Err(ChangedError::TooMany(33)));
    }

    #[test]
    fn values_are_compared_by_what_they_mean() {
        let changed = Changed::parse(&["/data/object/a", "/type"]).unwrap();
        let of = |object: Value| {
            changed.watched(&json!({"type": "t", "data": {"object": object}})).values
        };
        let one = of(json!({"a": {"x": 1, "y": [null]}}));
        assert_eq!(one, of(json!({"a": {"y": [null], "x": 1.0}})));
        assert_ne!(one, of(json!({"a": {"x": 1, "y": []}})));

        let absent = of(json!({}));
        assert_eq!((absent[0], absent[1]), (None, one[1]));
        assert!(of(json!({"a": null}))[0].is_some(), "null is a value");
    }

    #[test]
    fn lists_of_places_have_names() {
        let places = |pointers: &[&str]| Changed::parse(pointers).unwrap().places;
        assert_eq!(places(&["/a", "/b"]), places(&["/a", "/b"]));
        assert_ne!(places(&["/a", "/b"]), places(&["/b", "/a"]));
        assert_ne!(places(&["/a"]), places(&["/a", "/b"]));
    }
}
