//! The little of `WebDriver` that is needed here. The crates for it bring second versions of others, or
//! turn on features of `serde_json` by which the program under test would be another.

use std::net::TcpListener;
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::chromium::Programs;
use crate::support::guarded::{self, Guarded};
use crate::support::until;

/// A browser without a window, with nothing in it.
#[derive(Debug)]
pub(super) struct Browser {
    client: reqwest::Client,
    session: String,
    /// Dropped, driver and browser end.
    _driver: Guarded,
    _profile: tempfile::TempDir,
}

/// The name under which `WebDriver` hands out elements (W3C `WebDriver`, "Elements").
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
const COMMAND_WITHIN: Duration = Duration::from_mins(1);

/// Of what the page asks the network for, and what it has to say.
#[derive(Debug, Clone, Copy)]
pub(super) enum Log {
    Console,
    Network,
}

impl Browser {
    pub(super) async fn open(programs: &Programs) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(profile.path().join("driver.log")).unwrap();
        let port_flag = format!("--port={port}");
        let program = [programs.driver.to_str().unwrap(), &port_flag];
        let driver = guarded::start("python3", &program, log, |_| {});
        let client = reqwest::Client::builder().no_proxy().timeout(COMMAND_WITHIN).build().unwrap();
        let base = format!("http://127.0.0.1:{port}");
        until("the browser's driver", async || {
            client.get(format!("{base}/status")).send().await.ok().map(drop)
        })
        .await;
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-extensions",
            "--hide-scrollbars",
        ];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", profile.path().join("profile").display()));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": programs.browser, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let mut browser =
            Self { client, session: format!("{base}/session"), _driver: driver, _profile: profile };
        let opened = browser.post("", &wanted).await;
        browser.session = format!("{base}/session/{}", opened["sessionId"].as_str().unwrap());
        // What the browser's own first page asked for is nobody's business.
        browser.go("about:blank").await;
        browser.log(Log::Console).await;
        browser.log(Log::Network).await;
        browser
    }

    pub(super) async fn go(&self, url: &str) {
        self.post("/url", &json!({ "url": url })).await;
    }

    /// Runs a script in the page; what it returns.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// The text that a person sees in the first element that fits; `None` without one.
    pub(super) async fn text(&self, css: &str) -> Option<String> {
        let css = json!(css);
        let found =
            self.run(&format!("return document.querySelector({css})?.innerText ?? null")).await;
        found.as_str().map(str::to_owned)
    }

    /// Clicks on the first element that fits, as a mouse would: one that can't be seen can't be.
    pub(super) async fn click(&self, css: &str) {
        let element = self.element(css).await;
        self.post(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Types into the first element that fits.
    pub(super) async fn fill_in(&self, css: &str, text: &str) {
        let element = self.element(css).await;
        self.post(&format!("/element/{element}/clear"), &json!({})).await;
        self.post(&format!("/element/{element}/value"), &json!({ "text": text })).await;
    }

    async fn element(&self, css: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": css });
        let found = until(&format!("an element {css}"), async || {
            self.try_post("/element", &wanted).await.ok()
        })
        .await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// The whole page in this width, as PNG.
    pub(super) async fn picture(&self, width: u32, dark: bool) -> Vec<u8> {
        let scheme = json!([{ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } }]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": scheme })).await;
        let metrics = |height: u64| json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics(900)).await;
        let height =
            self.run("return document.documentElement.scrollHeight").await.as_u64().unwrap();
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics(height.clamp(600, 6_000)))
            .await;
        let picture = self.devtools("Page.captureScreenshot", &json!({ "format": "png" })).await;
        let picture = picture["data"].as_str().unwrap();
        base64::engine::general_purpose::STANDARD.decode(picture).unwrap()
    }

    /// A command of the Chrome `DevTools` Protocol.
    pub(super) async fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    /// What was written to a log since it was last read.
    pub(super) async fn log(&self, log: Log) -> Vec<Value> {
        let kind = match log {
            Log::Console => "browser",
            Log::Network => "performance",
        };
        let entries = self.post("/se/log", &json!({ "type": kind })).await;
        entries.as_array().unwrap().clone()
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> impl Future<Output = Value> {
        let asked = format!("{path} {body}");
        let answer = self.try_post(path, body);
        async move { answer.await.unwrap_or_else(|error| panic!("{asked}: {error}")) }
    }

    fn try_post(&self, path: &str, body: &Value) -> impl Future<Output = Result<Value, Value>> {
        let request = self.client.post(format!("{}{path}", self.session)).body(body.to_string());
        async move {
            let answer = request.send().await.unwrap();
            let ok = answer.status().is_success();
            let mut answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            let value = answer["value"].take();
            if ok { Ok(value) } else { Err(value) }
        }
    }
}
