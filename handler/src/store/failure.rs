//! The kinds of failure that callers distinguish.

use std::{borrow::Cow, fmt, io::ErrorKind, sync::Arc};

/// A SQLSTATE: five characters, of which the first two are the class (PostgreSQL manual, appendix A).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SqlState([u8; 5]);

impl SqlState {
    const CHECK_VIOLATION: Self = Self(*b"23514");
    const DUPLICATE_STATEMENT: Self = Self(*b"42P05");
    const DEADLOCK_DETECTED: Self = Self(*b"40P01");
    /// Citus reports a lost worker with this code. It also stands for a code that is not a SQLSTATE.
    const INTERNAL_ERROR: Self = Self(*b"XX000");
    const LOCK_NOT_AVAILABLE: Self = Self(*b"55P03");
    const PROTOCOL_VIOLATION: Self = Self(*b"08P01");
    const QUERY_CANCELED: Self = Self(*b"57014");
    const READ_ONLY: Self = Self(*b"25006");
    const SERIALIZATION_FAILURE: Self = Self(*b"40001");
    const UNKNOWN_STATEMENT: Self = Self(*b"26000");

    fn of(code: &str) -> Self {
        code.as_bytes().try_into().map_or(Self::INTERNAL_ERROR, Self)
    }

    fn class(self) -> [u8; 2] {
        [self.0[0], self.0[1]]
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The cause of a failure. Contains no value, because messages of the database can quote sent values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The database returned an error.
    Sql(SqlState),
    /// The connection failed.
    Io(ErrorKind),
    /// The TLS handshake failed. The text explains the problem with the server's certificate.
    Tls(String),
    /// The program ended the work: the text names the phase, for example `logging in timed out`.
    Phase(Cow<'static, str>),
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(state) => state.fmt(formatter),
            Self::Io(kind) => write!(formatter, "io: {kind}"),
            Self::Tls(problem) => write!(formatter, "tls: {problem}"),
            Self::Phase(phase) => formatter.write_str(phase),
        }
    }
}

/// A lost connection: the cause, and the database if the failure belongs to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    cause: Cause,
    /// See [`crate::config::DatabaseConfig::place`].
    place: Option<Arc<str>>,
}

/// A failed statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The connection failed or timed out, or the server lost a worker or requested a retry. The statement may have been applied: send the same
    /// batch again.
    Lost(Loss),
    /// The server cancelled the statement in time. The statement was not applied; the caller may retry.
    TimedOut(Cause),
    /// The cached keys are stale, because other instances open and close periods, or add values. Nothing was applied; the caller may
    /// retry.
    StaleKeys,
    /// The database rejected the statement. The statement was not applied, and a retry fails again.
    Rejected(Cause),
    /// The database has another counting mode than the configuration. The text is for the operator.
    ModeMismatch(String),
}

impl Failure {
    /// Classifies an error by its SQLSTATE class.
    pub(super) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(database) => {
                let state = SqlState::of(&database.code().unwrap_or_default());
                let cause = Cause::Sql(state);
                match state {
                    SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE | SqlState::DEADLOCK_DETECTED => {
                        Self::TimedOut(cause)
                    }
                    SqlState::CHECK_VIOLATION if is_of_stale_keys(database.as_ref()) => Self::StaleKeys,
                    SqlState::SERIALIZATION_FAILURE | SqlState::READ_ONLY | SqlState::INTERNAL_ERROR => cause.into(),
                    _ if [*b"08", *b"53", *b"57", *b"58"].contains(&state.class()) => cause.into(),
                    _ => Self::Rejected(cause),
                }
            }
            // Only a failed TLS handshake has this kind.
            sqlx::Error::Io(error) if error.kind() == ErrorKind::InvalidData => Cause::Tls(error.to_string()).into(),
            // The standard library has no kind for it.
            sqlx::Error::Io(error) if error.to_string().starts_with("failed to lookup address information") => {
                Cause::Phase("the host name has no address".into()).into()
            }
            sqlx::Error::Io(error) => Cause::Io(error.kind()).into(),
            sqlx::Error::Tls(error) => Cause::Tls(error.to_string()).into(),
            sqlx::Error::Protocol(_) => Self::lost("protocol"),
            sqlx::Error::Configuration(_) => Self::rejected("configuration"),
            sqlx::Error::RowNotFound => Self::rejected("no row"),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::rejected("decode"),
            sqlx::Error::Encode(_) => Self::rejected("encode"),
            _ => Self::lost("connection"),
        }
    }

    /// The work was lost in a phase of the program, for example while waiting for a task that ended.
    pub(crate) fn lost(phase: impl Into<Cow<'static, str>>) -> Self {
        Cause::Phase(phase.into()).into()
    }

    /// The same failure as a lost connection.
    pub(super) fn into_lost(self) -> Self {
        self.cause().into()
    }

    /// Adds the place of the database to a lost connection, so that its text names the database.
    pub(super) fn at(self, place: &Arc<str>) -> Self {
        match self {
            Self::Lost(loss) => Self::Lost(Loss { place: Some(place.clone()), ..loss }),
            other => other,
        }
    }

    /// A retry of this phase fails again.
    pub(super) fn rejected(phase: &'static str) -> Self {
        Self::Rejected(Cause::Phase(phase.into()))
    }

    /// SQLSTATE, or the kind of failure if the database did not respond.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Lost(loss) => loss.cause.clone(),
            Self::TimedOut(cause) | Self::Rejected(cause) => cause.clone(),
            Self::StaleKeys => Cause::Phase("stale keys".into()),
            Self::ModeMismatch(_) => Cause::Phase("mode mismatch".into()),
        }
    }

    /// Whether a retry may succeed.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::TimedOut(_) | Self::StaleKeys)
    }

    /// Whether the server cancelled the statement because it exceeded its time limit.
    pub(crate) fn is_cancelled(&self) -> bool {
        *self == Self::TimedOut(Cause::Sql(SqlState::QUERY_CANCELED))
    }

    /// Whether the statement does not fit the schema, for example because a table is missing (SQLSTATE class 42).
    pub(super) fn is_about_schema(&self) -> bool {
        matches!(self, Self::Rejected(Cause::Sql(state)) if state.class() == *b"42")
    }

    /// Whether the server is read-only.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Lost(_)) && self.cause() == Cause::Sql(SqlState::READ_ONLY)
    }

    /// Whether the server rejected the role, its password or its token (SQLSTATE class 28).
    pub(super) fn is_login(&self) -> bool {
        matches!(self.cause(), Cause::Sql(state) if state.class() == *b"28")
    }

    /// Whether a pooler gave this connection a session with other prepared statements. The driver never removes or repeats one.
    pub fn loses_statements(&self) -> bool {
        let states = [SqlState::DUPLICATE_STATEMENT, SqlState::UNKNOWN_STATEMENT];
        matches!(self.cause(), Cause::Sql(state) if states.contains(&state))
    }

    /// Whether a pooler rejected the login. The server itself accepts the driver's messages.
    pub fn is_of_pooler(&self) -> bool {
        self.cause() == Cause::Sql(SqlState::PROTOCOL_VIOLATION)
    }

    /// Whether the database rejected the data of this batch (SQLSTATE classes 22 and 23, and exceptions of triggers). Other batches
    /// may succeed.
    pub fn is_about_data(&self) -> bool {
        matches!(self, Self::Rejected(Cause::Sql(state)) if [*b"22", *b"23", *b"P0"].contains(&state.class()))
    }
}

/// Whether a violated check means that cached keys are stale. A row that no partition accepts violates a check without a name: the
/// set of its period was dropped. The table `addition` rejects the values that a network has added through another instance.
fn is_of_stale_keys(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.constraint().is_none() || error.table() == Some("addition")
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self::Lost(Loss { cause, place: None })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(Loss { cause, place: Some(place) }) => {
                write!(formatter, "the database {place} is unavailable ({cause})")
            }
            Self::Lost(Loss { cause, place: None }) => write!(formatter, "the database is unavailable ({cause})"),
            Self::TimedOut(cause) => write!(formatter, "the database timed out ({cause})"),
            Self::StaleKeys => {
                formatter.write_str("other instances keep opening and closing periods, or adding values")
            }
            Self::Rejected(cause) if self.loses_statements() => {
                write!(formatter, "a pooler lost a prepared statement ({cause}): handler doctor shows the remedy")
            }
            Self::Rejected(cause) => write!(formatter, "the database rejected the statement ({cause})"),
            Self::ModeMismatch(problem) => formatter.write_str(problem),
        }
    }
}

impl std::error::Error for Failure {}
