//! From hyper to warp: takes off a request what routes want to see of it, once, so that no filter has to copy it.

use std::{net::IpAddr, sync::Arc};

use hyper::{body::Incoming, service::Service};
use warp::{
    Filter, Rejection,
    http::{HeaderMap, Request, Uri},
};

use crate::config::PathAliases;
use crate::http::App;

/// What a request brought along, and what it is answered with.
pub(in crate::http) struct Arrival {
    pub(in crate::http) headers: HeaderMap,
    /// The other end of the connection: a proxy, or, without one, the client.
    pub(in crate::http) peer: IpAddr,
    pub(in crate::http) app: Arc<App>,
}

/// Takes what a request brought along. Every request has it, since [`Arriving`] gave it to it.
pub(in crate::http) fn arrival() -> impl Filter<Extract = (Arc<Arrival>,), Error = Rejection> + Copy {
    warp::ext::get::<Arc<Arrival>>()
}

/// warp's service, for the requests of one connection.
pub(in crate::http) struct Arriving<S> {
    pub(in crate::http) routes: S,
    pub(in crate::http) peer: IpAddr,
    pub(in crate::http) app: Arc<App>,
}

impl<S> Service<Request<Incoming>> for Arriving<S>
where
    S: tower_service::Service<Request<Incoming>> + Copy,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let headers = std::mem::take(request.headers_mut());
        let arrival = Arrival { headers, peer: self.peer, app: self.app.clone() };
        request.extensions_mut().insert(Arc::new(arrival));
        if let Some(usual) = usual_name(request.uri(), &self.app.config.path_aliases) {
            *request.uri_mut() = usual;
        }
        // It wants to be called by one at a time, which it does not need: it is as good as its copy.
        let mut routes = self.routes;
        routes.call(request)
    }
}

/// The path under which the routes know what was asked for under a further name.
fn usual_name(uri: &Uri, names: &PathAliases) -> Option<Uri> {
    let PathAliases { script, endpoint } = names;
    if script.is_none() && endpoint.is_none() {
        return None;
    }
    let asked = uri.path_and_query()?.as_str().strip_prefix('/')?;
    let below = |name: &Option<String>| {
        asked.strip_prefix(name.as_deref()?).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    };
    let usual = match (below(script), below(endpoint)) {
        (Some(rest), _) => format!("/footfall.js{rest}"),
        (None, Some(rest)) => format!("/v{rest}"),
        (None, None) => return None,
    };
    usual.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_further_name_leads_to_what_it_names_and_to_nothing_else() {
        let names = PathAliases { script: Some("hello.js".to_owned()), endpoint: Some("hello".to_owned()) };
        let usual = |path: &'static str| usual_name(&Uri::from_static(path), &names).map(|uri| uri.to_string());
        assert_eq!(usual("/hello.js"), Some("/footfall.js".to_owned()));
        assert_eq!(usual("/hello?x=1"), Some("/v?x=1".to_owned()));
        assert_eq!(usual("/hello/example.com.gif"), Some("/v/example.com.gif".to_owned()));
        assert_eq!((usual("/hello2"), usual("/"), usual("/x/hello")), (None, None, None));
        assert_eq!(usual_name(&Uri::from_static("/hello"), &PathAliases::default()), None);
    }
}
