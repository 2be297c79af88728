//! What is asked of the Management API, against Auth0's own description of it, which is not part of this
//! repository: the folder with `management-api-*.openapi.json` is named by `TWINSTREAM_AUTH0_SCHEMAS`.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};
use twinstream::sim::auth0::management::Recorded;

const VARIABLE: &str = "TWINSTREAM_AUTH0_SCHEMAS";

/// Auth0's description of the API; none where nobody says where it is.
fn description() -> Option<&'static Value> {
    static DESCRIPTION: OnceLock<Option<Value>> = OnceLock::new();
    let read = || {
        let Some(folder) = std::env::var_os(VARIABLE) else {
            println!(
                "SKIPPED: no request was held against Auth0's schemas, since {VARIABLE} is not set"
            );
            return None;
        };
        let files = fs::read_dir(Path::new(&folder)).unwrap().map(|file| file.unwrap().path());
        let is_description = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("management-api") && name.ends_with(".openapi.json")
        };
        let file = files.filter(is_description).max();
        let file = file.unwrap_or_else(|| panic!("no management-api*.openapi.json in {VARIABLE}"));
        Some(serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap())
    };
    DESCRIPTION.get_or_init(read).as_ref()
}

/// Holds requests against Auth0's description, where that is at hand.
#[track_caller]
pub(crate) fn check(requests: &[Recorded]) {
    let Some(description) = description() else { return };
    for request in requests.iter().filter(|request| request.path.starts_with("/api/v2/")) {
        let faults = faults(description, request);
        assert!(faults.is_empty(), "{request:?}:\n{}", faults.join("\n"));
    }
}

/// What is wrong with a request.
fn faults(description: &Value, request: &Recorded) -> Vec<String> {
    let path = request.path.strip_prefix("/api/v2").unwrap();
    let paths = description["paths"].as_object().unwrap();
    let Some((_, call)) = paths.iter().find(|(template, _)| fits(template, path)) else {
        return vec![format!("there is no {path}")];
    };
    let call = &call[request.method.to_lowercase()];
    if call.is_null() {
        return vec![format!("there is no {} of it", request.method)];
    }
    let parameters = call["parameters"].as_array().cloned().unwrap_or_default();
    let mut faults = Vec::new();
    for (name, value) in &request.query {
        let known = parameters.iter().find(|one| one["name"] == **name && one["in"] == "query");
        match known {
            None => faults.push(format!("there is no parameter {name}")),
            Some(known) => {
                let schema = &known["schema"];
                // One value of a list; a number is written as a text.
                let value = match schema["type"].as_str() {
                    Some("integer") => {
                        value.parse::<i64>().map_or_else(|_| json!(value), Value::from)
                    }
                    None => json!([value]),
                    Some(_) => json!(value),
                };
                faults.extend(faults_of(description, schema, &value));
            }
        }
    }
    let schema = &call["requestBody"]["content"]["application/json"]["schema"];
    match (&request.body, schema.is_null()) {
        (Some(body), false) => {
            faults.extend(faults_of(description, schema, &without_secrets(body.clone())));
        }
        (Some(_), true) => faults.push("it takes no body".to_owned()),
        (None, _) => {}
    }
    faults
}

fn fits(template: &str, path: &str) -> bool {
    let (one, other): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    one.len() == other.len()
        && one.iter().zip(&other).all(|(one, other)| one.starts_with('{') || one == other)
}

/// The description is that of the answers, too, and they hold no secret: its three authorization objects
/// have no property for one, and allow no other. All else in them is checked.
fn without_secrets(mut body: Value) -> Value {
    let place = "/destination/configuration/webhook_authorization";
    if let Some(authorization) = body.pointer_mut(place).and_then(Value::as_object_mut) {
        for secret in ["token", "password", "header_value"] {
            authorization.remove(secret);
        }
    }
    body
}

fn faults_of(description: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut whole = schema.clone();
    whole["components"] = json!({ "schemas": description["schemas"] });
    let validator = jsonschema::options().should_validate_formats(true).build(&whole).unwrap();
    let faults = validator.iter_errors(value);
    faults.map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

#[test]
fn what_the_schemas_forbid_is_seen() {
    let Some(description) = description() else { return };
    let request =
        |method: &str, path: &str, query: &[(&str, &str)], body: Option<Value>| Recorded {
            method: method.to_owned(),
            path: format!("/api/v2/{path}"),
            query: query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body,
            status: 200,
        };
    let is_wrong = |request: &Recorded| !faults(description, request).is_empty();
    let create = |destination: Value| {
        let body = json!({ "name": "a", "destination": destination,
            "subscriptions": [{ "event_type": "user.created" }] });
        request("POST", "event-streams", &[], Some(body))
    };
    let webhook = |endpoint: &str, authorization: Value| {
        create(json!({ "type": "webhook", "configuration": {
            "webhook_endpoint": endpoint, "webhook_authorization": authorization } }))
    };
    let bearer = json!({ "method": "bearer", "token": "x" });
    assert!(!is_wrong(&webhook("https://a.example", bearer.clone())));
    assert!(is_wrong(&webhook("http://a.example", bearer)));
    assert!(is_wrong(&webhook("https://a.example", json!({ "method": "bearer", "tokens": "x" }))));
    assert!(is_wrong(&create(json!({ "type": "eventbridge", "configuration": {
        "aws_account_id": "1", "aws_region": "us-east-1" } }))));
    assert!(is_wrong(&request("GET", "event-stream", &[], None)));
    assert!(is_wrong(&request("PUT", "event-streams", &[], None)));
    assert!(is_wrong(&request("GET", "event-streams", &[("take", "101")], None)));
    assert!(is_wrong(&request("GET", "event-streams", &[("page", "1")], None)));
    assert!(!is_wrong(&request("GET", "event-streams", &[("take", "100")], None)));
    assert!(is_wrong(&request("GET", "events", &[("event_type", "user.lost")], None)));
    assert!(!is_wrong(&request("GET", "events", &[("event_type", "user.created")], None)));
}
