//! The smaller features of version 2: wanted refs, side-bands from the first packet, object sizes, server options, bundle lists.

use super::client::{Answer, ask, ask_git, body, read_answer};
use crate::{
    Limits, View,
    error::Error,
    id::id_from_hex,
    protocol::ProtocolVersion::V2,
    testgit::{Random, TestRepo, random_history},
    upload::{BundleOffer, Context, UploadOptions, UploadOutcome, respond_with, wants::Search},
};

fn small_repo() -> TestRepo {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(21), 12);
    repo
}

#[test]
fn object_info_answers_like_git() {
    let repo = small_repo();
    let main = repo.git(&["rev-parse", "main"]);
    let tree = repo.git(&["rev-parse", "main^{tree}"]);
    let nobody = "1".repeat(40);
    for arguments in [
        vec!["size".to_owned(), format!("oid {main}"), format!("oid {tree}"), format!("oid {nobody}")],
        vec!["size".to_owned()],
        Vec::new(),
    ] {
        let mut lines = vec!["command=object-info".to_owned(), "0001".into()];
        lines.extend(arguments);
        lines.push("0000".into());
        let (result, bytes) = ask(&repo.view(), V2, &body(&lines));
        assert_eq!(result.unwrap().outcome, UploadOutcome::Refs);
        assert_eq!(bytes, ask_git(&repo, V2, &body(&lines)), "{lines:?}");
    }
    let (result, _) = ask(&repo.view(), V2, &body(&["command=object-info", "0001", "oid x", "0000"]));
    assert!(matches!(result, Err(Error::BadRequest { .. })));
}

#[test]
fn object_info_tells_nothing_about_what_cannot_be_fetched() {
    let repo = small_repo();
    let secret = repo.git_with(&["hash-object", "-w", "--stdin"], b"secret\n");
    let gone = repo.git(&["commit-tree", "-m", "gone", "main^{tree}"]);
    let request =
        body(&["command=object-info", "0001", "size", &format!("oid {secret}"), &format!("oid {gone}"), "0000"]);
    let (_, bytes) = ask(&repo.view(), V2, &request);
    let answer = read_answer(&bytes, V2, true);
    assert_eq!(answer.lines, ["size".to_owned(), format!("{secret} "), format!("{gone} "), "0000".into()]);
}

#[test]
fn refs_are_wanted_by_name() {
    let repo = small_repo();
    let view = repo.view();
    let fetch = |lines: &[&str]| {
        let request = body(&[&["command=fetch", "0001", "no-progress"], lines, &["done", "0000"]].concat());
        let (result, bytes) = ask(&view, V2, &request);
        let git = read_answer(&ask_git(&repo, V2, &request), V2, true);
        (result, read_answer(&bytes, V2, true), git)
    };
    let name = view.refs.iter().next().unwrap().name.as_str().to_owned();
    for lines in [
        vec!["want-ref refs/heads/main".to_owned()],
        vec![format!("want-ref {name}"), "want-ref HEAD".into(), "deepen 1".into()],
        vec!["want-ref refs/heads/main".into(), "want-ref refs/heads/main".into()],
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (result, ours, git) = fetch(&lines);
        result.unwrap();
        // The order of boundary lines means nothing.
        let sorted = |answer: &Answer| -> std::collections::BTreeSet<String> { answer.lines.iter().cloned().collect() };
        assert_eq!(sorted(&ours), sorted(&git), "{lines:?}");
        assert!(ours.lines.contains(&"wanted-refs".to_owned()) && !ours.pack.is_empty());
        let boundary = ours.lines.iter().position(|line| line == "shallow-info").unwrap_or(0);
        assert!(ours.lines.iter().position(|line| line == "wanted-refs").unwrap() >= boundary, "{:?}", ours.lines);
    }
    let (result, ours, git) = fetch(&["want-ref refs/heads/nowhere"]);
    assert!(matches!(result, Err(Error::BadRequest { .. })));
    assert!(ours.error.unwrap().contains("unknown ref refs/heads/nowhere") && git.error.is_some());
}

#[test]
fn an_error_with_sideband_all_is_on_band_three() {
    let repo = small_repo();
    for line in ["want-ref nowhere".to_owned(), format!("want {}", "1".repeat(40))] {
        let request = body(&["command=fetch", "0001", "sideband-all", &line, "done", "0000"]);
        let (result, bytes) = ask(&repo.view(), V2, &request);
        assert!(result.unwrap_err().is_peer_fault());
        assert_eq!(bytes.get(4), Some(&3), "{bytes:?}");
        assert_eq!(ask_git(&repo, V2, &request).get(4), Some(&3));
    }
}

#[test]
fn server_options_are_kept_and_bounded() {
    let repo = small_repo();
    let main = repo.git(&["rev-parse", "main"]);
    let mut lines = vec!["command=fetch".to_owned(), "server-option=a=b".into()];
    lines.push(format!("server-option={}", "x".repeat(5000)));
    lines.extend(["0001".to_owned(), format!("want {main}"), "done".into(), "0000".into()]);
    let stats = ask(&repo.view(), V2, &body(&lines)).0.unwrap();
    assert_eq!(stats.server_options[0], "a=b");
    assert_eq!(stats.server_options[1].len(), 1024);
    let stats = ask(&repo.view(), V2, &body(&["command=ls-refs", "server-option=c", "0000"])).0.unwrap();
    assert_eq!(stats.server_options, ["c"]);
    let many: Vec<String> = (0..101).map(|n| format!("server-option={n}")).collect();
    let lines: Vec<String> = ["command=ls-refs".to_owned()].into_iter().chain(many).chain(["0000".into()]).collect();
    assert!(matches!(ask(&repo.view(), V2, &body(&lines)).0, Err(Error::TooLarge { .. })));
}

#[test]
fn hidden_refs_are_neither_listed_nor_wanted_nor_reached() {
    let repo = small_repo();
    let secret = repo.git(&["commit-tree", "-m", "secret", "-p", "main", "main^{tree}"]);
    repo.git(&["update-ref", "refs/qms/secret", &secret]);
    let all = repo.view();
    let some = all.without(|name| name.as_str().starts_with("refs/qms/"));
    let get = |view: &View, line: &str| ask(view, V2, &body(&["command=fetch", "0001", line, "done", "0000"])).0;
    for line in [format!("want {secret}"), "want-ref refs/qms/secret".into()] {
        get(&all, &line).unwrap();
        get(&some, &line).unwrap_err();
    }
    get(&some, "want-ref refs/heads/main").unwrap();
    let (_, bytes) = ask(&some, V2, &body(&["command=ls-refs", "0000"]));
    assert!(!String::from_utf8_lossy(&bytes).contains("refs/qms/"));
}

#[test]
fn a_list_of_bundles_is_told_to_those_who_ask() {
    let view = small_repo().view();
    let bundles = [
        BundleOffer { id: "all-1".into(), uri: "bundles/1.bundle".into(), creation_token: 1 },
        BundleOffer { id: "bad.name".into(), uri: "x".into(), creation_token: 2 },
    ];
    let ask_for = |bundles: Option<&dyn Fn() -> Vec<BundleOffer>>, lines: &[&str]| -> (bool, Answer) {
        let mut out = Vec::new();
        let options = UploadOptions { bundles };
        let never = std::sync::atomic::AtomicBool::new(false);
        let result = respond_with(&view, V2, &body(lines), &Limits::default(), options, &mut out, &never);
        (result.is_ok(), read_answer(&out, V2, true))
    };
    let (ok, answer) = ask_for(Some(&|| bundles.to_vec()), &["command=bundle-uri", "0001", "0000"]);
    assert!(ok);
    assert_eq!(
        answer.lines,
        [
            "bundle.version=1",
            "bundle.mode=all",
            "bundle.heuristic=creationToken",
            "bundle.all-1.uri=bundles/1.bundle",
            "bundle.all-1.creationToken=1",
            "0000"
        ]
    );
    assert!(!ask_for(Some(&|| bundles.to_vec()), &["command=bundle-uri", "0001", "what", "0000"]).0);
    assert_eq!(ask_for(Some(&Vec::new), &["command=bundle-uri", "0000"]).1.lines, ["0000"]);
    assert!(!ask_for(None, &["command=bundle-uri", "0000"]).0);
}

/// A want that exists and is behind no ref costs the history newer than it, not all of it.
#[test]
fn a_search_for_a_commit_ends_at_its_date() {
    let repo = TestRepo::new();
    let mut stream = String::new();
    for n in 1..=12_000_u64 {
        stream
            .push_str(&format!("commit refs/heads/main\ncommitter C <c@example.org> {} +0000\ndata 0\n\n", 1_000 + n));
    }
    stream.push_str("commit refs/heads/gone\ncommitter C <c@example.org> 12900 +0000\ndata 0\n\n");
    repo.git_with(&["fast-import", "--quiet"], stream.as_bytes());
    let gone = repo.git(&["rev-parse", "gone"]);
    let old = repo.git(&["rev-parse", "main~11990"]);
    repo.git(&["update-ref", "-d", "refs/heads/gone"]);
    let view = repo.view();
    let get = |id: &str| {
        ask(&view, V2, &body(&["command=fetch", "0001", &format!("want {id}"), "deepen 1", "done", "0000"])).0
    };
    assert!(matches!(get(&gone), Err(Error::NotOurRef { .. })));
    get(&old).unwrap();
    let (limits, interrupt) = (Limits::default(), std::sync::atomic::AtomicBool::new(false));
    let context = Context { view: &view, limits: &limits, interrupt: &interrupt, options: UploadOptions::default() };
    let open = [id_from_hex(gone.as_bytes()).unwrap()].into_iter().collect();
    let mut search = Search { context: &context, open };
    let visited = search.run().unwrap();
    assert!(visited < 4500 && search.open.len() == 1, "{visited}");
}
