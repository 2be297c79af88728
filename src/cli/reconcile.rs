//! `twinstream reconcile`

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::admin::{Admin, AdminArguments};
use super::{Failure, out};
use crate::clock::Clock;
use crate::compare::WindowAsked;
use crate::compare::words::{count, counted};
use crate::event::{Path, legible};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Say what Auth0 could not deliver, and what would be asked for; ask for nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    which: Which,
    /// Order nothing: say how the last pass ended.
    #[arg(long, conflicts_with_all = ["dry_run", "since", "types", "most", "rate", "force"])]
    status: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Your name, for the gateway's log; by default the one you logged in by.
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Your reason, for the gateway's log. Name no user in it.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    admin: AdminArguments,
}

/// Which events are asked for, and how fast.
#[derive(Debug, Args)]
struct Which {
    /// Only events that happened since then: an instant, or how long ago (24h, 7d).
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only events of this type; as often as wanted.
    #[arg(long = "type", id = "types", value_name = "TYPE")]
    types: Vec<String>,
    /// Ask for so many at most; `reconcile.most` by default.
    #[arg(long, value_name = "EVENTS")]
    most: Option<usize>,
    /// Ask for so many a second at most; `reconcile.rate` by default.
    #[arg(long, value_name = "EVENTS")]
    rate: Option<f64>,
    /// Ask for those too that failed again and again, and though Auth0 lists so many failures that it may
    /// switch the stream off: each redelivery that fails counts.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { dry_run, which, status, json, who, why, admin } = arguments;
    let admin = admin.find()?;
    let pass = if status {
        let document = admin.get(&["reconcile"], &[]).await?;
        let last = document["last"].clone();
        if last.is_null() {
            out::note("no pass has been made since the gateway started");
            return Ok(());
        }
        last
    } else {
        let Which { since, types, most, rate, force } = which;
        let mut order = json!({ "dry_run": dry_run, "types": types, "force": force });
        let asked = WindowAsked::parse(since.as_deref(), None, Clock::System.now());
        let asked = asked.map_err(|error| Failure::Input(format!("--since: {error}")))?;
        order["since"] = json!(asked.ends().0);
        order["most"] = json!(most);
        order["rate"] = json!(rate);
        // Of a dry run nobody has to answer for anything.
        let why = why.or_else(|| dry_run.then(|| "dry run".to_owned()));
        let who = who.or_else(|| admin.who().map(str::to_owned));
        let who = who.or_else(|| dry_run.then(|| "somebody".to_owned()));
        order["why"] = json!(said(why, "why, with --why TEXT")?);
        order["who"] = json!(said(who, "who you are, with --who NAME")?);
        let taken = admin.post(&["reconcile"], &order).await?;
        wait(&admin, taken["ticket"].as_u64().unwrap_or(0)).await?
    };
    if json {
        out::line(&pass.to_string());
    } else {
        out::print(&told(&pass));
    }
    end(&pass)
}

/// What has to be said for the log.
fn said(text: Option<String>, what: &str) -> Result<String, Failure> {
    text.ok_or_else(|| Failure::Input(format!("say {what}: it is written to the gateway's log")))
}

/// How often it is looked how far the pass is.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// The gateway may be away for so long.
const AWAY_MAX: Duration = Duration::from_mins(1);

/// A gateway that does nothing for so long does not know the order any more: it was started anew.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// The pass of this ticket, once it has ended.
async fn wait(admin: &Admin, ticket: u64) -> Result<Value, Failure> {
    let (mut answered_at, mut busy_at) = (Instant::now(), Instant::now());
    loop {
        match admin.get(&["reconcile"], &[]).await {
            Ok(document) => {
                answered_at = Instant::now();
                if document["ordered"]["ticket"].as_u64() >= Some(ticket) {
                    if out::is_watched() {
                        out::renew_line("");
                    }
                    return Ok(document["ordered"].clone());
                }
                if !document["running"].is_null() {
                    busy_at = Instant::now();
                }
                if busy_at.elapsed() > IDLE_MAX {
                    let what = "the gateway was started anew meanwhile: order the pass again";
                    return Err(Failure::DoesNotHold(what.to_owned()));
                }
                tell(&document["running"]);
            }
            Err(failure @ Failure::Unreachable { .. }) if answered_at.elapsed() > AWAY_MAX => {
                return Err(failure);
            }
            Err(Failure::Unreachable { .. }) => {}
            Err(failure) => return Err(failure),
        }
        sleep(LOOK_EVERY).await;
    }
}

fn tell(running: &Value) {
    if !out::is_watched() {
        return;
    }
    let (done, of) = (&running["done"], &running["of"]);
    out::renew_line(&match running["phase"].as_str() {
        Some("listing") => "reading what Auth0 could not deliver …".to_owned(),
        Some("asking") => format!("asking for redeliveries: {done} of {of}"),
        Some("judging") => format!("judging what the Events API told of: {done} of {of}"),
        Some(_) | None => "waiting for the pass before …".to_owned(),
    });
}

/// The exit code of a pass.
fn end(pass: &Value) -> Result<(), Failure> {
    if let Some(error) = pass["error"].as_str() {
        let what = "the pass was not made to its end".to_owned();
        return Err(Failure::Unreachable { what, source: anyhow::anyhow!(legible(error)) });
    }
    let asked = &pass["asked"];
    match asked["held_back"].as_str() {
        Some(why) if number(&asked["chosen"]) > 0 && pass["dry_run"] != true => {
            Err(Failure::DoesNotHold(format!("not all was asked for: {}", legible(why))))
        }
        Some(_) | None => Ok(()),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// A pass in words.
fn told(pass: &Value) -> String {
    let mut lines = vec!["Auth0's streams".to_owned()];
    for path in Path::ALL {
        lines.push(format!("  {:<12} {}", path.as_str(), stream(&pass["streams"][path.as_str()])));
    }
    lines.extend(failed(pass));
    lines.extend(witnessed(pass));
    lines.join("\n") + "\n"
}

fn stream(report: &Value) -> String {
    let Some(name) = report["name"].as_str() else {
        return "no stream of the name that [auth0] gives it".to_owned();
    };
    let name = legible(name);
    if report["enabled"] != true {
        return format!("{name}: SWITCHED OFF; new events are kept nowhere");
    }
    let (row, all) = (number(&report["failures_in_a_row"]), number(&report["failures"]));
    if all == 0 {
        return format!("{name}: on, nothing failed");
    }
    format!(
        "{name}: on; {} failed, {} of them in a row; {} more switch it off",
        count(all),
        count(row),
        count(number(&report["failures_left"]))
    )
}

fn failed(pass: &Value) -> Vec<String> {
    let asked = &pass["asked"];
    let at_least = if asked["more"] == true { " (and more)" } else { "" };
    let listed = number(&asked["listed"]);
    let mut lines =
        vec![format!("Failed deliveries of the webhook stream: {}{at_least}", count(listed))];
    let mut part = |key: &str, words: &str| {
        let number = number(&asked[key]);
        if number > 0 {
            lines.push(format!("  {:>6} {words}", count(number)));
        }
    };
    part("known", "the journal has: nothing to do");
    part("still_tried", "Auth0 still tries by itself");
    part("not_selected", "not selected");
    part("given_up", "asked for three times already; --force asks again");
    part("left", "left for the next pass");
    let ids = asked["ids"].as_array().map_or(0, Vec::len);
    let chosen = number(&asked["chosen"]);
    if chosen > 0 {
        let words = if pass["dry_run"] == true { "would be asked for" } else { "asked for" };
        lines.push(format!("  {ids:>6} {words}, of {} that are lacking", count(chosen)));
    }
    lines.extend(lacking(asked));
    for refused in asked["refused"].as_array().into_iter().flatten() {
        let text = |value: &Value| legible(value.as_str().unwrap_or_default());
        lines.push(format!("         refused: {}: {}", text(&refused[0]), text(&refused[1])));
    }
    if let Some(why) = asked["held_back"].as_str() {
        lines.push(format!("  ! {}", legible(why)));
    }
    lines
}

/// Lines of what is lacking; all of it is in the JSON.
const SHOWN: usize = 20;

fn lacking(asked: &Value) -> Vec<String> {
    let text = |value: &Value| legible(value.as_str().unwrap_or("–"));
    let all = asked["lacking"].as_array().map_or(&[][..], Vec::as_slice);
    let mut lines: Vec<String> = all
        .iter()
        .take(SHOWN)
        .map(|one| {
            let (id, kind, time) = (text(&one["id"]), text(&one["type"]), text(&one["time"]));
            format!("         {id}  {kind}  {time}  {}", text(&one["error"]))
        })
        .collect();
    let chosen = number(&asked["chosen"]);
    let shown = u64::try_from(lines.len()).unwrap_or(0);
    if chosen > shown && shown > 0 {
        lines.push(format!("         and {} more", count(chosen - shown)));
    }
    lines
}

fn witnessed(pass: &Value) -> Vec<String> {
    let witnesses = &pass["witnesses"];
    if witnesses.is_null() {
        return Vec::new();
    }
    let events = counted(number(&witnesses["events"]), "event");
    let mut lines = vec![format!("Auth0's Events API told of {events} of the last day")];
    for path in Path::ALL {
        let fates = &witnesses["fates"][path.as_str()];
        let lost = [
            ("lost_auth0", "lost by Auth0"),
            ("lost_eventbridge", "lost by EventBridge"),
            ("lost_queue", "in a dead-letter queue"),
            ("lost_us", "not taken by us"),
            ("unused", "not sent by this path"),
        ];
        let mut parts = vec![format!("{} seen", count(number(&fates["seen"])))];
        let others = lost.iter().filter(|(key, _)| number(&fates[*key]) > 0);
        parts.extend(others.map(|(key, words)| format!("{} {words}", count(number(&fates[*key])))));
        lines.push(format!("  {:<12} {}", path.as_str(), parts.join(", ")));
    }
    let (lost, backfilled) = (number(&witnesses["lost"]), number(&witnesses["backfilled"]));
    if lost > 0 {
        let lost = counted(lost, "event");
        lines.push(format!(
            "  by no path   {lost}, {} of them taken in from there",
            count(backfilled)
        ));
    }
    let waiting = number(&witnesses["waiting"]);
    if waiting > 0 {
        lines.push(format!("  not judged   {}, too young", count(waiting)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_can_be_read_by_a_stranger() {
        let stream = |name: &str, failures: u64| {
            json!({ "name": name, "enabled": true, "failures_in_a_row": failures / 2,
                    "failures": failures, "failures_left": 500 - failures / 2 })
        };
        let fates =
            |seen: u64, lost: u64| json!({ "seen": seen, "lost_us": lost, "lost_auth0": 1 });
        let pass = json!({
            "dry_run": false, "error": null,
            "streams": { "webhook": stream("hook", 40), "eventbridge": null },
            "asked": { "listed": 40, "known": 31, "chosen": 9, "ids": ["evt_1", "evt_2"],
                       "lacking": [{ "id": "evt_1", "type": "user.updated", "error": "503",
                                     "time": "2026-03-01T09:15:44Z" }],
                       "refused": [["evt_3", "gone"]], "held_back": "the webhook door is not open" },
            "witnesses": { "events": 1_000, "lost": 2, "backfilled": 1, "waiting": 3,
                           "fates": { "webhook": fates(990, 9), "eventbridge": fates(999, 0) } },
        });
        let expected = "\
Auth0's streams
  webhook      hook: on; 40 failed, 20 of them in a row; 480 more switch it off
  eventbridge  no stream of the name that [auth0] gives it
Failed deliveries of the webhook stream: 40
      31 the journal has: nothing to do
       2 asked for, of 9 that are lacking
         evt_1  user.updated  2026-03-01T09:15:44Z  503
         and 8 more
         refused: evt_3: gone
  ! the webhook door is not open
Auth0's Events API told of 1,000 events of the last day
  webhook      990 seen, 1 lost by Auth0, 9 not taken by us
  eventbridge  999 seen, 1 lost by Auth0
  by no path   2 events, 1 of them taken in from there
  not judged   3, too young
";
        assert_eq!(told(&pass), expected);
        assert!(matches!(end(&pass), Err(Failure::DoesNotHold(_))));
        assert!(matches!(end(&json!({ "error": "x" })), Err(Failure::Unreachable { .. })));
        assert!(end(&json!({ "asked": { "held_back": null } })).is_ok());
    }
}
