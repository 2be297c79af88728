//! Whether a claim costs the same however much is due.

use std::path::Path;
use std::time::{Duration, Instant};

use twinstream::journal::{Claim, Due, Settlement, Verdict};

use super::Scale;
use super::support::journal::Filled;
use super::support::load::Numbers;
use super::support::{Report, Row, Target, median};

/// A claim of a journal full of deliveries costs this much of one that is nearly empty, at most.
const FLAT: f64 = 1.5;
/// Deliveries taken at a time.
const LIMIT: usize = 16;
const CLAIMS: usize = 300;
/// What waits at first.
const FEW: u64 = 10_000;

pub(crate) async fn measure(scale: &Scale, folder: &Path, report: &mut Report) {
    let numbers = Numbers::default();
    let few = Filled::open(&folder.join("few.db"), &["block-status"]);
    few.accept(FEW, &numbers).await;
    let many = Filled::open(&folder.join("many.db"), &["block-status"]);
    many.fill(scale.backlog, &numbers).await;
    let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
    // In turns: what else the machine does must not look like the journal's doing.
    for _ in 0..CLAIMS {
        of_few.push(claim(&few).await);
        of_many.push(claim(&many).await);
    }
    few.close();
    many.close();
    let ratio = median(&of_many) / median(&of_few);
    let row = |due: u64, took: &[f64]| {
        let name = format!("claim {LIMIT} and settle them, {} k due", due / 1_000);
        Row::new(&name).took(median(took), super::support::quantile(took, 0.99))
    };
    report.push(row(FEW, &of_few));
    report.push(
        row(scale.backlog, &of_many).ratio("of that at 10 k", ratio).target(Target::AtMost(FLAT)),
    );
}

/// How long it takes to lease some and to record that they are delivered, in milliseconds.
async fn claim(journal: &Filled) -> f64 {
    let began = Instant::now();
    let claim = Claim {
        routes: journal.routes.clone(),
        target: "app".into(),
        limit: LIMIT,
        retries_min: 0,
        backlog: None,
        lease: Duration::from_mins(1),
    };
    let claimed = journal.journal.claim(claim).await.unwrap();
    assert_eq!(claimed.due.len(), LIMIT);
    let settle = |due: &Due| {
        journal.journal.settle(Settlement {
            seq: due.seq,
            route: due.route,
            attempt_number: due.attempt,
            attempt: None,
            verdict: Verdict::Delivered,
        })
    };
    for settled in futures_util::future::join_all(claimed.due.iter().map(settle)).await {
        drop(settled.unwrap());
    }
    began.elapsed().as_secs_f64() * 1e3
}
