//! `GET info/refs`: what a service offers, and the refusal of the dumb protocol.

use std::sync::Arc;

use atomicqms_git::protocol::Service;
use atomicqms_git::{RefName, RefTable, View};
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;

use super::{NO_CACHE, protocol_version};
use crate::access::action::{CloneRepository, PushRepository};
use crate::access::{Caller, Client, RepoPath};
use crate::error::{Error, Result};
use crate::forge::pushes;
use crate::http::App;
use crate::http::held::HeldBody;
use crate::telemetry::kept::KeptCounter;
use crate::transport::{Offer, Stream, advertisement};

/// Query of `info/refs`.
#[derive(Debug, Deserialize)]
pub(super) struct InfoRefsQuery {
    service: Option<String>,
}

/// Answers the advertisement of one service.
pub(super) async fn info_refs(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    Query(query): Query<InfoRefsQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let service = match query.service.as_deref() {
        None => return dumb(State(app), caller, path).await,
        Some(name) => Service::from_name(name),
    };
    let repository = match service {
        Some(Service::ReceivePack) => match app.forge.authorize_fast(&caller, PushRepository, &path).await {
            Ok(permit) => permit.into_subject().repository,
            Err(error) => {
                pushes::may_create(&app.forge, &caller, &path, error).await?;
                // It is made when something is pushed; until then it looks like any empty repository.
                let head = format!("refs/heads/{}", app.forge.settings.default_branch);
                let head = RefName::new(&head).map_err(Error::internal)?;
                let view = View { refs: RefTable::default(), head, odb: Arc::default(), version: 0 };
                let version = protocol_version(&headers);
                let offer = Offer {
                    service: Service::ReceivePack,
                    version,
                    stream: Stream::Stateless,
                    push_cert_nonce: None,
                    offers_refs_by_name: app.config.git.advertise_ref_in_want,
                    has_bundles: false,
                };
                let body = advertisement(&app.advertisements, Arc::new(view), offer).await?;
                return Ok(answer(Service::ReceivePack, body));
            }
        },
        // An unknown service is refused only to those who may know the repository.
        Some(Service::UploadPack) | None => {
            app.forge.authorize_fast(&caller, CloneRepository, &path).await?.into_subject().repository
        }
    };
    let service = service.ok_or_else(|| Error::forbidden("unsupported service"))?;
    let handle = app.forge.open(&repository).await?;
    // An offer to push is made for each who asks: while it is sent it takes a place.
    let place = match service {
        Service::ReceivePack => Some(app.intake.listing(Client::of(&caller)).await?),
        Service::UploadPack => None,
    };
    let offer = Offer {
        service,
        version: protocol_version(&headers),
        stream: Stream::Stateless,
        push_cert_nonce: (service == Service::ReceivePack)
            .then(|| app.intake.nonces().make(repository.id, app.forge.clock.now())),
        offers_refs_by_name: app.config.git.advertise_ref_in_want,
        has_bundles: !handle.git().bundles().is_empty(),
    };
    let body = advertisement(&app.advertisements, handle.view(), offer).await?;
    let answer = answer(service, body);
    Ok(match place {
        Some(place) => answer.map(|body| Body::new(HeldBody { inner: body, _place: place })),
        None => answer,
    })
}

fn answer(service: Service, body: Bytes) -> Response {
    let content_type = match service {
        Service::UploadPack => "application/x-git-upload-pack-advertisement",
        Service::ReceivePack => "application/x-git-receive-pack-advertisement",
    };
    static BYTES: KeptCounter =
        KeptCounter::new(|| metrics::counter!("atomicqms_git_bytes_total", "direction" => "out"));
    static DONE: KeptCounter = KeptCounter::new(
        || metrics::counter!("atomicqms_git_operations_total", "service" => "info-refs", "outcome" => "ok"),
    );
    BYTES.increment(body.len() as u64);
    DONE.increment(1);
    (NO_CACHE, [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))], Body::from(body)).into_response()
}

/// Refuses the dumb protocol, to those who may read the repository; to others it does not exist.
pub(super) async fn dumb(State(app): State<App>, caller: Caller, path: RepoPath) -> Result<Response> {
    app.forge.authorize_fast(&caller, CloneRepository, &path).await?;
    Err(Error::forbidden("the dumb HTTP protocol is not supported; use git 1.6.6 or newer"))
}
