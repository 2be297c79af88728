//! `twinstream orders`

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::admin::AdminArguments;
use super::{Failure, out, progress};
use crate::journal::{OrderState, OrderStory};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List what people ordered, the last first, and how far it is.
    List(List),
    /// Show one order.
    Show(One),
    /// Stop an order that is under way. What it did stays done.
    Stop(One),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// This many at most, up to 1000.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Its number.
    no: i64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list(arguments).await,
        Command::Show(arguments) => show(arguments).await,
        Command::Stop(arguments) => stop(arguments).await,
    }
}

#[derive(Debug, Deserialize)]
struct Orders {
    orders: Vec<OrderStory>,
}

async fn list(arguments: List) -> Result<(), Failure> {
    let admin = arguments.admin.find()?;
    let limit = [("limit", arguments.limit.to_string())];
    let document = admin.get(&["orders"], &limit).await?;
    if arguments.json {
        out::line(&document.to_string());
        return Ok(());
    }
    let Orders { orders } = admin.understand(document)?;
    if orders.is_empty() {
        out::note("nobody has ordered anything yet");
        return Ok(());
    }
    let rows = orders.iter().map(|order| {
        vec![
            order.order.0.to_string(),
            out::time(Some(order.at)),
            out::short(&order.who, 30),
            order.kind.clone(),
            out::short(&what(order), 50),
            state(order.state).to_owned(),
            progress::so_far(order, false),
            out::short(&order.why, 50),
        ]
    });
    let header = ["no", "given", "by", "order", "of what", "state", "so far", "why"];
    out::line(&out::table(&header, rows.collect(), &[0]));
    Ok(())
}

async fn show(arguments: One) -> Result<(), Failure> {
    let admin = arguments.admin.find()?;
    let document = admin.get(&["orders", &arguments.no.to_string()], &[]).await?;
    if arguments.json {
        out::line(&document.to_string());
        return Ok(());
    }
    let order: OrderStory = admin.understand(document)?;
    let OrderStory { order: number, at, kind, who, why, state: is, ended_at, .. } = &order;
    let ended = ended_at.map_or(String::new(), |at| format!(" at {at}"));
    for line in [
        format!("order {}  {kind}", number.0),
        format!("  of what  {}", what(&order)),
        format!("  given    {at} by {who}"),
        format!("  why      {why}"),
        format!("  state    {}{ended}", state(*is)),
        format!("  so far   {}", progress::so_far(&order, false)),
    ] {
        out::line(&out::one_line(&line));
    }
    Ok(())
}

async fn stop(arguments: One) -> Result<(), Failure> {
    let One { no, json, admin } = arguments;
    let found = admin.find()?;
    found.post(&["orders", &no.to_string(), "stop"], &json!({})).await?;
    let document = found.get(&["orders", &no.to_string()], &[]).await?;
    if json {
        out::line(&document.to_string());
        return Ok(());
    }
    let order: OrderStory = found.understand(document)?;
    out::line(&format!("order {no} is stopped: {}", progress::so_far(&order, false)));
    Ok(())
}

const fn state(state: OrderState) -> &'static str {
    match state {
        OrderState::UnderWay => "under way",
        OrderState::Done => "done",
        OrderState::Stopped => "stopped",
    }
}

/// What an order is about, in a line.
fn what(order: &OrderStory) -> String {
    let detail: Value = serde_json::from_str(&order.detail).unwrap_or_default();
    match order.kind.as_str() {
        "pause" | "resume" => order.detail.clone(),
        "erase" if order.detail.is_empty() => "one user, whose name is forgotten".to_owned(),
        "erase" => format!("all that names {}", order.detail),
        // An erasure took it out, since it named a user.
        _ if order.detail.is_empty() => "what is forgotten".to_owned(),
        "reprocess" => choice(&detail, "all that is quarantined"),
        _ if detail["quarantined"].is_array() => choice(&detail, ""),
        _ => choice(&detail["filter"], "all dead letters"),
    }
}

/// What a filter asks for, as `key value, key value`.
fn choice(filter: &Value, all: &str) -> String {
    let chosen = filter.as_object().into_iter().flatten().filter_map(|(key, value)| {
        let text = match value {
            Value::Null => return None,
            Value::Array(values) if values.is_empty() => return None,
            Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(" "),
            value => text(value),
        };
        Some(format!("{key} {text}"))
    });
    let chosen: Vec<String> = chosen.collect();
    if chosen.is_empty() { all.to_owned() } else { chosen.join(", ") }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, detail: &str, expected: &str) {
        let order = json!({
            "order": 1, "at": "2026-03-01T00:00:00Z", "kind": kind, "who": "kim", "why": "so",
            "detail": detail, "state": "under_way", "total": 1, "done": 0, "ended_at": null,
        });
        assert_eq!(what(&serde_json::from_value(order).unwrap()), expected, "{kind} {detail}");
    }

    #[test]
    fn an_order_says_what_it_is_about() {
        check("redrive", r#"{"filter":{},"rate":50.0}"#, "all dead letters");
        let chosen = r#"{"filter":{"ids":["a","b"],"type":"user.updated"},"rate":50.0}"#;
        check("discard", chosen, "ids a b, type user.updated");
        check("discard", r#"{"quarantined":[1,2]}"#, "quarantined 1 2");
        check("reprocess", r#"{"numbers":[],"reason":null}"#, "all that is quarantined");
        check("reprocess", r#"{"numbers":[7],"reason":"not_json"}"#, "numbers 7, reason not_json");
        check("pause", "app", "app");
        check("redrive", "", "what is forgotten");
        check("erase", "", "one user, whose name is forgotten");
        check("erase", "auth0|1", "all that names auth0|1");
    }
}
