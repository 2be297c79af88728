//! Putting dead letters back, and giving them up.

use axum::extract::State;
use axum::response::Response;

use super::sheet::{Heading, Sheet, Typed, given, refused, sentence};
use crate::admin::orders::letters::{Matching, matching, order};
use crate::admin::orders::{Refusal, person};
use crate::admin::pages::guard::Ordered;
use crate::admin::pages::letters::{Choice, Row};
use crate::admin::pages::query::Asked;
use crate::admin::pages::session::Visitor;
use crate::admin::pages::{Desk, Tab, words};
use crate::dead_letters::QueueLook;
use crate::event::legible;
use crate::journal::{LetterFilter, LetterPlan, OrderKind};

/// Letters shown of what an order would touch.
const SAMPLE: usize = 20;

pub(in crate::admin::pages) async fn redrive(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(choice): Asked<Choice>,
) -> Response {
    sheet(&desk, visitor, (OrderKind::Redrive, choice.trimmed()), Typed::default()).await
}

pub(in crate::admin::pages) async fn discard(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(choice): Asked<Choice>,
) -> Response {
    sheet(&desk, visitor, (OrderKind::Discard, choice.trimmed()), Typed::default()).await
}

pub(in crate::admin::pages) async fn put_back(
    State(desk): State<Desk>,
    ordered: Ordered<Choice>,
) -> Response {
    take(&desk, OrderKind::Redrive, ordered).await
}

pub(in crate::admin::pages) async fn give_up(
    State(desk): State<Desk>,
    ordered: Ordered<Choice>,
) -> Response {
    take(&desk, OrderKind::Discard, ordered).await
}

async fn take(desk: &Desk, kind: OrderKind, ordered: Ordered<Choice>) -> Response {
    match give(desk, kind, &ordered).await {
        Ok(answer) => answer,
        Err(Refusal::Wrong(wrong)) => {
            let typed = Typed::of(&ordered, sentence(&wrong));
            sheet(desk, ordered.visitor, (kind, ordered.what.trimmed()), typed).await
        }
        Err(refusal) => refused(desk, ordered.visitor, &refusal),
    }
}

async fn give(
    desk: &Desk,
    kind: OrderKind,
    ordered: &Ordered<Choice>,
) -> Result<Response, Refusal> {
    let choice = ordered.what.clone().trimmed();
    let plan = plan(desk, &choice)?;
    let by = person(ordered.who.clone(), ordered.why.clone())?;
    let (order, _) = order(&desk.sources, kind, &plan, by).await?;
    Ok(given(order))
}

/// What is to be done, once it is said which letters are meant.
fn plan(desk: &Desk, choice: &Choice) -> Result<LetterPlan, Refusal> {
    if !choice.is_filter() && choice.all.is_empty() {
        let what = "say which letters are meant: by ticking them, by a filter, or all of them";
        return Err(Refusal::Wrong(what.to_owned()));
    }
    let filter = choice.filter(desk.sources.clock.now()).map_err(Refusal::Wrong)?;
    let rate = match choice.rate.as_str() {
        "" => LetterPlan::rate_default(),
        text => text
            .parse()
            .map_err(|_| Refusal::Wrong("the rate is a number of letters a second".to_owned()))?,
    };
    Ok(LetterPlan { filter, rate })
}

async fn sheet(
    desk: &Desk,
    visitor: Visitor,
    (kind, choice): (OrderKind, Choice),
    typed: Typed,
) -> Response {
    let mut sheet = blank(desk, visitor.clone(), kind, typed);
    // What is wrong with the rate is wrong with a field of this sheet, not with the choice.
    let sound = Choice { rate: String::new(), ..choice.clone() };
    let plan = match plan(desk, &sound) {
        Ok(plan) => plan,
        Err(refusal) => {
            sheet.blocked = Some(sentence(&refusal.to_string()));
            return sheet.shown();
        }
    };
    match matching(&desk.sources, kind, &plan, SAMPLE).await {
        Ok(matching) => fill(desk, &mut sheet, (kind, &choice), &plan.filter, matching),
        Err(refusal @ (Refusal::Wrong(_) | Refusal::Unknown(_))) => {
            sheet.blocked = Some(sentence(&refusal.to_string()));
        }
        Err(refusal) => return refused(desk, visitor, &refusal),
    }
    sheet.shown()
}

fn blank(desk: &Desk, visitor: Visitor, kind: OrderKind, typed: Typed) -> Sheet {
    let (title, action) = match kind {
        OrderKind::Redrive => ("Redrive dead letters", "/orders/redrive"),
        _ => ("Discard dead letters", "/orders/discard"),
    };
    let heading = Heading {
        title: title.to_owned(),
        tab: Tab::DeadLetters,
        back: ("Dead letters", "/dead-letters".to_owned()),
        action,
    };
    let mut sheet = Sheet::new(desk, visitor, heading, typed);
    if kind == OrderKind::Redrive {
        sheet.explanation = "They have their turn again. What a newer event has overtaken on a route \
            with order = \"latest\" is not delivered any more.";
        sheet.button = "Redrive";
    } else {
        sheet.explanation = "They are given up for good. The journal keeps their events, with who did it \
            and why; a message is gone.";
        sheet.button = "Discard for good";
        sheet.is_grave = true;
    }
    sheet
}

fn fill(
    desk: &Desk,
    sheet: &mut Sheet,
    (kind, choice): (OrderKind, &Choice),
    filter: &LetterFilter,
    matching: Matching,
) {
    let Matching { matched, at_least, routeless, unknown, sample, queues } = matching;
    let verb = if kind == OrderKind::Redrive { "redrive" } else { "discard" };
    sheet.would = format!("This would {verb} {}.", letters(matched, at_least));
    sheet.facts = vec![("Which", which(filter))];
    sheet.remarks = queues.iter().filter_map(QueueLook::remark).map(|one| sentence(&one)).collect();
    if routeless > 0 {
        let what = "more stay dead: their route is not in the configuration any more.";
        sheet.remarks.push(format!("{} {what}", words::count(routeless)));
    }
    let unknown = unknown.iter().map(|id| format!("No dead letter is named {}.", legible(id)));
    sheet.remarks.extend(unknown);
    if matched == 0 && !at_least {
        sheet.blocked = Some("No such dead letters.".to_owned());
    }
    sheet.has_more = usize::try_from(matched).is_ok_and(|matched| matched > sample.len());
    sheet.sample = sample.iter().map(Row::of).collect();
    // What is shown is what is meant: not what dies before the button is pressed.
    let moment =
        |at: Option<crate::event::Timestamp>| at.map_or_else(String::new, |at| at.to_string());
    let to = filter.to.or_else(|| filter.ids.is_empty().then(|| desk.sources.clock.now()));
    let meant =
        Choice { from: moment(filter.from), to: moment(to), before: None, ..choice.clone() };
    sheet.fields = Choice { rate: String::new(), ..meant }.fields();
    let default = LetterPlan::rate_default().to_string();
    sheet.rate = Some(if choice.rate.is_empty() { default } else { choice.rate.clone() });
}

/// A number of letters, in words.
fn letters(matched: u64, at_least: bool) -> String {
    match (matched, at_least) {
        (1, false) => "1 dead letter".to_owned(),
        (_, false) => format!("{} dead letters", words::count(matched)),
        (_, true) => format!("at least {} dead letters", words::count(matched)),
    }
}

/// A filter in words.
fn which(filter: &LetterFilter) -> String {
    let plan = LetterPlan { filter: filter.clone(), rate: 1.0 };
    let detail = serde_json::to_string(&plan).unwrap_or_default();
    legible(&crate::journal::about("redrive", &detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_said_as_in_the_list_of_orders() {
        assert_eq!(which(&LetterFilter::default()), "all dead letters");
        let filter = LetterFilter { target: Some("app".to_owned()), ..LetterFilter::default() };
        assert_eq!(which(&filter), "target app");
    }

    #[test]
    fn a_count_in_part_is_said_to_be_one() {
        assert_eq!(letters(1, false), "1 dead letter");
        assert_eq!(letters(0, false), "0 dead letters");
        assert_eq!(letters(1_200, true), "at least 1,200 dead letters");
    }
}
