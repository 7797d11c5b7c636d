//! Finding the commits of a received pack: their names and parents, so that `fetch` can pretend to be behind.
//!
//! Owns entry parsing and delta resolution for commits alone; trees and blobs are inflated only to find their end.
//! Reads packs of servers that the person running the load chose, complete in memory, once per scenario.

use std::collections::HashMap;

use flate2::{Decompress, FlushDecompress, Status};

use crate::pack::{Kind, ObjectId, build};

/// First parents by commit.
pub(crate) type FirstParents = HashMap<ObjectId, Option<ObjectId>>;

enum Entry {
    Commit(Vec<u8>),
    Other,
    Delta { base: Base, instructions: Vec<u8> },
}

#[derive(Clone, Copy)]
enum Base {
    Offset(usize),
    Id(ObjectId),
}

/// Reads every commit of a complete pack.
///
/// Errors: the pack cannot be parsed. Commits whose base is not in the pack are left out.
pub(crate) fn first_parents(pack: &[u8]) -> Result<FirstParents, String> {
    let objects = pack.get(8..12).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes).ok_or("no pack header")?;
    let mut entries = HashMap::new();
    let mut order = Vec::new();
    let mut offset = 12;
    for _ in 0..objects {
        let (entry, end) = read_entry(pack, offset).ok_or_else(|| format!("bad entry at offset {offset}"))?;
        entries.insert(offset, entry);
        order.push(offset);
        offset = end;
    }
    let mut parents = FirstParents::new();
    let mut by_id = HashMap::new();
    let mut resolved: HashMap<usize, Vec<u8>> = HashMap::new();
    // A delta may name a base that comes later, so pass over what is left until a pass finds nothing.
    loop {
        let before = resolved.len();
        for offset in &order {
            if resolved.contains_key(offset) {
                continue;
            }
            let data = match entries.get(offset) {
                Some(Entry::Commit(data)) => Some(data.clone()),
                Some(Entry::Delta { base, instructions }) => {
                    let base = match base {
                        Base::Offset(at) => Some(*at),
                        Base::Id(id) => by_id.get(id).copied(),
                    };
                    base.and_then(|at| resolved.get(&at)).and_then(|base| apply_delta(base, instructions))
                }
                Some(Entry::Other) | None => None,
            };
            if let Some(data) = data {
                let parent = first_parent(&data);
                let (id, _) = build::object(Kind::Commit, data.clone());
                parents.insert(id, parent);
                by_id.insert(id, *offset);
                resolved.insert(*offset, data);
            }
        }
        if resolved.len() == before {
            return Ok(parents);
        }
    }
}

fn first_parent(commit: &[u8]) -> Option<ObjectId> {
    let line = commit.split(|b| *b == b'\n').nth(1)?.strip_prefix(b"parent ")?;
    ObjectId::from_hex(std::str::from_utf8(line).ok()?)
}

fn read_entry(pack: &[u8], start: usize) -> Option<(Entry, usize)> {
    let mut at = start;
    let mut next = || {
        let byte = pack.get(at).copied();
        at += 1;
        byte
    };
    let first = next()?;
    let mut more = first & 0x80 != 0;
    while more {
        more = next()? & 0x80 != 0;
    }
    let base = match (first >> 4) & 7 {
        6 => {
            let mut byte = next()?;
            let mut distance = usize::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = next()?;
                distance = distance.checked_add(1)?.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))?;
            }
            Some(Base::Offset(start.checked_sub(distance)?))
        }
        7 => {
            let id = pack.get(at..at + 20)?.try_into().ok()?;
            at += 20;
            Some(Base::Id(ObjectId(id)))
        }
        _ => None,
    };
    let keep = base.is_some() || (first >> 4) & 7 == Kind::Commit as u8;
    let (data, end) = inflate(pack, at, keep)?;
    let entry = match base {
        Some(base) => Entry::Delta { base, instructions: data },
        None if keep => Entry::Commit(data),
        None => Entry::Other,
    };
    Some((entry, end))
}

/// Inflates one entry; `keep` false only finds its end.
fn inflate(pack: &[u8], start: usize, keep: bool) -> Option<(Vec<u8>, usize)> {
    let mut inflater = Decompress::new(true);
    let mut data = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let (read, written) = (inflater.total_in() as usize, inflater.total_out());
        let status = inflater.decompress(pack.get(start + read..)?, &mut buffer, FlushDecompress::None).ok()?;
        let fresh = (inflater.total_out() - written) as usize;
        if keep {
            data.extend_from_slice(buffer.get(..fresh)?);
        }
        match status {
            Status::StreamEnd => return Some((data, start + inflater.total_in() as usize)),
            _ if fresh == 0 && inflater.total_in() as usize == read => return None,
            _ => {}
        }
    }
}

fn apply_delta(base: &[u8], mut delta: &[u8]) -> Option<Vec<u8>> {
    let source = take_size(&mut delta)?;
    let target = take_size(&mut delta)?;
    if source != base.len() {
        return None;
    }
    let mut out = Vec::with_capacity(target.min(1 << 20));
    while let Some((&op, rest)) = delta.split_first() {
        delta = rest;
        if op & 0x80 != 0 {
            let mut field = |bits: std::ops::Range<u8>| -> Option<usize> {
                let mut value = 0;
                for (position, bit) in bits.enumerate() {
                    if op & (1 << bit) != 0 {
                        let (&byte, rest) = delta.split_first()?;
                        delta = rest;
                        value |= usize::from(byte) << (8 * position);
                    }
                }
                Some(value)
            };
            let offset = field(0..4)?;
            let size = match field(4..7)? {
                0 => 0x10000,
                size => size,
            };
            out.extend_from_slice(base.get(offset..offset.checked_add(size)?)?);
        } else {
            let (literal, rest) = delta.split_at_checked(usize::from(op)).filter(|_| op != 0)?;
            out.extend_from_slice(literal);
            delta = rest;
        }
    }
    (out.len() == target).then_some(out)
}

fn take_size(delta: &mut &[u8]) -> Option<usize> {
    let mut size = 0usize;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = delta.split_first()?;
        *delta = rest;
        size |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed_git::Git;

    /// A stream for `git fast-import`: `count` commits in a row whose messages are long enough to become deltas.
    fn history(count: usize) -> Vec<u8> {
        let mut stream = Vec::new();
        for n in 0..count {
            let prose =
                "The same long explanation stands in every message, so that git packs them as deltas. ".repeat(8);
            let message = format!("Commit {n}\n\n{prose}");
            let content = format!("{}\nrevision {n}\n", "A line of a procedure.\n".repeat(50));
            stream.extend_from_slice(
                format!(
                    "commit refs/heads/main\ncommitter A U Thor <a@example.org> {} +0000\ndata {}\n{message}\n\
                     M 100644 inline SOP-001.md\ndata {}\n{content}\n",
                    1_700_000_000 + n,
                    message.len(),
                    content.len()
                )
                .as_bytes(),
            );
        }
        stream
    }

    #[test]
    fn finds_the_first_parents_that_git_finds_with_and_without_offset_deltas() {
        let git = Git::new();
        git.run_with_input(&["fast-import", "--quiet"], &history(60));
        let listed = git.run(&["rev-list", "--parents", "main"]);
        let expected: FirstParents = listed
            .lines()
            .map(|line| {
                let mut ids = line.split(' ').map(|id| ObjectId::from_hex(id).unwrap());
                (ids.next().unwrap(), ids.next())
            })
            .collect();
        assert_eq!(expected.len(), 60);
        let args = ["pack-objects", "--revs", "--stdout", "--quiet", "--no-reuse-delta"];
        for more in [&[][..], &["--delta-base-offset"]] {
            let pack = git.run_with_input(&[&args[..], more].concat(), b"main\n");
            assert!(has_commit_delta(&pack), "git packed no commit as a delta, so the test would prove nothing");
            assert_eq!(first_parents(&pack).unwrap(), expected, "{more:?}");
            assert!(first_parents(&pack[..pack.len() / 2]).is_err(), "half a pack was accepted");
        }
    }

    /// Whole commits in the pack are fewer than all of them.
    fn has_commit_delta(pack: &[u8]) -> bool {
        let (mut offset, mut whole) = (12, 0);
        while offset < pack.len() - 20 {
            let (entry, end) = read_entry(pack, offset).unwrap();
            whole += usize::from(matches!(entry, Entry::Commit(_)));
            offset = end;
        }
        whole < 60
    }
}
