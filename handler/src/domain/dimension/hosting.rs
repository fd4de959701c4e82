//! Whether an address belongs to a hosting provider: in a data centre live programs, and people only behind a VPN or a proxy.
//!
//! The list, `hosting/networks.txt`, is written by `handler/lists/renew-networks` of what the providers publish. It is looked at while the
//! address is there anyway; what is kept is the provider's name.

use std::sync::LazyLock;

use crate::domain::Network;

/// The provider in whose networks an address lies.
pub fn provider(network: Network) -> Option<&'static str> {
    match network {
        Network::V4(octets) => find(&NETWORKS.v4, u32::from_be_bytes(octets)),
        Network::V6(octets) => find(&NETWORKS.v6, u64::from_be_bytes(octets)),
    }
}

/// First and last address, and whose they are.
type Range<A> = (A, A, &'static str);

/// In the order of their addresses.
struct Networks {
    v4: Vec<Range<u32>>,
    /// The first halves of the addresses.
    v6: Vec<Range<u64>>,
}

static NETWORKS: LazyLock<Networks> = LazyLock::new(|| Networks::read(include_str!("hosting/networks.txt")));

fn find<A: Ord + Copy>(ranges: &[Range<A>], address: A) -> Option<&'static str> {
    let (_, last, provider) = ranges[..ranges.partition_point(|(first, ..)| *first <= address)].last()?;
    (address <= *last).then_some(*provider)
}

impl Networks {
    /// Reads a line for each provider, `= NAME`, and one for each of its networks.
    ///
    /// # Panics
    /// If a line is not so. The list is part of the program, and the tests read it.
    fn read(lines: &'static str) -> Self {
        let mut networks = Self { v4: Vec::new(), v6: Vec::new() };
        let mut provider = "";
        for line in lines.lines().filter(|line| !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix("= ") {
                provider = name;
            } else if let Some((first, last)) = v4(line) {
                networks.v4.push((first, last, provider));
            } else if let Some((first, last)) = v6(line) {
                networks.v6.push((first, last, provider));
            } else {
                panic!("not a network: {line}");
            }
        }
        networks.v4.sort_unstable();
        networks.v6.sort_unstable();
        networks
    }
}

/// First and last address of a network such as `3/15`.
fn v4(line: &str) -> Option<(u32, u32)> {
    let (address, length) = line.split_once('/')?;
    let mut octets = [0; 4];
    for (place, octet) in address.split('.').enumerate() {
        *octets.get_mut(place)? = octet.parse().ok()?;
    }
    let first = u32::from_be_bytes(octets);
    Some((first, first | (u32::MAX >> length_below(32, length)?)))
}

/// The first halves of first and last address of a network such as `2600:1f00/24`.
fn v6(line: &str) -> Option<(u64, u64)> {
    let (address, length) = line.split_once('/')?;
    // All that is given out begins with four digits (2000::/3), which tells it from IPv4.
    if address.find(':').unwrap_or(address.len()) != 4 {
        return None;
    }
    let mut first = 0;
    for (place, group) in address.split(':').enumerate() {
        first |= u64::from(u16::from_str_radix(group, 16).ok()?) << 48_usize.checked_sub(16 * place)?;
    }
    Some((first, first | (u64::MAX >> length_below(64, length)?)))
}

fn length_below(limit: u32, length: &str) -> Option<u32> {
    length.parse().ok().filter(|length| (1..limit).contains(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider_of(address: &str) -> Option<&'static str> {
        provider(Network::parse_hop(address).unwrap())
    }

    #[test]
    fn an_address_of_a_data_centre_is_known_by_the_providers_name() {
        for (address, name) in [
            ("3.5.140.7", "Amazon Web Services"),
            ("20.33.0.1", "Microsoft Azure"),
            ("34.80.1.2", "Google Cloud"),
            ("138.197.0.9", "DigitalOcean"),
            ("129.146.1.1", "Oracle Cloud"),
            ("2600:1f18::1", "Amazon Web Services"),
            ("2603:1030::5", "Microsoft Azure"),
        ] {
            assert_eq!(provider_of(address), Some(name), "{address}");
        }
    }

    #[test]
    fn an_address_of_anybody_else_is_not() {
        for address in
            ["203.0.113.9", "192.0.2.1", "10.0.0.1", "1.1.1.1", "84.112.0.1", "2001:db8::1", "::1", "255.255.255.254"]
        {
            assert_eq!(provider_of(address), None, "{address}");
        }
    }

    #[test]
    fn the_edges_of_a_network_belong_to_it_and_what_is_beside_does_not() {
        let ranges = [(10_u32, 19, "a"), (20, 29, "b"), (40, 40, "c")];
        for (address, found) in [
            (9, None),
            (10, Some("a")),
            (19, Some("a")),
            (20, Some("b")),
            (29, Some("b")),
            (30, None),
            (40, Some("c")),
            (41, None),
        ] {
            assert_eq!(find(&ranges, address), found, "{address}");
        }
        assert_eq!(v4("3/15"), Some((0x0300_0000, 0x0301_ffff)));
        assert_eq!(v6("2600:1f00/24"), Some((0x2600_1f00_0000_0000, 0x2600_1fff_ffff_ffff)));
        for line in ["", "3", "3/0", "3/32", "3.1.1.1.1/9", "256/8", "2600:1:2:3:4/24", "2600/64", "x/8"] {
            assert!(v4(line).is_none() && v6(line).is_none(), "{line}");
        }
    }

    #[test]
    fn no_network_of_the_list_lies_in_another() {
        assert!(NETWORKS.v4.len() > 1000 && NETWORKS.v6.len() > 100);
        assert!(NETWORKS.v4.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(NETWORKS.v6.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
