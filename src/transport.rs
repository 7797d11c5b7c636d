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

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use atomicqms_git::View;
use atomicqms_git::protocol::{AdvertiseOptions, ProtocolVersion, Service, advertise, advertise_v2};
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
    if (service, version) == (Service::UploadPack, ProtocolVersion::V2) {
        return Ok(constant_offer(offers_refs_by_name, has_bundles));
    }
    let make = move |view: &View| {
        let options = options(stream, offers_refs_by_name, has_bundles, push_cert_nonce.as_deref());
        advertise(view, service, version, &options)
    };
    if view.refs.len() <= INLINE_REFS {
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

fn options(
    stream: Stream,
    offers_refs_by_name: bool,
    has_bundles: bool,
    push_cert_nonce: Option<&str>,
) -> AdvertiseOptions<'_> {
    let is_stateless = stream == Stream::Stateless;
    AdvertiseOptions {
        stateless: is_stateless,
        agent: AGENT,
        preamble: is_stateless,
        hidden_prefixes: HIDDEN_FROM_PUSH,
        ref_in_want: offers_refs_by_name,
        bundle_uri: has_bundles,
        push_cert_nonce,
    }
}

/// What version 2 offers before a client has named anything: four texts for the whole process, shared by all answers.
fn constant_offer(offers_refs_by_name: bool, has_bundles: bool) -> Bytes {
    static OFFERS: [OnceLock<Bytes>; 4] = [const { OnceLock::new() }; 4];
    let [neither, by_name, bundles, both] = &OFFERS;
    let offer = match (offers_refs_by_name, has_bundles) {
        (false, false) => neither,
        (true, false) => by_name,
        (false, true) => bundles,
        (true, true) => both,
    };
    let make = || advertise_v2(&options(Stream::Stateless, offers_refs_by_name, has_bundles, None));
    offer.get_or_init(make).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for every offer twice, so that a mixed-up or spoiled one shows against what the engine makes anew.
    #[tokio::test]
    async fn the_offer_of_version_2_is_what_the_engine_makes_for_these_settings() {
        let head = atomicqms_git::RefName::new("refs/heads/main").unwrap();
        let view = Arc::new(View { refs: Default::default(), head, odb: Arc::default(), version: 0 });
        let (service, version, known) = (Service::UploadPack, ProtocolVersion::V2, Advertisements::default());
        for _ in 0..2 {
            for stream in [Stream::Stateless, Stream::Open] {
                for (offers_refs_by_name, has_bundles) in [(false, false), (true, false), (false, true), (true, true)] {
                    let offer =
                        Offer { service, version, stream, push_cert_nonce: None, offers_refs_by_name, has_bundles };
                    let given = advertisement(&known, Arc::clone(&view), offer).await.unwrap();
                    let made =
                        advertise(&view, service, version, &options(stream, offers_refs_by_name, has_bundles, None));
                    assert_eq!(given, made, "{stream:?} by name: {offers_refs_by_name} bundles: {has_bundles}");
                }
            }
        }
    }
}
