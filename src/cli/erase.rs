//! `twinstream events erase`

use clap::Args;
use serde_json::json;

use super::admin::{AdminArguments, PersonArguments};
use super::progress::{self, WaitArguments};
use super::{Failure, out};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The user's id, such as 'auth0|65f1c0ffee0ddba11ad00001'; or that of an organization, a group, …
    #[arg(long, value_name = "ID")]
    subject: String,
    /// Only say how many events name it.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    person: PersonArguments,
    #[command(flatten)]
    wait: WaitArguments,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let admin = arguments.admin.find()?;
    let mut order = json!({ "subject": arguments.subject });
    if arguments.dry_run {
        order["dry_run"] = json!(true);
        let answer = admin.post(&["events", "erase"], &order).await?;
        if arguments.wait.json {
            out::line(&answer.to_string());
        } else {
            let at_least = if answer["at_least"] == true { "at least " } else { "" };
            let matched = &answer["matched"];
            out::line(&format!(
                "would erase {at_least}{matched}, of events and quarantined bodies; nothing is done"
            ));
        }
        return Ok(());
    }
    arguments.person.sign(&admin, &mut order)?;
    let taken = admin.post(&["events", "erase"], &order).await?;
    progress::wait(&admin, taken, &arguments.wait).await
}
