//! CPU and memory of the server under load: whole process trees, read from `/proc`, or the CPU of a control group (Linux).
//!
//! Owns finding descendants and adding them up. Starts and stops nothing. Called by `load` around each run.
//! Source: proc_pid_stat(5), proc_pid_status(5), cgroups(7).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Ticks a second of the times in `/proc/PID/stat`: `USER_HZ`, 100 on every architecture Linux has today.
const TICKS_PER_SECOND: u64 = 100;

/// What a set of process trees used up to a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// User and system time, of children that already ended too.
    pub(crate) cpu: Duration,
    /// What is resident.
    pub(crate) memory: Memory,
    /// Processes in the trees.
    pub(crate) processes: u64,
}

/// Resident memory, shared pages counted in each process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// All of it.
    pub(crate) resident_bytes: u64,
    /// What belongs to no file: heap and stacks.
    pub(crate) anonymous_bytes: u64,
    /// What is mapped from files, and goes when others need it.
    pub(crate) file_bytes: u64,
}

impl Memory {
    /// The larger of each part, not necessarily seen at one time.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            resident_bytes: self.resident_bytes.max(other.resident_bytes),
            anonymous_bytes: self.anonymous_bytes.max(other.anonymous_bytes),
            file_bytes: self.file_bytes.max(other.file_bytes),
        }
    }
}

/// Who is watched.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watched {
    /// Roots of process trees.
    pub(crate) pids: Vec<u32>,
    /// A control group that all of them are in, and nothing else. Its account also holds the time of children whose parent does not wait for them
    /// (fcgiwrap ignores SIGCHLD), which is in no process's times once they have ended.
    pub(crate) group: Option<PathBuf>,
}

impl Watched {
    /// Reads both; `None` when there is no such process.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let usage = usage(&self.pids)?;
        Some(match self.group.as_deref().and_then(group_cpu) {
            Some(cpu) => Usage { cpu, ..usage },
            None => usage,
        })
    }
}

/// The time used in a control group, of either version.
pub(crate) fn group_cpu(group: &Path) -> Option<Duration> {
    if let Ok(text) = fs::read_to_string(group.join("cpu.stat")) {
        let micros = text.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
        return micros.trim().parse().ok().map(Duration::from_micros);
    }
    let nanos = fs::read_to_string(group.join("cpuacct.usage")).ok()?;
    nanos.trim().parse().ok().map(Duration::from_nanos)
}

struct Stat {
    pid: u32,
    parent: u32,
    ticks: u64,
}

/// Reads the trees below (and including) `roots`; `None` when there is no such process.
pub(crate) fn usage(roots: &[u32]) -> Option<Usage> {
    let stats: Vec<Stat> = fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect();
    let mut children: HashMap<u32, Vec<&Stat>> = HashMap::new();
    for stat in &stats {
        children.entry(stat.parent).or_default().push(stat);
    }
    let mut waiting: Vec<&Stat> = stats.iter().filter(|stat| roots.contains(&stat.pid)).collect();
    let mut seen = Vec::new();
    let mut usage = Usage::default();
    let mut ticks = 0;
    while let Some(stat) = waiting.pop() {
        if seen.contains(&stat.pid) {
            continue;
        }
        seen.push(stat.pid);
        ticks += stat.ticks;
        usage.processes += 1;
        // A process that ended meanwhile has no memory any more.
        let status = fs::read_to_string(format!("/proc/{}/status", stat.pid)).unwrap_or_default();
        let memory = parse_memory(&status);
        usage.memory.resident_bytes += memory.resident_bytes;
        usage.memory.anonymous_bytes += memory.anonymous_bytes;
        usage.memory.file_bytes += memory.file_bytes;
        waiting.extend(children.get(&stat.pid).into_iter().flatten());
    }
    usage.cpu = Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND);
    (usage.processes > 0).then_some(usage)
}

/// Reads pid, parent and times; the command name in parentheses may hold blanks and parentheses itself.
fn parse_stat(line: &str) -> Option<Stat> {
    let (before, after) = line.rsplit_once(')')?;
    let pid = before.split_once(' ')?.0.parse().ok()?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    // After the name: state(0) ppid(1) ... utime(11) stime(12) cutime(13) cstime(14).
    let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
    Some(Stat { pid, parent: u32::try_from(number(1)?).ok()?, ticks })
}

fn parse_memory(status: &str) -> Memory {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    Memory {
        resident_bytes: field("VmRSS"),
        anonymous_bytes: field("RssAnon"),
        file_bytes: field("RssFile") + field("RssShmem"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_command_name_does_not_shift_the_fields() {
        let line = "42 (a ) R 1 (b) S 7 1 1 0 -1 0 0 0 0 0 100 20 3 4 20 0 1 0 5 0 0";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.pid, stat.parent, stat.ticks), (42, 7, 127));
        assert!(parse_stat("42 (cut) S 7").is_none());
    }

    #[test]
    fn the_parts_of_memory_are_told_apart() {
        let status =
            "Name:\tVmRSS:\nVmHWM:\t 9 kB\nVmRSS:\t   30 kB\nRssAnon:\t 20 kB\nRssFile:\t 8 kB\nRssShmem:\t 2 kB\n";
        let memory = Memory { resident_bytes: 30 << 10, anonymous_bytes: 20 << 10, file_bytes: 10 << 10 };
        assert_eq!(parse_memory(status), memory);
        assert_eq!(parse_memory(""), Memory::default());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a child is what the test is about")]
    fn the_time_of_children_that_ended_and_of_their_children_is_counted() {
        let mut parent = std::process::Command::new("sh")
            // Two levels of children that burn time and end; then the parent stays, having used next to none itself.
            .args(["-c", "sh -c '(i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done); :'; echo done; read x"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0; 5];
        std::io::Read::read_exact(parent.stdout.as_mut().unwrap(), &mut line).unwrap();
        let used = usage(&[parent.id()]).unwrap();
        drop(parent.stdin.take());
        parent.wait().unwrap();
        assert_eq!(used.processes, 1, "{used:?}");
        assert!(used.cpu >= Duration::from_millis(50), "{used:?}");
    }

    #[test]
    fn both_kinds_of_control_groups_are_read() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(group_cpu(home.path()), None);
        fs::write(home.path().join("cpuacct.usage"), "2500000\n").unwrap();
        assert_eq!(group_cpu(home.path()), Some(Duration::from_micros(2_500)));
        fs::write(home.path().join("cpu.stat"), "usage_usec 7\nuser_usec 4\n").unwrap();
        assert_eq!(group_cpu(home.path()), Some(Duration::from_micros(7)));
    }

    #[test]
    fn sees_its_own_process_and_not_a_missing_one() {
        let own = usage(&[std::process::id()]).unwrap();
        assert!(own.processes >= 1 && own.memory.resident_bytes > 1 << 20, "{own:?}");
        // Larger than the kernel's greatest pid_max, 2^22.
        assert_eq!(usage(&[1 << 23]), None);
    }
}
