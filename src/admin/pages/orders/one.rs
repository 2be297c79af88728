//! One order: how far it is, and stopping it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use super::sheet::{given, refused};
use super::{EVERY, Row};
use crate::admin::orders;
use crate::admin::pages::guard::Ordered;
use crate::admin::pages::live::{self, Part};
use crate::admin::pages::moment::Moment;
use crate::admin::pages::session::Visitor;
use crate::admin::pages::{Desk, Layout, Tab, assets, message, shown, unreadable};
use crate::event::legible;
use crate::journal::{OrderNo, OrderState, OrderStory, ReadError};

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "order.html")]
struct Order {
    layout: Layout,
    row: Row,
    progress: Progress,
}

/// How far it is.
#[derive(Debug, Template)]
#[template(path = "order_progress.html")]
struct Progress {
    visitor: Visitor,
    row: Row,
    done: u64,
    total: u64,
    /// More was done than was counted, or nothing was: there is no share to show.
    has_share: bool,
    ended: Option<Moment>,
    /// What it did not touch.
    left: Option<String>,
    /// The order that is carried out before it.
    first: Option<Row>,
}

impl Progress {
    async fn read(desk: &Desk, visitor: Visitor, order: &OrderStory) -> Result<Self, ReadError> {
        let is_under_way = order.state == OrderState::UnderWay;
        let before = if is_under_way { first(desk, order).await? } else { None };
        Ok(Self {
            visitor,
            row: Row::of(order),
            done: order.done,
            total: order.total,
            has_share: order.total > 0 && order.done <= order.total,
            ended: order.ended_at.map(Moment::of),
            left: order.left().filter(|_| order.state == OrderState::Done),
            first: before.as_ref().map(Row::of),
        })
    }
}

/// The order that is carried out before this one.
async fn first(desk: &Desk, order: &OrderStory) -> Result<Option<OrderStory>, ReadError> {
    let under_way = desk.sources.reader.orders_under_way().await?;
    let mut before = under_way
        .into_iter()
        .filter(|other| other.order < order.order && other.shares_a_desk_with(order));
    Ok(before.next())
}

async fn find(desk: &Desk, no: &str) -> Result<Option<OrderStory>, ReadError> {
    match no.parse() {
        Ok(no) => desk.sources.reader.order(OrderNo(no)).await,
        Err(_) => Ok(None),
    }
}

pub(in crate::admin::pages) async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(no): Path<String>,
) -> Response {
    let order = match find(&desk, &no).await {
        Ok(Some(order)) => order,
        Ok(None) => {
            let text = "No order of this number.";
            return message(&desk, visitor, StatusCode::NOT_FOUND, "No such order", text);
        }
        Err(error) => return unreadable(&desk, visitor, &error),
    };
    match Progress::read(&desk, visitor.clone(), &order).await {
        Ok(progress) => {
            let mut layout = Layout::new(&desk, Tab::Orders, visitor);
            layout.title = format!("Order {}: {}", order.order.0, legible(&order.kind));
            shown(StatusCode::OK, &Order { layout, row: Row::of(&order), progress })
        }
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

pub(in crate::admin::pages) async fn live(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(no): Path<String>,
) -> Response {
    let source = desk.clone();
    live::stream(&desk, EVERY / 2, move || {
        let (desk, visitor, no) = (source.clone(), visitor.clone(), no.clone());
        async move {
            let order = find(&desk, &no).await.ok()??;
            let progress = Progress::read(&desk, visitor, &order).await.ok()?;
            Some(vec![Part { id: "order-progress", html: progress.render().ok()? }])
        }
    })
}

/// No field beside those of every form.
#[derive(Debug, serde::Deserialize)]
pub(in crate::admin::pages) struct Nothing {}

pub(in crate::admin::pages) async fn stop(
    State(desk): State<Desk>,
    Path(no): Path<String>,
    ordered: Ordered<Nothing>,
) -> Response {
    let Ok(no) = no.parse() else {
        let unknown = orders::Refusal::Unknown("no order of this number");
        return refused(&desk, ordered.visitor, &unknown);
    };
    match orders::stop(&desk.sources, OrderNo(no)).await {
        Ok(()) => given(OrderNo(no)),
        Err(refusal) => refused(&desk, ordered.visitor, &refusal),
    }
}
