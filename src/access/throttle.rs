//! Counts failed sign-ins and makes guessing slow.
//!
//! Owns two bounded tables of counters: per account and address, and per address alone. They live in memory: a restart
//! forgives, which is cheaper than a table an attacker can make the server write to. Called by `identify` only.

use std::net::IpAddr;
use std::time::Duration;

use moka::sync::Cache;

use super::Settings;
use crate::error::{Error, Kind, Result};
use crate::model::UtcMs;

/// Most counters kept; beyond it the least used are forgotten.
const MAX_COUNTERS: u64 = 65_536;
/// How many times more failures one address may cause over all accounts than for one account.
const ADDRESS_FACTOR: u32 = 10;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(String, Option<IpAddr>),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: UtcMs,
}

/// Counters of failed sign-ins.
#[derive(Debug)]
pub struct Throttle {
    counters: Cache<Key, Failures>,
    free: u32,
    window_seconds: u64,
}

impl Throttle {
    /// Empty counters with the limits of the settings.
    pub fn new(settings: &Settings) -> Self {
        let window = Duration::from_secs(settings.failed_sign_in_window_seconds.max(1));
        Self {
            counters: Cache::builder().max_capacity(MAX_COUNTERS).time_to_idle(window).build(),
            free: settings.max_failed_sign_ins.max(1),
            window_seconds: settings.failed_sign_in_window_seconds.max(1),
        }
    }

    /// Refuses when too many attempts failed lately.
    ///
    /// Errors: `RateLimited` with the seconds left: 1, 2, 4, ... up to the window, doubling with every failure past the
    /// free ones.
    pub fn check(&self, login: &str, ip: Option<IpAddr>, now: UtcMs) -> Result<()> {
        for (key, free) in self.keys(login, ip) {
            let Some(failures) = self.counters.get(&key) else { continue };
            let Some(excess) = failures.count.checked_sub(free) else { continue };
            let delay_seconds = 2_u64.saturating_pow(excess.min(32)).min(self.window_seconds);
            let waited_ms = now.get().saturating_sub(failures.last.get()).max(0);
            let delay_ms = i64::try_from(delay_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
            if waited_ms < delay_ms {
                let left_ms = delay_ms - waited_ms;
                let left = u64::try_from(left_ms).unwrap_or(0).div_ceil(1000);
                return Err(Error::new(Kind::RateLimited, "too many failed sign-ins, try again later")
                    .with_retry_after_seconds(left));
            }
        }
        Ok(())
    }

    /// Notes a failure.
    pub fn failed(&self, login: &str, ip: Option<IpAddr>, now: UtcMs) {
        for (key, _) in self.keys(login, ip) {
            self.counters.entry(key).and_upsert_with(|entry| {
                let before = entry.map_or(0, |entry| entry.into_value().count);
                Failures { count: before.saturating_add(1), last: now }
            });
        }
    }

    /// Notes a success: the account's counter for this address starts anew.
    pub fn succeeded(&self, login: &str, ip: Option<IpAddr>) {
        if let Some((key, _)) = self.keys(login, ip).next() {
            self.counters.invalidate(&key);
        }
    }

    fn keys(&self, login: &str, ip: Option<IpAddr>) -> impl Iterator<Item = (Key, u32)> {
        // Whoever holds an IPv6 network must not get a fresh counter from each of its addresses.
        let ip = ip.map(|ip| match ip.to_canonical() {
            IpAddr::V4(ip) => IpAddr::V4(ip),
            IpAddr::V6(ip) => IpAddr::V6(std::net::Ipv6Addr::from_bits(ip.to_bits() & !(u128::MAX >> 64))),
        });
        let free = self.free;
        let mut login = login.to_ascii_lowercase();
        login.truncate(login.floor_char_boundary(128));
        [Some((Key::Account(login, ip), free)), ip.map(|ip| (Key::Address(ip), free.saturating_mul(ADDRESS_FACTOR)))]
            .into_iter()
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle {
        Throttle::new(&Settings { max_failed_sign_ins: 3, failed_sign_in_window_seconds: 60, ..Settings::default() })
    }

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const THERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));

    #[test]
    fn delay_starts_after_the_free_failures_and_doubles() {
        let throttle = throttle();
        let now = UtcMs::new(1_000_000);
        let mut delays = Vec::new();
        for _ in 0..10 {
            throttle.failed("ada", HERE, now);
            delays.push(throttle.check("Ada", HERE, now).err().and_then(|error| error.retry_after_seconds()));
        }
        let seconds = |s| Some(s);
        assert_eq!(
            delays,
            [
                None,
                None,
                seconds(1),
                seconds(2),
                seconds(4),
                seconds(8),
                seconds(16),
                seconds(32),
                seconds(60),
                seconds(60)
            ]
        );
        assert!(throttle.check("ada", HERE, now.plus_ms(60_000)).is_ok(), "the longest delay is over");
        assert!(throttle.check("ada", THERE, now).is_ok(), "another address is not punished");
        assert!(throttle.check("bob", HERE, now).is_ok(), "another account is not punished yet");
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let throttle = throttle();
        let now = UtcMs::new(0);
        for host in 1..=4 {
            throttle.failed("ada", format!("2001:db8:1:2::{host}").parse().ok(), now);
        }
        let another = "2001:db8:1:2:ffff::1".parse().ok();
        assert_eq!(throttle.check("ada", another, now).unwrap_err().kind(), Kind::RateLimited);
        assert!(throttle.check("ada", "2001:db8:1:3::1".parse().ok(), now).is_ok());
        throttle.succeeded("ada", another);
        assert!(throttle.check("ada", another, now).is_ok());
    }

    #[test]
    fn success_forgives_and_spraying_is_counted_by_address() {
        let throttle = throttle();
        let now = UtcMs::new(0);
        for _ in 0..5 {
            throttle.failed("ada", HERE, now);
        }
        throttle.succeeded("ADA", HERE);
        assert!(throttle.check("ada", HERE, now).is_ok());
        for account in 0..40 {
            throttle.failed(&format!("user{account}"), HERE, now);
        }
        assert_eq!(throttle.check("fresh", HERE, now).unwrap_err().kind(), Kind::RateLimited);
    }
}
