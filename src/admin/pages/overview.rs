//! Both lanes, live.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::live::{self, Part};
use super::session::Visitor;
use super::{Desk, Layout, Tab, assets, shown, unreadable, words};
use crate::journal::ReadError;

const EVERY: Duration = Duration::from_secs(1);

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct Overview {
    layout: Layout,
    arrivals: Arrivals,
}

/// What came by each path.
#[derive(Debug, Template)]
#[template(path = "overview_arrivals.html")]
struct Arrivals {
    paths: Vec<(String, String)>,
}

impl Arrivals {
    async fn read(desk: &Desk) -> Result<Self, ReadError> {
        let counts = desk.sources.reader.counts().await?;
        let paths = crate::event::Path::ALL.map(|path| {
            let of_path = counts.arrivals.iter().filter(|(by, _, _)| *by == path);
            let count = of_path.map(|(_, _, count)| count).sum();
            (path.to_string(), words::count(count))
        });
        Ok(Self { paths: paths.into() })
    }
}

pub(super) async fn page(State(desk): State<Desk>, visitor: Visitor) -> Response {
    match Arrivals::read(&desk).await {
        Ok(arrivals) => {
            let layout = Layout::new(&desk, Tab::Overview, visitor);
            shown(StatusCode::OK, &Overview { layout, arrivals })
        }
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

pub(super) async fn live(State(desk): State<Desk>) -> Response {
    let source = desk.clone();
    live::stream(&desk, EVERY, move || {
        let desk = source.clone();
        async move {
            let arrivals = Arrivals::read(&desk).await.ok()?;
            Some(vec![Part { id: "arrivals", html: arrivals.render().ok()? }])
        }
    })
}
