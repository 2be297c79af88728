//! The busy day in quarters of an hour.

use super::at;
use crate::compare::number::{as_f64, count_from};
use crate::compare::{Slot, SlotPath};

const SLOTS: u32 = 96;
const SLOT_SECONDS: u64 = 900;

/// Splits a number by weights; the parts add up to it.
pub(super) fn spread(total: u64, weights: &[f64]) -> Vec<u64> {
    let whole: f64 = weights.iter().sum();
    let (mut sum, mut given) = (0.0, 0);
    let mut parts = Vec::new();
    for weight in weights {
        sum += weight;
        let until = count_from((as_f64(total) * sum / whole - 0.5).max(0.0)).unwrap().min(total);
        parts.push(until - given);
        given = until;
    }
    if let Some(last) = parts.last_mut() {
        *last += total - given;
    }
    parts
}

/// Who is awake: from 0 at night to 1 at noon.
fn daylight(slot: u32) -> f64 {
    (1.0 - (f64::from(slot) / f64::from(SLOTS) * std::f64::consts::TAU).cos()) / 2.0
}

/// Numbers that look like chance, from 0 to 1, and are the same each time.
fn noise(slot: u32, salt: u32) -> f64 {
    f64::from((slot * 7_919 + salt * 104_729) % 1_013) / 1_013.0
}

fn at_slots(at: &[(u32, u64)]) -> Vec<u64> {
    (0..SLOTS)
        .map(|slot| at.iter().find(|(at, _)| *at == slot).map_or(0, |(_, number)| *number))
        .collect()
}

pub(super) fn slots() -> Vec<Slot> {
    let daily: Vec<f64> = (0..SLOTS).map(|slot| 0.15 + daylight(slot)).collect();
    let seen = [spread(11_988, &daily), spread(11_993, &daily)];
    let missing = [
        at_slots(&[(10, 1), (41, 4), (42, 3), (55, 2), (80, 2)]),
        at_slots(&[(20, 3), (21, 1), (60, 2), (90, 1)]),
    ];
    let disorder = [spread(14, &daily), spread(61, &daily)];
    let slot = |slot: u32| {
        let index = usize::try_from(slot).unwrap();
        let path = |path: usize, ms: f64, covered_seconds| {
            let p50 = ms * (0.8 + 0.3 * daylight(slot) + 0.1 * noise(slot, 1));
            SlotPath {
                seen: seen[path][index],
                missing: missing[path][index],
                covered_seconds,
                out_of_order: disorder[path][index],
                p50: Some(p50),
                p99: Some(p50 * (3.0 + 2.0 * noise(slot, 2))),
            }
        };
        let webhook = match slot {
            41 => path(0, 182.0, 300.0),
            42 => SlotPath { p50: None, p99: None, ..path(0, 182.0, 0.0) },
            _ => path(0, 182.0, 900.0),
        };
        let eventbridge = path(1, 562.0, 900.0);
        Slot {
            from: at(u64::from(slot) * SLOT_SECONDS),
            to: at(u64::from(slot + 1) * SLOT_SECONDS),
            difference_ms: eventbridge.p50.zip(webhook.p50).map(|(later, first)| later - first),
            webhook,
            eventbridge,
        }
    };
    (0..SLOTS).map(slot).collect()
}
