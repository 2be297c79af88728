//! The protocol of EventBridge, AWS JSON 1.1: partner event sources, and archives.

use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use super::archives::Archive;
use super::bus::DEFAULT_BUS;
use super::pattern::Pattern;
use super::refusal::{Code, Refusal};
use super::sources::{Source, State};
use super::wire::decode;
use crate::event::Timestamp;

/// EventBridge: up to 100 results a page (API reference, `ListEventSources`).
const PAGE_MAX: usize = 100;

/// The parameters of all operations here: each uses some.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    #[serde(default)]
    name: String,
    #[serde(default)]
    name_prefix: String,
    limit: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    archive_name: String,
    #[serde(default)]
    event_source_arn: String,
    event_pattern: Option<String>,
    description: Option<String>,
    retention_days: Option<u32>,
}

/// Answers one call.
pub(super) fn answer(
    account: &mut Account,
    operation: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Value, Refusal> {
    let call: Parameters = decode(body)?;
    match operation {
        "ListEventSources" => Ok(list_sources(account, &call)),
        "DescribeEventSource" => {
            let source = account.sources.get(&call.name)?;
            Ok(source_json(account, &call.name, source))
        }
        "CreateArchive" => create_archive(account, call, now),
        "DescribeArchive" => {
            let arn = account.names.archive_arn(&call.archive_name);
            Ok(account.archives.get(&call.archive_name)?.json(&call.archive_name, &arn))
        }
        "UpdateArchive" => update_archive(account, call),
        "DeleteArchive" => account.archives.delete(&call.archive_name).map(|()| json!({})),
        _ => Err(Refusal::new(
            Code::UnknownOperation,
            format_args!("The simulator does not know the operation {operation}."),
        )),
    }
}

/// A page; the token is the last name of the page before.
fn list_sources(account: &Account, call: &Parameters) -> Value {
    let most = call.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let mut sources =
        account.sources.after(&call.name_prefix, call.next_token.as_deref()).peekable();
    let (mut page, mut last) = (Vec::new(), None);
    while page.len() < most
        && let Some((name, source)) = sources.next()
    {
        page.push(source_json(account, name, source));
        last = Some(name);
    }
    let mut shown = json!({"EventSources": page});
    if sources.peek().is_some() {
        shown["NextToken"] = json!(last);
    }
    shown
}

fn source_json(account: &Account, name: &str, source: &Source) -> Value {
    let state = source.state(name, &account.buses);
    let mut shown = json!({
        "Arn": account.names.source_arn(name),
        // The partner, as the name says it.
        "CreatedBy": name.split('/').take(2).collect::<Vec<_>>().join("/"),
        "CreationTime": source.created.as_seconds(),
        "Name": name,
        "State": state.as_str(),
    });
    if state == State::Pending {
        shown["ExpirationTime"] = json!(source.expires.as_seconds());
    }
    shown
}

fn create_archive(
    account: &mut Account,
    call: Parameters,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let bus = call.event_source_arn.split_once(":event-bus/").map_or(DEFAULT_BUS, |(_, bus)| bus);
    let bus_arn = account.names.bus_arn(bus);
    account.buses.get(bus)?;
    let archive = Archive {
        bus_arn,
        pattern_text: call.event_pattern,
        description: call.description.unwrap_or_default(),
        retention_days: call.retention_days.unwrap_or_default(),
        created: now,
    };
    account.archives.create(&call.archive_name, archive)?;
    let arn = account.names.archive_arn(&call.archive_name);
    Ok(json!({"ArchiveArn": arn, "State": "ENABLED", "CreationTime": now.as_seconds()}))
}

/// What is not named stays (API reference, `UpdateArchive`).
fn update_archive(account: &mut Account, call: Parameters) -> Result<Value, Refusal> {
    let arn = account.names.archive_arn(&call.archive_name);
    let archive = account.archives.get(&call.archive_name)?;
    if let Some(pattern) = call.event_pattern {
        Pattern::parse(&pattern)?;
        archive.pattern_text = Some(pattern);
    }
    if let Some(description) = call.description {
        archive.description = description;
    }
    if let Some(days) = call.retention_days {
        archive.retention_days = days;
    }
    let created = archive.created.as_seconds();
    Ok(json!({"ArchiveArn": arn, "State": "ENABLED", "CreationTime": created}))
}
