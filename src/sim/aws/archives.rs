//! Archives of a bus: kept and shown. Their events are not.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pattern::Pattern;
use super::refusal::{Code, Refusal};
use crate::event::Timestamp;

/// All archives, by their names, which are one account's and region's.
#[derive(Debug, Default)]
pub(super) struct Archives(BTreeMap<String, Archive>);

/// One archive.
#[derive(Debug)]
pub(super) struct Archive {
    /// The bus, by its ARN.
    pub(super) bus_arn: String,
    pub(super) pattern_text: Option<String>,
    pub(super) description: String,
    /// 0 keeps for ever.
    pub(super) retention_days: u32,
    pub(super) created: Timestamp,
}

impl Archives {
    pub(super) fn create(&mut self, name: &str, archive: Archive) -> Result<(), Refusal> {
        // API reference, `CreateArchive`, `ArchiveName`.
        let fits = (1..=48).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !fits {
            return Err(Refusal::new(
                Code::Validation,
                "An archive's name has 1 to 48 letters, digits, and ._- only.",
            ));
        }
        if let Some(pattern) = &archive.pattern_text {
            Pattern::parse(pattern)?;
        }
        if self.0.contains_key(name) {
            return Err(Refusal::new(
                Code::ResourceAlreadyExists,
                format_args!("Archive {name} already exists."),
            ));
        }
        self.0.insert(name.to_owned(), archive);
        Ok(())
    }

    pub(super) fn get(&mut self, name: &str) -> Result<&mut Archive, Refusal> {
        self.0.get_mut(name).ok_or_else(|| not_found(name))
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), Refusal> {
        self.0.remove(name).map(drop).ok_or_else(|| not_found(name))
    }

    /// The names of a bus's archives.
    pub(super) fn of_bus(&self, arn: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(_, held)| held.bus_arn == arn).map(|(name, _)| name.as_str())
    }
}

impl Archive {
    pub(super) fn json(&self, name: &str, arn: &str) -> Value {
        let mut shown = json!({
            "ArchiveName": name,
            "ArchiveArn": arn,
            "EventSourceArn": self.bus_arn,
            "Description": self.description,
            "RetentionDays": self.retention_days,
            "State": "ENABLED",
            "CreationTime": self.created.as_seconds(),
        });
        if let Some(pattern) = &self.pattern_text {
            shown["EventPattern"] = json!(pattern);
        }
        shown
    }
}

fn not_found(name: &str) -> Refusal {
    Refusal::new(Code::ResourceNotFound, format_args!("Archive {name} does not exist."))
}
