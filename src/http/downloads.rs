//! Attached files for people and scripts: by the tag of a release and the file's name, or by its own address.
//!
//! Owns ranges, validators and the headers that keep a browser from running what somebody uploaded. Who may fetch what is `access`'s and `forge`'s.
//! Entered through the router's table.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use super::App;
use super::disposition::disposition;
use super::extract::{OwnConnection, PathParam};
use super::held::HeldBody;
use super::ranges::{self, Asked};
use super::router::{Group, Route};
use crate::access::{Caller, Client, RepoPath, action};
use crate::blobs::{Source, is_shown_inline};
use crate::error::{Error, Kind, Result};
use crate::forge::attachments::{self, downloads, storage_error};
use crate::model::{Attachment, BlobId, RepoId, Uuid};

/// Pieces that may wait for a slow client.
const PIECES_WAITING: usize = 4;

/// Rows of the router's table.
pub fn routes() -> Vec<Route> {
    let by_tag = "/{owner}/{repo}/releases/download/{*path}";
    vec![
        Route::new(Group::Page, Method::GET, by_tag, "releaseDownload", release_download),
        Route::new(Group::Page, Method::GET, "/attachments/{uuid}", "attachmentDownload", attachment_download),
    ]
}

/// `releaseDownload`: the last part of the path is the file, what is before it the tag, which may hold slashes.
async fn release_download(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(rest): PathParam,
    connection: OwnConnection,
    (method, headers): (Method, HeaderMap),
) -> Result<Response> {
    let (tag, name) = rest.rsplit_once('/').ok_or_else(Error::not_found)?;
    let permit = app.forge.authorize(&caller, action::ReadReleases, &path).await?;
    let file = attachments::find_by_name(&app.forge, &permit, tag, name).await?;
    serve(&app, &caller, connection, file, (&method, &headers)).await
}

/// No repository.
const NOWHERE: RepoId = RepoId::new(0);

/// `attachmentDownload`.
async fn attachment_download(
    State(app): State<App>,
    caller: Caller,
    PathParam(uuid): PathParam,
    connection: OwnConnection,
    (method, headers): (Method, HeaderMap),
) -> Result<Response> {
    let uuid = Uuid::parse(&uuid).ok_or_else(Error::not_found)?;
    let repo = match attachments::repository_of(&app.forge, &uuid).await {
        // Asked about like one that is there: a token without the scope learns nothing.
        Err(error) if error.kind() == Kind::NotFound => NOWHERE,
        found => found?,
    };
    let permit = app.forge.authorize(&caller, action::ReadAttachment, &repo).await?;
    let file = attachments::find_by_uuid(&app.forge, &permit, &uuid).await?;
    serve(&app, &caller, connection, file, (&method, &headers)).await
}

async fn serve(
    app: &App,
    caller: &Caller,
    connection: OwnConnection,
    file: Attachment,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response> {
    let etag = format!("\"{}\"", file.blob);
    if ranges::is_known(headers, &etag) {
        return Ok(with_headers(&file, &etag, StatusCode::NOT_MODIFIED.into_response()));
    }
    let (status, range) = match ranges::asked(headers, &etag, file.size_bytes) {
        Asked::Whole => (StatusCode::OK, 0..file.size_bytes),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Asked::Nothing => {
            let mut refused = with_headers(&file, &etag, StatusCode::RANGE_NOT_SATISFIABLE.into_response());
            let size = HeaderValue::try_from(format!("bytes */{}", file.size_bytes)).map_err(Error::internal)?;
            refused.headers_mut().insert(header::CONTENT_RANGE, size);
            return Ok(refused);
        }
    };
    let length = range.end.saturating_sub(range.start);
    let body = match method {
        &Method::HEAD => Body::empty(),
        _ => content(app, caller, connection, file.blob, range.clone()).await?,
    };
    if method == Method::GET && range.start == 0 {
        downloads::note(&app.forge, file.id);
    }
    let mut response = with_headers(&file, &etag, (status, body).into_response());
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = range.end.saturating_sub(1);
        let part = format!("bytes {}-{last}/{}", range.start, file.size_bytes);
        answer.insert(header::CONTENT_RANGE, HeaderValue::try_from(part).map_err(Error::internal)?);
    }
    Ok(response)
}

/// The body, in a place among the open downloads and clones until it is sent.
pub(super) async fn content(
    app: &App,
    caller: &Caller,
    connection: OwnConnection,
    blob: BlobId,
    range: Range<u64>,
) -> Result<Body> {
    let client = Client::of(caller);
    let place = app.intake.open_upload(client).await?;
    connection.note_crowd(app.intake.upload_crowd(client));
    let left = range.end.saturating_sub(range.start);
    let source = app.forge.blobs.open(blob, range).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::broken(format!("the content {blob} of a file is lost")),
        _ => storage_error(error),
    })?;
    let (pieces, waiting) = mpsc::channel(PIECES_WAITING);
    tokio::spawn(send(source, pieces));
    Ok(Body::new(HeldBody { inner: Body::new(Pieces { waiting, left }), _place: place }))
}

/// Reads until the end, a fault, or until nobody listens any more.
async fn send(mut source: Box<dyn Source>, pieces: mpsc::Sender<std::io::Result<Bytes>>) {
    loop {
        let (piece, is_last) = match source.next().await {
            Ok(Some(piece)) => (Ok(piece), false),
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "an attached file could not be read to its end");
                (Err(error), true)
            }
        };
        if pieces.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

/// What `send` sends, as a body of known length.
struct Pieces {
    waiting: mpsc::Receiver<std::io::Result<Bytes>>,
    left: u64,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        self.waiting.poll_recv(cx).map(|piece| {
            piece.map(|piece| {
                piece.map(|bytes| {
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    Frame::data(bytes)
                })
            })
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn with_headers(file: &Attachment, etag: &str, mut response: Response) -> Response {
    let headers = response.headers_mut();
    let is_inline = is_shown_inline(&file.content_type);
    let mut set = |name, value: Option<HeaderValue>| {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, HeaderValue::try_from(file.content_type.as_str()).ok());
    set(header::CONTENT_DISPOSITION, Some(disposition(file.name.as_str(), is_inline)));
    set(header::ETAG, HeaderValue::try_from(etag).ok());
    set(header::ACCEPT_RANGES, Some(HeaderValue::from_static("bytes")));
    // Rights may go, so each use is asked for again; the content itself never changes.
    set(header::CACHE_CONTROL, Some(HeaderValue::from_static("private, no-cache")));
    set(
        header::CONTENT_SECURITY_POLICY,
        Some(HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox")),
    );
    set(header::X_CONTENT_TYPE_OPTIONS, Some(HeaderValue::from_static("nosniff")));
    response
}
