//! `twinstream check-config`

use super::{ConfigArguments, Failure, out};
use crate::config::Config;

pub(super) fn run(arguments: ConfigArguments) -> Result<(), Failure> {
    let config = Config::load(&arguments.sources())?;
    out::print(&config.show());
    for warning in &config.warnings {
        out::note(&format!("warning: {warning}"));
    }
    out::note("the configuration is good");
    Ok(())
}
