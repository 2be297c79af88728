//! What holds of all templates and events.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::super::{TransformError, text};
use super::{ContentType, Transform, context, paths};

/// Texts that would break out of a string, or look like a variable.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        r#"["\\<>{}:,/a\n\r\t\u{0}\u{7f}\u{2028}é🦀]{0,12}"#,
        Just("<a>".to_owned()),
        Just("\\u0022".to_owned()),
        Just("\", \"admin\": true, \"x\": \"".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        4 => hostile().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    scalar.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            members(inner),
        ]
    })
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(hostile(), value, 0..4)
        .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
}

const NAMES: [&str; 3] = ["a", "b", "missing"];

/// An event with `a` and `b`.
fn event() -> impl Strategy<Value = Value> {
    (value(), value()).prop_map(|(a, b)| {
        let members = [("a".to_owned(), a), ("b".to_owned(), b)];
        Value::Object(members.into_iter().collect())
    })
}

/// What a template is made of.
#[derive(Debug, Clone)]
enum Node {
    Constant(Value),
    Variable(&'static str),
    /// Constant texts, each but the last with a variable behind it.
    Text(Vec<(String, &'static str)>, String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

fn node() -> impl Strategy<Value = Node> {
    // `<` begins a variable, also in the text of a template.
    let constant = || hostile().prop_map(|text| text.replace('<', ""));
    let name = || prop::sample::select(NAMES.to_vec());
    let leaf = prop_oneof![
        constant().prop_map(|text| Node::Constant(text.into())),
        any::<i32>().prop_map(|number| Node::Constant(number.into())),
        name().prop_map(Node::Variable),
        (prop::collection::vec((constant(), name()), 0..4), constant())
            .prop_map(|(pieces, last)| Node::Text(pieces, last)),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        let member = (hostile().prop_map(|key| key.replace('<', "")), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Node::List),
            prop::collection::vec(member, 0..4).prop_map(Node::Object),
        ]
    })
}

/// The template's text.
fn template(node: &Node) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    match node {
        Node::Constant(value) => value.to_string(),
        Node::Variable(name) => format!("<{name}>"),
        Node::Text(pieces, last) => {
            let inner = |text: &str| quoted(text).trim_matches('"').to_owned();
            // A quote at an end is escaped, so that the backslash before it would be left.
            let inner = |text: &str| inner(&format!("|{text}|"));
            let pieces = pieces.iter().map(|(text, name)| format!("{}<{name}>", inner(text)));
            format!("\"{}{}\"", pieces.collect::<String>(), inner(last))
        }
        Node::List(nodes) => {
            format!("[{}]", nodes.iter().map(template).collect::<Vec<_>>().join(" , "))
        }
        Node::Object(members) => {
            let members =
                members.iter().map(|(key, node)| format!("{}: {}", quoted(key), template(node)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(",\n"))
        }
    }
}

/// What it should be with an event.
fn filled(node: &Node, event: &Value) -> Value {
    let find = |name: &str| event.get(name).cloned().unwrap_or_else(|| "".into());
    match node {
        Node::Constant(value) => value.clone(),
        Node::Variable(name) => find(name),
        Node::Text(pieces, last) => {
            let pieces =
                pieces.iter().map(|(piece, name)| format!("|{piece}|{}", text(&find(name))));
            format!("{}|{last}|", pieces.collect::<String>()).into()
        }
        Node::List(nodes) => nodes.iter().map(|node| filled(node, event)).collect(),
        Node::Object(members) => {
            let members = members.iter().map(|(key, node)| (key.clone(), filled(node, event)));
            Value::Object(members.collect())
        }
    }
}

fn transform(template: &str) -> Result<Transform, TransformError> {
    Transform::parse(&paths(&[("a", "$.a"), ("b", "$.b"), ("missing", "$.missing")]), template)
}

proptest! {
    #[test]
    fn a_json_template_is_json_for_every_event(node in node(), event in event()) {
        let transform = transform(&template(&node)).unwrap();
        let rendered = transform.render(&event, &context()).unwrap();
        prop_assert_eq!(rendered.content_type, ContentType::Json);
        let body: Value = serde_json::from_str(&rendered.body).unwrap();
        prop_assert_eq!(body, filled(&node, &event));
    }

    #[test]
    fn a_template_that_is_taken_is_what_it_says_for_every_event(
        template in r#"([{}\[\],: \n"\\x1u-]|<a>|<b>|"a": ){0,10}"#,
        events in prop::collection::vec(event(), 1..4),
    ) {
        let Ok(transform) = transform(&template) else { return Ok(()) };
        for event in events {
            let rendered = transform.render(&event, &context()).unwrap();
            match rendered.content_type {
                ContentType::Json => {
                    let body = serde_json::from_str::<Value>(&rendered.body);
                    prop_assert!(body.is_ok(), "{template}: {}", rendered.body);
                }
                ContentType::Text if template.contains('"') => {
                    for line in rendered.body.split('\n').filter(|line| !line.trim().is_empty()) {
                        let text = serde_json::from_str::<String>(line);
                        prop_assert!(text.is_ok(), "{template}: {line}");
                    }
                }
                ContentType::Text => {}
            }
        }
    }
}
