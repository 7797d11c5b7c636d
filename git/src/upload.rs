//! Serving clone, fetch and ls-remote: one complete request in, one streamed answer out.
//!
//! Owns the upload side of protocol versions 0, 1 and 2: parsing, negotiation, choosing what to send, and the pack. Refuses
//! authorization (give a [`View`] of what the caller may see), HTTP and SSH. Called by the transports on a blocking thread.

mod enumerate;
mod filter;
mod locate;
mod ls_refs;
mod negotiate;
mod pack;
mod parse_v0;
mod parse_v2;
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
    limits::Limits,
    pktline::{self, BandMode, BandWriter},
    protocol::ProtocolVersion,
    view::View,
    walk::Graph,
};
use negotiate::Verdict;
use parse_v2::Command;
use request::FetchRequest;
use ticker::Ticker;

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
    /// Bytes of the whole answer.
    pub bytes: u64,
}

/// The kinds of answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UploadOutcome {
    /// Nothing was asked for, so nothing or next to nothing was answered.
    #[default]
    Nothing,
    /// Refs were listed.
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
    let mut counted = Counted { out, bytes: 0 };
    let context = Context { view, limits, interrupt };
    let result = match context.check_size(request) {
        Err(error) => Err(refuse(&mut counted, error)),
        Ok(()) if version == ProtocolVersion::V2 => context.respond_v2(request, &mut counted),
        Ok(()) => context.respond_v0(request, &mut counted),
    };
    result.map(|stats| UploadStats { bytes: counted.bytes, ..stats })
}

/// What every step of an answer needs.
#[derive(Clone, Copy)]
struct Context<'a> {
    view: &'a View,
    limits: &'a Limits,
    interrupt: &'a AtomicBool,
}

impl Context<'_> {
    fn check_size(&self, request: &[u8]) -> Result<()> {
        match request.len() as u64 > self.limits.max_request_bytes {
            true => Err(Error::TooLarge { what: "size of the request", limit: self.limits.max_request_bytes }),
            false => Ok(()),
        }
    }

    fn respond_v2(&self, request: &[u8], out: &mut Counted<'_>) -> Result<UploadStats> {
        match parse_v2::parse(request, self.limits) {
            Err(error) => Err(refuse(out, error)),
            Ok(Command::Nothing) => Ok(UploadStats::default()),
            Ok(Command::LsRefs(query)) => {
                out.write_all(&ls_refs::list(self.view, &query)).map_err(Error::PeerGone)?;
                Ok(UploadStats { outcome: UploadOutcome::Refs, ..UploadStats::default() })
            }
            Ok(Command::Fetch(fetch)) => self.fetch(&fetch, out, true),
        }
    }

    fn respond_v0(&self, request: &[u8], out: &mut Counted<'_>) -> Result<UploadStats> {
        match parse_v0::parse(request, self.limits) {
            Err(error) => Err(refuse(out, error)),
            // A client that has everything closes, over HTTP by sending a lone flush or nothing.
            Ok(None) => Ok(UploadStats::default()),
            Ok(Some(fetch)) => self.fetch(&fetch, out, false),
        }
    }

    fn fetch(&self, fetch: &FetchRequest, out: &mut Counted<'_>, is_v2: bool) -> Result<UploadStats> {
        let prepared = match self.prepare(fetch, is_v2) {
            Ok(prepared) => prepared,
            Err(error) => return Err(refuse(out, error)),
        };
        self.deliver(fetch, prepared, out)
    }

    /// Sends what was prepared: the words before the pack, and the pack if its time has come.
    fn deliver(&self, fetch: &FetchRequest, prepared: Prepared<'_>, out: &mut Counted<'_>) -> Result<UploadStats> {
        out.write_all(&prepared.head).map_err(Error::PeerGone)?;
        let Some((mut graph, job)) = prepared.pack else {
            out.flush().map_err(Error::PeerGone)?;
            let outcome = if prepared.head.is_empty() { UploadOutcome::Nothing } else { UploadOutcome::Negotiated };
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
        let shallow = shallow::plan(self, fetch)?;
        let mut graph = Graph::new(&self.view.odb, self.interrupt);
        if !is_v2 {
            shallow.put_lines(&mut head, fetch, false);
            // The client reads the boundary and comes back with haves; a NAK would stand in the way of its next answer.
            if fetch.ends_with_wants && fetch.deepen.is_asked() {
                return Ok(Prepared { head, pack: None });
            }
        }
        let verdict = match is_v2 {
            true => negotiate::v2(&mut graph, fetch, &mut head)?,
            false => negotiate::v0(&mut graph, fetch, &mut head)?,
        };
        let Verdict::SendPack { common } = verdict else { return Ok(Prepared { head, pack: None }) };
        if is_v2 {
            shallow.put_lines(&mut head, fetch, true);
            pktline::put_text(&mut head, "packfile");
        }
        // Negotiation may look past the end of the client's history, the pack may not.
        if !shallow.cut.is_empty() {
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
        pack::write(&self.view.odb, fetch, &selection, &mut ticker)
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
