//! A pulse for tests: both doors open, nothing came, all is well.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Probe, Pulse, Sample, Tape};
use crate::compare::Coverage;
use crate::event::{Path, PerPath, Timestamp};
use crate::journal::{Counts, Lately};
use crate::telemetry::{DoorState, TargetState};

pub(in crate::admin::pages) fn now() -> Timestamp {
    Timestamp::from_millis(1_772_356_544_000)
}

pub(in crate::admin::pages) fn ago(seconds: u64) -> Timestamp {
    now().minus(Duration::from_secs(seconds))
}

pub(in crate::admin::pages) fn quiet() -> Pulse {
    let open = |path| (path, DoorState::Open { since: ago(3_000) });
    let lately = Lately { one_in: 1, ..Lately::default() };
    Pulse {
        at: now(),
        unreadable: false,
        counts: Counts::default(),
        lately,
        newest: Vec::new(),
        last_arrival: PerPath::default(),
        tape: Tape::default(),
        coverage: Coverage::default(),
        began: None,
        doors: Path::ALL.map(open).into(),
        targets: BTreeMap::from([(Arc::from("app"), TargetState::new(ago(3_000)))]),
        paused: Vec::new(),
        secrets: Vec::new(),
        queue_depth: (0, 4_096),
        probe: Some(Probe::Committed { took: Duration::from_millis(2) }),
        document: None,
    }
}

/// A sample at which nothing was counted yet.
pub(in crate::admin::pages) fn sample(seconds_ago: u64) -> Sample {
    Sample { at: ago(seconds_ago), came: PerPath::default(), quarantined: 0, refused: 0, died: 0 }
}

pub(in crate::admin::pages) fn tape(samples: impl IntoIterator<Item = Sample>) -> Tape {
    let mut tape = Tape::default();
    samples.into_iter().for_each(|sample| tape.push(sample));
    tape
}
