//! cfn-lint (MIT-0) and an HCL parser (MIT), from PyPI.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::repository;
use crate::support::python;

const CFN_LINT: &str = "1.58.0";
const HCL2: &str = "8.1.4";

fn environment() -> PathBuf {
    let folder = python::folder(&format!("infrastructure-{CFN_LINT}-{HCL2}"));
    python::environment(&folder, &[format!("cfn-lint=={CFN_LINT}"), format!("python-hcl2=={HCL2}")])
}

/// Runs cfn-lint on a file.
pub(super) fn cfn_lint(path: &str) -> Output {
    let program = environment().with_file_name("cfn-lint");
    Command::new(program)
        .args(["--template", path])
        .current_dir(repository::root())
        .output()
        .unwrap()
}

/// The resources of the Terraform module, with these variables set and everything resolved that does not
/// need Auth0 or AWS.
pub(super) fn resources(variables: &Value) -> Vec<Value> {
    let script = "tests/it/infrastructure/module.py";
    let mut command = Command::new(environment());
    command.args([script, "config/terraform", &variables.to_string()]);
    let output = command.current_dir(repository::root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}
