//! JSON as people read it: indented, in colours, with the places marked at which two payloads differ.

use serde_json::Value;

use crate::event::legible;

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// `key`, `text`, `digits`, `word` or none; with `differs`, a place that is marked.
    pub(super) class: String,
    pub(super) text: String,
}

/// A document's text, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) tokens: Vec<Token>,
    /// It goes on.
    pub(super) is_cut: bool,
}

/// No page shows more of a document, in bytes.
const BYTES_MAX: usize = 128 * 1024;

/// Shows a document; `marked` are JSON pointers.
pub(super) fn shown(document: &Value, marked: &[String]) -> Shown {
    let mut writer = Writer { tokens: Vec::new(), bytes: 0, marked };
    writer.value(document, "", 0);
    let is_cut = writer.bytes > BYTES_MAX;
    Shown { tokens: writer.tokens, is_cut }
}

struct Writer<'a> {
    tokens: Vec<Token>,
    bytes: usize,
    marked: &'a [String],
}

impl Writer<'_> {
    fn put(&mut self, class: &str, text: &str) {
        if self.bytes > BYTES_MAX {
            return;
        }
        self.bytes += text.len();
        match self.tokens.last_mut() {
            Some(last) if last.class == class => last.text.push_str(text),
            Some(_) | None => {
                self.tokens.push(Token { class: class.to_owned(), text: text.to_owned() });
            }
        }
    }

    fn line(&mut self, depth: usize) {
        self.put("", "\n");
        self.put("", &"  ".repeat(depth));
    }

    fn value(&mut self, value: &Value, pointer: &str, depth: usize) {
        if self.bytes > BYTES_MAX {
            return;
        }
        let is_marked = !pointer.is_empty() && self.marked.iter().any(|one| one == pointer);
        let class = |class: &str| if is_marked { format!("{class} differs") } else { class.into() };
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                self.put(if is_marked { "differs" } else { "" }, "{");
                for (place, (name, value)) in fields.iter().enumerate() {
                    self.put("", if place > 0 { "," } else { "" });
                    self.line(depth + 1);
                    self.put("key", &legible(&Value::from(name.as_str()).to_string()));
                    self.put("", ": ");
                    let name = name.replace('~', "~0").replace('/', "~1");
                    self.value(value, &format!("{pointer}/{name}"), depth + 1);
                }
                self.line(depth);
                self.put("", "}");
            }
            Value::Array(values) if !values.is_empty() => {
                self.put(if is_marked { "differs" } else { "" }, "[");
                for (place, value) in values.iter().enumerate() {
                    self.put("", if place > 0 { "," } else { "" });
                    self.line(depth + 1);
                    self.value(value, &format!("{pointer}/{place}"), depth + 1);
                }
                self.line(depth);
                self.put("", "]");
            }
            Value::String(_) => self.put(&class("text"), &legible(&value.to_string())),
            Value::Number(_) => self.put(&class("digits"), &value.to_string()),
            Value::Bool(_) | Value::Null => self.put(&class("word"), &value.to_string()),
            Value::Object(_) | Value::Array(_) => self.put(&class(""), &value.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(document: &Value) {
        let shown = shown(document, &[]);
        let text: String = shown.tokens.into_iter().map(|token| token.text).collect();
        assert_eq!(text, format!("{document:#}"));
        assert!(!shown.is_cut);
    }

    #[test]
    fn it_is_the_same_text_as_any_pretty_printer_s() {
        check(&json!(null));
        check(&json!({}));
        check(&json!([{"a": [1, 2.5, "x\n\"y"], "b": {}}, [], true]));
    }

    #[test]
    fn places_are_marked_by_their_pointer() {
        let document = json!({"data": {"a/b": [1, 2]}, "id": "x"});
        let shown = shown(&document, &["/data/a~1b/1".to_owned()]);
        let marked: Vec<&Token> =
            shown.tokens.iter().filter(|token| token.class.contains("differs")).collect();
        assert_eq!(marked, [&Token { class: "digits differs".into(), text: "2".into() }]);
    }

    #[test]
    fn what_is_long_is_cut_and_what_turns_the_line_is_shown_by_its_code() {
        let long = json!(vec!["x".repeat(1_000); 1_000]);
        let shown_long = shown(&long, &[]);
        let bytes: usize = shown_long.tokens.iter().map(|token| token.text.len()).sum();
        assert!(shown_long.is_cut && bytes < BYTES_MAX + 2_000);
        let turned = shown(&json!("a\u{202e}b"), &[]);
        assert_eq!(turned.tokens[0].text, "\"a\\u{202e}b\"");
    }
}
