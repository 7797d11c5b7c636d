//! Requests of protocol version 2: one command with its capabilities and arguments.
//!
//! Owns the grammar. Called by `upload::respond`.

use super::{
    ls_refs::RefQuery,
    object_info::InfoQuery,
    request::{Arguments, FetchRequest, bad_line},
};
use crate::{
    error::{Error, Result},
    limits::Limits,
    pktline::{BandMode, Packet, Packets},
    protocol::check_object_format,
};

/// What one request asks to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// A lone flush or nothing: the client is leaving.
    Nothing,
    /// `ls-refs`.
    LsRefs(RefQuery),
    /// `fetch`.
    Fetch(Box<FetchRequest>),
    /// `object-info`.
    ObjectInfo(InfoQuery),
    /// `bundle-uri`.
    BundleUri,
}

/// One parsed request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) command: Command,
    /// Values of `git fetch -o`, cut to a length that fits a log.
    pub(super) server_options: Vec<String>,
}

/// Most server options in one request.
const MAX_SERVER_OPTIONS: usize = 100;
/// Longer server options are cut.
const MAX_SERVER_OPTION_BYTES: usize = 1024;

/// Reads a whole request; anything after its flush is ignored, as one stateless request holds one command.
pub(super) fn parse(body: &[u8], limits: &Limits) -> Result<Request> {
    let mut packets = Packets::new(body);
    let mut command = None;
    let mut has_arguments = false;
    let mut server_options = Vec::new();
    for packet in packets.by_ref() {
        let packet = packet?;
        let line = match packet {
            Packet::Data(_) => packet.text().unwrap_or_default(),
            Packet::Delim => {
                has_arguments = true;
                break;
            }
            Packet::Flush => break,
            Packet::ResponseEnd => return Err(bad_line("unexpected packet", b"0002")),
        };
        if let Some(name) = line.strip_prefix(b"command=") {
            if command.replace(name).is_some() {
                return Err(bad_line("command requested twice", line));
            }
        } else if let Some(format) = line.strip_prefix(b"object-format=") {
            check_object_format(Some(format))?;
        } else if let Some(option) = line.strip_prefix(b"server-option=") {
            if server_options.len() >= MAX_SERVER_OPTIONS {
                return Err(Error::TooLarge { what: "number of server options", limit: MAX_SERVER_OPTIONS as u64 });
            }
            let kept = option.get(..MAX_SERVER_OPTION_BYTES).unwrap_or(option);
            server_options.push(String::from_utf8_lossy(kept).into_owned());
        } else if !is_known_capability(line) {
            return Err(bad_line("unknown capability", line));
        }
    }
    // Without a delimiter the command has no arguments at all.
    let no_arguments = Packets::new(&[]);
    let arguments = if has_arguments { packets } else { no_arguments };
    let command = match command {
        None if has_arguments => Err(Error::BadRequest { what: "no command requested".into() }),
        None => Ok(Command::Nothing),
        Some(b"ls-refs") => RefQuery::parse(Lines(arguments)).map(Command::LsRefs),
        Some(b"fetch") => parse_fetch(Lines(arguments), limits).map(|fetch| Command::Fetch(Box::new(fetch))),
        Some(b"object-info") => InfoQuery::parse(Lines(arguments), limits).map(Command::ObjectInfo),
        Some(b"bundle-uri") => match Lines(arguments).next() {
            None => Ok(Command::BundleUri),
            Some(line) => Err(bad_line("bundle-uri: unexpected argument", line?)),
        },
        Some(name) => Err(bad_line("invalid command", name)),
    };
    Ok(Request { command: command?, server_options })
}

fn is_known_capability(line: &[u8]) -> bool {
    let known: [&[u8]; 2] = [b"agent=", b"session-id="];
    line == b"agent" || known.iter().any(|prefix| line.starts_with(prefix))
}

fn parse_fetch(lines: Lines<'_>, limits: &Limits) -> Result<FetchRequest> {
    let mut arguments = Arguments::new(limits);
    arguments.request.band = BandMode::Large;
    for line in lines {
        let line = line?;
        if let Some(hex) = line.strip_prefix(b"want ") {
            arguments.want(hex)?;
            continue;
        }
        if let Some(hex) = line.strip_prefix(b"have ") {
            arguments.have(hex)?;
            continue;
        }
        if let Some(name) = line.strip_prefix(b"want-ref ") {
            arguments.want_ref(name)?;
            continue;
        }
        let request = &mut arguments.request;
        match line {
            b"done" => request.done = true,
            b"thin-pack" => request.thin_pack = true,
            b"ofs-delta" => request.ofs_delta = true,
            b"no-progress" => request.no_progress = true,
            b"include-tag" => request.include_tag = true,
            b"wait-for-done" => request.wait_for_done = true,
            b"sideband-all" => request.sideband_all = true,
            b"deepen-relative" => request.deepen.relative = true,
            _ => {
                if !arguments.shared(line)? {
                    return Err(bad_line("unexpected line", line));
                }
            }
        }
    }
    arguments.finish()
}

/// The argument lines up to the closing flush; the end of the body serves as well.
pub(super) struct Lines<'a>(Packets<'a>);

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.next()? {
            Ok(packet @ Packet::Data(_)) => Some(Ok(packet.text().unwrap_or_default())),
            Ok(Packet::Flush) => {
                self.0 = Packets::new(&[]);
                None
            }
            Ok(Packet::Delim | Packet::ResponseEnd) => Some(Err(bad_line("unexpected packet among arguments", b""))),
            Err(error) => Some(Err(error)),
        }
    }
}
