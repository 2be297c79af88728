//! The events one by one, as CSV (RFC 4180).

use crate::event::{Flag, PairedBy, Path, Timestamp};
use crate::journal::ObservedEvent;

/// One event with both its arrivals.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PairRow {
    /// Its id, as the path that brought it first spells it.
    pub id: String,
    /// Its type: `user.created`.
    pub kind: String,
    /// Auth0's time of it.
    pub time: Option<Timestamp>,
    /// When it first came by webhook.
    pub webhook_at: Option<Timestamp>,
    /// When it first came by EventBridge.
    pub eventbridge_at: Option<Timestamp>,
    /// Why the webhook's arrival is not in the latency: `backlog`, `startup`; empty when it is.
    pub webhook_flags: Vec<&'static str>,
    /// Likewise EventBridge's: `receive_count`, `redriven`, `replayed`, `backlog`, `startup`.
    pub eventbridge_flags: Vec<&'static str>,
    /// How the arrivals were found to be one event; `None` without both.
    pub paired_by: Option<PairedBy>,
    /// Whether somebody sent it as a test.
    pub test: bool,
    /// Whether it is old enough to be judged.
    pub settled: bool,
}

impl PairRow {
    /// The row of an event, told at a time when what came up to `settled_until` had settled.
    pub fn of(observed: &ObservedEvent, settled_until: Timestamp) -> Self {
        let ObservedEvent { id, entry } = observed;
        let event = &entry.event;
        let at = |path| event.sighting(path).map(|seen| seen.at);
        let flags = |path| {
            let flags = event.sighting(path).map(|seen| seen.flags).unwrap_or_default();
            flags.iter().map(Flag::as_str).collect()
        };
        Self {
            id: id.clone(),
            kind: entry.kind.to_string(),
            time: Some(event.time),
            webhook_at: at(Path::Webhook),
            eventbridge_at: at(Path::Eventbridge),
            webhook_flags: flags(Path::Webhook),
            eventbridge_flags: flags(Path::Eventbridge),
            paired_by: event.paired_by,
            test: event.test,
            settled: event.has_settled_by(settled_until),
        }
    }

    /// EventBridge's arrival minus the webhook's, in milliseconds.
    pub fn difference_ms(&self) -> Option<f64> {
        Some(self.eventbridge_at?.millis_since(self.webhook_at?))
    }

    /// The path that came first; `None` when both came at the same instant, or none did.
    pub fn first(&self) -> Option<Path> {
        match (self.webhook_at, self.eventbridge_at) {
            (Some(webhook), Some(eventbridge)) if webhook == eventbridge => None,
            (Some(webhook), Some(eventbridge)) if webhook > eventbridge => Some(Path::Eventbridge),
            (Some(_), _) => Some(Path::Webhook),
            (None, Some(_)) => Some(Path::Eventbridge),
            (None, None) => None,
        }
    }
}

/// The names of the columns: the first line, with its end.
pub const fn header() -> &'static str {
    "id,type,time,webhook_at,eventbridge_at,difference_ms,first,webhook_flags,eventbridge_flags,\
     paired_by,test,settled\r\n"
}

/// An event as a line, with its end. Times are RFC 3339 in UTC; flags stand apart by blanks; what
/// there is not is empty.
pub fn line(row: &PairRow) -> String {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let fields = [
        text(&row.id),
        text(&row.kind),
        time(row.time),
        time(row.webhook_at),
        time(row.eventbridge_at),
        // A number: what begins with its sign is no formula.
        row.difference_ms().map(|ms| format!("{ms:.3}")).unwrap_or_default(),
        row.first().map(|path| path.to_string()).unwrap_or_default(),
        row.webhook_flags.join(" "),
        row.eventbridge_flags.join(" "),
        row.paired_by.map(|by| name(by).to_owned()).unwrap_or_default(),
        row.test.to_string(),
        row.settled.to_string(),
    ];
    let mut line = fields.join(",");
    line.push_str("\r\n");
    line
}

/// The name that the JSON has.
fn name(by: PairedBy) -> &'static str {
    match by {
        PairedBy::Id => "id",
        PairedBy::Fallback => "fallback",
        PairedBy::Ambiguous => "ambiguous",
    }
}

/// A text of others. What a spreadsheet would take for a formula gets a `'` before it.
///
/// Source: OWASP, CSV Injection: `=`, `+`, `-`, `@`, tab and carriage return at the beginning.
fn text(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_772_356_544_000 + millis)
    }

    fn row() -> PairRow {
        PairRow {
            id: "evt_1".into(),
            kind: "user.created".into(),
            time: Some(at(0)),
            webhook_at: Some(at(180)),
            eventbridge_at: Some(at(560)),
            paired_by: Some(PairedBy::Id),
            settled: true,
            ..PairRow::default()
        }
    }

    #[track_caller]
    fn check(row: &PairRow, expected: &str) {
        let line = line(row);
        assert_eq!(line.strip_suffix("\r\n"), Some(expected));
        assert_eq!(header().matches(',').count(), 11);
    }

    #[test]
    fn an_event_is_a_line() {
        check(
            &row(),
            "evt_1,user.created,2026-03-01T09:15:44Z,2026-03-01T09:15:44.18Z,\
             2026-03-01T09:15:44.56Z,380.000,webhook,,,id,false,true",
        );
        let flagged = PairRow {
            webhook_at: Some(at(900)),
            webhook_flags: vec!["backlog"],
            eventbridge_flags: vec!["receive_count", "replayed"],
            paired_by: Some(PairedBy::Ambiguous),
            test: true,
            ..row()
        };
        check(
            &flagged,
            "evt_1,user.created,2026-03-01T09:15:44Z,2026-03-01T09:15:44.9Z,\
             2026-03-01T09:15:44.56Z,-340.000,eventbridge,backlog,receive_count replayed,ambiguous,\
             true,true",
        );
    }

    #[test]
    fn what_there_is_not_is_empty() {
        check(&PairRow::default(), ",,,,,,,,,,false,false");
        let alone = PairRow { webhook_at: None, paired_by: None, ..row() };
        check(
            &alone,
            "evt_1,user.created,2026-03-01T09:15:44Z,,2026-03-01T09:15:44.56Z,,eventbridge,,,,false,true",
        );
        let tie = PairRow { eventbridge_at: Some(at(180)), ..row() };
        assert_eq!((tie.first(), tie.difference_ms()), (None, Some(0.0)));
    }

    #[track_caller]
    fn check_text(id: &str, expected: &str) {
        assert_eq!(text(id), expected);
    }

    #[test]
    fn no_text_breaks_out_of_its_field_or_is_a_formula() {
        check_text("a\"b", "\"a\"\"b\"");
        check_text("a,b", "\"a,b\"");
        check_text("a\r\nb", "\"a\r\nb\"");
        check_text("=1+1", "'=1+1");
        check_text("+1", "'+1");
        check_text("-1", "'-1");
        check_text("@x,y", "\"'@x,y\"");
        check_text("\tx", "'\tx");
        check_text("a=1", "a=1");
    }
}
