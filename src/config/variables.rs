//! Environment variables that look as if they set something, and don't.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// Variables that are settings, or the name of the file with the settings.
const READ: [&str; 2] = ["TWINSTREAM_MODE", "TWINSTREAM_CONFIG"];
/// Keys that have no default, and so don't stand in the settings in force unless somebody sets them.
const WITHOUT_DEFAULT: [&str; 3] = ["admin.token", "routes", "targets"];

/// Lists, which are set as a whole.
const LISTS: [&[&str]; 3] = [&["targets"], &["routes"], &["webhook", "secrets"]];

/// The list that this key would set an item of: `targets` for `targets.0.url`.
pub(super) fn list_above(key: &[String]) -> Option<&'static [&'static str]> {
    let is_above = |list: &&[&str]| {
        list.len() < key.len() && list.iter().zip(key).all(|(name, other)| name == other)
    };
    LISTS.into_iter().find(is_above)
}

/// The variable that sets a key.
pub(super) fn name_of<'a>(key: impl IntoIterator<Item = &'a str>) -> String {
    let names = key.into_iter().map(str::to_uppercase);
    format!("TWINSTREAM__{}", names.collect::<Vec<_>>().join("__"))
}

/// A warning for each variable that is spelled almost as one that sets a key, and is no secret's.
/// Others that begin with `TWINSTREAM_` may be anybody's: Kubernetes names some after a service.
pub(super) fn without_effect(
    environment: &BTreeMap<String, String>,
    secrets: &[String],
    effective: &Table,
) -> Vec<String> {
    let mut keys: Vec<String> = WITHOUT_DEFAULT.map(str::to_owned).into();
    collect(effective, "", &mut keys);
    let names = environment.keys().filter(|name| {
        !READ.contains(&name.as_str())
            && !secrets.contains(name)
            && !name.starts_with("TWINSTREAM__")
    });
    let warnings = names.filter_map(|name| {
        let rest = name.to_lowercase();
        let rest = rest.strip_prefix("twinstream_")?;
        let flat = rest.trim_start_matches('_').replace("__", "_");
        let key = keys.iter().find(|key| key.replace('.', "_") == flat);
        match key {
            Some(key) => {
                let right = name_of(key.split('.'));
                Some(format!("the environment variable {name} sets nothing; {right} sets {key}"))
            }
            None if rest.contains("__") => Some(format!(
                "the environment variable {name} sets nothing; those that do begin with \
                 TWINSTREAM__, with two underscores"
            )),
            None => None,
        }
    });
    warnings.collect()
}

fn collect(table: &Table, prefix: &str, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value {
            Value::Table(table) => collect(table, &format!("{key}."), keys),
            _ => keys.push(key),
        }
    }
}
