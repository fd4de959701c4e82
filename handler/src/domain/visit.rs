//! A visit, and the decision whether and how it counts.

pub mod rate_limit;
pub mod robot;
pub mod view_facts;

use std::borrow::Cow;

use jiff::Timestamp;

use super::{
    cells::Profile,
    dimension::Dimension,
    exclusion::Exclusion,
    identity::{
        VisitorKey,
        address::{LimitedNetwork, Network},
    },
    site_name::SiteName,
};

/// One view of one page, or one event on it, as it waits to be recorded.
///
/// The recorder replaces address and User-Agent by fingerprints. Address and User-Agent are never stored, logged or sent.
#[derive(Clone)]
pub struct Visit {
    /// When the request arrived, by this machine's clock or, in an import, by the log.
    pub at: Timestamp,
    /// The host name being counted.
    pub site: SiteName,
    pub kind: VisitKind,
    /// The page and the other known values. Each dimension appears at most once.
    pub values: Vec<(Dimension, Cow<'static, str>)>,
    /// The attributes that the view shows; for an event, those of its page.
    pub profile: Profile,
    pub classification: Classification,
    /// The network that adds the values, for the limit of [`VALUES_A_NETWORK`](super::dimension::VALUES_A_NETWORK). Visits of unknown
    /// networks, and those that opted out, share one limit.
    pub network: Option<LimitedNetwork>,
}

impl Visit {
    /// Whether the visit counts a visitor, and not only a request.
    pub const fn has_visitor(&self) -> bool {
        matches!(self.classification, Classification::Visitor(_))
    }
}

/// A pageview or an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VisitKind {
    /// A page was viewed.
    View,
    /// An event of the site's own script. An event is not a pageview, and its visitors count under its name only. An excluded event is not
    /// added to the exclusion counters, because the page view before it already was.
    Event,
}

/// How a request counts.
#[derive(Clone)]
pub enum Classification {
    /// A pageview of an identified visitor.
    Visitor(VisitorKey),
    /// A pageview without a visitor.
    Pageview(Exclusion),
    /// Neither a pageview nor a visitor.
    Excluded(Exclusion),
}

/// The properties of a request that decide whether it counts.
#[derive(Clone, Default)]
pub struct Claims<'a> {
    /// Whether the request was for another host, as a log shows.
    pub other_host: bool,
    /// Whether the method was HEAD.
    pub head: bool,
    /// Whether the owner's opt-out flag is set.
    pub own: bool,
    /// Whether the browser prefetches or prerenders.
    pub prefetch: bool,
    /// Whether the visitor opted out (GPC or DNT).
    pub opted_out: bool,
    /// The User-Agent without the Functions host's suffix; empty if there was none.
    pub user_agent: &'a str,
    /// Whether the referrer is a known spam domain.
    pub referrer_spam: bool,
    /// The address from the trusted hop, if it was usable.
    pub network: Option<Network>,
}

impl Claims<'_> {
    /// Classifies the request without a rate limit, for imports.
    pub fn classification(&self) -> Classification {
        self.classification_within(|| true)
    }

    /// Classifies the request. If several reasons apply, the first of these wins: other host, HEAD, own, robot, prefetch, referrer spam,
    /// rate limited, opted out, unidentified.
    ///
    /// `admits` uses one view of the network's limit, so it is called only for views that would count. Robots do not use up the limit
    /// of the visitors in their network. The limit also covers opted-out views and views without an address, because they are pageviews.
    pub fn classification_within(&self, admits: impl FnOnce() -> bool) -> Classification {
        if self.other_host {
            return Classification::Excluded(Exclusion::OtherHost);
        }
        if self.head {
            return Classification::Excluded(Exclusion::Head);
        }
        if self.own {
            return Classification::Excluded(Exclusion::Own);
        }
        if robot::is_robot(self.user_agent) {
            return Classification::Excluded(Exclusion::Bots);
        }
        if self.prefetch {
            return Classification::Excluded(Exclusion::Prefetch);
        }
        if self.referrer_spam {
            return Classification::Excluded(Exclusion::ReferrerSpam);
        }
        if !admits() {
            return Classification::Excluded(Exclusion::RateLimited);
        }
        if self.opted_out {
            return Classification::Pageview(Exclusion::OptedOut);
        }
        match self.network {
            Some(network) => Classification::Visitor(VisitorKey::new(network, self.user_agent)),
            None => Classification::Pageview(Exclusion::Unidentified),
        }
    }
}

/// Headers that tell the purpose of a request: `Sec-Purpose` (Fetch standard), and its predecessors.
pub const PURPOSE_HEADERS: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];

/// Whether the value of one of [`PURPOSE_HEADERS`] announces a prefetch or a prerender.
pub fn announces_prefetch(value: &str) -> bool {
    value
        .split([';', ',', ' '])
        .any(|token| ["prefetch", "prerender", "preview"].iter().any(|known| token.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

    fn claims() -> Claims<'static> {
        Claims { user_agent: FIREFOX, network: Network::parse_hop("203.0.113.9"), ..Claims::default() }
    }

    fn reason(claims: Claims<'_>) -> Option<Exclusion> {
        match claims.classification() {
            Classification::Visitor(_) => None,
            Classification::Pageview(reason) | Classification::Excluded(reason) => Some(reason),
        }
    }

    #[test]
    fn an_ordinary_browser_is_a_visitor() {
        assert!(matches!(claims().classification(), Classification::Visitor(_)));
    }

    #[test]
    fn each_exclusion_has_its_own_reason() {
        assert_eq!(reason(Claims { other_host: true, ..claims() }), Some(Exclusion::OtherHost));
        assert_eq!(reason(Claims { head: true, ..claims() }), Some(Exclusion::Head));
        assert_eq!(reason(Claims { own: true, ..claims() }), Some(Exclusion::Own));
        assert_eq!(reason(Claims { user_agent: "Googlebot/2.1", ..claims() }), Some(Exclusion::Bots));
        assert_eq!(reason(Claims { user_agent: "", ..claims() }), Some(Exclusion::Bots));
        assert_eq!(reason(Claims { prefetch: true, ..claims() }), Some(Exclusion::Prefetch));
        assert_eq!(reason(Claims { referrer_spam: true, ..claims() }), Some(Exclusion::ReferrerSpam));
        assert_eq!(reason(Claims { opted_out: true, ..claims() }), Some(Exclusion::OptedOut));
        assert_eq!(reason(Claims { network: None, ..claims() }), Some(Exclusion::Unidentified));
    }

    #[test]
    fn only_a_view_that_would_count_uses_the_rate_limit() {
        let limited = |claims: Claims<'_>| match claims.classification_within(|| false) {
            Classification::Excluded(reason) | Classification::Pageview(reason) => reason,
            Classification::Visitor(_) => panic!("counted"),
        };
        assert_eq!(limited(claims()), Exclusion::RateLimited);
        assert_eq!(limited(Claims { opted_out: true, ..claims() }), Exclusion::RateLimited);
        assert_eq!(limited(Claims { network: None, ..claims() }), Exclusion::RateLimited);
        let asked = std::cell::Cell::new(0);
        for uncounted in [
            Claims { head: true, ..claims() },
            Claims { own: true, ..claims() },
            Claims { prefetch: true, ..claims() },
            Claims { referrer_spam: true, ..claims() },
            Claims { user_agent: "Googlebot/2.1", ..claims() },
        ] {
            uncounted.classification_within(|| {
                asked.set(asked.get() + 1);
                true
            });
        }
        assert_eq!(asked.get(), 0, "excluded views use no part of the limit");
    }

    #[test]
    fn a_view_that_is_opted_out_or_without_address_is_a_pageview() {
        assert!(matches!(Claims { opted_out: true, ..claims() }.classification(), Classification::Pageview(_)));
        assert!(matches!(Claims { network: None, ..claims() }.classification(), Classification::Pageview(_)));
    }

    #[test]
    fn an_opted_out_robot_is_excluded_as_a_robot() {
        assert_eq!(reason(Claims { user_agent: "Googlebot/2.1", opted_out: true, ..claims() }), Some(Exclusion::Bots));
    }
}
