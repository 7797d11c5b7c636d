//! The `object-info` command of protocol version 2: facts about objects without the objects.
//!
//! Owns its arguments and its answer. An object that the caller could not fetch is answered as one that does not exist, so the command
//! tells nothing that fetching would not. Called by `upload::respond`.
//! Source: gitprotocol-v2(5), "object-info".

use super::{
    Context,
    parse_v2::Lines,
    request::{bad_line, check_count, read_id},
    wants,
};
use crate::{error::Result, id::ObjectId, limits::Limits, pktline};

/// What a client asks about objects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct InfoQuery {
    size: bool,
    ids: Vec<ObjectId>,
}

impl InfoQuery {
    pub(super) fn parse(lines: Lines<'_>, limits: &Limits) -> Result<Self> {
        let mut query = InfoQuery::default();
        for line in lines {
            let line = line?;
            if line == b"size" {
                query.size = true;
            } else if let Some(hex) = line.strip_prefix(b"oid ") {
                check_count(query.ids.len(), limits.max_wants, "number of objects")?;
                query.ids.push(read_id(hex, "oid")?);
            } else {
                return Err(bad_line("object-info: unexpected line", line));
            }
        }
        Ok(query)
    }
}

/// Builds the answer.
///
/// Errors: `Interrupted`, and those of the object store.
pub(super) fn answer(context: &Context<'_>, query: &InfoQuery) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    if query.ids.is_empty() {
        pktline::put_flush(&mut out);
        return Ok(out);
    }
    if query.size {
        // Without newlines, as git sends these.
        pktline::put_data(&mut out, b"size");
    }
    let hidden = wants::unreachable(context, &query.ids)?;
    for id in &query.ids {
        let header = if hidden.contains(id) { None } else { context.view.odb.header(id)? };
        let line = match (query.size, header) {
            (false, _) => id.to_string(),
            (true, Some((_, size))) => format!("{id} {size}"),
            (true, None) => format!("{id} "),
        };
        pktline::put_data(&mut out, line.as_bytes());
    }
    pktline::put_flush(&mut out);
    Ok(out)
}
