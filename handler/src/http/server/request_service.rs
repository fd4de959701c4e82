//! Connects hyper to warp: moves the headers of a request into its [`RequestContext`], so that no filter copies them,
//! and resolves path aliases.

use std::{net::IpAddr, sync::Arc};

use hyper::{body::Incoming, service::Service};
use warp::{
    Filter, Rejection,
    http::{HeaderMap, Request, Uri, Version, header},
};

use crate::config::PathAliases;
use crate::http::app::App;

/// The headers of a request, the other end of its connection, and the shared state.
pub(in crate::http) struct RequestContext {
    pub(in crate::http) headers: HeaderMap,
    /// Whether the request names its host as its version of HTTP requires.
    pub(in crate::http) names_its_host: bool,
    /// The other end of the connection: a proxy, or, without one, the client.
    pub(in crate::http) peer: IpAddr,
    pub(in crate::http) app: Arc<App>,
}

/// Extracts the context, which [`RequestService`] adds to every request.
pub(in crate::http) fn request_context() -> impl Filter<Extract = (Arc<RequestContext>,), Error = Rejection> + Copy {
    warp::ext::get::<Arc<RequestContext>>()
}

/// warp's service, for the requests of one connection.
pub(in crate::http) struct RequestService<S> {
    pub(in crate::http) routes: S,
    pub(in crate::http) peer: IpAddr,
    pub(in crate::http) app: Arc<App>,
}

impl<S: Service<Request<Incoming>>> Service<Request<Incoming>> for RequestService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let headers = std::mem::take(request.headers_mut());
        let names_its_host = names_its_host(request.version(), &headers);
        let context = RequestContext { headers, names_its_host, peer: self.peer, app: self.app.clone() };
        request.extensions_mut().insert(Arc::new(context));
        if let Some(uri) = resolve_alias(request.uri(), &self.app.config.path_aliases) {
            *request.uri_mut() = uri;
        }
        if request.uri().path_and_query().is_none() {
            // CONNECT has only a host, and warp panics without a path.
            *request.uri_mut() = Uri::from_static("/");
        }
        self.routes.call(request)
    }
}

/// Whether a request has exactly one valid `Host` line; HTTP/1.0 needs none (RFC 9112 §3.2). Proxies and Footfall could
/// read different hosts from other requests.
fn names_its_host(version: Version, headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::HOST).iter();
    match (lines.next(), lines.next()) {
        (None, _) => version < Version::HTTP_11,
        (Some(host), None) => {
            host.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]%~".contains(byte))
        }
        (Some(_), Some(_)) => false,
    }
}

/// The built-in address of a path alias; `None` if the path does not begin with an alias.
fn resolve_alias(uri: &Uri, aliases: &PathAliases) -> Option<Uri> {
    let PathAliases { script, endpoint } = aliases;
    if script.is_none() && endpoint.is_none() {
        return None;
    }
    let path = uri.path_and_query()?.as_str().strip_prefix('/')?;
    let below = |alias: &Option<String>| {
        path.strip_prefix(alias.as_deref()?).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    };
    let address = match (below(script), below(endpoint)) {
        (Some(rest), _) => format!("/footfall.js{rest}"),
        (None, Some(rest)) => format!("/v{rest}"),
        (None, None) => return None,
    };
    address.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_replaces_one_path_and_the_paths_below_it() {
        let aliases = PathAliases { script: Some("hello.js".to_owned()), endpoint: Some("hello".to_owned()) };
        let address = |path: &'static str| resolve_alias(&Uri::from_static(path), &aliases).map(|uri| uri.to_string());
        assert_eq!(address("/hello.js"), Some("/footfall.js".to_owned()));
        assert_eq!(address("/hello?x=1"), Some("/v?x=1".to_owned()));
        assert_eq!(address("/hello/example.com.gif"), Some("/v/example.com.gif".to_owned()));
        assert_eq!((address("/hello2"), address("/"), address("/x/hello")), (None, None, None));
        assert_eq!(resolve_alias(&Uri::from_static("/hello"), &PathAliases::default()), None);
    }
}
