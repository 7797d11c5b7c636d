//! A file brought for a release, as a form (`attachment`) or as the whole body (`?name=`).
//!
//! Owns the stream: it is hashed and written as it arrives, bounded by `attachments.max_bytes`, in a place among the open pushes. What it becomes is
//! `forge::attachments`'.

use std::sync::Arc;

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
use crate::access::{Caller, Client, Credential, RepoPath, action};
use crate::blobs::{Received, Receiving};
use crate::error::{Error, Kind, Result};
use crate::forge::attachments::{self, storage_error};
use crate::http::App;
use crate::http::extract::multipart::{self, Multipart};
use crate::model::FileName;

/// Longest ordinary field of a form that is read. Units: bytes.
const MAX_FIELD_BYTES: usize = 4096;

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
    let _place = app.intake.open_receive(Client::of(&caller)).await?;
    let (name, received) = receive(&app, params.text("name"), request).await?;
    attachments::check_type(&app.config.attachments.release_allowed_types, &name, received.content_type)?;
    let full_name = permit.subject().repository.full_name();
    let forge = Arc::clone(&app.forge);
    // Detached: a client that goes away must not leave a content without its row.
    let attached = app.work.spawn(async move { attachments::attach(&forge, permit, release, name, received).await });
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

async fn receive(app: &App, wanted: &str, request: Request) -> Result<(FileName, Received)> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = kind.trim_start().to_ascii_lowercase().starts_with("multipart/");
    let boundary = multipart::boundary(kind);
    let receiving = app.forge.blobs.receive().await.map_err(storage_error)?;
    let limit = app.config.attachments.max_bytes;
    match boundary {
        Some(boundary) => form(Multipart::new(request.into_body(), &boundary), wanted, receiving, limit).await,
        None if is_form => Err(Error::new(Kind::Malformed, "the form names no boundary")),
        None => {
            if wanted.is_empty() {
                return Err(Error::new(Kind::Malformed, "Could not determine name of attachment."));
            }
            let name = FileName::new(wanted)?;
            Ok((name, whole(request.into_body(), receiving, limit).await?))
        }
    }
}

async fn whole(mut body: Body, mut receiving: Receiving, limit: u64) -> Result<Received> {
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| Error::new(Kind::Malformed, "request body did not arrive whole").with_source(error))?;
        if let Ok(bytes) = frame.into_data() {
            add(&mut receiving, bytes, limit).await?;
        }
    }
    Ok(receiving.finish())
}

/// The file is the field `attachment`; a field `name` before it counts like the parameter.
async fn form(mut form: Multipart, wanted: &str, mut receiving: Receiving, limit: u64) -> Result<(FileName, Received)> {
    let mut wanted = wanted.to_owned();
    while let Some(head) = form.next_part().await? {
        if head.name == "attachment" {
            while let Some(bytes) = form.chunk().await? {
                add(&mut receiving, bytes, limit).await?;
            }
            let given = if wanted.is_empty() { head.file_name.unwrap_or_default() } else { wanted };
            return Ok((FileName::new(&given)?, receiving.finish()));
        }
        let mut value = Vec::new();
        while let Some(bytes) = form.chunk().await? {
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

async fn add(receiving: &mut Receiving, bytes: Bytes, limit: u64) -> Result<()> {
    if receiving.size_bytes().saturating_add(bytes.len() as u64) > limit {
        return Err(Error::new(Kind::TooLarge, format!("an attached file may have at most {limit} bytes")));
    }
    receiving.write(bytes).await.map_err(storage_error)
}
