//! Mirrors: how they are kept, when they are due, and how people write a span of time.
//!
//! Owns the rules on plain data.

use super::{RepoId, UtcMs};

/// No mirror waits longer than this between two tries because it failed, unless its own interval is longer. Units: milliseconds.
const MAX_RETRY_MS: i64 = 86_400_000;
/// Wait after the first failure that was this server's own; doubles with each, up to [`MAX_TROUBLE_MS`]. Units: milliseconds.
const TROUBLE_MS: i64 = 30_000;
/// Longest wait after a failure that was this server's own. Units: milliseconds.
const MAX_TROUBLE_MS: i64 = 21_600_000;
/// Longest interval. Units: milliseconds.
const MAX_INTERVAL_MS: i64 = 10 * 366 * 86_400_000;
/// Units of Go's durations, largest first. Units: nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("h", 3_600_000_000_000),
    ("ms", 1_000_000),
    ("m", 60_000_000_000),
    ("ns", 1),
    ("us", 1000),
    ("\u{b5}s", 1000),
    ("\u{3bc}s", 1000),
    ("s", 1_000_000_000),
];

/// How to be let in at a remote.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name; may be empty.
    pub user: String,
    /// Password or token.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// What makes a repository a mirror, or something that is taken over once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMirror {
    /// Where it comes from, without credentials.
    pub remote_url: String,
    /// Credentials there, sealed.
    pub credentials: Option<Vec<u8>>,
    /// Taken over once.
    pub is_once: bool,
    /// Time between two looks; 0: only when asked. Units: milliseconds.
    pub interval_ms: i64,
}

/// A mirror as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Its repository.
    pub repository: RepoId,
    /// Where it comes from, without credentials.
    pub remote_url: String,
    /// Credentials there, sealed.
    pub credentials: Option<Vec<u8>>,
    /// Taken over once.
    pub is_once: bool,
    /// Time between two looks; 0: only when asked. Units: milliseconds.
    pub interval_ms: i64,
    /// What the remote no longer has goes here, too.
    pub prunes: bool,
    /// When it was last in step with the remote.
    pub synced_ms: Option<UtcMs>,
    /// Failures since then.
    pub failures: u32,
    /// Why the last look failed, in words that may be shown; none: it did not, or nobody could write it down.
    pub last_error: Option<String>,
    /// Changes that were refused the last time, a line for each.
    pub refused: String,
}

/// How it stands with a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorStatus {
    /// The mirror.
    pub mirror: Mirror,
    /// It is being synchronized.
    pub is_running: bool,
    /// When it first failed since it was last in step.
    pub failing_since: Option<UtcMs>,
    /// When it is looked at next; none: when somebody asks.
    pub next: Option<UtcMs>,
}

impl Mirror {
    /// When to look again after a success; none: when asked.
    pub fn next(&self, now: UtcMs) -> Option<UtcMs> {
        (self.interval_ms > 0).then(|| now.plus_ms(self.interval_ms))
    }

    /// When to try again after one more failure: soon at first, then more and more rarely; none: when asked. Units: `retry_ms` in milliseconds.
    pub fn next_after_failure(&self, retry_ms: i64, now: UtcMs) -> Option<UtcMs> {
        if self.interval_ms == 0 && !self.is_once {
            return None;
        }
        let doublings = self.failures.min(30);
        let wait = retry_ms.saturating_mul(1_i64 << doublings).min(MAX_RETRY_MS.max(self.interval_ms));
        Some(now.plus_ms(wait))
    }

    /// When to try again after one more failure that says nothing of the remote: nobody has to ask again for what is not the remote's fault.
    pub fn next_after_trouble(&self, now: UtcMs) -> UtcMs {
        now.plus_ms(TROUBLE_MS.saturating_mul(1_i64 << self.failures.min(30)).min(MAX_TROUBLE_MS))
    }
}

/// Reads a span of time as Go writes it: `8h`, `1h30m`, `0`, `90.5s`. Units: milliseconds.
pub fn parse_interval(text: &str) -> Option<i64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut nanoseconds) = (text, 0_u128);
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at_checked(end)?;
        // In this order no unit is taken for the beginning of another.
        let (unit, scale) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        nanoseconds = nanoseconds.checked_add(scaled(number, *scale)?)?;
        rest = after.get(unit.len()..)?;
    }
    let milliseconds = i64::try_from(nanoseconds / 1_000_000).ok()?;
    (!text.is_empty() && milliseconds <= MAX_INTERVAL_MS).then_some(milliseconds)
}

/// A number with or without a fraction, in nanoseconds.
fn scaled(number: &str, scale: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || number.len() > 30 || fraction.contains('.') {
        return None;
    }
    let read = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<u128>().ok() };
    let part =
        read(fraction)?.checked_mul(u128::from(scale))? / 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    read(whole)?.checked_mul(u128::from(scale))?.checked_add(part)
}

/// Writes a span of time as Go does: `8h0m0s`. Units: milliseconds.
pub fn format_interval(milliseconds: i64) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    if seconds == 0 && rest > 0 {
        return format!("{rest}ms");
    }
    let fraction = if rest == 0 { String::new() } else { format!(".{rest:03}").trim_end_matches('0').to_owned() };
    let (hours, minutes, last) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{last}{fraction}s"),
        (0, minutes) => format!("{minutes}m{last}{fraction}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{last}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_read_and_written_as_go_does() {
        let table = [
            ("8h", 28_800_000, "8h0m0s"),
            ("8h0m0s", 28_800_000, "8h0m0s"),
            ("1h30m", 5_400_000, "1h30m0s"),
            ("+10m", 600_000, "10m0s"),
            ("1.5h", 5_400_000, "1h30m0s"),
            (".5s", 500, "500ms"),
            ("90.5s", 90_500, "1m30.5s"),
            ("1500ms", 1500, "1.5s"),
            ("45s", 45_000, "45s"),
            ("1m1ms", 60_001, "1m0.001s"),
            ("2000000us", 2000, "2s"),
            ("3000\u{b5}s", 3, "3ms"),
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("24h", 86_400_000, "24h0m0s"),
        ];
        for (text, milliseconds, written) in table {
            assert_eq!(parse_interval(text), Some(milliseconds), "{text}");
            assert_eq!(format_interval(milliseconds), written, "{text}");
            assert_eq!(parse_interval(written), Some(milliseconds), "{written}");
        }
        let bad = [
            "",
            "8",
            "h",
            "-8h",
            "8 h",
            "8d",
            "1.2.3s",
            ".s",
            "8h-1m",
            "99999999999h",
            "1e3s",
            "\u{ff18}h",
            "9999999999999999999999999999999h",
        ];
        for text in bad {
            assert_eq!(parse_interval(text), None, "{text}");
        }
    }

    #[test]
    fn failures_are_tried_again_more_and_more_rarely() {
        let mirror = |interval_ms, failures, is_once| Mirror {
            repository: RepoId::new(1),
            remote_url: String::new(),
            credentials: None,
            is_once,
            interval_ms,
            prunes: true,
            synced_ms: None,
            failures,
            last_error: None,
            refused: String::new(),
        };
        let (now, hour) = (UtcMs::new(0), 3_600_000);
        let wait = |interval_ms, failures| {
            mirror(interval_ms, failures, false).next_after_failure(300_000, now).map(|at| at.get())
        };
        let waits: Vec<_> = [0, 1, 2, 8, 9, 500].into_iter().map(|failures| wait(hour, failures).unwrap()).collect();
        assert_eq!(waits, [300_000, 600_000, 1_200_000, 76_800_000, MAX_RETRY_MS, MAX_RETRY_MS]);
        assert_eq!(wait(48 * hour, 500), Some(48 * hour));
        assert_eq!(wait(0, 0), None, "nobody asked for it to be tried again");
        assert!(mirror(0, 0, true).next_after_failure(300_000, now).is_some());
        let own = |failures| mirror(0, failures, false).next_after_trouble(now).get();
        assert_eq!([0, 1, 5, 10, 500].map(own), [30_000, 60_000, 960_000, MAX_TROUBLE_MS, MAX_TROUBLE_MS]);
        assert_eq!(mirror(hour, 3, false).next(now), Some(UtcMs::new(hour)));
        assert_eq!(mirror(0, 0, false).next(now), None);
    }
}
