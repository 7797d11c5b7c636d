//! How packs are put together: reuse of stored entries over many packs, chains, large objects, and what leaves is what git reads.

use super::client::{Answer, ask, body, index, read_answer, rev_list};
use crate::{
    protocol::ProtocolVersion::{V0, V2},
    testgit::{Random, TestRepo, random_history},
    upload::UploadStats,
};

fn fetch(server: &TestRepo, options: &[&str], wants: &[String], haves: &[String]) -> (UploadStats, Answer) {
    let mut lines: Vec<String> = ["command=fetch", "0001"].iter().chain(options).map(|&line| line.to_owned()).collect();
    lines.extend(wants.iter().map(|id| format!("want {id}")));
    lines.extend(haves.iter().map(|id| format!("have {id}")));
    lines.extend(["done", "0000"].map(str::to_owned));
    let (result, bytes) = ask(&server.view(), V2, &body(&lines));
    (result.unwrap(), read_answer(&bytes, V2, true))
}

/// Reads every object of a repository and fails if git cannot.
fn read_everything(repo: &TestRepo) {
    repo.git(&["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn a_repository_grown_by_thin_packs_is_cloned_without_inflating() {
    for seed in 0..3 {
        let origin = TestRepo::new();
        random_history(&origin, &mut Random::new(400 + seed), 40);
        origin.git(&["repack", "-q", "-a", "-d", "-f"]);
        // A second repository takes the history in steps, each a thin pack that index-pack completes at its end.
        let grown = TestRepo::new();
        let commits = origin.git(&["rev-list", "--all", "--topo-order", "--reverse"]);
        let mut haves: Vec<String> = Vec::new();
        for step in commits.lines().collect::<Vec<_>>().chunks(4) {
            let wants: Vec<String> = step.iter().map(|&id| id.to_owned()).collect();
            let (_, answer) = fetch(&origin, &["thin-pack", "ofs-delta"], &wants, &haves);
            index(&grown, &answer.pack).unwrap();
            haves.extend(wants);
        }
        // Whatever was sent stays reachable, or its deltas would lose their bases.
        let tips = origin.git(&["rev-list", "--all", "--no-walk"]);
        let create: Vec<String> = tips.lines().map(|id| format!("create refs/heads/tip-{id} {id}\n")).collect();
        grown.git_with(&["update-ref", "--stdin"], create.concat().as_bytes());
        assert!(grown.pack_files("pack").len() > 5);
        read_everything(&grown);

        let wants: Vec<String> = grown.view().refs.iter().map(|item| item.target.to_string()).collect();
        let expected = rev_list(&grown, &["--objects", "--all"], "\n");
        for options in [&["ofs-delta"][..], &[]] {
            let (stats, answer) = fetch(&grown, options, &wants, &[]);
            let client = TestRepo::new();
            assert_eq!(index(&client, &answer.pack).unwrap(), expected);
            assert_eq!(stats.objects, expected.len() as u64);
            assert_eq!(stats.reused, stats.objects, "everything is stored in a usable form");
            assert!(answer.progress.contains(&format!("Total {}", expected.len())), "{}", answer.progress);
        }
    }
}

#[test]
fn long_chains_are_broken_and_large_objects_arrive() {
    let repo = TestRepo::new();
    let mut stream = String::new();
    let mut text: Vec<String> = (0..200).map(|n| format!("line {n} of a document that is long enough")).collect();
    for version in 0..600 {
        text[version % 200] = format!("line changed in version {version} of it all");
        let content = text.join("\n");
        let time = 1_600_000_000 + version;
        stream.push_str(&format!("commit refs/heads/main\ncommitter C <c@d> {time} +0000\ndata 1\nx\n"));
        stream.push_str(&format!("M 100644 inline doc\ndata {}\n{content}\n\n", content.len()));
    }
    let mut random = Random::new(1);
    let noise: String = (0..300_000).map(|_| format!("{:x}", random.next())).collect();
    stream.push_str("commit refs/heads/main\ncommitter C <c@d> 1700000000 +0000\ndata 1\nx\n");
    stream.push_str(&format!("M 100644 inline noise\ndata {}\n{noise}\n\n", noise.len()));
    repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], stream.as_bytes());
    repo.git(&["-c", "pack.threads=1", "repack", "-q", "-a", "-d", "-f", "--depth=4000", "--window=20"]);
    let wants = [repo.git(&["rev-parse", "main"])];
    let (stats, answer) = fetch(&repo, &["ofs-delta"], &wants, &[]);
    assert!(answer.pack.len() > 1 << 20);
    let client = TestRepo::new();
    let expected = rev_list(&repo, &["--objects", "--all"], "\n");
    assert_eq!(index(&client, &answer.pack).unwrap(), expected);
    client.git(&["update-ref", "refs/heads/main", &wants[0]]);
    read_everything(&client);
    let deepest = |repo: &TestRepo| -> u32 {
        let pack = repo.pack_files("idx").remove(0);
        let listed = repo.git(&["verify-pack", "-v", pack.to_str().unwrap()]);
        let depth = |line: &str| line.split_whitespace().nth(5).and_then(|depth| depth.parse::<u32>().ok());
        listed.lines().filter_map(depth).max().unwrap_or(0)
    };
    let (before, after) = (deepest(&repo), deepest(&client));
    assert!(before > 260 && after <= 250, "{before} {after}");
    assert!(stats.reused < stats.objects && stats.reused > stats.objects * 9 / 10, "{stats:?}");
}

#[test]
fn all_ways_of_wrapping_carry_the_same_objects() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(77), 30);
    let view = repo.view();
    let main = repo.git(&["rev-parse", "main"]);
    let expected = rev_list(&repo, &["--objects"], "main\n");
    for (caps, banded) in [
        ("", false),
        ("ofs-delta", false),
        ("side-band", true),
        ("side-band-64k ofs-delta", true),
        ("side-band-64k no-progress", true),
    ] {
        let (result, bytes) = ask(&view, V0, &body(&[&format!("want {main} {caps}"), "0000", "done"]));
        result.unwrap();
        let answer = read_answer(&bytes, V0, banded);
        assert_eq!(index(&TestRepo::new(), &answer.pack).unwrap(), expected, "{caps}");
        assert_eq!(answer.progress.is_empty(), !banded || caps.contains("no-progress"), "{caps}");
        assert_eq!(answer.lines.first().map(String::as_str), Some("NAK"));
    }
}

#[test]
fn up_to_date_clients_get_an_empty_pack() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(78), 10);
    let main = repo.git(&["rev-parse", "main"]);
    let (stats, answer) = fetch(&repo, &["thin-pack"], std::slice::from_ref(&main), std::slice::from_ref(&main));
    assert_eq!(stats.objects, 0);
    assert_eq!(answer.pack.len(), 32);
    assert_eq!(&answer.pack[..12], b"PACK\0\0\0\x02\0\0\0\0");
}
