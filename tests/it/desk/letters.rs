//! Dead letters: choosing them, putting them back, giving them up.

use super::html::{Form, follow, form, forms, page, says, text, unescaped};
use super::{becomes, gateway, post, state};
use crate::dead_letters::Broken;
use crate::support::cloud::{Cloud, VISIBILITY};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::target::{Behaviour, Target};
use crate::support::until;

/// The form with the boxes.
fn boxes(html: &str) -> Form {
    forms(html).into_iter().find(|form| !form.boxes.is_empty()).unwrap()
}

/// The same form, sent by its other button.
fn to(form: Form, action: &str) -> Form {
    Form { action: action.to_owned(), ..form }
}

#[tokio::test]
async fn ticked_letters_are_put_back_after_a_look_at_what_that_would_be() {
    let broken = Broken::start().await;
    let gateway = gateway(&broken).await;
    post(&gateway, 5).await;
    let html = page(&gateway, "/dead-letters").await;
    says(&html, "5 lie in the journal.");
    says(&html, "the target answered 400 to-app → app 5");
    assert!(html.contains("/orders/redrive?source=journal&#38;route=to-app&#38;error=the+target"));
    broken.mend();
    let ticked = boxes(&html).tick("evt_1/to-app").tick("evt_3/to-app");
    let sheet = page(&gateway, &ticked.url()).await;
    says(&sheet, "This would redrive 2 dead letters.");
    says(&sheet, "ids evt_1/to-app evt_3/to-app");
    assert_eq!(state(&gateway, "evt_1").await, "dead", "a look changes nothing");
    let order = form(&sheet, "/orders/redrive").signed().fill("rate", "20");
    let (path, html) = follow(&gateway, &order.send(&gateway).await).await;
    assert_eq!(path, "/orders/1");
    says(&html, "ids evt_1/to-app evt_3/to-app");
    for (id, expected) in [("evt_1", "delivered"), ("evt_3", "delivered"), ("evt_2", "dead")] {
        becomes(&gateway, id, expected).await;
    }
    let detail = gateway.reader.orders(1).await.unwrap().remove(0).detail;
    assert!(detail.contains("\"rate\":20"), "{detail}");
    let ended = until("the end of the order", async || {
        let html = page(&gateway, "/orders/1").await;
        text(&html).contains("redriven 2 of 2 done").then_some(html)
    });
    says(&ended.await, "Ended");
    says(&page(&gateway, "/orders").await, "1 redrive ids evt_1/to-app evt_3/to-app done");
    gateway.stop().await;
}

#[tokio::test]
async fn nothing_ticked_is_nothing_ordered() {
    let broken = Broken::start().await;
    let gateway = gateway(&broken).await;
    post(&gateway, 2).await;
    let none_ticked = boxes(&page(&gateway, "/dead-letters").await);
    for action in ["/orders/redrive", "/orders/discard"] {
        let sheet = page(&gateway, &to(none_ticked.clone(), action).url()).await;
        says(&sheet, "Say which letters are meant");
        assert_eq!(forms(&sheet), []);
    }
    // Not by a form that was made up either.
    let dead = page(&gateway, "/events/evt_0").await;
    let made_up = form(&dead, "/orders/redrive").without("id").signed().send(&gateway).await;
    assert_eq!(made_up.status, 400);
    says(&made_up.body, "Say which letters are meant");
    assert_eq!(gateway.reader.orders(9).await.unwrap(), []);
    gateway.stop().await;
}

#[tokio::test]
async fn all_that_match_are_given_up_and_nothing_that_died_since() {
    let broken = Broken::start().await;
    let gateway = gateway(&broken).await;
    post(&gateway, 3).await;
    let html = page(&gateway, "/dead-letters?error=answered+400&target=app").await;
    let link = html.split(r#"href="/orders/discard?"#).nth(1).unwrap().split('"').next().unwrap();
    let sheet = page(&gateway, &unescaped(&format!("/orders/discard?{link}"))).await;
    says(&sheet, "This would discard 3 dead letters.");
    says(&sheet, "error answered 400, target app");
    says(&sheet, "given up for good");
    let late = event("evt_late", 9, 9);
    assert_eq!(gateway.post(&late.body()).await.status, 204);
    gateway.delivered().await;
    let order = form(&sheet, "/orders/discard").signed();
    follow(&gateway, &order.send(&gateway).await).await;
    for id in ["evt_0", "evt_1", "evt_2"] {
        becomes(&gateway, id, "discarded").await;
        let reason = gateway.story(id).await.unwrap().deliveries[0].reason.clone().unwrap();
        assert!(reason.contains("Kim") && reason.contains("it is mended"), "{reason}");
    }
    until("the end of the order", async || {
        let order = gateway.reader.orders(1).await.unwrap().pop()?;
        order.ended_at
    })
    .await;
    assert_eq!(state(&gateway, "evt_late").await, "dead");
    gateway.stop().await;
}

#[tokio::test]
async fn a_filter_leaves_what_it_asks_for_and_says_what_is_wrong_with_it() {
    let broken = Broken::start().await;
    let gateway = gateway(&broken).await;
    post(&gateway, 3).await;
    let count = async |query: &str| {
        let html = page(&gateway, &format!("/dead-letters?{query}")).await;
        forms(&html).into_iter().map(|form| form.boxes.len()).sum::<usize>()
    };
    let pattern =
        serde_html_form::to_string([("pattern", r#"{"data":{"object":{"blocked":[true]}}}"#)]);
    for (query, expected) in [
        ("", 3),
        ("subject=auth0%7C1", 1),
        ("id=evt_2&id=evt_0", 2),
        ("target=nobody", 0),
        ("from=1h&to=", 3),
        ("to=1h", 0),
        ("source=queue", 0),
        (pattern.unwrap().as_str(), 2),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    for (query, expected) in [
        ("from=yesterday", "`yesterday` is neither a time"),
        ("source=desk", "not in desk"),
        ("pattern=%7B", "the pattern is refused"),
    ] {
        let response = gateway.get(&format!("/dead-letters?{query}")).await;
        assert_eq!(response.status, 400, "{query}");
        says(&response.body, expected);
        let sheet = page(&gateway, &format!("/orders/discard?{query}")).await;
        assert_eq!(forms(&sheet), [], "{query}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_said_on_its_sheet_and_what_was_typed_stays() {
    let broken = Broken::start().await;
    let gateway = gateway(&broken).await;
    post(&gateway, 2).await;
    let sheet = page(&gateway, "/orders/redrive?id=evt_1").await;
    let order = form(&sheet, "/orders/redrive");
    let unsigned = order.clone().fill("who", "Kim \"K\"").fill("why", "  ");
    let answer = unsigned.send(&gateway).await;
    assert_eq!(answer.status, 400);
    says(&answer.body, "`why` is a line of text");
    let again = form(&answer.body, "/orders/redrive");
    assert!(again.fields.contains(&("who".to_owned(), "Kim \"K\"".to_owned())), "{again:?}");
    assert!(again.fields.contains(&("id".to_owned(), "evt_1".to_owned())), "{again:?}");
    for rate in ["0", "fast", "-1", "1e9", "NaN"] {
        let answer = order.clone().signed().fill("rate", rate).send(&gateway).await;
        assert_eq!(answer.status, 400, "{rate}");
        let again = form(&answer.body, "/orders/redrive");
        assert!(again.fields.contains(&("rate".to_owned(), rate.to_owned())), "{again:?}");
        assert!(again.fields.contains(&("why".to_owned(), "it is mended".to_owned())));
    }
    assert_eq!(gateway.reader.orders(9).await.unwrap(), []);
    broken.mend();
    follow(&gateway, &again.fill("why", "now").send(&gateway).await).await;
    becomes(&gateway, "evt_1", "delivered").await;
    let gone = order.signed().send(&gateway).await;
    assert_eq!(gone.status, 404);
    says(&gone.body, "No dead letter has any of these ids.");
    gateway.stop().await;
}

#[tokio::test]
async fn one_letter_shows_its_attempts_and_what_was_answered() {
    let target = Target::start(|_, _| Behaviour::Say(422, "no such user")).await;
    let settings = Settings::new("webhook").deliver("app", &target.url(), &[]).deliver(
        "other",
        &target.url(),
        &[],
    );
    let gateway = Gateway::start(settings).await;
    post(&gateway, 1).await;
    let html = page(&gateway, "/dead-letters/evt_0%2Fto-app").await;
    for expected in ["user.updated", "to-app → app dead letter", "422", "no such user"] {
        says(&html, expected);
    }
    assert!(!text(&html).contains("to-other"), "a letter is of one route");
    let both = page(&gateway, "/dead-letters/evt_0").await;
    says(&both, "to-app → app dead letter");
    says(&both, "to-other → other dead letter");
    gateway.stop().await;
}

#[tokio::test]
async fn messages_of_a_dead_letter_queue_are_shown_and_put_back() {
    let cloud = Cloud::stand_in_with(&[VISIBILITY]).await;
    let dead_url = cloud.dead_letters_after(1).await;
    let call = cloud.client.send_message().queue_url(&dead_url);
    let body = event("evt_1", 1, 1).by_eventbridge().envelope();
    call.message_body(body).send().await.unwrap();
    let target = Target::up().await;
    let settings = Settings::new("eventbridge")
        .queue(&cloud.endpoint_url, &cloud.queue_url)
        .deliver("app", &target.url(), &[]);
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    let html = page(&gateway, "/dead-letters?source=queue").await;
    says(&html, "in the queue");
    let letter = boxes(&html).boxes.remove(0).1;
    let one = page(&gateway, &format!("/dead-letters/{letter}")).await;
    says(&one, "the queue's dead-letter queue");
    says(&one, "evt_1");
    let sheet = page(&gateway, &boxes(&html).tick(&letter).url()).await;
    says(&sheet, "This would redrive 1 dead letter.");
    let order = form(&sheet, "/orders/redrive").signed();
    follow(&gateway, &order.send(&gateway).await).await;
    until("the delivery", async || (target.came().len() == 1).then_some(())).await;
    gateway.stop().await;
}
