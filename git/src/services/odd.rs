//! Owns a history of what is rare: paths of any bytes, line ends of all kinds, long lines, empty files, links, submodules, octopus and
//! criss-cross merges, several roots, empty commits, wrong clocks, odd people and encodings, a directory of thousands.

use std::collections::BTreeMap;

use crate::testgit::{Random, TestRepo};

/// Mode and content by path; of a submodule the content is its commit.
type Files = BTreeMap<Vec<u8>, (&'static str, Vec<u8>)>;

const NAMES: [&[u8]; 22] = [
    b"plain.txt",
    b"q\"uote",
    b"tab\there",
    b"new\nline",
    b"M\xfcller",
    b"\xff\xfe\x80",
    "\u{5c71}\u{7530}".as_bytes(),
    b"back\\slash",
    b" leading",
    b"trailing ",
    b"-dash",
    b"*glob[x]?",
    b":colon",
    b":(top)x",
    b"{a => b}",
    b"#hash",
    b"..dots",
    b"a.b",
    b"a-b",
    b"a",
    b"\x01\x7f",
    b"UPPER.TXT",
];
const DIRECTORIES: [&[u8]; 6] = [b"", b"a/", b"dir with space/", b"d\xe9p\xf4t/q\"/", b"deep/er/and/deeper/", b"a.b/"];
const PEOPLE: [&[u8]; 7] = [
    b"Ada <ada@example.org>",
    b"<nobody@example.org>",
    b"\"Quo\" \\ te, Jr. <q@example.org>",
    "J\u{f6}rg M\u{fc}ller <j\u{f6}rg@example.org>".as_bytes(),
    b"Empty Mail <>",
    b"A very long name that goes on and on until no line of a mail can hold it any longer at all <long@example.org>",
    b"Dot. Ted <dot.ted@example.org>",
];
const MESSAGES: [&[u8]; 8] = [
    b"subject\n",
    b"",
    b"no newline at the end",
    b"\n\n  white before\n\nbody  \n\n\n\nend\n\n",
    b"two lines\nof subject\n\n-- \nbody\n---\nFrom here\n",
    "Gr\u{fc}\u{df}e \u{1f600} mit einem langen Betreff, der umgebrochen werden mu\u{df}, weil er so lang ist\n\nK\u{f6}rper\n".as_bytes(),
    b"tab\tand\r\nreturn\r\n\r\nbody\r\n",
    b"a subject of more than seventy-eight characters, which has to be folded where a word ends and not in it\n",
];

/// Makes the history; every commit is reachable from a branch. A directory of ten thousand files is in it on request: it is most of the cost of
/// every question.
pub(super) fn generate(repo: &TestRepo, random: &mut Random, with_thousands: bool) {
    let mut all: Vec<Files> = vec![Files::new()];
    let mut stream: Vec<u8> = Vec::new();
    let count = 60;
    for mark in 1..=count {
        let parents = parents(random, mark);
        let mut files = match parents.as_slice() {
            [] => first(random),
            parents => merged(random, &parents.iter().map(|at| &all[*at]).collect::<Vec<_>>()),
        };
        // Now and then a commit changes nothing.
        if !parents.is_empty() && !random.chance(8) {
            for _ in 0..1 + random.below(4) {
                change(random, &mut files, &all);
            }
        }
        if mark == 20 && with_thousands {
            for at in 0..10_000 {
                files.insert(format!("many/{at:05}").into_bytes(), ("100644", format!("{}\n", at % 7).into_bytes()));
            }
        }
        if mark > 20 && files.len() > 10_000 {
            // Files of the large directory change too.
            for _ in 0..random.below(4) {
                let path = format!("many/{:05}", random.below(10_000)).into_bytes();
                files.insert(path, ("100644", format!("changed {}\n", random.below(100)).into_bytes()));
            }
        }
        put_commit(random, &mut stream, mark, &parents, parents.first().map(|at| &all[*at]), &files);
        all.push(files);
    }
    repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], &stream);
    raw_commits(repo);
    repo.git(&["tag", "-a", "-m", "x", "one", &format!("c{count}")]);
    repo.git(&["tag", "-a", "-m", "x", "two", "one"]);
}

fn parents(random: &mut Random, mark: usize) -> Vec<usize> {
    match mark {
        1 | 7 | 12 => Vec::new(),
        // Criss-cross: both sides take the other in.
        30 => vec![28, 29],
        31 => vec![29, 28],
        32 => vec![30, 31],
        // An octopus, and one of roots that had nothing in common.
        13 => vec![6, 7, 12],
        40 => vec![39, 38, 37, 36],
        _ => {
            let mut parents = Vec::new();
            for _ in 0..[1, 1, 1, 1, 2][random.below(5)] {
                let near = mark - 1 - random.below(4.min(mark - 1));
                if !parents.contains(&near) {
                    parents.push(near);
                }
            }
            parents
        }
    }
}

fn first(random: &mut Random) -> Files {
    let mut files = Files::new();
    for _ in 0..12 {
        let path = path(random);
        let content = content(random);
        put(&mut files, path, ("100644", content));
    }
    put(&mut files, b"link".to_vec(), ("120000", b"plain.txt".to_vec()));
    put(&mut files, b"long link".to_vec(), ("120000", b"x/".repeat(90)));
    put(&mut files, b"module".to_vec(), ("160000", format!("{:040x}", 0xabc).into_bytes()));
    put(&mut files, [&b"long/".repeat(30)[..], b"name"].concat(), ("100755", b"#!/bin/sh\n".to_vec()));
    files
}

fn merged(random: &mut Random, sides: &[&Files]) -> Files {
    let Some((first, others)) = sides.split_first() else { return Files::new() };
    let mut files = (*first).clone();
    for (path, file) in others.iter().flat_map(|files| files.iter()) {
        if random.chance(50) {
            put(&mut files, path.clone(), file.clone());
        }
    }
    files
}

/// Puts a file where nothing is in its way.
fn put(files: &mut Files, path: Vec<u8>, file: (&'static str, Vec<u8>)) {
    let below = [&path[..], b"/"].concat();
    let is_above = |other: &[u8]| path.starts_with(&[other, b"/"].concat());
    let next = files.range(below.clone()..).next().is_some_and(|(other, _)| other.starts_with(&below));
    let above = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let above = above.map(|(at, _)| &path[..at]).any(|other| files.contains_key(other) && is_above(other));
    if !next && !above {
        files.insert(path, file);
    }
}

fn path(random: &mut Random) -> Vec<u8> {
    [DIRECTORIES[random.below(DIRECTORIES.len())], NAMES[random.below(NAMES.len())]].concat()
}

fn line(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => Vec::new(),
        1 => b"}".to_vec(),
        2 => b"\tcall();".to_vec(),
        3 => b"  M\xfcller \xff".to_vec(),
        4 => "Gr\u{fc}\u{df}e".as_bytes().to_vec(),
        5 => format!("fn f{}() {{", random.below(5)).into_bytes(),
        _ => format!("    let x{} = {};", random.below(9), random.next() % 1000).into_bytes(),
    }
}

fn content(random: &mut Random) -> Vec<u8> {
    let end: &[u8] = [b"\n".as_slice(), b"\r\n", b"\r"][[0, 0, 0, 1, 2][random.below(5)]];
    let lines = |random: &mut Random, count: usize| -> Vec<u8> {
        (0..count).flat_map(|_| [line(random), end.to_vec()].concat()).collect()
    };
    match random.below(12) {
        0 => Vec::new(),
        1 => b"\n".to_vec(),
        2 => b"one line without its end".to_vec(),
        3 => (0..300).map(|_| random.next() as u8).chain([0]).collect(),
        // A line of a hundred thousand bytes among short ones.
        4 => [lines(random, 3), b"0123456789".repeat(10_000), b"\n".to_vec(), lines(random, 3)].concat(),
        5 => {
            let mut text = lines(random, 12);
            text.pop();
            text
        }
        // The zero byte is where git does not look any more.
        6 => [b"text\n".repeat(1700), b"\0".to_vec()].concat(),
        _ => {
            let count = 5 + random.below(40);
            lines(random, count)
        }
    }
}

fn edit(random: &mut Random, data: &[u8]) -> Vec<u8> {
    match random.below(8) {
        0 => data.strip_suffix(b"\n").unwrap_or(data).to_vec(),
        1 => [data, b"\n"].concat(),
        2 => data
            .split_inclusive(|byte| *byte == b'\n')
            .flat_map(|line| match line.strip_suffix(b"\n") {
                Some(line) => [line.strip_suffix(b"\r").unwrap_or(line), b"\r\n"].concat(),
                None => line.to_vec(),
            })
            .collect(),
        _ => {
            let mut lines: Vec<Vec<u8>> = data.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            for _ in 0..1 + random.below(3) {
                let at = random.below(lines.len() + 1);
                if at < lines.len() && random.chance(50) {
                    lines.remove(at);
                }
                let at = at.min(lines.len());
                // A line put behind one without an end only makes that one longer.
                lines.insert(at, [line(random), b"\n".to_vec()].concat());
            }
            lines.concat()
        }
    }
}

fn change(random: &mut Random, files: &mut Files, all: &[Files]) {
    let known: Vec<&Vec<u8>> = files.keys().filter(|path| !path.starts_with(b"many/")).collect();
    if known.is_empty() {
        put(files, path(random), ("100644", content(random)));
        return;
    }
    let old = known[random.below(known.len())].clone();
    let (mode, data) = files[&old].clone();
    match random.below(16) {
        0 => drop(files.remove(&old)),
        1 | 2 => {
            files.remove(&old);
            let data = if mode == "100644" && random.chance(60) { edit(random, &data) } else { data };
            put(files, path(random), (mode, data));
        }
        3 => put(files, path(random), (mode, data)),
        4 if mode == "100644" => put(files, old, ("100755", data)),
        4 if mode == "100755" => put(files, old, ("100644", data)),
        5 => put(files, old, ("120000", b"somewhere/else".to_vec())),
        6 => put(files, old, ("160000", format!("{:040x}", 0xabc + random.below(3)).into_bytes())),
        7 => put(files, old, ("100644", content(random))),
        8 => {
            // The file becomes a directory.
            files.remove(&old);
            put(files, [&old[..], b"/inside"].concat(), (mode, data));
        }
        9 => {
            // What was comes back.
            if let Some(file) = all[random.below(all.len())].get(&old) {
                files.insert(old, file.clone());
            }
        }
        10 | 11 => put(files, path(random), ("100644", content(random))),
        _ if mode.starts_with("100") => drop(files.insert(old, (mode, edit(random, &data)))),
        _ => {}
    }
}

fn put_commit(
    random: &mut Random,
    stream: &mut Vec<u8>,
    mark: usize,
    parents: &[usize],
    before: Option<&Files>,
    files: &Files,
) {
    let time = |random: &mut Random| {
        let time = 1_600_000_000 + mark as u64 * 60;
        // Clocks that were wrong, and several commits of one second.
        match random.below(10) {
            0 => time + random.next() % 4000,
            1 => time - random.next() % 4000,
            2 => 1_600_000_000 + mark as u64 / 5 * 300,
            _ => time,
        }
    };
    let zones = ["+0000", "-0730", "+0545", "+1400", "-1200"];
    let mut put = |bytes: &[u8]| stream.extend_from_slice(bytes);
    put(format!("commit refs/heads/c{mark}\nmark :{mark}\n").as_bytes());
    for who in ["author", "committer"] {
        let person = PEOPLE[random.below(PEOPLE.len())];
        let when = format!(" {} {}\n", time(random), zones[random.below(zones.len())]);
        put(&[who.as_bytes(), b" ", person, when.as_bytes()].concat());
    }
    let message = MESSAGES[random.below(MESSAGES.len())];
    put(format!("data {}\n", message.len()).as_bytes());
    put(message);
    put(b"\n");
    for (at, parent) in parents.iter().enumerate() {
        put(format!("{} :{parent}\n", if at == 0 { "from" } else { "merge" }).as_bytes());
    }
    let quoted = |path: &[u8]| path.iter().map(|byte| format!("\\{byte:03o}")).collect::<String>();
    let none = Files::new();
    let before = before.unwrap_or(&none);
    for path in before.keys().filter(|path| !files.contains_key(*path)) {
        put(format!("D \"{}\"\n", quoted(path)).as_bytes());
    }
    for (path, (mode, data)) in files.iter().filter(|(path, file)| before.get(*path) != Some(file)) {
        if *mode == "160000" {
            put(format!("M 160000 {} \"{}\"\n", String::from_utf8_lossy(data), quoted(path)).as_bytes());
        } else {
            put(format!("M {mode} inline \"{}\"\ndata {}\n", quoted(path), data.len()).as_bytes());
            put(data);
            put(b"\n");
        }
    }
    put(b"\n");
}

/// Commits as no current git writes them, put on top of a branch by id.
fn raw_commits(repo: &TestRepo) {
    let mut parent = repo.git(&["rev-parse", "c60"]);
    let trees = ["c58", "c59", "c60", "c57"].map(|name| repo.git(&["rev-parse", &format!("{name}^{{tree}}")]));
    let heads: [(&str, &str); 4] = [
        // A signature, with a line in it that looks like a header.
        (
            "author A <a@x> 1600010000 +0000\ncommitter A <a@x> 1600010000 +0000\n\
             gpgsig -----BEGIN PGP SIGNATURE-----\n \n parent 1111111111111111111111111111111111111111\n -----END PGP SIGNATURE-----\n",
            "signed\n",
        ),
        ("author A <a@x> 1600010060 +0000\ncommitter A <a@x> 1600010060 +0000\nencoding ISO-8859-1\n", "latin\n"),
        ("author  A   B  <a@x> 1600010120 +0000\ncommitter A <a b> 1600010120 -0000\n", "\n\nspaces\n"),
        ("author A <a@x> 0 +0000\ncommitter A <a@x> 99999999999 +9999\n", "long ago\n"),
    ];
    for ((head, message), tree) in heads.iter().zip(&trees) {
        let text = format!("tree {tree}\nparent {parent}\n{head}\n{message}");
        parent = repo.git_with(&["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], text.as_bytes());
    }
    repo.git(&["update-ref", "refs/heads/raw", &parent]);
}
