//! What stock git does every day, over SSH and with each protocol version.

use crate::dsl::{Forge, Identity, PROTOCOLS, ssh};

#[test]
fn clone_fetch_push_force_tag_and_delete_work_with_each_protocol() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let ssh = identity.at(forge.ssh_addr());
    for version in PROTOCOLS {
        let repository = ada.create_private_repository(&format!("sops-{version}"));
        let (git, url) = (ssh.git().protocol(version), ssh.url(&repository));
        assert_eq!(git.ok(&["ls-remote", &url]), "", "protocol {version}");
        let work = git.init("work");
        let first = work.commit("SOP-001.md", "# Cleaning\n");
        work.ok(&["push", "--quiet", &url, "main"]);
        git.ok(&["clone", "--quiet", &url, "copy"]);
        let copy = git.at("copy");
        assert_eq!(copy.ok(&["rev-parse", "HEAD"]), first, "protocol {version}");

        // Both sides have commits of their own: the fetch negotiates.
        let second = copy.commit("SOP-001.md", "# Cleaning, revised\n");
        copy.ok(&["push", "--quiet", "origin", "main"]);
        work.commit("SOP-002.md", "# Draft\n");
        work.ok(&["remote", "add", "origin", &url]);
        work.ok(&["fetch", "--quiet", "origin"]);
        assert_eq!(work.ok(&["rev-parse", "origin/main"]), second, "protocol {version}");
        work.ok(&["push", "--quiet", "--force", "origin", "main"]);
        assert_eq!(work.ok(&["rev-parse", "main"]), git.ok(&["ls-remote", &url, "refs/heads/main"])[..40]);

        copy.ok(&["tag", "-a", "v1", "-m", "Approved"]);
        copy.ok(&["push", "--quiet", "origin", "v1", "main:side"]);
        assert!(git.ok(&["ls-remote", &url]).contains("refs/tags/v1^{}"), "protocol {version}");
        copy.ok(&["push", "--quiet", "origin", ":side", ":refs/tags/v1"]);
        assert!(!git.ok(&["ls-remote", &url]).contains("side"), "protocol {version}");
        // Nothing to do is no error.
        let idle = work.run(&["push", "origin", "main"]).ok();
        assert!(idle.stderr.contains("up-to-date"), "{}", idle.stderr);
        work.ok(&["fetch", "--quiet", "origin"]);

        git.ok(&["clone", "--quiet", "--depth", "1", &url, "shallow"]);
        let shallow = git.at("shallow");
        assert_eq!(shallow.ok(&["rev-list", "--count", "HEAD"]), "1", "protocol {version}");
        shallow.ok(&["fetch", "--quiet", "--unshallow"]);
        assert_eq!(shallow.ok(&["rev-list", "--count", "HEAD"]), "2", "protocol {version}");
        git.ok(&["clone", "--quiet", "--mirror", &url, "mirror.git"]);
        git.at("mirror.git").fsck();
    }
    forge.finish();
}

#[test]
fn a_large_history_negotiates_in_many_rounds() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let ssh = identity.at(forge.ssh_addr());
    let repository = ada.create_repository("sops");
    let url = ssh.url(&repository);
    let git = ssh.git();
    let work = git.init("work");
    let grow = |from: usize, count: usize, onto: &str| {
        let mut stream = String::new();
        for number in from..from + count {
            let time = 1_700_000_000 + number;
            stream.push_str(&format!("commit refs/heads/main\ncommitter A <a@example.org> {time} +0000\ndata 1\nx"));
            if number == from && !onto.is_empty() {
                stream.push_str(&format!("\nfrom {onto}"));
            }
            stream.push_str(&format!("\nM 100644 inline f{}\ndata <<E\n{number}\nE\n\n", number % 7));
        }
        stream
    };
    work.run_with_input(&["fast-import", "--quiet", "--force"], grow(0, 400, "").as_bytes()).ok();
    let base = work.ok(&["rev-parse", "main"]);
    work.ok(&["push", "--quiet", &url, "main"]);
    git.ok(&["clone", "--quiet", &url, "other"]);
    let other = git.at("other");
    // 300 commits the server does not know, so that the first rounds of haves find nothing.
    other.run_with_input(&["fast-import", "--quiet", "--force"], grow(10_000, 300, &base).as_bytes()).ok();
    work.run_with_input(&["fast-import", "--quiet", "--force"], grow(20_000, 50, &base).as_bytes()).ok();
    work.ok(&["push", "--quiet", &url, "main"]);
    let wanted = work.ok(&["rev-parse", "main"]);
    for version in PROTOCOLS {
        let target = format!("refs/fetched/{version}");
        other.protocol(version).ok(&["fetch", "--quiet", &url, &format!("main:{target}")]);
        assert_eq!(other.ok(&["rev-parse", &target]), wanted, "protocol {version}");
        other.ok(&["update-ref", "-d", &target]);
    }
    other.fsck();
    forge.finish();
}

#[test]
fn a_pack_too_large_for_memory_arrives_and_a_pack_too_large_is_refused_with_a_report() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().setting("git", "max_push_bytes", 4_000_000).start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let ssh = identity.at(forge.ssh_addr());
    let repository = ada.create_repository("sops");
    let git = ssh.git().config("core.compression", "0");
    let work = git.init("work");
    let noise = |bytes: usize, seed: u64| -> Vec<u8> {
        let mut state = seed;
        (0..bytes)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect()
    };
    std::fs::write(work.dir().join("scan.bin"), noise(3_000_000, 7)).unwrap();
    work.commit("SOP-001.md", "# Scan\n");
    work.ok(&["add", "scan.bin"]);
    work.ok(&["commit", "--quiet", "-m", "scan"]);
    work.ok(&["push", "--quiet", &ssh.url(&repository), "main"]);
    std::fs::write(work.dir().join("scan.bin"), noise(5_000_001, 8)).unwrap();
    work.ok(&["commit", "--quiet", "-a", "-m", "larger scan"]);
    let refused = work.run(&["push", &ssh.url(&repository), "main"]);
    assert!(!refused.success && refused.stderr.contains("exceeds the limit of 4000000 bytes"), "{}", refused.stderr);
    forge.finish();
}

#[test]
fn addresses_in_answers_can_be_cloned() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let repository = ada.create_repository("sops");
    let shown = ada.get(&format!("/api/v1/repos/{repository}")).expect(200).json();
    let url = shown["ssh_url"].as_str().unwrap().to_owned();
    assert_eq!(url, format!("ssh://git@{}/{repository}.git", forge.ssh_addr()));
    identity.at(forge.ssh_addr()).git().ok(&["ls-remote", &url]);
    forge.finish();

    let forge = Forge::with().ssh().setting("ssh", "host", "git.example.org").setting("ssh", "port", 22).start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sops");
    let shown = ada.get(&format!("/api/v1/repos/{repository}")).expect(200).json();
    assert_eq!(shown["ssh_url"], format!("git@git.example.org:{repository}.git"));
    forge.finish();
}

#[test]
fn a_stopping_server_ends_idle_connections_and_keeps_its_keys() {
    if ssh::is_missing() {
        return;
    }
    let mut forge = Forge::with().ssh().start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let repository = ada.create_repository("sops");
    let ssh = identity.at(forge.ssh_addr());
    ssh.git().ok(&["ls-remote", &ssh.url(&repository)]);
    for name in ["ssh_host_ed25519_key", "ssh_host_rsa_key"] {
        let file = std::fs::metadata(forge.data_dir().join("conf/keys").join(name)).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o777, 0o600, "{name}");
    }
    let kept = std::fs::read(forge.data_dir().join("conf/keys/ssh_host_ed25519_key")).unwrap();
    // A connection that has not even begun must not hold the stop up.
    let silent = std::net::TcpStream::connect(forge.ssh_addr()).unwrap();
    forge.stop();
    drop(silent);
    forge.restart();
    assert_eq!(std::fs::read(forge.data_dir().join("conf/keys/ssh_host_ed25519_key")).unwrap(), kept);
    let ssh = identity.at(forge.ssh_addr());
    ssh.git().ok(&["ls-remote", &ssh.url(&repository)]);
    forge.finish();
}

#[test]
fn archives_are_those_that_git_makes_itself() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let ssh = identity.at(forge.ssh_addr());
    let repository = ada.create_private_repository("sops");
    let (git, url) = (ssh.git(), ssh.url(&repository));
    let work = git.init("work");
    work.commit("SOP-001.md", "# Cleaning\n");
    std::fs::create_dir_all(work.dir().join("forms")).unwrap();
    let tip = work.commit("forms/F-01.md", "- [ ] done\n");
    work.ok(&["tag", "-a", "v1", "-m", "First"]);
    work.ok(&["push", "--quiet", &url, "main", "v1"]);
    let remote = format!("--remote={url}");
    for (index, words) in
        [&["main"][..], &["HEAD", "forms"], &["v1"], &["refs/heads/main"], &["main"]].into_iter().enumerate()
    {
        let (ours, theirs) = (format!("ours-{index}.tar"), format!("theirs-{index}.tar"));
        let prefix = if index == 4 { "--prefix=sops-1.0/" } else { "--prefix=" };
        work.ok(&[&["archive", &remote, "--format=tar", prefix, "-o", &ours], words].concat());
        work.ok(&[&["archive", "--format=tar", prefix, "-o", &theirs], words].concat());
        let read = |name: &str| std::fs::read(work.dir().join(name)).unwrap();
        assert!(read(&ours) == read(&theirs), "{words:?}: the archives differ");
    }
    // A directory keeps the time of its commit; git takes the present one there.
    work.ok(&["archive", &remote, "--format=tar", "-o", "forms.tar", "main:forms"]);
    let forms = std::fs::read(work.dir().join("forms.tar")).unwrap();
    assert!(forms.windows(7).any(|bytes| bytes == b"F-01.md") && !forms.windows(6).any(|bytes| bytes == b"forms/"));
    work.ok(&["archive", &remote, "--format=zip", "-o", "sops.zip", "main"]);
    assert!(std::fs::read(work.dir().join("sops.zip")).unwrap().starts_with(b"PK"));
    assert!(work.ok(&["archive", &remote, "--list"]).contains("tar.gz"));
    // As with stock git only what a ref names, and nothing to strangers.
    assert!(work.fails(&["archive", &remote, &tip]).contains("no such ref"));
    assert!(work.fails(&["archive", &remote, "main:nowhere"]).contains("nowhere"));
    let stranger = Identity::new();
    stranger.register(&forge.user("mallory"), "laptop");
    stranger.at(forge.ssh_addr()).git().fails(&["archive", &remote, "main"]);
    forge.finish();
}
