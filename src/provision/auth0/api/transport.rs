//! Sending a call, as often as patience has it.

use std::sync::PoisonError;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::call::Call;
use super::error::Refusal;
use super::patience::{Try, asked_pause, date};
use super::token::Token;
use super::{ANSWER_WITHIN, Api, ApiError, ServerDate};
use crate::telemetry::Chain;

/// The longest answer, in bytes: a page of 100 deliveries, each with its event.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What is read of a refusal.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

impl Api {
    /// The answer to a call, understood.
    pub(in super::super) async fn ask<T: DeserializeOwned>(
        &self,
        call: &Call,
    ) -> Result<T, ApiError> {
        let body = self.order(call).await?;
        serde_json::from_slice(&body)
            .map_err(|source| ApiError::Unclear { what: call.what.clone(), source })
    }

    /// The answer to a call, whatever it says.
    pub(in super::super) async fn order(&self, call: &Call) -> Result<Bytes, ApiError> {
        Box::pin(self.with_token(call, &self.0.client, whole)).await
    }

    /// An answer that has begun, and whose body does not end by itself.
    pub(in super::super) async fn open(&self, call: &Call) -> Result<Response, ApiError> {
        let begun = |answer, _| async move { Ok(answer) };
        Box::pin(self.with_token(call, &self.0.streaming, begun)).await
    }

    /// Sends with a token; with a new one where the first is refused.
    async fn with_token<T, F: Future<Output = Result<T, (Try, ApiError)>>>(
        &self,
        call: &Call,
        client: &reqwest::Client,
        take: impl Fn(Response, String) -> F,
    ) -> Result<T, ApiError> {
        let token = self.token().await?;
        let request = self.request(call, client, &token);
        let refused = match self.try_often(&call.what, call.is_repeatable, &request, &take).await {
            Err(error) if error.status() == Some(401) => error,
            other => return other,
        };
        debug!(error = %Chain(&refused), "auth0 refused the token, another is fetched");
        self.forget_token(&token);
        let request = self.request(call, client, &self.token().await?);
        self.try_often(&call.what, call.is_repeatable, &request, &take).await
    }

    fn request(&self, call: &Call, client: &reqwest::Client, token: &Token) -> RequestBuilder {
        let request = client.request(call.method.clone(), call.url(&self.0.base));
        let mut request = request.bearer_auth(token.text());
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.0.to_string());
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        request
    }

    /// Sends until there is a success, or patience ends. `take` takes what it needs of an answer.
    pub(super) async fn try_often<T, F: Future<Output = Result<T, (Try, ApiError)>>>(
        &self,
        what: &str,
        is_repeatable: bool,
        request: &RequestBuilder,
        take: impl Fn(Response, String) -> F,
    ) -> Result<T, ApiError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let Some(request) = request.try_clone() else {
                // Never: no body here is a stream.
                return Err(ApiError::TooLate { what: what.to_owned(), within: ANSWER_WITHIN });
            };
            let tried_once = match self.try_once(what, request).await {
                Ok(answer) => take(answer, what.to_owned()).await,
                Err(failed) => Err(failed),
            };
            let (came, error) = match tried_once {
                Ok(taken) => return Ok(taken),
                Err(failed) => failed,
            };
            let Some(pause) = self.0.patience.pause(tried, came, is_repeatable) else {
                return Err(error);
            };
            debug!(error = %Chain(&error), tried, "auth0 is asked again");
            sleep(pause).await;
        }
    }

    async fn try_once(
        &self,
        what: &str,
        request: RequestBuilder,
    ) -> Result<Response, (Try, ApiError)> {
        let asked_at = self.0.clock.now();
        let what = what.to_owned();
        let answer = match timeout(ANSWER_WITHIN, request.send()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                let came = if error.is_connect() { Try::NotSent } else { Try::Unanswered };
                return Err((came, ApiError::Unanswered { what, source: error.without_url() }));
            }
            Err(_) => {
                return Err((Try::Unanswered, ApiError::TooLate { what, within: ANSWER_WITHIN }));
            }
        };
        let heard_at = self.0.clock.now();
        if let Some(said) = date(answer.headers()) {
            let mut kept = self.0.server_date.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(ServerDate { said, asked_at, heard_at });
        }
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status().as_u16();
        let asked = asked_pause(answer.headers(), heard_at);
        // What can't be read of a refusal is not missed.
        let body = timeout(ANSWER_WITHIN, read(answer, REFUSAL_BYTES_MAX)).await;
        let body = body.ok().and_then(Result::ok).flatten().unwrap_or_default();
        let refusal = Box::new(Refusal::read(status, &body, asked));
        Err((Try::Status(status, asked), ApiError::Refused { what, refusal }))
    }
}

/// The whole body of an answer.
pub(super) async fn whole(answer: Response, what: String) -> Result<Bytes, (Try, ApiError)> {
    match read(answer, ANSWER_BYTES_MAX).await {
        Ok(Some(body)) => Ok(body),
        Ok(None) => {
            let error = ApiError::TooLong { what, bytes_max: ANSWER_BYTES_MAX };
            Err((Try::TooLong, error))
        }
        Err(error) => {
            let error = ApiError::Unanswered { what, source: error.without_url() };
            Err((Try::Unanswered, error))
        }
    }
}

/// The whole body; `None` where it is longer than this.
async fn read(mut answer: Response, bytes_max: usize) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > bytes_max {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}
