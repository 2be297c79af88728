//! Reading quarantined bytes once more, when ordered to: a later version may understand them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Intake;
use crate::event::{Arrival, Flags, Hops, Path, QueueHops};
use crate::journal::{
    Arrived, OrderDesk, OrderKind, OrderStory, QuarantineFilter, QuarantinedBytes,
    QuarantinedSummary, ReadError, Reader, StepError,
};
use crate::normalize::{self, Normalized};
use crate::telemetry::Chain;

/// Carries out orders to read quarantined bytes once more.
#[derive(Debug)]
pub struct Reprocessor {
    intake: Intake,
    reader: Reader,
}

/// Which bytes: the detail of an order to reprocess or discard them, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Plan {
    /// Only these; all when there are none.
    numbers: Vec<i64>,
    /// Only for this reason.
    reason: Option<String>,
}

/// Looked at in one step.
const STEP: usize = 50;
/// The pause after a step that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(2);

impl Reprocessor {
    /// What is understood goes in by this intake.
    pub const fn new(intake: Intake, reader: Reader) -> Self {
        Self { intake, reader }
    }

    /// Works until `stop`. An order under way goes on after a restart.
    pub async fn run(self, stop: CancellationToken) {
        let kinds = &[OrderKind::Reprocess];
        let mut desk = OrderDesk::new(&self.intake.journal, self.reader.clone(), kinds);
        while let Some(order) = desk.next(&stop).await {
            if let Err(error) = self.step(&order).await {
                warn!(order = order.order.0, error = %Chain(&error), "an order waits");
                desk.put_aside(order.order, PAUSE_AFTER_FAILURE);
            }
        }
    }

    /// The next few, from the last to the first; at the end, the end of the order.
    async fn step(&self, order: &OrderStory) -> Result<(), StepError> {
        let Ok(plan) = serde_json::from_str::<Plan>(&order.detail) else {
            warn!(order = order.order.0, "an order that can't be read is stopped");
            self.intake.journal.end_order(order.order, true).await?;
            return Ok(());
        };
        let filter = QuarantineFilter {
            reason: plan.reason.clone(),
            before: (order.looked_at > 0).then_some(order.looked_at),
            limit: STEP,
        };
        let listed = self.reader.quarantined(filter).await?;
        let Some(last) = listed.last() else {
            self.intake.journal.end_order(order.order, false).await?;
            info!(order = order.order.0, "quarantined bytes were read once more");
            return Ok(());
        };
        let mut understood = 0;
        let is_meant = |summary: &&QuarantinedSummary| {
            plan.numbers.is_empty() || plan.numbers.contains(&summary.no)
        };
        for summary in listed.iter().filter(is_meant) {
            match self.reader.quarantined_bytes(summary.no).await {
                Ok(None) => {}
                Ok(Some(bytes)) => understood += u64::from(self.read_again(&bytes).await?),
                // What is damaged will be tomorrow; it must not hold up the rest.
                Err(error @ ReadError::Quarantined { .. }) => {
                    warn!(quarantine.no = summary.no, error = %Chain(&error), "left as it is");
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.intake.journal.step_order(order.order, last.no, understood).await?;
        Ok(())
    }

    /// Whether it is understood now. It arrived when it arrived, and what the queue said of its way is
    /// not known any more.
    async fn read_again(&self, bytes: &QuarantinedBytes) -> Result<bool, StepError> {
        let QuarantinedSummary { no, at, path, message_id, .. } = &bytes.summary;
        let read = match path {
            Path::Webhook => normalize::webhook(&bytes.body),
            Path::Eventbridge => normalize::queue_message(&bytes.body),
        };
        let Ok(Normalized { event, stream, envelope_time, replayed }) = read else {
            return Ok(false);
        };
        let hops = match path {
            Path::Webhook => Hops::Webhook,
            Path::Eventbridge => Hops::Eventbridge(QueueHops {
                envelope_time,
                replayed,
                receive_count: 1,
                message_id: message_id.as_deref().unwrap_or_default().into(),
                ..QueueHops::default()
            }),
        };
        let deliveries = self.intake.deliveries(&event);
        // When the door had been opened then is not known any more either.
        let mut arrival = Arrival { at: *at, stream, hops, flags: Flags::NONE };
        arrival.flags = self.intake.flags.flags(&arrival, event.time, Some(event.time));
        let arrived = Arrived::new(event, arrival, deliveries);
        let accepted = self.intake.journal.reprocess(*no, arrived).await?;
        if let Some(accepted) = &accepted {
            self.intake.metrics.arrival(*path, accepted.outcome);
        }
        Ok(accepted.is_some())
    }
}
