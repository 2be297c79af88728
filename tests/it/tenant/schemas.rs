//! The events against Auth0's own schemas, which are not part of this repository: the folder with
//! `event-catalog-schema-*.json` is named by `TWINSTREAM_AUTH0_SCHEMAS`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;
use twinstream::sim::auth0::Mix;

use super::{TYPES, changes, event};

const VARIABLE: &str = "TWINSTREAM_AUTH0_SCHEMAS";
/// The attributes that each schema demands of the envelope, whatever the type.
const ENVELOPE: [&str; 8] =
    ["specversion", "type", "source", "id", "time", "data", "a0tenant", "a0stream"];

/// The catalog in this folder: an `OpenAPI` document with one schema for each type.
fn catalog(folder: &Path) -> Value {
    let is_catalog = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("event-catalog-schema") && name.ends_with(".json")
    };
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{VARIABLE}: {error}"));
    let file = files.map(|file| file.unwrap().path()).filter(is_catalog).max();
    let file = file.unwrap_or_else(|| panic!("no event-catalog-schema-*.json in {VARIABLE}"));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn validators(catalog: &Value) -> BTreeMap<&str, Validator> {
    let schemas = catalog["components"]["schemas"].as_object().unwrap();
    let with_formats = jsonschema::options().should_validate_formats(true);
    let validator = |schema: &Value| with_formats.build(schema).unwrap();
    schemas.iter().map(|(kind, schema)| (kind.as_str(), validator(schema))).collect()
}

/// What is wrong with an event.
fn faults(validator: &Validator, event: &Value) -> Vec<String> {
    let faults = validator.iter_errors(event);
    faults.map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

#[test]
fn every_event_is_as_auth0s_schemas_say() {
    let Some(folder) = std::env::var_os(VARIABLE) else {
        println!("SKIPPED: no event was held against Auth0's schemas, since {VARIABLE} is not set");
        return;
    };
    let catalog = catalog(Path::new(&folder));
    let validators = validators(&catalog);
    let without: Vec<_> = TYPES.into_iter().filter(|kind| !validators.contains_key(kind)).collect();
    println!("no schema for: {}; of these, only the envelope is checked", without.join(", "));
    assert_eq!(validators.len() + without.len(), TYPES.len(), "a schema for an unknown type");

    // Whether it sees anything: a schema takes no event of another type.
    let mix = Mix { oddities_of_1000: 0, ..Mix::default() };
    let first = event(&changes(0, &mix, 1).next().unwrap());
    assert!(!faults(&validators["group.created"], &first).is_empty());

    let mut checked = BTreeSet::new();
    for seed in 0..5 {
        for change in changes(seed, &mix, 4_200) {
            let mut event = event(&change);
            if change.test {
                // A test event is marked by an attribute that the schemas do not know.
                assert_eq!(event.as_object_mut().unwrap().remove("a0purpose"), Some("test".into()));
            }
            for attribute in ENVELOPE {
                assert!(event.get(attribute).is_some(), "no {attribute} in {event:#}");
            }
            checked.insert(change.kind);
            if let Some(validator) = validators.get(change.kind)
                && !validator.is_valid(&event)
            {
                panic!("seed {seed}: {event:#}\n{}", faults(validator, &event).join("\n"));
            }
        }
    }
    assert_eq!(checked, BTreeSet::from(TYPES));
}
