//! Erasing what names a user.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::sheet::{Heading, Sheet, Typed, given, refused, sentence};
use crate::admin::orders::erase::{matching, order};
use crate::admin::orders::{Refusal, person};
use crate::admin::pages::guard::Ordered;
use crate::admin::pages::query::Asked;
use crate::admin::pages::session::Visitor;
use crate::admin::pages::{Desk, Tab, words};
use crate::event::legible;

#[derive(Debug, Deserialize)]
pub(in crate::admin::pages) struct Whom {
    #[serde(default)]
    subject: String,
}

pub(in crate::admin::pages) async fn erase(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(whom): Asked<Whom>,
) -> Response {
    sheet(&desk, visitor, whom.subject.trim(), Typed::default()).await
}

pub(in crate::admin::pages) async fn erased(
    State(desk): State<Desk>,
    ordered: Ordered<Whom>,
) -> Response {
    let subject = ordered.what.subject.trim();
    let taken = match person(ordered.who.clone(), ordered.why.clone()) {
        Ok(by) => order(&desk.sources, subject, by).await,
        Err(refusal) => Err(refusal),
    };
    match taken {
        Ok((order, _)) => given(order),
        Err(Refusal::Wrong(wrong)) => {
            let typed = Typed::of(&ordered, sentence(&wrong));
            sheet(&desk, ordered.visitor.clone(), subject, typed).await
        }
        Err(refusal) => refused(&desk, ordered.visitor, &refusal),
    }
}

async fn sheet(desk: &Desk, visitor: Visitor, subject: &str, typed: Typed) -> Response {
    let heading = Heading {
        title: "Erase what names a user".to_owned(),
        tab: Tab::Events,
        back: ("Events", "/events".to_owned()),
        action: "/orders/erase",
    };
    let mut sheet = Sheet::new(desk, visitor.clone(), heading, typed);
    sheet.explanation = "The content of every event that names it anywhere is erased, on disk too. Ids, \
        times and outcomes stay, so that counts stay right; what was to be delivered of it is discarded.";
    sheet.button = "Erase for good";
    sheet.is_grave = true;
    match matching(&desk.sources, subject).await {
        Ok(named) => {
            let at_least = if named.at_least { "at least " } else { "" };
            let matched = words::count(named.matched);
            sheet.would =
                format!("This would erase {at_least}{matched}, of events and quarantined bodies.");
            sheet.facts = vec![("What names", legible(subject))];
            sheet.fields = vec![("subject".to_owned(), subject.to_owned())];
            if named.matched == 0 && !named.at_least {
                sheet.blocked = Some("Nothing names it.".to_owned());
            }
        }
        Err(refusal @ (Refusal::Wrong(_) | Refusal::Unknown(_))) => {
            sheet.blocked = Some(sentence(&refusal.to_string()));
        }
        Err(refusal) => return refused(desk, visitor, &refusal),
    }
    sheet.shown()
}
