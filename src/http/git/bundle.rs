//! `GET bundles/{file}`: a file with most of a clone, for clients with `transfer.bundleURI`. Authorized like a clone; ranges are served.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use tower_http::services::ServeFile;

use super::NO_CACHE;
use crate::access::action::CloneRepository;
use crate::access::{Caller, Client, RepoPath};
use crate::error::{Error, Result};
use crate::http::App;
use crate::http::extract::{OwnConnection, PathParam};
use crate::http::held::HeldBody;
use crate::transport::bundles;

/// Answers a bundle that is offered now.
pub(super) async fn download(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(file): PathParam,
    connection: OwnConnection,
    request: Request,
) -> Result<Response> {
    let repository = app.forge.authorize(&caller, CloneRepository, &path).await?.into_subject().repository;
    // Kept until the file is sent, like the place of any clone.
    let client = Client::of(&caller);
    let open = app.intake.open_upload(client).await?;
    connection.note_crowd(app.intake.upload_crowd(client));
    let handle = app.forge.open(&repository).await?;
    let interrupt = Arc::new(AtomicBool::new(false));
    let alarm = app.intake.interrupt_after_timeout(&interrupt);
    let span = tracing::Span::current();
    let find = move || {
        let _entered = span.entered();
        let _kept = alarm;
        let current = bundles::current(&handle.git(), &handle.view(), &interrupt);
        current.into_iter().find(|bundle| bundle.file_name() == file)
    };
    let bundle = tokio::task::spawn_blocking(find).await.map_err(Error::internal)?.ok_or_else(Error::not_found)?;
    let served = ServeFile::new(bundle.path()).oneshot(request).await.unwrap_or_else(|never| match never {});
    if served.status() == axum::http::StatusCode::NOT_FOUND {
        return Err(Error::not_found());
    }
    metrics::counter!("atomicqms_git_operations_total", "service" => "bundle", "outcome" => "ok").increment(1);
    let body = served.map(|body| Body::new(HeldBody { inner: Body::new(body), _place: open }));
    Ok((NO_CACHE, body).into_response())
}
