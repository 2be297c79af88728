//! Pausing and resuming a target from the command line.

use serde_json::json;

use crate::support::cli;
use crate::support::event::event;
use crate::support::http;
use crate::support::journal_file;
use crate::support::process::Process;
use crate::support::settings::Settings;
use crate::support::target::Target;
use crate::support::until;

async fn post(gateway: &Process, ids: std::ops::Range<u32>) {
    for number in ids {
        let body = event(&format!("evt_{number}"), number, u64::from(number)).body();
        assert_eq!(http::post(gateway.webhook.unwrap(), &body).await.status, 204);
    }
}

#[tokio::test]
async fn a_paused_target_is_sent_nothing_until_it_is_resumed_a_restart_in_between() {
    let (app, other) = (Target::up().await, Target::up().await);
    let settings = Settings::new("webhook").deliver("app", &app.url(), &[]).deliver(
        "other",
        &other.url(),
        &[],
    );
    let gateway = Process::serve(&settings).await;
    let paused = ["targets", "pause", "app", "--why", "maintenance"];
    cli::ask(&settings, gateway.admin, &paused).await.check(0, "app is paused (order 1)");
    cli::ask(&settings, gateway.admin, &paused).await.check(0, "app was paused before");
    post(&gateway, 0..10).await;
    // The other target shows that there was time.
    until("deliveries elsewhere", async || (other.came().len() == 10).then_some(())).await;
    let list = cli::ask(&settings, gateway.admin, &["targets", "list"]).await;
    list.check(0, "by kim: maintenance");
    let list = cli::ask(&settings, gateway.admin, &["targets", "list", "--json"]).await.json();
    assert_eq!(
        (&list["targets"][0]["name"], &list["targets"][0]["pending"]),
        (&json!("app"), &json!(10))
    );
    assert_eq!(list["targets"][0]["paused"]["why"], "maintenance");
    assert_eq!(list["targets"][1]["paused"], json!(null));

    assert!(gateway.terminate().await.0.success());
    let gateway = Process::serve(&settings).await;
    post(&gateway, 10..15).await;
    until("deliveries elsewhere", async || (other.came().len() == 15).then_some(())).await;
    assert_eq!(app.came().len(), 0);

    let nobody = ["targets", "resume", "nobody", "--why", "x"];
    cli::ask(&settings, gateway.admin, &nobody).await.check(1, "no target of this name");
    let resumed = ["targets", "resume", "app", "--who", "lee", "--why", "done", "--json"];
    let resumed = cli::ask(&settings, gateway.admin, &resumed).await.json();
    assert_eq!((&resumed["paused"], &resumed["changed"]), (&json!(false), &json!(true)));
    until("deliveries", async || (app.came().len() == 15).then_some(())).await;
    let orders = cli::ask(&settings, gateway.admin, &["orders", "list"]).await;
    for part in ["pause", "resume", "maintenance", "lee", "app"] {
        orders.check(0, part);
    }
    assert!(gateway.terminate().await.0.success());
    assert_eq!(app.came().len(), 15, "each once");
    journal_file::check(&settings.journal());
}
