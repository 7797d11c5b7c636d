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
pub mod stream;
pub mod upload;

use std::ops::Range;
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
pub struct Advertisements(Cache<Key, Made>);

/// The view by its address, which cannot be another one's as long as the entry keeps it; what is offered, and whether with a nonce.
type Key = (usize, Service, ProtocolVersion, Stream, bool);

/// An advertisement, and the view it was made of.
#[derive(Clone)]
struct Made {
    _view: Arc<View>,
    bytes: Bytes,
    /// Where its nonce stands, if it has one.
    nonce_at: Option<Range<usize>>,
}

impl Default for Advertisements {
    fn default() -> Self {
        let weigh = |_: &Key, made: &Made| u32::try_from(made.bytes.len()).unwrap_or(u32::MAX);
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
    let make = move |view: &View, nonce: Option<&str>| {
        advertise(view, service, version, &options(stream, offers_refs_by_name, has_bundles, nonce))
    };
    if view.refs.len() <= INLINE_REFS {
        return Ok(make(&view, push_cert_nonce.as_deref()));
    }
    let known = known.clone();
    let work = move || {
        let nonce = push_cert_nonce.as_deref();
        let key = (Arc::as_ptr(&view).addr(), service, version, stream, nonce.is_some());
        let made = known.0.get_with(key, || {
            let bytes = make(&view, nonce);
            let nonce_at = nonce.and_then(|nonce| find_nonce(&bytes, nonce));
            Made { _view: Arc::clone(&view), bytes, nonce_at }
        });
        match nonce {
            None => made.bytes,
            // Every push is offered a nonce of its own.
            Some(nonce) => with_nonce(&made, nonce).unwrap_or_else(|| make(&view, Some(nonce))),
        }
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// Finds a nonce among the capabilities, which follow the first NUL.
fn find_nonce(advertisement: &[u8], nonce: &str) -> Option<Range<usize>> {
    let capabilities = advertisement.iter().position(|byte| *byte == 0)?;
    let rest = advertisement.get(capabilities..)?;
    let at = capabilities + rest.windows(nonce.len()).position(|window| window == nonce.as_bytes())?;
    Some(at..at + nonce.len())
}

/// The advertisement with another nonce; `None` if that has another length, which the lines around it would have to know.
fn with_nonce(made: &Made, nonce: &str) -> Option<Bytes> {
    let place = made.nonce_at.clone().filter(|place| place.len() == nonce.len())?;
    let mut bytes = made.bytes.to_vec();
    bytes.get_mut(place)?.copy_from_slice(nonce.as_bytes());
    Some(bytes.into())
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

    #[tokio::test]
    async fn each_push_is_offered_its_own_nonce_and_the_same_refs() {
        let refs = (0..INLINE_REFS + 1).map(|n| atomicqms_git::Ref {
            name: atomicqms_git::RefName::new(&format!("refs/heads/b{n}")).unwrap(),
            target: atomicqms_git::ObjectId::from_hex(b"1111111111111111111111111111111111111111").unwrap(),
            peeled: None,
        });
        let refs = atomicqms_git::RefTable::from_refs(refs.collect());
        let head = atomicqms_git::RefName::new("refs/heads/b0").unwrap();
        let view = Arc::new(View { refs, head, odb: Arc::default(), version: 0 });
        let known = Advertisements::default();
        let (service, version, stream) = (Service::ReceivePack, ProtocolVersion::V0, Stream::Stateless);
        for nonce in [Some("1-aa"), Some("1-aa"), Some("2-bb"), None, Some("10-cc"), Some("3-dd")] {
            let offer = Offer {
                service,
                version,
                stream,
                push_cert_nonce: nonce.map(str::to_owned),
                offers_refs_by_name: false,
                has_bundles: false,
            };
            let given = advertisement(&known, Arc::clone(&view), offer).await.unwrap();
            assert_eq!(given, advertise(&view, service, version, &options(stream, false, false, nonce)), "{nonce:?}");
        }
    }
}
