//! The server starts no process: watched by strace from its first instruction to its last.

use crate::dsl::{Forge, Git, Identity, PROTOCOLS, sop, ssh, tamper};

#[test]
fn serving_starts_no_process() {
    if !tamper::is_available() {
        return;
    }
    let traces = tempfile::TempDir::new().unwrap();
    let trace = traces.path().join("trace");
    let trace_text = trace.to_string_lossy().into_owned();
    // -D keeps the server the direct child, so signals and exit codes are its own.
    let calls = "trace=execve,execveat,fork,vfork,clone,clone3";
    let speaks_ssh = !ssh::is_missing();
    let start = if speaks_ssh { Forge::with().ssh() } else { Forge::with() };
    let forge = start.wrapper(&["strace", "-D", "-f", "-qq", "-e", calls, "-o", &trace_text]).start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("watched");
    let work = Git::new().init("work");
    sop::fill(&work, 30);
    work.ok(&["push", "--quiet", &ada.url(&repository), "refs/*:refs/*"]);
    for version in PROTOCOLS {
        let git = Git::new().protocol(version);
        git.ok(&["clone", "--quiet", &ada.url(&repository), "copy"]);
        let copy = git.at("copy");
        copy.commit(&format!("{version}.md"), "x\n");
        copy.ok(&["push", "--quiet"]);
        work.ok(&["fetch", "--quiet", &ada.url(&repository)]);
    }
    if speaks_ssh {
        let identity = Identity::new();
        identity.register(&ada, "laptop");
        let ssh = identity.at(forge.ssh_addr());
        ssh.git().ok(&["clone", "--quiet", &ssh.url(&repository), "over-ssh"]);
        ssh.run(&["git-upload-pack 'ada/watched.git'; id"]);
        work.ok(&["tag", "by-ssh"]);
        ssh.git().at(work.dir()).ok(&["push", "--quiet", &ssh.url(&repository), "by-ssh"]);
    }
    ada.get("/api/v1/user").expect(200);
    ada.get(&format!("/api/v1/repos/{repository}/branches")).expect(200);
    ada.get(&format!("/api/v1/repos/{repository}/tags")).expect(200);
    ada.delete(&format!("/api/v1/repos/{repository}")).expect(204);
    forge.get("/metrics").expect(200);
    forge.finish();

    let text = crate::dsl::until("strace to write its file", crate::dsl::PATIENCE, || {
        let text = std::fs::read_to_string(&trace).map_err(|error| error.to_string())?;
        if text.contains("execve(") { Ok(text) } else { Err(text) }
    });
    let started: Vec<_> = text.lines().filter(|line| line.contains("execve")).collect();
    assert_eq!(started.len(), 1, "only the server itself may be executed: {started:#?}");
    let is_birth = |line: &&str| {
        ["fork(", "vfork(", "clone(", "clone3("].iter().any(|call| line.contains(call)) && !line.contains("resumed")
    };
    let births: Vec<_> = text.lines().filter(is_birth).collect();
    assert!(!births.is_empty(), "not even a thread was seen: the trace saw nothing");
    let processes: Vec<_> = births.iter().filter(|line| !line.contains("CLONE_THREAD")).collect();
    assert!(processes.is_empty(), "processes were started: {processes:#?}");
}
