//! Advertisements against those of real git on the same repository, capability words aside.

use super::*;
use crate::{
    pktline::{Packet, Packets},
    testgit::{Random, TestRepo, random_history},
};

fn options() -> AdvertiseOptions<'static> {
    AdvertiseOptions {
        stateless: true,
        agent: "atomicqms/test",
        preamble: false,
        hidden_prefixes: &["refs/pull/"],
        ref_in_want: true,
        bundle_uri: false,
        push_cert_nonce: None,
    }
}

/// Lines of an advertisement and, apart from them, its capabilities, sorted.
fn read(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut caps = Vec::new();
    let mut lines = Vec::new();
    for packet in Packets::new(bytes) {
        let packet = packet.unwrap();
        let Some(text) = packet.text() else {
            assert_eq!(packet, Packet::Flush);
            lines.push("0000".into());
            continue;
        };
        let text = String::from_utf8(text.to_vec()).unwrap();
        let (line, words) = text.split_once('\0').unwrap_or((&text, ""));
        caps.extend(words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned));
        lines.push(line.to_owned());
    }
    caps.retain(|word| !word.starts_with("agent="));
    caps.sort();
    (lines, caps)
}

fn from_git(repo: &TestRepo, service: &str, version: u32) -> (Vec<String>, Vec<String>) {
    let settings = [
        "uploadpack.allowFilter=true",
        "uploadpack.allowReachableSHA1InWant=true",
        "uploadpack.allowTipSHA1InWant=true",
        "uploadpack.allowRefInWant=true",
        "uploadpack.allowSidebandAll=true",
        "transfer.advertiseObjectInfo=true",
        "receive.advertisePushOptions=true",
    ];
    let mut args: Vec<&str> = settings.iter().flat_map(|setting| ["-c", setting]).collect();
    args.extend([service, "--stateless-rpc", "--http-backend-info-refs", "."]);
    let (ok, out, error) = repo.run(&args, &[], &[("GIT_PROTOCOL", &format!("version={version}"))]);
    assert!(ok, "{error}");
    read(&out)
}

fn compare(repo: &TestRepo) {
    let view = repo.view();
    for (version, number) in [(ProtocolVersion::V0, 0), (ProtocolVersion::V1, 1)] {
        let ours = read(&advertise(&view, Service::UploadPack, version, &options()));
        let git = from_git(repo, "upload-pack", number);
        if view.refs.is_empty() && git.1.is_empty() {
            // Git tells capabilities of an empty repository since 2.41 only.
            let at = usize::from(version == ProtocolVersion::V1);
            assert_eq!(ours.0[at..], [format!("{} capabilities^{{}}", "0".repeat(40)), "0000".into()]);
            assert!(ours.1.contains(&"side-band-64k".to_owned()));
        } else {
            assert_eq!(ours, git);
        }
        let ours = read(&advertise(&view, Service::ReceivePack, version, &options()));
        assert_eq!(ours, from_git(repo, "receive-pack", number));
    }
    let v2 = read(&advertise(&view, Service::UploadPack, ProtocolVersion::V2, &options()));
    let (mut git, _) = from_git(repo, "upload-pack", 2);
    let mut ours = v2.0;
    for lines in [&mut ours, &mut git] {
        lines.retain(|line| !line.starts_with("agent="));
    }
    assert_eq!(ours, git);
}

#[test]
fn an_empty_repository_is_advertised_like_git_does() {
    compare(&TestRepo::new());
}

#[test]
fn refs_and_tags_are_advertised_like_git_does() {
    for seed in 0..5 {
        let repo = TestRepo::new();
        random_history(&repo, &mut Random::new(seed), 6);
        compare(&repo);
        // HEAD that names nothing.
        repo.git(&["update-ref", "-d", "refs/heads/main"]);
        compare(&repo);
    }
}

#[test]
fn only_version_two_has_no_preamble() {
    let view = TestRepo::new().view();
    let options = AdvertiseOptions { preamble: true, ..options() };
    let upload = |version| advertise(&view, Service::UploadPack, version, &options);
    assert!(upload(ProtocolVersion::V0).starts_with(b"001e# service=git-upload-pack\n0000"));
    assert!(upload(ProtocolVersion::V1).starts_with(b"001e# service=git-upload-pack\n0000000eversion 1\n"));
    assert!(upload(ProtocolVersion::V2).starts_with(b"000eversion 2\n"));
    // As with git, refs are wanted by name only where that was asked for.
    let by_name = |options| {
        String::from_utf8(advertise(&view, Service::UploadPack, ProtocolVersion::V2, options).to_vec()).unwrap()
    };
    assert!(by_name(&options).contains(" ref-in-want "));
    assert!(!by_name(&AdvertiseOptions { ref_in_want: false, ..options }).contains("ref-in-want"));
    let receive = advertise(&view, Service::ReceivePack, ProtocolVersion::V2, &options);
    assert!(receive.starts_with(b"001f# service=git-receive-pack\n0000"));
}

#[test]
fn hidden_refs_are_kept_from_pushing_clients_only() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(1), 3);
    repo.git(&["update-ref", "refs/pull/1/head", "refs/heads/main"]);
    let view = repo.view();
    let shows = |service| {
        let bytes = advertise(&view, service, ProtocolVersion::V0, &options());
        read(&bytes).0.iter().any(|line| line.ends_with(" refs/pull/1/head"))
    };
    assert!(shows(Service::UploadPack));
    assert!(!shows(Service::ReceivePack));
}
