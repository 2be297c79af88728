//! The comparison of what a journal holds.

use super::{Comparison, Coverage, Document, Settings, Window};
use crate::event::{Path, Timestamp};
use crate::journal::{ReadError, Reader};

/// Compares the events whose `time` lies in the window.
///
/// # Errors
/// When the journal can't be read.
pub async fn run(
    reader: &Reader,
    settings: &Settings,
    window: Window,
    now: Timestamp,
) -> Result<Document, ReadError> {
    let mut coverage = Coverage::default();
    for (path, from, to) in reader.coverage((window.from, window.to)).await? {
        let open = Window { from, to };
        match path {
            Path::Webhook => coverage.webhook.push(open),
            Path::Eventbridge => coverage.eventbridge.push(open),
        }
    }
    let comparison = Comparison::new(settings.clone(), window, now);
    let comparison =
        reader.fold_observations((window.from, window.to), comparison, Comparison::observe).await?;
    Ok(comparison.finish(&coverage))
}
