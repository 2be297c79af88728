//! What was measured, as one table or as JSON.

use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};

/// What a ratio should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

/// One thing measured.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    per_second: Option<f64>,
    p50_p99_ms: Option<(f64, f64)>,
    ratio: Option<(&'static str, f64)>,
    target: Option<Target>,
}

impl Row {
    pub(crate) fn new(what: &str) -> Self {
        let what = what.replace(", 1 connections", ", 1 connection");
        Self { what, per_second: None, p50_p99_ms: None, ratio: None, target: None }
    }

    pub(crate) fn rate(mut self, per_second: f64) -> Self {
        self.per_second = Some(per_second);
        self
    }

    pub(crate) fn took(mut self, p50_ms: f64, p99_ms: f64) -> Self {
        self.p50_p99_ms = Some((p50_ms, p99_ms));
        self
    }

    pub(crate) fn ratio(mut self, unit: &'static str, value: f64) -> Self {
        self.ratio = Some((unit, value));
        self
    }

    pub(crate) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// A figure that is not a number was not measured, and meets nothing.
    fn is_met(&self) -> Option<bool> {
        Some(self.target?.is_met(self.ratio.map_or(f64::NAN, |(_, value)| value)))
    }

    fn cells(&self) -> [String; 7] {
        let empty = String::new;
        let ms = |ms: f64| if ms.is_nan() { empty() } else { format!("{ms:.2}") };
        let (p50, p99) =
            self.p50_p99_ms.map_or((empty(), empty()), |(p50, p99)| (ms(p50), ms(p99)));
        let target = match self.target {
            None => empty(),
            Some(Target::AtLeast(least)) => format!("≥ {least}"),
            Some(Target::AtMost(most)) => format!("≤ {most}"),
        };
        [
            self.what.clone(),
            self.per_second.map_or_else(empty, |rate| format!("{rate:.0}")),
            p50,
            p99,
            self.ratio.map_or_else(empty, |(unit, value)| format!("{} {unit}", short(value))),
            target,
            self.is_met().map_or("", |met| if met { "met" } else { "MISSED" }).to_owned(),
        ]
    }

    fn json(&self) -> Value {
        let target = match self.target {
            None => Value::Null,
            Some(Target::AtLeast(least)) => json!({ "at_least": least }),
            Some(Target::AtMost(most)) => json!({ "at_most": most }),
        };
        json!({
            "what": self.what,
            "per_second": self.per_second,
            "p50_ms": self.p50_p99_ms.map(|(p50, _)| p50),
            "p99_ms": self.p50_p99_ms.map(|(_, p99)| p99),
            "ratio": self.ratio.map(|(_, value)| value),
            "unit": self.ratio.map(|(unit, _)| unit),
            "target": target,
            "met": self.is_met(),
        })
    }
}

fn short(value: f64) -> String {
    if value >= 100.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// Everything measured.
#[derive(Debug)]
pub(crate) struct Report {
    quick: bool,
    rows: Vec<Row>,
    took: Duration,
}

impl Report {
    pub(crate) const fn new(quick: bool) -> Self {
        Self { quick, rows: Vec::new(), took: Duration::ZERO }
    }

    pub(crate) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn took(&mut self, took: Duration) {
        self.took = took;
    }

    pub(crate) fn all_met(&self) -> bool {
        self.rows.iter().all(|row| row.is_met() != Some(false))
    }

    fn cores() -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }

    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(["measured", "per second", "p50 ms", "p99 ms", "ratio", "target", ""]);
        for row in &self.rows {
            table.add_row(row.cells());
        }
        for column in 1..=3 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let targets = self.rows.iter().filter_map(Row::is_met);
        let (met, all) = targets.fold((0, 0), |(met, all), is| (met + u32::from(is), all + 1));
        format!(
            "{table}\n{met} of {all} targets met; {} cores, {:.0} s{}",
            Self::cores(),
            self.took.as_secs_f64(),
            if self.quick { ", quick" } else { "" },
        )
    }

    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        json!({
            "quick": self.quick,
            "cores": Self::cores(),
            "seconds": self.took.as_secs_f64(),
            "all_met": self.all_met(),
            "rows": rows,
        })
    }
}
