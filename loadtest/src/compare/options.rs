//! The command line of `loadtest compare`.
//!
//! Owns its defaults and the words of `--fact`. Called by `main`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::compare::cases::{CASES, Case, Side};
use crate::options::{check_reports, parse_duration};

/// Runs the same scenarios on our server, on a peer and against a web server's files, in turns, and prints the ratios.
/// `scripts/compare` prepares all three and calls this.
#[derive(Debug, Parser)]
#[command(name = "loadtest compare", version, max_term_width = 110, args_override_self = true)]
pub(crate) struct CompareOptions {
    /// Our server's root.
    #[arg(long, value_name = "URL")]
    pub(crate) ours: String,

    /// Our server's process id; CPU and memory of the whole process tree are compared.
    #[arg(long, value_name = "PID")]
    pub(crate) ours_pid: Vec<u32>,

    /// Access token for our server, for private repositories and pushes.
    #[arg(long, env = "LOADTEST_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,

    /// The peer's root; without it there is nothing to compare with, but ours is measured.
    #[arg(long, value_name = "URL")]
    pub(crate) peer: Option<String>,

    /// The peer's process ids: web server and whatever runs git.
    #[arg(long, value_name = "PID")]
    pub(crate) peer_pid: Vec<u32>,

    /// Directory of a control group that holds the peer's processes and nothing else; without it the time of processes that nobody waits for is missed.
    #[arg(long, value_name = "DIR")]
    pub(crate) peer_cgroup: Option<PathBuf>,

    /// Root of a web server that sends the files below.
    #[arg(long, value_name = "URL")]
    pub(crate) limit: Option<String>,

    /// The process id of that web server.
    #[arg(long, value_name = "PID")]
    pub(crate) limit_pid: Vec<u32>,

    /// A repository of 500 commits, public.
    #[arg(long, default_value = "admin/small")]
    pub(crate) small: String,

    /// The same, private.
    #[arg(long, default_value = "admin/small-private")]
    pub(crate) private: String,

    /// A repository with thousands of refs.
    #[arg(long, default_value = "admin/refs")]
    pub(crate) refs: String,

    /// A repository of about 99 MB.
    #[arg(long, default_value = "admin/large")]
    pub(crate) large: String,

    /// Repositories to push to; an `n` in curly brackets stands for their numbers from 0 on.
    #[arg(long, default_value = "admin/push-{n}")]
    pub(crate) distinct: String,

    /// How many of them there are.
    #[arg(long, default_value_t = 32)]
    pub(crate) distinct_count: usize,

    /// The one repository that many push to.
    #[arg(long, default_value = "admin/one")]
    pub(crate) one: String,

    /// Path of a file of 1 KB at the limit.
    #[arg(long, default_value = "/tiny")]
    pub(crate) tiny_file: String,

    /// Path of the small repository's pack.
    #[arg(long, default_value = "/small.pack")]
    pub(crate) small_file: String,

    /// Path of the large repository's pack.
    #[arg(long, default_value = "/large.pack")]
    pub(crate) large_file: String,

    /// Only these cases, by name; an unknown name is answered with all of them.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// How often each side does each case, in turns.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,

    /// How long each run is measured.
    #[arg(short = 'd', long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) duration: Duration,

    /// Not counted before each run.
    #[arg(long, default_value = "1s", value_parser = parse_duration)]
    pub(crate) warmup: Duration,

    /// Mean pause of the mixed users between two operations.
    #[arg(long, default_value = "250ms", value_parser = parse_duration)]
    pub(crate) think: Duration,

    /// How long the mixed users work.
    #[arg(long, default_value = "5m", value_parser = parse_duration)]
    pub(crate) mixed_duration: Duration,

    /// Runtime threads of the generator.
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,

    /// Something measured elsewhere that a target is about: `ready_seconds=0.3`, `flushes_per_push=0.08`.
    #[arg(long = "fact", value_name = "NAME=NUMBER", value_parser = parse_fact)]
    pub(crate) facts: Vec<(String, f64)>,

    /// A line for the reports: the machine, versions, what else ran.
    #[arg(long = "note")]
    pub(crate) notes: Vec<String>,

    /// Writes every run's figures and the table as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Writes a report with plots, one page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

impl CompareOptions {
    /// Refuses what would only turn out to be wrong after the run.
    ///
    /// Errors: a case that is not known, a report that cannot be written.
    pub(crate) fn check(&self) -> Result<(), String> {
        check_reports(&[&self.json, &self.html])?;
        match self.only.iter().find(|key| CASES.iter().all(|case| case.key != key.as_str())) {
            Some(key) => {
                let known: Vec<_> = CASES.iter().map(|case| case.key).collect();
                Err(format!("--only {key}: there is no such case; there are {}", known.join(", ")))
            }
            None => Ok(()),
        }
    }

    /// Whether a case is to be run.
    pub(crate) fn wants(&self, case: &Case) -> bool {
        self.only.is_empty() || self.only.iter().any(|key| key == case.key)
    }

    /// Whether a side is there.
    pub(crate) fn has(&self, side: Side) -> bool {
        match side {
            Side::Ours => true,
            Side::OursPrivate => self.token.is_some(),
            Side::Peer => self.peer.is_some(),
            Side::Limit => self.limit.is_some(),
        }
    }
}

fn parse_fact(text: &str) -> Result<(String, f64), String> {
    let fact = text.split_once('=').and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
    fact.filter(|(_, value): &(String, f64)| value.is_finite()).ok_or_else(|| format!("`{text}`: want NAME=NUMBER"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_numbers_counts_and_lists_grow() {
        let words = "compare --ours http://h --rounds 3 --note a --peer-pid 1 --rounds 1 --note b --peer-pid 2";
        let options = CompareOptions::try_parse_from(words.split(' ')).unwrap();
        assert_eq!((options.rounds, options.notes.len(), options.peer_pid), (1, 2, vec![1, 2]));
    }

    #[test]
    fn facts_are_numbers_with_names() {
        assert_eq!(parse_fact("ready_seconds=0.25"), Ok(("ready_seconds".to_owned(), 0.25)));
        for bad in ["ready", "ready=", "ready=x", "ready=NaN"] {
            assert!(parse_fact(bad).is_err(), "{bad} was accepted");
        }
    }
}
