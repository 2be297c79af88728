//! `twinstream dead-letters list`

use clap::Args;
use serde_json::{Value, json};

use super::Filter;
use crate::cli::admin::{Admin, AdminArguments};
use crate::cli::{Failure, out};
use crate::dead_letters::{DeadLetter, QueueLook};
use crate::event::legible;
use crate::journal::LetterSource;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    filter: Filter,
    /// Only this: the id of an event, `<id>/<route>`, or an SQS `MessageId`.
    #[arg(long)]
    id: Option<String>,
    /// This many of each place at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

/// The gateway's longest page.
const PAGE_MAX: usize = 1_000;

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut query = arguments.filter.read()?;
    query.extend(arguments.id.as_ref().map(|id| ("id".to_owned(), json!(id))));
    let admin = arguments.admin.find()?;
    let mut document = pages(&admin, &query, arguments.limit).await?;
    let looks: Vec<QueueLook> = admin.understand(document["queues"].clone())?;
    let has_more = cut(&mut document, arguments.limit) || !document["next"].is_null();
    if arguments.json {
        out::line(&document.to_string());
        return Ok(());
    }
    let letters: Vec<DeadLetter> = admin.understand(document["letters"].take())?;
    if letters.is_empty() {
        out::note(if query.is_empty() { "no dead letters" } else { "no such dead letters" });
    } else {
        out::line(&table(&letters));
    }
    if looks.is_empty() && matches!(arguments.filter.source(), Some("queue" | "rule")) {
        out::note(
            "the gateway looks into no such queue: its mode is \"webhook\", or \
             eventbridge.rule_dead_letter_queue_url is not set",
        );
    }
    for look in &looks {
        if let Some(remark) = look.remark() {
            out::note(&remark);
        }
    }
    if has_more {
        out::note("there are more: --limit N shows more of them, and filters leave fewer");
    }
    Ok(())
}

/// As many pages as it takes, as one document.
async fn pages(
    admin: &Admin,
    query: &serde_json::Map<String, Value>,
    limit: usize,
) -> Result<Value, Failure> {
    let filter: Vec<(&str, String)> = query
        .iter()
        .filter_map(|(name, text)| Some((name.as_str(), text.as_str()?.to_owned())))
        .collect();
    let mut whole: Option<Value> = None;
    let mut left = limit.max(1);
    loop {
        let mut query = filter.clone();
        query.push(("limit", left.min(PAGE_MAX).to_string()));
        let before = whole.as_ref().and_then(|whole| whole["next"].as_i64());
        query.extend(before.map(|before| ("before", before.to_string())));
        let page = admin.get(&["dead-letters"], &query).await?;
        let of_journal = letters(&page).iter().filter(|one| one["source"] == "journal").count();
        left = left.saturating_sub(of_journal);
        let is_last = left == 0 || page["next"].is_null();
        let whole = match &mut whole {
            None => whole.insert(page),
            Some(whole) => {
                join(whole, page);
                whole
            }
        };
        if is_last {
            return Ok(whole.take());
        }
    }
}

fn letters(page: &Value) -> &[Value] {
    page["letters"].as_array().map_or(&[], Vec::as_slice)
}

/// Puts a later page behind the journal's letters of those before.
fn join(whole: &mut Value, mut page: Value) {
    let later = page["letters"].as_array_mut().map(std::mem::take).unwrap_or_default();
    if let Some(letters) = whole["letters"].as_array_mut() {
        let end = letters.iter().position(|one| one["source"] != "journal");
        let end = end.unwrap_or(letters.len());
        letters.splice(end..end, later);
    }
    whole["next"] = page["next"].take();
}

/// Keeps the first few of each queue. Returns whether there were more; its look says so then, too.
fn cut(whole: &mut Value, limit: usize) -> bool {
    let mut any = false;
    for source in [LetterSource::Queue, LetterSource::Rule].map(LetterSource::as_str) {
        let mut seen = 0;
        if let Some(letters) = whole["letters"].as_array_mut() {
            letters.retain(|one| {
                let is_of_it = one["source"] == source;
                seen += usize::from(is_of_it);
                !is_of_it || seen <= limit
            });
        }
        any |= seen > limit;
        let looks = whole["queues"].as_array_mut().into_iter().flatten();
        for look in looks.filter(|look| seen > limit && look["source"] == source) {
            look["more"] = json!(true);
        }
    }
    any
}

pub(super) fn table(letters: &[DeadLetter]) -> String {
    let header = ["lies in", "id", "type", "subject", "dead since", "to", "attempts", "why"];
    let rows = letters.iter().map(|letter| {
        let id = letter.id.as_deref().unwrap_or(&letter.letter);
        let text = |text: &Option<String>| {
            text.as_deref().map_or_else(|| "–".to_owned(), |text| out::short(text, 40))
        };
        let before = match letter.redrives {
            0 => String::new(),
            1 => "put back once; ".to_owned(),
            times => format!("put back {times} times; "),
        };
        let gone = if letter.route_gone { "its route is gone; " } else { "" };
        vec![
            letter.source.as_str().to_owned(),
            legible(id),
            text(&letter.kind),
            text(&letter.subject),
            out::time(letter.died_at),
            out::short(&letter.way(), 80),
            letter.attempts.map_or_else(|| "–".to_owned(), |attempts| attempts.to_string()),
            out::short(&format!("{gone}{before}{}", letter.reason), 70),
        ]
    });
    out::table(&header, rows.collect(), &[6])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(letters: &[(&str, &str)], next: Option<i64>) -> Value {
        let letters = letters.iter().map(|(source, id)| json!({"source": source, "id": id}));
        let look = json!({"source": "queue", "more": false, "looked_at": 2});
        json!({"letters": letters.collect::<Vec<_>>(), "next": next, "queues": [look]})
    }

    #[track_caller]
    fn ids(whole: &Value) -> Vec<&str> {
        letters(whole).iter().map(|one| one["id"].as_str().unwrap()).collect()
    }

    #[test]
    fn later_pages_stand_before_what_lies_in_queues() {
        let mut whole = page(&[("journal", "1"), ("queue", "m-1"), ("queue", "m-2")], Some(7));
        join(&mut whole, page(&[("journal", "2"), ("journal", "3")], None));
        assert_eq!(ids(&whole), ["1", "2", "3", "m-1", "m-2"]);
        assert_eq!(whole["next"], Value::Null);
        assert!(!cut(&mut whole, 2));
        assert_eq!((ids(&whole).len(), &whole["queues"][0]["more"]), (5, &json!(false)));
        assert!(cut(&mut whole, 1));
        assert_eq!(ids(&whole), ["1", "2", "3", "m-1"]);
        assert_eq!(whole["queues"][0]["more"], true);
    }
}
