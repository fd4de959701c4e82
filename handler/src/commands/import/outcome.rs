//! The outcome of a line: a visit, a request that is not a page, or a refusal.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{
    line::{LoggedRequest, ParsedLine},
    page_request::{NotAPage, check_page},
};
use crate::domain::{
    Claims, Classification, Day, Network, SiteName, ViewFacts, Visit, VisitKind, VisitorKey,
    cells::Profile,
    dimension::{
        campaign::Campaign,
        channel::is_spam,
        path::page_path,
        referrer::{belongs_to, host_and_path, referring_host},
    },
};

/// How far the clock of a log may be ahead of ours.
const FUTURE: SignedDuration = SignedDuration::from_hours(24);

/// The outcome of a line.
pub(super) enum LineOutcome {
    Refused(Refusal),
    NotAPage(NotAPage),
    Page(Visit),
}

/// Why a line was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Refusal {
    /// The line does not have the format of the log.
    Malformed,
    /// The time is before 1970 or in the future.
    BadTime,
    /// The period of the line, or an adjacent one, is closed, so its visitors can no longer be recognised.
    ClosedPeriod,
}

impl LineOutcome {
    /// The outcome of a line, read at `now`.
    pub(super) fn of(line: ParsedLine, rules: &ImportRules, now: Timestamp) -> Self {
        let mut request = match line {
            ParsedLine::Request(request) => request,
            ParsedLine::Other => return Self::NotAPage(NotAPage::OtherEntry),
            ParsedLine::Malformed => return Self::Refused(Refusal::Malformed),
        };
        if request.at.as_second() < 0 || request.at > now + FUTURE {
            return Self::Refused(Refusal::BadTime);
        }
        // A proxy logs requests for any host.
        request.move_host_from_target();
        match check_page(&request) {
            Err(kind) => Self::NotAPage(kind),
            Ok(()) => Self::Page(rules.visit(&request)),
        }
    }

    /// The day of the visit.
    pub(super) fn day(&self, zone: &TimeZone) -> Option<Day> {
        match self {
            Self::Page(visit) => Day::containing(visit.at, zone).ok(),
            Self::Refused(_) | Self::NotAPage(_) => None,
        }
    }

    /// The time of the visit.
    pub(super) fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Page(visit) => Some(visit.at),
            Self::Refused(_) | Self::NotAPage(_) => None,
        }
    }

    pub(super) fn is_malformed(&self) -> bool {
        matches!(self, Self::Refused(Refusal::Malformed))
    }
}

/// Settings by which the lines of a log belong to the site and to a client.
pub(super) struct ImportRules {
    /// The site that the logs belong to.
    pub(super) site: SiteName,
    /// Whether pages of subdomains count for the site.
    pub(super) counts_subdomains: bool,
    /// The number of proxies that append an address, as for live visits.
    pub(super) trusted_proxies: u8,
}

impl ImportRules {
    fn visit(&self, request: &LoggedRequest) -> Visit {
        let network = self.network(&request.address);
        let referrer = referring_host(&request.referer, &[&self.site])
            .filter(|host| !belongs_to(host, &self.site, self.counts_subdomains));
        let user_agent =
            request.user_agent.as_deref().map(|user_agent| if user_agent == "-" { "" } else { user_agent });
        let other_host = request.host.as_deref().is_some_and(|host| !self.is_own(host));
        let classification = match (user_agent, network) {
            // The common format has no User-Agent, so a visitor is an address, and robots can't be recognised.
            (None, Some(network)) if !other_host => Classification::Visitor(VisitorKey::new(network, "")),
            (user_agent, network) => Claims {
                other_host,
                prefetch: request.prefetch,
                opted_out: request.opted_out,
                user_agent: user_agent.unwrap_or_default(),
                referrer_spam: referrer.as_deref().is_some_and(is_spam),
                network,
                ..Claims::default()
            }
            .classification(),
        };
        let campaign = request.target.split_once('?').map(|(_, query)| Campaign::in_query(query)).unwrap_or_default();
        let page = page_path(&request.target).into();
        let language = request.accept_language.as_deref();
        let view = ViewFacts { page, referrer, user_agent, language, campaign, ..ViewFacts::default() };
        let values = view.values(&classification);
        let network = network.filter(|_| !request.opted_out).map(Network::limited);
        let profile = Profile::of(&values);
        Visit {
            at: request.at,
            site: self.site.clone(),
            kind: VisitKind::View,
            values,
            profile,
            classification,
            network,
        }
    }

    /// Whether a host, perhaps with a port, belongs to the site.
    fn is_own(&self, host: &str) -> bool {
        let url = format!("http://{host}/");
        host_and_path(&url).is_some_and(|(host, _)| belongs_to(host, &self.site, self.counts_subdomains))
    }

    /// The network of the client. Of several addresses, the last that is not private is the client's. With two or more proxies
    /// configured, it is the entry that many from the right, as for live visits.
    fn network(&self, address: &str) -> Option<Network> {
        if !address.contains(',') {
            return Network::parse_hop(address);
        }
        let entries =
            || address.rsplit(',').map(|entry| entry.trim_matches(['"', ' '])).filter(|entry| !entry.is_empty());
        if self.trusted_proxies > 1 {
            return entries().nth(usize::from(self.trusted_proxies) - 1).and_then(Network::parse_hop);
        }
        let is_private = |entry: &&str| Network::parse_hop(entry).is_some_and(Network::is_private);
        entries().find(|entry| !is_private(entry)).or_else(|| entries().next()).and_then(Network::parse_hop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(counts_subdomains: bool, trusted_proxies: u8) -> ImportRules {
        ImportRules { site: "example.com".parse().unwrap(), counts_subdomains, trusted_proxies }
    }

    #[test]
    fn of_several_addresses_the_one_outside_the_proxies_counts() {
        for (trusted_proxies, addresses, client) in [
            (1, "203.0.113.9", Some("203.0.113.9")),
            (1, "203.0.113.9, 10.0.0.1", Some("203.0.113.9")),
            (0, "203.0.113.9,10.0.0.1,fd00::1,127.0.0.1", Some("203.0.113.9")),
            (1, "198.51.100.7, 203.0.113.9", Some("203.0.113.9")),
            (2, "203.0.113.9, 198.51.100.7", Some("203.0.113.9")),
            (2, "198.51.100.7, 203.0.113.9, 10.0.0.1", Some("203.0.113.9")),
            (1, "10.0.0.2, 10.0.0.1", Some("10.0.0.1")),
            (1, "203.0.113.9, unknown", None),
            (3, "203.0.113.9, 10.0.0.1", None),
            (1, ",", None),
        ] {
            let expected = client.and_then(Network::parse_hop);
            assert!(rules(false, trusted_proxies).network(addresses) == expected, "{addresses}");
        }
    }

    #[test]
    fn a_host_belongs_to_the_site_with_any_port_and_subdomains_if_they_count() {
        for (host, subdomains, own) in [
            ("example.com", false, true),
            ("WWW.example.com:8443", false, true),
            ("blog.example.com", false, false),
            ("blog.example.com", true, true),
            ("other.example", true, false),
            ("203.0.113.9", true, false),
            ("<script>", true, false),
        ] {
            assert_eq!(rules(subdomains, 1).is_own(host), own, "{host}");
        }
    }
}
