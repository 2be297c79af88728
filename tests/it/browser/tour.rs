//! The whole demo, looked at as somebody does who just started it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::webdriver::Browser;
use super::{check_manners, chromium};
use crate::support::until;

/// The demo in a process of its own. Dropped, it is killed.
struct Demo {
    dashboard: String,
    application: String,
    child: Child,
}

impl Demo {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_twinstream"))
            .args(["demo", "--for", "10m", "--faults", "typical", "--seed", "5", "--rate", "12"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut place = |name: &str| {
            let line = told.find_map(|line| {
                let line = line.unwrap();
                line.trim_start().strip_prefix(name).map(|rest| rest.trim().to_owned())
            });
            line.unwrap_or_else(|| panic!("the demo never said where the {name} is"))
        };
        let (dashboard, application) = (place("dashboard"), place("application"));
        // What else it tells is read by nobody, and must not hold it up.
        std::thread::spawn(move || told.for_each(drop));
        Self { dashboard, application, child }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn appears(browser: &Browser, css: &str, text: &str) {
    until(&format!("{text:?} in {css}"), async || {
        browser.text(css).await.filter(|found| found.contains(text))
    })
    .await;
}

#[tokio::test]
async fn the_demo_is_worth_looking_at() {
    let Some(programs) = chromium::programs() else { return };
    let demo = Demo::start();
    let browser = Browser::open(&programs).await;

    lanes_move(&browser, &demo).await;
    a_block_reaches_the_application(&browser, &demo).await;
    a_dead_letter_is_put_back(&browser, &demo).await;
    pages_are_pictured(&browser, &demo).await;
    check_manners(&browser, &[&demo.dashboard, &demo.application]).await;
}

async fn lanes_move(browser: &Browser, demo: &Demo) {
    browser.go(&demo.dashboard).await;
    appears(browser, "#live-state", "live").await;
    let race = async || browser.run("return document.querySelector('#race').innerHTML").await;
    let first = until("the first race", async || {
        let drawn = race().await;
        drawn.as_str().unwrap().contains("eventbridge").then_some(drawn)
    })
    .await;
    until("the race to go on", async || (race().await != first).then_some(())).await;
    for path in ["webhook", "eventbridge"] {
        appears(browser, &format!("#{path}"), "/s").await;
    }
}

async fn a_block_reaches_the_application(browser: &Browser, demo: &Demo) {
    browser.go(&demo.application).await;
    appears(browser, "#access", "was blocked").await;
    // Whoever is blocked now is shut out.
    let link = until("a user who is blocked", async || {
        let link = "return document.querySelector('.person.is-blocked a')?.href ?? null";
        browser.run(link).await.as_str().map(str::to_owned)
    })
    .await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = async || client.get(&link).send().await.unwrap().status().as_u16();
    // An unblock may be faster than this test; then the next look finds a session again.
    assert!(matches!(status().await, 200 | 403), "{link}");
}

async fn a_dead_letter_is_put_back(browser: &Browser, demo: &Demo) {
    let letters = format!("{}dead-letters", demo.dashboard);
    until("a dead letter", async || {
        browser.go(&letters).await;
        browser.text("table.letters").await
    })
    .await;
    browser.click("table.letters tbody tr:first-child input[type=checkbox]").await;
    browser.click("button.primary:not([formaction]):not(.filter button)").await;
    browser.fill_in("input[name=who]", "Kim").await;
    browser.fill_in("input[name=why]", "the application takes it now").await;
    browser.click("form[method=post] button.primary").await;
    appears(browser, "main", "the application takes it now").await;
    appears(browser, "main", "1 of 1").await;
}

/// Every page, in both schemes and on a phone, for people to look at.
async fn pages_are_pictured(browser: &Browser, demo: &Demo) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    let (dashboard, application) = (&demo.dashboard, &demo.application);
    let story = async |css: &str, page: &str| {
        browser.go(&format!("{dashboard}{page}")).await;
        let first = format!("return document.querySelector({css:?})?.href ?? null");
        browser.run(&first).await.as_str().map(str::to_owned)
    };
    let event = story("main tbody a[href^='/events/evt_']", "events").await.expect("an event");
    let letter = story("table.letters tbody a", "dead-letters").await;
    let mut pages = vec![
        ("overview", dashboard.clone()),
        ("compare", format!("{dashboard}compare")),
        ("events", format!("{dashboard}events")),
        ("event", event),
        ("dead-letters", format!("{dashboard}dead-letters")),
        ("targets", format!("{dashboard}targets")),
        ("quarantine", format!("{dashboard}quarantine")),
        ("orders", format!("{dashboard}orders")),
        ("set-up", format!("{dashboard}setup")),
        ("application", application.clone()),
    ];
    pages.extend(letter.map(|letter| ("dead-letter", letter)));
    for (name, url) in pages {
        browser.go(&url).await;
        for (scheme, dark) in [("light", false), ("dark", true)] {
            for width in [1_280, 390] {
                let picture = browser.picture(width, dark).await;
                check_fits(browser, name, width).await;
                let file: PathBuf = folder.join(format!("{name}-{scheme}-{width}.png"));
                std::fs::write(file, picture).unwrap();
            }
        }
    }
}

/// Nothing makes the page wider than the screen.
async fn check_fits(browser: &Browser, name: &str, width: u32) {
    let needed = browser.run("return document.documentElement.scrollWidth").await;
    assert!(needed.as_u64().unwrap() <= u64::from(width), "{name} needs {needed} of {width}");
}
