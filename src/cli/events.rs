//! `twinstream events`

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, JournalArguments, erase, out};
use crate::event::{EventId, Path, Timestamp};
use crate::journal::{
    ArrivalStory, AttemptStory, ContentLeft, DeliveryStory, EventFilter, EventStory, EventSummary,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List events, newest arrival first.
    List(List),
    /// Tell one event's whole story: both arrivals with their hops, and every attempt.
    Show(Show),
    /// Erase the content of every event that names a user, on a running gateway. Ids, times and
    /// outcomes stay, so that counts stay right; what was to be delivered of it is discarded.
    Erase(erase::Arguments),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    journal: JournalArguments,
    /// Only this type, such as user.updated.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only this user, organization, …: its id, or the whole subject.
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// This many at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Only what came before the event with this number.
    #[arg(long, value_name = "SEQ")]
    before: Option<i64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    journal: JournalArguments,
    /// The event's id, as either path carried it.
    id: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list(arguments).await,
        Command::Show(arguments) => show(arguments).await,
        Command::Erase(arguments) => erase::run(arguments).await,
    }
}

async fn list(arguments: List) -> Result<(), Failure> {
    let (reader, _) = arguments.journal.open()?;
    let filter = EventFilter {
        kind: arguments.kind,
        subject: arguments.subject,
        before: arguments.before,
        after: None,
        limit: arguments.limit,
    };
    let events = reader.events(filter).await?;
    if arguments.json {
        out::line(&json!({ "events": events }).to_string());
    } else if events.is_empty() {
        out::note("no events");
    } else {
        out::line(&table_of(&events));
    }
    Ok(())
}

fn table_of(events: &[EventSummary]) -> String {
    let rows = events.iter().map(|event| {
        vec![
            event.seq.to_string(),
            event.id.clone(),
            event.kind.clone(),
            event.subject.clone(),
            event.time.to_string(),
            match event.rescued_at {
                Some(at) if event.backfilled => format!("taken in {}", after(Some(at), event.time)),
                Some(at) => format!("asked for {}", after(Some(at), event.time)),
                None => after(event.webhook_at, event.time),
            },
            after(event.eventbridge_at, event.time),
            event.duplicates.to_string(),
        ]
    });
    let header = ["no", "id", "type", "subject", "time", "webhook", "eventbridge", "again"];
    out::table(&header, rows.collect(), &[0, 5, 6, 7])
}

/// How long after the event's time.
fn after(at: Option<Timestamp>, time: Timestamp) -> String {
    at.map_or_else(|| "–".to_owned(), |at| span(at.millis_since(time)))
}

fn span(ms: f64) -> String {
    if ms.abs() < 10_000.0 { format!("{ms:+.0} ms") } else { format!("{:+.1} s", ms / 1e3) }
}

async fn show(arguments: Show) -> Result<(), Failure> {
    let id = EventId::parse(&arguments.id).map_err(|error| Failure::Input(error.to_string()))?;
    let (reader, _) = arguments.journal.open()?;
    let Some(story) = reader.event(id).await? else {
        return Err(Failure::DoesNotHold(format!(
            "no event with the id {}: it never came, or it is older than journal.keep",
            arguments.id
        )));
    };
    if arguments.json {
        out::line(&json!(story).to_string());
    } else {
        out::print(&tell(&story));
    }
    Ok(())
}

fn tell(story: &EventStory) -> String {
    let summary = &story.summary;
    let mut lines = vec![
        format!("{}  {}", summary.id, summary.kind),
        format!("  subject  {}", summary.subject),
        format!("  tenant   {}", story.tenant),
        format!("  time     {}", summary.time),
    ];
    if summary.test {
        lines.push("  sent as a test: not in the comparison".into());
    }
    if let Some(paired_by) = story.paired_by {
        lines.push(format!("  paired   by {}", format!("{paired_by:?}").to_lowercase()));
    }
    if !story.payload_differences.is_empty() {
        lines.push(format!("  payloads differ at {}", story.payload_differences.join(", ")));
    }
    lines.push(String::new());
    lines.push("arrivals, after the event's time".into());
    for arrival in &story.arrivals {
        lines.extend(tell_arrival(arrival, summary.time));
    }
    lines.push(String::new());
    lines.push("deliveries".into());
    if story.deliveries.is_empty() {
        lines.push("  none: no route takes it".into());
    }
    for delivery in &story.deliveries {
        lines.extend(tell_delivery(delivery, summary.time));
    }
    lines.push(String::new());
    lines.push(match story.content {
        ContentLeft::Whole => format!("payload\n{:#}", story.payload),
        ContentLeft::Redacted => {
            format!("payload, as journal.redact leaves it\n{:#}", story.payload)
        }
        ContentLeft::Dropped => "its payload is not kept: journal.payload is \"drop\"".to_owned(),
        ContentLeft::Erased => "its content was erased on request".to_owned(),
    });
    lines.join("\n") + "\n"
}

fn tell_arrival(arrival: &ArrivalStory, time: Timestamp) -> Vec<String> {
    let again = arrival.duplicate.map_or(String::new(), |kind| format!("  again: {kind}"));
    let stream = arrival.stream.as_deref().unwrap_or("no stream named");
    let path = if arrival.backfilled { "no path" } else { arrival.path.as_str() };
    let mut lines = vec![format!("  {path:<12} {stream}{again}")];
    if arrival.rescued {
        lines.push(if arrival.backfilled {
            "    taken in from the Events API: no path brought it".into()
        } else {
            "    asked for by reconcile: the webhook had lost it".into()
        });
    }
    if let Some(id) = &arrival.id {
        lines.push(format!("    under the id {id}"));
    }
    let hops = [
        ("envelope (whole seconds)", arrival.envelope_time),
        ("queued by SQS", arrival.sent_at),
        ("first received", arrival.first_received_at),
        (came_as(arrival), Some(arrival.at)),
        ("stored", Some(arrival.stored_at)),
    ];
    for (hop, at) in hops {
        if let Some(at) = at {
            lines.push(format!("    {:>10}  {hop:<25} {at}", span(at.millis_since(time))));
        }
    }
    if arrival.redriven {
        lines.push("    put back from a dead-letter queue: its latency is not the path's".into());
    }
    if let Some(count @ 2..) = arrival.receive_count {
        lines.push(format!("    received {count} times: its latency is not the path's"));
    }
    lines
}

const fn came_as(arrival: &ArrivalStory) -> &'static str {
    match arrival.path {
        _ if arrival.backfilled => "taken in",
        Path::Webhook => "request",
        Path::Eventbridge => "received",
    }
}

fn tell_delivery(delivery: &DeliveryStory, time: Timestamp) -> Vec<String> {
    let reason = delivery.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
    let due = delivery.due_at.map_or(String::new(), |at| format!(", due {at}"));
    let DeliveryStory { route, target, state, .. } = delivery;
    let mut lines = vec![format!("  {route} → {target}  {state}{reason}{due}")];
    lines.extend(delivery.attempts.iter().map(|attempt| tell_attempt(attempt, time)));
    lines
}

fn tell_attempt(attempt: &AttemptStory, time: Timestamp) -> String {
    let status = attempt.status.map_or(String::new(), |status| format!("  {status}"));
    let error = attempt.error.as_ref().map_or(String::new(), |error| format!("  {error}"));
    format!(
        "    {:>10}  attempt {}, took {} ms{status}{error}",
        span(attempt.started_at.millis_since(time)),
        attempt.attempt,
        attempt.took_us / 1_000,
    )
}
