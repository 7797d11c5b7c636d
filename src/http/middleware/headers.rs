//! Headers every answer carries: the request id and what keeps browsers from doing harm with an answer.
//!
//! Owns the defaults; a handler that sets one of them itself keeps its own value.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::context::{REQUEST_ID, RequestContext};
use crate::http::router::Group;

/// Told to callers who put their token into the URL, where logs and histories keep it.
const QUERY_TOKEN_WARNING: &str =
    "token and access_token in the URL are deprecated and may be refused later; use the Authorization header instead";

/// Adds the headers.
pub fn add(headers: &mut HeaderMap, context: &RequestContext) {
    if let Ok(id) = HeaderValue::from_str(context.id()) {
        headers.insert(HeaderName::from_static(REQUEST_ID), id);
    }
    let group = context.route().map(|route| route.group);
    let policy = match group {
        Some(Group::Page) => "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        Some(Group::Api | Group::Git | Group::Health) | None => "default-src 'none'; frame-ancestors 'none'; sandbox",
    };
    add_default(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add_default(headers, header::REFERRER_POLICY, "no-referrer");
    add_default(headers, header::X_FRAME_OPTIONS, "DENY");
    add_default(headers, header::CONTENT_SECURITY_POLICY, policy);
    if matches!(group, Some(Group::Api | Group::Health)) {
        add_default(headers, header::CACHE_CONTROL, "no-store");
    }
    if context.used_query_token() {
        add_default(headers, HeaderName::from_static("x-gitea-warning"), QUERY_TOKEN_WARNING);
    }
}

fn add_default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
