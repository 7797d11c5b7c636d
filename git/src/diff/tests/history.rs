//! Random histories made to be difficult for a diff: indented code with repeated lines, moved blocks, renames and copies with edits, modes,
//! links, submodules, binary files, missing final newlines, odd names.

use std::collections::BTreeMap;

use crate::testgit::{Random, TestRepo};

type Files = BTreeMap<Vec<u8>, (&'static str, Vec<u8>)>;

const NAMES: [&str; 14] = [
    "a",
    "b.txt",
    "main.rs",
    "lib.rs",
    "README",
    "dir",
    "src",
    "x y",
    "M\u{fc}ller",
    "q\"uote",
    "tab\there",
    "a.b",
    "a-b",
    "z",
];

/// Makes a linear history on `main` and answers its trees, the empty one first.
pub(super) fn generate(repo: &TestRepo, random: &mut Random, commits: usize) -> Vec<String> {
    let mut files = Files::new();
    let mut stream: Vec<u8> = Vec::new();
    for commit in 0..commits {
        let steps = if commit == 0 { 12 } else { 1 + random.below(8) };
        change(&mut files, random, steps);
        put_commit(&mut stream, commit, &files);
    }
    import(repo, random, &stream)
}

/// The same with a few texts of thousands of lines, so different that a search for the optimum is given up.
pub(super) fn generate_large(repo: &TestRepo, random: &mut Random) -> Vec<String> {
    let mut stream: Vec<u8> = Vec::new();
    let mut files = Files::new();
    for name in 0..4 {
        files.insert(format!("f{name}").into_bytes(), ("100644", large_text(random)));
    }
    put_commit(&mut stream, 0, &files);
    for (_, data) in files.values_mut() {
        *data = if random.chance(30) { large_text(random) } else { shuffle(data, random) };
    }
    put_commit(&mut stream, 1, &files);
    import(repo, random, &stream)
}

/// Two versions of one file that are so long that git takes a long common run far ahead for a landmark: it does from 65,536 lines on in both
/// together.
pub(super) fn generate_landmark(repo: &TestRepo, random: &mut Random) -> Vec<String> {
    let scatter = |random: &mut Random, lines: usize| -> Vec<u8> {
        (0..lines).flat_map(|_| format!("s{}\n", random.below(300)).into_bytes()).collect()
    };
    let run: Vec<u8> = (0..34_000).flat_map(|line| format!("{line}\n").into_bytes()).collect();
    let mut stream: Vec<u8> = Vec::new();
    for version in 0..2 {
        let (head, tail) = (scatter(random, 210), scatter(random, 1500));
        put_commit(
            &mut stream,
            version,
            &Files::from([(b"f".to_vec(), ("100644", [head, run.clone(), tail].concat()))]),
        );
    }
    import(repo, random, &stream)
}

/// Two files that appear are most similar to the same one of two that vanish; then one moves with its name, while another is more like it.
pub(super) fn generate_contest(repo: &TestRepo, random: &mut Random) -> Vec<String> {
    let base: Vec<String> = (0..40).map(|line| format!("line number {line}\n")).collect();
    let version = |changed: std::ops::Range<usize>| {
        let lines = base.iter().enumerate().map(|(at, line)| if changed.contains(&at) { "other\n" } else { line });
        ("100644", lines.collect::<String>().into_bytes())
    };
    let mut stream: Vec<u8> = Vec::new();
    put_commit(&mut stream, 0, &Files::from([(b"one".to_vec(), version(0..0)), (b"two".to_vec(), version(30..38))]));
    put_commit(&mut stream, 1, &Files::from([(b"new".to_vec(), version(5..6)), (b"next".to_vec(), version(10..12))]));
    put_commit(&mut stream, 2, &Files::from([(b"x/same".to_vec(), version(0..0))]));
    put_commit(&mut stream, 3, &Files::from([(b"a".to_vec(), version(9..10)), (b"y/same".to_vec(), version(20..27))]));
    import(repo, random, &stream)
}

fn large_text(random: &mut Random) -> Vec<u8> {
    let vocabulary = [20, 300, 5000][random.below(3)];
    let lines = 1500 + random.below(2500);
    (0..lines).flat_map(|_| format!("{}\n", random.below(vocabulary)).into_bytes()).collect()
}

/// Cuts a text into blocks, puts them together in another order and scatters changes over them.
fn shuffle(data: &[u8], random: &mut Random) -> Vec<u8> {
    let lines: Vec<&[u8]> = data.split_inclusive(|byte| *byte == b'\n').collect();
    // Sometimes the end stays as it is.
    let (lines, tail) = lines.split_at(if random.chance(50) { lines.len() * 2 / 3 } else { lines.len() });
    let mut blocks: Vec<&[&[u8]]> = lines.chunks(10 + random.below(120)).collect();
    for at in (1..blocks.len()).rev() {
        if random.chance(70) {
            blocks.swap(at, random.below(at + 1));
        }
    }
    let noise = random.below(40);
    let mut out = Vec::new();
    for line in blocks.concat() {
        if !random.chance(noise) {
            out.extend_from_slice(line);
        } else if random.chance(60) {
            out.extend_from_slice(format!("new {}\n", random.below(50)).as_bytes());
        }
    }
    out.extend_from_slice(&tail.concat());
    out
}

fn put_commit(stream: &mut Vec<u8>, number: usize, files: &Files) {
    let time = 1_600_000_000 + number * 60;
    let head = format!("commit refs/heads/main\ncommitter C <c@example.org> {time} +0000\ndata 1\nx\ndeleteall\n");
    stream.extend_from_slice(head.as_bytes());
    for (path, (mode, data)) in files {
        let path: String = path.iter().map(|byte| format!("\\{byte:03o}")).collect();
        if *mode == "160000" {
            let id = String::from_utf8_lossy(data);
            stream.extend_from_slice(format!("M 160000 {id} \"{path}\"\n").as_bytes());
        } else {
            stream.extend_from_slice(format!("M {mode} inline \"{path}\"\ndata {}\n", data.len()).as_bytes());
            stream.extend_from_slice(data);
            stream.push(b'\n');
        }
    }
    stream.push(b'\n');
}

fn import(repo: &TestRepo, random: &mut Random, stream: &[u8]) -> Vec<String> {
    let unpack = if random.chance(50) { "fastimport.unpackLimit=100000" } else { "fastimport.unpackLimit=1" };
    repo.git_with(&["-c", unpack, "fast-import", "--quiet"], stream);
    let trees = repo.git(&["log", "--reverse", "--format=%T", "main"]);
    let empty = repo.git_with(&["hash-object", "-t", "tree", "-w", "--stdin"], b"");
    std::iter::once(empty).chain(trees.lines().map(str::to_owned)).collect()
}

fn change(files: &mut Files, random: &mut Random, steps: usize) {
    for _ in 0..steps {
        let known: Vec<Vec<u8>> = files.keys().cloned().collect();
        let old = known.get(random.below(known.len() + 1)).cloned();
        match (random.below(20), old) {
            (0..6, Some(path)) => edit_file(files, &path, random),
            (6..9, Some(path)) => {
                let (mode, data) = files.remove(&path).unwrap();
                let to = new_path(&path, random);
                if put(files, to.clone(), mode, data) && random.chance(60) {
                    edit_file(files, &to, random);
                }
            }
            (9..11, Some(path)) => {
                let (mode, data) = files.get(&path).cloned().unwrap();
                let to = new_path(&path, random);
                if put(files, to.clone(), mode, data) {
                    edit_file(files, &to, random);
                    if random.chance(60) {
                        edit_file(files, &path, random);
                    }
                }
            }
            (11, Some(path)) => drop(files.remove(&path)),
            (12, Some(path)) => {
                let (mode, _) = files.get_mut(&path).unwrap();
                *mode = match *mode {
                    "100644" => "100755",
                    "100755" => "100644",
                    other => other,
                };
            }
            (13, Some(path)) => {
                // It becomes something else.
                let id = format!("{:040x}", 1 + random.below(5)).into_bytes();
                let new = [("120000", b"target/of link".to_vec()), ("160000", id), ("100644", text(random))];
                files.insert(path, new[random.below(3)].clone());
            }
            (14, _) => drop(put(files, new_path(b"", random), "100644", binary(random))),
            (15, _) => drop(put(files, new_path(b"", random), "100644", Vec::new())),
            _ => drop(put(files, new_path(b"", random), "100644", text(random))),
        }
    }
}

/// Puts a file where no other is a directory or a file on its way.
fn put(files: &mut Files, path: Vec<u8>, mode: &'static str, data: Vec<u8>) -> bool {
    let below = [&path[..], b"/"].concat();
    let clashes = |other: &Vec<u8>| other.starts_with(&below) || path.starts_with(&[&other[..], b"/"].concat());
    let free = !files.keys().any(clashes);
    if free {
        files.insert(path, (mode, data));
    }
    free
}

fn new_path(old: &[u8], random: &mut Random) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = (0..random.below(3)).map(|_| NAMES[random.below(NAMES.len())].as_bytes()).collect();
    let name = old.rsplit(|byte| *byte == b'/').next().unwrap();
    // Renames often keep the name.
    if !name.is_empty() && random.chance(40) {
        parts.push(name)
    } else {
        parts.push(NAMES[random.below(NAMES.len())].as_bytes())
    }
    parts.join(&b'/')
}

fn edit_file(files: &mut Files, path: &[u8], random: &mut Random) {
    let Some((mode, data)) = files.get_mut(path) else { return };
    if *mode == "160000" {
        *data = format!("{:040x}", 1 + random.below(5)).into_bytes();
    } else if *mode == "120000" {
        data.push(b'x');
    } else if crate::diff::is_binary(data) {
        for _ in 0..random.below(5) {
            let at = random.below(data.len());
            data[at] = random.next() as u8;
        }
        data.push(random.next() as u8);
    } else {
        *data = edit(data, random);
    }
}

pub(super) fn binary(random: &mut Random) -> Vec<u8> {
    let mut data: Vec<u8> = (0..1 + random.below(3000)).map(|_| random.next() as u8).collect();
    data[0] = 0;
    data
}

/// Indented code-like text with many equal lines.
pub(super) fn text(random: &mut Random) -> Vec<u8> {
    let length = match random.below(10) {
        0 => random.below(4),
        1 => 200 + random.below(400),
        _ => random.below(80),
    };
    let mut lines = Vec::new();
    let mut depth = 0usize;
    for _ in 0..length {
        let line = line(random, &mut depth);
        lines.push(line);
    }
    join(lines, random)
}

fn line(random: &mut Random, depth: &mut usize) -> Vec<u8> {
    let indent = if random.chance(90) { "    ".repeat(*depth) } else { "\t".repeat(*depth) };
    let text = match random.below(12) {
        0 | 1 => return b"\n".to_vec(),
        2 => {
            *depth = (*depth + 1).min(5);
            "if (x) {".to_owned()
        }
        3 | 4 => {
            *depth = depth.saturating_sub(1);
            return format!("{}}}\n", "    ".repeat(*depth)).into_bytes();
        }
        5 => "return 0;".to_owned(),
        6 => "/* comment */".to_owned(),
        7 => return format!("function_{}(a, b)\n", random.below(30)).into_bytes(),
        8 => return b"   \n".to_vec(),
        _ => format!("value = {};", random.below(60)),
    };
    format!("{indent}{text}\n").into_bytes()
}

fn join(mut lines: Vec<Vec<u8>>, random: &mut Random) -> Vec<u8> {
    if random.chance(15)
        && let Some(last) = lines.last_mut()
    {
        last.pop();
    }
    lines.concat()
}

/// Edits a text as people do.
pub(super) fn edit(data: &[u8], random: &mut Random) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = data.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if let Some(last) = lines.last_mut()
        && last.last() != Some(&b'\n')
        && random.chance(50)
    {
        last.push(b'\n');
    }
    let heavy = random.chance(10);
    for _ in 0..1 + random.below(if heavy { 60 } else { 5 }) {
        let at = random.below(lines.len() + 1);
        let count = random.below(6).min(lines.len() - at);
        let mut depth = random.below(4);
        match random.below(9) {
            0 => drop(lines.drain(at..at + count)),
            1 => {
                // A block is repeated below or elsewhere: hunks that can slide.
                let block = lines[at..at + count].to_vec();
                let to = if random.chance(60) { at + count } else { random.below(lines.len() + 1) };
                lines.splice(to..to, block);
            }
            2 => {
                let block: Vec<Vec<u8>> = lines.drain(at..at + count).collect();
                let to = random.below(lines.len() + 1);
                lines.splice(to..to, block);
            }
            3 if count > 0 => lines[at] = line(random, &mut depth),
            4 if count > 0 => lines[at].insert(0, b' '),
            5 if count > 0 => lines[at] = lines[at].iter().copied().filter(|byte| *byte != b' ').collect(),
            6 if count > 0 && lines[at].ends_with(b"\n") => {
                let end = lines[at].len() - 1;
                lines[at].insert(end, if random.chance(50) { b'\r' } else { b' ' });
            }
            _ => {
                let new: Vec<Vec<u8>> = (0..1 + random.below(5)).map(|_| line(random, &mut depth)).collect();
                lines.splice(at..at, new);
            }
        }
    }
    // Only the last line may lack its newline.
    let last = lines.len().saturating_sub(1);
    for line in &mut lines[..last] {
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
    }
    join(lines, random)
}
