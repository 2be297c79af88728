//! What holds of all patterns and events.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::super::Routes;
use super::super::Filter;
use super::{Pattern, reference};
use crate::event::{Digest, Event, EventId, Purpose, Timestamp};

fn key() -> impl Strategy<Value = String> {
    "[a-c]"
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[xyX]{0,3}".prop_map(Value::from),
        (-2..3).prop_map(Value::from),
        Just(json!(1.0)),
        Just(json!(1.5)),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

fn event() -> impl Strategy<Value = Value> {
    let inner = scalar().prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => object(inner, 0..4),
        ]
    });
    object(inner, 0..4)
}

fn object(
    value: impl Strategy<Value = Value>,
    size: std::ops::Range<usize>,
) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(key(), value, size)
        .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
}

fn operator() -> impl Strategy<Value = Value> {
    let text = || "[xyX]{1,2}";
    prop_oneof![
        any::<bool>().prop_map(|exists| json!({"exists": exists})),
        text().prop_map(|text| json!({"prefix": text})),
        text().prop_map(|text| json!({"suffix": text})),
        text().prop_map(|text| json!({"prefix": {"equals-ignore-case": text}})),
        text().prop_map(|text| json!({"suffix": {"equals-ignore-case": text}})),
        text().prop_map(|text| json!({"equals-ignore-case": text})),
        r"\*?[xy]\*?[xy]?\*?".prop_map(|text| json!({"wildcard": text})),
        r"\*?[xy]\*?[xy]?".prop_map(|text| json!({"anything-but": {"wildcard": text}})),
        (text(), text()).prop_map(|(one, two)| json!({"anything-but": {"prefix": [one, two]}})),
        (text(), text()).prop_map(|(one, two)| json!({"anything-but": [one, two]})),
        text().prop_map(|text| json!({"anything-but": {"suffix": text}})),
        (-2..3).prop_map(|number| json!({"anything-but": number})),
        (prop::sample::select(vec!["=", "<", "<=", ">", ">="]), -2..3)
            .prop_map(|(operator, number)| json!({"numeric": [operator, number]})),
        (-2..1, 1..3).prop_map(|(from, to)| json!({"numeric": [">", from, "<=", to]})),
    ]
}

fn list() -> impl Strategy<Value = Value> {
    prop::collection::vec(prop_oneof![scalar(), operator()], 1..4).prop_map(Value::from)
}

fn pattern() -> impl Strategy<Value = Value> {
    let inner = list().prop_recursive(3, 20, 3, |inner| fields(inner).boxed());
    fields(inner)
}

/// Some fields, with or without `$or`.
fn fields(value: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
    let or = prop::collection::vec(object(value.clone(), 1..3), 2..3);
    (object(value, 1..3), prop::option::weighted(0.3, or)).prop_map(|(mut fields, or)| {
        if let Some(or) = or {
            fields["$or"] = or.into();
        }
        fields
    })
}

/// A pattern and an event that are likely to meet in one list.
fn in_a_list() -> impl Strategy<Value = (Value, Value)> {
    let list = || {
        let member = prop_oneof![
            Just(json!({"exists": false})),
            Just(json!({"exists": true})),
            (0..2).prop_map(Value::from),
        ];
        prop::collection::vec(member, 1..3).prop_map(Value::from)
    };
    let inner = prop_oneof![3 => list(), 1 => object(list(), 1..3)];
    let pattern = fields(inner).prop_map(|fields| json!({ "a": fields }));
    let value = prop_oneof![
        3 => (0..2).prop_map(Value::from),
        1 => prop::collection::vec(object((0..2).prop_map(Value::from), 0..3), 0..3)
            .prop_map(Value::from),
    ];
    let element = object(value, 0..4).boxed();
    let element = prop_oneof![
        4 => element.clone(),
        1 => prop::collection::vec(element, 1..3).prop_map(Value::from),
    ];
    let event = prop::collection::vec(element, 0..4).prop_map(|list| json!({ "a": list }));
    (pattern, event)
}

/// Any JSON, with the language's own words among its keys and texts.
fn anything() -> impl Strategy<Value = Value> {
    let word = || {
        prop::sample::select(vec![
            "a",
            "$or",
            "prefix",
            "suffix",
            "equals-ignore-case",
            "wildcard",
            "anything-but",
            "<",
            "numeric",
            "cidr",
            "exists",
            "=",
            ">=",
            "1.2.3.4/5",
            "::/0",
            "::1",
            r"*\",
            "é*",
        ])
        .prop_map(str::to_owned)
    };
    let scalar = prop_oneof![
        scalar(),
        word().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(6, 60, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(word(), inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// Whether a field is to have a value and an object at once, which only a list can have. Event-ruler
/// then tells apart in which list of a list of lists the value is, and we do not.
fn asks_for_value_and_object(pattern: &Pattern) -> bool {
    let Pattern::Filter(Filter { alternatives, .. }) = pattern else { return false };
    alternatives.iter().any(|alternative| {
        let names: Vec<String> = alternative.leaves.iter().map(|leaf| leaf.name() + ".").collect();
        names.iter().any(|name| names.iter().any(|it| it != name && it.starts_with(name)))
    })
}

fn of_type(kind: &str, payload: &Value) -> Event {
    Event {
        id: EventId::parse("evt_1").unwrap(),
        kind: kind.into(),
        tenant: "acme".into(),
        subject: "user/auth0|1".into(),
        time: Timestamp::from_millis(0),
        purpose: Purpose::Live,
        object_digest: Digest::of(b""),
        payload_digest: Digest::of(b""),
        payload: payload.to_string().into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn matching_agrees_with_the_reference(
        (pattern, event) in prop_oneof![(pattern(), event()), in_a_list()],
    ) {
        // A field that is asked for twice is refused, and the only thing here that is.
        let parsed = Pattern::parse(&pattern).ok();
        if let Some(parsed) = parsed.filter(|parsed| !asks_for_value_and_object(parsed)) {
            let expected = reference::matches(&pattern, &event);
            prop_assert_eq!(parsed.matches(&event), expected);
            prop_assert_eq!(parsed.explain(&event).is_empty(), expected);
        }
    }

    #[test]
    fn nothing_panics(pattern in anything(), event in anything()) {
        if let Ok(parsed) = Pattern::parse(&pattern) {
            prop_assert_eq!(parsed.matches(&event), parsed.explain(&event).is_empty());
        }
        let within = json!({"a": [pattern]});
        if let Ok(parsed) = Pattern::parse(&within) {
            prop_assert_eq!(parsed.matches(&event), parsed.explain(&event).is_empty());
        }
    }

    #[test]
    fn anything_but_is_the_complement_of_exact(
        literal in prop_oneof!["[xyX]{0,3}".prop_map(Value::from), (-2..3).prop_map(Value::from)],
        value in scalar(),
    ) {
        let event = json!({ "a": value });
        let exact = Pattern::parse(&json!({"a": [literal]})).unwrap();
        let but = Pattern::parse(&json!({"a": [{"anything-but": literal}]})).unwrap();
        prop_assert_eq!(exact.matches(&event), !but.matches(&event));
    }

    #[test]
    fn routes_agree_with_each_pattern_alone(
        asked in prop::collection::vec(
            (prop::option::of(pattern()), prop::collection::vec("[xy1]|10\\.0\\.0\\.1", 0..3)), 0..8
        ),
        kind in "[xy1]|10\\.0\\.0\\.1",
        event in event(),
    ) {
        let mut event = event;
        event["type"] = kind.as_str().into();
        let patterns = asked.into_iter().filter_map(|(pattern, types)| {
            let mut pattern = pattern.unwrap_or_else(|| json!({}));
            if !types.is_empty() {
                pattern["type"] = types.into();
            }
            if pattern == json!({}) { Some(Pattern::Every) } else { Pattern::parse(&pattern).ok() }
        });
        let patterns: Vec<Pattern> = patterns.collect();
        let alone: Vec<usize> =
            (0..patterns.len()).filter(|at| patterns[*at].matches(&event)).collect();
        prop_assert_eq!(positions(&Routes::new(patterns), &of_type(&kind, &event)), alone);
    }
}

#[test]
fn a_payload_is_not_read_where_the_type_decides() {
    let types = |types: Value| Pattern::parse(&json!({ "type": types })).unwrap();
    let or = json!({"$or": [{"type": ["a"]}, {"type": ["b"]}]});
    let routes = Routes::new(vec![
        types(json!(["a", "b", "a"])),
        types(json!(["c"])),
        Pattern::Every,
        Pattern::parse(&or).unwrap(),
    ]);
    let mut event = of_type("a", &json!({}));
    event.payload = "not read".into();
    assert_eq!(positions(&routes, &event), [0, 2, 3]);
    event.kind = "c".into();
    assert_eq!(positions(&routes, &event), [1, 2]);
}

fn positions(routes: &Routes, event: &Event) -> Vec<usize> {
    routes.of(event).into_iter().map(|taken| taken.position).collect()
}
