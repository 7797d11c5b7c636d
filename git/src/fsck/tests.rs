//! The rules against `git index-pack --fsck-objects`, which is what `receive.fsckObjects` runs: git judges each object, and we must agree
//! and name one of the rules that git names.

use super::*;
use crate::{
    id::hash_object,
    testgit::{Random, TestRepo, git_version},
    testpack::{PackBuilder, tree},
};

/// Stands for a refusal without the name of a rule.
const UNNAMED: &str = "unnamed";
const WHO: &str = "Ada <ada@example.org> 1700000000 +0100";

fn ours(kind: Kind, data: &[u8], policy: &Policy) -> Option<&'static str> {
    let id = hash_object(kind, data).unwrap();
    match check(kind, &id, data, policy, 1000, &mut |_| Ok(())) {
        Ok(()) => None,
        Err(Error::Fsck { msg_id, .. }) => Some(msg_id),
        Err(other) => panic!("{other:?}"),
    }
}

/// What git refuses an object for; empty if it takes it. Warnings that pass are left out.
fn git(repo: &TestRepo, kind: Kind, data: &[u8]) -> Vec<String> {
    let mut builder = PackBuilder::new();
    builder.full(kind, data);
    let (ok, _, messages) = repo.run(&["index-pack", "--fsck-objects", "--stdin"], &builder.finish(), &[]);
    let rules = messages.lines().filter_map(|line| line.strip_prefix("error: object ")?.split(": ").nth(1));
    let mut rules: Vec<String> = rules.map(str::to_owned).collect();
    if !ok && rules.is_empty() {
        // Its parser gave up before the rules were asked.
        rules.push(UNNAMED.to_owned());
    }
    assert_eq!(ok, rules.is_empty(), "{messages}");
    rules
}

fn agree(repo: &TestRepo, kind: Kind, data: &[u8]) {
    let (git, ours) = (git(repo, kind, data), ours(kind, data, &gits()));
    let shown = String::from_utf8_lossy(data);
    match ours {
        None => assert!(git.is_empty(), "git refuses for {git:?}: {shown:?}"),
        Some(rule) => {
            assert!(git.iter().any(|r| r == rule || r == UNNAMED), "we refuse for {rule}, git for {git:?}: {shown:?}")
        }
    }
}

/// What git refuses, without rules of our own.
fn gits() -> Policy {
    Policy { tolerated: [Rule::UnportableName].into() }
}

fn tree_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let entries: Vec<_> = entries.iter().map(|(mode, name)| (*mode, *name, ObjectId::from([3; 20]))).collect();
    tree(&entries)
}

#[test]
fn rules_are_found_by_name_and_some_may_never_be_ignored() {
    for rule in Rule::ALL {
        assert_eq!(Rule::from_msg_id(rule.msg_id()), Some(*rule));
    }
    assert_eq!(Rule::from_msg_id("ZEROPADDEDFILEMODE"), Some(Rule::ZeroPaddedFilemode));
    assert_eq!(Rule::from_msg_id("nothing"), None);
    for (rule, may) in [
        (Rule::ZeroPaddedFilemode, true),
        (Rule::BadTimezone, true),
        (Rule::MissingSpaceBeforeDate, true),
        (Rule::HasDotgit, false),
        (Rule::GitmodulesUrl, false),
        (Rule::BadTree, false),
        (Rule::UnterminatedHeader, false),
    ] {
        assert_eq!(rule.may_be_ignored(), may, "{rule:?}");
    }
}

#[test]
fn names_that_no_file_system_takes_are_refused_unless_tolerated() {
    let repo = TestRepo::new();
    let longest = tree_of(&[("100644", &[b'n'; 4096])]);
    let longer = tree_of(&[("100644", &[b'n'; 4097])]);
    assert_eq!(ours(Kind::Tree, &longest, &Policy::default()), None);
    assert_eq!(ours(Kind::Tree, &longer, &Policy::default()), Some("largePathname"));
    assert!(Rule::LargePathname.may_be_ignored());
    let tolerant = Policy { tolerated: [Rule::LargePathname].into() };
    assert_eq!(ours(Kind::Tree, &longer, &tolerant), None);
    agree(&repo, Kind::Tree, &longest);
    // Git has the rule since 2.43.
    if git_version() >= (2, 43) {
        agree(&repo, Kind::Tree, &longer);
    }
}

#[test]
fn names_that_are_not_the_same_everywhere_are_refused_unless_tolerated() {
    let refused: [&[u8]; 9] = [b"a\\b", b"..\\..\\x", b"C:\\x", b"a.", b"...", b"a ", b"a\nb", b"Icon\r", b"a\x1b[31m"];
    for name in refused {
        let tree = tree_of(&[("100644", name)]);
        assert_eq!(ours(Kind::Tree, &tree, &Policy::default()), Some("unportableName"), "{name:?}");
        assert_eq!(ours(Kind::Tree, &tree, &gits()), None);
    }
    for name in ["a", ".a", "a b", "ü.md", "aux.c", "-x", "a:b"] {
        assert_eq!(ours(Kind::Tree, &tree_of(&[("100644", name.as_bytes())]), &Policy::default()), None, "{name}");
    }
    assert!(Rule::UnportableName.may_be_ignored());
}

#[test]
fn trees_are_judged_as_git_judges_them() {
    let repo = TestRepo::new();
    let names: [&[u8]; 47] = [
        b"a",
        b".",
        b"..",
        b"...",
        b".git",
        b".GIT",
        b".Git",
        b".git ",
        b".git.",
        b".git..",
        b".git. ",
        b"git~1",
        b"GIT~1",
        b"git~2",
        b".git:x",
        b".git\\x",
        b"a\\.git",
        b"a\\b\\.git\\c",
        b"a/b",
        b"/",
        b".gitx",
        b"git",
        b".gi\xe2\x80\x8ct",
        b"\xef\xbb\xbf.git",
        b".git\xe2\x80\x8b",
        b".git\xff",
        b".gitmodules",
        b".gitattributes",
        b".gitignore",
        b".mailmap",
        b".GITMODULES",
        b"gitmod~1",
        b"gi7eba~1",
        b"GI7EBA~12",
        b"a\\.gitmodules",
        b"a\\gitmod~1",
        b".gitmodules ",
        b".gitmodules:x",
        b".gitattributes.",
        b"gitatt~2",
        b"con",
        b"a b",
        b"\xff\xfe",
        b"-x",
        b"~1",
        b".git/x",
        b"x.lock",
    ];
    for name in names {
        for mode in ["100644", "100755", "120000", "40000", "160000"] {
            // An object named like these must exist for git; what is checked here is the name.
            let special = mode != "120000"
                && (names::is_dot_file(name, names::GITMODULES)
                    || names::is_dot_file(name, names::GITATTRIBUTES)
                    || name.contains(&b'\\'));
            if !special || name.ends_with(b".git") {
                agree(&repo, Kind::Tree, &tree_of(&[(mode, name)]));
            }
        }
    }
    for mode in ["0100644", "040000", "100664", "100600", "1006444"] {
        if mode != "1006444" {
            agree(&repo, Kind::Tree, &tree_of(&[(mode, b"a")]));
        }
    }
    agree(&repo, Kind::Tree, b"");
    agree(&repo, Kind::Tree, &tree(&[("100644", b"a", ObjectId::null(gix::hash::Kind::Sha1))]));
    for broken in [
        &b"100644"[..],
        b"100644 a",
        b"100644 a\0abc",
        b"100648 a\0aaaaaaaaaaaaaaaaaaaa",
        b" a\0aaaaaaaaaaaaaaaaaaaa",
        b"100644 \0aaaaaaaaaaaaaaaaaaaa",
        b"x",
        b"100644 a\0aaaaaaaaaaaaaaaaaaaab",
    ] {
        // Git 2.39 calls some of these fatal without naming a rule; refusing is what counts.
        assert!(ours(Kind::Tree, broken, &Policy::default()).is_some(), "{broken:?}");
        let mut builder = PackBuilder::new();
        builder.full(Kind::Tree, broken);
        assert!(!repo.run(&["index-pack", "--fsck-objects", "--stdin"], &builder.finish(), &[]).0, "{broken:?}");
    }
}

#[test]
fn order_and_duplicates_are_judged_as_git_judges_them() {
    let repo = TestRepo::new();
    const NAMES: [&[u8]; 12] =
        [b"foo", b"foo.bar", b"foo.bar.baz", b"foo-x", b"foo0", b"foo/", b"fo", b"a", b"b", b"foo!", b"foobar", b"z"];
    let mut random = Random::new(11);
    for _ in 0..120 {
        let len = 2 + random.below(4);
        let mut entries: Vec<(&str, &[u8])> = (0..len)
            .map(|_| {
                let name = NAMES[random.below(NAMES.len())];
                let name = name.strip_suffix(b"/").unwrap_or(name);
                (if random.chance(50) { "40000" } else { "100644" }, name)
            })
            .collect();
        if random.chance(80) {
            let key =
                |(mode, name): &(&str, &[u8])| [*name, if *mode == "40000" { &b"/"[..] } else { &b"\0"[..] }].concat();
            entries.sort_by_key(key);
        }
        agree(&repo, Kind::Tree, &tree_of(&entries));
    }
}

#[test]
fn commits_are_judged_as_git_judges_them() {
    let repo = TestRepo::new();
    let (a, b) = ("a".repeat(40), "b".repeat(40));
    let good = format!("tree {a}\nparent {b}\nauthor {WHO}\ncommitter {WHO}\n\nmessage\n");
    let cases = [
        good.clone(),
        good.replace("message\n", ""),
        good.replace("\n\nmessage\n", "\n"),
        good.replace("\n\nmessage\n", ""),
        good.replace("message", "mess\0age"),
        good.replace("parent", "parent\0"),
        good.replace("tree ", "tre "),
        good.replace(&a, "zz"),
        good.replace(&b, "zz"),
        good.replace(&b, &"b".repeat(41)),
        good.replace(&b, &"b".repeat(39)),
        good.replace("parent ", "parent  "),
        good.replace(&format!("author {WHO}\n"), ""),
        good.replace(&format!("author {WHO}\n"), &format!("author {WHO}\nauthor {WHO}\n")),
        good.replace(&format!("committer {WHO}\n"), ""),
        good.replace("committer", "gpgsig x\ncommitter"),
        good.replace("\n\nmessage", "\nencoding x\ngpgsig y\n z\n\nmessage"),
        String::new(),
        "\n".into(),
        "\n\n".into(),
    ];
    for case in cases {
        if case.is_empty() {
            assert_eq!(ours(Kind::Commit, b"", &Policy::default()), Some("unterminatedHeader"));
            continue;
        }
        agree(&repo, Kind::Commit, case.as_bytes());
    }
    for who in persons() {
        let by = format!("tree {a}\nauthor {who}\ncommitter {WHO}\n\nx");
        // Git before 2.41 reads dates with strtoumax, which takes signs and looks for zeros only behind the first space.
        let is_lenient = who.contains("> +") || who.contains("> -") || who.contains(">  ");
        if is_lenient
            && matches!(ours(Kind::Commit, by.as_bytes(), &Policy::default()), Some("badDate" | "zeroPaddedDate"))
        {
            continue;
        }
        agree(&repo, Kind::Commit, by.as_bytes());
        agree(&repo, Kind::Commit, format!("tree {a}\nauthor {WHO}\ncommitter {who}\n\nx").as_bytes());
    }
}

fn persons() -> Vec<String> {
    let mut persons: Vec<String> = [
        "<a@b> 1 +0000",
        " <a@b> 1 +0000",
        "A<a@b> 1 +0000",
        "A <a@b> 1 +0000",
        "A a@b 1 +0000",
        "A >a@b> 1 +0000",
        "A <a@b 1 +0000",
        "A <a<b> 1 +0000",
        "A <a@b>1 +0000",
        "A <a@b>  1 +0000",
        "A <a@b> x +0000",
        "A <a@b> 01 +0000",
        "A <a@b> 0 +0000",
        "A <a@b> 1+0000",
        "A <a@b> 1 0000",
        "A <a@b> 1 +000",
        "A <a@b> 1 +00000",
        "A <a@b> 1 +0000 ",
        "A <a@b> 1 -9999",
        "A <a@b> 1 +00:00",
        "A <a@b> 1",
        "A <a@b> ",
        "A <a@b>",
        "",
        "A",
        "A <>",
        "A <> 1 +0000",
        " <> 1 +0000",
        "A <a@b> 18446744073709551615 +0000",
        "A <a@b> 99999999999999999999999 +0000",
        "A <a@b> 9223372036854775807 +0000",
        "A <a@b> 9223372036854775808 +0000",
        "A <a@b> 1  +0000",
        "A <a@b> 00 +0000",
        "A\tB <a@b> 1 +0000",
        "A <a@b> 253402300799 +0000",
    ]
    .map(String::from)
    .into();
    let mut random = Random::new(5);
    for _ in 0..50 {
        let mut who = WHO.as_bytes().to_vec();
        for _ in 0..=random.below(2) {
            let at = random.below(who.len());
            match random.below(3) {
                0 => drop(who.remove(at)),
                1 => who.insert(at, b"<> 0+-a"[random.below(7)]),
                _ => who[at] = b"<> 0+-a"[random.below(7)],
            }
        }
        persons.push(String::from_utf8(who).unwrap());
    }
    persons
}

#[test]
fn tags_are_judged_as_git_judges_them() {
    let repo = TestRepo::new();
    let a = "a".repeat(40);
    let good = format!("object {a}\ntype commit\ntag v1\ntagger {WHO}\n\nmessage\n");
    let cases = [
        good.clone(),
        good.replace("\n\nmessage\n", "\n"),
        good.replace("\n\nmessage\n", ""),
        good.replace("message", "mess\0age"),
        good.replace("tag v1", "tag v\0"),
        good.replace("object ", "objekt "),
        good.replace(&a, "zz"),
        good.replace("type commit\n", ""),
        good.replace("type commit", "type committ"),
        good.replace("type commit", "type "),
        good.replace("type commit", "type tag"),
        good.replace("tag v1\n", ""),
        good.replace("tag v1", "tag a..b"),
        good.replace("tag v1", "tag "),
        good.replace(&format!("tagger {WHO}\n"), ""),
        good.replace(WHO, "A <a@b> 1"),
        good.replace("\n\nmessage", "\nextra header\n\nmessage"),
    ];
    for case in cases {
        agree(&repo, Kind::Tag, case.as_bytes());
    }
}

#[test]
fn special_blobs_are_judged_as_git_judges_them() {
    let repo = TestRepo::new();
    let module = |key: &str, value: &str| format!("[submodule \"x\"]\n\t{key} = {value}\n");
    let mut cases: Vec<(&[u8], Vec<u8>)> = Vec::new();
    for url in [
        "https://example.com/x",
        "-oProxy",
        "./x",
        "../x",
        "../../x",
        "../:x",
        "..//x",
        "./-x",
        "./..//x",
        "../%0ax",
        "./%0a",
        "http://a/%0a",
        "http:///x",
        "https://",
        "http::http://a/b",
        "http::x",
        "https::///x",
        "ftp://h/x",
        "ftps:x",
        "ssh://-x/y",
        "git@h:x",
        "http://u:p%0a@h/x",
        "http://u@/x",
        "../:",
        "././/x",
        ".././/x",
        "https://h?x",
        "https://?x",
        "https://#x",
        "ext::sh",
        "http://h%0a/x",
        "\\\"-x\\\"",
        "\"-x\"",
        "a;b",
        "  ../x",
        "https:x",
        "http:/x",
        "https::h/x",
    ] {
        cases.push((b".gitmodules", module("url", url).into_bytes()));
        cases.push((b".gitmodules", module("URL", &format!("\"{url}\"")).into_bytes()));
    }
    for (key, value) in [
        ("path", "-x"),
        ("path", "x"),
        ("update", "!sh"),
        ("update", "checkout"),
        ("update", "\\\"!x"),
        ("Update", " !x"),
    ] {
        cases.push((b".gitmodules", module(key, value).into_bytes()));
    }
    for name in ["x", "..", "../x", "a/../b", "a\\\\..\\\\b", "a..b", "", "a/..", "..a", "/", "."] {
        cases.push((b".gitmodules", format!("[submodule \"{name}\"]\n\turl = x\n").into_bytes()));
    }
    for text in [
        "",
        "[submodule]\nurl=-x\n",
        "[submodule.x]\nurl=-x\n",
        "[SubModule \"x\"]\nurl=-x\n",
        "[submodule \"x\"] url=-x",
        "[submodule \"x\"]\nurl\n",
        "<<<<<<<\n[submodule \"x\"]\nurl=-x\n",
        "[submodule \"x\"]\nurl=-x\n<<<<<<<\n",
        "[submodule \"x\"]\nurl=a\\\n-x\n",
        "[submodule \"x\"]\nurl=\\\n-x\n",
        "[submodule \"x\"]\r\nurl=-x\r\n",
        "[submodule \"x\"]\n#url=-x\n",
        "[submodule \"x\"]\nurl=x#-x\n",
        "[submodule \"x\" ]\nurl=-x",
        "[submodule  \t\"x\"]\nurl=-x",
        "[submodule \"x\"]\nurl=\"a\n\"\n",
    ] {
        cases.push((b".gitmodules", text.as_bytes().to_vec()));
    }
    for len in [10, 2046, 2047, 2048, 2049] {
        cases.push((b".gitattributes", [b"*.x text\n".to_vec(), vec![b'a'; len], b"\nb".to_vec()].concat()));
        cases.push((b".gitattributes", vec![b'a'; len]));
    }
    for (name, content) in cases {
        let mut builder = PackBuilder::new();
        let blob = builder.object(Kind::Blob, &content);
        builder.object(Kind::Tree, &tree(&[("100644", name, blob)]));
        let (ok, _, messages) = repo.run(&["index-pack", "--fsck-objects", "--stdin"], &builder.finish(), &[]);
        let role = if name == b".gitmodules" { blobs::Role::GitModules } else { blobs::Role::GitAttributes };
        let size = content.len() as u64;
        let ours = blobs::check(role, &blob, Some((Kind::Blob, size)), &Policy::default(), || Ok(content.clone()));
        let shown = String::from_utf8_lossy(&content);
        match ours {
            Ok(()) => assert!(ok, "git refuses: {messages} {shown:?}"),
            Err(Error::Fsck { msg_id, .. }) => {
                assert!(!ok && messages.contains(msg_id), "{msg_id}, git: {messages} {shown:?}")
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// Git's check overlooks what follows a byte order mark, but its checkout does not: we look.
#[test]
fn a_byte_order_mark_hides_nothing() {
    let content = "\u{feff}[submodule \"x\"]\nurl=-x".as_bytes();
    let id = hash_object(Kind::Blob, content).unwrap();
    let outcome =
        blobs::check(blobs::Role::GitModules, &id, Some((Kind::Blob, 27)), &Policy::default(), || Ok(content.to_vec()));
    assert!(matches!(outcome, Err(Error::Fsck { msg_id: "gitmodulesUrl", .. })));
}

#[test]
fn links_are_reported() {
    let (a, b) = (ObjectId::from([1; 20]), ObjectId::from([2; 20]));
    let links = |kind: Kind, data: &[u8]| {
        let mut found = Vec::new();
        let id = hash_object(kind, data).unwrap();
        check(kind, &id, data, &Policy::default(), 1000, &mut |link| {
            found.push(link);
            Ok(())
        })
        .unwrap();
        found
    };
    let object = |id: ObjectId, kind: Kind| Link::Object { id, kind };
    assert_eq!(
        links(
            Kind::Tree,
            &tree(&[("100644", b".gitmodules", a), ("40000", b"d", b), ("120000", b"l", a), ("160000", b"s", b)])
        ),
        [Link::GitModules(a), object(a, Kind::Blob), object(b, Kind::Tree), object(a, Kind::Blob)]
    );
    let commit = crate::testpack::commit(&a, &[b, a], "x");
    assert_eq!(links(Kind::Commit, &commit), [object(a, Kind::Tree), object(b, Kind::Commit), object(a, Kind::Commit)]);
    let tag = format!("object {b}\ntype tree\ntag t\n\nx");
    assert_eq!(links(Kind::Tag, tag.as_bytes()), [object(b, Kind::Tree)]);
    assert_eq!(links(Kind::Blob, b"tree x"), []);
}

#[test]
fn a_policy_lets_old_histories_pass() {
    let padded = tree_of(&[("0100644", b"a")]);
    assert_eq!(ours(Kind::Tree, &padded, &Policy::default()), Some("zeroPaddedFilemode"));
    let policy = Policy { tolerated: [Rule::ZeroPaddedFilemode, Rule::NulInHeader].into() };
    assert_eq!(ours(Kind::Tree, &padded, &policy), None);
    assert_eq!(ours(Kind::Commit, b"tree \0\n\n", &policy), Some("nulInHeader"), "fatal rules are never tolerated");
    let ids: std::collections::BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.msg_id()).collect();
    assert_eq!(ids.len(), Rule::ALL.len());
}
