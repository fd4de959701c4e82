//! The statements of the recorder.

use jiff::Timestamp;
use sqlx::{Connection as _, PgConnection};

use super::{
    Addition, Batch, Checkout, Checkpoint, Counter, Failure, Link, MinuteViews, Part, Register, SiteId, SitePeriods,
    Visitor,
};
use crate::domain::{Day, Fingerprint, Forget, Period, Salt, SiteName};

/// The durable outcome of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The batch was applied now. Lists the fingerprints that were too late, with the index of their part.
    Applied(Vec<(usize, Fingerprint)>),
    /// An earlier attempt applied the batch. Lists the late fingerprints too.
    AppliedBefore(Vec<(usize, Fingerprint)>),
    /// Another import had counted the log up to the checkpoint.
    CountedBefore,
    /// Nothing was applied, because the sender's list of open periods was outdated.
    StaleKeys,
}

/// Commits a batch.
///
/// A batch of one day takes one statement if the next period is not open. The statement is smaller if no visitor can be new.
///
/// Other batches first take a lock that excludes other batches. Their visitors are looked up in two periods, or their parts write
/// counters in a different order, or their day may be late. A late day is compared with the commits of other batches.
///
/// A chunk of a log that another import has counted stores nothing, not even its id, so that a resend has the same outcome.
pub async fn commit(checkout: &mut Checkout<'_>, batch: &Batch, forget: Forget) -> Result<Outcome, Failure> {
    let brings_views_only =
        |part: &Part| part.visitors.is_empty() && part.additions.is_empty() && batch.checkpoint.is_none();
    let (outcome, clock_seconds) = match batch.parts.as_slice() {
        [part] if brings_views_only(part) => {
            checkout.run(async |connection| apply_views(connection, batch, part).await).await?
        }
        [part] if is_alone(part) && batch.checkpoint.is_none() => {
            checkout.run(async |connection| apply(connection, batch, 0, part, forget).await).await?
        }
        _ => checkout.run(async |connection| apply_all(connection, batch, forget).await).await?,
    };
    if let Some(seconds) = clock_seconds {
        checkout.observe_clock(seconds);
    }
    Ok(outcome)
}

/// Whether a part may be applied while other batches are.
fn is_alone(part: &Part) -> bool {
    part.sites.iter().all(|site| site.next_is_open != Some(true))
        && part.visitors.iter().all(|visitor| visitor.late_views.is_none())
}

/// Applies a part in which no visitor can be new.
async fn apply_views(
    connection: &mut PgConnection,
    batch: &Batch,
    part: &Part,
) -> sqlx::Result<(Outcome, Option<f64>)> {
    let row = sqlx::query_file!(
        "queries/commit_views.sql",
        part.id,
        batch.finished.as_slice(),
        part.day.number(),
        part.counters.as_slice() as &[Counter],
        part.minutes.as_slice() as &[MinuteViews],
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
) -> sqlx::Result<(Outcome, Option<f64>)> {
    let mut transaction = connection.begin().await?;
    if batch.parts.len() > 1 || !batch.parts.iter().all(is_alone) {
        sqlx::query!("lock table only seen in share row exclusive mode").execute(&mut *transaction).await?;
    }
    let (mut late, mut clock_seconds, mut was_applied_before) = (Vec::new(), None, false);
    for (place, part) in batch.parts.iter().enumerate() {
        let (outcome, seconds) = apply(&mut transaction, batch, place, part, forget).await?;
        match outcome {
            // Parts are committed together, so all of them have the same outcome.
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

/// Applies one part. The first part also contains the registers and the checkpoint, which belong to no day.
async fn apply(
    connection: &mut PgConnection,
    batch: &Batch,
    place: usize,
    part: &Part,
    forget: Forget,
) -> sqlx::Result<(Outcome, Option<f64>)> {
    let (registers, checkpoint) =
        if place == 0 { (batch.registers.as_slice(), batch.checkpoint.as_slice()) } else { Default::default() };
    let row = sqlx::query_file!(
        "queries/commit_batch.sql",
        part.id,
        batch.finished.as_slice(),
        forget.period(part.day).number(),
        part.day.number(),
        forget.first_day(part.day, -1).number() - 1,
        forget.first_day(part.day, 1).number() - 1,
        day_in_period(part.day, forget),
        part.sites.as_slice() as &[SitePeriods],
        part.visitors.as_slice() as &[Visitor],
        part.links.as_slice() as &[Link],
        part.counters.as_slice() as &[Counter],
        registers as &[Register],
        checkpoint as &[Checkpoint],
        part.minutes.as_slice() as &[MinuteViews],
        part.additions.as_slice() as &[Addition],
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

/// The number of a day within its period, from 1.
fn day_in_period(day: Day, forget: Forget) -> i16 {
    i16::try_from(day.number() - forget.first_day(day, 0).number() + 1).expect("a period has at most 31 days")
}

/// A site in the database.
pub struct OpenedSite {
    /// The site's id.
    pub id: SiteId,
    /// The salt of its all-time estimate, if one is kept.
    pub salt: Option<Salt>,
}

/// Finds a site by name, or creates it. `offered` becomes the salt of the all-time estimate if the site has none.
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
            Ok(OpenedSite {
                id: SiteId(row.id),
                salt: salt.map_err(|_| sqlx::Error::Decode("a salt has 32 bytes".into()))?,
            })
        })
        .await
}

/// A site's period to open, with the salt that a new period gets.
pub struct PeriodOffer {
    /// The site.
    pub site: SiteId,
    /// A day of the period.
    pub day: Day,
    /// The rule that gives the period of the day.
    pub forget: Forget,
    /// The salt, unless another instance has already opened the period.
    pub salt: Salt,
    /// The end of the time in which visitors of the period are distinguished.
    pub keep_until: Timestamp,
    /// Keeps this period and the previous period open at least until then.
    pub lease_until: Option<Timestamp>,
}

/// Opens a period, and creates its set. Returns the salt that all instances use. Returns `None` if the period was closed: its salt
/// is forgotten, so new visitors can't be distinguished from counted visitors.
pub async fn open_period(checkout: &mut Checkout<'_>, offer: &PeriodOffer) -> Result<Option<Salt>, Failure> {
    let period = offer.forget.period(offer.day).number();
    let seconds = |instant: Timestamp| instant.as_duration().as_secs_f64();
    checkout
        .run(async |connection| {
            let salt = sqlx::query_scalar!(
                "select open_period($1, $2, $3, $4, to_timestamp($5), to_timestamp($6))",
                offer.site.0,
                period,
                offer.forget.reach(),
                offer.salt.0.as_slice(),
                seconds(offer.keep_until),
                offer.lease_until.map(seconds)
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

/// Reads the salt of a site's period, if the period is open.
pub async fn read_period(checkout: &mut Checkout<'_>, site: SiteId, period: Period) -> Result<Option<Salt>, Failure> {
    checkout
        .run(async |connection| {
            let query = sqlx::query_file_scalar!("queries/read_period.sql", site.0, period.number());
            let salt = query.fetch_optional(connection).await?;
            Ok(salt.and_then(|bytes| bytes.try_into().ok()).map(Salt))
        })
        .await
}
