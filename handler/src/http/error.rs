//! Errors of requests, with status and text. The texts explain how to correct the request, and reveal no internals.

use warp::http::{HeaderName, HeaderValue, StatusCode, header};

use crate::{domain::SiteName, domain::statistics::BadQuery, reader::ReadError, recorder::RecordError};

/// The error of a request.
#[derive(Debug)]
pub(super) enum Error {
    /// The request is invalid. The text explains how to correct it.
    BadRequest(String),
    /// The range of days or its steps are invalid. The text explains how to correct them.
    BadRange(String),
    /// Statistics are private, and the request has no valid token, cookie or link.
    Private,
    /// Statistics are private, and the shared link is not valid: revoked, made with another token, or copied in part.
    EndedLink,
    /// Statistics are private, and Azure could not read the token.
    NoToken,
    /// The sign-in form for this site was sent with a wrong token.
    WrongToken(Option<SiteName>),
    /// The token is valid, but the browser would drop the cookie.
    NotSecure(Option<SiteName>),
    /// The address does not exist.
    NotFound,
    /// The site is neither configured nor imported.
    UnknownSite,
    /// The site is not configured, so its visits do not count.
    NotConfigured,
    /// A page of another site sent this visit.
    Foreign,
    /// A page of another origin sent the form of Footfall's page.
    ForeignForm,
    /// The body did not arrive in time.
    TooSlow,
    /// The body is longer than this many bytes.
    TooLarge(usize),
    /// Only these methods are allowed.
    MethodNotAllowed(&'static str),
    /// Too many queries of the client's network wait for the database.
    TooManyQueries,
    /// The instance sends as many exports as it may.
    TooManyExports,
    /// The database is unavailable, or too many requests are waiting. The text is for the log.
    Unavailable(&'static str),
    /// An internal error. The text is for the log.
    Internal(&'static str),
}

/// Seconds until a client should retry.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

impl Error {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::BadRange(_) | Self::NotSecure(_) => StatusCode::BAD_REQUEST,
            Self::Private | Self::EndedLink | Self::WrongToken(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound | Self::UnknownSite | Self::NotConfigured => StatusCode::NOT_FOUND,
            Self::Foreign | Self::ForeignForm => StatusCode::FORBIDDEN,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyQueries | Self::TooManyExports => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) | Self::NoToken => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The text for the client.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::BadRequest(detail) | Self::BadRange(detail) => detail.clone(),
            Self::Private => {
                "statistics are private here: sign in at /, send the token as 'Authorization: Bearer …', or \
                              open a shared link"
                    .to_owned()
            }
            Self::EndedLink => {
                "the shared link is no longer valid, or was not copied whole: ask the person who sent it".to_owned()
            }
            Self::NoToken => "the dashboard token is unavailable, so statistics are closed; visits count; see the \
                              operator's log"
                .to_owned(),
            Self::WrongToken(_) => "Wrong token. Check that it was copied whole.".to_owned(),
            Self::NotSecure(_) => "The token is valid, but browsers store the cookie only over HTTPS. Open this page \
                                   with https:// in front."
                .to_owned(),
            Self::NotFound => "this address does not exist; the page is at /".to_owned(),
            Self::UnknownSite => {
                "this site is not counted here: add it to FOOTFALL_SITES, or import its log".to_owned()
            }
            Self::NotConfigured => "this site is not counted here: add it to FOOTFALL_SITES".to_owned(),
            Self::Foreign => "this page's host does not belong to the site in data-site; set data-site to the page's \
                              host, or allow subdomains with FOOTFALL_SUBDOMAINS=on"
                .to_owned(),
            Self::ForeignForm => "only Footfall's own page can sign in and out".to_owned(),
            Self::TooSlow => "the body did not arrive in time".to_owned(),
            Self::TooLarge(maximum) => format!("the body may have at most {maximum} bytes"),
            Self::MethodNotAllowed(allowed) => format!("only {allowed} is allowed here"),
            Self::TooManyQueries => {
                "other queries from your network are still waiting for the database; retry in a few seconds".to_owned()
            }
            Self::TooManyExports => "other exports are being sent; retry in a few seconds".to_owned(),
            Self::Unavailable(_) => "the database is unavailable; retry in a few seconds".to_owned(),
            Self::Internal(_) => "internal error; see the operator's log".to_owned(),
        }
    }

    /// The heading of the page for people.
    pub(super) fn heading(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "This address is not valid",
            Self::BadRange(_) => "This range is not valid",
            Self::Private | Self::WrongToken(_) | Self::NotSecure(_) => "Sign in",
            Self::EndedLink => "This link is no longer valid",
            Self::NotFound => "Page not found",
            Self::UnknownSite | Self::NotConfigured => "This site is not counted",
            Self::TooManyQueries | Self::TooManyExports => "Too many requests",
            Self::NoToken | Self::Unavailable(_) => "Temporarily unavailable",
            Self::Internal(_) => "Internal error",
            Self::Foreign | Self::ForeignForm | Self::TooSlow | Self::TooLarge(_) | Self::MethodNotAllowed(_) => {
                "Request refused"
            }
        }
    }

    /// The text for the log.
    pub(super) fn problem(&self) -> &'static str {
        match self {
            Self::Internal(problem) | Self::Unavailable(problem) => problem,
            Self::NoToken => "the dashboard token is unavailable",
            _ => "refused",
        }
    }

    /// The header that belongs to the status.
    pub(super) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            // Browsers show no dialog for `Bearer`, because the page has a form.
            Self::Private | Self::EndedLink | Self::WrongToken(_) => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Footfall\"")))
            }
            Self::MethodNotAllowed(allowed) => Some((header::ALLOW, HeaderValue::from_static(allowed))),
            Self::Unavailable(_) | Self::NoToken | Self::TooManyQueries | Self::TooManyExports => {
                Some((header::RETRY_AFTER, RETRY_AFTER))
            }
            _ => None,
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::UnknownSite => Self::UnknownSite,
            ReadError::BadQuery(problem) => problem.into(),
            ReadError::NotRecorded(problem) => problem.into(),
            ReadError::TooMany => Self::TooManyQueries,
            ReadError::Unavailable => Self::Unavailable("could not read statistics"),
        }
    }
}

impl From<BadQuery> for Error {
    fn from(problem: BadQuery) -> Self {
        let detail = problem.to_string();
        if problem.is_about_range() { Self::BadRange(detail) } else { Self::BadRequest(detail) }
    }
}

impl From<RecordError> for Error {
    fn from(problem: RecordError) -> Self {
        match problem {
            RecordError::QueueFull => Self::Unavailable("too many visits are waiting"),
            RecordError::Unavailable => Self::Unavailable("could not commit a visit in time"),
            RecordError::Rejected => Self::Internal("the database rejected a visit"),
        }
    }
}
