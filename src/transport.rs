//! What the git transports, HTTP and SSH, have in common: the bridge between blocking engine and async connection, the way of a pack
//! into the quarantine, advertisements, reports and accounts.
//!
//! Owns no wire format (that is `atomicqms_git`), no rights (`access`) and no policy (`forge`). Called by `http/git` and `ssh`.

pub mod answer;
pub mod answers;
pub mod bundles;
pub mod fetch;
pub mod pace;
pub mod receive;
pub mod spool;
pub mod upload;

use std::sync::Arc;
use std::time::Duration;

use atomicqms_git::View;
use atomicqms_git::protocol::{AdvertiseOptions, ProtocolVersion, Service, advertise};
use bytes::Bytes;
use moka::sync::Cache;

use crate::error::{Error, Result};
use crate::forge::pushes::HIDDEN_FROM_PUSH;

/// What this server calls itself to git clients.
const AGENT: &str = concat!("atomicqms/", env!("CARGO_PKG_VERSION"));
/// References above which the advertisement is built off the async runtime.
const INLINE_REFS: usize = 500;
/// Advertisements remembered, all together.
const CACHE_BYTES: u64 = 64 << 20;
/// After this time without a request one is forgotten, and with it the view it was made of.
const CACHE_IDLE: Duration = Duration::from_secs(30);

/// How a client talks to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Each request stands alone (HTTP).
    Stateless,
    /// One conversation (SSH).
    Open,
}

/// What was offered lately of repositories with many refs: megabytes that all who ask at once share.
#[derive(Clone)]
pub struct Advertisements(Cache<Key, (Arc<View>, Bytes)>);

/// The view by its address, which cannot be another one's as long as the entry keeps it.
type Key = (usize, ProtocolVersion, Stream);

impl Default for Advertisements {
    fn default() -> Self {
        let weigh = |_: &Key, (_, bytes): &(Arc<View>, Bytes)| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).time_to_idle(CACHE_IDLE).build())
    }
}

/// What is to be offered.
#[derive(Debug)]
pub struct Offer {
    /// Fetch or push.
    pub service: Service,
    /// What the client speaks.
    pub version: ProtocolVersion,
    /// How it talks.
    pub stream: Stream,
    /// For pushes that are to be signed.
    pub push_cert_nonce: Option<String>,
    /// Whether refs may be wanted by name.
    pub offers_refs_by_name: bool,
    /// Whether there are bundles that the client can get by HTTP.
    pub has_bundles: bool,
}

/// Builds what a service offers, or takes it from those built lately.
///
/// Errors: `Internal`.
pub async fn advertisement(known: &Advertisements, view: Arc<View>, offer: Offer) -> Result<Bytes> {
    let Offer { service, version, stream, push_cert_nonce, offers_refs_by_name, has_bundles } = offer;
    let is_stateless = stream == Stream::Stateless;
    let make = move |view: &View| {
        let options = AdvertiseOptions {
            stateless: is_stateless,
            agent: AGENT,
            preamble: is_stateless,
            hidden_prefixes: HIDDEN_FROM_PUSH,
            ref_in_want: offers_refs_by_name,
            bundle_uri: has_bundles,
            push_cert_nonce: push_cert_nonce.as_deref(),
        };
        advertise(view, service, version, &options)
    };
    if view.refs.len() <= INLINE_REFS || (service, version) == (Service::UploadPack, ProtocolVersion::V2) {
        return Ok(make(&view));
    }
    let known = known.clone();
    let work = move || match service {
        // Every push is offered a nonce of its own.
        Service::ReceivePack => make(&view),
        Service::UploadPack => {
            let key = (Arc::as_ptr(&view).addr(), version, stream);
            known.0.get_with(key, || (Arc::clone(&view), make(&view))).1
        }
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}
