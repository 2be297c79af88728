//! What the page shows, as files.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use tracing::error;

use super::super::query::Asked;
use super::super::session::Visitor;
use super::super::{Desk, message};
use super::asked::Wanted;
use crate::compare::{Document, report};
use crate::telemetry::Chain;

/// A form that the report has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// Its file's name, under `/compare/`.
    pub(super) name: &'static str,
    /// What it is called.
    pub(super) title: &'static str,
    kind: &'static str,
    write: fn(&Document) -> Result<String, anyhow::Error>,
}

/// All of them, in the order of the page.
pub(super) const FORMS: [Form; 3] = [
    Form {
        name: "report.html",
        title: "HTML, one file with its charts",
        kind: "text/html; charset=utf-8",
        write: |document| Ok(report::html(document)?),
    },
    Form {
        name: "report.md",
        title: "Markdown, for a pull request or a wiki",
        kind: "text/markdown; charset=utf-8",
        write: |document| Ok(report::markdown(document)),
    },
    Form {
        name: "report.json",
        title: "JSON, for scripts",
        kind: "application/json",
        write: |document| Ok(report::json(document)?),
    },
];

/// The report's own style and nothing else, should a browser show it in place.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

pub(in crate::admin::pages) async fn file(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    Asked(wanted): Asked<Wanted>,
) -> Response {
    let Some(form) = FORMS.iter().find(|form| form.name == name) else {
        let text = "The report comes as report.html, report.md and report.json.";
        return message(&desk, visitor, StatusCode::NOT_FOUND, "Not found", text);
    };
    let document = match wanted.compare(&desk).await {
        Ok(document) => document,
        Err(refusal) => return super::refused(&desk, visitor, refusal),
    };
    match (form.write)(&document) {
        Ok(content) => {
            let day = document.window.to.to_string().get(..10).map(str::to_owned);
            let day = day.unwrap_or_default();
            let named = format!("attachment; filename=\"twinstream-compare-{day}-{}\"", form.name);
            let headers = [
                (header::CONTENT_TYPE, form.kind.to_owned()),
                (header::CONTENT_DISPOSITION, named),
                (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY.to_owned()),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            ];
            (headers, content).into_response()
        }
        Err(error) => {
            error!(error = %Chain(&*error), "a report can't be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
