//! Bundles of ours, taken by stock git: verified, cloned from, fetched from.

use super::*;
use crate::{
    id::id_from_hex,
    testgit::{Random, TestRepo, random_history},
};

fn make(repo: &TestRepo, spec: &BundleSpec<'_>, name: &str) -> Result<BundleStats> {
    let mut file = Vec::new();
    let stats = write(&repo.view(), spec, &Limits::default(), &mut file, &AtomicBool::new(false))?;
    assert_eq!(stats.bytes, file.len() as u64);
    std::fs::write(repo.path().join(name), file).unwrap();
    Ok(stats)
}

fn count(repo: &TestRepo, args: &[&str]) -> u64 {
    repo.git(&[&["rev-list", "--objects"], args].concat()).lines().count() as u64
}

#[test]
fn a_bundle_of_everything_is_a_whole_clone() {
    for seed in 0..4 {
        let repo = TestRepo::new();
        random_history(&repo, &mut Random::new(seed), 12);
        let stats = make(&repo, &BundleSpec::default(), "all.bundle").unwrap();
        assert_eq!(stats.objects, count(&repo, &["--all"]), "seed {seed}");
        repo.git(&["bundle", "verify", "-q", "all.bundle"]);
        let heads = repo.git(&["bundle", "list-heads", "all.bundle"]);
        assert_eq!(heads.lines().count() as u64, stats.refs);
        repo.git(&["clone", "-q", "--bare", "all.bundle", "clone"]);
        repo.git(&["-C", "clone", "fsck", "--strict"]);
        assert_eq!(repo.git(&["-C", "clone", "rev-parse", "HEAD"]), repo.git(&["rev-parse", "main"]));
        // As a client does that is told where a bundle lies.
        let url = format!("file://{}", repo.path().display());
        let bundle = format!("--bundle-uri={}", repo.path().join("all.bundle").display());
        repo.git(&["clone", "-q", "--bare", &bundle, &url, "clone-by-uri"]);
        repo.git(&["-C", "clone-by-uri", "fsck", "--strict"]);
        assert!(!repo.git(&["-C", "clone-by-uri", "for-each-ref", "refs/bundles/"]).is_empty());
    }
}

#[test]
fn a_bundle_with_prerequisites_holds_what_came_after_them() {
    let long = (0..).map(|seed| {
        let repo = TestRepo::new();
        random_history(&repo, &mut Random::new(seed), 20);
        repo
    });
    let is_long = |repo: &TestRepo| repo.git(&["rev-list", "--count", "main"]).parse::<u32>().unwrap() > 6;
    let repo = long.take(50).find(is_long).unwrap();
    let parent = repo.git(&["rev-list", "--max-count=1", "--skip=3", "main"]);
    let prerequisites = [id_from_hex(parent.as_bytes()).unwrap()];
    let main = [RefName::new("refs/heads/main").unwrap()];
    let spec = BundleSpec { refs: &main, prerequisites: &prerequisites, filter: None };
    let stats = make(&repo, &spec, "new.bundle").unwrap();
    assert!(stats.objects >= count(&repo, &["main", &format!("^{parent}")]));
    assert!(stats.objects < count(&repo, &["main"]));
    repo.git(&["bundle", "verify", "-q", "new.bundle"]);
    let text = std::fs::read(repo.path().join("new.bundle")).unwrap();
    assert!(text.starts_with(format!("# v2 git bundle\n-{parent} \n").as_bytes()));
    // Somebody without the prerequisite cannot use it, somebody with it can.
    repo.git(&["init", "-q", "--bare", "other"]);
    assert!(!repo.run(&["-C", "other", "bundle", "verify", "../new.bundle"], &[], &[]).0);
    repo.git(&["-C", "other", "fetch", "-q", "..", &format!("{parent}:refs/heads/base")]);
    repo.git(&["-C", "other", "fetch", "-q", "../new.bundle", "main:main"]);
    assert_eq!(repo.git(&["-C", "other", "rev-parse", "main"]), repo.git(&["rev-parse", "main"]));
    repo.git(&["-C", "other", "fsck", "--strict"]);
}

#[test]
fn a_filtered_bundle_is_of_version_three() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(4), 15);
    let spec = BundleSpec { filter: Some("blob:none"), ..BundleSpec::default() };
    make(&repo, &spec, "filtered.bundle").unwrap();
    let text = std::fs::read(repo.path().join("filtered.bundle")).unwrap();
    assert!(text.starts_with(b"# v3 git bundle\n@object-format=sha1\n@filter=blob:none\n"));
    repo.git(&["bundle", "verify", "-q", "filtered.bundle"]);
}

#[test]
fn what_cannot_be_bundled_is_refused() {
    let repo = TestRepo::new();
    let empty = make(&repo, &BundleSpec::default(), "x");
    assert!(matches!(empty, Err(Error::BadRequest { .. })));
    random_history(&repo, &mut Random::new(4), 3);
    let tree = id_from_hex(repo.git(&["rev-parse", "main^{tree}"]).as_bytes()).unwrap();
    let nowhere = [RefName::new("refs/heads/nowhere").unwrap()];
    for spec in [
        BundleSpec { refs: &nowhere, ..BundleSpec::default() },
        BundleSpec { prerequisites: &[tree], ..BundleSpec::default() },
        BundleSpec { filter: Some("sparse:oid=x"), ..BundleSpec::default() },
    ] {
        assert!(matches!(make(&repo, &spec, "x"), Err(Error::BadRequest { .. })), "{spec:?}");
    }
}
