//! Pictures of accounts, organizations and repositories for browsers: by their hash, and patterns for those who have none.
//!
//! Owns the headers and how long they may be kept. Who may see which is `access`'s and `forge`'s; where the contents are read is `http/downloads.rs`'s.
//! `?size=` is taken and changes nothing, as with Gitea's stored pictures: clients scale. Entered through the router's table.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::extract::{OwnConnection, PathParam};
use super::ranges;
use super::router::{Group, Route};
use crate::access::{Caller, action};
use crate::error::{Error, Result};
use crate::forge::avatars::{Found, find_of_account, find_of_repository};
use crate::model::BlobId;
use crate::pictures;

/// For what everybody may see: the content behind an address never changes.
const FOR_EVERYBODY: HeaderValue = HeaderValue::from_static("public, max-age=604800, immutable");
/// For the rest: rights may go, so each use is asked for again.
const FOR_ONE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Changes when patterns are drawn in another way.
const PATTERNS: &str = "identicon-1";

/// Rows of the router's table.
pub fn routes() -> Vec<Route> {
    let pattern = "/avatars/default/{id}";
    vec![
        Route::new(Group::Page, Method::GET, "/avatars/{hash}", "avatar", account_avatar),
        Route::new(Group::Page, Method::GET, pattern, "avatarDefault", default_avatar),
        Route::new(Group::Page, Method::GET, "/repo-avatars/{hash}", "repoAvatar", repository_avatar),
    ]
}

/// `avatar`.
async fn account_avatar(
    State(app): State<App>,
    caller: Caller,
    PathParam(hash): PathParam,
    connection: OwnConnection,
    (method, headers): (Method, HeaderMap),
) -> Result<Response> {
    let blob = BlobId::from_hex(&hash).ok_or_else(Error::not_found)?;
    let permit = app.forge.authorize(&caller, action::SearchUsers, &()).await?;
    let found = find_of_account(&app.forge, permit, blob).await?;
    serve(&app, &caller, connection, found, (&method, &headers)).await
}

/// `repoAvatar`.
async fn repository_avatar(
    State(app): State<App>,
    caller: Caller,
    PathParam(hash): PathParam,
    connection: OwnConnection,
    (method, headers): (Method, HeaderMap),
) -> Result<Response> {
    let blob = BlobId::from_hex(&hash).ok_or_else(Error::not_found)?;
    let permit = app.forge.authorize(&caller, action::SearchRepositories, &()).await?;
    let found = find_of_repository(&app.forge, permit, blob).await?;
    serve(&app, &caller, connection, found, (&method, &headers)).await
}

/// `avatarDefault`: there is one for each number, so that nobody learns which accounts there are.
async fn default_avatar(PathParam(id): PathParam, method: Method, headers: HeaderMap) -> Result<Response> {
    let number: i64 = id.parse().ok().filter(|number: &i64| *number >= 0).ok_or_else(Error::not_found)?;
    let etag = format!("\"{PATTERNS}-{number}\"");
    if ranges::is_known(&headers, &etag) {
        return with_headers(StatusCode::NOT_MODIFIED.into_response(), &etag, FOR_EVERYBODY);
    }
    if method == Method::HEAD {
        return with_headers(StatusCode::OK.into_response(), &etag, FOR_EVERYBODY);
    }
    let draw = move || pictures::identicon(number);
    let png = tokio::task::spawn_blocking(draw).await.map_err(Error::internal)?.map_err(Error::internal)?;
    with_headers(png.into_response(), &etag, FOR_EVERYBODY)
}

async fn serve(
    app: &App,
    caller: &Caller,
    connection: OwnConnection,
    Found { avatar, is_public }: Found,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response> {
    let etag = format!("\"{}\"", avatar.blob);
    let kept = if is_public { FOR_EVERYBODY } else { FOR_ONE };
    if ranges::is_known(headers, &etag) {
        return with_headers(StatusCode::NOT_MODIFIED.into_response(), &etag, kept);
    }
    let body = match method {
        &Method::HEAD => Body::empty(),
        _ => super::downloads::content(app, caller, connection, avatar.blob, 0..avatar.size_bytes).await?,
    };
    let mut response = with_headers(body.into_response(), &etag, kept)?;
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(avatar.size_bytes));
    Ok(response)
}

fn with_headers(mut response: Response, etag: &str, kept: HeaderValue) -> Result<Response> {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(header::ETAG, HeaderValue::try_from(etag).map_err(Error::internal)?);
    headers.insert(header::CACHE_CONTROL, kept);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
