//! Archives against `git archive`: tars byte for byte, zips entry by entry.

pub(crate) mod unzip;

use std::{io::Read, sync::atomic::AtomicBool};

use super::*;
use crate::{
    id::id_from_hex,
    testgit::{Random, TestRepo, random_history},
};
use unzip::entries;

static CALM: AtomicBool = AtomicBool::new(false);

fn archive(odb: &Snapshot, id: &ObjectId, options: &ArchiveOptions) -> Vec<u8> {
    let mut out = Vec::new();
    write_archive(odb, id, options, &mut out, &CALM).unwrap();
    out
}

fn with(format: ArchiveFormat, prefix: &str) -> ArchiveOptions {
    ArchiveOptions { format, prefix: prefix.into(), ..ArchiveOptions::default() }
}

fn git_archive(repo: &TestRepo, args: &[&str]) -> Vec<u8> {
    let (ok, out, err) = repo.run(&[&["archive"], args].concat(), &[], &[("TZ", "UTC")]);
    assert!(ok, "git archive {args:?}: {err}");
    out
}

/// Commits files given by path, mode and content; answers the commit.
fn commit(repo: &TestRepo, files: &[(&str, &str, Vec<u8>)]) -> ObjectId {
    let message = "Subject \u{e4}\nsecond line\n\nBody $x\n";
    let mut stream = format!(
        "commit refs/heads/main\nauthor A U Thor <a@example.org> 1600000000 +0530\n\
         committer C <c@example.org> 1700000001 -0200\ndata {}\n{message}\ndeleteall\n",
        message.len()
    )
    .into_bytes();
    for (path, mode, data) in files {
        if *mode == "160000" {
            stream.extend_from_slice(format!("M 160000 {:040x} {path}\n", 7).as_bytes());
            continue;
        }
        stream.extend_from_slice(format!("M {mode} inline {path}\ndata {}\n", data.len()).as_bytes());
        stream.extend_from_slice(data);
        stream.push(b'\n');
    }
    repo.git_with(&["fast-import", "--quiet", "--force"], &stream);
    id_from_hex(repo.git(&["rev-parse", "main"]).as_bytes()).unwrap()
}

fn difficult_tree() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let attributes =
        b"*.txt eol=crlf\n/hidden export-ignore\n*.log export-ignore\nskipped/ export-ignore\nonly/** export-ignore\n\
        version export-subst\nauto.* text=auto eol=crlf\n*.raw -text\n[attr]private export-ignore\nnotes private\n";
    let format = "$Format:%H %T %P|%an %ae %al %ad %aD %ai %as %at|%cn %ce %cd%n%s|%x41%%|%b|%B|%unknown %$ $Format:%h %t %p$ $Format:open";
    let deep = Box::leak(format!("deep/{}/{}/f", "d".repeat(90), "e".repeat(80)).into_boxed_str());
    let deeper = Box::leak(format!("deeper/{}", "name".repeat(50)).into_boxed_str());
    let bare = Box::leak("n".repeat(120).into_boxed_str());
    vec![
        (".gitattributes", "100644", attributes.to_vec()),
        ("a.txt", "100644", b"one\ntwo\r\nthree".to_vec()),
        ("auto.c", "100644", b"one\ntwo\n".to_vec()),
        ("auto.mixed", "100644", b"one\r\ntwo\n".to_vec()),
        ("auto.bin", "100644", b"\0\n".to_vec()),
        ("script.sh", "100755", b"#!/bin/sh\n".to_vec()),
        ("x.raw", "100644", b"a\n".to_vec()),
        ("link", "120000", b"script.sh".to_vec()),
        ("longlink", "120000", b"l".repeat(150)),
        ("hidden", "100644", b"no\n".to_vec()),
        ("notes", "100644", b"no\n".to_vec()),
        ("dir/hidden", "100644", b"yes\n".to_vec()),
        ("dir/debug.log", "100644", b"no\n".to_vec()),
        ("dir/.gitattributes", "100644", b"*.log !export-ignore\n/c export-ignore\n".to_vec()),
        ("dir/c", "100644", b"no\n".to_vec()),
        ("dir/sub/c", "100644", b"yes\n".to_vec()),
        ("skipped/a", "100644", b"no\n".to_vec()),
        ("x/skipped/a", "100644", b"no\n".to_vec()),
        ("only/a/b", "100644", b"no\n".to_vec()),
        ("module", "160000", Vec::new()),
        ("version", "100644", format.as_bytes().to_vec()),
        (deep, "100644", b"deep\n".to_vec()),
        (deeper, "100644", b"deeper\n".to_vec()),
        (bare, "100644", vec![b'x'; 1024]),
        ("empty", "100644", Vec::new()),
        ("zeros", "100644", vec![0; 100_000]),
        ("m\u{fc}ller", "100644", b"name\n".to_vec()),
    ]
}

#[test]
fn tars_equal_gits_byte_for_byte() {
    for seed in 60..63 {
        let repo = TestRepo::new();
        random_history(&repo, &mut Random::new(seed), 20);
        let odb = repo.odb();
        let id = |name: &str| id_from_hex(repo.git(&["rev-parse", name]).as_bytes()).unwrap();
        let theirs = git_archive(&repo, &["--format=tar", "--prefix=p/", "main"]);
        let mut options = with(ArchiveFormat::Tar, "p/");
        assert!(archive(&odb, &id("main"), &options) == theirs, "seed {seed}");
        // A tree has no id to put in front, and no time. The end is padded, so it may differ in length.
        options.tree_seconds = repo.git(&["log", "-1", "--format=%ct", "main"]).parse().unwrap();
        let of_tree = archive(&odb, &id("main^{tree}"), &options);
        let length = of_tree.len().min(theirs.len() - 1024);
        assert!(of_tree[..length] == theirs[1024..1024 + length], "seed {seed}");
    }
}

#[test]
fn attributes_long_names_and_placeholders_come_out_as_in_git() {
    let repo = TestRepo::new();
    commit(&repo, &[("first", "100644", b"1\n".to_vec())]);
    let id = commit(&repo, &difficult_tree());
    let odb = repo.odb();
    for (prefix, args) in [("", &["--format=tar", "main"][..]), ("pre", &["--format=tar", "--prefix=pre", "main"])] {
        let (ours, theirs) = (archive(&odb, &id, &with(ArchiveFormat::Tar, prefix)), git_archive(&repo, args));
        let at = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
        let near = |bytes: &[u8]| {
            String::from_utf8_lossy(&bytes[at.saturating_sub(200)..(at + 200).min(bytes.len())]).into_owned()
        };
        assert!(ours == theirs, "{prefix} at {at}:\n{}\n---\n{}", near(&ours), near(&theirs));
    }
    let mut options = with(ArchiveFormat::Tar, "");
    options.paths = vec![b"dir/sub".to_vec(), b"a.txt".to_vec(), b"link".to_vec()];
    let theirs = git_archive(&repo, &["--format=tar", "main", "dir/sub", "a.txt", "link"]);
    assert!(archive(&odb, &id, &options) == theirs, "some paths");
    // A directory as root: its own attributes count, and the commit is still named.
    options.paths.clear();
    options.directory = b"dir".to_vec();
    let tar = archive(&odb, &id, &options);
    assert_eq!(&tar[512 + 11..512 + 51], id.to_string().as_bytes());
    let names: Vec<u8> = tar.chunks(512).flat_map(|block| block[..12].to_vec()).collect();
    let has = |name: &[u8]| names.windows(name.len()).any(|window| window == name);
    assert!(has(b"debug.log\0") && has(b"hidden\0") && has(b"sub/c\0") && !has(b"\0c\0"));
}

#[test]
fn the_other_formats_hold_the_same() {
    let repo = TestRepo::new();
    let id = commit(&repo, &difficult_tree());
    let odb = repo.odb();
    let tar = archive(&odb, &id, &with(ArchiveFormat::Tar, "v1/"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&archive(&odb, &id, &with(ArchiveFormat::TarGz, "v1/"))[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert!(unpacked == tar);
    let ours = archive(&odb, &id, &with(ArchiveFormat::Zip, "v1/"));
    let theirs = git_archive(&repo, &["--format=zip", "--prefix=v1/", "main"]);
    assert_eq!(entries(&ours), entries(&theirs));
    assert_eq!(&ours[ours.len() - 40..], id.to_string().as_bytes(), "the commit id is the comment");
    assert!(ours == archive(&odb, &id, &with(ArchiveFormat::Zip, "v1/")), "the same bytes each time");
}

#[test]
fn no_name_leads_out_of_the_place_where_it_is_unpacked() {
    let repo = TestRepo::new();
    let blob = repo.git_with(&["hash-object", "-w", "--stdin"], b"evil\n");
    let blob = blob.trim();
    let inner = repo.git_with(&["mktree"], format!("100644 blob {blob}\tc\\d\n").as_bytes());
    let inner = inner.trim();
    let names = ["..\\\\..\\\\evil.txt", "C:\\\\evil", "a\\\\b", "a_b", "z.txt"];
    let mut tree: String = names.iter().map(|name| format!("100644 blob {blob}\t\"{name}\"\n")).collect();
    tree.push_str(&format!("040000 tree {inner}\t\"..\\\\up\"\n040000 tree {inner}\t..  \n"));
    let tree = id_from_hex(repo.git_with(&["mktree"], tree.as_bytes()).trim().as_bytes()).unwrap();
    let odb = repo.odb();
    let found = entries(&archive(&odb, &tree, &with(ArchiveFormat::Zip, "np/")));
    let found: Vec<String> = found.keys().map(|name| String::from_utf8(name.clone()).unwrap()).collect();
    let expected = [
        "np/",
        "np/.._.._evil.txt",
        "np/.._up/",
        "np/.._up/c_d",
        "np/C__evil",
        "np/__  /",
        "np/__  /c_d",
        "np/a_b",
        "np/a_b~2",
        "np/z.txt",
    ];
    assert_eq!(found, expected);
    // What is no divider in a tar stays, unless it would do harm where it is one.
    let tar = archive(&odb, &tree, &with(ArchiveFormat::Tar, "np/"));
    let blocks: Vec<&[u8]> = tar.chunks(512).collect();
    let has = |name: &str| blocks.iter().any(|block| block.starts_with(format!("{name}\0").as_bytes()));
    for name in ["np/.._.._evil.txt", "np/.._up/c\\d", "np/C__evil", "np/a\\b", "np/a_b", "np/__  /c\\d"] {
        assert!(has(name), "{name}");
    }
    assert!(!has("np/..\\..\\evil.txt") && !has("np/C:\\evil") && !has("np/a_b~2"));
    // Some of it, by its own names.
    let mut options = with(ArchiveFormat::Zip, "");
    options.paths = vec![b"..\\up/c\\d".to_vec()];
    let found = entries(&archive(&odb, &tree, &options));
    assert_eq!(found.keys().map(Vec::as_slice).collect::<Vec<_>>(), [&b".._up/"[..], b".._up/c_d"]);
}

#[test]
fn a_zip_with_many_entries_has_64_bit_ends() {
    let mut out = Vec::new();
    let mut zip = zip::ZipWriter::new(&mut out, 1_700_000_000, None, &CALM);
    for at in 0..70_000u32 {
        let path = at.to_string().into_bytes();
        let kind = entry::EntryKind::Regular { is_executable: false };
        let id = ObjectId::from([0; 20]);
        entry::EntryWriter::write(&mut zip, &entry::Entry { path: &path, kind, id, data: &path }).unwrap();
    }
    entry::EntryWriter::finish(&mut zip).unwrap();
    assert_eq!(entries(&out).len(), 70_000);
}

#[test]
fn limits_and_interrupts_end_an_archive() {
    let repo = TestRepo::new();
    let id = commit(&repo, &difficult_tree());
    let odb = repo.odb();
    let refused = |change: &dyn Fn(&mut ArchiveOptions)| {
        let mut options = with(ArchiveFormat::Tar, "");
        change(&mut options);
        write_archive(&odb, &id, &options, &mut Vec::new(), &CALM).unwrap_err()
    };
    assert!(matches!(refused(&|options| options.max_files = 10), Error::TooLarge { limit: 10, .. }));
    assert!(matches!(refused(&|options| options.max_file_bytes = 99_999), Error::TooLarge { limit: 99_999, .. }));
    assert!(matches!(refused(&|options| options.max_total_bytes = 50_000), Error::TooLarge { limit: 50_000, .. }));
    assert!(matches!(refused(&|options| options.directory = b"a.txt".to_vec()), Error::BadRequest { .. }));
    let mut out = Vec::new();
    let options = with(ArchiveFormat::Zip, "");
    let error = write_archive(&odb, &id, &options, &mut out, &AtomicBool::new(true)).unwrap_err();
    assert!(matches!(error, Error::Interrupted));
    let blob = id_from_hex(repo.git(&["rev-parse", "main:a.txt"]).as_bytes()).unwrap();
    assert!(write_archive(&odb, &blob, &options, &mut out, &CALM).is_err());
}
