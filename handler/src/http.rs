//! HTTP: requests, endpoints and replies. Only this module uses warp and hyper.
//!
//! The module `routes` lists the addresses, and `dispatch` calls the endpoint of each. Each endpoint reads a request
//! and chooses a reply. The module `server` limits clients. This module must not calculate statistics or access the
//! store.

mod accept;
mod access;
mod app;
mod badge_image;
mod claims;
mod dispatch;
mod endpoints;
mod error;
mod error_reply;
mod refused_sign_ins;
mod reply;
mod request;
mod request_body;
mod response_body;
mod response_cache;
pub(crate) mod server;
mod signing_key;
mod timestamps;

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpListener, time::Instant};

use self::server::{ServerLimits, connection_phase::Timeouts, request_service::RequestService};

pub use self::endpoints::export::permits as export_permits;
pub use self::{access::Access, app::App, claims::describe as describe_client, response_cache::ResponseCache};

/// Longest request line and header. Browsers send one or two kilobytes, with the cookies of other applications.
const HEADER_BYTES: usize = 16 * 1024;

/// Timeouts of clients. A page of 16 KB takes some seconds on a poor mobile connection. The Functions host and most
/// proxies close idle connections after a minute. The idle timeout is longer, so that no request meets a closed
/// connection.
const TIMEOUTS: Timeouts =
    Timeouts { header: Duration::from_secs(10), idle: Duration::from_secs(75), response: Duration::from_secs(60) };

/// Serves requests on at most `connections` connections at a time, until `stop` resolves with a deadline. At the
/// deadline, connections that still wait for a reply are closed. Returns the number of these connections.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    connections: usize,
    stop: impl Future<Output = Instant>,
) -> usize {
    let limits = ServerLimits {
        connections,
        connections_per_client: connections_per_client(connections, app.config.trusted_proxies),
        header_bytes: HEADER_BYTES,
        timeouts: TIMEOUTS,
    };
    let routes = hyper_util::service::TowerToHyperService::new(warp::service(dispatch::routes()));
    let service_for = |peer| RequestService { routes, peer, app: app.clone() };
    let cut_off = server::serve(listener, limits, stop, service_for).await;
    app.access.refused_sign_ins.log();
    cut_off
}

/// How many connections one client may have open: a tenth of all. Proxies may have all, because they have the connections
/// of their clients.
fn connections_per_client(connections: usize, trusted_proxies: u8) -> usize {
    if trusted_proxies > 0 { connections } else { (connections / 10).max(1) }
}
