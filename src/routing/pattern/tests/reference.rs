//! The language once more, to compare with: slow, and as event-ruler goes about it. The event is
//! taken apart into values, each with its dotted name and the elements of lists it is in; a match
//! is a choice of one value for each name asked for, of which no two are in different elements of
//! one list. Texts and numbers are compared in the plainest way that will do for the generated ones.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The element of each list (by its number) that a value is in.
type Elements = BTreeMap<usize, usize>;
type Asked = BTreeMap<String, Vec<Value>>;

#[derive(Debug, Default)]
struct Fields {
    values: Vec<(String, Value, Elements)>,
    lists: usize,
}

pub(super) fn matches(pattern: &Value, event: &Value) -> bool {
    let mut fields = Fields::default();
    fields.take(event, "", &Elements::new());
    let products = products(pattern.as_object().unwrap(), "");
    products
        .into_iter()
        .any(|asked| choose(&asked.into_iter().collect::<Vec<_>>(), &fields, &Elements::new()))
}

impl Fields {
    fn take(&mut self, value: &Value, name: &str, elements: &Elements) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    self.take(value, &format!("{name}.{key}"), elements);
                }
            }
            Value::Array(list) => {
                let number = self.lists;
                self.lists += 1;
                for (at, value) in list.iter().enumerate() {
                    let mut elements = elements.clone();
                    if value.is_object() || value.is_array() {
                        elements.insert(number, at);
                    }
                    self.take(value, name, &elements);
                }
            }
            scalar => self.values.push((name.to_owned(), scalar.clone(), elements.clone())),
        }
    }
}

fn products(object: &Map<String, Value>, name: &str) -> Vec<Asked> {
    let mut products = vec![Asked::new()];
    for (key, value) in object {
        let below = format!("{name}.{key}");
        let more: Vec<Asked> = match value {
            Value::Array(members) if key == "$or" => members
                .iter()
                .flat_map(|it| self::products(it.as_object().unwrap(), name))
                .collect(),
            Value::Array(list) => vec![[(below, list.clone())].into()],
            other => self::products(other.as_object().unwrap(), &below),
        };
        let both =
            |one: &Asked, other: &Asked| one.clone().into_iter().chain(other.clone()).collect();
        products =
            products.iter().flat_map(|one| more.iter().map(move |it| both(one, it))).collect();
    }
    products
}

fn choose(asked: &[(String, Vec<Value>)], fields: &Fields, settled: &Elements) -> bool {
    let Some(((name, list), rest)) = asked.split_first() else { return true };
    let within = fields.values.iter().filter(|(field, _, elements)| {
        field == name
            && elements.iter().all(|(list, at)| settled.get(list).is_none_or(|other| other == at))
    });
    let within: Vec<_> = within.collect();
    let absent = list.iter().any(|it| it["exists"] == false);
    if absent && within.is_empty() && choose(rest, fields, settled) {
        return true;
    }
    within.into_iter().any(|(_, value, elements)| {
        let settled = settled.clone().into_iter().chain(elements.clone()).collect();
        list.iter().any(|member| holds(member, value)) && choose(rest, fields, &settled)
    })
}

fn holds(member: &Value, value: &Value) -> bool {
    let Some(object) = member.as_object() else { return equal(member, value) };
    let (operator, operand) = object.iter().next().unwrap();
    let text = value.as_str();
    let any_case = |text: &str| text.to_uppercase();
    match (operator.as_str(), operand) {
        ("exists", operand) => operand == true,
        ("prefix", Value::String(part)) => text.is_some_and(|text| text.find(part) == Some(0)),
        ("suffix", Value::String(part)) => text.is_some_and(|text| {
            let from = text.len().checked_sub(part.len());
            from.is_some_and(|from| text.get(from..) == Some(part))
        }),
        ("prefix" | "suffix", nested) => {
            let part = any_case(nested["equals-ignore-case"].as_str().unwrap());
            holds(&serde_json::json!({operator: Value::String(part)}), &text.map(any_case).into())
        }
        ("equals-ignore-case", part) => text.map(any_case) == part.as_str().map(any_case),
        ("wildcard", part) => text.is_some_and(|text| glob(part.as_str().unwrap(), text)),
        ("numeric", comparisons) => value.as_f64().is_some_and(|value| {
            comparisons.as_array().unwrap().chunks(2).all(|pair| {
                let other = pair[1].as_f64().unwrap();
                match pair[0].as_str().unwrap() {
                    "=" => (value - other).abs() < 1e-9,
                    "<" => value < other,
                    "<=" => value <= other,
                    ">" => value > other,
                    _ => value >= other,
                }
            })
        }),
        ("anything-but", Value::Object(nested)) => {
            let (inner, operand) = nested.iter().next().unwrap();
            let parts = operand.as_array().cloned().unwrap_or_else(|| vec![operand.clone()]);
            !parts.iter().any(|part| holds(&serde_json::json!({inner: part}), value))
        }
        ("anything-but", Value::Array(list)) => !list.iter().any(|other| equal(other, value)),
        ("anything-but", other) => !equal(other, value),
        other => panic!("{other:?}"),
    }
}

fn equal(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-9,
        _ => one == other,
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_at_checked(1) {
        None => text.is_empty(),
        Some(("*", rest)) => (0..=text.len()).any(|skipped| glob(rest, text.split_at(skipped).1)),
        Some((first, rest)) => text.strip_prefix(first).is_some_and(|text| glob(rest, text)),
    }
}
