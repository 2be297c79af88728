//! The protocol of EventBridge: AWS JSON 1.1.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Names;
use super::account::Account;
use super::bus::{DEFAULT_BUS, NewEvent, Retry, Rule, Target};
use super::partners;
use super::refusal::{Code, Refusal};
use super::wire::{decode, to_number};
use crate::event::Timestamp;

/// EventBridge: 10 entries a call (API reference, `PutEvents`).
const ENTRIES_MAX: usize = 10;
/// EventBridge: 1 MiB a call, all entries together (user guide, "Quotas").
const BYTES_MAX: usize = 1_048_576;
/// What a `Time` counts towards the size (user guide, "Calculating `PutEvents` event entry size").
const TIME_BYTES: usize = 14;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    /// Seconds since 1970.
    time: Option<f64>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    detail_type: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    resources: Vec<String>,
    event_bus_name: Option<String>,
}

/// The parameters of all other operations: each uses some.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    #[serde(default)]
    name: String,
    name_prefix: Option<String>,
    event_bus_name: Option<String>,
    event_source_name: Option<String>,
    event_pattern: Option<String>,
    schedule_expression: Option<String>,
    state: Option<String>,
    description: Option<String>,
    #[serde(default)]
    target_arn: String,
    #[serde(default)]
    rule: String,
    #[serde(default)]
    targets: Vec<TargetParameters>,
    #[serde(default)]
    ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetParameters {
    id: String,
    arn: String,
    sqs_parameters: Option<SqsParameters>,
    dead_letter_config: Option<DeadLetterConfig>,
    retry_policy: Option<Retry>,
    input: Option<String>,
    input_path: Option<String>,
    input_transformer: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SqsParameters {
    message_group_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    arn: Option<String>,
}

impl Parameters {
    fn bus(&self) -> &str {
        bus_name(self.event_bus_name.as_deref())
    }
}

/// The bus of a name or an ARN.
fn bus_name(text: Option<&str>) -> &str {
    let text = text.unwrap_or(DEFAULT_BUS);
    match text.strip_prefix("arn:") {
        // A partner's bus has slashes in its own name.
        Some(arn) => arn.split_once(":event-bus/").map_or(text, |(_, name)| name),
        None => text,
    }
}

/// Answers one call.
pub(super) fn answer(
    account: &mut Account,
    operation: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Value, Refusal> {
    if operation == "PutEvents" {
        return put_events(account, &decode::<PutEvents>(body)?, now);
    }
    let parameters: Parameters = decode(body)?;
    match operation {
        "CreateEventBus" => create_event_bus(account, &parameters, now),
        "DeleteEventBus" => {
            let arn = account.names.bus_arn(&parameters.name);
            if account.archives.of_bus(&arn).next().is_some() {
                return Err(has_rules());
            }
            account.buses.delete(&parameters.name).map(|()| json!({}))
        }
        "DescribeEventBus" => {
            let name = match parameters.name.as_str() {
                "" => DEFAULT_BUS,
                name => bus_name(Some(name)),
            };
            account.buses.get(name)?;
            Ok(json!({"Name": name, "Arn": account.names.bus_arn(name)}))
        }
        "ListEventBuses" => {
            let prefix = parameters.name_prefix.as_deref().unwrap_or_default();
            let buses = account.buses.iter().filter(|(name, _)| name.starts_with(prefix));
            let buses =
                buses.map(|(name, _)| json!({"Name": name, "Arn": account.names.bus_arn(name)}));
            Ok(json!({"EventBuses": buses.collect::<Vec<_>>()}))
        }
        "PutRule" => put_rule(account, &parameters),
        "DescribeRule" => describe_rule(account, &parameters),
        "EnableRule" => switch_rule(account, &parameters, true),
        "DisableRule" => switch_rule(account, &parameters, false),
        "ListRuleNamesByTarget" => {
            let rules = account.buses.get(parameters.bus())?.rules.iter();
            let leads = |rule: &Rule| rule.targets.values().any(|t| t.arn == parameters.target_arn);
            let names = rules.filter(|(_, rule)| leads(rule)).map(|(name, _)| name);
            Ok(json!({"RuleNames": names.collect::<Vec<_>>()}))
        }
        "DeleteRule" => delete_rule(account, &parameters),
        "ListRules" => list_rules(account, &parameters),
        "PutTargets" => put_targets(account, parameters),
        "RemoveTargets" => {
            let rule = account.buses.get(parameters.bus())?.rule(&parameters.rule)?;
            rule.targets.retain(|id, _| !parameters.ids.contains(id));
            Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
        }
        "ListTargetsByRule" => {
            let rule = account.buses.get(parameters.bus())?.rule(&parameters.rule)?;
            let targets = rule.targets.iter().map(|(id, target)| target_json(id, target));
            Ok(json!({"Targets": targets.collect::<Vec<_>>()}))
        }
        _ => partners::answer(account, operation, body, now),
    }
}

fn create_event_bus(
    account: &mut Account,
    parameters: &Parameters,
    now: Timestamp,
) -> Result<Value, Refusal> {
    // A partner's bus has the name of its event source (API reference, `CreateEventBus`).
    let name = &parameters.name;
    if parameters.event_source_name.as_ref().is_some_and(|source| source != name) {
        return Err(Refusal::new(
            Code::Validation,
            "The event bus of a partner event source must have the source's name.",
        ));
    }
    let source = parameters.event_source_name.as_deref();
    if !account.buses.has(name)
        && let Some(source) = source
    {
        account.sources.check_free(source, now)?;
    }
    account.buses.create(name, source.is_some())?;
    Ok(json!({"EventBusArn": account.names.bus_arn(name)}))
}

fn put_rule(account: &mut Account, parameters: &Parameters) -> Result<Value, Refusal> {
    let pattern = match (&parameters.event_pattern, &parameters.schedule_expression) {
        (Some(pattern), None) => pattern,
        (_, Some(_)) => {
            return Err(Refusal::new(Code::Validation, "The simulator has no schedules."));
        }
        (None, None) => {
            return Err(Refusal::new(
                Code::Validation,
                "Parameter(s) EventPattern or ScheduleExpression must be specified.",
            ));
        }
    };
    check_rule_name(&parameters.name)?;
    let is_enabled = parameters.state.as_deref() != Some("DISABLED");
    let bus = parameters.bus();
    let texts = (pattern.as_str(), parameters.description.as_deref());
    account.buses.get(bus)?.put_rule(&parameters.name, texts, is_enabled)?;
    Ok(json!({"RuleArn": account.names.rule_arn(bus, &parameters.name)}))
}

/// 1 to 64 of these characters (API reference, `PutRule`).
fn check_rule_name(name: &str) -> Result<(), Refusal> {
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if fits {
        return Ok(());
    }
    Err(Refusal::new(Code::Validation, "A rule's name has 1 to 64 letters, digits, and ._- only."))
}

/// A rule that does not exist is no error; one with targets is (API reference, `DeleteRule`).
fn delete_rule(account: &mut Account, parameters: &Parameters) -> Result<Value, Refusal> {
    let bus = account.buses.get(parameters.bus())?;
    if bus.rules.get(&parameters.name).is_some_and(|rule| !rule.targets.is_empty()) {
        return Err(Refusal::new(Code::Validation, "Rule can't be deleted since it has targets."));
    }
    bus.rules.remove(&parameters.name);
    Ok(json!({}))
}

fn list_rules(account: &mut Account, parameters: &Parameters) -> Result<Value, Refusal> {
    let name = parameters.bus();
    let names = account.names.clone();
    let prefix = parameters.name_prefix.as_deref().unwrap_or_default();
    let rules = account.buses.get(name)?.rules.iter();
    let rules = rules.filter(|(rule, _)| rule.starts_with(prefix));
    let mut shown: Vec<Value> =
        rules.map(|(rule, held)| rule_json(&names, (name, rule), held)).collect();
    // An archive keeps by a rule of EventBridge's own (user guide, "Archiving events").
    for archive in account.archives.of_bus(&names.bus_arn(name)) {
        let rule = format!("Events-Archive-{archive}");
        shown.push(json!({
            "Name": rule,
            "Arn": names.rule_arn(name, &rule),
            "EventBusName": name,
            "State": "ENABLED",
            "ManagedBy": "prod.vhs.events.aws.internal",
        }));
    }
    Ok(json!({"Rules": shown}))
}

fn describe_rule(account: &mut Account, parameters: &Parameters) -> Result<Value, Refusal> {
    let (bus, names) = (parameters.bus(), account.names.clone());
    let rule = account.buses.get(bus)?.rule(&parameters.name)?;
    Ok(rule_json(&names, (bus, &parameters.name), rule))
}

fn rule_json(names: &Names, (bus, name): (&str, &str), rule: &Rule) -> Value {
    let mut shown = json!({
        "Name": name,
        "Arn": names.rule_arn(bus, name),
        "EventBusName": bus,
        "EventPattern": rule.pattern_text,
        "State": if rule.is_enabled { "ENABLED" } else { "DISABLED" },
    });
    if let Some(description) = &rule.description {
        shown["Description"] = json!(description);
    }
    shown
}

fn switch_rule(
    account: &mut Account,
    parameters: &Parameters,
    is_enabled: bool,
) -> Result<Value, Refusal> {
    account.buses.get(parameters.bus())?.rule(&parameters.name)?.is_enabled = is_enabled;
    Ok(json!({}))
}

fn has_rules() -> Refusal {
    Refusal::new(Code::Validation, "Event bus can't be deleted since it has rules.")
}

fn put_targets(account: &mut Account, parameters: Parameters) -> Result<Value, Refusal> {
    let bus = bus_name(parameters.event_bus_name.as_deref());
    let names = account.names.clone();
    let rule = account.buses.get(bus)?.rule(&parameters.rule)?;
    for target in parameters.targets {
        if target.input.is_some()
            || target.input_path.is_some()
            || target.input_transformer.is_some()
        {
            return Err(Refusal::new(
                Code::Validation,
                "The simulator sends events as they are: no Input, InputPath, InputTransformer.",
            ));
        }
        if names.queue_of_arn(&target.arn).is_none() {
            return Err(Refusal::new(
                Code::Validation,
                format_args!("Parameter {} is not valid: only queues of this account.", target.arn),
            ));
        }
        let group = target.sqs_parameters.and_then(|sqs| sqs.message_group_id);
        let dead_letter_arn = target.dead_letter_config.and_then(|config| config.arn);
        let retry = target.retry_policy.map(Retry::check).transpose()?;
        let held = Target { arn: target.arn, group: group.map(Into::into), dead_letter_arn, retry };
        rule.put_target(&target.id, held)?;
    }
    Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
}

fn target_json(id: &str, target: &Target) -> Value {
    let mut shown = json!({"Id": id, "Arn": target.arn});
    if let Some(group) = &target.group {
        shown["SqsParameters"] = json!({"MessageGroupId": **group});
    }
    if let Some(arn) = &target.dead_letter_arn {
        shown["DeadLetterConfig"] = json!({"Arn": arn});
    }
    if let Some(retry) = target.retry {
        shown["RetryPolicy"] = json!(retry);
    }
    shown
}

fn put_events(account: &mut Account, call: &PutEvents, now: Timestamp) -> Result<Value, Refusal> {
    if call.entries.is_empty() || call.entries.len() > ENTRIES_MAX {
        return Err(Refusal::new(
            Code::Validation,
            format_args!(
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: \
                 Member must have length from 1 to {ENTRIES_MAX}"
            ),
        ));
    }
    if call.entries.iter().map(Entry::bytes).sum::<usize>() > BYTES_MAX {
        return Err(Refusal::new(
            Code::Validation,
            "Total size of the entries in the request is over the limit.",
        ));
    }
    let mut failed = 0;
    let mut entries = Vec::with_capacity(call.entries.len());
    for entry in &call.entries {
        let result = if account.dice.fails_entry() {
            Err(("InternalFailure", "The simulator was told to fail."))
        } else {
            entry.check().map(|detail| entry.put(account, detail, now))
        };
        entries.push(match result {
            Ok(event_id) => json!({"EventId": event_id}),
            Err((code, message)) => {
                failed += 1;
                json!({"ErrorCode": code, "ErrorMessage": message})
            }
        });
    }
    Ok(json!({"FailedEntryCount": failed, "Entries": entries}))
}

impl Entry {
    fn bytes(&self) -> usize {
        let texts = self.source.len() + self.detail_type.len() + self.detail.len();
        let resources: usize = self.resources.iter().map(String::len).sum();
        texts + resources + self.time.map_or(0, |_| TIME_BYTES)
    }

    /// The detail, or the entry's own error (API reference, `PutEventsResultEntry`).
    fn check(&self) -> Result<&RawValue, (&'static str, &'static str)> {
        for (text, message) in [
            (&self.source, "Parameter Source is not valid. Reason: Source is a required argument."),
            (
                &self.detail_type,
                "Parameter DetailType is not valid. Reason: DetailType is a required argument.",
            ),
            (&self.detail, "Parameter Detail is not valid. Reason: Detail is a required argument."),
        ] {
            if text.is_empty() {
                return Err(("InvalidArgument", message));
            }
        }
        if self.source.starts_with("aws.") {
            return Err((
                "NotAuthorizedForSourceException",
                "Not authorized for the source: names that begin with aws. are reserved.",
            ));
        }
        parse_detail(&self.detail).ok_or(("MalformedDetail", "Detail is malformed."))
    }

    fn put(&self, account: &mut Account, detail: &RawValue, now: Timestamp) -> String {
        let event = NewEvent {
            source: &self.source,
            detail_type: &self.detail_type,
            detail,
            resources: &self.resources,
            time: self.time.map_or(now, |seconds| {
                Timestamp::from_millis(to_number(seconds).saturating_mul(1_000))
            }),
        };
        account.put_event(bus_name(self.event_bus_name.as_deref()), &event, now).event_id
    }
}

/// A detail is a JSON object (API reference, `PutEventsRequestEntry`); its text is kept as it is.
pub(super) fn parse_detail(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok().filter(|detail: &&RawValue| detail.get().starts_with('{'))
}
