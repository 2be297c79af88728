//! Dead letters of a target that was down and is up again.

use tracing::{info, warn};

use super::Dispatcher;
use crate::journal::{
    JournalError, LetterFilter, LetterPlan, OpenError, OrderKind, Page, Person, ReadError, Reader,
};
use crate::telemetry::Chain;

/// Why dead letters are not put back.
#[derive(Debug, thiserror::Error)]
enum RedriveError {
    #[error("opening the journal")]
    Open(#[source] OpenError),
    #[error("looking for dead letters")]
    Read(#[source] ReadError),
    #[error("writing down which dead letters")]
    Plan(#[source] serde_json::Error),
    #[error("giving the order")]
    Order(#[source] JournalError),
}

impl Dispatcher {
    /// Orders that dead letters of this target be made due again: those that were given up. What the
    /// target refused it would refuse again.
    pub(super) async fn redrive(&self) {
        let name = &self.target.name;
        match self.order_redrive().await {
            Ok(0) => {}
            Ok(letters) => info!(
                target.name = %name, letters,
                "dead letters are put back, since the target is up again"
            ),
            Err(error) => warn!(
                target.name = %name, error = %Chain(&error),
                "dead letters are not put back; redrive them by hand"
            ),
        }
    }

    /// Returns how many there are.
    async fn order_redrive(&self) -> Result<u64, RedriveError> {
        let target = Some(self.target.name.to_string());
        let filter = LetterFilter { target, given_up: true, ..LetterFilter::default() };
        let plan = LetterPlan { filter, rate: self.target.limits.drain_rate };
        let detail = serde_json::to_string(&plan).map_err(RedriveError::Plan)?;
        let reader = self.around.journal.reader().map_err(RedriveError::Open)?;
        // A target that comes and goes needs no second order before the first is carried out.
        let under_way = reader.orders_under_way().await.map_err(RedriveError::Read)?;
        if under_way.iter().any(|order| order.detail == detail) {
            return Ok(0);
        }
        let letters = count(&reader, &plan.filter).await.map_err(RedriveError::Read)?;
        if letters > 0 {
            let by = Person { who: "twinstream".into(), why: "the target is up again".into() };
            let order = self.around.journal.begin_order(OrderKind::Redrive, by, &detail, letters);
            order.await.map_err(RedriveError::Order)?;
        }
        Ok(letters)
    }
}

/// Events looked at in one step.
const EVENTS_AT_A_TIME: usize = 500;

async fn count(reader: &Reader, filter: &LetterFilter) -> Result<u64, ReadError> {
    let (mut seq, mut letters) = (0, 0);
    loop {
        let page = Page::After { seq, events: EVENTS_AT_A_TIME };
        let read = reader.letters(filter.clone(), page, |_| true).await?;
        letters += u64::try_from(read.letters.len()).unwrap_or(u64::MAX);
        match read.looked_at {
            Some(looked_at) => seq = looked_at,
            None => return Ok(letters),
        }
    }
}
