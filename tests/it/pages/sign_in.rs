//! Signing in: what a browser is answered, and what its cookie is good for.

use super::markup;
use crate::support::gateway::Gateway;
use crate::support::http::{self, Response};
use crate::support::settings::Settings;

const ADMIN: &str = "admin-token-0123456789";

async fn gateway() -> Gateway {
    let settings =
        Settings::new("webhook").set("admin.token", "{ env = \"ADMIN\" }").variable("ADMIN", ADMIN);
    Gateway::start(settings).await
}

/// Sends the form of the page.
async fn sign_in(gateway: &Gateway, fields: &[(&str, &str)], headers: &[&str]) -> Response {
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let headers = [&[kind], headers].concat();
    let body = serde_html_form::to_string(fields).unwrap();
    http::send(gateway.admin, &http::request("POST", "/sign-in", &headers, &body)).await
}

fn asked(next: &str) -> Vec<(&'static str, &str)> {
    vec![("token", ADMIN), ("name", "Kim"), ("next", next)]
}

async fn get(gateway: &Gateway, path: &str, cookie: &str) -> Response {
    let cookie = format!("Cookie: {cookie}");
    http::send(gateway.admin, &http::request("GET", path, &[&cookie], "")).await
}

#[tokio::test]
async fn every_page_leads_to_the_form_and_the_form_leads_back() {
    let gateway = gateway().await;
    for (path, form) in
        [("/", "/sign-in?next=%2F"), ("/events?q=a", "/sign-in?next=%2Fevents%3Fq%3Da")]
    {
        let response = gateway.get(path).await;
        assert_eq!((response.status, response.header("location")), (303, Some(form)), "{path}");
        let page = gateway.get(form).await;
        assert_eq!(page.status, 200);
        markup::check(&page.body);
        assert!(page.body.contains(&format!("name=\"next\" value=\"{path}\"")), "{}", page.body);
    }
    assert_eq!(gateway.get("/live").await.status, 303, "parts are for who has signed in");
    let answer = sign_in(&gateway, &asked("/events?q=a"), &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/events?q=a")));
    let cookie = answer.header("set-cookie").unwrap();
    for flag in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "it came by plain HTTP: {cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let page = get(&gateway, "/", cookie).await;
    assert_eq!(page.status, 200);
    markup::check(&page.body);
    assert!(page.body.contains("Kim"));
    let forged = cookie.replace("twinstream_session=", "twinstream_session=x");
    assert_eq!(get(&gateway, "/", &forged).await.status, 303);
    gateway.stop().await;
}

#[tokio::test]
async fn a_cookie_given_by_https_is_kept_to_https() {
    let gateway = gateway().await;
    let answer = sign_in(&gateway, &asked("/"), &["X-Forwarded-Proto: https"]).await;
    assert!(answer.header("set-cookie").unwrap().contains("Secure"));
    gateway.stop().await;
}

#[tokio::test]
async fn who_may_not_come_in_is_told_why_and_gets_no_cookie() {
    let gateway = gateway().await;
    let foreign = ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site"];
    for (fields, headers, said) in [
        (vec![("token", "wrong"), ("name", "Kim")], [].as_slice(), "That is not the token"),
        (vec![("token", ADMIN), ("name", " ")], &[], "A name is needed"),
        (asked("/"), &foreign, "Sign in on this page itself."),
    ] {
        let answer = sign_in(&gateway, &fields, headers).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{said}");
        markup::check(&answer.body);
        assert!(answer.body.contains(said), "{}", answer.body);
        assert!(!answer.body.contains(ADMIN));
    }
    let hostile = [("token", "x"), ("name", "\"><script>alert(1)</script>")];
    let answer = sign_in(&gateway, &hostile, &[]).await;
    assert!(!answer.body.contains("<script"), "{}", answer.body);
    gateway.stop().await;
}

#[tokio::test]
async fn nobody_is_led_to_another_site() {
    let gateway = gateway().await;
    for next in
        ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
    {
        let answer = sign_in(&gateway, &asked(next), &[]).await;
        assert_eq!(answer.header("location"), Some("/"), "{next}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn signing_out_takes_the_cookie_back() {
    let gateway = gateway().await;
    let answer = sign_in(&gateway, &asked("/"), &[]).await;
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let page = get(&gateway, "/", &cookie).await.body;
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let sign_out = async |csrf: &str| {
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let cookie = format!("Cookie: {cookie}");
        let request = http::request("POST", "/sign-out", &[kind, &cookie], &format!("csrf={csrf}"));
        http::send(gateway.admin, &request).await
    };
    assert_eq!(sign_out("wrong").await.status, 400);
    let answer = sign_out(csrf).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")));
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
    gateway.stop().await;
}
