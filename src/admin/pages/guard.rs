//! Who may see a page, and whose orders are taken on one.

use axum::extract::{FromRequest, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::session::Visitor;
use super::{Desk, message};
use crate::admin::guard::{comes_from_another_site, is_plain_host};

/// Lets through who has signed in, and tells the page who that is. Without `admin.token` everybody on
/// this host may see everything, as long as no foreign web page asks in their name.
pub(super) async fn check(State(desk): State<Desk>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_order = !matches!(*request.method(), Method::GET | Method::HEAD);
    if is_order && comes_from_another_site(headers) {
        let text = "Orders are not taken from the pages of other sites.";
        return refused(&desk, text);
    }
    if !desk.sessions.demands_token() && !is_plain_host(headers) {
        let text = "Without admin.token, ask by address or localhost, not by another host name.";
        return refused(&desk, text);
    }
    match desk.sessions.visitor(headers, desk.sources.clock.now()) {
        Some(visitor) => {
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        None if is_order => Redirect::to("/sign-in").into_response(),
        None => {
            let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
            let query = serde_html_form::to_string([("next", wanted)]).unwrap_or_default();
            Redirect::to(&format!("/sign-in?{query}")).into_response()
        }
    }
}

fn refused(desk: &Desk, text: &str) -> Response {
    message(desk, Visitor::default(), StatusCode::FORBIDDEN, "Refused", text)
}

/// An order given by a form of a page: what is ordered, by whom, and why.
#[derive(Debug)]
pub(super) struct Ordered<T> {
    pub(super) what: T,
    pub(super) who: String,
    pub(super) why: String,
    pub(super) visitor: Visitor,
}

/// What every form of a page says beside its own fields.
#[derive(Debug, Deserialize)]
struct Signature {
    csrf: String,
    #[serde(default)]
    who: String,
    #[serde(default)]
    why: String,
}

impl<T: DeserializeOwned> FromRequest<Desk> for Ordered<T> {
    type Rejection = Response;

    async fn from_request(request: Request, desk: &Desk) -> Result<Self, Response> {
        let visitor = request.extensions().get::<Visitor>().cloned().unwrap_or_default();
        let wrong = |text: &str| {
            message(desk, visitor.clone(), StatusCode::BAD_REQUEST, "Not ordered", text)
        };
        let body = Bytes::from_request(request, desk)
            .await
            .map_err(|rejection| wrong(&rejection.body_text()))?;
        let signature: Signature =
            serde_html_form::from_bytes(&body).map_err(|error| wrong(&error.to_string()))?;
        if !visitor.gave(&signature.csrf) {
            let text = "The form is from before the last sign-in or start. Load its page again.";
            return Err(wrong(text));
        }
        let what = serde_html_form::from_bytes(&body).map_err(|error| wrong(&error.to_string()))?;
        let Signature { who, why, .. } = signature;
        let who = visitor.name.clone().unwrap_or(who).trim().to_owned();
        let why = why.trim().to_owned();
        Ok(Self { what, who, why, visitor })
    }
}
