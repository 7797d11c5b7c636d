//! Figures about this process, read from `/proc` without starting anything.
//!
//! Owns the parsing. Where `/proc` is missing the figures stay absent rather than wrong.

/// Ticks per second in `/proc`: Linux fixes this at 100 for user space on every architecture we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// What `/proc` says about this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Resident memory.
    pub resident_bytes: u64,
    /// User and system time together.
    pub cpu_seconds: f64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// Limit on file descriptors.
    pub max_fds: u64,
    /// Threads.
    pub threads: u64,
    /// Start time since the Unix epoch.
    pub start_time_seconds: f64,
}

/// Reads the figures; `None` where `/proc` does not give them.
pub fn read() -> Option<Figures> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let boot = std::fs::read_to_string("/proc/stat").ok()?;
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let open_fds = std::fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    parse(&stat, &status, &boot, &limits, open_fds)
}

fn parse(stat: &str, status: &str, boot: &str, limits: &str, open_fds: u64) -> Option<Figures> {
    // The command name in parentheses may hold spaces; the numbered fields start after it, with field 3.
    let after = stat.rsplit_once(')')?.1;
    let field = |number: usize| after.split_ascii_whitespace().nth(number - 3)?.parse::<f64>().ok();
    let line = |text: &str, name: &str| -> Option<u64> {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_ascii_whitespace().next()?.parse().ok()
    };
    let boot_seconds = line(boot, "btime ")?;
    Some(Figures {
        resident_bytes: line(status, "VmRSS:")? * 1024,
        cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
        open_fds,
        max_fds: line(limits, "Max open files ").unwrap_or(u64::MAX),
        threads: line(status, "Threads:")?,
        start_time_seconds: boot_seconds as f64 + field(22)? / TICKS_PER_SECOND,
    })
}

/// Writes the figures into the metrics recorder.
pub fn publish() {
    metrics::counter!("atomicqms_flushes_total", "what" => "files").absolute(atomicqms_git::flushes());
    let Some(figures) = read() else { return };
    metrics::gauge!("process_resident_memory_bytes").set(figures.resident_bytes as f64);
    metrics::gauge!("process_cpu_seconds_total").set(figures.cpu_seconds);
    metrics::gauge!("process_open_fds").set(figures.open_fds as f64);
    metrics::gauge!("process_max_fds").set(figures.max_fds as f64);
    metrics::gauge!("process_threads").set(figures.threads as f64);
    metrics::gauge!("process_start_time_seconds").set(figures.start_time_seconds);
}

/// Raises the soft limit on open files to the hard one: every connection and pack needs a descriptor.
///
/// Units: answers the limit now in force, if there is one.
pub fn raise_open_files_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if setrlimit(Resource::Nofile, wanted).is_ok() { limit.maximum } else { limit.current }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_command_name() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 10 0 0 0 250 50 0 0 20 0 9 0 1000 1 2 3";
        let status = "Name:\ta\nVmRSS:\t  2048 kB\nThreads:\t9\n";
        let limits = "Limit Soft Hard Units\nMax open files            1024      4096      files\n";
        let figures = parse(stat, status, "cpu 1\nbtime 1700000000\n", limits, 5).unwrap();
        assert_eq!(
            figures,
            Figures {
                resident_bytes: 2 * 1024 * 1024,
                cpu_seconds: 3.0,
                open_fds: 5,
                max_fds: 1024,
                threads: 9,
                start_time_seconds: 1_700_000_010.0,
            }
        );
    }

    #[test]
    fn this_process_has_figures() {
        let figures = read().unwrap();
        assert!(figures.resident_bytes > 1024 * 1024, "{figures:?}");
        assert!(figures.open_fds >= 3 && figures.threads >= 1, "{figures:?}");
        assert!(figures.start_time_seconds > 1.6e9, "{figures:?}");
    }
}
