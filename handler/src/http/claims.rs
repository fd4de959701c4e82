//! Makes a visit from a request.
//!
//! Clients can forge addresses, times and identities, so these claims are ignored. A claim not to be counted is
//! respected.

use std::{borrow::Cow, net::IpAddr};

use warp::http::{HeaderMap, Method, header};

use super::request::Request;
use crate::domain::{
    Claims, Dimension, Network, SiteName, ViewFacts, Visit, VisitKind,
    cells::Profile,
    dimension::{agent::Hints, channel},
    identity::{address::client_network, user_agent::without_host_suffix},
    visit::{PURPOSE_HEADERS, announces_prefetch, robot},
};

/// A view or an event: the facts that the headers of its request do not have.
#[derive(Default)]
pub(super) struct ReportedVisit<'a> {
    /// The view, without the browser, which the headers describe.
    pub(super) view: ViewFacts<'a>,
    /// The name of an event. An event is not a view.
    pub(super) event: Option<String>,
    /// Whether the script marks it as a visit of the owner.
    pub(super) own: bool,
    /// Whether the script reports an opt-out.
    pub(super) opted_out: bool,
}

/// Makes the visit to a site from a request.
pub(super) fn visit<'a>(request: &'a Request, site: &SiteName, reported: ReportedVisit<'a>) -> Visit {
    let app = request.app();
    let user_agent = user_agent(request.headers());
    let mut claims = claims(request, &user_agent);
    claims.own |= reported.own;
    claims.opted_out |= reported.opted_out;
    claims.referrer_spam = reported.view.referrer.as_deref().is_some_and(channel::is_spam);
    let user_agent = claims.user_agent;
    let network = request.or_peer(claims.network);
    let classification = claims.classification_within(|| app.admits(network));
    let view = ViewFacts { user_agent: Some(user_agent), hints: hints(request), ..reported.view };
    let values = view.values(&classification);
    let profile = Profile::of(&values);
    let (kind, values) = match reported.event {
        Some(name) => (VisitKind::Event, vec![(Dimension::Event, Cow::Owned(name))]),
        None => (VisitKind::View, values),
    };
    // No hash of a client that has opted out reaches the database.
    let network = (!claims.opted_out).then(|| network.limited());
    Visit { at: app.clock.now(), site: site.clone(), kind, values, profile, classification, network }
}

/// The claims that decide whether a request counts. `user_agent` is the result of [`user_agent`].
pub(super) fn claims<'r>(request: &Request, user_agent: &'r str) -> Claims<'r> {
    Claims {
        // A visit to another host is rejected before.
        other_host: false,
        head: request.method == Method::HEAD,
        own: request.has_parameter("own"),
        prefetch: is_prefetch(request),
        opted_out: ["sec-gpc", "dnt"].iter().any(|name| request.header(name).is_some_and(|value| value.trim() == "1")),
        user_agent: without_host_suffix(user_agent),
        referrer_spam: false,
        network: request.client_network(),
    }
}

/// The system according to User-Agent Client Hints of low entropy, which complement the User-Agent.
fn hints(request: &Request) -> Hints<'_> {
    Hints { platform: request.header("sec-ch-ua-platform"), mobile: request.header("sec-ch-ua-mobile") }
}

/// The User-Agent as it arrived. Several lines are joined, as the Functions host does.
pub(super) fn user_agent(headers: &HeaderMap) -> Cow<'_, str> {
    let mut lines = headers.get_all(header::USER_AGENT).iter();
    let Some(first) = lines.next() else { return Cow::Borrowed("") };
    let mut joined = String::from_utf8_lossy(first.as_bytes());
    for line in lines {
        let joined = joined.to_mut();
        joined.push(' ');
        joined.push_str(&String::from_utf8_lossy(line.as_bytes()));
    }
    joined
}

/// Whether a browser prefetches or prerenders.
fn is_prefetch(request: &Request) -> bool {
    PURPOSE_HEADERS.iter().any(|name| request.header(name).is_some_and(announces_prefetch))
}

/// Describes for an operator the address that counts as the client's, and whether the User-Agent is a robot's.
pub fn describe(forwarded_for: &str, user_agent: &str, peer: IpAddr, trusted_proxies: u8) -> String {
    let hops = forwarded_for.split(',').count();
    let address = match client_network([forwarded_for], Some(peer), trusted_proxies) {
        Some(Network::V4(octets)) => format!("the visitor is {}", std::net::Ipv4Addr::from(octets)),
        Some(Network::V6([a, b, c, d, e, f, g, h])) => {
            let network = std::net::Ipv6Addr::from([a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0]);
            format!("the visitor is {network}/64")
        }
        None => "no valid address: the request counts as a pageview, without a visitor".to_owned(),
    };
    let source = match trusted_proxies {
        0 => "the header is ignored; this is the other end of the connection".to_owned(),
        trusted => format!("entry {trusted} from the right of {hops}"),
    };
    let agent = if robot::is_robot(without_host_suffix(user_agent)) { "a robot" } else { "a browser" };
    format!("{address} ({source}); the User-Agent is that of {agent}")
}
