//! A repository of standard operating procedures, generated: the shape of data this product serves.
//!
//! Owns a small `git fast-import` stream of Markdown documents revised over many commits, with release tags, and the
//! call of the project's own script for the full size. The same `commits` gives the same ids.

use std::fmt::Write;

use super::git::Git;

const DEPARTMENTS: [&str; 5] = ["production", "quality", "laboratory", "logistics", "regulatory"];
const DOCUMENT_COUNT: usize = 60;

/// Fills `repository` with `commits` commits on `main`, a `review` branch and annotated release tags.
pub(crate) fn fill(repository: &Git, commits: usize) {
    let stream = fast_import_stream(commits);
    repository.run_with_input(&["fast-import", "--quiet", "--force"], stream.as_bytes()).ok();
    repository.ok(&["symbolic-ref", "HEAD", "refs/heads/main"]);
}

/// The repository that `scripts/make-sop-repository` makes, bare.
pub(crate) fn from_script(commits: usize) -> Git {
    let git = Git::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/make-sop-repository");
    let output = std::process::Command::new(script)
        .args(["--commits", &commits.to_string(), "sops.git"])
        .current_dir(git.dir())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .expect("the script runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    git.at("sops.git")
}

fn document(index: usize, revision: usize) -> String {
    let department = DEPARTMENTS[index % DEPARTMENTS.len()];
    let mut text = format!(
        "---\nid: SOP-{index:03}\nrevision: {revision}\ndepartment: {department}\n---\n\n# SOP-{index:03}: Procedure of {department}\n\n"
    );
    for section in 1..=12 {
        // Each revision touches one section, so that deltas look as they do in life.
        let edited = if section == revision % 12 + 1 { revision } else { revision.saturating_sub(12) / 12 };
        let _ = writeln!(
            text,
            "## {section}. Step {section}\n\nThe operator of {department} verifies item {index}-{section}, notes the \
             result in form F-{index:03}-{section:02} and signs it. Deviations are reported within {} hours.\n",
            edited % 48 + 1
        );
    }
    text
}

fn fast_import_stream(commits: usize) -> String {
    let mut stream = String::new();
    let mut revisions = [0_usize; DOCUMENT_COUNT];
    for number in 1..=commits {
        let index = number * 7 % DOCUMENT_COUNT;
        revisions[index] += 1;
        let revision = revisions[index];
        let time = 1_600_000_000 + number * 3_600;
        let message = format!("SOP-{index:03}: revision {revision}\n");
        let path = format!("sop/{}/SOP-{index:03}.md", DEPARTMENTS[index % DEPARTMENTS.len()]);
        let text = document(index, revision);
        let _ = write!(
            stream,
            "commit refs/heads/main\nmark :{number}\nauthor Ada <ada@example.org> {time} +0100\n\
             committer Quality <qa@example.org> {time} +0000\ndata {}\n{message}M 100644 inline {path}\ndata {}\n{text}\n",
            message.len(),
            text.len()
        );
        if number % 100 == 0 {
            let note = format!("Release {number}\n");
            let _ = write!(
                stream,
                "tag release-{number}\nfrom :{number}\ntagger Quality <qa@example.org> {time} +0000\ndata {}\n{note}",
                note.len()
            );
        }
    }
    let _ = write!(stream, "reset refs/heads/review\nfrom :{}\n\n", commits / 2 + 1);
    stream.push_str("done\n");
    stream
}
