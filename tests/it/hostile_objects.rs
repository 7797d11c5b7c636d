//! Objects and names that would harm whoever checks them out: refused as `receive.fsckObjects` would, and ref names
//! that are none.

use crate::dsl::Forge;
use crate::dsl::pack::{Kind, Pack, ZERO, commit, push_body, tree};
use crate::hostile_packs::Target;

#[test]
fn trees_with_dangerous_names_are_refused() {
    let target = Target::new(Forge::start());
    let names: [&[u8]; 19] = [
        b".git",
        b".GIT",
        b".Git",
        b".gIt",
        b"git~1",
        b"GIT~1",
        b"..",
        b".",
        b"",
        b"a/b",
        b"../escape",
        b"sub/../../escape",
        b"/etc",
        b".git.",
        b".git ",
        b".git::$INDEX_ALLOCATION",
        ".g\u{200c}it".as_bytes(),
        ".\u{206a}git".as_bytes(),
        b".git\\hooks",
    ];
    for name in names {
        let what = String::from_utf8_lossy(name).into_owned();
        let mut pack = Pack::new();
        let blob = pack.add(Kind::Blob, b"x\n");
        let root = pack.add(Kind::Tree, &tree(&[("100644", name, &blob)]));
        let tip = pack.add(Kind::Commit, &commit(&root, &[&target.tip], "bad name"));
        target.refuses_pack(&format!("a file named {what:?}"), &tip, &pack.bytes());

        // The same as a directory, and below another directory.
        let mut pack = Pack::new();
        let blob = pack.add(Kind::Blob, b"x\n");
        let inner = pack.add(Kind::Tree, &tree(&[("100644", b"config", &blob)]));
        let middle = pack.add(Kind::Tree, &tree(&[("40000", name, &inner)]));
        let root = pack.add(Kind::Tree, &tree(&[("40000", b"sub", &middle)]));
        let tip = pack.add(Kind::Commit, &commit(&root, &[&target.tip], "bad name"));
        target.refuses_pack(&format!("a directory named {what:?}"), &tip, &pack.bytes());
    }
    target.forge.finish();
}

#[test]
fn malformed_trees_are_refused() {
    let target = Target::new(Forge::start());
    let mut blobs = Pack::new();
    let blob = blobs.add(Kind::Blob, b"x\n");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("entries out of order", tree(&[("100644", b"b", &blob), ("100644", b"a", &blob)])),
        ("an entry twice", tree(&[("100644", b"a", &blob), ("100644", b"a", &blob)])),
        ("an entry of the null id", tree(&[("100644", b"a", ZERO)])),
        ("a mode that is no number", tree(&[("1o0644", b"a", &blob)])),
        ("an entry cut short", {
            let mut data = tree(&[("100644", b"a", &blob)]);
            data.truncate(data.len() - 5);
            data
        }),
        ("no NUL after the name", b"100644 a".to_vec()),
        ("no mode", tree(&[("", b"a", &blob)])),
    ];
    for (what, data) in cases {
        let mut pack = blobs.clone();
        let root = pack.add(Kind::Tree, &data);
        let tip = pack.add(Kind::Commit, &commit(&root, &[&target.tip], "bad tree"));
        target.refuses_pack(&format!("a tree with {what}"), &tip, &pack.bytes());
    }
    let mut pack = Pack::new();
    let link = pack.add(Kind::Blob, b"/etc/passwd");
    let root = pack.add(Kind::Tree, &tree(&[("120000", b".gitmodules", &link)]));
    let tip = pack.add(Kind::Commit, &commit(&root, &[&target.tip], "link"));
    target.refuses_pack("a symbolic link named .gitmodules", &tip, &pack.bytes());
    let mut pack = Pack::new();
    let modules = pack.add(Kind::Blob, b"[submodule \"x\"]\n\tpath = x\n\turl = --upload-pack=touch /tmp/pwned\n");
    let root = pack.add(Kind::Tree, &tree(&[("100644", b".gitmodules", &modules)]));
    let tip = pack.add(Kind::Commit, &commit(&root, &[&target.tip], "url"));
    target.refuses_pack("a submodule URL that is an option", &tip, &pack.bytes());
    target.forge.finish();
}

#[test]
fn malformed_commits_and_tags_are_refused() {
    let target = Target::new(Forge::start());
    let mut base = Pack::new();
    let blob = base.add(Kind::Blob, b"x\n");
    let root = base.add(Kind::Tree, &tree(&[("100644", b"a", &blob)]));
    let who = "A <a@example.org> 1700000000 +0000";
    let cases = [
        ("no tree line", format!("author {who}\ncommitter {who}\n\nx\n")),
        ("no author", format!("tree {root}\ncommitter {who}\n\nx\n")),
        ("no committer", format!("tree {root}\nauthor {who}\n\nx\n")),
        ("a short tree id", format!("tree {}\nauthor {who}\ncommitter {who}\n\nx\n", &root[..39])),
        ("a parent that is no id", format!("tree {root}\nparent zzz\nauthor {who}\ncommitter {who}\n\nx\n")),
        ("a NUL in the header", format!("tree {root}\nauthor A\0 <a@example.org> 1 +0000\ncommitter {who}\n\nx\n")),
        ("an author without a date", format!("tree {root}\nauthor A <a@example.org>\ncommitter {who}\n\nx\n")),
        ("an author without an address", format!("tree {root}\nauthor A 1700000000 +0000\ncommitter {who}\n\nx\n")),
        ("a date beyond all time", {
            let late = "A <a@example.org> 99999999999999999999999 +0000";
            format!("tree {root}\nauthor {late}\ncommitter {who}\n\nx\n")
        }),
    ];
    for (what, text) in cases {
        let mut pack = base.clone();
        let tip = pack.add(Kind::Commit, text.as_bytes());
        target.refuses_pack(&format!("a commit with {what}"), &tip, &pack.bytes());
    }
    for (what, text) in [
        ("no object", format!("type commit\ntag v\ntagger {who}\n\nx\n")),
        ("another kind than its object", format!("object {}\ntype tree\ntag v\ntagger {who}\n\nx\n", target.tip)),
        ("an unknown kind", format!("object {}\ntype folder\ntag v\ntagger {who}\n\nx\n", target.tip)),
    ] {
        let mut pack = Pack::new();
        let tag = pack.add(Kind::Tag, text.as_bytes());
        let body = push_body(&[(ZERO, &tag, b"refs/tags/v")], "report-status", &pack.bytes());
        target.refuses(&format!("a tag with {what}"), body);
    }
    target.forge.finish();
}

#[test]
fn names_that_are_no_refs_are_refused() {
    let target = Target::new(Forge::start());
    let names: [&[u8]; 32] = [
        b"refs/heads/../x",
        b"refs/heads/../../config",
        b"refs/../HEAD",
        b"refs/heads/.lock",
        b"refs/heads/a.lock",
        b"refs/heads/a.lock/b",
        b"refs/heads/.hidden",
        b"refs/heads/a..b",
        b"refs/heads//a",
        b"/refs/heads/a",
        b"refs/heads/a/",
        b"refs/heads/a.",
        b"refs/heads/a b",
        b"refs/heads/a~1",
        b"refs/heads/a^",
        b"refs/heads/a:b",
        b"refs/heads/a?",
        b"refs/heads/a*",
        b"refs/heads/a[",
        b"refs/heads/a\\b",
        b"refs/heads/@{0}",
        b"refs/heads/a\x7f",
        b"refs/heads/a\x01b",
        b"refs/heads/a\tb",
        b"HEAD",
        b"main",
        b"config",
        b"objects/pack/x",
        b"refs/heads",
        b"refs/tags",
        b"refs/stash",
        b"refs/x",
    ];
    let empty = Pack::new().bytes();
    for name in names {
        let body = push_body(&[(ZERO, &target.tip, name)], "report-status", &empty);
        target.refuses(&format!("a ref named {:?}", String::from_utf8_lossy(name)), body);
    }
    let long = format!("refs/heads/{}", "x".repeat(5_000));
    target.refuses(
        "a name longer than files allow",
        push_body(&[(ZERO, &target.tip, long.as_bytes())], "report-status", &empty),
    );
    let deep = format!("refs/heads/{}", "d/".repeat(2_000) + "x");
    target.refuses(
        "a name deeper than paths allow",
        push_body(&[(ZERO, &target.tip, deep.as_bytes())], "report-status", &empty),
    );
    let below = push_body(&[(ZERO, &target.tip, b"refs/heads/main/below")], "report-status", &empty);
    target.refuses("a branch below a branch", below);
    // Names outside any other namespace of git's own, and bytes that are not UTF-8.
    target.refuses(
        "a name that is not UTF-8",
        push_body(&[(ZERO, &target.tip, b"refs/heads/\xff\xfe")], "report-status", &empty),
    );
    // An honest name beside a bad one still lands.
    let commands: [(&str, &str, &[u8]); 2] =
        [(ZERO, &target.tip, b"refs/heads/../x"), (ZERO, &target.tip, b"refs/heads/Pr\xc3\xbcfung")];
    let reply = target.mallory.push_raw(&target.repository, push_body(&commands, "report-status", &empty));
    let report = reply.report.unwrap();
    assert!(report.refs.iter().any(|(name, outcome)| name == "refs/heads/Prüfung" && outcome.is_ok()), "{report:?}");
    assert!(report.refs.iter().any(|(name, outcome)| name == "refs/heads/../x" && outcome.is_err()), "{report:?}");
    target.forge.finish();
}

#[test]
fn a_ref_named_twice_in_one_push_never_ends_elsewhere_than_the_report_says() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    for (index, capabilities) in ["report-status", "report-status atomic"].into_iter().enumerate() {
        for (shape, chained) in [("twice", false), ("chained", true)] {
            let repository = ada.create_repository(&format!("{shape}-{index}"));
            let mut pack = Pack::new();
            let one = pack.add_commit(&[], "b.md", b"one\n");
            let two = pack.add_commit(&[&one], "b.md", b"two\n");
            let second: &str = if chained { &one } else { ZERO };
            let commands: [(&str, &str, &[u8]); 2] = [(ZERO, &one, b"refs/heads/x"), (second, &two, b"refs/heads/x")];
            let reply = ada.push_raw(&repository, push_body(&commands, capabilities, &pack.bytes()));
            let outcomes: Vec<bool> = match &reply.report {
                Some(report) => report.refs.iter().map(|(_, outcome)| outcome.is_ok()).collect(),
                None => Vec::new(),
            };
            let expected = match outcomes.as_slice() {
                [true, true] => panic!("{shape} {capabilities}: both commands were reported as done"),
                [true, false] => Some(&one),
                [false, true] => Some(&two),
                _ => None,
            };
            let evidence = forge.evidence();
            let refs = evidence.refs(evidence.repository_id(&repository));
            assert_eq!(refs.get("refs/heads/x"), expected, "{shape} {capabilities}: {reply:?}");
            assert!(expected.is_none() || index == 0, "{shape}: an atomic push landed in part");
        }
    }
    forge.finish();
}
