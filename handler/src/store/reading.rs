//! The statements of the reader and of imports.

use std::collections::{BTreeMap, HashMap};

use super::{Checkout, Failure, SiteId};
use crate::{
    domain::statistics::{
        Annotation, Gaps, ImportedDay, Lists, Pairing, Plan, ReferralTallies, Section, Slice, Sort, Tallies, Tally,
        ValueTally,
    },
    domain::{Day, Dimension, Exclusion, Minute, SiteName, dimension::OTHER},
};

/// Reads the id of a site, if the site has been counted.
pub async fn read_site(checkout: &mut Checkout<'_>, name: &SiteName) -> Result<Option<SiteId>, Failure> {
    checkout
        .run(async |connection| {
            let id = sqlx::query_file_scalar!("queries/read_site.sql", &**name).fetch_optional(connection).await?;
            Ok(id.map(SiteId))
        })
        .await
}

/// Whether any site has been counted.
pub async fn has_sites(checkout: &mut Checkout<'_>) -> Result<bool, Failure> {
    checkout
        .run(async |connection| {
            sqlx::query_scalar!(r#"select exists (select from site) as "has!""#).fetch_one(connection).await
        })
        .await
}

/// Whether the time zone of the database can't change any more.
pub async fn has_fixed_zone(checkout: &mut Checkout<'_>) -> Result<bool, Failure> {
    let own_site = checkout.counting_mode().own_site.clone();
    checkout
        .run(async |connection| {
            sqlx::query_scalar!(r#"select has_fixed_zone($1) as "fixed!""#, &*own_site).fetch_one(connection).await
        })
        .await
}

/// The kind of a row of `read_tallies.sql`.
#[derive(Clone, Copy, Debug, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
enum TallyKind {
    Day,
    Hour,
    Value,
    Unread,
    Imported,
    Annotation,
    Site,
    Registers,
}

/// Reads a slice of a plan's tallies, and adds it to those of earlier slices. The lists contain the named events in any case. The
/// registers of the all-time estimate are read if their revision is another one than `known_revision`.
pub async fn read_tallies(
    checkout: &mut Checkout<'_>,
    site: &SiteName,
    plan: &Plan,
    slice: &Slice,
    named_events: &[String],
    known_revision: Option<i64>,
    tallies: &mut Tallies,
) -> Result<(), Failure> {
    let (firsts, lasts) = plan.whole_months();
    // A single list is sorted and paged as it is.
    let (is_whole, codes, named_events) = match plan.lists {
        Lists::One(dimension) => (true, plan.section.codes(dimension), &[][..]),
        _ => (false, Vec::new(), named_events),
    };
    let of_beginnings: Vec<i16> =
        Dimension::lists().filter(|dimension| dimension.views().is_empty()).map(Dimension::number).collect();
    checkout
        .run(async |connection| {
            let rows = sqlx::query_file!(
                "queries/read_tallies.sql",
                &**site,
                &plan.days(),
                &plan.days_by_hour(),
                plan.first.number(),
                plan.last.number(),
                plan.section.limit,
                slice.with_totals,
                &slice.dimensions,
                &slice.unread,
                plan.is_exact,
                named_events,
                Dimension::Event.number(),
                known_revision,
                &firsts,
                &lasts,
                plan.counted.0.number(),
                plan.counted.1,
                plan.section.offset,
                plan.section.search,
                &codes,
                plan.section.sort == Sort::Pageviews,
                OTHER,
                Dimension::Channel.number(),
                &of_beginnings,
                is_whole
            )
            .fetch_all(connection)
            .await?;
            for row in rows {
                let (pageviews, day) = (row.pageviews, row.day.map(Day::from_number));
                let sum = row.visitors.first().copied().unwrap_or_default();
                let length = row.visitors.get(1).copied();
                if let TallyKind::Registers = row.kind {
                    tallies.registers =
                        Some(row.visitors.into_iter().filter_map(|rank| rank.try_into().ok()).collect());
                    continue;
                }
                let tally = Tally { pageviews, visitors: Gaps(row.visitors) };
                let value = row.value.unwrap_or_default();
                match (row.kind, day) {
                    (TallyKind::Day, Some(day)) => tallies.days.entry(day).or_default().add(&tally),
                    (TallyKind::Hour, Some(day)) => {
                        if let Ok(hour) = value.parse() {
                            tallies.hours.entry((day, hour)).or_default().add(&tally);
                        }
                    }
                    (TallyKind::Imported, Some(day)) => {
                        tallies.imported.push(ImportedDay { source: value, day, pageviews, visitors: sum });
                    }
                    (TallyKind::Annotation, Some(day)) => tallies.annotations.push(Annotation { day, text: value }),
                    (TallyKind::Value, _) => {
                        if let Some(dimension) = row.dimension.and_then(Dimension::from_number) {
                            tallies.lengths.extend(length.map(|length| (dimension, length)));
                            tallies.values.push(ValueTally { dimension, value, pageviews, visitors: sum });
                        } else if let Some(exclusion) = Exclusion::from_name(&value) {
                            tallies.excluded.insert(exclusion, pageviews);
                        }
                    }
                    (TallyKind::Unread, _) => {
                        tallies.unread.extend(row.dimension.and_then(Dimension::from_number));
                    }
                    (TallyKind::Site, _) => {
                        tallies.is_counted = true;
                        tallies.pageviews = pageviews;
                        tallies.registers_revision = sum;
                        tallies.first_day = day;
                    }
                    (
                        TallyKind::Day
                        | TallyKind::Hour
                        | TallyKind::Imported
                        | TallyKind::Annotation
                        | TallyKind::Registers,
                        _,
                    ) => {
                        return Err(sqlx::Error::Decode("a row of a day has no day".into()));
                    }
                }
            }
            Ok(())
        })
        .await
}

/// Reads a part of the referring hosts of a page, or of the pages of a referring host, with their views.
pub async fn read_referrals(
    checkout: &mut Checkout<'_>,
    site: &SiteName,
    plan: &Plan,
    pairing: &Pairing,
) -> Result<ReferralTallies, Failure> {
    let Pairing { of, .. } = pairing;
    let value = |dimension| (of.dimension == dimension).then_some(of.value.as_str());
    let (page, host) = (value(Dimension::Page), value(Dimension::Referrer));
    let (firsts, lasts) = plan.whole_months();
    let days: Vec<i32> = (plan.first.number()..=plan.last.number()).collect();
    checkout
        .run(async |connection| {
            let Section { search, offset, limit, .. } = &plan.section;
            let query = sqlx::query_file!(
                "queries/read_referrals.sql",
                &**site,
                &days,
                page,
                host,
                *limit,
                &firsts,
                &lasts,
                *offset,
                search.as_str()
            );
            let mut referrals = ReferralTallies::default();
            for row in query.fetch_all(connection).await? {
                match row.value {
                    Some(value) => {
                        referrals.values.push((value, row.pageviews));
                        referrals.length = row.length;
                    }
                    None => referrals.other += row.pageviews,
                }
            }
            // The rows of a union have no order.
            referrals.values.sort_by(|(value, views), (other, others)| (others, value).cmp(&(views, other)));
            Ok(referrals)
        })
        .await
}

/// The days between which a site has numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountedDays {
    /// The first day with numbers, also of other counters.
    pub first: Option<Day>,
    /// The last day with counted views.
    pub last: Option<Day>,
}

/// Reads the days between which a site has numbers.
pub async fn read_counted_days(checkout: &mut Checkout<'_>, site: &SiteName) -> Result<CountedDays, Failure> {
    checkout
        .run(async |connection| {
            let row = sqlx::query_file!("queries/read_counted_days.sql", &**site).fetch_optional(connection).await?;
            Ok(row.map_or(CountedDays::default(), |row| CountedDays {
                first: row.first.into_iter().chain(row.first_imported).min().map(Day::from_number),
                last: row.last.map(Day::from_number),
            }))
        })
        .await
}

/// Reads some days of a site: pairs of the day and its counters. Skips days without visits.
pub async fn read_days(checkout: &mut Checkout<'_>, site: SiteId, days: &[Day]) -> Result<Vec<(Day, Tally)>, Failure> {
    let numbers: Vec<i32> = days.iter().map(|day| day.number()).collect();
    checkout
        .run(async |connection| {
            let rows = sqlx::query_file!("queries/read_days.sql", site.0, &numbers).fetch_all(connection).await?;
            let tally = |pageviews, visitors| Tally { pageviews, visitors: Gaps(visitors) };
            Ok(rows.into_iter().map(|row| (Day::from_number(row.day), tally(row.pageviews, row.visitors))).collect())
        })
        .await
}

/// Reads a site's views by minute, from the first to the last minute. Skips minutes without views. `None` if the site was never
/// counted.
pub async fn read_minutes(
    checkout: &mut Checkout<'_>,
    site: &SiteName,
    first: Minute,
    last: Minute,
) -> Result<Option<BTreeMap<Minute, i64>>, Failure> {
    checkout
        .run(async |connection| {
            let query = sqlx::query_file!("queries/read_minutes.sql", &**site, first.number(), last.number());
            let rows = query.fetch_all(connection).await?;
            let views = rows.iter().filter_map(|row| Some((Minute::from_number(row.minute?), row.pageviews)));
            Ok((!rows.is_empty()).then(|| views.collect()))
        })
        .await
}

/// Reads the visitors of some days of some sites. Skips days without visitors.
pub async fn read_overview(
    checkout: &mut Checkout<'_>,
    sites: &[SiteName],
    days: &[Day],
) -> Result<HashMap<(String, Day), i64>, Failure> {
    let names: Vec<&str> = sites.iter().map(|site| &**site).collect();
    let numbers: Vec<i32> = days.iter().map(|day| day.number()).collect();
    checkout
        .run(async |connection| {
            let query = sqlx::query_file!("queries/read_overview.sql", &names as &[&str], &numbers);
            let rows = query.fetch_all(connection).await?;
            Ok(rows.into_iter().map(|row| ((row.name, Day::from_number(row.day)), row.visitors)).collect())
        })
        .await
}

/// Reads the checkpoints of a site's imported logs: pairs of digest and length in bytes.
pub async fn read_checkpoints(checkout: &mut Checkout<'_>, site: SiteId) -> Result<Vec<(Vec<u8>, i64)>, Failure> {
    checkout
        .run(async |connection| {
            let rows = sqlx::query_file!("queries/read_checkpoints.sql", site.0).fetch_all(connection).await?;
            Ok(rows.into_iter().map(|row| (row.digest, row.bytes)).collect())
        })
        .await
}
