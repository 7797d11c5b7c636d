//! Serving clone, fetch and ls-remote: one complete request in, one streamed answer out.
//!
//! Owns the upload side of protocol versions 0, 1 and 2: parsing, negotiation, choosing what to send, and the pack. Refuses
//! authorization (give a [`View`] of what the caller may see), HTTP and SSH. Called by the transports on a blocking thread.

mod bundle_list;
mod enumerate;
mod filter;
mod locate;
mod ls_refs;
mod negotiate;
mod object_info;
mod pack;
mod parse_v0;
mod parse_v2;
mod question;
mod request;
mod rounds;
mod session;
mod shallow;
mod ticker;
mod wants;

use std::{
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    error::{Error, Result},
    id::ObjectId,
    limits::Limits,
    pktline::{self, Band, BandMode, BandWriter, Packet, Packets},
    protocol::ProtocolVersion,
    view::View,
    walk::Graph,
};
pub use bundle_list::BundleOffer;
use negotiate::Verdict;
use parse_v2::Command;
use request::FetchRequest;
use ticker::Ticker;

pub use question::{Question, question};
pub use session::UploadSession;

/// What one answer contained, for logs and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadStats {
    /// Whether refs were listed, negotiation went on, or a pack was sent.
    pub outcome: UploadOutcome,
    /// Objects in the pack.
    pub objects: u64,
    /// Of those, stored entries that were copied without inflating.
    pub reused: u64,
    /// Bytes of the pack, without framing.
    pub pack_bytes: u64,
    /// Whether bitmaps told most of what to send.
    pub by_bitmaps: bool,
    /// Bytes of the whole answer.
    pub bytes: u64,
    /// Values of `git fetch -o`, for the log; they change nothing. At most 100 of at most 1024 bytes, undecodable bytes replaced.
    pub server_options: Vec<String>,
}

/// What the caller adds to an answer besides the repository itself.
#[derive(Clone, Copy, Default)]
pub struct UploadOptions<'a> {
    /// Called for clients that ask with `bundle-uri`; the list may be empty. `None`: the command is unknown here.
    pub bundles: Option<&'a dyn Fn() -> Vec<BundleOffer>>,
}

/// The kinds of answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UploadOutcome {
    /// Nothing was asked for, so nothing or next to nothing was answered.
    #[default]
    Nothing,
    /// Refs or bundles were listed, or sizes told.
    Refs,
    /// Acknowledgments or shallow commits were sent; the client will ask again.
    Negotiated,
    /// A pack was sent.
    Pack,
}

/// Answers one upload-pack request.
///
/// Shape: `request` is the complete, decompressed body of a stateless request (HTTP), or one message of a session. The answer goes
/// to `out` in pieces of at most 64 KiB; a pack is never held in memory.
/// Errors: all are told to the client in the form it understands (an `ERR` packet, or band 3 once a pack is under way), so the
/// transport must write nothing more; the value is for the log, and [`Error::is_peer_fault`] tells whose fault it was. A client
/// without side-band can only be told by a stream that breaks off, so after an error the transport must not pretend that the
/// answer ended well (over HTTP: abort the chunked body). `Interrupted` once `interrupt` is set, `PeerGone` when `out` fails.
/// Source: gitprotocol-pack(5), gitprotocol-v2(5); the behaviour is that of git's upload-pack.c.
pub fn respond(
    view: &View,
    version: ProtocolVersion,
    request: &[u8],
    limits: &Limits,
    out: &mut dyn Write,
    interrupt: &AtomicBool,
) -> Result<UploadStats> {
    respond_with(view, version, request, limits, UploadOptions::default(), out, interrupt)
}

/// Those of `ids` that no ref of the view reaches, or that do not exist: whoever has this view must not be shown them.
///
/// Units: costs what asking for them in a fetch costs, and has the same limits.
/// Errors: `Interrupted`, and those of the object store.
pub fn hidden(view: &View, ids: &[ObjectId], interrupt: &AtomicBool) -> Result<Vec<ObjectId>> {
    let limits = Limits::default();
    let context = Context { view, limits: &limits, interrupt, options: UploadOptions::default() };
    Ok(wants::unreachable(&context, ids)?.into_iter().collect())
}

/// The same as [`respond`], with what the caller offers besides.
pub fn respond_with(
    view: &View,
    version: ProtocolVersion,
    request: &[u8],
    limits: &Limits,
    options: UploadOptions<'_>,
    out: &mut dyn Write,
    interrupt: &AtomicBool,
) -> Result<UploadStats> {
    let mut counted = Counted { out, bytes: 0 };
    let context = Context { view, limits, interrupt, options };
    let result = match context.check_size(request).and_then(|()| view.odb.check_readable()) {
        Err(error) => Err(refuse(&mut counted, error)),
        Ok(()) if version == ProtocolVersion::V2 => context.respond_v2(request, &mut counted),
        Ok(()) => context.respond_v0(request, &mut counted),
    };
    result.map(|stats| UploadStats { bytes: counted.bytes, ..stats })
}

/// A pack that no client asked for in a protocol of its own.
pub(crate) struct PlainPack<'a> {
    /// What the refs point at; nothing is checked.
    pub(crate) wants: Vec<crate::ObjectId>,
    /// Commits that exist, whose history is left out and may serve as bases of deltas.
    pub(crate) haves: Vec<crate::ObjectId>,
    pub(crate) filter: Option<&'a str>,
}

/// Writes a pack without any framing.
///
/// Errors: `BadRequest` for a bad filter, otherwise as [`respond`] once a pack is under way.
pub(crate) fn write_plain_pack(
    view: &View,
    pack: PlainPack<'_>,
    limits: &Limits,
    out: &mut dyn Write,
    interrupt: &AtomicBool,
) -> Result<UploadStats> {
    let context = Context { view, limits, interrupt, options: UploadOptions::default() };
    let filter = pack.filter.map(filter::Filter::parse).transpose()?;
    let fetch = FetchRequest {
        wants: pack.wants,
        thin_pack: !pack.haves.is_empty(),
        ofs_delta: true,
        no_progress: true,
        filter,
        ..FetchRequest::default()
    };
    let job = Job { common: pack.haves, shallow: shallow::ShallowPlan::default() };
    let mut graph = Graph::new(&view.odb, interrupt);
    let mut bands = BandWriter::new(out, BandMode::None);
    let stats = context.send_pack(&fetch, &mut graph, &job, &mut bands)?;
    bands.finish().map_err(Error::PeerGone)?;
    Ok(stats)
}

/// Writes a pack of what some commits reach and others do not, for a repository that has the latter.
///
/// Shape: `wants` and `haves` exist in the view; whether anybody may see them is not asked. The pack is thin: deltas may build on what the haves reach.
/// Errors: as [`respond`] once a pack is under way; `PeerGone` when `out` fails.
pub fn write_difference(
    view: &View,
    wants: Vec<crate::ObjectId>,
    haves: Vec<crate::ObjectId>,
    out: &mut dyn Write,
    interrupt: &AtomicBool,
) -> Result<UploadStats> {
    write_plain_pack(view, PlainPack { wants, haves, filter: None }, &Limits::default(), out, interrupt)
}

/// What every step of an answer needs.
#[derive(Clone, Copy)]
struct Context<'a> {
    view: &'a View,
    limits: &'a Limits,
    interrupt: &'a AtomicBool,
    options: UploadOptions<'a>,
}

impl Context<'_> {
    fn check_size(&self, request: &[u8]) -> Result<()> {
        match request.len() as u64 > self.limits.max_request_bytes {
            true => Err(Error::TooLarge { what: "size of the request", limit: self.limits.max_request_bytes }),
            false => Ok(()),
        }
    }

    fn respond_v2(&self, request: &[u8], out: &mut Counted<'_>) -> Result<UploadStats> {
        let request = match parse_v2::parse(request, self.limits) {
            Err(error) => return Err(refuse(out, error)),
            Ok(request) => request,
        };
        let listed = match request.command {
            Command::Nothing => return Ok(UploadStats::default()),
            Command::LsRefs(query) => {
                ls_refs::write(self.view, &query, out)?;
                Ok(Vec::new())
            }
            Command::ObjectInfo(query) => object_info::answer(self, &query),
            Command::BundleUri => match self.options.bundles {
                Some(list) => Ok(bundle_list::list(&list())),
                None => Err(Error::BadRequest { what: "invalid command 'bundle-uri'".into() }),
            },
            Command::Fetch(mut fetch) => {
                let stats = self.fetch(&mut fetch, out, true)?;
                return Ok(UploadStats { server_options: request.server_options, ..stats });
            }
        };
        match listed {
            Err(error) => Err(refuse(out, error)),
            Ok(answer) => {
                out.write_all(&answer).map_err(Error::PeerGone)?;
                let server_options = request.server_options;
                Ok(UploadStats { outcome: UploadOutcome::Refs, server_options, ..UploadStats::default() })
            }
        }
    }

    fn respond_v0(&self, request: &[u8], out: &mut Counted<'_>) -> Result<UploadStats> {
        match parse_v0::parse(request, self.limits) {
            Err(error) => Err(refuse(out, error)),
            // A client that has everything closes, over HTTP by sending a lone flush or nothing.
            Ok(None) => Ok(UploadStats::default()),
            Ok(Some(mut fetch)) => self.fetch(&mut fetch, out, false),
        }
    }

    fn fetch(&self, fetch: &mut FetchRequest, out: &mut Counted<'_>, is_v2: bool) -> Result<UploadStats> {
        let resolved = fetch.resolve_refs(self.view);
        let fetch = &*fetch;
        let prepared = match resolved.and_then(|()| self.prepare(fetch, is_v2)) {
            Ok(prepared) => prepared,
            Err(error) if fetch.sideband_all => return Err(refuse_in_band(out, error)),
            Err(error) => return Err(refuse(out, error)),
        };
        self.deliver(fetch, prepared, out)
    }

    /// Sends what was prepared: the words before the pack, and the pack if its time has come.
    fn deliver(&self, fetch: &FetchRequest, prepared: Prepared<'_>, out: &mut Counted<'_>) -> Result<UploadStats> {
        let head = if fetch.sideband_all { in_band(&prepared.head)? } else { prepared.head };
        out.write_all(&head).map_err(Error::PeerGone)?;
        let Some((mut graph, job)) = prepared.pack else {
            out.flush().map_err(Error::PeerGone)?;
            let outcome = if head.is_empty() { UploadOutcome::Nothing } else { UploadOutcome::Negotiated };
            return Ok(UploadStats { outcome, ..UploadStats::default() });
        };
        let mut bands = BandWriter::new(out, fetch.band);
        match self.send_pack(fetch, &mut graph, &job, &mut bands) {
            Ok(stats) => {
                bands.finish().map_err(Error::PeerGone)?;
                Ok(stats)
            }
            Err(error) => {
                if !matches!(error, Error::PeerGone(_)) && fetch.band != BandMode::None {
                    // The first error is the one to report; a second one here means the client is gone as well.
                    let told = bands.error(&format!("upload-pack: {}\n", public_text(&error)));
                    let _ = told.and_then(|()| bands.finish());
                }
                Err(error)
            }
        }
    }

    /// Does everything that can be refused with a plain message, before any byte is sent.
    fn prepare(&self, fetch: &FetchRequest, is_v2: bool) -> Result<Prepared<'_>> {
        let mut head = Vec::new();
        wants::check(self, &fetch.wants)?;
        let mut graph = Graph::new(&self.view.odb, self.interrupt);
        let mut shallow = shallow::ShallowPlan::default();
        if !is_v2 {
            shallow = shallow::plan(self, fetch)?;
            // The boundary was told before the haves, so they are heard with it in mind.
            if !shallow.cut.is_empty() {
                graph = Graph::with_cut(&self.view.odb, self.interrupt, shallow.cut.clone());
            }
            shallow.put_lines(&mut head, fetch, false);
            // The client reads the boundary and comes back with haves; a NAK would stand in the way of its next answer.
            if fetch.ends_with_wants && fetch.deepen.is_asked() {
                return Ok(Prepared { head, pack: None });
            }
        }
        let verdict = match is_v2 {
            true => negotiate::v2(&mut graph, fetch, &mut head)?,
            false => negotiate::v0(&mut graph, fetch, &shallow.extra_wants, &mut head)?,
        };
        let Verdict::SendPack { common } = verdict else { return Ok(Prepared { head, pack: None }) };
        if is_v2 {
            // Only now, as in git: while negotiation goes on nobody asks where history ends.
            shallow = shallow::plan(self, fetch)?;
            // In the order of gitprotocol-v2(5), which clients insist on; git's own server has the two the other way round.
            shallow.put_lines(&mut head, fetch, true);
            put_wanted_refs(&mut head, fetch);
            pktline::put_text(&mut head, "packfile");
        }
        // Version 2 negotiates before it speaks of the boundary, and so past it; the pack ends there.
        if is_v2 && !shallow.cut.is_empty() {
            graph = Graph::with_cut(&self.view.odb, self.interrupt, shallow.cut.clone());
        }
        let job = Job { common, shallow };
        Ok(Prepared { head, pack: Some((graph, job)) })
    }

    fn send_pack(
        &self,
        fetch: &FetchRequest,
        graph: &mut Graph<'_>,
        job: &Job,
        bands: &mut BandWriter<'_>,
    ) -> Result<UploadStats> {
        let mut ticker = Ticker::new(bands, self.interrupt, fetch.no_progress);
        let selection = enumerate::enumerate(self, fetch, graph, job, &mut ticker)?;
        ticker.finish_counting(selection.objects.len())?;
        let by_bitmaps = selection.packed.is_some();
        let stats = pack::write(&self.view.odb, fetch, &selection, &mut ticker)?;
        Ok(UploadStats { by_bitmaps, ..stats })
    }
}

/// A request that was understood and allowed.
struct Prepared<'a> {
    /// Everything before the pack.
    head: Vec<u8>,
    pack: Option<(Graph<'a>, Job)>,
}

/// What the pack is computed from, besides the request.
struct Job {
    /// Objects both sides have.
    common: Vec<crate::ObjectId>,
    shallow: shallow::ShallowPlan,
}

/// Tells what the refs that were wanted by name are at.
fn put_wanted_refs(head: &mut Vec<u8>, fetch: &FetchRequest) {
    if fetch.want_refs.is_empty() {
        return;
    }
    pktline::put_text(head, "wanted-refs");
    for item in &fetch.want_refs {
        if let Some(target) = item.target {
            pktline::put_text(head, &format!("{target} {}", item.name));
        }
    }
    pktline::put_delim(head);
}

/// Puts every line of an answer's head on band 1; special packets have no band.
fn in_band(head: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(head.len().saturating_add(head.len() / 16));
    for packet in Packets::new(head) {
        match packet? {
            Packet::Data(line) => {
                let mut banded = Vec::with_capacity(line.len().saturating_add(1));
                banded.push(Band::Data as u8);
                banded.extend_from_slice(line);
                pktline::put_data(&mut out, &banded);
            }
            Packet::Delim => pktline::put_delim(&mut out),
            Packet::Flush | Packet::ResponseEnd => pktline::put_flush(&mut out),
        }
    }
    Ok(out)
}

/// The same as [`refuse`] for a client that reads bands from the first packet on.
fn refuse_in_band(out: &mut Counted<'_>, error: Error) -> Error {
    let mut bands = BandWriter::new(out, BandMode::Large);
    match bands.error(&format!("upload-pack: {}\n", public_text(&error))) {
        Ok(()) => error,
        Err(source) => Error::PeerGone(source),
    }
}

/// Tells the client why there is no answer, and passes the reason on.
fn refuse(out: &mut Counted<'_>, error: Error) -> Error {
    let mut line = Vec::new();
    pktline::put_error(&mut line, &format!("upload-pack: {}", public_text(&error)));
    match out.write_all(&line).and_then(|()| out.flush()) {
        Ok(()) => error,
        Err(source) => Error::PeerGone(source),
    }
}

/// What a client may read about an error: all about its own mistakes, nothing about our disks.
fn public_text(error: &Error) -> String {
    match error {
        Error::Interrupted => "the server stopped this request".into(),
        Error::BadRequest { what } => what.clone(),
        error if error.is_peer_fault() => error.to_string(),
        _ => "internal server error".into(),
    }
}

/// Counts what leaves.
struct Counted<'a> {
    out: &'a mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(data)?;
        self.bytes = self.bytes.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Maps a failing connection, unless the caller gave up first.
fn peer_gone(interrupt: &AtomicBool) -> impl Fn(std::io::Error) -> Error + '_ {
    |source| if interrupt.load(Ordering::Relaxed) { Error::Interrupted } else { Error::PeerGone(source) }
}

#[cfg(test)]
mod tests;
