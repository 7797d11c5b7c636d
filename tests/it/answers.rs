//! Kept answers: whatever is kept, wherever, each client gets exactly what the refs reach at that moment, and what is gone is gone.

use std::collections::BTreeSet;

use crate::dsl::chance::Chance;
use crate::dsl::forge::Start;
use crate::dsl::pack::pkt;
use crate::dsl::{Call, Forge, Git, PROTOCOLS, Persona};
use crate::random_walk::change;

/// Settings under which answers are kept in memory and on disk, on disk only, and nowhere.
const PLACES: [(&str, &[(&str, u64)]); 3] = [
    ("memory", &[]),
    ("disk", &[("answer_cache_memory_bytes", 0)]),
    ("nowhere", &[("answer_cache_memory_bytes", 0), ("answer_cache_disk_bytes", 0)]),
];

/// A server that is going to keep answers at one of [`PLACES`].
pub(crate) fn keeping(place: &str) -> Start {
    let (_, settings) = PLACES.iter().find(|(name, _)| *name == place).unwrap();
    settings.iter().fold(Forge::with(), |start, (key, value)| start.setting("git", key, value))
}

/// A server that keeps answers at one of [`PLACES`].
pub(crate) fn forge_keeping(place: &str) -> Forge {
    keeping(place).start()
}

/// How many answers came from somewhere.
pub(crate) fn answers_from(forge: &Forge, from: &str) -> u64 {
    let text = forge.get("/metrics").expect(200).text();
    let line = format!("atomicqms_answers_total{{from=\"{from}\"}} ");
    text.lines().find_map(|text| text.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

/// Every object in a repository.
fn objects(git: &Git) -> BTreeSet<String> {
    let list = git.ok(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
    list.lines().map(str::to_owned).collect()
}

/// Every object that some revisions reach.
fn reach(git: &Git, revisions: &[&str]) -> BTreeSet<String> {
    let list = git.ok(&[&["rev-list", "--objects", "--no-object-names"], revisions].concat());
    list.lines().map(str::to_owned).collect()
}

/// Clones, and fetches, asked for several times between pushes that grow, rewrite, tag and delete.
fn interleave(place: &str) {
    let mut chance = Chance::from_environment("kept answers");
    let forge = forge_keeping(place);
    let ada = forge.user("ada");
    let repository = ada.create_repository("life");
    let url = ada.url(&repository);
    let work = Git::new().init("work");
    work.commit("README.md", "A life.\n");
    // Large enough to travel in pieces.
    let noise: String = (0..300_000).map(|_| char::from(b'!' + chance.below(90) as u8)).collect();
    work.commit("plan.txt", &noise);
    work.ok(&["push", "--quiet", &url, "main"]);
    let follower = Git::new();
    follower.ok(&["init", "--quiet", "--bare", "copy.git"]);
    let follower = follower.at("copy.git");
    for step in 0..8 {
        change(&work, &mut chance, step);
        work.ok(&["push", "--quiet", "--mirror", &url]);
        let all = reach(&work, &["--all"]);
        // The same in all turns: an answer is kept for those who ask alike, and the third one gets it from disk.
        let protocol = *chance.pick(&PROTOCOLS);
        for turn in 0..3 {
            let told = format!("{place}, step {step}, turn {turn}");
            let fresh = Git::new().protocol(protocol);
            fresh.ok(&["clone", "--quiet", "--mirror", &url, "whole.git"]);
            let whole = fresh.at("whole.git");
            assert_eq!(objects(&whole), all, "{told}: a clone");
            assert_eq!(whole.refs(), work.refs(), "{told}");
            whole.fsck();
            fresh.ok(&["clone", "--quiet", "--bare", "--depth=1", "--single-branch", &url, "tip.git"]);
            let tip = reach(&fresh.at("tip.git"), &["HEAD"]);
            assert_eq!(objects(&fresh.at("tip.git")), tip, "{told}: only the tip");
            assert!(tip.is_subset(&all), "{told}");
        }
        if step % 2 == 1 {
            let before = objects(&follower);
            follower.ok(&["fetch", "--quiet", "--prune", "--force", &url, "+refs/*:refs/*"]);
            let after = objects(&follower);
            assert!(after.is_superset(&all), "{place}, step {step}: a fetch lacks nothing");
            assert!(after.difference(&before).all(|id| all.contains(id)), "{place}, step {step}: and holds no more");
            follower.fsck();
        }
    }
    let came = |from| answers_from(&forge, from);
    assert!(came("made") > 0);
    match place {
        "memory" => assert!(came("memory") > 0 && came("disk") > 0, "{} and {}", came("memory"), came("disk")),
        "disk" => assert!(came("memory") == 0 && came("disk") > 0),
        _ => assert!(came("memory") == 0 && came("disk") == 0 && came("shared") == 0),
    }
    forge.finish();
}

#[test]
fn clients_get_what_refs_reach_with_answers_in_memory() {
    interleave("memory");
}

#[test]
fn clients_get_what_refs_reach_with_answers_on_disk() {
    interleave("disk");
}

#[test]
fn clients_get_what_refs_reach_without_kept_answers() {
    interleave("nowhere");
}

/// A fetch of one commit with nothing at hand.
fn fetch_of(id: &str) -> Vec<u8> {
    let lines = ["command=fetch\n", "DELIM", "no-progress\n", &format!("want {id}\n"), "done\n"];
    let packets = lines.iter().map(|line| match *line {
        "DELIM" => b"0001".to_vec(),
        line => pkt(line.as_bytes()),
    });
    [packets.collect::<Vec<_>>().concat(), b"0000".to_vec()].concat()
}

fn ask(persona: &Persona, repository: &str, body: &[u8]) -> Vec<u8> {
    let call = Call::new("POST", &format!("/{repository}.git/git-upload-pack")).header("Git-Protocol", "version=2");
    persona.send(call.body("application/x-git-upload-pack-request", body.to_vec())).expect(200).body
}

#[test]
fn what_was_taken_out_of_a_repository_leaves_through_no_kept_answer() {
    for place in ["memory", "disk"] {
        let forge = forge_keeping(place);
        let ada = forge.user("ada");
        let repository = ada.create_repository("sop");
        let url = ada.url(&repository);
        let work = Git::new().init("work");
        work.commit("README.md", "known\n");
        work.ok(&["push", "--quiet", &url, "main"]);
        for forced in [true, false] {
            let branch = if forced { "main" } else { "leak" };
            work.ok(&["checkout", "--quiet", "-B", branch]);
            work.commit("secret.txt", &format!("the password of {place}, {forced}\n"));
            let secret = work.ok(&["rev-parse", "HEAD"]);
            work.ok(&["push", "--quiet", &url, branch]);
            let request = fetch_of(&secret);
            let answers: Vec<_> = (0..4).map(|_| ask(&ada, &repository, &request)).collect();
            let pack_at = |answer: &[u8]| answer.windows(4).any(|window| window == b"PACK");
            assert!(answers.iter().all(|answer| pack_at(answer)), "{place}: sent while it is there");
            assert!(answers_from(&forge, place) > 0, "{place}: and kept");
            match forced {
                true => {
                    work.ok(&["reset", "--quiet", "--hard", "HEAD~1"]);
                    work.ok(&["push", "--quiet", "--force", &url, "main"]);
                }
                false => {
                    work.ok(&["checkout", "--quiet", "main"]);
                    work.ok(&["branch", "--quiet", "-D", "leak"]);
                    work.ok(&["push", "--quiet", "--delete", &url, "leak"]);
                }
            }
            let all = reach(&work, &["main"]);
            for _ in 0..4 {
                let refusal = ask(&ada, &repository, &request);
                assert!(!pack_at(&refusal), "{place}: the same request after it is gone");
                assert!(String::from_utf8_lossy(&refusal).contains("not our ref"), "{place}");
                let fresh = Git::new();
                fresh.ok(&["clone", "--quiet", "--mirror", &url, "whole.git"]);
                assert_eq!(objects(&fresh.at("whole.git")), all, "{place}");
            }
        }
        forge.finish();
    }
}

#[test]
fn clones_go_on_when_answers_cannot_be_kept_on_disk() {
    let home = tempfile::TempDir::with_prefix("atomicqms-cache-").unwrap();
    // Where the directory should be lies a file.
    std::fs::write(home.path().join("cache"), b"in the way").unwrap();
    let forge = Forge::with().setting("git", "answer_cache_memory_bytes", 0).data_dir(home.path()).start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let work = Git::new().init("work");
    work.commit("README.md", "whole\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    let all = reach(&work, &["main"]);
    for _ in 0..4 {
        let fresh = Git::new();
        fresh.ok(&["clone", "--quiet", "--mirror", &ada.url(&repository), "whole.git"]);
        assert_eq!(objects(&fresh.at("whole.git")), all);
    }
    assert_eq!(answers_from(&forge, "disk"), 0);
    assert!(forge.log().contains("cannot be written to the cache on disk"), "and it is said");
    forge.finish();
}
