//! The outcome of a line: a visit, a request that is not a page, or a refusal.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{
    line::{LoggedRequest, ParsedLine},
    page_request::{NotAPage, check_page},
};
use crate::domain::{
    Claims, Classification, Day, Network, SiteName, ViewFacts, Visit, VisitKind, VisitorKey,
    dimension::{campaign::campaign_in_query, channel::is_spam, path::page_path, referrer::referring_host},
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
    /// The outcome of a line in a log of `site`, read at `now`.
    pub(super) fn of(line: ParsedLine, site: &SiteName, now: Timestamp) -> Self {
        let request = match line {
            ParsedLine::Request(request) => request,
            ParsedLine::Other => return Self::NotAPage(NotAPage::OtherEntry),
            ParsedLine::Malformed => return Self::Refused(Refusal::Malformed),
        };
        if request.at.as_second() < 0 || request.at > now + FUTURE {
            return Self::Refused(Refusal::BadTime);
        }
        match check_page(&request) {
            Err(kind) => Self::NotAPage(kind),
            Ok(()) => Self::Page(visit(&request, site)),
        }
    }

    /// The day of the visit.
    pub(super) fn day(&self, zone: &TimeZone) -> Option<Day> {
        match self {
            Self::Page(visit) => Day::containing(visit.at, zone).ok(),
            Self::Refused(_) | Self::NotAPage(_) => None,
        }
    }

    pub(super) fn is_malformed(&self) -> bool {
        matches!(self, Self::Refused(Refusal::Malformed))
    }
}

fn visit(request: &LoggedRequest, site: &SiteName) -> Visit {
    let network = Network::parse_hop(&request.address);
    let referrer = referring_host(&request.referer, &[site]);
    let user_agent = request.user_agent.as_deref().map(|user_agent| if user_agent == "-" { "" } else { user_agent });
    let classification = match (user_agent, network) {
        // The common format has no User-Agent, so a visitor is an address, and robots can't be recognised.
        (None, Some(network)) => Classification::Visitor(VisitorKey::new(network, "")),
        (user_agent, network) => Claims {
            prefetch: request.prefetch,
            opted_out: request.opted_out,
            user_agent: user_agent.unwrap_or_default(),
            referrer_spam: referrer.as_deref().is_some_and(is_spam),
            network,
            ..Claims::default()
        }
        .classification(),
    };
    let campaign = request.target.split_once('?').and_then(|(_, query)| campaign_in_query(query));
    let page = page_path(&request.target).into();
    let view = ViewFacts { page, referrer, user_agent, campaign, ..ViewFacts::default() };
    let values = view.values(&classification);
    Visit { at: request.at, site: site.clone(), kind: VisitKind::View, values, classification }
}
