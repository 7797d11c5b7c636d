//! A long random life of one repository, held against stock git at every step; and requests damaged at random.

use crate::dsl::chance::Chance;
use crate::dsl::pack::{Kind, Pack, ZERO, copy, delta, insert, pkt, push_body};
use crate::dsl::{Call, Forge, Git};
use crate::hostile_packs::Target;

/// Changes some refs of `work` at random: grows, forks, rewrites, merges, tags, deletes.
pub(crate) fn change(work: &Git, chance: &mut Chance, step: u64) {
    let mut stream = String::new();
    for turn in 0..=chance.below(4) {
        let branch = format!("refs/heads/b{}", chance.below(6));
        let from = format!("refs/heads/b{}", chance.below(6));
        let exists = |name: &str| work.run(&["rev-parse", "--verify", "--quiet", name]).success;
        match chance.below(8) {
            0 => {
                work.run(&["update-ref", "-d", &branch]);
            }
            1 if exists(&from) => {
                work.run(&["update-ref", &branch, &format!("{from}~{}", chance.below(3))]);
            }
            2 if exists(&from) => {
                let name = format!("t{step}-{turn}");
                work.ok(&["tag", "--annotate", "--message", &name, &name, &from]);
                if chance.below(2) == 0 {
                    work.ok(&["tag", "--annotate", "--message", "of a tag", &format!("tt{step}-{turn}"), &name]);
                }
            }
            choice => {
                let merge = choice == 3 && exists(&from) && exists(&branch) && from != branch;
                let text = "line\n".repeat(1 + chance.below(400) as usize);
                let file = format!("SOP-{:02}.md", chance.below(12));
                let parent = if exists(&branch) { format!("from {branch}^0\n") } else { String::new() };
                let second = if merge { format!("merge {from}^0\n") } else { String::new() };
                let content = format!("step {step} turn {turn}\n{text}");
                stream.clear();
                stream.push_str(&format!(
                    "commit {branch}\ncommitter Ada <ada@example.org> {} +0000\ndata 1\nx\n{parent}{second}\
                     M 100644 inline {file}\ndata {}\n{content}\nM 100644 inline dir{}/note.md\ndata 2\n{turn}\n\n",
                    1_700_000_000 + step,
                    content.len(),
                    chance.below(3)
                ));
                work.run_with_input(&["fast-import", "--quiet", "--force"], stream.as_bytes()).ok();
            }
        }
    }
}

#[test]
fn a_random_life_never_differs_from_stock_git() {
    let mut chance = Chance::from_environment("random life");
    let mut forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("life");
    // The default branch cannot be deleted, so it stays out of the game.
    let work = Git::new().init("work");
    work.commit("README.md", "A life.\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    let followers: Vec<Git> = (0..3)
        .map(|version| {
            let git = Git::new().protocol(version);
            git.ok(&["init", "--quiet", "--bare", "copy.git"]);
            git.at("copy.git")
        })
        .collect();
    for step in 0..45 {
        change(&work, &mut chance, step);
        let pusher = work.protocol(chance.below(3) as u8);
        pusher.ok(&["push", "--quiet", "--mirror", &ada.url(&repository)]);
        assert_eq!(forge.server_git(&repository).refs(), work.refs(), "step {step}");
        // Each follower fetches now and then, so that they are differently far behind.
        let follower = chance.pick(&followers);
        follower.ok(&["fetch", "--quiet", "--prune", "--force", &ada.url(&repository), "+refs/*:refs/*"]);
        assert_eq!(follower.refs(), work.refs(), "step {step}: a fetch over {:?}", follower.dir());
        if step % 9 == 8 {
            follower.fsck();
            let fresh = Git::new().protocol(chance.below(3) as u8);
            fresh.ok(&["clone", "--quiet", "--mirror", &ada.url(&repository), "fresh.git"]);
            assert_eq!(fresh.at("fresh.git").refs(), work.refs(), "step {step}");
            fresh.at("fresh.git").fsck();
        }
        if step == 20 {
            forge.stop();
            forge.restart();
        }
    }
    forge.finish();
}

/// Damages bytes at one or a few places.
fn damage(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    for _ in 0..=chance.below(3) {
        if damaged.is_empty() {
            return damaged;
        }
        let at = chance.below(damaged.len() as u64) as usize;
        match chance.below(5) {
            0 => damaged[at] ^= 1 << chance.below(8),
            1 => damaged.truncate(at),
            2 => damaged[at] = *chance.pick(&[0, 0xff, 0x7f, 0x80, b'0', b'\n']),
            3 => {
                let end = (at + 1 + chance.below(40) as usize).min(damaged.len());
                let part = damaged[at..end].to_vec();
                damaged.splice(at..at, part);
            }
            _ => {
                let end = (at + 1 + chance.below(40) as usize).min(damaged.len());
                damaged.drain(at..end);
            }
        }
    }
    damaged
}

#[test]
fn randomly_damaged_pushes_never_hurt() {
    let mut chance = Chance::from_environment("damaged pushes");
    let target = Target::new(Forge::start());
    let mut pack = Pack::new();
    let base_at = pack.offset();
    pack.add(Kind::Blob, &[b'q'; 600]);
    let distance = pack.offset() - base_at;
    pack.add_ofs_delta(distance, &delta(600, 605, &[copy(0, 600), insert(b"hello")].concat()));
    let tip = pack.add_commit(&[&target.tip], "b.md", b"an honest change\n");
    let body = push_body(&[(ZERO, &tip, b"refs/heads/attack")], "report-status", &pack.bytes());
    for round in 0..400 {
        let damaged = damage(&body, &mut chance);
        let reply = target.mallory.push_raw(&target.repository, damaged.clone());
        assert!(reply.reply.status < 500, "round {round}: {reply:?}");
        // Where the damage was to a name or to the capabilities it may be a harmless other push. Take that back.
        let evidence = target.forge.evidence();
        for (name, value) in evidence.refs(evidence.repository_id(&target.repository)) {
            if name != "refs/heads/main" {
                let undo = target.mallory.push_one(&target.repository, (&value, ZERO, name.as_bytes()), b"");
                assert!(undo.accepted(), "round {round}: {undo:?}");
            }
        }
    }
    target.forge.assert_alive("400 damaged pushes");
    target.forge.finish();
}

#[test]
fn randomly_damaged_fetches_never_hurt() {
    let mut chance = Chance::from_environment("damaged fetches");
    let target = Target::new(Forge::start());
    let want = format!("want {} multi_ack_detailed no-done side-band-64k thin-pack ofs-delta agent=x\n", target.tip);
    let v0 = [pkt(want.as_bytes()), b"0000".to_vec(), pkt(format!("have {}\n", target.tip).as_bytes()), pkt(b"done\n")]
        .concat();
    let v2 = [
        pkt(b"command=fetch\n"),
        pkt(b"agent=x\n"),
        pkt(b"object-format=sha1\n"),
        b"0001".to_vec(),
        pkt(b"thin-pack\n"),
        pkt(b"ofs-delta\n"),
        pkt(b"deepen 1\n"),
        pkt(format!("want {}\n", target.tip).as_bytes()),
        pkt(format!("have {}\n", target.tip).as_bytes()),
        pkt(b"done\n"),
        b"0000".to_vec(),
    ]
    .concat();
    let ls = [
        pkt(b"command=ls-refs\n"),
        b"0001".to_vec(),
        pkt(b"peel\n"),
        pkt(b"ref-prefix refs/heads/\n"),
        b"0000".to_vec(),
    ]
    .concat();
    for round in 0..400 {
        let (version, body) = *chance.pick(&[("version=0", &v0), ("version=2", &v2), ("version=2", &ls)]);
        let damaged = damage(body, &mut chance);
        let call = Call::new("POST", &format!("/{}.git/git-upload-pack", target.repository));
        let call = call.header("Git-Protocol", version).body("application/x-git-upload-pack-request", damaged);
        let reply = target.mallory.send(call);
        assert!(reply.status < 500, "round {round}: {} {}", reply.status, reply.text());
    }
    target.assert_untouched("400 damaged fetches");
    target.forge.finish();
}
