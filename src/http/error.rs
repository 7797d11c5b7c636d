//! What a failure looks like to a client, by route group.
//!
//! Owns bodies and headers of failures: Gitea's `{message, url}` for the API, plain text elsewhere, challenges and
//! `Retry-After`. Which status a failure has is decided in `crate::error`; this file never names one. Called by the
//! middleware, once for each failed request.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tracing::Level;

use super::middleware::context::RequestContext;
use super::router::Group;
use crate::error::{Error, Kind};

/// What a browser or git is asked for.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"AtomicQMS\", charset=\"UTF-8\"");

/// Carries the error of a handler to the middleware that renders it.
#[derive(Clone)]
struct Failure(Arc<Error>);

impl IntoResponse for Error {
    /// Makes a bare answer that the middleware completes; nothing of the error is in it yet.
    fn into_response(self) -> Response {
        let mut response = self.kind().status().into_response();
        response.extensions_mut().insert(Failure(Arc::new(self)));
        response
    }
}

/// Completes an answer that carries an error: logs it once and writes body and headers for its route group.
///
/// Answers without an error pass unchanged.
pub fn complete(mut response: Response, context: &RequestContext, root_url: &str) -> Response {
    match response.extensions_mut().remove::<Failure>() {
        Some(Failure(error)) => render(&error, context, root_url),
        None => response,
    }
}

/// Renders one error for the route the request took, and logs it.
pub fn render(error: &Error, context: &RequestContext, root_url: &str) -> Response {
    log(error);
    let group = context.route().map_or(Group::Page, |route| route.group);
    let must_challenge = match group {
        // A 404 for an anonymous caller becomes a challenge, else git would never ask for a password.
        Group::Git => error.may_challenge(),
        Group::Api | Group::Health | Group::Page => error.kind() == Kind::Unauthenticated,
    };
    let kind = if must_challenge { Kind::Unauthenticated } else { error.kind() };
    let message = match error.kind() {
        Kind::Internal => format!("internal server error, request id {}", context.id()),
        _ => error.public().to_owned(),
    };
    let mut response = match group {
        Group::Api => {
            let mut body = json!({ "message": message, "url": format!("{root_url}api/swagger") });
            if let Some((name, value)) = error.body_field() {
                body[name] = value.clone();
            }
            Json(body).into_response()
        }
        Group::Git | Group::Health | Group::Page => {
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{message}\n")).into_response()
        }
    };
    *response.status_mut() = kind.status();
    if must_challenge {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    if let Some(seconds) = error.retry_after_seconds() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Writes the whole chain to the log, as loudly as the kind deserves.
fn log(error: &Error) {
    let chain = error.log_line();
    let kind = error.kind().name();
    // The level of a tracing event is fixed at compile time, hence one line each.
    match error.kind().level() {
        Level::ERROR => tracing::error!(error.kind = kind, error.chain = %chain, "request failed"),
        Level::WARN => tracing::warn!(error.kind = kind, error.chain = %chain, "request refused for now"),
        Level::INFO => tracing::info!(error.kind = kind, error.chain = %chain, "request refused"),
        _ => tracing::debug!(error.kind = kind, error.chain = %chain, "request not satisfied"),
    }
}
