//! What the two streams should be, and what is to be done about it. Pure.

use std::collections::BTreeSet;

use url::Url;

use super::{
    Api, ApiError, Authorization, Destination, NewDestination, NewStream, Stream, StreamChanges,
    StreamStatus,
};
use crate::provision::{Change, Plan, Step};

/// What the streams should be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The webhook stream, where the webhook door is to be open.
    pub webhook: Wish<WantedWebhook>,
    /// The EventBridge stream, where the SQS door is to be open.
    pub eventbridge: Wish<Option<WantedBridge>>,
    /// What both are subscribed to.
    pub event_types: Vec<String>,
}

/// A stream by its name, and what it should be; `None` where the mode has no use for it.
#[derive(Debug, Clone)]
pub struct Wish<T> {
    /// Its name in Auth0.
    pub name: String,
    /// What it should be.
    pub should: Option<T>,
}

/// What a webhook stream should be.
#[derive(Debug, Clone)]
pub struct WantedWebhook {
    /// The public address of the door.
    pub endpoint: Url,
    /// How the stream is to prove itself there.
    pub authorization: Authorization,
    /// The label of the secret in it.
    pub label: String,
    /// Whether the secret is to be set though nothing else changes.
    pub set_secret: bool,
}

/// Where an EventBridge stream should send to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedBridge {
    /// The AWS account: 12 digits.
    pub account: String,
    /// The AWS region.
    pub region: String,
}

/// What is done to a stream.
#[derive(Debug, Clone)]
pub enum StreamAction {
    /// It is made.
    Create(NewStream),
    /// It is changed.
    Update {
        /// Its id.
        id: String,
        /// How.
        changes: StreamChanges,
    },
}

impl StreamAction {
    /// Does it. Gives the stream as it is then.
    ///
    /// # Errors
    /// As the calls.
    pub async fn carry_out(&self, api: &Api) -> Result<Stream, ApiError> {
        match self {
            Self::Create(stream) => api.create_stream(stream).await,
            Self::Update { id, changes } => api.update_stream(id, changes).await,
        }
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WantedError {
    /// A stream of that name sends to something else.
    #[error(
        "the event stream `{name}` exists, and is none of kind {wanted}: give {key} another name"
    )]
    OtherKind {
        /// Its name.
        name: String,
        /// What it should be.
        wanted: &'static str,
        /// The key of the configuration.
        key: &'static str,
    },
    /// Nobody said where the EventBridge stream is to send to.
    #[error(
        "there is no event stream `{0}` yet: say with --aws-account and --aws-region where it is to send to"
    )]
    NoAccount(String),
}

/// What is to be done so that the streams found are as wanted.
///
/// # Errors
/// When that can't be said.
pub fn plan(found: &[Stream], wanted: &Wanted) -> Result<Plan<StreamAction>, WantedError> {
    let mut plan = Plan { steps: Vec::new(), notes: Vec::new() };
    let Wanted { webhook, eventbridge, event_types } = wanted;
    let named = |name: &str| found.iter().find(|stream| stream.name == name);
    match (&webhook.should, named(&webhook.name)) {
        (Some(should), stream) => {
            plan_webhook(&mut plan, (&webhook.name, should), stream, event_types)?;
        }
        (None, Some(stream)) => idle(&mut plan, stream, "webhook"),
        (None, None) => {}
    }
    match (&eventbridge.should, named(&eventbridge.name)) {
        (Some(should), stream) => {
            plan_bridge(&mut plan, (&eventbridge.name, should.as_ref()), stream, event_types)?;
        }
        (None, Some(stream)) => idle(&mut plan, stream, "eventbridge"),
        (None, None) => {}
    }
    Ok(plan)
}

fn plan_webhook(
    plan: &mut Plan<StreamAction>,
    (name, should): (&str, &WantedWebhook),
    found: Option<&Stream>,
    event_types: &[String],
) -> Result<(), WantedError> {
    let what = format!("webhook stream {name}");
    let WantedWebhook { endpoint, authorization, label, set_secret } = should;
    let method = told_method(authorization.method(), authorization.name());
    let Some(stream) = found else {
        let destination = NewDestination::Webhook {
            endpoint: endpoint.clone(),
            authorization: authorization.clone(),
        };
        let details = vec![
            format!("endpoint: {endpoint}"),
            format!("authorization: {method}, with the secret `{label}`"),
            told_types(event_types),
        ];
        plan.steps.push(create(what, (name, event_types), destination, details));
        return Ok(());
    };
    let Destination::Webhook { endpoint: is_at, method: by, name: by_name } = &stream.destination
    else {
        let (wanted, key) = ("webhook", "auth0.webhook_stream");
        return Err(WantedError::OtherKind { name: name.to_owned(), wanted, key });
    };
    let (mut changes, mut details) = changed_types(stream, event_types);
    let moved = Url::parse(is_at).ok().as_ref() != Some(endpoint);
    if moved {
        details.push(format!("endpoint: {is_at} → {endpoint}"));
    }
    let before = told_method(by, by_name.as_deref());
    let proves_otherwise = before != method;
    if proves_otherwise {
        details.push(format!("authorization: {before} → {method}"));
    }
    if moved || proves_otherwise || *set_secret {
        details.push(format!("secret: set to `{label}`"));
        changes.webhook = Some((endpoint.clone(), authorization.clone()));
    } else {
        plan.notes.push(format!(
            "Auth0 never tells a stream's secret, so that of `{name}` is left as it is; `twinstream setup auth0 \
             test webhook` shows whether the door takes it, --set-secret sets it"
        ));
    }
    is_off(plan, stream, "webhook");
    plan.steps.push(update(what, stream, changes, details));
    Ok(())
}

fn plan_bridge(
    plan: &mut Plan<StreamAction>,
    (name, should): (&str, Option<&WantedBridge>),
    found: Option<&Stream>,
    event_types: &[String],
) -> Result<(), WantedError> {
    let what = format!("EventBridge stream {name}");
    let Some(stream) = found else {
        let to = should.ok_or_else(|| WantedError::NoAccount(name.to_owned()))?;
        let WantedBridge { account, region } = to.clone();
        let details =
            vec![format!("AWS account {account}, region {region}"), told_types(event_types)];
        let destination = NewDestination::Eventbridge { account, region };
        plan.steps.push(create(what, (name, event_types), destination, details));
        return Ok(());
    };
    let Destination::Eventbridge { account, region, .. } = &stream.destination else {
        let (wanted, key) = ("eventbridge", "auth0.eventbridge_stream");
        return Err(WantedError::OtherKind { name: name.to_owned(), wanted, key });
    };
    if should.is_some_and(|to| (&to.account, &to.region) != (account, region)) {
        plan.notes.push(format!(
            "the event stream `{name}` sends to AWS account {account} in {region}, and Auth0 lets nobody change \
             that: to move it, set auth0.eventbridge_stream to another name and run this again, then `twinstream \
             setup aws` for its new source; delete `{name}` in Auth0 when events come by the new one"
        ));
    }
    let (changes, details) = changed_types(stream, event_types);
    is_off(plan, stream, "eventbridge");
    plan.steps.push(update(what, stream, changes, details));
    Ok(())
}

fn create(
    what: String,
    (name, event_types): (&str, &[String]),
    destination: NewDestination,
    details: Vec<String>,
) -> Step<StreamAction> {
    let (name, event_types) = (name.to_owned(), event_types.to_vec());
    let action = StreamAction::Create(NewStream { name, event_types, destination });
    Step::new(what, Change::Create, action).because(details)
}

fn update(
    what: String,
    stream: &Stream,
    changes: StreamChanges,
    details: Vec<String>,
) -> Step<StreamAction> {
    if details.is_empty() {
        return Step::keep(what);
    }
    let action = StreamAction::Update { id: stream.id.clone(), changes };
    Step::new(what, Change::Update, action).because(details)
}

/// The subscriptions, where they differ; their order is no matter.
fn changed_types(stream: &Stream, wanted: &[String]) -> (StreamChanges, Vec<String>) {
    let set = |types: &[String]| types.iter().cloned().collect::<BTreeSet<_>>();
    let (has, wants) = (set(&stream.event_types), set(wanted));
    let added = wants.difference(&has).map(|kind| format!("subscription: + {kind}"));
    let removed = has.difference(&wants).map(|kind| format!("subscription: - {kind}"));
    let details: Vec<String> = added.chain(removed).collect();
    let event_types = (!details.is_empty()).then(|| wanted.to_vec());
    (StreamChanges { event_types, ..StreamChanges::default() }, details)
}

/// A stream that is switched off may be so by somebody's will, or by Auth0's after too many failures.
fn is_off(plan: &mut Plan<StreamAction>, stream: &Stream, path: &str) {
    if stream.status != StreamStatus::Enabled {
        plan.notes.push(format!(
            "the event stream `{}` is switched off, and Auth0 keeps nothing for it meanwhile: `twinstream setup \
             auth0 enable {path}` switches it on",
            stream.name
        ));
    }
}

fn idle(plan: &mut Plan<StreamAction>, stream: &Stream, path: &str) {
    if stream.status == StreamStatus::Enabled {
        plan.notes.push(format!(
            "the event stream `{}` is switched on, though this mode has no door for it: `twinstream setup auth0 \
             disable {path}` switches it off",
            stream.name
        ));
    }
}

fn told_method(method: &str, name: Option<&str>) -> String {
    name.map_or_else(|| method.to_owned(), |name| format!("{method} ({name})"))
}

fn told_types(types: &[String]) -> String {
    match types {
        [one, two, three, more @ ..] if !more.is_empty() => {
            format!("subscriptions: {one}, {two}, {three} and {} more", more.len())
        }
        few => format!("subscriptions: {}", few.join(", ")),
    }
}

/// What a plan does when it switches a stream on or off.
pub fn switch(stream: &Stream, on: bool) -> Step<StreamAction> {
    let what = format!("event stream {}", stream.name);
    let is_on = stream.status == StreamStatus::Enabled;
    if is_on == on {
        return Step::keep(what);
    }
    let told = |on| if on { "enabled" } else { "disabled" };
    let details = vec![format!("status: {} → {}", told(is_on), told(on))];
    let changes = StreamChanges { enabled: Some(on), ..StreamChanges::default() };
    update(what, stream, changes, details)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    const ENDPOINT: &str = "https://hooks.example.com/webhooks/auth0";

    fn types(types: &[&str]) -> Vec<String> {
        types.iter().map(|&kind| kind.to_owned()).collect()
    }

    fn wanted() -> Wanted {
        let token = SecretString::from("s3cret");
        let webhook = WantedWebhook {
            endpoint: ENDPOINT.parse().unwrap(),
            authorization: Authorization::Bearer { token },
            label: "2026-11".into(),
            set_secret: false,
        };
        let bridge = WantedBridge { account: "123456789012".into(), region: "us-east-1".into() };
        Wanted {
            webhook: Wish { name: "hook".into(), should: Some(webhook) },
            eventbridge: Wish { name: "bridge".into(), should: Some(Some(bridge)) },
            event_types: types(&["user.created", "user.updated"]),
        }
    }

    fn stream(name: &str, destination: &serde_json::Value) -> Stream {
        serde_json::from_value(json!({
            "id": format!("est_{name}"), "name": name, "status": "enabled",
            "subscriptions": [{ "event_type": "user.updated" }, { "event_type": "user.created" }],
            "destination": destination,
        }))
        .unwrap()
    }

    fn hook() -> Stream {
        stream(
            "hook",
            &json!({ "type": "webhook", "configuration": {
            "webhook_endpoint": ENDPOINT, "webhook_authorization": { "method": "bearer" } } }),
        )
    }

    fn bridge() -> Stream {
        stream(
            "bridge",
            &json!({ "type": "eventbridge", "configuration": {
            "aws_account_id": "123456789012", "aws_region": "us-east-1" } }),
        )
    }

    /// The changes, and all that is told.
    #[track_caller]
    fn check(found: &[Stream], wanted: &Wanted, changes: &[Change], told: &[&str]) {
        let plan = plan(found, wanted).unwrap();
        let planned: Vec<Change> = plan.steps.iter().map(|step| step.change).collect();
        assert_eq!(planned, changes);
        let all = plan.steps.iter().flat_map(|step| &step.details).chain(&plan.notes);
        let all = all.cloned().collect::<Vec<_>>().join("\n");
        for text in told {
            assert!(all.contains(text), "{text} is missing: {all}");
        }
        assert!(!format!("{plan:?}").contains("s3cret"));
    }

    #[test]
    fn streams_that_are_not_there_are_made_and_those_as_wanted_are_left() {
        use Change::{Create, Keep};
        check(
            &[],
            &wanted(),
            &[Create, Create],
            &[
                &format!("endpoint: {ENDPOINT}"),
                "authorization: bearer, with the secret `2026-11`",
                "subscriptions: user.created, user.updated",
                "AWS account 123456789012, region us-east-1",
            ],
        );
        let told = ["Auth0 never tells a stream's secret, so that of `hook` is left as it is"];
        check(&[hook(), bridge()], &wanted(), &[Keep, Keep], &told);
        check(&[bridge()], &wanted(), &[Create, Keep], &[]);
    }

    #[test]
    fn what_differs_is_changed_and_told() {
        use Change::{Keep, Update};
        let mut other = wanted();
        other.event_types = types(&["user.updated", "user.deleted"]);
        check(
            &[hook(), bridge()],
            &other,
            &[Update, Update],
            &["subscription: + user.deleted", "subscription: - user.created"],
        );
        let mut moved = wanted();
        let should = moved.webhook.should.as_mut().unwrap();
        should.endpoint = "https://b.example/x".parse().unwrap();
        should.authorization =
            Authorization::Basic { username: "kim".into(), password: SecretString::from("s3cret") };
        check(
            &[hook(), bridge()],
            &moved,
            &[Update, Keep],
            &[
                &format!("endpoint: {ENDPOINT} → https://b.example/x"),
                "authorization: bearer → basic (kim)",
                // Auth0 takes endpoint and authorization together only.
                "secret: set to `2026-11`",
            ],
        );
        let mut named = wanted();
        let value = SecretString::from("s3cret");
        named.webhook.should.as_mut().unwrap().authorization =
            Authorization::Header { name: "x-hook".into(), value };
        let told = ["authorization: bearer → custom_header (x-hook)", "secret: set to `2026-11`"];
        check(&[hook(), bridge()], &named, &[Update, Keep], &told);
        let mut secret = wanted();
        secret.webhook.should.as_mut().unwrap().set_secret = true;
        check(&[hook(), bridge()], &secret, &[Update, Keep], &["secret: set to `2026-11`"]);
    }

    #[test]
    fn what_no_step_can_do_is_said() {
        use Change::Keep;
        let mut elsewhere = wanted();
        let should = WantedBridge { account: "999999999999".into(), region: "us-east-1".into() };
        elsewhere.eventbridge.should = Some(Some(should));
        let told = ["sends to AWS account 123456789012 in us-east-1, and Auth0 lets nobody change"];
        check(&[hook(), bridge()], &elsewhere, &[Keep, Keep], &told);
        elsewhere.eventbridge.should = Some(None);
        check(&[hook(), bridge()], &elsewhere, &[Keep, Keep], &[]);
        let off = Stream { status: StreamStatus::Disabled, ..hook() };
        check(&[off, bridge()], &wanted(), &[Keep, Keep], &["`hook` is switched off"]);
        let mut alone = wanted();
        alone.eventbridge.should = None;
        let told = ["`bridge` is switched on, though this mode has no door for it"];
        check(&[hook(), bridge()], &alone, &[Keep], &told);
        check(&[hook()], &alone, &[Keep], &[]);
    }

    #[test]
    fn what_can_not_be_planned_says_what_to_do() {
        let wrong =
            |found: &[Stream], wanted: &Wanted| plan(found, wanted).unwrap_err().to_string();
        let mut nowhere = wanted();
        nowhere.eventbridge.should = Some(None);
        assert!(wrong(&[hook()], &nowhere).contains("--aws-account and --aws-region"));
        let action = stream("hook", &json!({ "type": "action" }));
        assert!(wrong(&[action], &wanted()).contains("give auth0.webhook_stream another name"));
        let hook = Stream { name: "bridge".into(), ..hook() };
        assert!(wrong(&[hook], &wanted()).contains("give auth0.eventbridge_stream another name"));
    }

    #[test]
    fn a_stream_is_switched_once() {
        assert_eq!(switch(&hook(), true).change, Change::Keep);
        let off = switch(&hook(), false);
        assert_eq!(
            (off.change, off.details),
            (Change::Update, vec!["status: enabled → disabled".to_owned()])
        );
    }
}
