//! Strace attached to a running server: it kills it, fails a call at a chosen place, or writes down what it calls.
//!
//! Owns the strace process. Whoever calls this asks [`is_available`] first.

use std::process::{Child, Command, Stdio};

use super::forge::Forge;
use super::wait::{PATIENCE, until};

/// Whether strace is here and may trace; loud when not, and no excuse under CI.
pub(crate) fn is_available() -> bool {
    let tried = Command::new("strace").args(["-qq", "-e", "trace=none", "true"]).output();
    let works = tried.is_ok_and(|output| output.status.success());
    if !works {
        assert!(std::env::var_os("CI").is_none(), "strace must be installed and permitted under CI");
        eprintln!("SKIPPED: strace is not installed or may not trace; this test proved nothing");
    }
    works
}

/// A tracer attached to a server.
pub(crate) struct Tamper {
    strace: Child,
}

impl Tamper {
    /// Attaches to the server and makes the `nth` such call of each of its threads do what `effect` says
    /// (`signal=SIGKILL`, `error=EIO`).
    pub(crate) fn with(forge: &Forge, call: &str, effect: &str, nth: u32) -> Self {
        // Only calls that are traced can be tampered with.
        let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{effect}:when={nth}"));
        Self::attach(forge, &["-e", &trace, "-e", &inject])
    }

    fn attach(forge: &Forge, options: &[&str]) -> Self {
        let pid = forge.pid().to_string();
        let log = std::fs::File::create(forge.scratch().join("strace.log")).unwrap();
        let strace = Command::new("strace")
            .args(["-f", "-qq", "-p", &pid])
            .args(options)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let status_file = format!("/proc/{pid}/status");
        until("strace to attach", PATIENCE, || {
            let status = std::fs::read_to_string(&status_file).map_err(|error| error.to_string())?;
            let traced = status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"));
            if traced { Ok(()) } else { Err("not traced".to_owned()) }
        });
        // Threads are attached one after the other; all of them must be before anything is asked of the server.
        let tasks = format!("/proc/{pid}/task");
        until("strace to attach to every thread", PATIENCE, || {
            for task in std::fs::read_dir(&tasks).map_err(|error| error.to_string())? {
                let path = task.map_err(|error| error.to_string())?.path().join("status");
                let status = std::fs::read_to_string(&path).unwrap_or_default();
                if status.lines().any(|line| line == "TracerPid:\t0") {
                    return Err(format!("{} is not traced", path.display()));
                }
            }
            Ok(())
        });
        Self { strace }
    }

    /// What strace saw so far: the traced calls.
    pub(crate) fn seen(forge: &Forge) -> String {
        std::fs::read_to_string(forge.scratch().join("strace.log")).unwrap_or_default()
    }

    /// Lets the server go on untouched.
    pub(crate) fn detach(mut self) {
        let pid = rustix::process::Pid::from_raw(self.strace.id().cast_signed()).expect("a process id");
        // strace may have ended with the server.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        until("strace to detach", PATIENCE, || match self.strace.try_wait().unwrap() {
            Some(_) => Ok(()),
            None => Err("still attached".to_owned()),
        });
    }
}

impl Drop for Tamper {
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// A record of a server's system calls.
pub(crate) struct Trace {
    strace: Tamper,
    file: std::path::PathBuf,
}

impl Trace {
    /// Attaches to the server and records these calls, file names resolved.
    pub(crate) fn of(forge: &Forge, calls: &str) -> Self {
        let file = forge.scratch().join("strace.calls");
        let (trace, output) = (format!("trace={calls}"), file.to_string_lossy().into_owned());
        Self { strace: Tamper::attach(forge, &["-y", "-s", "4096", "-e", &trace, "-o", &output]), file }
    }

    /// Lets the server go and gives its successful calls in the order in which they ended.
    pub(crate) fn end(self) -> Vec<String> {
        self.strace.detach();
        let text = std::fs::read_to_string(&self.file).unwrap();
        let mut begun = std::collections::BTreeMap::new();
        let mut calls = Vec::new();
        for line in text.lines() {
            let Some((thread, call)) = line.trim_start().split_once(' ') else { continue };
            let call = call.trim_start();
            if let Some(start) = call.strip_suffix("<unfinished ...>") {
                begun.insert(thread.to_owned(), start.to_owned());
            } else if let Some((_, end)) = call.split_once(" resumed>") {
                calls.push(format!("{}{end}", begun.remove(thread).unwrap_or_default()));
            } else {
                calls.push(call.to_owned());
            }
        }
        calls.retain(|call| !call.contains(") = -1 "));
        calls
    }
}
