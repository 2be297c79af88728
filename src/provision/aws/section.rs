//! The part of the configuration that a set-up ends in.

use serde::Serialize;

use super::found::Found;

/// The keys of `[eventbridge]` in the gateway's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The queue.
    pub queue_url: String,
    /// Its region.
    pub region: String,
    /// The queue's dead-letter queue.
    pub dead_letter_queue_url: String,
    /// The dead-letter queue of the rule's target.
    pub rule_dead_letter_queue_url: String,
    /// Another address for AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
}

impl Section {
    /// Of what is there; `None` while a queue is missing.
    pub fn new(found: &Found, endpoint_url: Option<&str>) -> Option<Self> {
        Some(Self {
            queue_url: found.queue.as_ref()?.url.clone(),
            region: found.place.region.clone(),
            dead_letter_queue_url: found.dead_letters.as_ref()?.url.clone(),
            rule_dead_letter_queue_url: found.undelivered.as_ref()?.url.clone(),
            endpoint_url: endpoint_url.map(str::to_owned),
        })
    }

    /// As TOML.
    pub fn to_toml(&self) -> String {
        let text = |name: &str, value: &str| {
            format!("{name} = {}\n", toml::Value::String(value.to_owned()))
        };
        let mut section = "[eventbridge]\n".to_owned();
        section.push_str(&text("queue_url", &self.queue_url));
        section.push_str(&text("region", &self.region));
        section.push_str(&text("dead_letter_queue_url", &self.dead_letter_queue_url));
        section.push_str(&text("rule_dead_letter_queue_url", &self.rule_dead_letter_queue_url));
        if let Some(endpoint_url) = &self.endpoint_url {
            section.push_str(&text("endpoint_url", endpoint_url));
        }
        section
    }
}
