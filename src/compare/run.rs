//! The comparison of what a journal holds.

use super::comparison::compare;
use super::{Coverage, Document, Scope, Settings, Window};
use crate::event::{Path, Timestamp};
use crate::journal::{Question, ReadError, Reader};

/// Compares the events of this scope whose `time` lies in the window.
///
/// # Errors
/// When the journal can't be read.
pub async fn run(
    reader: &Reader,
    settings: &Settings,
    scope: &Scope,
    window: Window,
    now: Timestamp,
) -> Result<Document, ReadError> {
    let question = Question {
        from: window.from,
        to: window.to,
        scope: scope.clone(),
        settled_until: now.minus(settings.grace),
        ignore: settings.ignore.clone(),
    };
    let answer = reader.summaries(question).await?;
    let mut coverage = Coverage::default();
    for (path, from, to) in reader.coverage((answer.from, answer.to)).await? {
        let open = Window { from, to };
        match path {
            Path::Webhook => coverage.webhook.push(open),
            Path::Eventbridge => coverage.eventbridge.push(open),
        }
    }
    Ok(compare(settings, scope, &answer, &coverage, now))
}
