//! What a route watches: the places whose change makes an event worth delivering.

use serde_json::Value;

use crate::event::{Digest, Watched, WatchedValue};

/// The places that a route watches (its `changed`), as JSON pointers (RFC 6901) into the CloudEvent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pointers: Box<[Pointer]>,
    places: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pointer {
    now: Box<str>,
    /// The same place in `data.previous_object`.
    before: Option<Box<str>>,
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
        let pointers = pointers.iter().map(|pointer| Pointer::parse(pointer.as_ref()));
        let pointers: Box<[Pointer]> = pointers.collect::<Result<_, _>>()?;
        let names: Vec<&str> = pointers.iter().map(|pointer| &*pointer.now).collect();
        Ok(Self { places: Digest::of(names.join("\n").as_bytes()), pointers })
    }

    /// What a CloudEvent says at these places.
    pub(super) fn watched(&self, event: &Value) -> Watched {
        let at = |pointer: &str| Some(digest(event.pointer(pointer)?));
        let value = |pointer: &Pointer| WatchedValue {
            now: at(&pointer.now),
            before: pointer.before.as_deref().and_then(at),
        };
        Watched { places: self.places, values: self.pointers.iter().map(value).collect() }
    }
}

const OBJECT: &str = "/data/object/";
const PREVIOUS_OBJECT: &str = "/data/previous_object/";

impl Pointer {
    fn parse(text: &str) -> Result<Self, ChangedError> {
        let escapes_are_good =
            text.split('~').skip(1).all(|rest| rest.starts_with('0') || rest.starts_with('1'));
        if !text.starts_with('/') || !escapes_are_good {
            return Err(ChangedError::NoPointer(text.to_owned()));
        }
        let before =
            text.strip_prefix(OBJECT).map(|rest| format!("{PREVIOUS_OBJECT}{rest}").into());
        Ok(Self { now: text.into(), before })
    }
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
        let of = |object: Value, previous: Value| {
            let data = json!({"object": object, "previous_object": previous});
            changed.watched(&json!({"type": "t", "data": data})).values
        };
        let one = of(json!({"a": {"x": 1, "y": [null]}}), json!(null));
        assert_eq!(one, of(json!({"a": {"y": [null], "x": 1.0}}), json!({})));
        assert_ne!(one, of(json!({"a": {"x": 1, "y": []}}), json!(null)));
        assert_eq!(one[0].before, None);

        let absent = of(json!({}), json!({"a": null}));
        assert_eq!(absent[0].now, None);
        assert_eq!(absent[0].before, of(json!({"a": null}), json!(null))[0].now);
        assert!(absent[0].before.is_some(), "null is a value");
        // Only places in the object have a place in the object before.
        assert_eq!((absent[1].before, absent[1].now), (None, one[1].now));
    }

    #[test]
    fn lists_of_places_have_names() {
        let places = |pointers: &[&str]| Changed::parse(pointers).unwrap().places;
        assert_eq!(places(&["/a", "/b"]), places(&["/a", "/b"]));
        assert_ne!(places(&["/a", "/b"]), places(&["/b", "/a"]));
        assert_ne!(places(&["/a"]), places(&["/a", "/b"]));
    }
}
