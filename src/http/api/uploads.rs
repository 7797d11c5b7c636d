//! A file brought for a release, as a form (`attachment`) or as the whole body (`?name=`).
//!
//! Owns the stream: it is hashed and written as it arrives, bounded by `attachments.max_bytes`, in a place among the open pushes. What it becomes is
//! `forge::attachments`'.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::BodyExt;

use super::json::AttachmentJson;
use super::lookup::{self, Answer};
use super::query::Params;
use super::releases::release_of;
use super::render::Viewer;
use super::spec::Query;
use crate::access::{Caller, Client, Credential, RepoPath, action};
use crate::blobs::{Received, Receiving};
use crate::error::{Error, Kind, Result};
use crate::forge::attachments::{self, storage_error};
use crate::http::App;
use crate::http::extract::multipart::{self, Multipart};
use crate::model::FileName;
use crate::transport::pace::Pace;

/// Query of uploads.
pub(super) const NAME: &[Query] = &[Query::text("name", "name of the file; without one that of the form")];

/// Longest ordinary field of a form that is read. Units: bytes.
const MAX_FIELD_BYTES: usize = 4096;
/// What a form may have around its file. Units: bytes.
const FORM_BYTES: u64 = 64 * 1024;

/// `repoCreateReleaseAttachment`.
pub async fn repo_create_release_attachment(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    names: RawPathParams,
    params: Params,
    uri: Uri,
    request: Request,
) -> Answer<(StatusCode, Json<AttachmentJson>)> {
    let permit = lookup::repository(&app, &caller, action::EditReleases, &path, &uri).await?;
    if !app.config.attachments.enabled {
        return Err(Error::new(Kind::NotFound, "Attachment is not enabled").into());
    }
    refuse_foreign_pages(&caller, request.headers())?;
    let release = release_of(&names)?;
    let tag = attachments::check_release(&app.forge, &permit, release).await?;
    let client = Client::of(&caller);
    let place = app.intake.open_receive(client).await?;
    let (name, received) = receive(&app, client, params.text("name"), request).await?;
    attachments::check_type(&app.config.attachments.release_allowed_types, &name, received.content_type)?;
    let full_name = permit.subject().repository.full_name();
    let forge = Arc::clone(&app.forge);
    // Detached: a client that goes away must not leave a content without its row.
    let attached = app.work.spawn(async move {
        let _place = place;
        attachments::attach(&forge, permit, release, name, received).await
    });
    let file = attached.await.map_err(Error::internal)??;
    Ok((StatusCode::CREATED, Json(Viewer::new(&caller, &app.root_url).attachment(&file, &full_name, &tag))))
}

/// Forms, unlike JSON, can be sent by a foreign page with the password that a browser remembers; browsers say where a request comes from.
fn refuse_foreign_pages(caller: &Caller, headers: &HeaderMap) -> Result<()> {
    let site = headers.get("sec-fetch-site").map(|value| value.to_str().unwrap_or("cross-site"));
    let is_foreign = site.is_some_and(|site| !matches!(site, "same-origin" | "none"));
    if is_foreign && caller.credential() == Credential::Password {
        return Err(Error::forbidden("another site's page may not upload here"));
    }
    Ok(())
}

/// The stream on its way in: how fast it must come while others wait, and how long it may be.
struct Incoming {
    receiving: Receiving,
    pace: Pace,
    limit: u64,
}

async fn receive(app: &App, client: Client, wanted: &str, request: Request) -> Result<(FileName, Received)> {
    let (head, body) = request.into_parts();
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = text(header::CONTENT_TYPE);
    let limit = app.config.attachments.max_bytes;
    // A form is a little longer than its file.
    if text(header::CONTENT_LENGTH).parse::<u64>().is_ok_and(|length| length > limit.saturating_add(FORM_BYTES)) {
        return Err(too_large(limit));
    }
    let is_form = kind.trim_start().to_ascii_lowercase().starts_with("multipart/");
    let boundary = multipart::boundary(kind);
    let patience = Duration::from_secs(app.config.server.crowded_stall_timeout_seconds);
    let pace = Pace::new(app.intake.receive_crowd(client), patience);
    let receiving = app.forge.blobs.receive().await.map_err(storage_error)?;
    let incoming = Incoming { receiving, pace, limit };
    match boundary {
        Some(boundary) => {
            form(Multipart::new(body, &boundary, limit.saturating_add(FORM_BYTES)), wanted, incoming).await
        }
        None if is_form => Err(Error::new(Kind::Malformed, "the form names no boundary")),
        None => {
            if wanted.is_empty() {
                return Err(Error::new(Kind::Malformed, "Could not determine name of attachment."));
            }
            let name = FileName::new(wanted)?;
            Ok((name, whole(body, incoming).await?))
        }
    }
}

async fn whole(mut body: Body, mut incoming: Incoming) -> Result<Received> {
    while let Some(frame) = incoming.pace.wait(body.frame()).await? {
        let frame = frame
            .map_err(|error| Error::new(Kind::Malformed, "request body did not arrive whole").with_source(error))?;
        if let Ok(bytes) = frame.into_data() {
            incoming.add(bytes).await?;
        }
    }
    Ok(incoming.receiving.finish())
}

/// The file is the field `attachment`; a field `name` before it counts like the parameter.
async fn form(mut form: Multipart, wanted: &str, mut incoming: Incoming) -> Result<(FileName, Received)> {
    let mut wanted = wanted.to_owned();
    while let Some(head) = incoming.pace.wait(form.next_part()).await?? {
        if head.name == "attachment" {
            while let Some(bytes) = incoming.pace.wait(form.chunk()).await?? {
                incoming.add(bytes).await?;
            }
            let given = if wanted.is_empty() { head.file_name.unwrap_or_default() } else { wanted };
            return Ok((FileName::new(&given)?, incoming.receiving.finish()));
        }
        let mut value = Vec::new();
        while let Some(bytes) = incoming.pace.wait(form.chunk()).await?? {
            if value.len() + bytes.len() > MAX_FIELD_BYTES {
                return Err(Error::new(Kind::TooLarge, "a field of the form is too long"));
            }
            value.extend_from_slice(&bytes);
        }
        if head.name == "name" && wanted.is_empty() {
            wanted = String::from_utf8_lossy(&value).trim().to_owned();
        }
    }
    Err(Error::new(Kind::Malformed, "http: no such file"))
}

impl Incoming {
    async fn add(&mut self, bytes: Bytes) -> Result<()> {
        if self.receiving.size_bytes().saturating_add(bytes.len() as u64) > self.limit {
            return Err(too_large(self.limit));
        }
        self.pace.note(bytes.len());
        self.receiving.write(bytes).await.map_err(storage_error)
    }
}

fn too_large(limit: u64) -> Error {
    Error::new(Kind::TooLarge, format!("an attached file may have at most {limit} bytes"))
}
