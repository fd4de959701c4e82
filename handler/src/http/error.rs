//! Errors of requests, with status and text. The texts explain how to correct the request, and reveal no internals. Programs
//! get them in English.

use warp::http::{HeaderName, HeaderValue, StatusCode, header};

use crate::{domain::SiteName, domain::statistics::BadQuery, reader::ReadError, recorder::RecordError, texts::Text};

/// The error of a request.
#[derive(Debug)]
pub(super) enum Error {
    /// The request is invalid. The text explains how to correct it.
    BadRequest(Text),
    /// The range of days or its steps are invalid. The text explains how to correct them.
    BadRange(Text),
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
    pub(super) fn detail(&self) -> Text {
        Text::new(match self {
            Self::BadRequest(detail) | Self::BadRange(detail) => return detail.clone(),
            Self::TooLarge(maximum) => return Text::new("errors.too_large").with("maximum", maximum),
            Self::MethodNotAllowed(allowed) => return Text::new("errors.method").with("allowed", allowed),
            Self::Private => "errors.private",
            Self::EndedLink => "errors.ended_link",
            Self::NoToken => "errors.no_token",
            Self::WrongToken(_) => "errors.wrong_token",
            Self::NotSecure(_) => "errors.not_secure",
            Self::NotFound => "errors.not_found",
            Self::UnknownSite => "errors.unknown_site",
            Self::NotConfigured => "errors.not_configured",
            Self::Foreign => "errors.foreign",
            Self::ForeignForm => "errors.foreign_form",
            Self::TooSlow => "errors.too_slow",
            Self::TooManyQueries => "errors.too_many_queries",
            Self::TooManyExports => "errors.too_many_exports",
            Self::Unavailable(_) => "errors.unavailable",
            Self::Internal(_) => "errors.internal",
        })
    }

    /// The heading of the page for people.
    pub(super) fn heading(&self) -> Text {
        Text::new(match self {
            Self::BadRequest(_) => "problems.address",
            Self::BadRange(_) => "problems.range",
            Self::Private | Self::WrongToken(_) | Self::NotSecure(_) => "problems.sign_in",
            Self::EndedLink => "problems.ended_link",
            Self::NotFound => "problems.not_found",
            Self::UnknownSite | Self::NotConfigured => "problems.unknown_site",
            Self::TooManyQueries | Self::TooManyExports => "problems.too_many",
            Self::NoToken | Self::Unavailable(_) => "problems.unavailable",
            Self::Internal(_) => "problems.internal",
            Self::Foreign | Self::ForeignForm | Self::TooSlow | Self::TooLarge(_) | Self::MethodNotAllowed(_) => {
                "problems.refused"
            }
        })
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
        let detail = problem.text();
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
