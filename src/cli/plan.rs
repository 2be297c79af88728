//! Showing what will be done, asking, and telling how far it is.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Args;
use serde_json::json;

use super::{Failure, out};
use crate::event::{legible, legible_lines};
use crate::provision::{Change, Plan, Step};

/// Whether it is only said, and whether it is asked.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct PlanArguments {
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do it without asking; needed where nobody can be asked.
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl PlanArguments {
    /// Shows the plan; returns whether it is to be carried out.
    pub(super) fn agreed<A>(self, plan: &Plan<A>) -> Result<bool, Failure> {
        if !self.json {
            out::print(&told(plan));
        }
        if self.dry_run || plan.is_empty() {
            return Ok(false);
        }
        if self.yes {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() {
            let what = "nothing was done: there is nobody to ask. Add --yes to do it, or --dry-run \
                        to see the plan alone";
            return Err(Failure::Input(what.to_owned()));
        }
        out::ask("Do this? [y/N] ");
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        let agreed = read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes");
        if !agreed {
            out::note("nothing was done");
        }
        Ok(agreed)
    }

    /// Tells that a step is done, while others follow.
    pub(super) fn done<A>(self, step: &Step<A>, (number, of): (usize, usize)) {
        if !self.json {
            let past = match step.change {
                Change::Keep => "as it should be",
                Change::Create => "created",
                Change::Update => "updated",
                Change::Delete => "deleted",
            };
            out::line(&format!("[{number}/{of}] {} {past}", legible(&step.what)));
        }
    }

    /// The plan, what was done of it, and what came of it, as JSON where that was asked for.
    pub(super) fn end<A>(self, plan: &Plan<A>, done: bool, more: serde_json::Value) {
        if self.json {
            let mut document = json!({"steps": plan.steps, "notes": plan.notes, "done": done});
            document["result"] = more;
            out::line(&document.to_string());
        }
    }
}

/// The plan in words.
fn told<A>(plan: &Plan<A>) -> String {
    let mut lines = Vec::new();
    for step in &plan.steps {
        let sign = match step.change {
            Change::Keep => '=',
            Change::Create => '+',
            Change::Update => '~',
            Change::Delete => '-',
        };
        lines.push(format!("  {sign} {}\n", legible(&step.what)));
        lines.extend(step.details.iter().map(|detail| format!("      {}\n", legible(detail))));
    }
    for note in &plan.notes {
        lines.push(format!("  ! {}\n", legible_lines(note).replace('\n', "\n    ")));
    }
    let counts = plan.counts();
    let words = counts.iter().filter(|(_, number)| *number > 0).map(|(change, number)| {
        let verb = match change {
            Change::Keep => "keep",
            Change::Create => "create",
            Change::Update => "update",
            Change::Delete => "delete",
        };
        format!("{number} to {verb}")
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() {
        lines.push("Nothing to do: everything is as it should be.\n".to_owned());
    } else {
        lines.push(format!("{}.\n", words.join(", ")));
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_can_be_read_by_a_stranger() {
        let steps = vec![
            Step::keep("event bus a"),
            Step::new("queue b", Change::Create, ()),
            Step::new("rule c", Change::Update, ()).because(vec!["state: off → on".into()]),
        ];
        let plan = Plan { steps, notes: vec!["the source is still pending".into()] };
        let expected = "  = event bus a\n  + queue b\n  ~ rule c\n      state: off → on\n  \
                        ! the source is still pending\n1 to create, 1 to update.\n";
        assert_eq!(told(&plan), expected);
        let plan = Plan { steps: vec![Step::<()>::keep("event bus a")], notes: Vec::new() };
        assert!(told(&plan).ends_with("Nothing to do: everything is as it should be.\n"));
    }
}
