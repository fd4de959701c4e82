//! The client's address: read from the one hop that can be trusted, and cut to what one visitor shares.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The part of a client's address that enters a fingerprint. An IPv4 address is whole. An IPv6 address is cut to its /64, because
/// hosts change the lower half at will (RFC 8981).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// The whole address.
    V4([u8; 4]),
    /// The upper eight of sixteen bytes.
    V6([u8; 8]),
}

impl Network {
    /// The network of an address; IPv4-mapped IPv6 (`::ffff:a.b.c.d`, RFC 4291 §2.5.5.2) is IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }

    /// Reads one hop of `X-Forwarded-For`: `a.b.c.d`, `a.b.c.d:port`, `v6`, `[v6]` or `[v6]:port`. `None` if it is
    /// anything else, or an address that no client can have (unspecified, multicast, broadcast).
    pub fn parse_hop(hop: &str) -> Option<Self> {
        let hop = hop.trim();
        let address = hop
            .parse::<IpAddr>()
            .or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()))
            .or_else(|error| match hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(inner) => inner.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(|_| error),
                None => Err(error),
            })
            .ok()?
            .to_canonical();
        let impossible =
            address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST);
        (!impossible).then(|| Self::of(address))
    }

    /// Whether no client on the internet has this address: private, shared by a provider, link-local or this machine.
    pub fn is_private(self) -> bool {
        match self {
            Self::V4(octets) => {
                let address = Ipv4Addr::from(octets);
                let is_shared = octets[0] == 100 && octets[1] & 0xc0 == 64;
                address.is_private() || address.is_loopback() || address.is_link_local() || is_shared
            }
            Self::V6([first, second, ..]) => {
                first & 0xfe == 0xfc || (first == 0xfe && second & 0xc0 == 0x80) || self == Self::V6([0; 8])
            }
        }
    }

    /// The network that shares limits. An IPv4 address is whole and can be an office, so limits are more than an office needs.
    /// An IPv6 address is cut to its /56, which providers assign to a household (RIPE-690 §4.2).
    pub fn limited(self) -> LimitedNetwork {
        LimitedNetwork(match self {
            Self::V4([a, b, c, d]) => Prefix::V4([a, b, c, d]),
            Self::V6([a, b, c, d, e, f, g, _]) => Prefix::V6([a, b, c, d, e, f, g]),
        })
    }

    /// The bytes that enter a fingerprint.
    pub fn octets(&self) -> &[u8] {
        match self {
            Self::V4(octets) => octets,
            Self::V6(octets) => octets,
        }
    }
}

/// The part of a client's address that shares limits. It is compared and hashed only, so it can't be logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitedNetwork(Prefix);

impl LimitedNetwork {
    /// The bytes that enter a hash: four of IPv4, or seven of IPv6.
    pub(super) fn octets(&self) -> &[u8] {
        match &self.0 {
            Prefix::V4(octets) => octets,
            Prefix::V6(octets) => octets,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Prefix {
    V4([u8; 4]),
    V6([u8; 7]),
}

/// Finds the client in the `X-Forwarded-For` lines of a request.
///
/// Each proxy appends the address of its own client. With `trusted_proxies` proxies in front, the outermost trusted one appended
/// the entry that many from the right. Entries to its left come from the client and are ignored. Without a trusted proxy,
/// the connection's `peer` is used.
///
/// `None` if that entry is missing or invalid. The address is never guessed.
pub fn client_network<'a>(
    forwarded_for: impl IntoIterator<Item = &'a str>,
    peer: Option<IpAddr>,
    trusted_proxies: u8,
) -> Option<Network> {
    let Some(from_right) = usize::from(trusted_proxies).checked_sub(1) else {
        return peer.map(Network::of);
    };
    let lines: Vec<&str> = forwarded_for.into_iter().collect();
    lines.iter().rev().flat_map(|line| line.rsplit(',')).nth(from_right).and_then(Network::parse_hop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "matches the type of the function under test")]
    fn network(address: &str) -> Option<Network> {
        Some(Network::of(address.parse().unwrap()))
    }

    #[test]
    fn a_hop_may_carry_a_port_brackets_or_a_mapped_address() {
        for (hop, address) in [
            ("203.0.113.9", "203.0.113.9"),
            (" 203.0.113.9:54321 ", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ] {
            assert!(Network::parse_hop(hop) == network(address), "{hop}");
        }
    }

    #[test]
    fn invalid_text_is_no_address() {
        for hop in [
            "",
            " ",
            "unknown",
            "_hidden",
            "203.0.113",
            "203.0.113.9:",
            "203.0.113.9:99999",
            "300.1.1.1",
            "[::1",
            "::1]",
            "[203.0.113.9]",
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "224.0.0.1",
            "ff02::1",
            "203.0.113.9 evil",
            "1,2",
        ] {
            assert!(Network::parse_hop(hop).is_none(), "{hop:?}");
        }
    }

    #[test]
    fn a_network_is_an_ipv4_address_or_an_ipv6_64() {
        assert!(network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert!(network("2001:db8:1:2::1") != network("2001:db8:1:3::1"));
        assert!(network("203.0.113.9") != network("203.0.113.10"));
    }

    #[test]
    fn private_addresses_are_those_that_no_client_on_the_internet_has() {
        for address in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.0.1",
            "100.64.0.1",
            "fd00::1",
            "fe80::1",
            "::1",
        ] {
            assert!(Network::of(address.parse().unwrap()).is_private(), "{address}");
        }
        for address in ["203.0.113.9", "172.32.0.1", "100.128.0.1", "2001:db8::1"] {
            assert!(!Network::of(address.parse().unwrap()).is_private(), "{address}");
        }
    }

    #[test]
    fn only_the_entry_of_the_trusted_hop_counts() {
        let peer = Some("127.0.0.1".parse().unwrap());
        let client = network("203.0.113.9");
        assert!(client_network(["203.0.113.9:5000"], peer, 1) == client);
        assert!(client_network(["1.1.1.1, 2.2.2.2, 203.0.113.9:5000"], peer, 1) == client);
        assert!(client_network(["1.1.1.1", "2.2.2.2,203.0.113.9:5000"], peer, 1) == client);
        assert!(client_network(["1.1.1.1, 203.0.113.9, 10.0.0.4:80"], peer, 2) == client);
        assert!(client_network(["1.1.1.1, 203.0.113.9", "10.0.0.4:80"], peer, 2) == client);
    }

    #[test]
    fn without_a_trusted_hop_the_header_is_not_read() {
        let peer = Some("198.51.100.7".parse().unwrap());
        assert!(client_network(["203.0.113.9"], peer, 0) == network("198.51.100.7"));
    }

    #[test]
    fn a_missing_or_unusable_entry_is_not_replaced_by_a_guess() {
        let peer = Some("127.0.0.1".parse().unwrap());
        assert!(client_network([], peer, 1).is_none());
        assert!(client_network(["203.0.113.9"], peer, 2).is_none());
        assert!(client_network(["203.0.113.9, garbage"], peer, 1).is_none());
        assert!(client_network(["203.0.113.9,"], peer, 1).is_none());
    }
}
