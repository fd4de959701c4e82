//! The statements of the recorder.

use jiff::Timestamp;
use sqlx::{Connection as _, PgConnection};

use super::{Batch, Checkout, Failure, Part, SiteId, Visitor, column::column};
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
    /// Nothing was applied, because the sender's list of open periods was outdated, or a site was forgotten.
    StaleKeys,
}

/// Commits a batch.
///
/// A batch of one day takes one statement if the next period is not open. The statement is smaller if no visitor can be new.
///
/// Other batches first take a lock that excludes other batches. Their visitors are looked up in the next period, where another batch
/// may be adding them, or their parts write rows in a different order.
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
        &column(&part.counters, |counter| counter.site.0),
        &column(&part.counters, |counter| counter.key.number()),
        &column(&part.counters, |counter| counter.value.as_str()) as &[&str],
        &column(&part.counters, |counter| counter.pageviews),
        &column(&part.minutes, |views| views.site.0),
        &column(&part.minutes, |views| views.minute.number()),
        &column(&part.minutes, |views| views.pageviews),
    )
    .fetch_one(connection)
    .await?;
    let outcome = if row.applied {
        Outcome::Applied(Vec::new())
    } else if row.stale_keys {
        Outcome::StaleKeys
    } else {
        Outcome::AppliedBefore(Vec::new())
    };
    Ok((outcome, Some(row.clock_seconds)))
}

async fn apply_all(
    connection: &mut PgConnection,
    batch: &Batch,
    forget: Forget,
) -> sqlx::Result<(Outcome, Option<f64>)> {
    let mut transaction = connection.begin().await?;
    if batch.parts.len() > 1 || !batch.parts.iter().all(is_alone) {
        sqlx::query!("lock table only ended_set in share row exclusive mode").execute(&mut *transaction).await?;
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
        &column(&part.sites, |site| site.site.0),
        &column(&part.sites, |site| site.previous_is_open) as &[Option<bool>],
        &column(&part.sites, |site| site.next_is_open) as &[Option<bool>],
        &column(&part.visitors, |visitor| visitor.fingerprint.0),
        neighbours(&part.visitors, |visitor| visitor.previous) as Option<Vec<Option<i64>>>,
        neighbours(&part.visitors, |visitor| visitor.next) as Option<Vec<Option<i64>>>,
        &column(&part.visitors, |visitor| visitor.cohort.0),
        &column(&part.visitors, |visitor| visitor.views),
        part.may_be_late,
        &column(&part.links, |link| link.cohort.0),
        &column(&part.links, |link| link.counter.0),
        &column(&part.links, |link| link.role as i16),
        &column(&part.counters, |counter| counter.site.0),
        &column(&part.counters, |counter| counter.key.number()),
        &column(&part.counters, |counter| counter.value.as_str()) as &[&str],
        &column(&part.counters, |counter| counter.pageviews),
        &column(registers, |register| register.site.0),
        &column(registers, |register| register.register),
        &column(registers, |register| register.rank),
        &column(checkpoint, |checkpoint| checkpoint.site.0),
        &column(checkpoint, |checkpoint| checkpoint.digest.as_slice()) as &[&[u8]],
        &column(checkpoint, |checkpoint| checkpoint.bytes),
        &column(&part.minutes, |views| views.site.0),
        &column(&part.minutes, |views| views.minute.number()),
        &column(&part.minutes, |views| views.pageviews),
        &column(&part.additions, |addition| addition.site.0),
        &column(&part.additions, |addition| addition.dimension.number()),
        &column(&part.additions, |addition| addition.network.0),
        &column(&part.additions, |addition| addition.added),
        &column(&part.cells, |cell| cell.site.0),
        &column(&part.cells, |cell| cell.key.number()),
        &column(&part.cells, |cell| cell.value.as_str()) as &[&str],
        &column(&part.cells, |cell| cell.profile.as_str()) as &[&str],
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

/// The fingerprints of visitors in a neighbouring period; `None` if no visitor has one.
fn neighbours(visitors: &[Visitor], neighbour: impl Fn(&Visitor) -> Option<Fingerprint>) -> Option<Vec<Option<i64>>> {
    let has_neighbour = visitors.iter().any(|visitor| neighbour(visitor).is_some());
    has_neighbour.then(|| column(visitors, |visitor| neighbour(visitor).map(|fingerprint| fingerprint.0)))
}

/// A day of a site whose keys are needed. The offered keys become valid if there are none.
pub struct KeyRequest<'n> {
    /// The name of the site.
    pub site: &'n SiteName,
    /// The salt of the all-time estimate, unless the estimate is off.
    pub all_time: Option<Salt>,
    /// The day and the key of its networks. `None` if only the site is needed.
    pub day: Option<(Day, Salt)>,
    /// The period of the day. `None` if the day has no visitors to distinguish.
    pub period: Option<PeriodOffer>,
}

/// A period to open.
pub struct PeriodOffer {
    /// The period.
    pub period: Period,
    /// The salt, unless another instance has already opened the period.
    pub salt: Salt,
    /// The end of the time in which visitors of the period are distinguished.
    pub keep_until: Timestamp,
}

/// The keys of a site's day.
pub struct OpenedKeys {
    /// The site's id.
    pub site: SiteId,
    /// The salt of its all-time estimate, if one is kept.
    pub all_time: Option<Salt>,
    /// The key of the day's networks. `None` if no day was given.
    pub networks: Option<Salt>,
    /// The salt of the period that all instances use. `None` if the period was closed: its salt is forgotten, so new visitors can't
    /// be distinguished from counted visitors.
    pub salt: Option<Salt>,
    /// The salt of the previous period, if that period is open and the mode compares periods.
    pub previous: Option<Salt>,
    /// The salt of the next period, likewise.
    pub next: Option<Salt>,
}

/// Finds a site by name, or creates it.
pub async fn open_site(checkout: &mut Checkout<'_>, site: &SiteName) -> Result<SiteId, Failure> {
    let request = KeyRequest { site, all_time: None, day: None, period: None };
    let opened = open_keys(checkout, &[request], Forget::Monthly, None).await?;
    Ok(opened.first().ok_or_else(|| Failure::rejected("no site"))?.site)
}

/// Returns the keys of days of sites, in the same order. Creates sites, opens periods and creates their sets. With `lease_until`, the
/// periods and the periods before them stay open at least until then.
///
/// # Errors
/// [`Failure::StaleKeys`] if a site was forgotten meanwhile, or maintenance deleted the networks' key of an ended day.
pub async fn open_keys(
    checkout: &mut Checkout<'_>,
    requests: &[KeyRequest<'_>],
    forget: Forget,
    lease_until: Option<Timestamp>,
) -> Result<Vec<OpenedKeys>, Failure> {
    let seconds = |instant: Timestamp| instant.as_duration().as_secs_f64();
    let zone = checkout.counting_mode().zone_name().to_owned();
    let offer = |request: &'_ KeyRequest<'_>| request.period.as_ref().map(|offer| offer.period.number());
    let rows = checkout
        .run(async |connection| {
            sqlx::query_file!(
                "queries/open_keys.sql",
                zone,
                &column(requests, |request| &**request.site) as &[&str],
                &column(requests, |request| request.all_time.as_ref().map(|salt| salt.0.as_slice()))
                    as &[Option<&[u8]>],
                &column(requests, |request| request.day.map(|(day, _)| day.number())) as &[Option<i32>],
                &column(requests, |request| request.day.as_ref().map(|(_, key)| key.0.as_slice()))
                    as &[Option<&[u8]>],
                &column(requests, offer) as &[Option<i32>],
                forget.reach(),
                &column(requests, |request| request.period.as_ref().map(|offer| offer.salt.0.as_slice()))
                    as &[Option<&[u8]>],
                &column(requests, |request| request.period.as_ref().map(|offer| seconds(offer.keep_until)))
                    as &[Option<f64>],
                lease_until.map(seconds)
            )
            .fetch_all(connection)
            .await
        })
        .await?;
    let salt = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| bytes.try_into().ok()).map(Salt);
    let opened = requests.iter().zip(rows).map(|(request, row)| {
        let networks = salt(row.network_key);
        if request.day.is_some() && networks.is_none() {
            return Err(Failure::StaleKeys);
        }
        Ok(OpenedKeys {
            site: SiteId(row.site.ok_or(Failure::StaleKeys)?),
            all_time: salt(row.site_salt),
            networks,
            salt: salt(row.salt),
            previous: salt(row.previous),
            next: salt(row.next),
        })
    });
    opened.collect()
}
