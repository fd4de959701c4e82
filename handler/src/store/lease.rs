//! The right to run maintenance, which one instance has at a time. This works behind poolers, which could keep an advisory lock for
//! another client.

use std::time::Duration;

use super::{Checkout, Failure};

/// The maximum number of rows that one step removes.
pub(super) const STEP_ROWS: i64 = 1000;

/// How long other instances leave the work to the one that began it. If that instance dies, they wait for so long.
const LEASE: Duration = Duration::from_mins(5);

/// How many statements may follow each other before the lease is renewed: so few that the lease outlasts their time limits.
const STATEMENTS_OF_A_LEASE: u32 = 12;

/// The right to run maintenance, which one instance has at a time.
pub(super) struct Lease<'c, 'd> {
    checkout: &'c mut Checkout<'d>,
    /// The end of the lease, as the database stores it. It differs from the end of any other lease.
    until: String,
    /// The number of statements since then.
    statements: u32,
}

/// The reason why a run ended early.
pub(super) enum Interruption {
    Failed(Failure),
    /// The lease had ended, and another instance has taken it.
    Superseded,
}

impl From<Failure> for Interruption {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl<'d> Lease<'_, 'd> {
    /// Returns the connection for the next statement, and renews the lease before it would end.
    pub(super) async fn next(&mut self) -> Result<&mut Checkout<'d>, Interruption> {
        if self.statements == STATEMENTS_OF_A_LEASE {
            self.until = take_lease(self.checkout, Some(&self.until)).await?.ok_or(Interruption::Superseded)?;
            self.statements = 0;
        }
        self.statements += 1;
        Ok(self.checkout)
    }
}

/// Takes the lease, or renews the one that is held. Returns its end, or `None` if another instance has it.
async fn take_lease(checkout: &mut Checkout<'_>, held: Option<&str>) -> Result<Option<String>, Failure> {
    checkout
        .run(async |connection| {
            let query = sqlx::query_file_scalar!("queries/take_lease.sql", LEASE.as_secs_f64(), held);
            query.fetch_optional(connection).await
        })
        .await
}

/// Does work while no other instance runs maintenance. Returns `None` if another instance is running it.
pub(super) async fn exclusively<T>(
    checkout: &mut Checkout<'_>,
    work: impl AsyncFnOnce(&mut Lease<'_, '_>) -> Result<T, Interruption>,
) -> Result<Option<T>, Failure> {
    let Some(until) = take_lease(checkout, None).await? else { return Ok(None) };
    let mut lease = Lease { checkout, until, statements: 0 };
    let outcome = match work(&mut lease).await {
        Err(Interruption::Superseded) => return Ok(None),
        Err(Interruption::Failed(failure @ Failure::Lost(_))) => return Err(failure),
        Err(Interruption::Failed(failure)) => Err(failure),
        Ok(done) => Ok(Some(done)),
    };
    let Lease { checkout, until, .. } = lease;
    checkout
        .run(async |connection| {
            let end = sqlx::query!(
                "update setting set maintained_until = null where maintained_until = $1::text::timestamptz",
                until
            );
            end.execute(connection).await
        })
        .await?;
    outcome
}
