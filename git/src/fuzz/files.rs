//! Files of a repository, which a disk may have damaged or somebody else written.

use super::first;
use crate::{
    ObjectId, Ref, RefName, RefTable,
    commit_graph::{CommitGraph, PathKey},
    map::FileBytes,
    odb::read_loose,
    pack::{
        Idx,
        idx::{self, IdxEntry},
    },
    refs::disk::{packed, parse_loose},
    testpack::{seal, stored},
};

fn in_memory(bytes: Vec<u8>) -> FileBytes {
    FileBytes::from(bytes::Bytes::from(bytes))
}

/// The file as it is and with the checksum that belongs to it.
fn as_it_is_and_sealed(data: &[u8]) -> [Vec<u8>; 2] {
    let body = data.len().checked_sub(20).and_then(|end| data.get(..end)).unwrap_or(data);
    [data.to_vec(), seal(body.to_vec())]
}

/// An index as it is, and one written from what the input says.
pub(super) fn idx(data: &[u8]) {
    for bytes in as_it_is_and_sealed(data) {
        let Ok(idx) = Idx::parse(in_memory(bytes)) else { continue };
        for (id, at) in idx.ids().zip(0_u32..).take(1000) {
            assert_eq!(idx.id_at(at), Some(id));
            let _ = (idx.lookup(&id), idx.offset_at(at), idx.crc32_at(at), idx.neighbours(&id));
        }
        let _ = idx.lookup(&ObjectId::from([0xff; 20]));
        assert_eq!((idx.offset_at(idx.len()), idx.offset_at(u32::MAX), idx.id_at(u32::MAX)), (None, None, None));
    }
    let mut lines: Vec<IdxEntry> = data
        .as_chunks::<12>()
        .0
        .iter()
        .map(|raw| {
            let mut id = [0; 20];
            id[..4].copy_from_slice(&raw[..4]);
            let offset = raw[4..].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)) >> (raw[0] & 63);
            IdxEntry { id: ObjectId::from(id), offset, crc32: u32::from(raw[3]) }
        })
        .collect();
    lines.sort_by_key(|line| line.id);
    lines.dedup_by_key(|line| line.id);
    let read = Idx::parse(in_memory(idx::write(&lines, &[7; 20]))).unwrap();
    assert_eq!(read.len() as usize, lines.len());
    for (line, at) in lines.iter().zip(0..) {
        assert_eq!(read.lookup(&line.id), Some(at));
        assert_eq!((read.offset_at(at), read.crc32_at(at)), (Some(line.offset), Some(line.crc32)));
    }
}

/// `packed-refs` and a loose ref; what is read and has valid names is read again from what we write.
pub(super) fn refs(data: &[u8]) {
    parse_loose(data);
    let Ok(lines) = packed::parse(&String::from_utf8_lossy(data)) else { return };
    let mut list: Vec<Ref> = Vec::new();
    for line in lines {
        let Ok(name) = RefName::new(&line.name) else { continue };
        list.push(Ref { name, target: line.target, peeled: line.peeled });
    }
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list.dedup_by(|a, b| a.name == b.name);
    let table = RefTable::from_refs(list.clone());
    let again = packed::parse(&packed::render(&table)).unwrap();
    let again: Vec<_> = again.iter().map(|line| (line.name.as_str(), line.target, line.peeled)).collect();
    let expected: Vec<_> = list.iter().map(|r| (r.name.as_str(), r.target, r.peeled)).collect();
    assert_eq!(again, expected);
}

/// A loose object, deflated by the input or by us.
pub(super) fn loose(data: &[u8]) {
    let (form, data) = first(data);
    let file = if form & 1 == 0 { data.to_vec() } else { stored(data) };
    let mut out = Vec::new();
    if let Ok(kind) = read_loose(&file, &mut out) {
        let head = format!("{kind} {}\0", out.len()).into_bytes();
        if form & 1 == 1 {
            assert!(data.ends_with(&out));
            assert!(data.len() >= head.len() + out.len());
        }
    }
}

/// A commit-graph file: whatever it claims, questions about it have an answer.
pub(super) fn commit_graph(data: &[u8]) {
    for bytes in as_it_is_and_sealed(data) {
        let Ok(graph) = CommitGraph::parse(in_memory(bytes)) else { continue };
        let key = PathKey::new(b"dir/file");
        let mut parents = Vec::new();
        for position in 0..(graph.len() as u32).min(1000) {
            let id = graph.id(position).unwrap();
            assert_eq!(graph.lookup(&id), Some(position));
            let row = graph.row(position).unwrap();
            parents.clear();
            graph.parents(position, &mut parents).unwrap();
            for parent in &parents {
                assert!(graph.row(*parent).unwrap().generation < row.generation);
            }
            let _ = graph.verdict(position, &key);
        }
        assert!(graph.id(graph.len() as u32).is_none());
    }
}
