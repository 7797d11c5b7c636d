//! Whose share a request counts against.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    /// The neighbourhood that a request came from, IPv4 /24 or IPv6 /48: as much as one customer of a provider may well have, so that nobody counts for many.
    pub fn neighbourhood(caller: &Caller) -> String {
        match caller.origin().source_ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => format!("{}/24", Ipv4Addr::from_bits(ip.to_bits() & !(u32::MAX >> 24))),
            Some(IpAddr::V6(ip)) => format!("{}/48", Ipv6Addr::from_bits(ip.to_bits() & !(u128::MAX >> 48))),
            None => "unknown".to_owned(),
        }
    }

    /// Whose share a request of `caller` counts against; with `sudo` it is the administrator's, and what the server does for somebody is theirs.
    pub fn of(caller: &Caller) -> Self {
        match caller.sudo_doer().map(|user| user.id).or_else(|| caller.effective_user_id()) {
            Some(user) => Self::Account(user),
            None => caller.origin().source_ip.map_or(Self::Unknown, |ip| Self::Network(network_of(ip))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Origin;

    #[test]
    fn a_neighbourhood_is_what_one_customer_may_have() {
        let of = |ip: &str| {
            let source_ip = Some(ip.parse().unwrap());
            Client::neighbourhood(&Caller::anonymous(Origin { source_ip, ..Origin::default() }))
        };
        for (ip, expected) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.1", "192.0.2.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("2001:db8:1:ffff::1", "2001:db8:1::/48"),
            ("2001:db8:2::1", "2001:db8:2::/48"),
        ] {
            assert_eq!(of(ip), expected);
        }
        assert_eq!(Client::neighbourhood(&Caller::anonymous(Origin::default())), "unknown");
    }
}
