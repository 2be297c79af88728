//! `twinstream dead-letters redrive` and `discard`

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Filter;
use crate::cli::admin::{Admin, AdminArguments, PersonArguments};
use crate::cli::progress::{self, WaitArguments};
use crate::cli::{Failure, out};
use crate::dead_letters::{DeadLetter, QueueLook};
use crate::event::legible;
use crate::journal::LetterPlan;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Only these: ids of events, `<id>/<route>`, or SQS `MessageId`s.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// All dead letters: to be said where no id and no filter says which.
    #[arg(long)]
    all: bool,
    /// So many a second at most.
    #[arg(long, value_name = "N", default_value_t = LetterPlan::rate_default())]
    rate: f64,
    /// Only say which letters it would be.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    person: PersonArguments,
    #[command(flatten)]
    wait: WaitArguments,
    #[command(flatten)]
    admin: AdminArguments,
}

/// What is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Redrive,
    Discard,
}

impl Deed {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Discard => "discard",
        }
    }
}

/// What the gateway says to an order.
#[derive(Debug, Deserialize)]
struct Answer {
    matched: u64,
    at_least: bool,
    routeless: u64,
    unknown: Vec<String>,
    queues: Vec<QueueLook>,
    #[serde(default)]
    letters: Vec<DeadLetter>,
}

pub(super) async fn run(arguments: Arguments, deed: Deed) -> Result<(), Failure> {
    let mut filter = arguments.filter.read()?;
    if !arguments.ids.is_empty() {
        filter.insert("ids".to_owned(), json!(arguments.ids));
    }
    if filter.is_empty() && !arguments.all {
        let deed = deed.as_str();
        let what = format!("say which letters to {deed}: by ids, by filters, or --all");
        return Err(Failure::Input(what));
    }
    let mut order = json!({ "filter": filter, "rate": arguments.rate });
    let admin = arguments.admin.find()?;
    if arguments.dry_run {
        order["dry_run"] = json!(true);
        let answer = admin.post(&["dead-letters", deed.as_str()], &order).await?;
        return say_what_would_be(&admin, answer, deed, arguments.wait.json);
    }
    arguments.person.sign(&admin, &mut order)?;
    let taken = admin.post(&["dead-letters", deed.as_str()], &order).await?;
    remark_on(&admin.understand(taken.clone())?);
    progress::wait(&admin, taken, &arguments.wait).await
}

fn say_what_would_be(admin: &Admin, answer: Value, deed: Deed, json: bool) -> Result<(), Failure> {
    if json {
        out::line(&answer.to_string());
        return Ok(());
    }
    let answer: Answer = admin.understand(answer)?;
    if !answer.letters.is_empty() {
        out::line(&super::list::table(&answer.letters));
    }
    let Answer { matched, at_least, .. } = answer;
    let number = match (matched, at_least) {
        (1, false) => "1 dead letter".to_owned(),
        (_, false) => format!("{matched} dead letters"),
        (_, true) => format!("at least {matched} dead letters"),
    };
    out::line(&format!("would {} {number}; nothing is done", deed.as_str()));
    remark_on(&answer);
    Ok(())
}

fn remark_on(answer: &Answer) {
    for look in &answer.queues {
        if let Some(remark) = look.remark() {
            out::note(&remark);
        }
    }
    if answer.routeless > 0 {
        out::note(&format!(
            "{} more stay dead: their route is not in the configuration any more",
            answer.routeless
        ));
    }
    for id in &answer.unknown {
        out::note(&format!("no dead letter is named {}", legible(id)));
    }
    if answer.matched == 0 && !answer.at_least {
        out::note("no such dead letters");
    }
}
