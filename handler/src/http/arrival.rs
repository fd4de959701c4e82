//! From hyper to warp: takes off a request what routes want to see of it, once, so that no filter has to copy it.

use std::{net::IpAddr, sync::Arc};

use hyper::{body::Incoming, service::Service};
use warp::{
    Filter, Rejection,
    http::{HeaderMap, Request},
};

use super::App;

/// What a request brought along, and what it is answered with.
pub(super) struct Arrival {
    pub(super) headers: HeaderMap,
    /// The other end of the connection: a proxy, or, without one, the client.
    pub(super) peer: IpAddr,
    pub(super) app: Arc<App>,
}

/// Takes what a request brought along. Every request has it, since [`Arriving`] gave it to it.
pub(super) fn arrival() -> impl Filter<Extract = (Arc<Arrival>,), Error = Rejection> + Copy {
    warp::ext::get::<Arc<Arrival>>()
}

/// warp's service, for the requests of one connection.
pub(super) struct Arriving<S> {
    pub(super) routes: S,
    pub(super) peer: IpAddr,
    pub(super) app: Arc<App>,
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
        // It wants to be called by one at a time, which it does not need: it is as good as its copy.
        let mut routes = self.routes;
        routes.call(request)
    }
}
