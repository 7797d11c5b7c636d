//! A data directory that is full: pushes fail with a clear reason, nothing is half done, and space brings them back.
//!
//! Runs on a small tmpfs. Who may not mount enters a user namespace first, by running this same test inside `unshare`.

use std::path::Path;
use std::process::Command;

use crate::dsl::chance::Chance;
use crate::dsl::pack::{Pack, ZERO};
use crate::dsl::{Forge, Git};

const INSIDE: &str = "ATOMICQMS_TEST_INSIDE_UNSHARE";

/// A mounted tmpfs, unmounted on drop.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(megabytes: u32) -> Result<Self, String> {
        let directory = tempfile::TempDir::with_prefix("atomicqms-disk-").unwrap();
        let size = format!("size={megabytes}m");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(directory.path())
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(Self { directory })
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into())
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.directory.path()).output();
    }
}

/// A tmpfs, or `None` after the test has been run elsewhere (in a namespace) or skipped loudly.
fn small_disk(test: &str, megabytes: u32) -> Option<SmallDisk> {
    let error = match SmallDisk::mount(megabytes) {
        Ok(disk) => return Some(disk),
        Err(error) => error,
    };
    assert!(std::env::var_os(INSIDE).is_none(), "no tmpfs even inside a namespace: {error}");
    let itself = std::env::current_exe().unwrap();
    let inner = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(itself)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output();
    match inner {
        Ok(output) if output.status.success() => None,
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("unshare failed") => {
            panic!(
                "inside a namespace:\n{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        }
        other => {
            assert!(std::env::var_os("CI").is_none(), "CI must be able to mount a tmpfs: {error} {other:?}");
            eprintln!("SKIPPED: cannot mount a tmpfs ({error}) nor enter a namespace; this test proved nothing");
            None
        }
    }
}

#[test]
fn a_full_disk_refuses_pushes_and_loses_nothing() {
    let Some(disk) = small_disk("disk_full::a_full_disk_refuses_pushes_and_loses_nothing", 48) else { return };
    let data_dir = disk.path().join("data");
    let mut forge = Forge::with().data_dir(&data_dir).expecting_errors().start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("filling");
    let work = Git::new().init("work");
    let first = work.commit("a.md", "kept\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    let before = forge.evidence().fingerprint(&repository, &forge.repository_dir(&repository));

    // Bigger than the disk, as a stream: fails while it is received.
    std::fs::write(work.dir().join("scan.bin"), Chance::seeded(1).noise(80 << 20)).unwrap();
    work.ok(&["add", "scan.bin"]);
    work.ok(&["commit", "--quiet", "--message", "Scan"]);
    let refusal = work.fails(&["push", &ada.url(&repository), "main"]);
    assert!(
        refusal.to_lowercase().contains("space") || refusal.to_lowercase().contains("full") || refusal.contains("507"),
        "no clear reason: {refusal}"
    );
    forge.assert_alive("a push bigger than the disk");
    crate::dsl::until("nothing to be left of the failed push", crate::dsl::PATIENCE, || {
        let now = forge.evidence().fingerprint(&repository, &forge.repository_dir(&repository));
        if now == before { Ok(()) } else { Err(format!("{now:#?}")) }
    });

    // Fill the disk to the last byte: now not even the database can grow.
    let ballast = disk.path().join("ballast");
    {
        use std::io::Write;
        let mut file = std::fs::File::create(&ballast).unwrap();
        let block = Chance::seeded(2).noise(1 << 16);
        while file.write_all(&block).is_ok() {}
        while file.write_all(&[0]).is_ok() {}
    }
    work.ok(&["reset", "--quiet", "--hard", &first]);
    let mut refused = 0;
    for index in 0..20 {
        let mut pack = Pack::new();
        let tip = pack.add_commit(&[&first], "b.md", &Chance::seeded(100 + index).noise(30_000));
        let name = format!("refs/heads/full-{index}");
        let reply = ada.push_one(&repository, (ZERO, &tip, name.as_bytes()), &pack.bytes());
        refused += usize::from(!reply.accepted());
        assert!(!reply.accepted() || evidence_of(&forge, &repository).values().any(|value| *value == tip), "{reply:?}");
    }
    assert!(refused >= 15, "only {refused} of 20 pushes were refused on a full disk");
    let listed = work.ok(&["ls-remote", &ada.url(&repository), "main"]);
    assert!(listed.starts_with(&first), "reading must go on when the disk is full: {listed}");
    let created = ada.post("/api/v1/user/repos", &serde_json::json!({ "name": "no-room" }));
    assert!(created.status == 201 || created.status >= 500, "{} {}", created.status, created.text());

    std::fs::remove_file(&ballast).unwrap();
    forge.assert_alive("space was freed");
    let second = work.commit("c.md", "after\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    assert!(work.ok(&["ls-remote", &ada.url(&repository), "main"]).starts_with(&second));
    forge.stop();
    forge.restart();
    assert!(work.ok(&["ls-remote", &ada.url(&repository), "main"]).starts_with(&second));
    forge.finish();
}

fn evidence_of(forge: &Forge, repository: &str) -> crate::dsl::evidence::Refs {
    let evidence = forge.evidence();
    evidence.refs(evidence.repository_id(repository))
}
