//! Replies to failed requests: problem details for programs (RFC 9457), pages for people.

use serde_json::{Value, json};

use super::{
    error::Error,
    reply::{Reply, html, reply, vary},
    request::Request,
};
use crate::{
    page::{self, Problem, WayBack},
    texts::{Texts, english},
};

impl Error {
    /// Makes the reply. Logs server errors.
    pub(super) fn into_reply(self, request: Option<&Request>) -> Reply {
        let status = self.status();
        log(&self, request);
        let page = request.filter(|request| request.accepts_html()).and_then(|request| {
            let texts = request.texts();
            Some(vary(html(status, page(&self, request, texts)?, texts), "accept"))
        });
        let mut reply = match page {
            Some(page) => page,
            None => reply(status, "application/problem+json", problem_details(&self).to_string()),
        };
        reply.headers_mut().extend(self.header());
        reply
    }

    /// Shows a page in spite of the error, with the status and header of the error.
    pub(super) fn into_page(self, request: &Request, mut page: Reply) -> Reply {
        log(&self, Some(request));
        *page.status_mut() = self.status();
        page.headers_mut().extend(self.header());
        page
    }
}

/// The page for an error.
fn page(error: &Error, request: &Request, texts: &'static Texts) -> Option<String> {
    let site = request.site_parameter();
    match error {
        Error::Private => page::render_sign_in(texts, site.as_ref(), None).ok(),
        Error::WrongToken(site) | Error::NotSecure(site) => {
            page::render_sign_in(texts, site.as_ref(), Some(&error.detail().within(texts))).ok()
        }
        _ => {
            let way_back = match (error, &site) {
                (Error::EndedLink, _) => WayBack::SignIn(site.as_ref()),
                (Error::BadRequest(_) | Error::BadRange(_), Some(site)) => {
                    WayBack::Site { site, share: request.parameter("share") }
                }
                _ => WayBack::Start,
            };
            let (heading, detail) = (error.heading().within(texts), error.detail().within(texts));
            page::render_problem(texts, &Problem { heading: &heading, detail: &detail, way_back }).ok()
        }
    }
}

fn problem_details(error: &Error) -> Value {
    let status = error.status();
    json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": error.detail().within(english()),
    })
}

/// Logs a server error, with the ids of the request in the host's log.
fn log(error: &Error, request: Option<&Request>) {
    if !error.status().is_server_error() {
        return;
    }
    let route = request.map(|request| request.route.path);
    let trace_id = request.and_then(Request::trace_id);
    let invocation_id = request.and_then(Request::invocation_id);
    let (status, problem) = (error.status().as_u16(), error.problem());
    tracing::warn!(event = "request_failed", status, route, trace_id, invocation_id, problem, "a request failed");
}
