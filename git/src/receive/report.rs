//! What a pushing client is told: progress while we work, and one line for each command at the end.
//!
//! Owns the bytes. Refuses to choose the words; callers pass short texts that a user may read. Called by the transports.

use bytes::Bytes;

use super::PushCapabilities;
use crate::{
    id::ObjectId,
    pktline::{self, Band, BandMode, BandWriter},
};

/// What became of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandOutcome {
    /// Done as asked.
    Applied,
    /// Done, but not as asked; told to clients with report-status-v2 only.
    Rewritten(Rewritten),
    /// Not done, with the reason shown to the user.
    Refused {
        /// One short line.
        reason: String,
    },
}

/// How an applied command differs from what was asked; absent fields are as asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// The ref that was changed instead.
    pub name: Option<String>,
    /// The value it had.
    pub old: Option<ObjectId>,
    /// The value it has now.
    pub new: Option<ObjectId>,
    /// The change was not a fast-forward.
    pub forced: bool,
}

/// The report line of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandReport {
    /// The ref name as the client sent it.
    pub name: Vec<u8>,
    /// What became of it.
    pub outcome: CommandOutcome,
}

/// Builds the final answer of a push.
///
/// Shape: `unpack` is `Err` with one line when the pack was refused as a whole; then every command should be refused too.
/// A client that asked for no report gets only what ends its side-band stream.
/// Source: gitprotocol-pack(5), "Report Status"; git's `report_v2`.
pub fn report(capabilities: &PushCapabilities, unpack: Result<(), &str>, commands: &[CommandReport]) -> Bytes {
    let mut inner = Vec::new();
    if capabilities.report_status {
        match unpack {
            Ok(()) => pktline::put_text(&mut inner, "unpack ok"),
            Err(reason) => pktline::put_text(&mut inner, &format!("unpack {}", one_line(reason))),
        }
        for command in commands {
            put_command(&mut inner, capabilities, command);
        }
        pktline::put_flush(&mut inner);
    }
    if capabilities.band == BandMode::None {
        return inner.into();
    }
    let mut out = Vec::new();
    let mut bands = BandWriter::new(&mut out, capabilities.band);
    let written = bands.data(&inner).and_then(|()| bands.finish());
    debug_assert!(written.is_ok(), "writing to a vector cannot fail");
    out.into()
}

fn put_command(out: &mut Vec<u8>, capabilities: &PushCapabilities, command: &CommandReport) {
    let mut line = Vec::new();
    if let CommandOutcome::Refused { reason } = &command.outcome {
        line.extend_from_slice(b"ng ");
        line.extend_from_slice(&command.name);
        line.push(b' ');
        line.extend_from_slice(one_line(reason).as_bytes());
    } else {
        line.extend_from_slice(b"ok ");
        line.extend_from_slice(&command.name);
    }
    line.push(b'\n');
    pktline::put_data(out, &line);

    let CommandOutcome::Rewritten(change) = &command.outcome else { return };
    if !capabilities.report_status_v2 {
        return;
    }
    if let Some(name) = &change.name {
        pktline::put_text(out, &format!("option refname {}", one_line(name)));
    }
    if let Some(old) = change.old {
        pktline::put_text(out, &format!("option old-oid {old}"));
    }
    if let Some(new) = change.new {
        pktline::put_text(out, &format!("option new-oid {new}"));
    }
    if change.forced {
        pktline::put_text(out, "option forced-update");
    }
}

/// Text for the user while the push is worked on; empty when the client cannot be told.
pub fn progress(capabilities: &PushCapabilities, text: &str) -> Bytes {
    message(capabilities, Band::Progress, text)
}

/// A last message before the stream breaks off, for failures that a report cannot express.
///
/// Shape: a client without side-band gets it as the `unpack` line of a report instead, if it reads one.
pub fn fatal(capabilities: &PushCapabilities, text: &str) -> Bytes {
    if capabilities.band == BandMode::None {
        return report(capabilities, Err(text), &[]);
    }
    let mut out = message(capabilities, Band::Error, text).to_vec();
    pktline::put_flush(&mut out);
    out.into()
}

/// A packet without content that shows the client we are still there; empty without side-band.
pub fn keep_alive(capabilities: &PushCapabilities) -> Bytes {
    match capabilities.band {
        BandMode::None => Bytes::new(),
        BandMode::Small | BandMode::Large => Bytes::from_static(b"0005\x02"),
    }
}

fn message(capabilities: &PushCapabilities, band: Band, text: &str) -> Bytes {
    let mut out = Vec::new();
    let mut bands = BandWriter::new(&mut out, capabilities.band);
    let written = match band {
        Band::Error => bands.error(text),
        Band::Progress | Band::Data => bands.progress(text),
    };
    debug_assert!(written.is_ok(), "writing to a vector cannot fail");
    drop(bands);
    out.into()
}

/// Keeps a report line one line, and a packet one packet.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(4000).collect()
}
