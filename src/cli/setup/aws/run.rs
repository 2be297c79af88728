//! The command's course: look, plan, show, ask, do, look again.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::super::super::plan::PlanArguments;
use super::super::super::{Failure, out};
use super::{Arguments, wanted};
use crate::app;
use crate::clock::Clock;
use crate::config::{ForSetup, Sources};
use crate::provision::aws::{
    self, Action, CallError, Found, Losses, Place, Queues, Section, Services, SourceName,
    SourceState, Wanted,
};
use crate::provision::{Change, Plan, Step};

/// What was set is looked for so often and so far apart: SQS and EventBridge may take a minute to tell of a
/// change (API reference, `SetQueueAttributes`; user guide, `PutRule`).
const LOOKS: u32 = 30;
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What follows on something new is tried so often and so far apart.
const TRIES: u32 = 5;
const TRY_EVERY: Duration = Duration::from_secs(2);

/// Everything that the steps need.
struct Work<'a> {
    arguments: &'a Arguments,
    services: Services,
    endpoint_url: Option<String>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let sources = Sources { file: arguments.config.clone(), ..Sources::default() };
    let settings = ForSetup::load(&sources.with_environment())?;
    wanted::check(&arguments, &settings)?;
    let named = arguments.source.as_deref().map(SourceName::parse).transpose();
    let named = named.map_err(|error| Failure::Input(error.to_string()))?;
    let region = arguments.region.as_deref().or(settings.region.as_deref());
    let endpoint_url = arguments.endpoint_url.as_ref().or(settings.endpoint_url.as_ref());
    let endpoint_url = endpoint_url.map(|url| url.as_str().trim_end_matches('/').to_owned());
    let Some(services) = app::services(region, endpoint_url.as_deref()).await else {
        let what =
            "nothing tells AWS's region: add --region, or set eventbridge.region or AWS_REGION";
        return Err(Failure::Input(what.into()));
    };
    let work = Work { arguments: &arguments, services, endpoint_url };
    let source = match named {
        Some(source) => source,
        None => work.choose().await?,
    };
    let usual = wanted::names(&arguments, &settings)?;
    let parts = work.services.names_as_found(usual).await.map_err(not_read)?;
    let (wanted, note) = wanted::wanted(&arguments, &settings, (source, parts));
    let found = work.services.find(&wanted.source, &wanted.names).await.map_err(not_read)?;
    wanted::check_account(&arguments, &settings, &found.place.account)?;
    if arguments.destroy {
        work.take_down(&wanted, &found).await
    } else {
        work.set_up(&wanted, found, note).await
    }
}

impl Work<'_> {
    /// The one source that can only be meant.
    async fn choose(&self) -> Result<SourceName, Failure> {
        let listed = self.services.sources().await.map_err(not_read)?;
        aws::choose(&listed, Clock::System.now()).map_err(|error| Failure::Input(error.to_string()))
    }

    async fn set_up(
        &self,
        wanted: &Wanted,
        found: Found,
        note: Option<String>,
    ) -> Result<(), Failure> {
        let planned = |found: &Found| {
            aws::plan(wanted, found, Clock::System.now())
                .map_err(|error| Failure::Input(error.to_string()))
        };
        let mut plan = planned(&found)?;
        plan.notes.extend(note);
        let agreed = self.told().agreed(&plan)?;
        let mut found = found;
        if agreed {
            self.carry_out(&plan, &found).await?;
            for look in 1..=LOOKS {
                found =
                    self.services.find(&wanted.source, &wanted.names).await.map_err(not_read)?;
                if planned(&found)?.is_empty() {
                    break;
                }
                if look == LOOKS {
                    return Err(Failure::DoesNotHold(differs(&planned(&found)?)));
                }
                sleep(LOOK_EVERY).await;
            }
        }
        self.end(&plan, agreed, &found);
        Ok(())
    }

    /// What to put into the configuration, and what to do next.
    fn end(&self, plan: &Plan<Action>, done: bool, found: &Found) {
        let is_there = done || plan.is_empty();
        let section = Section::new(found, self.endpoint_url.as_deref()).filter(|_| is_there);
        self.told().end(plan, done, json!({"eventbridge": section}));
        if self.told().json {
            return;
        }
        if let Some(section) = section {
            out::line("\nFor the gateway's configuration:\n");
            out::print(&section.to_toml());
        }
        if done && found.source.state == SourceState::Active {
            out::line(
                "\nThe source is ACTIVE: events come from now on. Within a minute, all of it holds.",
            );
        }
    }

    async fn take_down(&self, wanted: &Wanted, found: &Found) -> Result<(), Failure> {
        let queues = if self.arguments.even_with_messages {
            Queues::EvenWithMessages
        } else {
            Queues::Empty
        };
        let losses = Losses { queues, archive: self.arguments.with_archive };
        let (plan, holds) = aws::teardown(wanted, found, losses);
        let agreed = self.told().agreed(&plan)?;
        if agreed {
            self.carry_out(&plan, found).await?;
        }
        self.told().end(&plan, agreed, json!({"queues_left_with_messages": holds}));
        if holds && !self.told().dry_run {
            let what = "queues with messages were left; see above";
            return Err(Failure::DoesNotHold(what.into()));
        }
        Ok(())
    }

    /// Does one step after the other, and tells how far it is.
    async fn carry_out(&self, plan: &Plan<Action>, found: &Found) -> Result<(), Failure> {
        let doing: Vec<&Step<Action>> =
            plan.steps.iter().filter(|step| step.change != Change::Keep).collect();
        for (position, step) in doing.iter().enumerate() {
            let Some(action) = &step.action else { continue };
            if let Err(error) = self.do_one((action, &found.place), position > 0).await {
                let (done, _) = doing.split_at(position);
                return Err(stopped(step, (done, doing.len()), error));
            }
            self.told().done(step, (position + 1, doing.len()));
        }
        Ok(())
    }

    /// Does one thing, more than once when AWS may only not know yet what was done before it.
    async fn do_one(
        &self,
        (action, place): (&Action, &Place),
        after_another: bool,
    ) -> Result<(), CallError> {
        for _ in 1..TRIES {
            match self.services.carry_out(action, place).await {
                Err(error) if error.may_be_too_early(after_another) => sleep(TRY_EVERY).await,
                ended => return ended,
            }
        }
        self.services.carry_out(action, place).await
    }

    const fn told(&self) -> PlanArguments {
        self.arguments.plan
    }
}

fn not_read(error: CallError) -> Failure {
    let what = "what is there in AWS can't be read".into();
    Failure::Unreachable { what, source: error.into() }
}

fn stopped(
    step: &Step<Action>,
    (done, of): (&[&Step<Action>], usize),
    error: CallError,
) -> Failure {
    let done: Vec<&str> = done.iter().map(|step| step.what.as_str()).collect();
    let so_far = if done.is_empty() { "nothing".to_owned() } else { done.join(", ") };
    let what = format!(
        "step {} of {of} failed: {}\n  done so far: {so_far}\n  to mend it: remove the cause below, and run \
         the same command once more; it goes on from here\n  the cause",
        done.len() + 1,
        step.what,
    );
    Failure::Unreachable { what, source: error.into() }
}

fn differs(plan: &Plan<Action>) -> String {
    let steps = plan.steps.iter().filter(|step| step.change != Change::Keep);
    let lines = steps.map(|step| format!("\n  {}: {}", step.what, step.details.join("; ")));
    let lines: String = lines.collect();
    format!("AWS took every call, and still does not say that all is as it should be:{lines}")
}
