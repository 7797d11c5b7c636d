//! A fetch request of any protocol version in one shape.
//!
//! Owns the type. Built by `parse_v0` and `parse_v2`, read by everything after them.

use crate::id::table::HashSet;

use super::filter::Filter;
use crate::{
    error::{Error, Result},
    id::{ObjectId, id_from_hex},
    limits::Limits,
    pktline::BandMode,
    view::View,
};

/// How often and how precisely an older client wants haves acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) enum Acks {
    /// Only the first common object.
    #[default]
    Single,
    /// `multi_ack`: every common object, as `continue`.
    Multi,
    /// `multi_ack_detailed`: every common object, as `common` or `ready`.
    Detailed,
}

/// Where the client wants its history to end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Deepen {
    /// `deepen n`: that many commits from the wants, or from the shallow commits when `relative`.
    pub(super) depth: Option<u32>,
    /// `deepen-since`: nothing older than this, in seconds.
    pub(super) since: Option<u64>,
    /// `deepen-not`: nothing reachable from these refs.
    pub(super) not: Vec<String>,
    /// `deepen-relative`.
    pub(super) relative: bool,
}

impl Deepen {
    /// Whether history is to end by date or ref.
    pub(super) fn by_revision(&self) -> bool {
        self.since.is_some() || !self.not.is_empty()
    }

    /// Whether the client asks for any change of its boundary.
    pub(super) fn is_asked(&self) -> bool {
        self.depth.is_some() || self.by_revision()
    }
}

/// What a client wants, has and can take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct FetchRequest {
    pub(super) wants: Vec<ObjectId>,
    pub(super) haves: Vec<ObjectId>,
    pub(super) done: bool,
    /// Versions 0 and 1: nothing follows the flush after the wants, so the client asks for its new boundary only.
    pub(super) ends_with_wants: bool,
    /// Version 2: answer haves only, until `done`.
    pub(super) wait_for_done: bool,
    /// Versions 0 and 1.
    pub(super) acks: Acks,
    /// Versions 0 and 1: the pack may follow `ready` without another round.
    pub(super) no_done: bool,
    pub(super) thin_pack: bool,
    pub(super) ofs_delta: bool,
    pub(super) no_progress: bool,
    pub(super) include_tag: bool,
    pub(super) band: BandMode,
    /// Commits whose parents the client does not have.
    pub(super) shallow: Vec<ObjectId>,
    pub(super) deepen: Deepen,
    pub(super) filter: Option<Filter>,
    /// Version 2: refs wanted by name, and what they are at; filled in from the view before anything else looks at the wants.
    pub(super) want_refs: Vec<WantedRef>,
    /// Version 2: every packet of the answer travels in a side-band.
    pub(super) sideband_all: bool,
}

/// A ref wanted by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct WantedRef {
    pub(super) name: String,
    /// What it points at, once that was looked up.
    pub(super) target: Option<ObjectId>,
}

/// Reads the argument lines that both generations share, holding them to the limits.
pub(super) struct Arguments<'l> {
    limits: &'l Limits,
    pub(super) request: FetchRequest,
    wanted: HashSet<ObjectId>,
}

impl<'l> Arguments<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Arguments { limits, request: FetchRequest::default(), wanted: HashSet::default() }
    }

    /// Adds a wanted id once.
    pub(super) fn want(&mut self, hex: &[u8]) -> Result<()> {
        let id = read_id(hex, "want")?;
        if self.wanted.insert(id) {
            check_count(self.request.wants.len(), self.limits.max_wants, "number of wants")?;
            self.request.wants.push(id);
        }
        Ok(())
    }

    /// Adds a ref wanted by its full name.
    pub(super) fn want_ref(&mut self, name: &[u8]) -> Result<()> {
        let name = std::str::from_utf8(name).map_err(|_| bad_line("unknown ref", name))?;
        check_count(self.request.want_refs.len(), self.limits.max_wants, "number of wanted refs")?;
        self.request.want_refs.push(WantedRef { name: name.to_owned(), target: None });
        Ok(())
    }

    pub(super) fn have(&mut self, hex: &[u8]) -> Result<()> {
        let id = read_id(hex, "have")?;
        check_count(self.request.haves.len(), self.limits.max_haves, "number of haves")?;
        self.request.haves.push(id);
        Ok(())
    }

    /// Reads a line about shallow clones or filters; false when it is something else.
    pub(super) fn shared(&mut self, line: &[u8]) -> Result<bool> {
        let request = &mut self.request;
        if let Some(hex) = line.strip_prefix(b"shallow ") {
            check_count(request.shallow.len(), self.limits.max_haves, "number of shallow commits")?;
            request.shallow.push(read_id(hex, "shallow")?);
        } else if let Some(depth) = line.strip_prefix(b"deepen ") {
            let depth: u32 = read_number(depth).ok_or_else(|| bad_line("invalid deepen", line))?;
            if depth == 0 {
                return Err(bad_line("invalid deepen", line));
            }
            request.deepen.depth = Some(depth);
        } else if let Some(since) = line.strip_prefix(b"deepen-since ") {
            let since: u64 = read_number(since).ok_or_else(|| bad_line("invalid deepen-since", line))?;
            request.deepen.since = Some(since);
        } else if let Some(name) = line.strip_prefix(b"deepen-not ") {
            check_count(request.deepen.not.len(), 1000, "number of deepen-not lines")?;
            let name = std::str::from_utf8(name).map_err(|_| bad_line("invalid deepen-not", line))?;
            request.deepen.not.push(name.to_owned());
        } else if let Some(spec) = line.strip_prefix(b"filter ") {
            let spec = std::str::from_utf8(spec).map_err(|_| bad_line("invalid filter", line))?;
            if request.filter.is_some() {
                return Err(bad_line("multiple filter-specs cannot be combined", line));
            }
            request.filter = Some(Filter::parse(spec)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Ends reading.
    pub(super) fn finish(self) -> Result<FetchRequest> {
        let deepen = &self.request.deepen;
        if deepen.depth.is_some() && deepen.by_revision() {
            let what = "deepen and deepen-since (or deepen-not) cannot be used together";
            return Err(Error::BadRequest { what: what.into() });
        }
        Ok(self.request)
    }
}

fn read_number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    let digits = std::str::from_utf8(digits).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

pub(super) fn read_id(hex: &[u8], what: &str) -> Result<ObjectId> {
    id_from_hex(hex).ok_or_else(|| bad_line(&format!("expected object id after '{what}'"), hex))
}

impl FetchRequest {
    /// Looks up the refs wanted by name and adds what they point at to the wants.
    ///
    /// Errors: `BadRequest` for a ref that this caller does not see.
    pub(super) fn resolve_refs(&mut self, view: &View) -> Result<()> {
        if self.want_refs.is_empty() {
            return Ok(());
        }
        let mut wanted: HashSet<ObjectId> = self.wants.iter().copied().collect();
        for item in &mut self.want_refs {
            let full = if item.name == "HEAD" { view.head.as_str() } else { item.name.as_str() };
            let Some(found) = view.refs.get(full) else {
                return Err(Error::BadRequest { what: format!("unknown ref {}", item.name.escape_default()) });
            };
            item.target = Some(found.target);
            if wanted.insert(found.target) {
                self.wants.push(found.target);
            }
        }
        Ok(())
    }
}

/// An error that quotes the start of the offending line.
pub(super) fn bad_line(problem: &str, line: &[u8]) -> Error {
    let shown = line.get(..100).unwrap_or(line);
    Error::BadRequest { what: format!("{problem}: '{}'", shown.escape_ascii()) }
}

pub(super) fn check_count(len: usize, limit: u64, what: &'static str) -> Result<()> {
    if len as u64 >= limit { Err(Error::TooLarge { what, limit }) } else { Ok(()) }
}
