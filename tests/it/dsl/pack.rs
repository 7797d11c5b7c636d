//! Packs and push requests made by hand, so that each byte of them can be wrong.
//!
//! Owns a small independent writer of git objects, pack entries and receive-pack requests, and a parser of reports.
//! Deliberately shares nothing with the server's git crate: one bug must not hide in both.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use sha1::{Digest, Sha1};

pub(crate) const ZERO: &str = "0000000000000000000000000000000000000000";

/// Kinds as the pack format numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Commit = 1,
    Tree = 2,
    Blob = 3,
    Tag = 4,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

pub(crate) fn sha1(bytes: &[u8]) -> [u8; 20] {
    let digest = Sha1::digest(bytes);
    let mut id = [0; 20];
    id.copy_from_slice(&digest);
    id
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> [u8; 20] {
    let mut id = [0; 20];
    for (index, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).unwrap();
    }
    id
}

/// The id of an object, as git computes it.
pub(crate) fn object_id(kind: Kind, data: &[u8]) -> String {
    let mut bytes = format!("{} {}\0", kind.name(), data.len()).into_bytes();
    bytes.extend_from_slice(data);
    hex(&sha1(&bytes))
}

/// A tree's bytes, in exactly the order given.
pub(crate) fn tree(entries: &[(&str, &[u8], &str)]) -> Vec<u8> {
    let mut data = Vec::new();
    for (mode, name, id) in entries {
        data.extend_from_slice(mode.as_bytes());
        data.push(b' ');
        data.extend_from_slice(name);
        data.push(0);
        data.extend_from_slice(&unhex(id));
    }
    data
}

pub(crate) fn commit(tree: &str, parents: &[&str], message: &str) -> Vec<u8> {
    let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
    let who = "Mallory <mallory@example.org> 1700000000 +0000";
    format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\n{message}\n").into_bytes()
}

pub(crate) fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The variable-length entry header: kind and declared size.
pub(crate) fn entry_header(kind: u8, size: u64) -> Vec<u8> {
    let mut header = Vec::new();
    let mut byte = (kind << 4) | (size & 15) as u8;
    let mut rest = size >> 4;
    while rest > 0 {
        header.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    header.push(byte);
    header
}

fn delta_size(mut size: u64, out: &mut Vec<u8>) {
    loop {
        let byte = (size & 0x7f) as u8;
        size >>= 7;
        if size == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Delta instructions with freely chosen header sizes.
pub(crate) fn delta(base_size: u64, result_size: u64, instructions: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    delta_size(base_size, &mut data);
    delta_size(result_size, &mut data);
    data.extend_from_slice(instructions);
    data
}

/// An instruction that copies `size` bytes of the base from `offset`.
pub(crate) fn copy(offset: u32, size: u32) -> Vec<u8> {
    let mut bytes = vec![0xff];
    bytes.extend_from_slice(&offset.to_le_bytes());
    bytes.extend_from_slice(&size.to_le_bytes()[..3]);
    bytes
}

/// An instruction that inserts up to 127 literal bytes.
pub(crate) fn insert(text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![text.len() as u8];
    bytes.extend_from_slice(text);
    bytes
}

/// A pack under construction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pack {
    entries: Vec<u8>,
    count: u32,
    claimed: Option<u32>,
    version: Option<u32>,
}

impl Pack {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The same entries under a header that lies about their number or the format's version.
    pub(crate) fn lying(&self, claimed: Option<u32>, version: Option<u32>) -> Self {
        Self { claimed, version, ..self.clone() }
    }

    /// The offset at which the next entry will start.
    pub(crate) fn offset(&self) -> u64 {
        12 + self.entries.len() as u64
    }

    /// Adds a whole object and gives its id.
    pub(crate) fn add(&mut self, kind: Kind, data: &[u8]) -> String {
        self.add_raw(&entry_header(kind as u8, data.len() as u64), &deflate(data));
        object_id(kind, data)
    }

    /// Adds an entry from its parts.
    pub(crate) fn add_raw(&mut self, header: &[u8], stream: &[u8]) {
        self.entries.extend_from_slice(header);
        self.entries.extend_from_slice(stream);
        self.count += 1;
    }

    pub(crate) fn add_ref_delta(&mut self, base: &str, delta: &[u8]) {
        let mut header = entry_header(7, delta.len() as u64);
        header.extend_from_slice(&unhex(base));
        self.add_raw(&header, &deflate(delta));
    }

    pub(crate) fn add_ofs_delta(&mut self, distance: u64, delta: &[u8]) {
        let mut header = entry_header(6, delta.len() as u64);
        let mut encoded = vec![(distance & 0x7f) as u8];
        let mut rest = distance >> 7;
        while rest > 0 {
            rest -= 1;
            encoded.push(0x80 | (rest & 0x7f) as u8);
            rest >>= 7;
        }
        encoded.reverse();
        header.extend_from_slice(&encoded);
        self.add_raw(&header, &deflate(delta));
    }

    /// A commit with one file, as three objects; gives the commit's id.
    pub(crate) fn add_commit(&mut self, parents: &[&str], file: &str, content: &[u8]) -> String {
        let blob = self.add(Kind::Blob, content);
        let tree = self.add(Kind::Tree, &tree(&[("100644", file.as_bytes(), &blob)]));
        self.add(Kind::Commit, &commit(&tree, parents, &format!("Add {file}")))
    }

    /// Header and entries without the trailer.
    pub(crate) fn without_trailer(&self) -> Vec<u8> {
        let mut bytes = b"PACK".to_vec();
        bytes.extend_from_slice(&self.version.unwrap_or(2).to_be_bytes());
        bytes.extend_from_slice(&self.claimed.unwrap_or(self.count).to_be_bytes());
        bytes.extend_from_slice(&self.entries);
        bytes
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.without_trailer();
        let trailer = sha1(&bytes);
        bytes.extend_from_slice(&trailer);
        bytes
    }
}

pub(crate) fn pkt(payload: &[u8]) -> Vec<u8> {
    let mut line = format!("{:04x}", payload.len() + 4).into_bytes();
    line.extend_from_slice(payload);
    line
}

/// A receive-pack request body: commands, flush, pack.
pub(crate) fn push_body(commands: &[(&str, &str, &[u8])], capabilities: &str, pack: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (index, (old, new, name)) in commands.iter().enumerate() {
        let mut line = format!("{old} {new} ").into_bytes();
        line.extend_from_slice(name);
        if index == 0 {
            line.push(0);
            line.extend_from_slice(capabilities.as_bytes());
        }
        line.push(b'\n');
        body.extend(pkt(&line));
    }
    body.extend_from_slice(b"0000");
    body.extend_from_slice(pack);
    body
}

/// What receive-pack reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// `ok`, or why the pack was refused.
    pub(crate) unpack: String,
    /// One entry a ref: its name, and why it was refused if it was.
    pub(crate) refs: Vec<(String, Result<(), String>)>,
    /// Everything sent on the progress and error bands.
    pub(crate) chatter: String,
}

/// Splits pkt-lines; flush and delimiter packets become `None`.
pub(crate) fn packets(mut bytes: &[u8]) -> Result<Vec<Option<Vec<u8>>>, String> {
    let mut lines = Vec::new();
    while !bytes.is_empty() {
        let head = bytes.get(..4).and_then(|head| std::str::from_utf8(head).ok());
        let length = head.and_then(|head| usize::from_str_radix(head, 16).ok());
        let length = length.ok_or_else(|| format!("no packet line in {:?}", String::from_utf8_lossy(bytes)))?;
        if length < 4 {
            lines.push(None);
            bytes = &bytes[4..];
        } else {
            let line = bytes.get(4..length).ok_or_else(|| format!("packet of {length} bytes is cut short"))?;
            lines.push(Some(line.to_vec()));
            bytes = &bytes[length..];
        }
    }
    Ok(lines)
}

impl Report {
    /// Reads a report, side-banded or not.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        let mut lines = packets(body)?;
        let mut report = Self::default();
        let banded = lines.iter().flatten().next().is_some_and(|line| matches!(line.first(), Some(1..=3)));
        if banded {
            let mut inner = Vec::new();
            for line in lines.into_iter().flatten() {
                match line.split_first() {
                    Some((1, rest)) => inner.extend_from_slice(rest),
                    Some((_, rest)) => report.chatter.push_str(&String::from_utf8_lossy(rest)),
                    None => {}
                }
            }
            lines = packets(&inner)?;
        }
        for line in lines.into_iter().flatten() {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if let Some(rest) = line.strip_prefix("unpack ") {
                report.unpack = rest.to_owned();
            } else if let Some(name) = line.strip_prefix("ok ") {
                report.refs.push((name.to_owned(), Ok(())));
            } else if let Some(rest) = line.strip_prefix("ng ") {
                let (name, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                report.refs.push((name.to_owned(), Err(reason.to_owned())));
            } else if let Some(text) = line.strip_prefix("ERR ") {
                report.chatter.push_str(text);
            } else if !line.starts_with("option ") {
                return Err(format!("unexpected line {line:?}"));
            }
        }
        Ok(report)
    }

    /// Whether the pack and every ref were accepted.
    pub(crate) fn is_ok(&self) -> bool {
        self.unpack == "ok" && !self.refs.is_empty() && self.refs.iter().all(|(_, outcome)| outcome.is_ok())
    }
}

#[test]
fn a_pack_made_by_hand_is_one_that_git_accepts() {
    let git = super::git::Git::new();
    let repository = git.init("r");
    let mut pack = Pack::new();
    let base = vec![b'a'; 300];
    let base_at = pack.offset();
    pack.add(Kind::Blob, &base);
    let instructions = [copy(0, 300), insert(b"tail")].concat();
    let distance = pack.offset() - base_at;
    pack.add_ofs_delta(distance, &delta(300, 304, &instructions));
    let tip = pack.add_commit(&[], "SOP-001.md", b"# SOP\n");
    repository.run_with_input(&["index-pack", "--stdin", "--strict"], &pack.bytes()).ok();
    assert_eq!(repository.ok(&["cat-file", "-t", &tip]), "commit");
    let longer = object_id(Kind::Blob, &[base.as_slice(), b"tail"].concat());
    assert_eq!(repository.ok(&["cat-file", "-s", &longer]), "304");
}
