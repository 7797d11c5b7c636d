//! What benches share: real git in a sealed environment, and the repository of procedures that most of them are about.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use atomicqms_git::{Kind, ObjectId, id::hash_object, pack::compose::compose};
use tempfile::TempDir;

pub(crate) fn run_git(directory: &Path, args: &[&str], input: &str) -> Vec<u8> {
    let mut command = Command::new("git");
    command.args(args).current_dir(directory).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("HOME", directory);
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Ada").env(format!("GIT_{role}_EMAIL"), "ada@example.org");
        command.env(format!("GIT_{role}_DATE"), "1800000000 +0000");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}");
    output.stdout
}

/// A scratch directory on the disk of the build, not on a tmpfs: fsync is part of what is measured.
pub(crate) fn scratch() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn make_sop_repository(parent: &Path) -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/make-sop-repository");
    let path = parent.join("sop.git");
    let status = Command::new(script).args(["--commits", "500"]).arg(&path).status().unwrap();
    assert!(status.success(), "{script}");
    path
}

/// One commit of one file on `parent`: its id and the pack that a client would push.
pub(crate) fn small_commit(parent: Option<ObjectId>, number: u64) -> (ObjectId, Vec<u8>) {
    small_commit_by(parent, number, &|_| None)
}

/// The same, signed by what answers armor for the bytes to be signed.
pub(crate) fn small_commit_by(
    parent: Option<ObjectId>,
    number: u64,
    sign: &dyn Fn(&[u8]) -> Option<String>,
) -> (ObjectId, Vec<u8>) {
    let content = format!("revision {number}\n").into_bytes();
    let blob = hash_object(Kind::Blob, &content).unwrap();
    let tree = [b"100644 load.md\0", blob.as_bytes()].concat();
    let tree_id = hash_object(Kind::Tree, &tree).unwrap();
    let who = format!("Ada <ada@example.org> {} +0000", 1_800_000_000 + number);
    let ancestor = parent.map(|id| format!("parent {id}\n")).unwrap_or_default();
    let head = format!("tree {tree_id}\n{ancestor}author {who}\ncommitter {who}\n");
    let unsigned = format!("{head}\nRevise\n");
    let commit = match sign(unsigned.as_bytes()) {
        Some(armor) => format!("{head}gpgsig {}\n\nRevise\n", armor.trim_end().replace('\n', "\n ")),
        None => unsigned,
    };
    let commit = commit.into_bytes();
    let id = hash_object(Kind::Commit, &commit).unwrap();
    (id, compose(&[(Kind::Commit, &commit), (Kind::Tree, &tree), (Kind::Blob, &content)]).unwrap())
}
