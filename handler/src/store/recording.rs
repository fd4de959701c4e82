//! What the recorder writes.

use jiff::Timestamp;
use sqlx::{Connection as _, PgConnection};

use super::{
    Checkout, Failure,
    batch::{Batch, Columns, Part},
};
use crate::domain::{Day, Fingerprint, Forget, Period, Salt, SiteName};

/// What became of a batch. It is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was applied now. Named are the fingerprints that came too late to be placed, by the place of their part.
    Applied(Vec<(usize, Fingerprint)>),
    /// It was applied when it was sent before; named are the same.
    AppliedBefore(Vec<(usize, Fingerprint)>),
    /// Somebody else had counted the log up to its checkpoint.
    CountedBefore,
    /// Nothing was applied: the sender did not know which periods are open.
    StaleKeys,
}

/// Commits a batch.
///
/// One day in a period after which none is open yet takes one statement, and a smaller one if nobody in it may be new. Anything else
/// takes a lock first that lets no other batch run beside it: its visitors' days are looked up in two periods, and its parts touch
/// counters in an order of their own. So does a day that may come too late: whether it does, it tells by what others have committed
/// before.
/// A chunk of a log that somebody else has counted leaves nothing behind, not even its id: sent again, it must get the same answer.
pub async fn commit(checkout: &mut Checkout<'_>, batch: &Batch, forget: Forget) -> Result<Outcome, Failure> {
    let is_alone = |part: &Part| {
        part.sites.iter().all(|site| site.next_is_open != Some(true))
            && part.visitors.iter().all(|visitor| visitor.late_views.is_none())
    };
    let brings_views_only = |part: &Part| part.visitors.is_empty() && batch.checkpoint.is_none();
    let (outcome, clock_seconds) = match batch.parts.as_slice() {
        [part] if brings_views_only(part) => {
            checkout.run(async |connection| apply_views(connection, batch, part).await).await?
        }
        [part] if is_alone(part) && batch.checkpoint.is_none() => {
            checkout.run(async |connection| apply(connection, batch, 0, part, forget).await).await?
        }
        parts => {
            let needs_lock = parts.len() > 1 || !parts.iter().all(is_alone);
            checkout.run(async |connection| apply_all(connection, batch, forget, needs_lock).await).await?
        }
    };
    if let Some(seconds) = clock_seconds {
        checkout.observe_clock(seconds);
    }
    Ok(outcome)
}

/// Applies a part that brings nobody who may be new.
async fn apply_views(
    connection: &mut PgConnection,
    batch: &Batch,
    part: &Part,
) -> sqlx::Result<(Outcome, Option<f64>)> {
    let columns = Columns::of(part, &[], None);
    let row = sqlx::query_file!(
        "queries/commit_views.sql",
        part.id,
        batch.finished.as_slice(),
        part.day.number(),
        &columns.counter_site,
        &columns.counter_dimension,
        columns.counter_value.as_slice() as &[&str],
        &columns.counter_pageviews,
        &columns.minute_site,
        &columns.minute,
        &columns.minute_pageviews,
    )
    .fetch_one(connection)
    .await?;
    let outcome = if row.applied { Outcome::Applied(Vec::new()) } else { Outcome::AppliedBefore(Vec::new()) };
    Ok((outcome, Some(row.clock_seconds)))
}

async fn apply_all(
    connection: &mut PgConnection,
    batch: &Batch,
    forget: Forget,
    needs_lock: bool,
) -> sqlx::Result<(Outcome, Option<f64>)> {
    let mut transaction = connection.begin().await?;
    if needs_lock {
        sqlx::query!("lock table only seen in share row exclusive mode").execute(&mut *transaction).await?;
    }
    let (mut late, mut clock_seconds, mut was_applied_before) = (Vec::new(), None, false);
    for (place, part) in batch.parts.iter().enumerate() {
        let (outcome, seconds) = apply(&mut transaction, batch, place, part, forget).await?;
        match outcome {
            // Parts are committed together, so all of them say the same.
            Outcome::Applied(fingerprints) => late.extend(fingerprints),
            Outcome::AppliedBefore(fingerprints) => {
                late.extend(fingerprints);
                was_applied_before = true;
            }
            otherwise => {
                transaction.rollback().await?;
                return Ok((otherwise, seconds));
            }
        }
        clock_seconds = seconds;
    }
    transaction.commit().await?;
    let outcome = if was_applied_before { Outcome::AppliedBefore(late) } else { Outcome::Applied(late) };
    Ok((outcome, clock_seconds))
}

/// Applies one part. The first one also carries what does not belong to a day.
async fn apply(
    connection: &mut PgConnection,
    batch: &Batch,
    place: usize,
    part: &Part,
    forget: Forget,
) -> sqlx::Result<(Outcome, Option<f64>)> {
    let (registers, checkpoint) =
        if place == 0 { (batch.registers.as_slice(), batch.checkpoint.as_ref()) } else { (&[][..], None) };
    let columns = Columns::of(part, registers, checkpoint);
    let row = sqlx::query_file!(
        "queries/commit_batch.sql",
        part.id,
        batch.finished.as_slice(),
        forget.period(part.day).number(),
        part.day.number(),
        forget.first_day(part.day, -1).number() - 1,
        forget.first_day(part.day, 1).number() - 1,
        day_in_period(part.day, forget),
        &columns.site,
        columns.previous_is_open.as_slice() as &[Option<bool>],
        columns.next_is_open.as_slice() as &[Option<bool>],
        &columns.fingerprint,
        &columns.cohort,
        columns.previous.as_slice() as &[Option<i64>],
        columns.next.as_slice() as &[Option<i64>],
        columns.late_views.as_slice() as &[Option<i32>],
        &columns.link_cohort,
        &columns.link_counter,
        &columns.link_role,
        &columns.counter_site,
        &columns.counter_dimension,
        columns.counter_value.as_slice() as &[&str],
        &columns.counter_pageviews,
        &columns.register_site,
        &columns.register,
        &columns.register_rank,
        &columns.checkpoint_site,
        columns.checkpoint_digest.as_slice() as &[&[u8]],
        &columns.checkpoint_bytes,
        &columns.minute_site,
        &columns.minute,
        &columns.minute_pageviews,
    )
    .fetch_one(connection)
    .await?;
    let late = row.late.into_iter().map(|fingerprint| (place, Fingerprint(fingerprint))).collect();
    let outcome = if row.applied {
        Outcome::Applied(late)
    } else if row.stale_keys {
        Outcome::StaleKeys
    } else if row.known_id {
        Outcome::AppliedBefore(late)
    } else {
        Outcome::CountedBefore
    };
    Ok((outcome, Some(row.clock_seconds)))
}

/// Which day of its period a day is, from 1.
fn day_in_period(day: Day, forget: Forget) -> i16 {
    i16::try_from(day.number() - forget.first_day(day, 0).number() + 1).expect("a period has at most 31 days")
}

/// A site as the database has it.
pub struct OpenedSite {
    /// Its id.
    pub id: i32,
    /// The salt of its all-time estimate, if one is kept.
    pub salt: Option<Salt>,
}

/// Finds a site by its name, or makes it. `offered` becomes the salt of its all-time estimate if it has none.
pub async fn open_site(
    checkout: &mut Checkout<'_>,
    name: &SiteName,
    offered: Option<Salt>,
) -> Result<OpenedSite, Failure> {
    let offered = offered.as_ref().map(|salt| salt.0.as_slice());
    checkout
        .run(async |connection| {
            let row = sqlx::query_file!("queries/open_site.sql", &**name, offered).fetch_one(connection).await?;
            let salt = row.salt.map(|salt| salt.try_into().map(Salt)).transpose();
            Ok(OpenedSite { id: row.id, salt: salt.map_err(|_| sqlx::Error::Decode("a salt has 32 bytes".into()))? })
        })
        .await
}

/// Opens the period of a day for a site: answers the salt that holds for all instances, and makes the set. `None` if the period
/// has been closed: its salt is forgotten, and nobody new can be told from those counted before. With `lease_until`, this period and
/// the one before are kept until then at least.
pub async fn open_period(
    checkout: &mut Checkout<'_>,
    site: i32,
    day: Day,
    forget: Forget,
    offered: Salt,
    keep_until: Timestamp,
    lease_until: Option<Timestamp>,
) -> Result<Option<Salt>, Failure> {
    let period = forget.period(day).number();
    let seconds = |instant: Timestamp| instant.as_duration().as_secs_f64();
    checkout
        .run(async |connection| {
            let salt = sqlx::query_scalar!(
                "select open_period($1, $2, $3, $4, to_timestamp($5), to_timestamp($6))",
                site,
                period,
                forget.reach(),
                offered.0.as_slice(),
                seconds(keep_until),
                lease_until.map(seconds)
            )
            .fetch_one(&mut *connection)
            .await?;
            if salt.is_some() {
                sqlx::query!("select open_set($1)", period).execute(connection).await?;
            }
            Ok(salt.and_then(|bytes| bytes.try_into().ok()).map(Salt))
        })
        .await
}

/// The salt of a site's period, if it is open.
pub async fn read_period(checkout: &mut Checkout<'_>, site: i32, period: Period) -> Result<Option<Salt>, Failure> {
    checkout
        .run(async |connection| {
            let query = sqlx::query_file_scalar!("queries/read_period.sql", site, period.number());
            let salt = query.fetch_optional(connection).await?;
            Ok(salt.and_then(|bytes| bytes.try_into().ok()).map(Salt))
        })
        .await
}
