//! Reading quarantined bytes once more, and giving them up.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::sheet::{Heading, Sheet, Typed, given, refused, sentence};
use crate::admin::orders::quarantine::{self as acts, Chosen};
use crate::admin::orders::{Refusal, person};
use crate::admin::pages::guard::Ordered;
use crate::admin::pages::query::Asked;
use crate::admin::pages::session::Visitor;
use crate::admin::pages::{Desk, Tab, words};
use crate::event::legible;

/// Which of them.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(in crate::admin::pages) struct Which {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    no: Vec<i64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    /// All of them: to be said where nothing else says which.
    #[serde(skip_serializing_if = "String::is_empty")]
    all: String,
}

impl Which {
    fn chosen(&self) -> Result<Chosen, Refusal> {
        let reason = (!self.reason.is_empty()).then(|| self.reason.clone());
        if !self.no.is_empty() && reason.is_some() {
            let what = "say which are meant by their numbers or by their reason, not by both";
            return Err(Refusal::Wrong(what.to_owned()));
        }
        if self.no.is_empty() && reason.is_none() && self.all.is_empty() {
            let what = "say which are meant: by ticking them, by their reason, or all of them";
            return Err(Refusal::Wrong(what.to_owned()));
        }
        Ok(Chosen { numbers: self.no.clone(), reason })
    }

    fn said(&self) -> String {
        let numbers: Vec<String> = self.no.iter().map(ToString::to_string).collect();
        match (numbers.is_empty(), self.reason.is_empty()) {
            (true, true) => "all that is quarantined".to_owned(),
            (true, false) => format!("all for the reason {}", legible(&self.reason)),
            (false, true) => numbers.join(", "),
            (false, false) => {
                format!("{}, for the reason {}", numbers.join(", "), legible(&self.reason))
            }
        }
    }
}

/// What is done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    ReadAgain,
    GiveUp,
}

pub(in crate::admin::pages) async fn reprocess(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(which): Asked<Which>,
) -> Response {
    sheet(&desk, visitor, (Deed::ReadAgain, &which), Typed::default()).await
}

pub(in crate::admin::pages) async fn discard(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(which): Asked<Which>,
) -> Response {
    sheet(&desk, visitor, (Deed::GiveUp, &which), Typed::default()).await
}

pub(in crate::admin::pages) async fn read_again(
    State(desk): State<Desk>,
    ordered: Ordered<Which>,
) -> Response {
    take(&desk, Deed::ReadAgain, ordered).await
}

pub(in crate::admin::pages) async fn given_up(
    State(desk): State<Desk>,
    ordered: Ordered<Which>,
) -> Response {
    take(&desk, Deed::GiveUp, ordered).await
}

async fn take(desk: &Desk, deed: Deed, ordered: Ordered<Which>) -> Response {
    match give(desk, deed, &ordered).await {
        Ok(answer) => answer,
        Err(Refusal::Wrong(wrong)) => {
            let typed = Typed::of(&ordered, sentence(&wrong));
            sheet(desk, ordered.visitor.clone(), (deed, &ordered.what), typed).await
        }
        Err(refusal) => refused(desk, ordered.visitor, &refusal),
    }
}

async fn give(desk: &Desk, deed: Deed, ordered: &Ordered<Which>) -> Result<Response, Refusal> {
    let chosen = ordered.what.chosen()?;
    let by = person(ordered.who.clone(), ordered.why.clone())?;
    let order = match deed {
        Deed::ReadAgain => acts::reprocess(&desk.sources, &chosen, by).await?.0,
        Deed::GiveUp => acts::discard(&desk.sources, chosen.numbers, by).await?.0.order,
    };
    Ok(given(order))
}

async fn sheet(
    desk: &Desk,
    visitor: Visitor,
    (deed, which): (Deed, &Which),
    typed: Typed,
) -> Response {
    let (title, action) = match deed {
        Deed::ReadAgain => ("Read quarantined bytes once more", "/orders/reprocess"),
        Deed::GiveUp => ("Discard quarantined bytes", "/orders/drop"),
    };
    let back = ("Quarantine", "/quarantine".to_owned());
    let heading = Heading { title: title.to_owned(), tab: Tab::Quarantine, back, action };
    let mut sheet = Sheet::new(desk, visitor.clone(), heading, typed);
    (sheet.explanation, sheet.button) = match deed {
        Deed::ReadAgain => (
            "What is understood now becomes an event, as if it had just come: so after an upgrade. \
             What is not stays.",
            "Read once more",
        ),
        Deed::GiveUp => ("They are gone for good; who and why are kept.", "Discard for good"),
    };
    sheet.is_grave = deed == Deed::GiveUp;
    let found = match which.chosen() {
        Ok(chosen) if deed == Deed::GiveUp && chosen.numbers.is_empty() => {
            Err(Refusal::Wrong("say which are meant, by ticking them".to_owned()))
        }
        Ok(chosen) => acts::matching(&desk.sources, &chosen).await,
        Err(refusal) => Err(refusal),
    };
    match found {
        Ok(found) => {
            let verb = if deed == Deed::GiveUp { "discard" } else { "read once more" };
            sheet.would = format!("This would {verb} {}.", words::count(found.matched));
            sheet.facts = vec![("Which", which.said())];
            let unknown = found.unknown.iter();
            sheet.remarks =
                unknown.map(|no| format!("Nothing is quarantined under {no}.")).collect();
            let fields = serde_html_form::to_string(which).unwrap_or_default();
            sheet.fields = serde_html_form::from_str(&fields).unwrap_or_default();
            if found.matched == 0 {
                sheet.blocked = Some("Nothing of that is quarantined.".to_owned());
            }
        }
        Err(refusal @ (Refusal::Wrong(_) | Refusal::Unknown(_))) => {
            sheet.blocked = Some(sentence(&refusal.to_string()));
        }
        Err(refusal) => return refused(desk, visitor, &refusal),
    }
    sheet.shown()
}
