//! `twinstream setup aws`, as the executable, at our own stand-in and at an emulator written by others.

mod permissions;
mod wiring;

use std::collections::BTreeMap;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;
use tokio::process::Command;
use twinstream::sim::aws::Handle;

use crate::event_bus;
use crate::support::cli::Said;
use crate::support::cloud::{self, StandIn};
use crate::support::emulator::Emulator;
use crate::support::process;
use crate::support::settings::Settings;

pub(crate) const SOURCE: &str = "aws.partner/auth0.com/acme-1b2c/auth0.events";

/// A cloud with an event source that Auth0 has offered, and nothing else.
pub(crate) struct Bench {
    pub(crate) endpoint_url: String,
    pub(crate) source: String,
    pub(crate) queue: String,
    pub(crate) events: aws_sdk_eventbridge::Client,
    pub(crate) queues: aws_sdk_sqs::Client,
    stand_in: Option<StandIn>,
    pub(crate) settings: Settings,
}

impl Bench {
    pub(crate) async fn stand_in() -> Self {
        let stand_in = StandIn::start("127.0.0.1:0".parse().unwrap()).await;
        stand_in.handle.offer_partner_source(SOURCE).unwrap();
        let endpoint_url = stand_in.handle.url();
        Self::new(endpoint_url, SOURCE.into(), "auth0-events".into(), Some(stand_in))
    }

    /// Under names of its own, since tests share it.
    pub(crate) async fn emulator() -> Self {
        let number = fastrand::u32(..);
        let source = format!("aws.partner/auth0.com/acme-{number:x}/auth0.events");
        let url = Emulator::shared().await.url();
        Self::new(url, source, format!("setup-{number:x}"), None)
    }

    fn new(endpoint_url: String, source: String, queue: String, stand_in: Option<StandIn>) -> Self {
        let (events, queues) = (event_bus::client(&endpoint_url), cloud::client(&endpoint_url));
        let settings = Settings::new("eventbridge");
        Self { endpoint_url, source, queue, events, queues, stand_in, settings }
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.stand_in.as_ref().expect("our own stand-in").handle
    }

    /// Runs the command with these flags, beside those that name the place.
    async fn run(&self, flags: &[&str]) -> Said {
        let mut command = process::command(&self.settings);
        command.args(["setup", "aws", "--endpoint-url", &self.endpoint_url]).args(flags);
        command.args(["--source", &self.source, "--queue", &self.queue]);
        said(command).await
    }

    /// The same, to an end that is well.
    pub(crate) async fn run_well(&self, flags: &[&str]) -> String {
        let said = self.run(flags).await;
        assert_eq!(said.code, Some(0), "{}{}", said.out(), said.err);
        said.out()
    }

    async fn attributes(&self, queue: &str) -> BTreeMap<String, String> {
        let url = self.queues.get_queue_url().queue_name(queue).send().await.unwrap();
        let call = self.queues.get_queue_attributes().queue_url(url.queue_url().unwrap());
        let found = call.attribute_names(QueueAttributeName::All).send().await.unwrap();
        let attributes = found.attributes.unwrap();
        attributes.into_iter().map(|(name, text)| (name.as_str().to_owned(), text)).collect()
    }

    /// Changes one attribute by hand.
    async fn drift(&self, queue: &str, attribute: &str, text: &str) {
        let url = self.queues.get_queue_url().queue_name(queue).send().await.unwrap();
        let call = self.queues.set_queue_attributes().queue_url(url.queue_url().unwrap());
        call.attributes(QueueAttributeName::from(attribute), text).send().await.unwrap();
    }
}

async fn said(command: std::process::Command) -> Said {
    let output = Command::from(command).output().await.unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    Said { code: output.status.code(), bytes: output.stdout, err }
}

/// The TOML section at the end of what the command prints.
pub(crate) fn section(out: &str) -> toml::Table {
    let (_, section) = out.split_once("[eventbridge]\n").unwrap_or_else(|| panic!("{out}"));
    let section = section.split("\n\n").next().unwrap();
    section.parse().unwrap()
}

#[track_caller]
fn check_json(text: &str, expected: &Value) {
    assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), expected);
}
