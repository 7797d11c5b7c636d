//! `POST git-upload-pack`: one bounded request in, one streamed answer out.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::body::BodyReader;
use super::{NO_CACHE, body_failure, header_text, protocol_version, require_content_type};
use crate::access::action::CloneRepository;
use crate::access::{Caller, Client, RepoPath};
use crate::error::{Error, Kind, Result};
use crate::http::App;
use crate::http::extract::OwnConnection;
use crate::telemetry::kept::KeptCounter;
use crate::transport::fetch::Fetch;

/// Answers a clone, fetch or ls-refs request.
pub(super) async fn upload_pack(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    connection: OwnConnection,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let repository = app.forge.authorize_fast(&caller, CloneRepository, &path).await?.into_subject().repository;
    require_content_type(&headers, "application/x-git-upload-pack-request")?;
    let encoding = header_text(&headers, header::CONTENT_ENCODING);
    let client = Client::of(&caller);
    let reader = BodyReader::new(body, encoding, app.intake.limits().max_request_bytes).map_err(body_failure)?;
    // A client that does not finish its request takes no place from others; its bytes are counted from the first few on.
    let mut lease = app.body_memory.strict_lease(client);
    let body_timeout = Duration::from_secs(app.config.server.body_timeout_seconds);
    let request = tokio::time::timeout(body_timeout, reader.collect(&mut lease))
        .await
        .map_err(|_| Error::new(Kind::Malformed, "the request came too slowly"))?
        .map_err(body_failure)?;
    static BYTES: KeptCounter =
        KeptCounter::new(|| metrics::counter!("atomicqms_git_bytes_total", "direction" => "in"));
    BYTES.increment(request.len() as u64);

    // What open uploads hold besides is bounded by their number.
    let open = app.intake.open_upload(client).await?;
    connection.note_crowd(app.intake.upload_crowd(client));
    let handle = app.forge.open(&repository).await?;
    let view = handle.view();
    let version = protocol_version(&headers);
    let fetch = Fetch { app, repository: repository.id, handle, view, version, request, lease };
    let body = fetch.answer(open).await?;
    let content_type = HeaderValue::from_static("application/x-git-upload-pack-result");
    Ok((NO_CACHE, [(header::CONTENT_TYPE, content_type)], body).into_response())
}
