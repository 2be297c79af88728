//! The pages, and the parts of them that change.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use tracing::error;

use super::Desk;
use super::news::{News, What, duration};
use super::people::{Figures, Person};
use crate::telemetry::Chain;

/// The page of all users.
#[derive(Debug, Template)]
#[template(path = "desk_people.html")]
struct PeoplePage {
    version: u64,
    figures: Figures,
    people: Vec<Person>,
    access: Vec<News>,
    feed: Vec<News>,
    fresh: u64,
}

/// What changed on it.
#[derive(Debug, Template)]
#[template(path = "desk_people_parts.html")]
struct PeopleParts {
    figures: Figures,
    people: Vec<Person>,
    access: Vec<News>,
    feed: Vec<News>,
    /// News after this change are new on the page.
    fresh: u64,
}

/// A user's own page.
#[derive(Debug, Template)]
#[template(path = "desk_session.html")]
struct SessionPage {
    version: u64,
    id: String,
    account: Account,
    fresh: u64,
}

/// What changed on it.
#[derive(Debug, Template)]
#[template(path = "desk_account.html")]
struct AccountPart {
    account: Account,
    fresh: u64,
}

/// How an account stands.
#[derive(Debug)]
enum Account {
    Unknown,
    Open(Person),
    Blocked(Person),
    Deleted(Person),
}

/// Scripts, styles and pictures of this very place alone; nothing may frame a page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; \
     frame-ancestors 'none'";

pub(super) async fn people(State(desk): State<Desk>) -> Response {
    let page = {
        let people = &desk.state().people;
        let version = people.version();
        PeoplePage {
            version,
            figures: people.figures(),
            people: people.by_name(),
            access: people.access(),
            feed: people.feed(),
            fresh: version,
        }
    };
    shown(StatusCode::OK, &page)
}

/// The number of the last change, and what changed since this one.
pub(super) fn people_since(desk: &Desk, after: u64) -> (u64, String) {
    let (version, parts) = {
        let people = &desk.state().people;
        let parts = PeopleParts {
            figures: people.figures(),
            people: people.heard_of_after(after),
            access: people.access(),
            feed: people.feed(),
            fresh: after,
        };
        (people.version(), parts)
    };
    (version, rendered(&parts).unwrap_or_default())
}

pub(super) async fn session(State(desk): State<Desk>, Path(id): Path<String>) -> Response {
    let (version, account) = {
        let people = &desk.state().people;
        (people.version(), Account::of(people.person(&id)))
    };
    let status = account.status();
    shown(status, &SessionPage { version, id, account, fresh: version })
}

/// The number of the last change, and the account if it changed since this one.
pub(super) fn session_since(desk: &Desk, id: &str, after: u64) -> (u64, String) {
    let (version, account) = {
        let people = &desk.state().people;
        let person = people.person(id).filter(|person| person.latest.version > after);
        (people.version(), person.map(|person| Account::of(Some(person))))
    };
    let html = account.and_then(|account| rendered(&AccountPart { account, fresh: after }));
    (version, html.unwrap_or_default())
}

pub(super) async fn nothing() -> Response {
    (StatusCode::NOT_FOUND, "nothing is here; the desk is at /\n").into_response()
}

impl Account {
    fn of(person: Option<&Person>) -> Self {
        match person {
            None => Self::Unknown,
            Some(person) if person.deleted => Self::Deleted(person.clone()),
            Some(person) if person.is_blocked() => Self::Blocked(person.clone()),
            Some(person) => Self::Open(person.clone()),
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Open(_) => StatusCode::OK,
            Self::Blocked(_) => StatusCode::FORBIDDEN,
            Self::Deleted(_) => StatusCode::GONE,
        }
    }

    fn title(&self) -> &str {
        match self {
            Self::Unknown => "Nobody by this id",
            Self::Open(person) => person.name(),
            Self::Blocked(_) => "Account blocked",
            Self::Deleted(_) => "Account deleted",
        }
    }
}

impl Figures {
    fn delay(&self) -> String {
        self.delay_ms.map_or("–".to_owned(), duration)
    }

    fn webhook_first(&self) -> String {
        self.webhook_first_percent.map_or("–".to_owned(), |percent| format!("{percent} %"))
    }
}

fn rendered(template: &impl Template) -> Option<String> {
    let html = template.render();
    if let Err(error) = &html {
        error!(error = %Chain(error), "a page can't be made");
    }
    html.ok()
}

fn shown(status: StatusCode, page: &impl Template) -> Response {
    let Some(html) = rendered(page) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (status, headers, html).into_response()
}
