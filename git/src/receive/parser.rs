//! Incremental parsing of push commands.
//!
//! Owns the states commands, push options, done. Holds at most one incomplete packet; what it keeps is bounded by
//! [`Limits`]. Called by the transports with whatever chunks the network delivers.

use super::{Command, PushCapabilities, PushCertificate, ReceiveRequest};
use crate::{
    error::{Error, Result},
    id::{ID_LEN, ObjectId, id_from_hex},
    limits::Limits,
    pktline::{self, BandMode, Decoded, Packet},
    protocol::Capabilities,
};

/// Most push options in one push.
const MAX_PUSH_OPTIONS: usize = 100;
/// Longest push option.
const MAX_PUSH_OPTION_BYTES: usize = 4096;

/// What one chunk of input brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The commands are not complete; give the next chunk.
    NeedMore,
    /// The commands are complete.
    Done {
        /// What was asked.
        request: ReceiveRequest,
        /// Where in the chunk just given the pack begins; its length when the pack begins with the next chunk.
        pack_starts_at: usize,
    },
}

/// Parses the commands of a push as they arrive.
///
/// Errors: `BadRequest` for what breaks the protocol, `TooLarge` beyond `max_commands` or `max_command_bytes`. After an
/// error or [`Parsed::Done`] the parser is spent.
#[derive(Debug)]
pub struct CommandParser {
    max_commands: u64,
    max_bytes: u64,
    bytes: u64,
    partial: Vec<u8>,
    in_push_options: bool,
    /// A certificate that has begun and not ended.
    open_certificate: Option<Vec<u8>>,
    request: ReceiveRequest,
}

impl CommandParser {
    /// Starts before the first command.
    pub fn new(limits: &Limits) -> Self {
        CommandParser {
            max_commands: limits.max_commands,
            max_bytes: limits.max_command_bytes,
            bytes: 0,
            partial: Vec::new(),
            in_push_options: false,
            open_certificate: None,
            request: ReceiveRequest::default(),
        }
    }

    /// Takes the next chunk of the stream, of any length.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Parsed> {
        let mut rest = chunk;
        loop {
            let done = if self.partial.is_empty() {
                match pktline::decode(rest)? {
                    Decoded::Complete(packet, consumed) => {
                        rest = rest.get(consumed..).unwrap_or_default();
                        self.packet(packet, consumed)?
                    }
                    Decoded::Incomplete(_) => {
                        self.partial.extend_from_slice(rest);
                        return Ok(Parsed::NeedMore);
                    }
                }
            } else {
                match pktline::decode(&self.partial)? {
                    Decoded::Incomplete(needed) => {
                        let (now, later) = rest.split_at(needed.min(rest.len()));
                        if now.is_empty() {
                            return Ok(Parsed::NeedMore);
                        }
                        self.partial.extend_from_slice(now);
                        rest = later;
                        continue;
                    }
                    Decoded::Complete(..) => {
                        let whole = std::mem::take(&mut self.partial);
                        match pktline::decode(&whole)? {
                            Decoded::Complete(packet, consumed) => self.packet(packet, consumed)?,
                            Decoded::Incomplete(_) => return Err(bad("incomplete packet")),
                        }
                    }
                }
            };
            if done {
                self.check_certificate()?;
                let pack_starts_at = chunk.len().saturating_sub(rest.len());
                return Ok(Parsed::Done { request: std::mem::take(&mut self.request), pack_starts_at });
            }
        }
    }

    /// Handles one packet; true when the request is complete.
    fn packet(&mut self, packet: Packet<'_>, len: usize) -> Result<bool> {
        self.bytes = self.bytes.saturating_add(len as u64);
        if self.bytes > self.max_bytes {
            return Err(Error::TooLarge { what: "size of push commands", limit: self.max_bytes });
        }
        match packet {
            Packet::Data(data) if self.open_certificate.is_some() => {
                self.certificate_line(data)?;
                Ok(false)
            }
            Packet::Data(_) => {
                let line = packet.text().unwrap_or_default();
                if self.in_push_options {
                    self.push_option(line)?
                } else {
                    self.line(line)?
                }
                Ok(false)
            }
            Packet::Flush if self.open_certificate.is_some() => Err(bad("a push certificate without end")),
            Packet::Flush if !self.in_push_options && self.request.capabilities.push_options => {
                self.in_push_options = true;
                Ok(false)
            }
            Packet::Flush => Ok(true),
            Packet::Delim | Packet::ResponseEnd => Err(bad("unexpected special packet among push commands")),
        }
    }

    fn push_option(&mut self, line: &[u8]) -> Result<()> {
        if self.request.push_options.len() >= MAX_PUSH_OPTIONS {
            return Err(Error::TooLarge { what: "number of push options", limit: MAX_PUSH_OPTIONS as u64 });
        }
        if line.len() > MAX_PUSH_OPTION_BYTES {
            return Err(Error::TooLarge { what: "length of a push option", limit: MAX_PUSH_OPTION_BYTES as u64 });
        }
        self.request.push_options.push(line.to_vec());
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<()> {
        let (line, capabilities) = match line.iter().position(|byte| *byte == 0) {
            Some(nul) => (line.get(..nul).unwrap_or_default(), line.get(nul.saturating_add(1)..)),
            None => (line, None),
        };
        if let Some(list) = capabilities {
            self.request.capabilities = read_capabilities(list)?;
        }
        if line == b"push-cert" {
            if self.request.certificate.is_some() {
                return Err(bad("two push certificates"));
            }
            self.open_certificate = Some(Vec::new());
            return Ok(());
        }
        self.admit_one_more()?;
        if let Some(hex) = line.strip_prefix(b"shallow ") {
            let id = id_from_hex(hex).ok_or_else(|| bad("expected shallow sha"))?;
            self.request.shallow.push(id);
            return Ok(());
        }
        if self.request.certificate.is_some() {
            return Err(bad("both signed and unsigned commands"));
        }
        let command = read_command(line).ok_or_else(|| {
            let shown = line.get(..200).unwrap_or(line);
            bad(format!("expected old/new/ref, got '{}'", shown.escape_ascii()))
        })?;
        self.request.commands.push(command);
        Ok(())
    }

    /// Takes one line of a certificate, which ends with a line of its own.
    fn certificate_line(&mut self, data: &[u8]) -> Result<()> {
        let is_end = data.strip_suffix(b"\n").unwrap_or(data) == b"push-cert-end";
        if let Some(text) = &mut self.open_certificate
            && !is_end
        {
            text.extend_from_slice(data);
            return Ok(());
        }
        let text = self.open_certificate.take().unwrap_or_default();
        let (certificate, commands) = PushCertificate::parse(text)?;
        if commands.len() as u64 > self.max_commands {
            return Err(Error::TooLarge { what: "number of push commands", limit: self.max_commands });
        }
        // Commands beside the certificate would be done without anybody having signed them.
        if !self.request.commands.is_empty() {
            return Err(bad("both signed and unsigned commands"));
        }
        self.request.commands = commands;
        self.request.certificate = Some(Box::new(certificate));
        Ok(())
    }

    /// What is signed must be what is asked for.
    fn check_certificate(&self) -> Result<()> {
        match &self.request.certificate {
            Some(certificate) if certificate.push_options != self.request.push_options => {
                Err(bad("the push options are not those of the push certificate"))
            }
            _ => Ok(()),
        }
    }

    fn admit_one_more(&self) -> Result<()> {
        let request = &self.request;
        let lines = [request.commands.len(), request.shallow.len()];
        match lines.iter().any(|len| *len as u64 >= self.max_commands) {
            true => Err(Error::TooLarge { what: "number of push commands", limit: self.max_commands }),
            false => Ok(()),
        }
    }
}

pub(super) fn read_command(line: &[u8]) -> Option<Command> {
    const HEX_LEN: usize = ID_LEN * 2;
    let (old, rest) = line.split_at_checked(HEX_LEN)?;
    let (new, name) = rest.strip_prefix(b" ")?.split_at_checked(HEX_LEN)?;
    let name = name.strip_prefix(b" ")?;
    let present = |id: ObjectId| (!id.is_null()).then_some(id);
    (!name.is_empty()).then_some(())?;
    Some(Command { name: name.to_vec(), old: present(id_from_hex(old)?), new: present(id_from_hex(new)?) })
}

fn read_capabilities(list: &[u8]) -> Result<PushCapabilities> {
    let caps = Capabilities::parse(list);
    caps.check_object_format()?;
    let agent = caps.value("agent").map(|agent| agent.get(..200).unwrap_or(agent));
    Ok(PushCapabilities {
        report_status: caps.has("report-status") || caps.has("report-status-v2"),
        report_status_v2: caps.has("report-status-v2"),
        band: if caps.has("side-band-64k") { BandMode::Large } else { BandMode::None },
        atomic: caps.has("atomic"),
        quiet: caps.has("quiet"),
        push_options: caps.has("push-options"),
        agent: agent.map(|agent| String::from_utf8_lossy(agent).into_owned()),
    })
}

fn bad(what: impl Into<String>) -> Error {
    Error::BadRequest { what: what.into() }
}
