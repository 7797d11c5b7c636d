//! The `bundle-uri` command of protocol version 2: where to get most of a clone before asking for the rest.
//!
//! Owns the words of the list. Which bundles there are, where they lie and who may have them is the caller's. Called by
//! `upload::respond_with`.
//! Source: gitprotocol-v2(5), "bundle-uri"; git's Documentation/technical/bundle-uri.

use crate::pktline;

/// One bundle that clients may download instead of asking for its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleOffer {
    /// Names the bundle in the list: letters, digits and `-`; others are left out.
    pub id: String,
    /// Where it is: a URL, or a path that the client resolves against the address of the repository.
    pub uri: String,
    /// Grows with each newer bundle; clients that know the heuristic download only what is newer than what they have.
    pub creation_token: u64,
}

/// Builds the answer. The client needs all bundles of the list together.
pub(super) fn list(bundles: &[BundleOffer]) -> Vec<u8> {
    let mut out = Vec::new();
    if !bundles.is_empty() {
        put(&mut out, "bundle.version", "1");
        put(&mut out, "bundle.mode", "all");
        put(&mut out, "bundle.heuristic", "creationToken");
    }
    for bundle in bundles {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if bundle.id.is_empty() || !bundle.id.bytes().all(is_name) {
            continue;
        }
        put(&mut out, &format!("bundle.{}.uri", bundle.id), &bundle.uri);
        put(&mut out, &format!("bundle.{}.creationToken", bundle.id), &bundle.creation_token.to_string());
    }
    pktline::put_flush(&mut out);
    out
}

fn put(out: &mut Vec<u8>, key: &str, value: &str) {
    pktline::put_data(out, format!("{key}={value}").as_bytes());
}
