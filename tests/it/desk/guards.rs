//! Whose orders are taken: those of a form of this gateway's own page, made for whom it comes from.

use super::html::{Form, follow, form, page, says};
use super::{gateway, post, state};
use crate::dead_letters::Broken;
use crate::support::gateway::Gateway;
use crate::support::http;
use crate::support::settings::Settings;

const ACTIONS: [(&str, &[(&str, &str)]); 8] = [
    ("/orders/redrive", &[("id", "evt_0/to-app")]),
    ("/orders/discard", &[("id", "evt_0/to-app")]),
    ("/orders/pause", &[("target", "app")]),
    ("/orders/resume", &[("target", "app")]),
    ("/orders/reprocess", &[("all", "on")]),
    ("/orders/drop", &[("no", "1")]),
    ("/orders/erase", &[("subject", "auth0|0")]),
    ("/orders/1/stop", &[]),
];

fn filled(action: &str, fields: &[(&str, &str)], csrf: Option<&str>) -> Form {
    let form = Form {
        method: "post".to_owned(),
        action: action.to_owned(),
        fields: Vec::new(),
        required: Vec::new(),
        boxes: Vec::new(),
    };
    let form = fields.iter().fold(form.signed(), |form, (name, value)| form.fill(name, value));
    match csrf {
        Some(csrf) => form.fill("csrf", csrf),
        None => form,
    }
}

#[tokio::test]
async fn an_order_that_no_page_of_this_gateway_made_changes_nothing() {
    let broken = Broken::start().await;
    let gateway = gateway(&broken).await;
    post(&gateway, 2).await;
    assert_eq!(gateway.post("no json").await.status, 202);
    let own = form(&page(&gateway, "/events/evt_1").await, "/orders/redrive");
    let csrf = own.fields.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    for (action, fields) in ACTIONS {
        for wrong in [None, Some(""), Some("x"), Some(&csrf[1..])] {
            let answer = filled(action, fields, wrong).send(&gateway).await;
            assert_eq!(answer.status, 400, "{action} with {wrong:?}");
            says(&answer.body, "Not ordered");
        }
        for foreign in [
            "Origin: https://elsewhere.example",
            "Origin: null",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-site",
        ] {
            let right = filled(action, fields, Some(&csrf));
            let answer = right.send_with(gateway.admin, &[foreign]).await;
            assert_eq!(answer.status, 403, "{action} from {foreign}");
        }
    }
    assert_eq!(gateway.reader.orders(9).await.unwrap(), []);
    assert_eq!(state(&gateway, "evt_0").await, "dead");
    assert_eq!(gateway.counts().await.quarantined.len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn an_order_is_signed_by_who_signed_in() {
    const ADMIN: &str = "admin-token-0123456789";
    let broken = Broken::start().await;
    let settings = Settings::new("webhook")
        .set("admin.token", "{ env = \"ADMIN\" }")
        .variable("ADMIN", ADMIN)
        .deliver("app", &broken.target.url(), &[]);
    let gateway = Gateway::start(settings).await;
    post(&gateway, 1).await;
    for path in ["/events", "/events/evt_0", "/dead-letters", "/targets", "/quarantine", "/orders"]
    {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.header("location").unwrap().starts_with("/sign-in?"), "{path}");
    }
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let body = format!("token={ADMIN}&name=Lee&next=%2Fevents");
    let sign_in = http::request("POST", "/sign-in", &[kind], &body);
    let signed_in = http::send(gateway.admin, &sign_in).await;
    let session = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let cookie = format!("Cookie: {session}");
    let get = async |path: &str| {
        http::send(gateway.admin, &http::request("GET", path, &[&cookie], "")).await
    };
    let redrive = form(&get("/events/evt_0").await.body, "/orders/redrive");
    assert_eq!(redrive.required, ["why"], "who it is, is known");
    broken.mend();
    let forged = redrive.fill("who", "Somebody Else").fill("why", "mended");
    let without = forged.send_with(gateway.admin, &[]).await;
    assert_eq!(without.header("location"), Some("/sign-in"));
    let answer = forged.send_with(gateway.admin, &[&cookie]).await;
    assert_eq!(answer.status, 303);
    let order = get(answer.header("location").unwrap()).await;
    says(&order.body, "By Lee");
    super::becomes(&gateway, "evt_0", "delivered").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_page_lets_no_script_and_no_style_of_others_in() {
    let broken = Broken::start().await;
    let gateway = gateway(&broken).await;
    post(&gateway, 1).await;
    assert_eq!(gateway.post("no json").await.status, 202);
    let sheet = page(&gateway, "/orders/redrive?all=on").await;
    let order = form(&sheet, "/orders/redrive").signed();
    follow(&gateway, &order.send(&gateway).await).await;
    for path in [
        "/events",
        "/events/evt_0",
        "/dead-letters",
        "/dead-letters/evt_0",
        "/targets",
        "/quarantine",
        "/quarantine/1",
        "/orders",
        "/orders/1",
        "/orders/redrive?all=on",
        "/orders/pause?target=app",
    ] {
        let response = gateway.get(path).await;
        assert_eq!(response.status, 200, "{path}");
        let policy = response.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for inline in ["style=", " onclick", " onload", "<style", "javascript:"] {
            assert!(!response.body.contains(inline), "{path} has {inline}");
        }
        assert_eq!(response.body.matches("<script").count(), 1, "{path}");
        assert_eq!(response.body.matches("<h1").count(), 1, "{path}");
    }
    gateway.stop().await;
}
