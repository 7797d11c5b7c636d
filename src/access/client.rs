//! Whose share a request counts against.

use std::net::IpAddr;

use super::Caller;
use super::throttle::network_of;
use crate::model::UserId;

/// One client, for bounds that each client has for itself: an account, or the network an anonymous request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// A signed-in account, wherever it calls from.
    Account(UserId),
    /// Anonymous callers of one address (IPv6: of one /64 network).
    Network(IpAddr),
    /// Requests of the server's own making, and those whose origin is not known.
    Unknown,
}

impl Client {
    /// Whose share a request of `caller` counts against; with `sudo` it is the administrator's, and what the server does for somebody is theirs.
    pub fn of(caller: &Caller) -> Self {
        match caller.sudo_doer().map(|user| user.id).or_else(|| caller.effective_user_id()) {
            Some(user) => Self::Account(user),
            None => caller.origin().source_ip.map_or(Self::Unknown, |ip| Self::Network(network_of(ip))),
        }
    }
}
