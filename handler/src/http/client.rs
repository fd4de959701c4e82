//! From headers to what a request says of its client. Nothing that a client claims of its address, time or identity is
//! believed; what it says about not being counted is.

use std::{borrow::Cow, net::IpAddr};

use warp::http::{HeaderMap, Method, header};

use super::request::Request;
use crate::domain::{
    Claims, Network, dimension::agent::Hints, identity::address::client_network,
    identity::user_agent::without_host_suffix, visit::robot,
};

/// What the request says, as far as it decides whether it counts. `user_agent` is [`user_agent`]'s answer.
pub(super) fn claims<'r>(request: &Request, user_agent: &'r str) -> Claims<'r> {
    Claims {
        head: request.method == Method::HEAD,
        own: request.has_parameter("own"),
        prefetch: is_prefetch(request),
        opted_out: ["sec-gpc", "dnt"].iter().any(|name| request.header(name).is_some_and(|value| value.trim() == "1")),
        user_agent: without_host_suffix(user_agent),
        referrer_spam: false,
        network: client_network(
            request.header_lines("x-forwarded-for"),
            Some(request.peer()),
            request.app().config.trusted_proxies,
        ),
    }
}

/// What the browser says of its system beside the User-Agent (User-Agent Client Hints, "low entropy").
pub(super) fn hints(request: &Request) -> Hints<'_> {
    Hints { platform: request.header("sec-ch-ua-platform"), mobile: request.header("sec-ch-ua-mobile") }
}

/// The User-Agent as it arrived: several lines are one, as the host makes of them.
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

/// Browsers that fetch or render ahead say so: `Sec-Purpose` (Fetch standard), `Purpose` and `X-Moz` before it.
fn is_prefetch(request: &Request) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].iter().any(|name| {
        request.header(name).is_some_and(|value| {
            value
                .split([';', ',', ' '])
                .any(|token| ["prefetch", "prerender", "preview"].iter().any(|known| token.eq_ignore_ascii_case(known)))
        })
    })
}

/// Says, for an operator, what would be taken for the client's address, and whether the User-Agent is a robot's.
pub fn describe(forwarded_for: &str, user_agent: &str, peer: IpAddr, trusted_proxies: u8) -> String {
    let hops = forwarded_for.split(',').count();
    let address = match client_network([forwarded_for], Some(peer), trusted_proxies) {
        Some(Network::V4(octets)) => format!("the visitor is {}", std::net::Ipv4Addr::from(octets)),
        Some(Network::V6([a, b, c, d, e, f, g, h])) => {
            let network = std::net::Ipv6Addr::from([a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0]);
            format!("the visitor is {network}/64")
        }
        None => "no usable address: the pageview would count, its visitor not".to_owned(),
    };
    let source = match trusted_proxies {
        0 => "the header is not believed; the connection's other end is".to_owned(),
        trusted => format!("entry {trusted} from the right of {hops}"),
    };
    let robot = if robot::is_robot(without_host_suffix(user_agent)) { "a robot" } else { "a browser" };
    format!("{address} ({source}); the User-Agent is {robot}'s")
}
