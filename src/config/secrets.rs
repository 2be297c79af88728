//! Finding secrets. What is found is never shown; where it was found may be.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;

/// Reads the secret from its one source. Returns it with the name of that source, or what is wrong
/// and what to do.
pub(super) fn find(
    env: Option<&str>,
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<(SecretString, String), (String, String)> {
    let (text, source) = match (env, file) {
        (Some(name), None) => {
            let text = environment.get(name).cloned().ok_or_else(|| {
                (
                    format!("the environment variable {name} is not set"),
                    format!("set {name} to the secret"),
                )
            })?;
            (without_line_break(&text), format!("environment variable {name}"))
        }
        (None, Some(path)) => {
            let shown = path.display();
            let text = std::fs::read_to_string(path).map_err(|error| {
                (
                    format!("the file {shown} can't be read: {error}"),
                    format!("put the secret into {shown}"),
                )
            })?;
            (without_line_break(&text), format!("file {shown}"))
        }
        (Some(_), Some(_)) => {
            return Err(("two sources, `env` and `file`".into(), "keep one of them".into()));
        }
        (None, None) => {
            return Err((
                "no source of the secret".into(),
                "add env = \"VARIABLE\" or file = \"/path\"".into(),
            ));
        }
    };
    if text.trim().is_empty() {
        return Err((
            format!("the secret from the {source} is empty"),
            "put a secret there".into(),
        ));
    }
    Ok((text.into(), source))
}

/// The last line break, of an editor or of `echo`, is not part of the secret.
fn without_line_break(text: &str) -> String {
    text.trim_end_matches(['\r', '\n']).to_owned()
}
