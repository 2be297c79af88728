//! `twinstream dead-letters show`

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::admin::AdminArguments;
use crate::cli::{Failure, out};
use crate::dead_letters::DeadLetter;
use crate::event::{Timestamp, legible, legible_lines};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The event's id, or the SQS `MessageId` of a message.
    id: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(Debug, Deserialize)]
struct Shown {
    event: Option<Event>,
    messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    subject: String,
    tenant: String,
    time: Timestamp,
    deliveries: Vec<Delivery>,
    payload: Value,
}

#[derive(Debug, Deserialize)]
struct Delivery {
    route: String,
    target: String,
    state: String,
    reason: Option<String>,
    redrives: u32,
    settled_at: Option<Timestamp>,
    attempts: Vec<Attempt>,
}

#[derive(Debug, Deserialize)]
struct Attempt {
    #[serde(rename = "attempt")]
    number: u32,
    started_at: Timestamp,
    took_us: i64,
    status: Option<u16>,
    error: Option<String>,
    answer: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(flatten)]
    letter: DeadLetter,
    body: String,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let admin = arguments.admin.find()?;
    let document = admin.get(&["dead-letters", &arguments.id], &[]).await?;
    if arguments.json {
        out::line(&document.to_string());
        return Ok(());
    }
    let Shown { event, messages } = admin.understand(document)?;
    let mut lines: Vec<String> = event.iter().flat_map(tell).collect();
    for message in &messages {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(tell_message(message));
    }
    out::print(&(lines.join("\n") + "\n"));
    Ok(())
}

fn tell(event: &Event) -> Vec<String> {
    let Event { id, kind, subject, tenant, time, deliveries, payload } = event;
    let mut lines = vec![
        format!("{}  {}", legible(id), legible(kind)),
        format!("  subject  {}", legible(subject)),
        format!("  tenant   {}", legible(tenant)),
        format!("  time     {time}"),
    ];
    for delivery in deliveries {
        lines.push(String::new());
        lines.extend(tell_delivery(delivery));
    }
    lines.push(String::new());
    lines.push("payload".to_owned());
    lines.push(legible_lines(&format!("{payload:#}")));
    lines
}

fn tell_delivery(delivery: &Delivery) -> Vec<String> {
    let Delivery { route, target, state, reason, redrives, settled_at, attempts } = delivery;
    let since = settled_at.map_or(String::new(), |at| format!(" since {at}"));
    let reason = reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
    let mut lines = vec![
        format!("{} → {}", legible(route), legible(target)),
        legible(&format!("  {state}{since}{reason}")),
    ];
    if *redrives > 0 {
        let times = if *redrives == 1 { "once".to_owned() } else { format!("{redrives} times") };
        lines.push(format!("  put back {times}"));
    }
    for attempt in attempts {
        let Attempt { number, started_at, took_us, status, error, answer } = attempt;
        let status = status.map_or(String::new(), |status| format!("  {status}"));
        let error = error.as_deref().map_or(String::new(), |error| format!("  {error}"));
        let line =
            format!("  attempt {number}  {started_at}, {} ms{status}{error}", took_us / 1_000);
        lines.push(legible(&line));
        lines.extend(answer.iter().flat_map(|answer| indented(answer)));
    }
    lines
}

fn tell_message(message: &Message) -> Vec<String> {
    let Message { letter, body } = message;
    let mut lines = vec![format!("message {}", legible(&letter.letter))];
    let facts = [
        ("lies in", Some(letter.source.place().to_owned())),
        ("why", Some(letter.reason.clone())),
        ("event", letter.id.clone()),
        ("type", letter.kind.clone()),
        ("subject", letter.subject.clone()),
        ("time", letter.time.map(|time| time.to_string())),
        ("sent", letter.died_at.map(|at| at.to_string())),
        ("rule", letter.route.clone()),
        ("target", letter.target.clone()),
        ("retries", letter.attempts.map(|attempts| attempts.to_string())),
    ];
    for (name, text) in facts {
        lines.extend(text.map(|text| format!("  {name:<7}  {}", legible(&text))));
    }
    if letter.id.is_none() {
        lines.push("  it holds no event that twinstream understands".to_owned());
    }
    lines.push("  body".to_owned());
    let pretty: Option<Value> = serde_json::from_str(body).ok();
    lines.extend(indented(&pretty.map_or_else(|| body.clone(), |body| format!("{body:#}"))));
    lines
}

fn indented(text: &str) -> Vec<String> {
    legible_lines(text).lines().map(|line| format!("    {line}")).collect()
}
