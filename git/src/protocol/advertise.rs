//! The first answer of both services: capabilities and, before version 2, every ref.
//!
//! Owns the exact bytes of `info/refs`. Refuses to decide who may see what: hide refs by giving a [`View`] without them, and
//! from pushes with [`AdvertiseOptions::hidden_prefixes`]. Called by the transports; the result may be cached by
//! (view version, service, version).

use bytes::Bytes;

use super::{ProtocolVersion, Service};
use crate::{
    id::{HASH_KIND, ObjectId},
    pktline,
    view::View,
};

/// What the transport decides about an advertisement.
#[derive(Debug, Clone, Copy)]
pub struct AdvertiseOptions<'a> {
    /// True for HTTP, where each request stands alone; adds `no-done`.
    pub stateless: bool,
    /// Name and version told to clients, like `atomicqms/1.2.0`; printable, without spaces.
    pub agent: &'a str,
    /// True for HTTP: puts the `# service=` preamble in front where git expects it.
    pub preamble: bool,
    /// Refs below these prefixes are not shown to pushing clients; fetching clients see them.
    pub hidden_prefixes: &'a [&'a str],
    /// Whether clients are told that they may want refs by name; `want-ref` lines are understood in any case.
    pub ref_in_want: bool,
    /// True when bundles are offered: version 2 clients may then ask for the list.
    pub bundle_uri: bool,
    /// For [`Service::ReceivePack`]: the nonce that signed pushes are to carry; `None` offers no push certificates.
    pub push_cert_nonce: Option<&'a str>,
}

/// Builds the whole advertisement.
///
/// Shape: for [`Service::ReceivePack`] version 2 does not exist and is answered as version 0, as git does. Refs are sorted
/// by name; fetching clients get HEAD first, when it is born, and the peeled target after each annotated tag.
/// Source: gitprotocol-pack(5), gitprotocol-http(5), gitprotocol-v2(5).
pub fn advertise(view: &View, service: Service, version: ProtocolVersion, options: &AdvertiseOptions<'_>) -> Bytes {
    if (service, version) == (Service::UploadPack, ProtocolVersion::V2) {
        return advertise_v2(options);
    }
    let mut out = Vec::with_capacity(256 + view.refs.len().saturating_mul(80));
    if options.preamble {
        pktline::put_text(&mut out, &format!("# service={}", service.name()));
        pktline::put_flush(&mut out);
    }
    if version == ProtocolVersion::V1 {
        pktline::put_text(&mut out, "version 1");
    }
    match service {
        Service::UploadPack => put_fetch_refs(&mut out, view, options),
        Service::ReceivePack => put_push_refs(&mut out, view, options),
    }
    pktline::put_flush(&mut out);
    out.into()
}

/// Builds the advertisement of version 2 to fetching clients, which is the same for all repositories.
///
/// Shape: depends on `agent`, `ref_in_want` and `bundle_uri` alone, so that it may be kept for each of them.
/// Source: gitprotocol-v2(5).
pub fn advertise_v2(options: &AdvertiseOptions<'_>) -> Bytes {
    let mut out = Vec::with_capacity(256);
    put_v2_capabilities(&mut out, options);
    pktline::put_flush(&mut out);
    out.into()
}

fn put_v2_capabilities(out: &mut Vec<u8>, options: &AdvertiseOptions<'_>) {
    pktline::put_text(out, "version 2");
    pktline::put_text(out, &format!("agent={}", options.agent));
    pktline::put_text(out, "ls-refs=unborn");
    let by_name = if options.ref_in_want { " ref-in-want" } else { "" };
    pktline::put_text(out, &format!("fetch=shallow wait-for-done filter{by_name} sideband-all"));
    pktline::put_text(out, "server-option");
    pktline::put_text(out, &format!("object-format={HASH_KIND}"));
    pktline::put_text(out, "object-info");
    if options.bundle_uri {
        pktline::put_text(out, "bundle-uri");
    }
}

fn put_fetch_refs(out: &mut Vec<u8>, view: &View, options: &AdvertiseOptions<'_>) {
    let head = view.refs.get(view.head.as_str());
    let mut caps = String::from(
        "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative \
         no-progress include-tag multi_ack_detailed allow-tip-sha1-in-want allow-reachable-sha1-in-want",
    );
    if options.stateless {
        caps.push_str(" no-done");
    }
    if head.is_some() {
        caps.push_str(&format!(" symref=HEAD:{}", view.head.as_str()));
    }
    caps.push_str(&format!(" filter object-format={HASH_KIND} agent={}", options.agent));

    let mut lines = RefLines { out, caps: Some(caps) };
    if let Some(head) = head {
        lines.put(head.target, "HEAD", "");
        if let Some(peeled) = head.peeled {
            lines.put(peeled, "HEAD", "^{}");
        }
    }
    for item in view.refs.iter() {
        lines.put(item.target, item.name.as_str(), "");
        if let Some(peeled) = item.peeled {
            lines.put(peeled, item.name.as_str(), "^{}");
        }
    }
    lines.finish();
}

fn put_push_refs(out: &mut Vec<u8>, view: &View, options: &AdvertiseOptions<'_>) {
    let mut caps =
        String::from("report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options");
    if let Some(nonce) = options.push_cert_nonce {
        caps.push_str(&format!(" push-cert={nonce}"));
    }
    caps.push_str(&format!(" object-format={HASH_KIND} agent={}", options.agent));
    let mut lines = RefLines { out, caps: Some(caps) };
    for item in view.refs.iter() {
        let name = item.name.as_str();
        if !options.hidden_prefixes.iter().any(|prefix| name.starts_with(prefix)) {
            lines.put(item.target, name, "");
        }
    }
    lines.finish();
}

/// Ref lines of version 0; the first one carries the capabilities behind a NUL.
struct RefLines<'a> {
    out: &'a mut Vec<u8>,
    caps: Option<String>,
}

impl RefLines<'_> {
    fn put(&mut self, id: ObjectId, name: &str, suffix: &str) {
        match self.caps.take() {
            Some(caps) => pktline::put_text(self.out, &format!("{id} {name}{suffix}\0{caps}")),
            None => pktline::put_text(self.out, &format!("{id} {name}{suffix}")),
        }
    }

    /// An empty list still has to carry the capabilities.
    fn finish(mut self) {
        if self.caps.is_some() {
            self.put(ObjectId::null(HASH_KIND), "capabilities^{}", "");
        }
    }
}

#[cfg(test)]
mod tests;
