//! Calls the endpoint of a request, found in the table of [`routes`](crate::routes).

use std::{convert::Infallible, sync::Arc};

use bytes::Buf;
use futures_util::Stream;
use warp::{Filter, Rejection, http::Method, path::FullPath};

use super::{
    endpoints::{
        badge, count, export, files, health, live, maintenance, sign_in, sites, statistics, version, visit, why,
    },
    error::Error,
    reply::{self, Reply, https_only, private, unindexed, with_common_headers},
    request::Request,
    server::request_service::{RequestContext, request_context},
};
use crate::{
    config::Host,
    domain::Dimension,
    routes::{self, Endpoint},
    texts::Text,
};

/// Replies to every request. The filter has no state of its own; each request carries the shared state.
pub(super) fn routes() -> impl Filter<Extract = (warp::reply::Response,), Error = Infallible> + Copy {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::path::full()
        .and(warp::method())
        .and(request_context())
        .and(query)
        .and(warp::body::stream())
        .then(async |path: FullPath, method, context: Arc<RequestContext>, query: String, body| {
            // The platform redirects to HTTPS. Elsewhere, only the proxy in front knows whether there is HTTPS.
            let is_https_only = context.app.config.host == Host::Functions;
            let reply = respond(path.as_str(), method, context, &query, body).await;
            if is_https_only { https_only(reply) } else { reply }
        })
        .recover(async |_: Rejection| {
            Ok::<_, Infallible>(Error::Internal("a request could not be dispatched").into_reply(None))
        })
        .unify()
        .map(|reply| reply::finish(with_common_headers(reply)))
}

async fn respond<B: Buf>(
    path: &str,
    method: Method,
    context: Arc<RequestContext>,
    query: &str,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Reply {
    if !context.names_its_host {
        return Error::BadRequest(Text::new("errors.host_header")).into_reply(None);
    }
    let (route, name) = routes::find(path).unwrap_or((routes::UNKNOWN, ""));
    let request = Request::new(route, method, context, query);
    // Failures are logged here, once.
    let mut reply = endpoint(&request, name, body).await.unwrap_or_else(|error| error.into_reply(Some(&request)));
    if request.is_private() {
        reply = private(reply);
    }
    if !may_be_indexed(&request) {
        reply = unindexed(reply);
    }
    reply
}

/// Whether search engines may list the reply: only the page of a public site. A shared link is a secret, and the pages of all values
/// are too many.
fn may_be_indexed(request: &Request) -> bool {
    request.route.endpoint == Endpoint::Count
        && !request.is_private()
        && !["share", "embed"].iter().any(|name| request.has_parameter(name))
        && !Dimension::lists().any(|dimension| request.has_parameter(dimension.parameter()))
}

async fn endpoint<B: Buf>(
    request: &Request,
    name: &str,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Result<Reply, Error> {
    let methods = request.route.methods;
    if !methods.contains(request.method.as_str()) {
        return Err(match request.route.endpoint {
            // Clients must not learn that this address exists.
            Endpoint::Maintenance | Endpoint::Unknown => Error::NotFound,
            _ => Error::MethodNotAllowed(methods.allow()),
        });
    }
    if matches!(request.route.endpoint, Endpoint::Count | Endpoint::Sites | Endpoint::Why) {
        request.check_language()?;
    }
    match request.route.endpoint {
        Endpoint::Count => count::respond(request).await,
        Endpoint::Version => version::respond(),
        Endpoint::Visit => visit::respond(request, body).await,
        Endpoint::VisitImage => visit::respond_with_image(name, request).await,
        Endpoint::Statistics => statistics::respond(request).await,
        Endpoint::StatisticsCsv => statistics::respond_with_csv(request).await,
        Endpoint::Live => live::respond(request).await,
        Endpoint::Export => export::respond(request).await,
        Endpoint::Sites => sites::respond(request).await,
        Endpoint::Description => files::respond_with_description(request),
        Endpoint::Badge => badge::respond(name, request).await,
        Endpoint::HealthLive => health::respond_live(),
        Endpoint::HealthReady => health::respond_ready(request).await,
        Endpoint::Script => files::respond_with_script(request),
        Endpoint::Asset => files::respond_with_asset(name, request),
        Endpoint::Why => why::respond(request),
        Endpoint::SignIn => sign_in::respond(request, body).await,
        Endpoint::Maintenance => maintenance::respond(request).await,
        Endpoint::Unknown => Err(Error::NotFound),
    }
}
