//! Where in the event a variable's value is: as much of JSON paths as EventBridge takes.

use std::borrow::Cow;

use serde_json::Value;

/// EventBridge's API reference, `InputTransformer`.
const LENGTH_MAX: usize = 256;

/// What is wrong with a path. Positions count characters, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with `$`.
    #[error("a path begins with `$`, the CloudEvent, as in `$.data.object.user_id`")]
    Start,
    /// Neither the next step, nor a part of the last name.
    #[error(
        "at character {0} there should be `.` and a name of letters, digits, `-`, `_` and `/`, or \
         `[`; a name with other characters is written `['…']`"
    )]
    Step(usize),
    /// Brackets around something that EventBridge does not take.
    #[error(
        "at character {0} brackets begin that hold neither a place in a list, as in `[0]`, nor `*`, \
         nor a name in single quotes"
    )]
    Bracket(usize),
    /// Longer than EventBridge takes.
    #[error("more than {LENGTH_MAX} characters")]
    TooLong,
}

/// A way down from the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(Box<[Step]>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// `.name`, or `['name']`.
    Member(Box<str>),
    /// `[0]`.
    Element(usize),
    /// `.*`, or `[*]`.
    Every,
}

impl Path {
    /// User guide, "Input transformation": dots, dashes, underscores, letters and digits, slashes,
    /// places in lists, and `*`.
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        if text.chars().count() > LENGTH_MAX {
            return Err(PathError::TooLong);
        }
        let mut rest = text.strip_prefix('$').ok_or(PathError::Start)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let at = 1 + text.chars().count() - rest.chars().count();
            let (step, after) = if let Some(inside) = rest.strip_prefix('[') {
                bracketed(inside).ok_or(PathError::Bracket(at))?
            } else {
                let name = rest.strip_prefix('.').ok_or(PathError::Step(at))?;
                dotted(name).ok_or(PathError::Step(at + 1))?
            };
            steps.push(step);
            rest = after;
        }
        Ok(Self(steps.into()))
    }

    /// What is there. A path with `*` finds a list, of any length; any other path that finds nothing
    /// finds an empty text.
    pub(super) fn find<'a>(&self, event: &'a Value) -> Cow<'a, Value> {
        let mut found = vec![event];
        for step in &self.0 {
            found = found.into_iter().flat_map(|value| below(value, step)).collect();
        }
        if self.0.contains(&Step::Every) {
            return Cow::Owned(found.into_iter().cloned().collect());
        }
        found.first().map_or_else(|| Cow::Owned("".into()), |value| Cow::Borrowed(*value))
    }
}

/// The step behind a dot, and what follows.
fn dotted(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('*') {
        return Some((Step::Every, rest));
    }
    let is_name = |sign: char| sign.is_alphanumeric() || matches!(sign, '-' | '_' | '/');
    let rest = text.trim_start_matches(is_name);
    let name = text.strip_suffix(rest)?;
    (!name.is_empty()).then(|| (Step::Member(name.into()), rest))
}

/// The step behind a bracket, and what follows.
fn bracketed(text: &str) -> Option<(Step, &str)> {
    if let Some(text) = text.strip_prefix('\'') {
        let (name, rest) = text.split_once("']")?;
        return (!name.contains('\'')).then(|| (Step::Member(name.into()), rest));
    }
    let (inside, rest) = text.split_once(']')?;
    if inside == "*" {
        return Some((Step::Every, rest));
    }
    // A sign is no digit, and yet a part of what `parse` takes.
    let digits = inside.bytes().all(|byte| byte.is_ascii_digit());
    let place = digits.then(|| inside.parse().ok()).flatten()?;
    Some((Step::Element(place), rest))
}

/// What one step leads to.
fn below<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    match step {
        Step::Member(name) => value.as_object().and_then(|o| o.get(&**name)).into_iter().collect(),
        Step::Element(place) => value.as_array().and_then(|a| a.get(*place)).into_iter().collect(),
        Step::Every => match value {
            Value::Array(elements) => elements.iter().collect(),
            Value::Object(members) => members.values().collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &Value) {
        let event = json!({
            "type": "user.updated", "0": "zero", "a b": "space", "a.b": "dot", "https://x/y": "url",
            "ключ": "letters", "a-b_c/d": "signs", "": "empty",
            "data": {"list": [{"n": 1}, {"n": [2, 3]}, {"m": 4}, [5]], "null": null, "text": "abc"},
        });
        let found = Path::parse(path).unwrap().find(&event).into_owned();
        assert_eq!(found, if path == "$" { event } else { expected.clone() }, "{path}");
    }

    #[track_caller]
    fn refuse(path: &str, expected: &PathError) {
        assert_eq!(Path::parse(path).as_ref(), Err(expected), "{path}");
    }

    #[test]
    fn a_path_leads_to_a_value() {
        check("$", &json!(null));
        check("$.type", &json!("user.updated"));
        check("$.data.list[0]", &json!({"n": 1}));
        check("$.data.list[1].n[1]", &json!(3));
        check("$.data.list[3][0]", &json!(5));
        check("$.data.null", &json!(null));
        check("$.a-b_c/d", &json!("signs"));
        check("$.ключ", &json!("letters"));
        check("$.0", &json!("zero"));
        check("$['a.b']", &json!("dot"));
        check("$['a b']", &json!("space"));
        check("$['https://x/y']", &json!("url"));
        check("$['']", &json!("empty"));
        check("$['data'].text", &json!("abc"));
    }

    #[test]
    fn a_path_to_nothing_finds_an_empty_text() {
        for path in
            ["$.missing", "$.type.x", "$.type[0]", "$.data.list.n", "$.data.list[9]", "$.data[0]"]
        {
            check(path, &json!(""));
        }
    }

    #[test]
    fn a_path_with_a_star_finds_a_list() {
        check("$.data.list[*].n", &json!([1, [2, 3]]));
        check("$.data.list[*].n[*]", &json!([2, 3]));
        check("$.data.list.*.m", &json!([4]));
        check("$.data.*", &json!([[{"n": 1}, {"n": [2, 3]}, {"m": 4}, [5]], null, "abc"]));
        check("$.type[*]", &json!([]));
        check("$.missing[*].x", &json!([]));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        refuse("", &PathError::Start);
        refuse("data", &PathError::Start);
        refuse(".data", &PathError::Start);
        refuse("$data", &PathError::Step(2));
        refuse("$.", &PathError::Step(3));
        refuse("$..data", &PathError::Step(3));
        refuse("$.data.", &PathError::Step(8));
        refuse("$.é b", &PathError::Step(4));
        refuse("$.a[0]b", &PathError::Step(7));
        refuse("$.a[", &PathError::Bracket(4));
        for inside in ["", "x", "-1", "+1", "0:2", "0,1", "?(@.a)", "\"a\"", "'a", "'a'b'", " 0"] {
            refuse(&format!("$.a[{inside}]"), &PathError::Bracket(4));
        }
        refuse("$.a[99999999999999999999]", &PathError::Bracket(4));
        refuse(&format!("$.{}", "a".repeat(255)), &PathError::TooLong);
        check(&format!("$.{}", "é".repeat(254)), &json!(""));
    }
}
