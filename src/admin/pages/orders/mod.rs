//! What people ordered, and the sheets on which they order.

pub(super) mod erase;
pub(super) mod letters;
pub(super) mod one;
pub(super) mod quarantine;
mod sheet;
pub(super) mod targets;

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::live::{self, Part};
use super::moment::Moment;
use super::query::Asked;
use super::session::Visitor;
use super::{Desk, Layout, Tab, assets, shown, unreadable};
use crate::event::legible;
use crate::journal::{OrderNo, OrderState, OrderStory, ReadError};

/// Orders on a page.
const PAGE: usize = 50;
const EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Before {
    before: Option<i64>,
}

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "orders.html")]
struct Orders {
    layout: Layout,
    list: List,
    is_first: bool,
}

/// One page of the list.
#[derive(Debug, Template)]
#[template(path = "orders_list.html")]
struct List {
    rows: Vec<Row>,
    older: Option<i64>,
    is_first: bool,
}

/// One order, in words.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) no: i64,
    pub(super) given: Moment,
    pub(super) who: String,
    pub(super) why: String,
    pub(super) kind: String,
    pub(super) about: String,
    pub(super) state: &'static str,
    /// The class of its pill.
    pub(super) class: &'static str,
    pub(super) so_far: String,
    pub(super) is_under_way: bool,
}

impl Row {
    pub(super) fn of(order: &OrderStory) -> Self {
        let class = match order.state {
            OrderState::UnderWay => "info",
            OrderState::Done => "good",
            OrderState::Stopped => "warn",
        };
        Self {
            no: order.order.0,
            given: Moment::of(order.at),
            who: legible(&order.who),
            why: legible(&order.why),
            kind: legible(&order.kind),
            about: legible(&order.about()),
            state: order.state.words(),
            class,
            so_far: order.so_far(false),
            is_under_way: order.state == OrderState::UnderWay,
        }
    }
}

async fn list(desk: &Desk, before: Option<i64>) -> Result<List, ReadError> {
    let mut orders = desk.sources.reader.orders_before(before.map(OrderNo), PAGE + 1).await?;
    let more = orders.len() > PAGE;
    orders.truncate(PAGE);
    let older = if more { orders.last().map(|order| order.order.0) } else { None };
    Ok(List { rows: orders.iter().map(Row::of).collect(), older, is_first: before.is_none() })
}

pub(super) async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(asked): Asked<Before>,
) -> Response {
    match list(&desk, asked.before).await {
        Ok(list) => {
            let layout = Layout::new(&desk, Tab::Orders, visitor);
            let is_first = asked.before.is_none();
            shown(StatusCode::OK, &Orders { layout, list, is_first })
        }
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

pub(super) async fn live(State(desk): State<Desk>) -> Response {
    let source = desk.clone();
    live::stream(&desk, EVERY, move || {
        let desk = source.clone();
        async move {
            let html = list(&desk, None).await.ok()?.render().ok()?;
            Some(vec![Part { id: "orders-list", html }])
        }
    })
}
