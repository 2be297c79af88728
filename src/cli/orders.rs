//! `twinstream orders`

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::admin::AdminArguments;
use super::{Failure, out};
use crate::event::legible;
use crate::journal::OrderStory;

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
            out::short(&order.about(), 50),
            order.state.words().to_owned(),
            order.so_far(false),
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
        format!("  of what  {}", order.about()),
        format!("  given    {at} by {who}"),
        format!("  why      {why}"),
        format!("  state    {}{ended}", is.words()),
        format!("  so far   {}", order.so_far(false)),
    ] {
        out::line(&legible(&line));
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
    out::line(&format!("order {no} is stopped: {}", order.so_far(false)));
    Ok(())
}
