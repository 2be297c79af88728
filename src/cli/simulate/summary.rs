//! What is going to happen, and what came of it.

use std::time::Duration;

use super::super::out;
use crate::app::simulate::{Place, Settings};
use crate::event::{Path, PerPath, legible};
use crate::sim::auth0::play::{PathPlayed, Quantiles};
use crate::sim::auth0::truth::{Doubt, PathTotals};
use crate::sim::auth0::{Arrivals, Faults, Ids, Played};

/// Where it goes and how much, before anything is sent.
pub(super) fn before(settings: &Settings) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(webhook) = &settings.webhook {
        let at_once = settings.streams;
        let disturbed = disturbed(&settings.faults.webhook);
        lines.push(format!(
            "webhook      {}, {at_once} at a time{disturbed}",
            legible(&webhook.url)
        ));
    }
    if let Some(cloud) = &settings.eventbridge {
        let place = match &cloud.place {
            Place::Bus(bus) => format!("event bus {bus}, source {}", cloud.source),
            Place::Queue(url) => format!("queue {url}"),
        };
        let place = legible(&place);
        let at = legible(cloud.endpoint_url.as_deref().unwrap_or("AWS itself"));
        let disturbed = disturbed(&settings.faults.eventbridge);
        lines.push(format!("eventbridge  {place}, at {at}{disturbed}"));
    }
    lines.push(format!("events       {}", load(settings)));
    lines
}

fn disturbed(faults: &Faults) -> &'static str {
    if *faults == Faults::default() { "" } else { ", with faults" }
}

/// `50 a second at even distances, for 60s; seed 1, one id on both streams`
fn load(settings: &Settings) -> String {
    let schedule = &settings.schedule;
    let how = match schedule.arrivals {
        Arrivals::Even => "even",
        Arrivals::Poisson => "random",
    };
    let rate =
        (schedule.rate > 0.0).then(|| format!("{} a second at {how} distances", schedule.rate));
    let burst =
        schedule.burst.map(|burst| format!("{} at once every {:?}", burst.events, burst.every));
    let within = schedule.within.map(|within| format!("for {within:?}"));
    let most = schedule.events.map(|events| format!("{events} at most"));
    let is_endless = within.is_none() && most.is_none();
    let endless = is_endless.then(|| "until Ctrl-C".to_owned());
    let parts: Vec<String> = [rate, burst, within, most, endless].into_iter().flatten().collect();
    let ids = match settings.ids {
        Ids::Same => "one id on both streams",
        Ids::Different => "different ids on the two streams",
    };
    format!("{}; seed {}, {ids}", parts.join(", "), settings.seed)
}

/// What came of it.
pub(super) fn after(came: &Played) -> String {
    let pairs = came.totals.pairs;
    let mut lines = vec![happened(came), table(sent_rows(came), came)];
    lines.extend(answers(came));
    lines.push("\nWhat really happened, in the words of `twinstream compare`:".to_owned());
    lines.push(table(truth_rows(came), came));
    lines.push(format!(
        "both paths {} · webhook alone {} · eventbridge alone {} · neither {} · test events {}",
        pairs.both,
        pairs.webhook_only,
        pairs.eventbridge_only,
        came.totals.neither,
        came.totals.test
    ));
    lines.push(format!(
        "\n`twinstream compare --since {}` at the gateway should say the same of events seen, missing,\n\
         duplicates, out of order, and of the pairs, once the grace period is over.",
        came.from
    ));
    lines.extend(came.totals.doubts.iter().map(|doubt| format!("But {}.", why(*doubt))));
    lines.join("\n") + "\n"
}

fn happened(came: &Played) -> String {
    let seconds = came.happening.as_secs_f64();
    let events = f64::from(u32::try_from(came.happened).unwrap_or(u32::MAX));
    // The first of them happens at the beginning.
    let rate = if came.happened > 1 && seconds > 0.0 { (events - 1.0) / seconds } else { 0.0 };
    let stopped = if came.was_stopped { ", stopped before its end" } else { "" };
    format!(
        "{} events happened in {}, {rate:.1} a second; all was over after {}{stopped}.",
        came.happened,
        shown(came.happening),
        shown(came.took)
    )
}

fn shown(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// How the sending went.
fn sent_rows(came: &Played) -> Vec<Vec<String>> {
    let row = |name: &str, value: &dyn Fn(&PathPlayed) -> String| row(name, &came.paths, value);
    let due = |of: fn(Quantiles) -> f64| move |sent: &PathPlayed| ms(sent.due_to_accepted_ms, of);
    let sent = |of: fn(Quantiles) -> f64| move |sent: &PathPlayed| ms(sent.sent_to_answered_ms, of);
    let mut rows = vec![
        row("accepted, copies counted", &|sent| sent.accepted.to_string()),
        row("failed, after all attempts", &|sent| sent.failed.to_string()),
        row("due to accepted: median", &due(|q| q.p50)),
        row("  90 %", &due(|q| q.p90)),
        row("  99 %", &due(|q| q.p99)),
        row("  99.9 %", &due(|q| q.p999)),
        row("  longest", &due(|q| q.max)),
        row("sent to answered: median", &sent(|q| q.p50)),
        row("  90 %", &sent(|q| q.p90)),
        row("  99 %", &sent(|q| q.p99)),
        row("  99.9 %", &sent(|q| q.p999)),
        row("  longest", &sent(|q| q.max)),
    ];
    if [&came.paths.webhook, &came.paths.eventbridge].into_iter().flatten().any(|path| !path.is_on)
    {
        let stream = |sent: &PathPlayed| if sent.is_on { "on" } else { "switched off" }.to_owned();
        rows.push(row("stream at the end", &stream));
    }
    rows
}

fn ms(quantiles: Option<Quantiles>, of: fn(Quantiles) -> f64) -> String {
    quantiles.map_or_else(|| "–".to_owned(), |quantiles| format!("{:.2} ms", of(quantiles)))
}

/// What the comparison knows, and below it what it can't know, where that says something.
fn truth_rows(came: &Played) -> Vec<Vec<String>> {
    type Count = fn(&PathTotals) -> u64;
    let known: [(&str, Count); 4] = [
        ("events seen", |truth| truth.seen),
        ("missing (only the other path saw it)", |truth| truth.missing),
        ("duplicates", |truth| truth.duplicates),
        ("out of order", |truth| truth.out_of_order),
    ];
    let unknown: [(&str, Count); 6] = [
        ("lost on purpose", |truth| truth.lost),
        ("failed", |truth| truth.failed),
        ("unknown: an answer was lost", |truth| truth.unknown),
        ("while the stream was switched off", |truth| truth.stream_off),
        ("no place to wait in the simulator", |truth| truth.unsent),
        ("not sent yet at the end", |truth| truth.pending),
    ];
    let paths = &came.totals.paths;
    let is_there = |count: Count| {
        [&paths.webhook, &paths.eventbridge].into_iter().flatten().any(|path| count(path) > 0)
    };
    let unknown = unknown.into_iter().filter(|(_, count)| is_there(*count));
    let rows = known.into_iter().chain(unknown);
    rows.map(|(name, count)| row(name, paths, &|truth| count(truth).to_string())).collect()
}

fn row<T>(name: &str, paths: &PerPath<Option<T>>, value: &dyn Fn(&T) -> String) -> Vec<String> {
    let values = [&paths.webhook, &paths.eventbridge].into_iter().flatten().map(value);
    [name.to_owned()].into_iter().chain(values).collect()
}

fn table(rows: Vec<Vec<String>>, came: &Played) -> String {
    let driven = Path::ALL.into_iter().filter(|path| came.paths.of(*path).is_some());
    let header: Vec<&str> = ["Path"].into_iter().chain(driven.map(Path::as_str)).collect();
    out::table(&header, rows, &[1, 2])
}

/// `answers of webhook: 204 × 1190, 503 × 3`
fn answers(came: &Played) -> Vec<String> {
    let of = |path: Path| {
        let each = came.paths.of(path).as_ref()?.answers.iter();
        let each = each.map(|(answer, count)| format!("{answer} × {count}"));
        let all = each.collect::<Vec<_>>().join(", ");
        (!all.is_empty()).then(|| format!("answers of {path}: {}", legible(&all)))
    };
    Path::ALL.into_iter().filter_map(of).collect()
}

const fn why(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::AnswerLost => "an answer was lost, and what was sent may have arrived all the same",
        Doubt::ServerError => {
            "a server said that it failed, and may have accepted what was sent all the same"
        }
        Doubt::SentAtOnce => {
            "several webhooks were under way at a time, so that their order at the door is not known"
        }
    }
}
