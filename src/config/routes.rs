//! From the raw keys of `[[routes]]` to routes.

use std::collections::BTreeSet;

use http::HeaderValue;

use super::check::Check;
use super::{Route, raw};
use crate::routing::{Changed, Pattern, PatternError, Transform};

/// The routes, in the order of the file, and what is odd about routes and targets together.
pub(super) fn routes(
    check: &mut Check<'_>,
    raw: &[raw::Route],
    targets: &[raw::Target],
) -> Vec<Route> {
    let mut names = BTreeSet::new();
    let mut routes = Vec::new();
    for (position, route) in raw.iter().enumerate() {
        let key = |name: &str| format!("routes[{position}].{name}");
        if route.name.is_empty() || !names.insert(route.name.as_str()) {
            check.problem(&key("name"), "empty, or used twice", "give each route its own name");
        }
        if HeaderValue::from_str(&route.name).is_err() {
            let what = "can't be sent as the header twinstream-route";
            check.problem(&key("name"), what, "use letters, digits, - and _");
        }
        if !targets.iter().any(|target| target.name == route.target) {
            let what = format!("no target is called `{}`", route.target);
            check.problem(&key("target"), what, "use the name of one of [[targets]]");
        }
        let transform = transform(check, &key("transform"), route.transform.as_ref());
        let pattern = match route.pattern.as_ref().map(pattern) {
            None => Pattern::Every,
            Some(Ok(pattern)) => pattern,
            Some(Err(error)) => {
                let remedy = "write an EventBridge event pattern, such as { type = \
                              [\"user.updated\"] }, or none for every event; `twinstream pattern \
                              test` tries one";
                check.problem(&key("pattern"), error.to_string(), remedy);
                continue;
            }
        };
        let changed = route.changed.as_deref().map(Changed::parse).transpose();
        let changed = changed.unwrap_or_else(|error| {
            let remedy =
                "write JSON pointers into the CloudEvent, such as \"/data/object/blocked\"";
            check.problem(&key("changed"), error.to_string(), remedy);
            None
        });
        let (name, target) = (route.name.clone(), route.target.clone());
        let order = route.order;
        routes.push(Route { name, target, pattern, changed, order, transform });
    }
    if raw.is_empty() {
        check
            .warnings
            .push("no routes: events are kept and compared, and delivered nowhere".into());
    }
    let idle = targets.iter().filter(|target| raw.iter().all(|route| route.target != target.name));
    check
        .warnings
        .extend(idle.map(|target| format!("no route leads to the target `{}`", target.name)));
    routes
}

/// A pattern is a table, or JSON as text: TOML has no null.
fn pattern(raw: &serde_json::Value) -> Result<Pattern, PatternError> {
    match raw.as_str() {
        Some(text) => text.parse(),
        None => Pattern::parse(raw),
    }
}

fn transform(check: &mut Check<'_>, key: &str, raw: Option<&raw::Transform>) -> Option<Transform> {
    match Transform::parse(&raw?.paths, &raw?.template) {
        Ok(transform) => Some(transform),
        Err(error) => {
            let remedy = "write EventBridge's input transformer, such as { paths = { user = \
                          \"$.data.object.user_id\" }, template = '{\"user\": <user>}' }, or none \
                          for the event as it is";
            check.problem(key, error.to_string(), remedy);
            None
        }
    }
}
