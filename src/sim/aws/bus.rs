//! Buses, rules and targets: where an event goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::account::Account;
use super::message::{Attribute, Attributes, Incoming, MessageId};
use super::pattern::Pattern;
use super::policy::Sender;
use super::refusal::{Code, Refusal};
use super::sources::State;
use super::truth::Origin;
use crate::event::Timestamp;

/// EventBridge: 100 buses an account, 300 rules a bus, 5 targets a rule (user guide, "Quotas").
const BUSES_MAX: usize = 100;
const RULES_MAX: usize = 300;
const TARGETS_MAX: usize = 5;

/// The name of the bus that each account has.
pub(super) const DEFAULT_BUS: &str = "default";

/// All buses.
#[derive(Debug)]
pub(super) struct Buses(BTreeMap<String, Bus>);

/// What the names of partners' sources, and of their buses, begin with.
pub(super) const PARTNER_PREFIX: &str = "aws.partner/";

/// One bus.
#[derive(Debug, Default)]
pub(super) struct Bus {
    pub(super) rules: BTreeMap<String, Rule>,
    /// Events that came, whether a rule matched or not.
    pub(super) events: u64,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) pattern: Pattern,
    pub(super) pattern_text: String,
    pub(super) is_enabled: bool,
    pub(super) description: Option<String>,
    pub(super) targets: BTreeMap<String, Target>,
}

/// Where a rule sends to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) arn: String,
    /// For a FIFO queue.
    pub(super) group: Option<Arc<str>>,
    pub(super) dead_letter_arn: Option<String>,
    pub(super) retry: Option<Retry>,
}

/// For how long, and how often, EventBridge tries. Kept and shown: here a target takes an event at once,
/// or never. Source of the ranges: API reference, `RetryPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Retry {
    /// From 0 to 185.
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<u32>,
    /// From 60 to 86,400.
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<u32>,
}

impl Retry {
    pub(super) fn check(self) -> Result<Self, Refusal> {
        let attempts = self.maximum_retry_attempts.is_none_or(|n| n <= 185);
        let age = self.maximum_event_age_in_seconds.is_none_or(|s| (60..=86_400).contains(&s));
        if attempts && age {
            return Ok(self);
        }
        Err(Refusal::new(Code::Validation, "RetryPolicy: up to 185 attempts, 60 to 86400 seconds."))
    }
}

/// An event on its way to a bus.
#[derive(Debug)]
pub(super) struct NewEvent<'a> {
    pub(super) source: &'a str,
    pub(super) detail_type: &'a str,
    pub(super) detail: &'a RawValue,
    pub(super) resources: &'a [String],
    pub(super) time: Timestamp,
}

/// Where an event went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// EventBridge's own id of the event: the envelope's `id`.
    pub event_id: String,
    /// How many queues it was sent to; 0 when no rule matched, or when the bus does not exist.
    pub queues: usize,
}

/// The envelope around an event (user guide, "Event structure").
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Envelope<'a> {
    version: &'static str,
    id: &'a str,
    detail_type: &'a str,
    source: &'a str,
    account: &'a str,
    time: String,
    region: &'a str,
    resources: &'a [String],
    detail: &'a RawValue,
}

impl Default for Buses {
    fn default() -> Self {
        Self(BTreeMap::from([(DEFAULT_BUS.to_owned(), Bus::default())]))
    }
}

impl Buses {
    /// `for_source`: a partner's event source has this name, and the bus is to take its events.
    pub(super) fn create(&mut self, name: &str, for_source: bool) -> Result<(), Refusal> {
        // 1 to 256 of these characters (API reference, `CreateEventBus`).
        let fits = (1..=256).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
        if !fits {
            return Err(Refusal::new(
                Code::Validation,
                "The name must have 1 to 256 letters, digits, and /._- only.",
            ));
        }
        if name.starts_with("aws.") && !for_source {
            return Err(Refusal::new(
                Code::Validation,
                "An event bus whose name begins with aws. needs its event source.",
            ));
        }
        if self.0.contains_key(name) {
            return Err(Refusal::new(
                Code::ResourceAlreadyExists,
                format_args!("Event bus {name} already exists."),
            ));
        }
        if self.0.len() >= BUSES_MAX {
            return Err(Refusal::new(Code::LimitExceeded, "Too many event buses."));
        }
        self.0.insert(name.to_owned(), Bus::default());
        Ok(())
    }

    /// Deletes a bus; one that does not exist is no error (API reference, `DeleteEventBus`).
    pub(super) fn delete(&mut self, name: &str) -> Result<(), Refusal> {
        if name == DEFAULT_BUS {
            return Err(Refusal::new(Code::Validation, "Cannot delete event bus default."));
        }
        if self.0.get(name).is_some_and(|bus| !bus.rules.is_empty()) {
            return Err(Refusal::new(
                Code::Validation,
                "Event bus can't be deleted since it has rules.",
            ));
        }
        self.0.remove(name);
        Ok(())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Bus)> {
        self.0.iter()
    }

    pub(super) fn get(&mut self, name: &str) -> Result<&mut Bus, Refusal> {
        self.0.get_mut(name).ok_or_else(|| {
            Refusal::new(Code::ResourceNotFound, format_args!("Event bus {name} does not exist."))
        })
    }
}

impl Bus {
    pub(super) fn rule(&mut self, name: &str) -> Result<&mut Rule, Refusal> {
        self.rules.get_mut(name).ok_or_else(|| {
            Refusal::new(
                Code::ResourceNotFound,
                format_args!("Rule {name} does not exist on this event bus."),
            )
        })
    }

    /// Makes a rule, or changes one and leaves its targets.
    pub(super) fn put_rule(
        &mut self,
        name: &str,
        (pattern_text, description): (&str, Option<&str>),
        is_enabled: bool,
    ) -> Result<(), Refusal> {
        let pattern = Pattern::parse(pattern_text)?;
        if !self.rules.contains_key(name) && self.rules.len() >= RULES_MAX {
            return Err(Refusal::new(Code::LimitExceeded, "Too many rules on this event bus."));
        }
        let targets = self.rules.remove(name).map(|old| old.targets).unwrap_or_default();
        let pattern_text = pattern_text.to_owned();
        let description = description.map(str::to_owned);
        let rule = Rule { pattern, pattern_text, is_enabled, description, targets };
        self.rules.insert(name.to_owned(), rule);
        Ok(())
    }

    /// The targets of the rules that match, each with the name of its rule.
    fn targets_for(
        &self,
        event: &mut Map<String, Value>,
        detail: &RawValue,
    ) -> Vec<(String, Target)> {
        let enabled = || self.rules.iter().filter(|(_, rule)| rule.is_enabled);
        if enabled().any(|(_, rule)| rule.pattern.looks_into_detail()) {
            let detail = serde_json::from_str(detail.get()).unwrap_or_default();
            event.insert("detail".to_owned(), detail);
        }
        let matching = enabled().filter(|(_, rule)| rule.pattern.matches(event));
        let targets = matching.flat_map(|(name, rule)| {
            rule.targets.values().map(|target| (name.clone(), target.clone()))
        });
        targets.collect()
    }
}

impl Rule {
    /// Adds targets, or changes those of the same id.
    pub(super) fn put_target(&mut self, id: &str, target: Target) -> Result<(), Refusal> {
        if !self.targets.contains_key(id) && self.targets.len() >= TARGETS_MAX {
            return Err(Refusal::new(Code::LimitExceeded, "A rule has at most 5 targets."));
        }
        self.targets.insert(id.to_owned(), target);
        Ok(())
    }
}

impl Account {
    /// Brings an event to the queues whose rules match. An event for a bus that does not exist is
    /// taken, gets an id, and goes nowhere. EventBridge does so too (user guide, "Sending events with
    /// `PutEvents`"); and so does a partner's event whose source nobody has associated yet.
    pub(super) fn put_event(&mut self, bus: &str, event: &NewEvent<'_>, now: Timestamp) -> Routed {
        let event_id = MessageId::new(self.dice.uuid()).to_string();
        let bus_name = bus;
        if self.sources.get(bus).is_ok_and(|source| source.state(bus, &self.buses) != State::Active)
        {
            return Routed { event_id, queues: 0 };
        }
        let Ok(bus) = self.buses.get(bus_name) else { return Routed { event_id, queues: 0 } };
        bus.events += 1;
        let mut fields = Map::from_iter([
            ("version".to_owned(), Value::from("0")),
            ("id".to_owned(), Value::from(event_id.as_str())),
            ("detail-type".to_owned(), Value::from(event.detail_type)),
            ("source".to_owned(), Value::from(event.source)),
            ("account".to_owned(), Value::from(self.names.account())),
            ("region".to_owned(), Value::from(self.names.region())),
            ("resources".to_owned(), Value::from(event.resources)),
        ]);
        let targets = bus.targets_for(&mut fields, event.detail);
        let envelope = Envelope {
            version: "0",
            id: &event_id,
            detail_type: event.detail_type,
            source: event.source,
            account: self.names.account(),
            time: whole_seconds(event.time),
            region: self.names.region(),
            resources: event.resources,
            detail: event.detail,
        };
        let Ok(body) = serde_json::to_string(&envelope) else {
            return Routed { event_id, queues: 0 };
        };
        let body = Arc::from(body);
        let sent = targets.iter().filter(|(rule, target)| {
            let rule_arn = self.names.rule_arn(bus_name, rule);
            self.send_to((&rule_arn, target), &body, now)
        });
        let sent = sent.count();
        Routed { event_id, queues: sent }
    }

    /// Whether the target took it. What a target refuses goes to the target's dead-letter queue,
    /// with the reason (user guide, "Using dead-letter queues"); without one it is dropped.
    fn send_to(
        &mut self,
        (rule_arn, target): (&str, &Target),
        body: &Arc<str>,
        now: Timestamp,
    ) -> bool {
        let incoming = Incoming { group: target.group.clone(), ..Incoming::of(Arc::clone(body)) };
        let refusal = match self.send_for(rule_arn, &target.arn, incoming, now) {
            Ok(()) => return true,
            Err(refusal) => refusal,
        };
        if let Some(arn) = &target.dead_letter_arn {
            let attributes = Attributes::from([
                ("ERROR_CODE".to_owned(), Attribute::text(error_code(&refusal))),
                ("ERROR_MESSAGE".to_owned(), Attribute::text(refusal.message())),
                ("RULE_ARN".to_owned(), Attribute::text(rule_arn)),
                ("TARGET_ARN".to_owned(), Attribute::text(&target.arn)),
            ]);
            let letter =
                Incoming { attributes: attributes.into(), ..Incoming::of(Arc::clone(body)) };
            return self.send_for(rule_arn, arn, letter, now).is_ok();
        }
        false
    }

    /// Sends to a queue whose policy lets this rule in, a dead-letter queue's as well (user guide, "Using
    /// dead-letter queues", on permissions).
    fn send_for(
        &mut self,
        rule_arn: &str,
        arn: &str,
        incoming: Incoming,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let queue = self.name_of(arn)?;
        let sender = Sender { rule_arn, account: self.names.account() };
        if !self.queues.get(&queue).is_some_and(|held| held.settings.policy.lets_in(sender, arn)) {
            let why = "The queue's policy does not let this rule send to it.";
            return Err(Refusal::new(Code::AccessDenied, why));
        }
        self.send(&queue, incoming, Origin::Rule, now).map(drop)
    }
}

/// What EventBridge writes on a dead letter (user guide, "Using dead-letter queues").
const fn error_code(refusal: &Refusal) -> &'static str {
    match refusal.code() {
        Code::AccessDenied => "NO_PERMISSIONS",
        _ => "NO_RESOURCE",
    }
}

/// EventBridge stamps whole seconds (user guide, "Event structure").
fn whole_seconds(time: Timestamp) -> String {
    Timestamp::from_millis(time.as_seconds().saturating_mul(1_000)).to_string()
}
