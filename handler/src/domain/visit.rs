//! A visit: which requests count at all, and as what.

pub mod rate_limit;
pub mod robot;
pub mod view_facts;

use std::borrow::Cow;

use jiff::Timestamp;

use super::{
    dimension::Dimension,
    exclusion::Exclusion,
    identity::{VisitorKey, address::Network},
    site_name::SiteName,
};

/// One view of one page, or one event on it, as it waits to be recorded.
///
/// The address and the User-Agent inside live only until the recorder has made fingerprints of them: they are never
/// written, logged or sent.
#[derive(Clone)]
pub struct Visit {
    /// When the request arrived, by this machine's clock (or, in an import, what the log says).
    pub at: Timestamp,
    /// The host name being counted.
    pub site: SiteName,
    /// What happened.
    pub kind: VisitKind,
    /// What is counted apart: the page, and whatever else is known. Each dimension at most once.
    pub values: Vec<(Dimension, Cow<'static, str>)>,
    /// What the request counts as.
    pub classification: Classification,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VisitKind {
    /// A page was viewed.
    View,
    /// Something that the site calls an event: it is no pageview, and makes nobody a visitor of the site. It has visitors of its own,
    /// those of its name. Where it is not counted, that is not accounted either: the view before it has been.
    Event,
}

/// What a request counts as.
#[derive(Clone)]
pub enum Classification {
    /// A pageview of a visitor who can be told from others.
    Visitor(VisitorKey),
    /// A pageview, and no visitor, because something is missing or was declined.
    Pageview(Exclusion),
    /// Neither a pageview nor a visitor.
    Excluded(Exclusion),
}

/// What a request says of itself, as far as it decides whether it counts.
#[derive(Clone, Default)]
pub struct Claims<'a> {
    /// Whether the method was HEAD.
    pub head: bool,
    /// Whether the owner's opt-out flag is set.
    pub own: bool,
    /// Whether the browser says that it prefetches or prerenders.
    pub prefetch: bool,
    /// Whether the visitor has declined being told from others (GPC or DNT).
    pub opted_out: bool,
    /// The User-Agent without the Functions host's suffix; empty if there was none.
    pub user_agent: &'a str,
    /// Whether the referrer is one that only wants to be seen in statistics.
    pub referrer_spam: bool,
    /// The address from the trusted hop, if it was usable.
    pub network: Option<Network>,
}

impl Claims<'_> {
    /// What the request counts as where no limit holds: an import is of what has been.
    pub fn classification(&self) -> Classification {
        self.classification_within(|_| true)
    }

    /// Decides what the request counts as. Where several reasons hold, the first of these wins: HEAD, own, robot,
    /// prefetch, referrer spam, rate limited, opted out, unidentified.
    ///
    /// `admits` says whether the network may have another view. It is asked only about a view that would count, so that a
    /// robot does not use up what visitors beside it may have; and before who has opted out is, because such a view is a
    /// pageview too, and anybody can opt out. A view without an address is nobody's, and not limited.
    pub fn classification_within(&self, admits: impl FnOnce(Network) -> bool) -> Classification {
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
        if self.network.is_some_and(|network| !admits(network)) {
            return Classification::Excluded(Exclusion::RateLimited);
        }
        if self.opted_out {
            return Classification::Pageview(Exclusion::OptedOut);
        }
        match self.network {
            Some(network) => Classification::Visitor(VisitorKey { network, user_agent: self.user_agent.to_owned() }),
            None => Classification::Pageview(Exclusion::Unidentified),
        }
    }
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
    fn each_exclusion_is_accounted_under_its_own_reason() {
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
    fn only_a_view_that_would_count_is_limited() {
        let limited = |claims: Claims<'_>| match claims.classification_within(|_| false) {
            Classification::Excluded(reason) | Classification::Pageview(reason) => reason,
            Classification::Visitor(_) => panic!("counted"),
        };
        assert_eq!(limited(claims()), Exclusion::RateLimited);
        assert_eq!(limited(Claims { opted_out: true, ..claims() }), Exclusion::RateLimited);
        assert_eq!(limited(Claims { network: None, ..claims() }), Exclusion::Unidentified);
        let asked = std::cell::Cell::new(0);
        for uncounted in [
            Claims { head: true, ..claims() },
            Claims { own: true, ..claims() },
            Claims { prefetch: true, ..claims() },
            Claims { referrer_spam: true, ..claims() },
            Claims { user_agent: "Googlebot/2.1", ..claims() },
        ] {
            uncounted.classification_within(|_| {
                asked.set(asked.get() + 1);
                true
            });
        }
        assert_eq!(asked.get(), 0, "who is not counted uses nothing up");
    }

    #[test]
    fn who_opts_out_or_has_no_address_still_makes_a_pageview() {
        assert!(matches!(Claims { opted_out: true, ..claims() }.classification(), Classification::Pageview(_)));
        assert!(matches!(Claims { network: None, ..claims() }.classification(), Classification::Pageview(_)));
    }

    #[test]
    fn a_robot_that_asks_not_to_be_tracked_is_still_a_robot() {
        assert_eq!(reason(Claims { user_agent: "Googlebot/2.1", opted_out: true, ..claims() }), Some(Exclusion::Bots));
    }
}
