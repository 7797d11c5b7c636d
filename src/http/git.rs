//! Git's smart HTTP: streaming transport, no policy.
//!
//! Owns the URLs, content types and framing of the smart protocol, and the way of bytes between a connection and the engine. Who
//! may do what is `access`'s, what a push changes is `forge::pushes`'s. Entered through the router's table.

mod advertise;
mod body;
mod bundle;
mod receive;
mod upload;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::error::{Error, Kind, Result};
use crate::http::router::Route;

/// Rows of the router's table.
pub fn routes() -> Vec<Route> {
    vec![
        Route::git(Method::GET, "/{owner}/{repo}/info/refs", "gitInfoRefs", advertise::info_refs),
        Route::git(Method::POST, "/{owner}/{repo}/git-upload-pack", "gitUploadPack", upload::upload_pack),
        Route::git(Method::POST, "/{owner}/{repo}/git-receive-pack", "gitReceivePack", receive::receive_pack),
        Route::git(Method::GET, "/{owner}/{repo}/bundles/{file}", "gitBundle", bundle::download),
        Route::git(Method::GET, "/{owner}/{repo}/HEAD", "gitDumbHead", advertise::dumb),
        Route::git(Method::GET, "/{owner}/{repo}/objects/{*path}", "gitDumbObject", advertise::dumb),
    ]
}

/// Answers of the smart protocol are never kept by caches on the way.
/// Source: gitprotocol-http(5).
const NO_CACHE: [(HeaderName, HeaderValue); 3] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0, must-revalidate")),
    (header::PRAGMA, HeaderValue::from_static("no-cache")),
    (header::EXPIRES, HeaderValue::from_static("Fri, 01 Jan 1980 00:00:00 GMT")),
];

fn header_text(headers: &HeaderMap, name: impl axum::http::header::AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Reads the protocol version the client asks for.
fn protocol_version(headers: &HeaderMap) -> atomicqms_git::protocol::ProtocolVersion {
    atomicqms_git::protocol::ProtocolVersion::from_header(header_text(headers, "git-protocol"))
}

/// Refuses a request whose body is not what the service expects.
///
/// Errors: `Malformed`.
fn require_content_type(headers: &HeaderMap, expected: &'static str) -> Result<()> {
    let given = header_text(headers, header::CONTENT_TYPE).and_then(|value| value.split(';').next()).map(str::trim);
    if given == Some(expected) {
        return Ok(());
    }
    Err(Error::new(Kind::Malformed, format!("expected content type {expected}")))
}

/// Turns a failure to read the body into an answer.
fn body_failure(error: body::BodyError) -> Error {
    let kind = match error {
        body::BodyError::Refused(refused) => return refused,
        body::BodyError::TooLarge { .. } => Kind::TooLarge,
        body::BodyError::Broken(_) | body::BodyError::Encoding => Kind::Malformed,
    };
    Error::new(kind, error.to_string()).with_source(error)
}
