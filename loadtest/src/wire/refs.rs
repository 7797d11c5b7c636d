//! Reading what a server has: the v2 `ls-refs` command and the check of an `info/refs` answer.
//!
//! Owns request bytes and reply parsing. Called by the scenarios, for their preparation and as load.
//! Source: gitprotocol-v2(5), "ls-refs"; gitprotocol-http(5), "Smart Server Response".

use bytes::{Bytes, BytesMut};

use crate::pack::ObjectId;
use crate::wire::AGENT;
use crate::wire::packet::{self, Packet};

/// One advertised ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ref {
    /// Full name, or `HEAD`.
    pub(crate) name: String,
    /// What it points at.
    pub(crate) id: ObjectId,
    /// Where a symbolic ref points.
    pub(crate) symref: Option<String>,
}

/// The request that stock git sends before a clone.
pub(crate) fn ls_refs_request() -> Bytes {
    let mut out = BytesMut::new();
    for line in ["command=ls-refs", AGENT, "object-format=sha1"] {
        packet::text(&mut out, line);
    }
    packet::delimiter(&mut out);
    for line in ["peel", "symrefs", "ref-prefix refs/heads/", "ref-prefix refs/tags/", "ref-prefix HEAD"] {
        packet::text(&mut out, line);
    }
    packet::flush(&mut out);
    out.freeze()
}

/// Reads an `ls-refs` answer.
///
/// Errors: framing, an `ERR` packet, a line that is no ref, a missing flush.
pub(crate) fn parse_ls_refs(body: &[u8]) -> Result<Vec<Ref>, String> {
    let packets = packet::split(body)?;
    let Some((Packet::Flush, lines)) = packets.split_last() else {
        return Err("the ref list does not end in a flush packet".into());
    };
    lines.iter().map(parse_line).filter_map(Result::transpose).collect()
}

fn parse_line(packet: &Packet<'_>) -> Result<Option<Ref>, String> {
    let Packet::Data(line) = packet else { return Err("a special packet inside the ref list".into()) };
    let line = String::from_utf8_lossy(packet::line(line));
    if let Some(message) = line.strip_prefix("ERR ") {
        return Err(format!("the server says: {message}"));
    }
    let mut words = line.split(' ');
    let (Some(id), Some(name)) = (words.next(), words.next()) else { return Err(format!("`{line}` is no ref")) };
    if id == "unborn" {
        return Ok(None);
    }
    let id = ObjectId::from_hex(id).ok_or_else(|| format!("`{line}` is no ref"))?;
    let symref = words.find_map(|word| word.strip_prefix("symref-target:")).map(str::to_owned);
    Ok(Some(Ref { name: name.to_owned(), id, symref }))
}

/// Checks that a body is an answer to `GET info/refs` for `service` in protocol v2 (or, for pushes, v0).
///
/// Errors: what is wrong with it.
pub(crate) fn check_info_refs(body: &[u8], service: &str) -> Result<(), String> {
    let packets = packet::split(body)?;
    let mut packets = packets.as_slice();
    if let [Packet::Data(first), Packet::Flush, rest @ ..] = packets
        && packet::line(first).strip_prefix(b"# service=") == Some(service.as_bytes())
    {
        packets = rest;
    } else if service != "git-upload-pack" {
        return Err("the advertisement lacks its service line".into());
    }
    match packets {
        [Packet::Data(b"version 2\n" | b"version 2"), .., Packet::Flush] if service == "git-upload-pack" => Ok(()),
        [Packet::Data(first), .., Packet::Flush] if service == "git-receive-pack" && first.contains(&0) => Ok(()),
        [Packet::Data(first), ..] => Err(format!("unexpected advertisement `{}`", first.escape_ascii())),
        _ => Err("the advertisement is empty or has no end".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_symbolic_unborn_and_peeled() {
        let id = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3";
        let mut body = BytesMut::new();
        packet::text(&mut body, &format!("{id} HEAD symref-target:refs/heads/main"));
        packet::text(&mut body, "unborn HEAD symref-target:refs/heads/main");
        packet::text(&mut body, &format!("{id} refs/tags/v1 peeled:{id}"));
        packet::flush(&mut body);
        let refs = parse_ls_refs(&body).unwrap();
        assert_eq!(refs.len(), 2);
        assert_eq!(refs[0].symref.as_deref(), Some("refs/heads/main"));
        assert_eq!((refs[1].name.as_str(), refs[1].id.to_string().as_str()), ("refs/tags/v1", id));
        assert!(parse_ls_refs(&body[..body.len() - 4]).is_err(), "a list without its end was accepted");
        assert!(parse_ls_refs(b"000dERR no\x0a0000").unwrap_err().contains("ends inside"), "cut packet accepted");
        assert_eq!(parse_ls_refs(b"000bERR no\n0000").unwrap_err(), "the server says: no");
    }

    #[test]
    fn tells_a_v2_advertisement_from_others() {
        let v2 = b"001e# service=git-upload-pack\n0000000eversion 2\n0000";
        assert_eq!(check_info_refs(v2, "git-upload-pack"), Ok(()));
        assert_eq!(check_info_refs(b"000eversion 2\n0000", "git-upload-pack"), Ok(()));
        assert!(check_info_refs(v2, "git-receive-pack").is_err());
        assert!(check_info_refs(b"0000", "git-upload-pack").is_err());
    }
}
