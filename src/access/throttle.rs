//! Counts failed sign-ins and makes guessing slow.
//!
//! Owns two bounded tables of counters: per account and address, and per address alone. An attempt is counted before its
//! password is looked at, so that guesses sent all at once find no more room than guesses sent one after another. The
//! counters live in memory: a restart forgives, which is cheaper than a table an attacker can make the server write to.
//! Called by `identify`, for accounts and for what becomes one.

use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::Notify;

use super::Settings;
use super::password::Waiting;
use crate::error::{Error, Kind, Result};
use crate::model::{Clock, UtcMs};

/// Most counters kept; beyond it the least used are forgotten.
const MAX_COUNTERS: u64 = 65_536;
/// How many times more failures one address may cause over all accounts than for one account.
const ADDRESS_FACTOR: u32 = 10;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(String, Option<IpAddr>),
    Address(IpAddr),
}

/// What is known of one key.
#[derive(Debug, Clone, Copy)]
struct State {
    failures: u32,
    last_failure: UtcMs,
    /// Attempts whose outcome is not known yet.
    running: u32,
}

/// What an attempt is told.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Admitted,
    /// As many attempts are running as may still fail: their outcome decides.
    WaitForOthers,
    /// Too many failed lately.
    ComeBack {
        after_seconds: u64,
    },
}

impl State {
    /// Decides about one more attempt.
    ///
    /// Shape: after `free` failures the delay since the last one is 1, 2, 4, ... seconds, up to the window, and attempts
    /// run one at a time.
    fn judge(&self, free: u32, window_seconds: u64, now: UtcMs) -> Verdict {
        if let Some(excess) = self.failures.checked_sub(free) {
            let delay_seconds = 2_u64.saturating_pow(excess.min(32)).min(window_seconds);
            let waited_ms = now.get().saturating_sub(self.last_failure.get()).max(0);
            let delay_ms = i64::try_from(delay_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
            if waited_ms < delay_ms {
                let left_ms = u64::try_from(delay_ms - waited_ms).unwrap_or(0);
                return Verdict::ComeBack { after_seconds: left_ms.div_ceil(1000) };
            }
        }
        let may_run = free.saturating_sub(self.failures).max(1);
        if self.running < may_run { Verdict::Admitted } else { Verdict::WaitForOthers }
    }
}

#[derive(Debug)]
struct Counter {
    state: Mutex<State>,
    changed: Notify,
}

impl Counter {
    fn new() -> Self {
        let state = State { failures: 0, last_failure: UtcMs::new(0), running: 0 };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One attempt between its beginning and its outcome; dropped without one (the caller left), it counts for nothing.
#[derive(Debug)]
pub struct Attempt {
    counters: Vec<Running>,
}

#[derive(Debug)]
struct Running(Arc<Counter>);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running = state.running.saturating_sub(1);
        drop(state);
        self.0.changed.notify_waiters();
    }
}

impl Attempt {
    /// Notes that the password was wrong.
    pub fn failed(self, now: UtcMs) {
        for counter in &self.counters {
            let mut state = counter.0.state();
            state.failures = state.failures.saturating_add(1);
            state.last_failure = now;
        }
    }

    /// Notes that the password was right: the account's counter for this address starts anew.
    pub fn succeeded(self) {
        if let Some(account) = self.counters.first() {
            account.0.state().failures = 0;
        }
    }
}

/// Counters of failed sign-ins.
#[derive(Debug)]
pub struct Throttle {
    counters: Cache<Key, Arc<Counter>>,
    free: u32,
    window_seconds: u64,
    waiting: AtomicUsize,
    max_waiting: usize,
}

impl Throttle {
    /// Empty counters with the limits of the settings.
    pub fn new(settings: &Settings) -> Self {
        let window = Duration::from_secs(settings.failed_sign_in_window_seconds.max(1));
        Self {
            counters: Cache::builder().max_capacity(MAX_COUNTERS).time_to_idle(window).build(),
            free: settings.max_failed_sign_ins.max(1),
            window_seconds: settings.failed_sign_in_window_seconds.max(1),
            waiting: AtomicUsize::new(0),
            max_waiting: settings.password_hashes_waiting.max(1),
        }
    }

    /// Admits one attempt to show a password, waiting while the attempts under way may still use up what is free.
    ///
    /// Errors: `RateLimited` with the seconds left after too many failures, `Overloaded` when too many wait.
    pub async fn begin(&self, login: &str, ip: Option<IpAddr>, clock: &dyn Clock) -> Result<Attempt> {
        let mut attempt = Attempt { counters: Vec::with_capacity(2) };
        for (key, free) in self.keys(login, ip) {
            let counter = self.counters.get_with(key, || Arc::new(Counter::new()));
            attempt.counters.push(self.enter(counter, free, clock).await?);
        }
        Ok(attempt)
    }

    async fn enter(&self, counter: Arc<Counter>, free: u32, clock: &dyn Clock) -> Result<Running> {
        let mut in_line = None;
        loop {
            let mut changed = std::pin::pin!(counter.changed.notified());
            // Registered before the look, so that no change between look and wait is missed.
            changed.as_mut().enable();
            let verdict = {
                let mut state = counter.state();
                let verdict = state.judge(free, self.window_seconds, clock.now());
                if verdict == Verdict::Admitted {
                    state.running += 1;
                }
                verdict
            };
            match verdict {
                Verdict::Admitted => return Ok(Running(Arc::clone(&counter))),
                Verdict::ComeBack { after_seconds } => {
                    return Err(Error::new(Kind::RateLimited, "too many failed sign-ins, try again later")
                        .with_retry_after_seconds(after_seconds));
                }
                Verdict::WaitForOthers => {
                    if in_line.is_none() {
                        in_line = Some(Waiting::enter(&self.waiting, self.max_waiting)?);
                    }
                    changed.await;
                }
            }
        }
    }

    fn keys(&self, login: &str, ip: Option<IpAddr>) -> impl Iterator<Item = (Key, u32)> + use<> {
        let ip = ip.map(network_of);
        let free = self.free;
        let mut login = login.to_ascii_lowercase();
        login.truncate(login.floor_char_boundary(128));
        [Some((Key::Account(login, ip), free)), ip.map(|ip| (Key::Address(ip), free.saturating_mul(ADDRESS_FACTOR)))]
            .into_iter()
            .flatten()
    }
}

/// The address that counters and shares go by: whoever holds an IPv6 network must not get a fresh one from each of its
/// addresses.
pub fn network_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(std::net::Ipv6Addr::from_bits(ip.to_bits() & !(u128::MAX >> 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::ManualClock;

    fn throttle() -> Throttle {
        Throttle::new(&Settings { max_failed_sign_ins: 3, failed_sign_in_window_seconds: 60, ..Settings::default() })
    }

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const THERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));

    /// The seconds a further attempt has to wait; none: it is admitted.
    async fn delay(throttle: &Throttle, login: &str, ip: Option<IpAddr>, clock: &ManualClock) -> Option<u64> {
        throttle.begin(login, ip, clock).await.err().and_then(|error| error.retry_after_seconds())
    }

    /// Lets one attempt fail, waiting out its delay.
    async fn fail(throttle: &Throttle, login: &str, ip: Option<IpAddr>, clock: &ManualClock) {
        if let Some(seconds) = delay(throttle, login, ip, clock).await {
            clock.advance_ms(i64::try_from(seconds * 1000).unwrap());
        }
        throttle.begin(login, ip, clock).await.unwrap().failed(clock.now());
    }

    #[tokio::test]
    async fn delay_starts_after_the_free_failures_and_doubles() {
        let (throttle, clock) = (throttle(), ManualClock::new(UtcMs::new(1_000_000)));
        let mut delays = Vec::new();
        for _ in 0..10 {
            fail(&throttle, "ada", HERE, &clock).await;
            delays.push(delay(&throttle, "Ada", HERE, &clock).await);
        }
        assert_eq!(delays[..2], [None, None]);
        assert_eq!(delays[2..], [1, 2, 4, 8, 16, 32, 60, 60].map(Some));
        assert_eq!(delay(&throttle, "ada", THERE, &clock).await, None, "another address is not punished");
        assert_eq!(delay(&throttle, "bob", HERE, &clock).await, None, "another account is not punished yet");
        clock.advance_ms(60_000);
        assert_eq!(delay(&throttle, "ada", HERE, &clock).await, None, "the longest delay is over");
    }

    #[tokio::test]
    async fn guesses_sent_at_once_find_no_more_room_than_guesses_in_turn() {
        let clock = Arc::new(ManualClock::new(UtcMs::new(1_000_000)));
        let throttle = Arc::new(throttle());
        let mut guesses = tokio::task::JoinSet::new();
        for _ in 0..250 {
            let (throttle, clock) = (Arc::clone(&throttle), Arc::clone(&clock));
            guesses.spawn(async move {
                let attempt = throttle.begin("ada", HERE, &*clock).await?;
                tokio::task::yield_now().await;
                attempt.failed(clock.now());
                Ok::<_, Error>(())
            });
        }
        let outcomes = guesses.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
        assert!(outcomes.iter().flat_map(|outcome| outcome.as_ref().err()).all(|e| e.kind() == Kind::RateLimited));
    }

    #[tokio::test]
    async fn right_passwords_at_once_all_pass() {
        let clock = Arc::new(ManualClock::new(UtcMs::new(1_000_000)));
        let throttle = Arc::new(throttle());
        let mut sign_ins = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let (throttle, clock) = (Arc::clone(&throttle), Arc::clone(&clock));
            sign_ins.spawn(async move {
                let attempt = throttle.begin("ada", HERE, &*clock).await.unwrap();
                tokio::task::yield_now().await;
                attempt.succeeded();
            });
        }
        assert_eq!(sign_ins.join_all().await.len(), 200);
    }

    #[tokio::test]
    async fn an_attempt_that_ends_without_outcome_makes_room() {
        let (throttle, clock) = (throttle(), ManualClock::new(UtcMs::new(0)));
        for _ in 0..20 {
            drop(throttle.begin("ada", HERE, &clock).await.unwrap());
        }
        assert_eq!(delay(&throttle, "ada", HERE, &clock).await, None);
    }

    #[tokio::test]
    async fn those_who_wait_are_bounded() {
        let settings = Settings { max_failed_sign_ins: 1, password_hashes_waiting: 1, ..Settings::default() };
        let (throttle, clock) = (Throttle::new(&settings), ManualClock::new(UtcMs::new(0)));
        let running = throttle.begin("ada", HERE, &clock).await.unwrap();
        let mut first = Box::pin(throttle.begin("ada", HERE, &clock));
        assert!(futures_poll(&mut first).await.is_none(), "one waits");
        let refused = throttle.begin("ada", HERE, &clock).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Overloaded);
        running.succeeded();
        first.await.unwrap();
    }

    /// Polls once.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }

    #[tokio::test]
    async fn an_ipv6_network_counts_as_one_address() {
        let (throttle, clock) = (throttle(), ManualClock::new(UtcMs::new(0)));
        for host in 1..=3 {
            fail(&throttle, "ada", format!("2001:db8:1:2::{host}").parse().ok(), &clock).await;
        }
        let another = "2001:db8:1:2:ffff::1".parse().ok();
        assert_eq!(delay(&throttle, "ada", another, &clock).await, Some(1));
        assert_eq!(delay(&throttle, "ada", "2001:db8:1:3::1".parse().ok(), &clock).await, None);
        clock.advance_ms(1000);
        throttle.begin("ada", another, &clock).await.unwrap().succeeded();
        fail(&throttle, "ada", another, &clock).await;
        assert_eq!(delay(&throttle, "ada", another, &clock).await, None);
    }

    #[tokio::test]
    async fn success_forgives_and_spraying_is_counted_by_address() {
        let (throttle, clock) = (throttle(), ManualClock::new(UtcMs::new(0)));
        for _ in 0..5 {
            fail(&throttle, "ada", HERE, &clock).await;
        }
        clock.advance_ms(60_000);
        throttle.begin("ADA", HERE, &clock).await.unwrap().succeeded();
        assert_eq!(delay(&throttle, "ada", HERE, &clock).await, None);
        for account in 0..25 {
            fail(&throttle, &format!("user{account}"), HERE, &clock).await;
        }
        assert_eq!(delay(&throttle, "fresh", HERE, &clock).await, Some(1));
    }
}
