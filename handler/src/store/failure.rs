//! The kinds of failure that callers distinguish.

use std::{fmt, io::ErrorKind};

/// SQLSTATE codes that the program distinguishes (PostgreSQL manual, appendix A).
const QUERY_CANCELED: &str = "57014";
const CHECK_VIOLATION: &str = "23514";
const READ_ONLY: &str = "25006";
const LOCK_NOT_AVAILABLE: &str = "55P03";
const DEADLOCK_DETECTED: &str = "40P01";
const SERIALIZATION_FAILURE: &str = "40001";

/// The code of a batch that was given up because other instances kept opening and closing periods.
const STALE_KEYS: &str = "stale keys";

/// A failed statement. Contains the kind of failure and never a value, because messages of the database can quote sent values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The connection failed or timed out, or the server requested a retry. The statement may have been applied: send the same
    /// batch again.
    Lost(String),
    /// The server cancelled the statement in time. The statement was not applied; the caller may retry.
    TimedOut(String),
    /// The database rejected the statement. The statement was not applied, and a retry fails again.
    Rejected(String),
    /// The database has another counting mode than the configuration. The text is for the operator.
    ModeMismatch(String),
}

impl Failure {
    /// Classifies an error by its SQLSTATE class.
    pub(super) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                let passing = ["08", "53", "57", "58"].contains(&code.get(..2).unwrap_or_default())
                    || [SERIALIZATION_FAILURE, READ_ONLY].contains(&code.as_str());
                if [QUERY_CANCELED, LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED].contains(&code.as_str()) {
                    Self::TimedOut(code)
                } else if passing {
                    Self::Lost(code)
                } else {
                    Self::Rejected(code)
                }
            }
            // Only a failed TLS handshake has this kind. Its message explains the problem with the server's certificate.
            sqlx::Error::Io(error) if error.kind() == ErrorKind::InvalidData => Self::Lost(format!("tls: {error}")),
            sqlx::Error::Io(error) => Self::Lost(format!("io: {}", error.kind())),
            sqlx::Error::Tls(error) => Self::Lost(format!("tls: {error}")),
            sqlx::Error::Protocol(_) => Self::Lost("protocol".to_owned()),
            sqlx::Error::Configuration(_) => Self::Rejected("configuration".to_owned()),
            sqlx::Error::RowNotFound => Self::Rejected("no row".to_owned()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Rejected("decode".to_owned()),
            sqlx::Error::Encode(_) => Self::Rejected("encode".to_owned()),
            _ => Self::Lost("connection".to_owned()),
        }
    }

    /// The cached keys were stale at every attempt; nothing was applied.
    pub(crate) fn stale_keys() -> Self {
        Self::TimedOut(STALE_KEYS.to_owned())
    }

    /// SQLSTATE, or the kind of failure if the database did not respond.
    pub fn code(&self) -> &str {
        match self {
            Self::Lost(code) | Self::TimedOut(code) | Self::Rejected(code) => code,
            Self::ModeMismatch(_) => "mode mismatch",
        }
    }

    /// Whether the server cancelled the statement because it exceeded its time limit.
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self, Self::TimedOut(code) if code == QUERY_CANCELED)
    }

    /// Whether a row violated a check, or no partition accepts it: the set of its period was dropped.
    pub(crate) fn violates_check(&self) -> bool {
        matches!(self, Self::Rejected(code) if code == CHECK_VIOLATION)
    }

    /// Whether the server is read-only.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Lost(code) if code == READ_ONLY)
    }

    /// Whether the server rejected the role, its password or its token (SQLSTATE class 28).
    pub(super) fn is_login(&self) -> bool {
        self.code().starts_with("28")
    }

    /// Whether the database rejected the data of this batch (SQLSTATE classes 22 and 23, and exceptions of triggers). Other batches
    /// may succeed.
    pub fn is_about_data(&self) -> bool {
        matches!(self, Self::Rejected(code) if ["22", "23", "P0"].contains(&code.get(..2).unwrap_or_default()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(code) => write!(formatter, "the database is unavailable ({code})"),
            Self::TimedOut(code) => write!(formatter, "the database timed out ({code})"),
            Self::Rejected(code) => write!(formatter, "the database rejected the statement ({code})"),
            Self::ModeMismatch(problem) => formatter.write_str(problem),
        }
    }
}

impl std::error::Error for Failure {}
