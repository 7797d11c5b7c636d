//! Everything at once on a few names: repositories made, renamed, hidden, shared, pushed to, cloned and deleted by many
//! people. No answer is an internal error, and what is left fits together.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::dsl::chance::Chance;
use crate::dsl::pack::{Pack, ZERO};
use crate::dsl::{Call, Forge, Persona, Reply};

/// Asks for one name and answers the status.
type Want<'a> = Box<dyn Fn() -> u16 + Sync + 'a>;

#[test]
fn names_wanted_by_many_go_to_one() {
    const PEOPLE: usize = 8;
    let forge = Forge::start();
    let ada = forge.user("ada");
    let admin = forge.admin();
    let (ada, admin) = (&ada, &admin);
    for round in 0..4 {
        let wants: [(&str, Want<'_>); 3] = [
            (
                "repository",
                Box::new(move || ada.post("/api/v1/user/repos", &json!({ "name": format!("r{round}") })).status),
            ),
            (
                "user",
                Box::new(move || {
                    let name = format!("u{round}");
                    let body = json!({ "username": name, "email": format!("{name}@example.org"), "password": "canary-Pw-123456" });
                    admin.post("/api/v1/admin/users", &body).status
                }),
            ),
            (
                "token",
                Box::new(move || {
                    let body = json!({ "name": format!("t{round}"), "scopes": ["read:user"] });
                    ada.by_password().post("/api/v1/users/ada/tokens", &body).status
                }),
            ),
        ];
        for (what, want) in &wants {
            let start = Barrier::new(PEOPLE);
            let statuses: Vec<u16> = std::thread::scope(|scope| {
                let ask = || {
                    scope.spawn(|| {
                        start.wait();
                        want()
                    })
                };
                let asked: Vec<_> = (0..PEOPLE).map(|_| ask()).collect();
                asked.into_iter().map(|one| one.join().unwrap()).collect()
            });
            let made = statuses.iter().filter(|status| **status == 201).count();
            assert_eq!(made, 1, "{what}: {statuses:?}");
            assert!(statuses.iter().all(|status| matches!(status, 201 | 400 | 409 | 422)), "{what}: {statuses:?}");
        }
    }
    forge.finish();
}

/// One random thing that somebody does to one of a few repositories.
fn act(who: &Persona, chance: &mut Chance) -> (String, Reply) {
    let repository = format!("ada/s{}", chance.below(4));
    let api = format!("/api/v1/repos/{repository}");
    let reply = match chance.below(12) {
        0 | 1 => who.post("/api/v1/user/repos", &json!({ "name": format!("s{}", chance.below(4)) })),
        2 => who.delete(&api),
        3 => who.patch(&api, &json!({ "name": format!("s{}", chance.below(4)) })),
        4 => who.patch(&api, &json!({ "private": chance.below(2) == 0, "description": "x" })),
        5 => who.put(
            &format!("{api}/collaborators/bob"),
            &json!({ "permission": *chance.pick(&["read", "write", "admin"]) }),
        ),
        6 => who.delete(&format!("{api}/collaborators/bob")),
        7 => who.get(&format!("{api}/branches")),
        8 => {
            let body = b"0014command=ls-refs\n00010009peel\n0000".to_vec();
            let call =
                Call::new("POST", &format!("/{repository}.git/git-upload-pack")).header("Git-Protocol", "version=2");
            who.send(call.body("application/x-git-upload-pack-request", body))
        }
        _ => {
            let mut pack = Pack::new();
            let content = chance.below(1 << 40).to_string();
            let tip = pack.add_commit(&[], "a.md", content.as_bytes());
            let name = format!("refs/heads/b{}", chance.below(1 << 30));
            who.push_one(&repository, (ZERO, &tip, name.as_bytes()), &pack.bytes()).reply
        }
    };
    (repository, reply)
}

#[test]
fn a_storm_of_changes_leaves_everything_fitting_together() {
    const PEOPLE: u64 = 6;
    let mut forge = Forge::start();
    let ada = forge.user("ada");
    let bob = forge.user("bob");
    let seed = Chance::from_environment("storm").below(1 << 40);
    let end = Instant::now() + Duration::from_secs(6);
    let done: usize = std::thread::scope(|scope| {
        let people: Vec<_> = (0..PEOPLE)
            .map(|person| {
                let who = if person % 3 == 2 { bob.clone() } else { ada.clone() };
                let mut chance = Chance::seeded(seed + person);
                scope.spawn(move || {
                    let mut count = 0;
                    while Instant::now() < end {
                        let (repository, reply) = act(&who, &mut chance);
                        assert!(reply.status < 500, "{repository}: {} {} {}", reply.asked, reply.status, reply.text());
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        people.into_iter().map(|person| person.join().unwrap()).sum()
    });
    eprintln!("storm: {done} requests");
    assert!(done > 200, "only {done} requests");
    for index in 0..4 {
        let status = ada.get(&format!("/api/v1/repos/ada/s{index}/branches")).status;
        // 307: the last thing that happened to the name was that its repository took another one.
        assert!(matches!(status, 200 | 307 | 404), "{status}");
    }
    forge.reopen_everything();
    forge.finish();
}
