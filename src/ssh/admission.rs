//! How many SSH connections there may be, in all and from one address.
//!
//! Owns the counts and the choice of whom to drop: a stalled connection costs nobody else a place. A newcomer takes the place of the oldest
//! connection that has not signed in, of the address that has most of them, and where there is none, that of the one on which nothing has
//! moved for longest, if that is long enough to call it stalled. Those who are at work are never dropped for others. Called by `ssh.rs`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::socket::Line;
use crate::config::Ssh;

/// A connection that has signed in and on which nothing moved for so long makes room for others, if there is none left.
const STALLED: Duration = Duration::from_secs(10);

/// Counts of one listener.
pub(super) struct Admission {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    connections: usize,
    connections_per_address: usize,
    handshakes: usize,
    handshakes_per_address: usize,
    stalled: Duration,
}

#[derive(Default)]
struct State {
    next: u64,
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Connections that have not signed in, oldest first.
    handshakes: Vec<Handshake>,
    signed_in: HashMap<u64, (IpAddr, Line)>,
}

struct Handshake {
    id: u64,
    address: IpAddr,
    line: Line,
}

/// One connection's place; given back when dropped.
pub(super) struct Place {
    admission: Arc<Admission>,
    id: u64,
    address: IpAddr,
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// `ssh.max_connections` is reached.
    Full,
    /// `ssh.max_connections_per_address` is reached.
    AddressFull,
}

impl Refused {
    /// Stable name for logs and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Refused::Full => "refused",
            Refused::AddressFull => "refused_address",
        }
    }
}

impl Admission {
    pub(super) fn new(settings: &Ssh) -> Self {
        let limits = Limits {
            connections: settings.max_connections,
            connections_per_address: settings.max_connections_per_address,
            handshakes: settings.max_handshakes,
            handshakes_per_address: settings.max_handshakes_per_address,
            stalled: STALLED,
        };
        Self { limits, state: Mutex::default() }
    }

    /// Takes a new connection in, cutting an older one that has not signed in where that makes room.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, line: Line) -> Result<Place, Refused> {
        let address = network(address);
        let mut state = self.lock();
        let same = |state: &State| state.handshakes.iter().filter(|one| one.address == address).count();
        let here = state.by_address.get(&address).copied().unwrap_or(0);
        if same(&state) >= self.limits.handshakes_per_address || here >= self.limits.connections_per_address {
            let has_made_room = state.evict(address);
            if !has_made_room && here >= self.limits.connections_per_address {
                state.evict_stalled(self.limits.stalled, Some(address));
            }
        }
        if state.handshakes.len() >= self.limits.handshakes || state.total >= self.limits.connections {
            let has_made_room = state.evict_from_largest();
            if !has_made_room && state.total >= self.limits.connections {
                state.evict_stalled(self.limits.stalled, None);
            }
        }
        if state.total >= self.limits.connections {
            return Err(Refused::Full);
        }
        if state.by_address.get(&address).copied().unwrap_or(0) >= self.limits.connections_per_address {
            return Err(Refused::AddressFull);
        }
        let id = state.next;
        state.next += 1;
        state.total += 1;
        *state.by_address.entry(address).or_default() += 1;
        state.handshakes.push(Handshake { id, address, line });
        metrics::gauge!("atomicqms_ssh_connections").set(state.total as f64);
        drop(state);
        Ok(Place { admission: Arc::clone(self), id, address })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Cuts the oldest handshake of an address, if it has one.
    fn evict(&mut self, address: IpAddr) -> bool {
        let Some(position) = self.handshakes.iter().position(|one| one.address == address) else { return false };
        let evicted = self.handshakes.remove(position);
        self.cut(address, &evicted.line);
        true
    }

    /// Cuts the connection, of an address or of all, that has stood still for longest.
    fn evict_stalled(&mut self, stalled_after: Duration, of: Option<IpAddr>) {
        let candidates = self.signed_in.iter().filter(|(_, (address, _))| of.is_none_or(|of| of == *address));
        let stalled = candidates.map(|(id, (_, line))| (line.still_for(), *id)).max();
        let id = stalled.filter(|(still, _)| *still >= stalled_after).map(|(_, id)| id);
        if let Some((address, line)) = id.and_then(|id| self.signed_in.remove(&id)) {
            self.cut(address, &line);
        }
    }

    /// Ends a connection. It stops counting at once, though its task ends a little later.
    fn cut(&mut self, address: IpAddr, line: &Line) {
        self.leave(address);
        line.cut();
        metrics::counter!("atomicqms_ssh_connections_total", "end" => "evicted").increment(1);
    }

    fn evict_from_largest(&mut self) -> bool {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for one in &self.handshakes {
            *counts.entry(one.address).or_default() += 1;
        }
        let most = counts.values().copied().max();
        let oldest = self.handshakes.iter().find(|one| counts.get(&one.address).copied() == most);
        oldest.map(|one| one.address).is_some_and(|address| self.evict(address))
    }

    fn leave(&mut self, address: IpAddr) {
        self.total = self.total.saturating_sub(1);
        if let Some(count) = self.by_address.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
        metrics::gauge!("atomicqms_ssh_connections").set(self.total as f64);
    }
}

impl Place {
    /// Notes that the connection has signed in; false: it was dropped for another just now.
    pub(super) fn signed_in(&self) -> bool {
        let mut state = self.admission.lock();
        let Some(position) = state.handshakes.iter().position(|one| one.id == self.id) else { return false };
        let Handshake { id, address, line } = state.handshakes.remove(position);
        state.signed_in.insert(id, (address, line));
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        let position = state.handshakes.iter().position(|one| one.id == self.id);
        if let Some(position) = position {
            state.handshakes.remove(position);
        }
        // Who was evicted has left already.
        if position.is_some() || state.signed_in.remove(&self.id).is_some() {
            state.leave(self.address);
        }
    }
}

/// What counts as one address: IPv6 hosts own whole /64 networks.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            let bits = u128::from(six) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(bits))
        }
    }
}

#[cfg(test)]
mod tests;
