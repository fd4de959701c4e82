//! The identity of a visitor: network address and User-Agent, and the fingerprint made of both.

pub mod address;
pub mod all_time;
pub mod fingerprint;
pub mod user_agent;

use self::address::Network;

/// Input of a fingerprint. Two visits with the same key in one period are one visitor.
#[derive(Clone)]
pub struct VisitorKey {
    network: Network,
    /// Without versions.
    user_agent: String,
}

impl VisitorKey {
    /// The key of a client: the IPv4 address or the /64 of an IPv6 address, and the User-Agent without the suffix of the Functions
    /// host. Versions are removed from the User-Agent, so that an update of the browser makes no new visitor.
    pub fn new(network: Network, user_agent: &str) -> Self {
        Self { network, user_agent: user_agent::without_versions(user_agent) }
    }

    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Without versions.
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }
}
