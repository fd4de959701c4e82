//! Why a caller gets no numbers.

use crate::domain::statistics::BadQuery;

/// Why there is no reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The site has no counts and is not configured.
    #[error("this site is not counted here")]
    UnknownSite,
    /// The query is invalid.
    #[error(transparent)]
    BadQuery(#[from] BadQuery),
    /// The visit that the numbers should include was not recorded.
    #[error(transparent)]
    NotRecorded(#[from] RecordError),
    /// Too many queries of the caller's network wait. The visit, if there was one, is recorded.
    #[error("too many queries of this network are waiting")]
    TooMany,
    /// The database is unavailable.
    #[error("the database is not available")]
    Unavailable,
}

impl ReadError {
    /// Whether another attempt may succeed, so that the last known numbers are better than none.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::TooMany | Self::Unavailable | Self::NotRecorded(_))
    }
}

/// Why a visit was not recorded, or its outcome is unknown. Defined here because a visitor waits on one channel, which the
/// recorder hands to the reader after the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// More visits wait than can be committed in time.
    #[error("too many visits are waiting")]
    QueueFull,
    /// The database did not commit in time. A retry may succeed.
    #[error("the database is not available")]
    Unavailable,
    /// The database rejected this visit and committed the rest of its batch. A retry fails, too.
    #[error("the database rejected the visit")]
    Rejected,
}
