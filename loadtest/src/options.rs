//! The command line: what to run, against what, how long, and who is asking.
//!
//! Owns parsing of durations and the help text. Checks nothing about the server. Called by `main`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

use crate::process::Watched;
use crate::scenario::ScenarioName;
use crate::target::{Credentials, Target};

/// Larger files would fill the generator's memory before the server's limits are met.
const MAX_FILE_SIZE: usize = 64 << 20;

/// Protocol-level load generator for git smart HTTP and REST APIs. Works against any server by URL (plain http).
/// `loadtest compare --help` tells of the other command: the same work on two servers, in turns.
#[derive(Debug, Clone, Parser)]
#[command(name = "loadtest", version, max_term_width = 110)]
pub(crate) struct Options {
    /// What to run, one after another.
    #[arg(required = true, value_enum)]
    pub(crate) scenarios: Vec<ScenarioName>,

    /// The server's root, such as `http://127.0.0.1:3001`; a path in it is put before every request's path.
    #[arg(long)]
    pub(crate) url: String,

    /// The repository, `owner/name`; an `n` in curly brackets stands for the number of the connection (0, 1, ...), so that each has its own.
    #[arg(long, default_value = "")]
    pub(crate) repo: String,

    /// The number of the connection begins again at 0 with this, so that more connections than repositories share them.
    #[arg(long, value_name = "COUNT")]
    pub(crate) repositories: Option<usize>,

    /// User name of basic authentication.
    #[arg(long)]
    pub(crate) user: Option<String>,

    /// Password of basic authentication; better given by the environment.
    #[arg(long, env = "LOADTEST_PASSWORD", hide_env_values = true, requires = "user")]
    pub(crate) password: Option<String>,

    /// Access token: sent as `Authorization: token`, or as the password when `--user` is given too.
    #[arg(long, env = "LOADTEST_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,

    /// Connections kept open, each with one request in flight.
    #[arg(short = 'c', long, default_value_t = 8)]
    pub(crate) connections: usize,

    /// How long to measure each run (`10s`, `500ms`, `2m`).
    #[arg(short = 'd', long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) duration: Duration,

    /// Measure this many operations instead of a time.
    #[arg(short = 'n', long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,

    /// Mean pause of each connection between two operations (exponential), as people make them; `0s`: none.
    #[arg(long, default_value = "0s", value_parser = parse_duration)]
    pub(crate) think: Duration,

    /// Operations before the measurement starts are not counted.
    #[arg(long, default_value = "1s", value_parser = parse_duration)]
    pub(crate) warmup: Duration,

    /// Runs of each scenario; the table shows min, median and max of them.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: u32,

    /// Open loop: start this many operations a second whatever the server does, and count latency from the due time.
    #[arg(long, value_parser = parse_rate)]
    pub(crate) rate: Option<f64>,

    /// An operation that takes longer has failed.
    #[arg(long, default_value = "60s", value_parser = parse_duration)]
    pub(crate) timeout: Duration,

    /// The server's process id, more than one allowed: CPU and memory of the whole process trees are reported.
    #[arg(long)]
    pub(crate) pid: Vec<u32>,

    /// Directory of a control group that holds those processes and nothing else: CPU is taken from its account.
    #[arg(long, value_name = "DIR", requires = "pid")]
    pub(crate) cgroup: Option<PathBuf>,

    /// Writes options, runs and summary as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Writes a report with plots, one page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Says in every request that the answer may be encoded (`deflate, gzip`), and decodes it.
    #[arg(long)]
    pub(crate) accept_gzip: bool,

    /// Runtime threads of the generator itself.
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,

    /// Also does the `info/refs` request that stock git sends before a clone, fetch or push, inside the operation.
    #[arg(long)]
    pub(crate) handshake: bool,

    /// Checks the SHA-1 of every received pack; `false` leaves the generator's CPU to the server and checks the rest.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) verify: bool,

    /// `fetch`: how many first-parent commits the client is behind the default branch.
    #[arg(long, default_value_t = 1)]
    pub(crate) behind: u32,

    /// `fetch`: what the client has, instead of finding it by cloning once.
    #[arg(long, value_name = "OID")]
    pub(crate) have: Option<String>,

    /// `push`: size in bytes of the file that each commit changes, at most 64 MiB.
    #[arg(long, default_value_t = 2048, value_parser = parse_file_size)]
    pub(crate) file_size: usize,

    /// `push`: leaves its branches (`refs/heads/load-*`) behind.
    #[arg(long)]
    pub(crate) keep: bool,

    /// `api`, `static`: path and query of the GET.
    #[arg(long, default_value = "/api/v1/repos/search?limit=50")]
    pub(crate) path: String,

    /// `mixed`: paths that are read in turn; `{repo}` stands for the repository.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "/,/api/v1/version,/api/v1/repos/search?limit=50,/api/v1/repos/{repo}"
    )]
    pub(crate) read: Vec<String>,
}

impl Options {
    /// A run of one scenario with the defaults of the command line.
    ///
    /// Errors: a URL that the command line would not take.
    pub(crate) fn defaults(name: ScenarioName, url: &str) -> Result<Self, String> {
        let args = ["loadtest", &name.to_string(), &format!("--url={url}")].map(str::to_owned);
        // The environment's token is for one server, and nobody said that it is this one.
        let options = Self::try_parse_from(args).map_err(|e| e.to_string())?;
        Ok(Self { token: None, password: None, user: None, ..options })
    }

    /// Refuses what would only turn out to be wrong after the run.
    ///
    /// Errors: a process that is not there, a report that cannot be written.
    pub(crate) fn check(&self) -> Result<(), String> {
        check_reports(&[&self.json, &self.html])?;
        match self.pid.iter().find(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            Some(pid) => Err(format!("--pid {pid}: there is no such process")),
            None => Ok(()),
        }
    }

    /// Whose CPU and memory count.
    pub(crate) fn watched(&self) -> Watched {
        Watched { pids: self.pid.clone(), group: self.cgroup.clone() }
    }

    /// The server, with who is asking.
    ///
    /// Errors: what `Target::parse` refuses.
    pub(crate) fn target(&self) -> Result<Target, String> {
        let mut target = Target::parse(&self.url, &self.credentials())?;
        if self.accept_gzip {
            target.accept_encoded();
        }
        Ok(target)
    }

    /// How many repositories the connections are spread over.
    pub(crate) fn repository_count(&self) -> usize {
        match self.repo.contains("{n}") {
            true => self.repositories.unwrap_or(usize::MAX).min(self.connections).max(1),
            false => 1,
        }
    }

    /// Who the generator says it is.
    pub(crate) fn credentials(&self) -> Credentials {
        match (&self.user, &self.password, &self.token) {
            (Some(user), Some(secret), _) | (Some(user), None, Some(secret)) => {
                Credentials::Basic { user: user.clone(), secret: secret.clone() }
            }
            (Some(user), None, None) => Credentials::Basic { user: user.clone(), secret: String::new() },
            (None, _, Some(token)) => Credentials::Token(token.clone()),
            (None, _, None) => Credentials::None,
        }
    }
}

/// Refuses files of reports whose directory is not there.
pub(crate) fn check_reports(files: &[&Option<PathBuf>]) -> Result<(), String> {
    for file in files.iter().filter_map(|file| file.as_ref()) {
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !directory.is_dir() {
            return Err(format!("{}: {} is not a directory", file.display(), directory.display()));
        }
    }
    Ok(())
}

/// Reads a number of operations a second.
fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    match rate.is_finite() && rate > 0.0 {
        true => Ok(rate),
        false => Err("the rate must be greater than 0".into()),
    }
}

/// Reads a size of at most [`MAX_FILE_SIZE`].
fn parse_file_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size) if size <= MAX_FILE_SIZE => Ok(size),
        Ok(_) => Err(format!("a file may have at most {MAX_FILE_SIZE} bytes: each connection holds some of them")),
        Err(_) => Err(format!("`{text}` is not a number of bytes")),
    }
}

/// Reads `250ms`, `10s`, `2m` or a plain number of seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is not a duration such as 10s or 500ms"))?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(format!("`{unit}` is not one of ms, s, m, h")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|e| format!("`{text}`: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "s", "-1s", "10days"] {
            assert!(parse_duration(bad).is_err(), "{bad:?} was read as a duration");
        }
    }

    #[test]
    fn numbers_that_mean_nothing_are_refused() {
        let base = ["loadtest", "push", "--url", "http://h"];
        for bad in ["--rate=0", "--rate=nan", "--rate=-1", "--requests=0", "--repeat=0", "--file-size=100000000000"] {
            assert!(Options::try_parse_from(base.iter().chain(&[bad])).is_err(), "{bad}");
        }
        for bad in ["--pid=4194999", "--json=/nonexistent/x.json", "--html=/nonexistent/x.html"] {
            let options = Options::try_parse_from(base.iter().chain(&[bad])).unwrap();
            assert!(options.check().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_line_knows_every_scenario_by_the_name_in_reports() {
        for name in <ScenarioName as clap::ValueEnum>::value_variants() {
            assert_eq!(Options::defaults(*name, "http://h").unwrap().scenarios, [*name]);
        }
    }

    #[test]
    fn a_token_with_a_user_becomes_the_password() {
        let base = ["loadtest", "clone", "--url", "http://h", "--token", "t"];
        let alone = Options::parse_from(base);
        assert_eq!(alone.credentials(), Credentials::Token("t".into()));
        let with_user = Options::parse_from(base.iter().chain(&["--user", "ada"]));
        assert_eq!(with_user.credentials(), Credentials::Basic { user: "ada".into(), secret: "t".into() });
    }
}
