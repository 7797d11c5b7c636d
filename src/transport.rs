//! What the git transports, HTTP and SSH, have in common: the bridge between blocking engine and async connection, the way of a pack
//! into the quarantine, advertisements, reports and accounts.
//!
//! Owns no wire format (that is `atomicqms_git`), no rights (`access`) and no policy (`forge`). Called by `http/git` and `ssh`.

pub mod answer;
pub mod receive;
pub mod spool;
pub mod upload;

use std::sync::Arc;

use atomicqms_git::View;
use atomicqms_git::protocol::{AdvertiseOptions, ProtocolVersion, Service, advertise};
use bytes::Bytes;

use crate::error::{Error, Result};
use crate::forge::pushes::HIDDEN_FROM_PUSH;

/// What this server calls itself to git clients.
const AGENT: &str = concat!("atomicqms/", env!("CARGO_PKG_VERSION"));
/// References above which the advertisement is built off the async runtime.
const INLINE_REFS: usize = 500;

/// How a client talks to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Each request stands alone (HTTP).
    Stateless,
    /// One conversation (SSH).
    Open,
}

/// Builds what a service offers.
///
/// Errors: `Internal`.
pub async fn advertisement(
    view: Arc<View>,
    service: Service,
    version: ProtocolVersion,
    stream: Stream,
    push_cert_nonce: Option<String>,
) -> Result<Bytes> {
    let is_stateless = stream == Stream::Stateless;
    let make = move |view: &View| {
        let options = AdvertiseOptions {
            stateless: is_stateless,
            agent: AGENT,
            preamble: is_stateless,
            hidden_prefixes: HIDDEN_FROM_PUSH,
            bundle_uri: false,
            push_cert_nonce: push_cert_nonce.as_deref(),
        };
        advertise(view, service, version, &options)
    };
    if view.refs.len() <= INLINE_REFS || (service, version) == (Service::UploadPack, ProtocolVersion::V2) {
        return Ok(make(&view));
    }
    tokio::task::spawn_blocking(move || make(&view)).await.map_err(Error::internal)
}
