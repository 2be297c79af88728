//! A receiver of twinstream's deliveries that knows who is blocked. Copy it and make it yours.
//!
//! Its crates: anyhow, axum, rusqlite, `serde_json`, standardwebhooks and tokio. To run it:
//! ```sh
//! export TWINSTREAM_APP_SECRET="whsec_$(openssl rand -base64 32)"   # twinstream has the same
//! cargo run --example receiver                                     # LISTEN and STORE say where
//! curl 'http://127.0.0.1:3000/users/auth0%7C123'                   # {"blocked":true}
//! ```
//! and in the configuration of `twinstream serve`:
//! ```toml
//! [[targets]]
//! name = "app"
//! url = "http://127.0.0.1:3000/events"
//! signing_secret = { env = "TWINSTREAM_APP_SECRET" }
//! [[routes]]
//! name = "block-status"
//! target = "app"
//! pattern = { type = [{ prefix = "user." }] }
//! order = "latest"   # so that no old event comes after a newer one
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program"
)]

use std::env;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use rusqlite::{Connection, OptionalExtension as _, Transaction};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

struct App {
    webhook: Webhook,
    store: Mutex<Connection>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let secret = env::var("TWINSTREAM_APP_SECRET").context("reading TWINSTREAM_APP_SECRET")?;
    // 16 bytes in base64: with an empty key anybody could sign.
    ensure!(secret.trim_start_matches("whsec_").len() >= 22, "TWINSTREAM_APP_SECRET is too short");
    let store = Connection::open(env::var("STORE").unwrap_or("receiver.db".into()))?;
    store.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full;
         create table if not exists seen (id text primary key);
         create table if not exists users (id text primary key, blocked integer not null);",
    )?;
    let app = App { webhook: Webhook::new(&secret)?, store: Mutex::new(store) };
    let routes = Router::new().route("/events", post(take)).route("/users/{id}", get(user));
    let listener = TcpListener::bind(env::var("LISTEN").unwrap_or("127.0.0.1:3000".into())).await?;
    println!("http://{}/events", listener.local_addr()?);
    Ok(axum::serve(listener, routes.with_state(Arc::new(app))).await?)
}

/// 2XX only when it is kept: what was acknowledged does not come again. 4XX is for good, 5XX is not.
async fn take(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if app.webhook.verify(&body, &headers).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let id =
        headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let Ok(event) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    match tokio::task::spawn_blocking(move || keep(&app, &id, &event)).await {
        Ok(Ok(())) => StatusCode::NO_CONTENT,
        other => {
            eprintln!("not kept: {other:?}");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// Keeps the id and what the event says together: both, or neither.
fn keep(app: &App, id: &str, event: &Value) -> rusqlite::Result<()> {
    let mut store = app.store.lock().unwrap_or_else(PoisonError::into_inner);
    let transaction = store.transaction()?;
    // A repeat has the id of the first time. Where several routes lead here with different bodies,
    // add the header `twinstream-route` to it.
    if transaction.execute("insert or ignore into seen (id) values (?1)", [id])? == 1 {
        apply(&transaction, event)?;
    }
    transaction.commit()
}

/// An event without `blocked` does not speak of it: what was known stays.
fn apply(store: &Transaction<'_>, event: &Value) -> rusqlite::Result<()> {
    let user = &event["data"]["object"];
    match (event["type"].as_str(), user["user_id"].as_str(), user["blocked"].as_bool()) {
        (Some("user.deleted"), Some(id), _) => {
            store.execute("delete from users where id = ?1", [id])?;
        }
        (Some("user.created" | "user.updated"), Some(id), Some(blocked)) => {
            store.execute("insert or replace into users values (?1, ?2)", (id, blocked))?;
        }
        _ => {}
    }
    Ok(())
}

/// What the rest of your application asks: is this user blocked?
async fn user(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, StatusCode> {
    let store = app.store.lock().unwrap_or_else(PoisonError::into_inner);
    let blocked = "select blocked from users where id = ?1";
    let blocked = store.query_row(blocked, [id], |row| row.get::<_, bool>(0)).optional();
    let blocked = blocked.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(json!({ "blocked": blocked.ok_or(StatusCode::NOT_FOUND)? })))
}
