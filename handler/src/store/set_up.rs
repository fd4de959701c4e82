//! The set-up of a session, in one round trip: limits, counting mode, applied migrations, and the origin of the data.

use sqlx::{AssertSqlSafe, FromRow as _, PgConnection};

use super::{Failure, StatementLimits, migration};
use crate::domain::CountingMode;

/// The result of the set-up.
pub(super) enum SetUp {
    /// The session can be used.
    Ready {
        /// The database's clock, in Unix seconds.
        clock_seconds: f64,
        origin: Origin,
        /// Whether the time zone of the database can't change any more.
        has_fixed_zone: bool,
    },
    /// A migration is missing. The failure counts if migrating does not help.
    Outdated(Failure),
}

/// Identifies the copy of the data that a session reads. Two sessions with the same origin read the same tables of a server that
/// neither restarted nor crashed in between.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Origin(String);

/// A row of the text: one for each migration, or one without a migration.
#[derive(sqlx::FromRow)]
struct Found {
    time_zone: String,
    forget: String,
    clock_microseconds: i64,
    encoding: String,
    has_fixed_zone: bool,
    origin: String,
    version: Option<i64>,
    checksum: Option<String>,
}

/// Sets up a session. If `replaces_mode` is true, the counting mode replaces the stored one as far as that is not fixed.
pub(super) async fn set_up(
    connection: &mut PgConnection,
    limits: StatementLimits,
    counting_mode: &CountingMode,
    replaces_mode: bool,
) -> Result<SetUp, Failure> {
    let rows = sqlx::raw_sql(AssertSqlSafe(text(limits, counting_mode, replaces_mode))).fetch_all(connection).await;
    let found = rows.and_then(|rows| rows.iter().map(Found::from_row).collect::<sqlx::Result<Vec<_>>>());
    match found.map_err(|error| Failure::of(&error)) {
        Ok(found) => examine(found, counting_mode),
        // Without its tables, the database fails the whole text.
        Err(failure) if failure.is_about_schema() => Ok(SetUp::Outdated(failure)),
        Err(failure) => Err(failure),
    }
}

fn text(limits: StatementLimits, counting_mode: &CountingMode, replaces_mode: bool) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    format!(
        include_str!("../../queries/set_up_session.sql"),
        settings = limits.settings(),
        time_zone = quoted(counting_mode.zone_name()),
        forget = quoted(counting_mode.forget.name()),
        own_site = quoted(&counting_mode.own_site),
        replaces = replaces_mode
    )
}

fn examine(mut found: Vec<Found>, counting_mode: &CountingMode) -> Result<SetUp, Failure> {
    let applied: Vec<_> = found.iter_mut().filter_map(|row| row.version.zip(row.checksum.take())).collect();
    let Found { time_zone, forget, clock_microseconds, encoding, has_fixed_zone, origin, .. } =
        found.pop().ok_or(Failure::rejected("no row"))?;
    migration::check_encoding(&encoding)?;
    if !migration::are_applied(&applied)? {
        return Ok(SetUp::Outdated(Failure::rejected("a migration is missing")));
    }
    let differs = |variable: &str, stored: &str, configured: &str| {
        Failure::ModeMismatch(format!(
            "{variable} is '{configured}', but this database has counted with '{stored}': set it back, or use another database"
        ))
    };
    if time_zone != counting_mode.zone_name() {
        return Err(differs("FOOTFALL_TIMEZONE", &time_zone, counting_mode.zone_name()));
    }
    if forget != counting_mode.forget.name() {
        return Err(differs("FOOTFALL_FORGET", &forget, counting_mode.forget.name()));
    }
    let (clock_seconds, origin) = (clock_microseconds as f64 / 1e6, Origin(origin));
    Ok(SetUp::Ready { clock_seconds, origin, has_fixed_zone })
}
