//! What we ask of another server.

use super::{AGENT, Server};
use crate::id::ObjectId;
use crate::pktline::{put_delim, put_flush, put_text};

/// Asks a server of v2 for its branches and tags. Source: gitprotocol-v2(5).
pub fn ls_refs(server: &Server) -> Vec<u8> {
    let mut out = Vec::new();
    command(&mut out, server, "ls-refs");
    put_text(&mut out, "symrefs");
    if server.has_unborn {
        put_text(&mut out, "unborn");
    }
    for prefix in ["HEAD", "refs/heads/", "refs/tags/"] {
        put_text(&mut out, &format!("ref-prefix {prefix}"));
    }
    put_flush(&mut out);
    out
}

/// Asks for objects, saying what is here, in one round: what a mirror has it got from the same server, so there is nothing to negotiate about.
///
/// Shape: `wants` is not empty, and everything that `haves` reach is here.
pub fn fetch(server: &Server, wants: &[ObjectId], haves: &[ObjectId]) -> Vec<u8> {
    let mut out = Vec::new();
    let wanted = wants.iter().map(|id| format!("want {id}"));
    if server.is_v2 {
        command(&mut out, server, "fetch");
        ["thin-pack", "no-progress", "ofs-delta"].iter().for_each(|word| put_text(&mut out, word));
        wanted.for_each(|line| put_text(&mut out, &line));
    } else {
        for (position, mut line) in wanted.enumerate() {
            if position == 0 {
                server.words.iter().for_each(|word| {
                    line.push(' ');
                    line.push_str(word);
                });
                line.push(' ');
                line.push_str(AGENT);
            }
            put_text(&mut out, &line);
        }
        put_flush(&mut out);
    }
    haves.iter().for_each(|id| put_text(&mut out, &format!("have {id}")));
    put_text(&mut out, "done");
    if server.is_v2 {
        put_flush(&mut out);
    }
    out
}

fn command(out: &mut Vec<u8>, server: &Server, name: &str) {
    put_text(out, &format!("command={name}"));
    put_text(out, AGENT);
    if server.has_object_format {
        put_text(out, "object-format=sha1");
    }
    put_delim(out);
}
