//! The page for those who run it.

use std::collections::BTreeSet;

use twinstream::alarms::Alarm;
use twinstream::config::{Config, Sources};

use crate::repository;

fn page() -> String {
    repository::read("docs/OPERATIONS.md")
}

/// The code block of a language; there is one.
#[track_caller]
fn block(language: &str) -> String {
    let page = page();
    let (_, rest) = page.split_once(&format!("```{language}\n")).expect(language);
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn every_alarm_has_its_entry_and_no_other_is_there() {
    let page = page();
    let (_, entries) = page.split_once("## What to do when…\n").unwrap();
    let entries: Vec<&str> = entries.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let named: BTreeSet<&str> = entries.iter().copied().collect();
    assert_eq!(named.len(), entries.len(), "each is there once: {entries:?}");
    assert_eq!(named, Alarm::ALL.map(Alarm::as_str).into());
}

/// What a proxy in front does otherwise is answered 4XX by the proxy, or posted to a connection that is closed.
#[test]
fn the_proxies_in_front_fit_the_door() {
    let environment = [
        ("TWINSTREAM_MODE", "webhook"),
        ("TWINSTREAM__WEBHOOK__SECRETS", "[{ label = \"a\", env = \"T\" }]"),
        ("T", "a-long-enough-webhook-token"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let webhook =
        Config::load(&Sources { environment, ..Sources::default() }).unwrap().webhook.unwrap();
    let address = format!("127.0.0.1:{}", webhook.listen.port());
    for proxy in ["nginx", "caddyfile"] {
        let block = block(proxy);
        assert!(block.contains(&address) && block.contains(&webhook.door.path), "{block}");
    }
    assert!(webhook.door.body_bytes_max < 5 << 20);
    assert!(block("nginx").contains("client_max_body_size 5m;"));
    assert!(webhook.door.limits.idle_timeout.as_secs() > 60);
    assert!(block("caddyfile").contains("keepalive 60s "));
}
