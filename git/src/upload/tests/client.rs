//! A fetching client in a few lines: requests, answers taken apart, and packs checked by real git.

use std::{collections::BTreeSet, sync::atomic::AtomicBool};

use crate::{
    Limits, ObjectId, View,
    error::Error,
    pack::Pack,
    pktline::{self, Packet, Packets},
    protocol::ProtocolVersion,
    testgit::TestRepo,
    upload::{UploadStats, respond},
};

/// Builds request bodies: `0000` and `0001` are special packets, everything else is a line.
pub(in crate::upload) fn body(lines: &[impl AsRef<str>]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        match line.as_ref() {
            "0000" => pktline::put_flush(&mut out),
            "0001" => pktline::put_delim(&mut out),
            line => pktline::put_text(&mut out, line),
        }
    }
    out
}

/// An answer taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::upload) struct Answer {
    /// Lines before the pack; special packets as `0000` and `0001`.
    pub(in crate::upload) lines: Vec<String>,
    pub(in crate::upload) pack: Vec<u8>,
    pub(in crate::upload) progress: String,
    pub(in crate::upload) error: Option<String>,
}

/// Takes an answer apart; `banded` says how the pack is wrapped.
pub(in crate::upload) fn read_answer(mut bytes: &[u8], version: ProtocolVersion, banded: bool) -> Answer {
    let mut answer = Answer::default();
    let is_v2 = version == ProtocolVersion::V2;
    let mut in_pack = false;
    while !bytes.is_empty() {
        if !is_v2 && !banded && bytes.starts_with(b"PACK") {
            answer.pack = bytes.to_vec();
            return answer;
        }
        let mut packets = Packets::new(bytes);
        let packet =
            packets.next().unwrap().unwrap_or_else(|error| panic!("{error} at {:?}", &bytes[..bytes.len().min(50)]));
        bytes = packets.rest();
        match packet {
            Packet::Flush => answer.lines.push("0000".into()),
            Packet::Delim => answer.lines.push("0001".into()),
            Packet::ResponseEnd => panic!("response end"),
            Packet::Data([1, data @ ..]) => {
                in_pack = true;
                answer.pack.extend_from_slice(data);
            }
            Packet::Data([2, data @ ..]) => {
                in_pack = true;
                answer.progress.push_str(&String::from_utf8_lossy(data));
            }
            Packet::Data([3, data @ ..]) => answer.error = Some(String::from_utf8_lossy(data).into_owned()),
            Packet::Data(_) => {
                assert!(!in_pack, "a line after the pack has begun");
                let line = String::from_utf8_lossy(packet.text().unwrap()).into_owned();
                match line.strip_prefix("ERR ") {
                    Some(error) => answer.error = Some(error.to_owned()),
                    None => answer.lines.push(line),
                }
            }
        }
    }
    answer
}

/// Asks our server.
pub(in crate::upload) fn ask(
    view: &View,
    version: ProtocolVersion,
    request: &[u8],
) -> (Result<UploadStats, Error>, Vec<u8>) {
    let mut out = Vec::new();
    let result = respond(view, version, request, &Limits::default(), &mut out, &AtomicBool::new(false));
    if let Ok(stats) = &result {
        assert_eq!(stats.bytes, out.len() as u64);
    }
    (result, out)
}

/// Asks git's own server.
pub(in crate::upload) fn ask_git(repo: &TestRepo, version: ProtocolVersion, request: &[u8]) -> Vec<u8> {
    try_git(repo, version, request).1
}

/// The same, with whether git ended well.
pub(in crate::upload) fn try_git(repo: &TestRepo, version: ProtocolVersion, request: &[u8]) -> (bool, Vec<u8>) {
    let protocol = match version {
        ProtocolVersion::V0 => "version=0",
        ProtocolVersion::V1 => "version=1",
        ProtocolVersion::V2 => "version=2",
    };
    let options = [
        "uploadpack.allowFilter=true",
        "uploadpack.allowReachableSHA1InWant=true",
        "uploadpack.allowAnySHA1InWant=true",
        "uploadpack.allowRefInWant=true",
        "uploadpack.allowSidebandAll=true",
        "transfer.advertiseObjectInfo=true",
    ];
    let mut args: Vec<&str> = options.iter().flat_map(|option| ["-c", option]).collect();
    args.extend(["upload-pack", "--stateless-rpc", "."]);
    let (ok, answer, _) = repo.run(&args, request, &[("GIT_PROTOCOL", protocol)]);
    (ok, answer)
}

/// The ids git lists for these revisions.
pub(in crate::upload) fn rev_list(repo: &TestRepo, args: &[&str], tips: &str) -> BTreeSet<String> {
    let list = repo.git_with(&[&["rev-list", "--stdin"], args].concat(), tips.as_bytes());
    list.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// A repository that holds exactly what these commits reach.
pub(in crate::upload) fn client_with(server: &TestRepo, haves: &[String]) -> TestRepo {
    let client = TestRepo::new();
    if haves.is_empty() {
        return client;
    }
    let (ok, pack, error) =
        server.run(&["pack-objects", "--revs", "--stdout", "-q"], (haves.join("\n") + "\n").as_bytes(), &[]);
    assert!(ok, "{error}");
    client.git_with(&["index-pack", "--stdin"], &pack);
    client
}

/// Lets git index a pack where the client is, and returns the ids that were really in it.
pub(in crate::upload) fn index(client: &TestRepo, pack: &[u8]) -> Result<BTreeSet<String>, String> {
    index_with(client, pack, &["index-pack", "--stdin", "--strict", "--fix-thin"])
}

/// The same for packs that leave something out.
pub(in crate::upload) fn index_loosely(client: &TestRepo, pack: &[u8]) -> BTreeSet<String> {
    index_with(client, pack, &["index-pack", "--stdin", "--fix-thin"]).unwrap()
}

fn index_with(client: &TestRepo, pack: &[u8], args: &[&str]) -> Result<BTreeSet<String>, String> {
    assert!(pack.starts_with(b"PACK"), "no pack: {:?}", &pack[..pack.len().min(60)]);
    let count = u32::from_be_bytes(pack[8..12].try_into().unwrap()) as usize;
    let (ok, out, error) = client.run(args, pack, &[]);
    if !ok {
        return Err(error);
    }
    let name = String::from_utf8(out).unwrap().trim().trim_start_matches("pack\t").to_owned();
    let stored = Pack::open(&client.path().join(format!("objects/pack/pack-{name}.pack"))).unwrap();
    // Bases that complete a thin pack come after what was sent.
    let end = pack.len() as u64 - 20;
    let was_sent = |(_, index): &(ObjectId, u32)| stored.idx().offset_at(*index).unwrap() < end;
    let ids: BTreeSet<String> =
        stored.idx().ids().zip(0_u32..).filter(was_sent).map(|(id, _)| id.to_string()).collect();
    assert_eq!(ids.len(), count, "an object was sent twice");
    Ok(ids)
}
