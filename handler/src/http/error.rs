//! What goes wrong in answering, and how it is told: problem details (RFC 9457) that say what would be right, and nothing of
//! what went on inside.

use warp::http::{HeaderName, HeaderValue, StatusCode, header};

use super::{HTML, Reply, reply, request::Request};
use crate::{domain::SiteName, domain::statistics::BadQuery, page, reader::ReadError, recorder::RecordError};

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(super) enum Error {
    /// The request can't be right. The text says what would be.
    BadRequest(String),
    /// Statistics are private, and this request does not know the token.
    Private,
    /// The token that was offered in the form, to see this site, is not the one.
    WrongToken(Option<SiteName>),
    /// It is the one, but the browser would drop the cookie.
    NotSecure(Option<SiteName>),
    /// There is nothing here.
    NotFound,
    /// Nothing is counted under this name.
    UnknownSite,
    /// The same, of a visit: only sites that are configured are counted.
    NotConfigured,
    /// A page of another site sent this.
    Foreign,
    /// The body did not come in time.
    TooSlow,
    /// The body is longer than any that is right.
    TooLarge,
    /// These methods would be right.
    MethodNotAllowed(&'static str),
    /// The database is away, or too much is waiting. The text is for the log.
    Unavailable(&'static str),
    /// Our own fault. The text is for the log.
    Internal(&'static str),
}

/// After how many seconds somebody may ask again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::NotSecure(_) => StatusCode::BAD_REQUEST,
            Self::Private | Self::WrongToken(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound | Self::UnknownSite | Self::NotConfigured => StatusCode::NOT_FOUND,
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::BadRequest(detail) => detail.clone(),
            Self::Private => "statistics are private here: sign in at /, send the token as 'Authorization: Bearer …', or open a link that was shared".to_owned(),
            Self::WrongToken(_) => "This is not the token. Look for a character that was left out.".to_owned(),
            Self::NotSecure(_) => "This is the token, but browsers keep the cookie that signs in only over HTTPS: open this page with https:// in front.".to_owned(),
            Self::NotFound => "there is nothing here; the page is at /".to_owned(),
            Self::UnknownSite => "this site is not counted here: name it in FOOTFALL_SITES, or import its log".to_owned(),
            Self::NotConfigured => "this site is not counted here: name it in FOOTFALL_SITES".to_owned(),
            Self::Foreign => "the page that sent this is not one of the site that it names: data-site must be the page's own host; FOOTFALL_SUBDOMAINS=on allows hosts below it".to_owned(),
            Self::TooSlow => "the body did not come in time".to_owned(),
            Self::TooLarge => format!("the body may have at most {} bytes", super::request_body::MAXIMUM_BYTES),
            Self::MethodNotAllowed(allowed) => format!("only {allowed} is possible here"),
            Self::Unavailable(_) => "the database does not answer at the moment; try again in a few seconds".to_owned(),
            Self::Internal(_) => "something went wrong here; the operator's log says what".to_owned(),
        }
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            // A challenge that no browser asks people for by itself: the page has a form.
            Self::Private | Self::WrongToken(_) => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Footfall\"")))
            }
            Self::MethodNotAllowed(allowed) => Some((header::ALLOW, HeaderValue::from_static(allowed))),
            Self::Unavailable(_) => Some((header::RETRY_AFTER, RETRY_AFTER)),
            _ => None,
        }
    }

    /// The answer. Failures of ours are logged, with what correlates them to the host's record of the request.
    pub(super) fn into_reply(self, request: Option<&Request>) -> Reply {
        let status = self.status();
        if status.is_server_error() {
            log(status, &self, request);
        }
        let page = request.filter(|request| request.accepts_html()).and_then(|request| self.page(request));
        let mut reply = match page {
            Some(page) => reply(status, HTML, page),
            None => reply(status, "application/problem+json", self.problem().to_string()),
        };
        reply.headers_mut().extend(self.header());
        reply
    }

    /// What people are shown instead of a problem, where there is such a page.
    fn page(&self, request: &Request) -> Option<String> {
        let status = self.status();
        match self {
            Self::Private => page::render_sign_in(request.site_parameter().as_ref(), None).ok(),
            Self::WrongToken(site) | Self::NotSecure(site) => {
                page::render_sign_in(site.as_ref(), Some(&self.detail())).ok()
            }
            // Who chose the range in the form does not read JSON.
            _ if request.route == "/" && status.is_client_error() => {
                page::render_problem(status.canonical_reason().unwrap_or_default(), &self.detail()).ok()
            }
            _ => None,
        }
    }

    /// What programs are told (RFC 9457).
    fn problem(&self) -> serde_json::Value {
        let status = self.status();
        serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.detail(),
        })
    }

    /// Gives a page that is shown although this went wrong the status and headers of what went wrong.
    pub(super) fn into_page(self, request: &Request, mut page: Reply) -> Reply {
        log(self.status(), &self, Some(request));
        *page.status_mut() = self.status();
        page.headers_mut().extend(self.header());
        page
    }
}

fn log(status: StatusCode, error: &Error, request: Option<&Request>) {
    let problem = match error {
        Error::Internal(problem) | Error::Unavailable(problem) => *problem,
        _ => "refused",
    };
    let route = request.map(|request| request.route);
    let trace_id = request.and_then(Request::trace_id);
    let invocation_id = request.and_then(Request::invocation_id);
    let status = status.as_u16();
    tracing::warn!(event = "request_failed", status, route, trace_id, invocation_id, problem, "a request failed");
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::UnknownSite => Self::UnknownSite,
            ReadError::BadQuery(problem) => problem.into(),
            ReadError::NotRecorded(problem) => problem.into(),
            ReadError::Unavailable => Self::Unavailable("statistics could not be read"),
        }
    }
}

impl From<BadQuery> for Error {
    fn from(problem: BadQuery) -> Self {
        Self::BadRequest(problem.to_string())
    }
}

impl From<RecordError> for Error {
    fn from(problem: RecordError) -> Self {
        match problem {
            RecordError::QueueFull => Self::Unavailable("too many visits are waiting"),
            RecordError::Unavailable => Self::Unavailable("a visit could not be committed in time"),
            RecordError::Rejected => Self::Internal("the database refused a visit"),
        }
    }
}
