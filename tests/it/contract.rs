//! The contract: every operation of the API that is implemented, called through the generated client of Gitea 1.27, whose models validate every answer.
//!
//! The program is in `tests/contract`, its client is installed by `scripts/setup-clients`. Without it the test says that it is skipped; under CI it may not be.

use std::path::{Path, PathBuf};
use std::process::Command;

use atomicqms::http::api;
use serde_json::json;

use crate::clients::target_clients;
use crate::dsl::forge::ADMIN_PASSWORD;
use crate::dsl::{Forge, Git};

/// A history for what reads: two branches, a merge, a rename, an annotated and a plain tag.
fn seed(forge: &Forge) {
    let admin = forge.admin();
    admin.post("/api/v1/user/repos", &json!({ "name": "seed" })).expect(201);
    let git = Git::new();
    git.ok(&["init", "--quiet", "-b", "main", "seed"]);
    let git = git.at("seed");
    git.commit("README.md", "# Seed\n");
    git.commit("docs/sop-1.md", "# SOP 1\n\nStep one.\n");
    git.ok(&["switch", "--quiet", "-c", "topic/a"]);
    git.commit("docs/sop-2.md", "# SOP 2\n\nAnother step.\n");
    git.ok(&["switch", "--quiet", "main"]);
    git.ok(&["mv", "docs/sop-1.md", "docs/sop-one.md"]);
    git.ok(&["commit", "--quiet", "-m", "Rename SOP 1"]);
    git.ok(&["tag", "-a", "-m", "First release", "v1"]);
    git.ok(&["tag", "plain"]);
    git.ok(&["notes", "add", "-m", "Looked at", "main"]);
    let notes = "refs/notes/commits";
    git.ok(&["push", "--quiet", &admin.url("admin/seed"), "main", "topic/a", "v1", "plain", notes]);
}

/// Where gpg is.
fn gpg() -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|place| place.join("gpg")).find(|path| path.is_file())
}

#[test]
fn every_implemented_operation_answers_as_giteas_client_expects() {
    let installed = target_clients();
    if !installed.join("contract.stamp").exists() {
        assert!(std::env::var_os("CI").is_none(), "gitea-api-client must be installed under CI");
        eprintln!("SKIPPED: gitea-api-client is not installed (scripts/setup-clients)");
        return;
    }
    // Its own repositories are what it takes over.
    let forge = Forge::with()
        .setting("outbound", "allowed_networks", "127.0.0.0/8")
        .setting("outbound", "allow_http", true)
        .start();
    seed(&forge);
    let all: Vec<&str> = api::routes().iter().map(|route| route.info.operation).collect();
    for own in api::OWN_OPERATIONS {
        assert!(all.contains(own), "{own} is said to be our own and does not exist");
    }
    let mut operations: Vec<&str> =
        all.into_iter().filter(|operation| !api::OWN_OPERATIONS.contains(operation)).collect();
    let gpg = gpg();
    if gpg.is_none() {
        assert!(std::env::var_os("CI").is_none(), "gpg must be installed under CI");
        eprintln!("SKIPPED: gpg is not installed, and its operations are not called");
        operations.retain(|operation| !operation.contains("GPG") && *operation != "getVerificationToken");
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/run.py");
    let output = Command::new(installed.join("contract/bin/python"))
        .arg(program)
        .env_clear()
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CONTRACT_ROOT", format!("http://{}", forge.addr()))
        .env("CONTRACT_OPERATIONS", operations.join(","))
        .env("CONTRACT_PASSWORD", ADMIN_PASSWORD)
        .env("CONTRACT_GPG", gpg.unwrap_or_default())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    eprintln!("{text}");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    forge.finish();
}
