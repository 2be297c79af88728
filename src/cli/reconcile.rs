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
    /// Only events that happened since then: an instant, or how long ago (24h, 7d). By default those of which the
    /// gateway's journal would know if they had come; older ones may be delivered to your applications a second
    /// time, and be old news there.
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
    /// Ask for those too that failed again and again, and though so few failures are left that Auth0 may switch
    /// the stream off: each redelivery that fails counts. Where it did so after 5,000 failures, ask though the
    /// stream is off: it can be enabled when fewer are listed.
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
        wait(&admin, &taken).await?
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

/// What became of an order, as the gateway tells of itself.
#[derive(Debug, PartialEq)]
enum Order {
    /// Its pass has ended.
    Ended(Box<Value>),
    /// It waits, or its pass is under way.
    Waits,
    /// Nobody knows it any more.
    Unknown(&'static str),
}

impl Order {
    /// `taken` is the answer to the order, `status` what the gateway says now.
    fn of(taken: &Value, status: &Value) -> Self {
        if status["start"] != taken["start"] {
            return Self::Unknown("the gateway was started anew meanwhile: order the pass again");
        }
        let ticket = number(&taken["ticket"]);
        let ordered = status["ordered"].as_array().map_or(&[][..], Vec::as_slice);
        if let Some(pass) = ordered.iter().find(|pass| number(&pass["ticket"]) == ticket) {
            return Self::Ended(Box::new(pass.clone()));
        }
        // Passes are made in the order of their tickets, and the last few are told of.
        if ordered.iter().any(|pass| number(&pass["ticket"]) > ticket) {
            return Self::Unknown(
                "the pass has ended, and is not told of any more: see the gateway's log",
            );
        }
        Self::Waits
    }
}

/// The pass of this order, once it has ended.
async fn wait(admin: &Admin, taken: &Value) -> Result<Value, Failure> {
    let mut answered_at = Instant::now();
    loop {
        match admin.get(&["reconcile"], &[]).await {
            Ok(status) => {
                answered_at = Instant::now();
                match Order::of(taken, &status) {
                    Order::Ended(pass) => {
                        if out::is_watched() {
                            out::renew_line("");
                        }
                        return Ok(*pass);
                    }
                    Order::Waits => tell(&status["running"]),
                    Order::Unknown(why) => return Err(Failure::DoesNotHold(why.to_owned())),
                }
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
        Some(why)
            if number(&asked["chosen"]) + number(&asked["shortening"]) > 0
                && pass["dry_run"] != true =>
        {
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
    let since = asked["known_since"].as_str().map(legible).unwrap_or_default();
    let too_old = format!("older than {since}: the gateway may have had them before; --since asks");
    part("too_old", &too_old);
    part("given_up", "asked for three times already; --force asks again");
    part("left", "left for the next pass");
    lines.extend(asked_for(asked, pass["dry_run"] == true));
    lines.extend(lacking(asked));
    lines.extend(refused(asked));
    if let Some(why) = asked["held_back"].as_str() {
        lines.push(format!("  ! {}", legible(why)));
    }
    lines
}

/// How many were asked for, of how many.
fn asked_for(asked: &Value, is_dry: bool) -> Vec<String> {
    let words = if is_dry { "would be asked for" } else { "asked for" };
    let (chosen, shortening) = (number(&asked["chosen"]), number(&asked["shortening"]));
    let shortened = number(&asked["shortened"]);
    let ids = u64::try_from(asked["ids"].as_array().map_or(0, Vec::len)).unwrap_or(0);
    let line = |done: u64, of: u64, what: &str| {
        (of > 0).then(|| format!("  {done:>6} {words}, of {} that {what}", count(of)))
    };
    let known = "the journal has: so that Auth0's list gets shorter";
    let lines = [
        line(ids.saturating_sub(shortened), chosen, "are lacking"),
        line(shortened, shortening, known),
    ];
    lines.into_iter().flatten().collect()
}

fn refused(asked: &Value) -> Vec<String> {
    let text = |value: &Value| legible(value.as_str().unwrap_or_default());
    let told = asked["refused"].as_array().map_or(&[][..], Vec::as_slice);
    let mut lines: Vec<String> = told
        .iter()
        .map(|one| format!("         refused: {}: {}", text(&one[0]), text(&one[1])))
        .collect();
    let untold = number(&asked["refusals"]).saturating_sub(u64::try_from(told.len()).unwrap_or(0));
    if untold > 0 {
        lines.push(format!("         refused: {} more", count(untold)));
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
    if let Some(why) = pass["not_fetched"].as_str() {
        lines.push(format!("  ! not all that was lost could be fetched: {}", legible(why)));
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
            "dry_run": false, "error": null, "not_fetched": "no answer",
            "streams": { "webhook": stream("hook", 40), "eventbridge": null },
            "asked": { "listed": 90, "known": 31, "chosen": 9, "ids": ["evt_1", "evt_2", "evt_4"],
                       "shortening": 7, "shortened": 1, "refusals": 3, "too_old": 43,
                       "known_since": "2026-03-01T08:00:00Z",
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
Failed deliveries of the webhook stream: 90
      31 the journal has: nothing to do
      43 older than 2026-03-01T08:00:00Z: the gateway may have had them before; --since asks
       2 asked for, of 9 that are lacking
       1 asked for, of 7 that the journal has: so that Auth0's list gets shorter
         evt_1  user.updated  2026-03-01T09:15:44Z  503
         and 8 more
         refused: evt_3: gone
         refused: 2 more
  ! the webhook door is not open
Auth0's Events API told of 1,000 events of the last day
  webhook      990 seen, 1 lost by Auth0, 9 not taken by us
  eventbridge  999 seen, 1 lost by Auth0
  by no path   2 events, 1 of them taken in from there
  ! not all that was lost could be fetched: no answer
  not judged   3, too young
";
        assert_eq!(told(&pass), expected);
        assert!(matches!(end(&pass), Err(Failure::DoesNotHold(_))));
        assert!(matches!(end(&json!({ "error": "x" })), Err(Failure::Unreachable { .. })));
        assert!(end(&json!({ "asked": { "held_back": null } })).is_ok());
    }

    #[track_caller]
    fn check(status: &Value, expected: &Order) {
        let taken = json!({ "ticket": 5, "start": "a" });
        assert_eq!(Order::of(&taken, status), *expected);
    }

    #[test]
    fn an_order_is_told_of_by_its_own_pass_alone() {
        let pass = |ticket: u64| json!({ "ticket": ticket });
        let status = |start: &str, ordered: &[u64]| {
            let ordered: Vec<Value> = ordered.iter().map(|ticket| pass(*ticket)).collect();
            json!({ "start": start, "ordered": ordered, "running": null })
        };
        check(&status("a", &[]), &Order::Waits);
        check(&status("a", &[4, 3]), &Order::Waits);
        check(&status("a", &[5, 4]), &Order::Ended(Box::new(pass(5))));
        check(&status("a", &[6, 5, 4]), &Order::Ended(Box::new(pass(5))));
        let gone = "the pass has ended, and is not told of any more: see the gateway's log";
        check(&status("a", &[7, 6]), &Order::Unknown(gone));
        // Another process counts its tickets anew.
        let anew = "the gateway was started anew meanwhile: order the pass again";
        check(&status("b", &[5]), &Order::Unknown(anew));
        check(&status("b", &[]), &Order::Unknown(anew));
    }

    #[test]
    fn a_pass_that_was_held_back_from_shortening_the_list_ends_badly_too() {
        let asked = json!({ "chosen": 0, "shortening": 2, "held_back": "the stream is off" });
        assert!(matches!(end(&json!({ "asked": asked })), Err(Failure::DoesNotHold(_))));
        let dry = json!({ "asked": asked, "dry_run": true });
        assert!(end(&dry).is_ok());
    }
}
