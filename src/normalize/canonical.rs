//! The canonical form of JSON (RFC 8785), so that spacing and the order of keys don't count.
//!
//! Written here for speed, since every event goes through it: `serde_json_canonicalizer`, which is
//! right as well, buffers each value of each object on its own and parses every key again, and took
//! half of the time of a whole request. It still writes the numbers that are not plain, and the
//! tests hold the two against each other.

use std::ops::Range;

use serde_json::{Map, Number, Value};

use crate::event::Digest;

/// The largest integer below which every integer is a double of its own (RFC 8785, section 3.2.2.3:
/// numbers are doubles).
const PLAIN_MAX: u64 = 1 << 53;

/// A document in canonical form, with the place of its `/data/object`.
pub(super) struct Canonical {
    text: Vec<u8>,
    object: Option<Range<usize>>,
}

impl Canonical {
    /// Writes it.
    ///
    /// # Errors
    /// When a value has no canonical form.
    pub(super) fn of(document: &Value, bytes: usize) -> serde_json::Result<Self> {
        let mut canonical = Self { text: Vec::with_capacity(bytes), object: None };
        canonical.write(document, &["data", "object"])?;
        Ok(canonical)
    }

    /// Digest of all of it.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.text)
    }

    /// Digest of its `/data/object`, which is `null` where there is none.
    pub(super) fn object_digest(&self) -> Digest {
        let object = self.object.clone().and_then(|range| self.text.get(range));
        Digest::of(object.unwrap_or(b"null"))
    }

    /// `way` is what is left of the way to the object.
    fn write(&mut self, value: &Value, way: &[&str]) -> serde_json::Result<()> {
        match value {
            Value::Null => self.text.extend_from_slice(b"null"),
            Value::Bool(true) => self.text.extend_from_slice(b"true"),
            Value::Bool(false) => self.text.extend_from_slice(b"false"),
            Value::Number(number) => self.write_number(number)?,
            // The escapes of serde_json are those of section 3.2.2.2.
            Value::String(text) => serde_json::to_writer(&mut self.text, text)?,
            Value::Array(values) => {
                self.text.push(b'[');
                for (position, value) in values.iter().enumerate() {
                    self.separate(position);
                    self.write(value, &[])?;
                }
                self.text.push(b']');
            }
            Value::Object(entries) => self.write_object(entries, way)?,
        }
        Ok(())
    }

    fn write_number(&mut self, number: &Number) -> serde_json::Result<()> {
        let is_plain = number.as_i64().is_some_and(|number| number.unsigned_abs() <= PLAIN_MAX);
        if is_plain {
            return serde_json::to_writer(&mut self.text, number);
        }
        self.text.extend(serde_json_canonicalizer::to_vec(number)?);
        Ok(())
    }

    fn write_object(
        &mut self,
        entries: &Map<String, Value>,
        way: &[&str],
    ) -> serde_json::Result<()> {
        let mut sorted: Vec<(&String, &Value)> = entries.iter().collect();
        // Section 3.2.3: by UTF-16 code units, which is the order of the bytes up to U+D7FF.
        if sorted.iter().all(|(key, _)| key.is_ascii()) {
            sorted.sort_unstable_by_key(|(key, _)| *key);
        } else {
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        }
        self.text.push(b'{');
        for (position, (key, value)) in sorted.into_iter().enumerate() {
            self.separate(position);
            serde_json::to_writer(&mut self.text, key)?;
            self.text.push(b':');
            let start = self.text.len();
            match way {
                [next] if next == key => {
                    self.write(value, &[])?;
                    self.object = Some(start..self.text.len());
                }
                [next, rest @ ..] if next == key => self.write(value, rest)?,
                _ => self.write(value, &[])?,
            }
        }
        self.text.push(b'}');
        Ok(())
    }

    fn separate(&mut self, position: usize) {
        if position > 0 {
            self.text.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: &Value) {
        let ours = Canonical::of(value, 0).unwrap();
        let theirs = serde_json_canonicalizer::to_vec(value).unwrap();
        assert_eq!(String::from_utf8(ours.text.clone()), String::from_utf8(theirs.clone()));
        assert_eq!(ours.digest(), Digest::of(&theirs));
        let object = value.pointer("/data/object").unwrap_or(&Value::Null);
        let theirs = serde_json_canonicalizer::to_vec(object).unwrap();
        assert_eq!(ours.object_digest(), Digest::of(&theirs));
    }

    #[test]
    fn it_is_the_form_of_rfc_8785() {
        check(
            &json!({"b": 1, "a": [true, null, {"d": "x", "c": ""}], "data": {"object": {"z": 1}}}),
        );
        check(&json!({"data": {"objects": 1, "object": [1, 2]}, "object": 3}));
        check(&json!({"data": [{"object": 1}]}));
        check(&json!("\u{0}\u{1f}\u{7f}\u{8}\u{c}\n\r\t\"\\/é€\u{1d11e}\u{2028}"));
        // Section 3.2.3: a character beyond U+FFFF comes before one from U+E000.
        check(&json!({"\u{fb33}": 1, "\u{1f600}": 2, "é": 3, "a\n": 4, "": 5}));
        for number in ["0", "-0", "-0.0", "1.0", "1e2", "1e21", "1.5e-7", "123456789012345678"] {
            check(&serde_json::from_str(number).unwrap());
        }
        for number in ["9007199254740992", "9007199254740993", "-9007199254740993"] {
            check(&serde_json::from_str(number).unwrap());
        }
        for number in ["18446744073709551615", "-9223372036854775808", "0.1", "5e-324"] {
            check(&serde_json::from_str(number).unwrap());
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let key = prop_oneof![
                any::<String>(),
                Just("data".to_owned()),
                Just("object".to_owned()),
                Just("a".to_owned())
            ];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((key, inner), 0..6)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_what_others_write(value in values()) {
            check(&value);
        }
    }
}
