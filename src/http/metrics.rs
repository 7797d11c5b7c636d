//! The `/metrics` endpoint.
//!
//! Owns who may read it (`metrics.token`) and its content type; the text comes from `telemetry`.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::App;
use crate::error::{Error, Result};
use crate::telemetry::recorder;

/// Answers every metric in Prometheus text format.
///
/// Errors: `Unauthenticated` if `metrics.token` is set and not presented.
pub async fn metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response> {
    let wanted = &app.config.metrics.token;
    if !wanted.is_empty() && !presents(&headers, wanted.expose()) {
        return Err(Error::unauthenticated("metrics token is required"));
    }
    app.answers.publish_sizes();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder::render()).into_response())
}

fn presents(headers: &HeaderMap, wanted: &str) -> bool {
    let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else { return false };
    let Some((scheme, token)) = value.split_once(' ') else { return false };
    scheme.eq_ignore_ascii_case("bearer") && bool::from(token.trim().as_bytes().ct_eq(wanted.as_bytes()))
}
