//! The notices that were sent, and the hours that they are about.

use std::{collections::BTreeMap, time::Duration};

use super::{Checkout, Failure, SiteId};
use crate::domain::{
    Day, SiteName,
    notice::{LastHour, NoticeKind},
};

/// All sites, instead of one.
const ALL_SITES: i32 = 0;

/// Identifies a notice: it is sent once for its kind, its site (`None`: all) and its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticeId {
    pub kind: NoticeKind,
    pub site: Option<SiteId>,
    pub day: Day,
}

impl NoticeId {
    fn site_number(self) -> i32 {
        self.site.map_or(ALL_SITES, |site| site.0)
    }
}

/// Begins an attempt to send a notice: for this time, no other instance sends it. Returns the number of the attempt. `None` if the notice
/// was sent, is held by another instance, or has had all its attempts.
pub async fn hold_notice(
    checkout: &mut Checkout<'_>,
    notice: NoticeId,
    hold: Duration,
    attempts: i16,
) -> Result<Option<i16>, Failure> {
    checkout
        .run(async |connection| {
            sqlx::query_file_scalar!(
                "queries/hold_notice.sql",
                notice.kind.name(),
                notice.site_number(),
                notice.day.number(),
                hold.as_secs_f64(),
                attempts
            )
            .fetch_optional(connection)
            .await
        })
        .await
}

/// Ends an attempt. A failed one is repeated by the next run.
pub async fn end_notice(checkout: &mut Checkout<'_>, notice: NoticeId, delivered: bool) -> Result<(), Failure> {
    checkout
        .run(async |connection| {
            let query = sqlx::query!(
                "update notice set delivered = $4, held_until = database_clock() where kind = $1 and site = $2 and day = $3",
                notice.kind.name(),
                notice.site_number(),
                notice.day.number(),
                delivered
            );
            query.execute(connection).await.map(drop)
        })
        .await
}

/// Finds the sites with pageviews on some days, most pageviews first.
pub async fn find_busiest_sites(
    checkout: &mut Checkout<'_>,
    sites: &[SiteName],
    days: &[Day],
) -> Result<Vec<SiteName>, Failure> {
    let names: Vec<&str> = sites.iter().map(|site| &**site).collect();
    let days: Vec<i32> = days.iter().map(|day| day.number()).collect();
    checkout
        .run(async |connection| {
            let query = sqlx::query_file_scalar!("queries/find_busiest_sites.sql", &names as &[&str], &days);
            let found = query.fetch_all(connection).await?;
            // Stored names are valid.
            Ok(found.iter().filter_map(|name| name.parse().ok()).collect())
        })
        .await
}

/// Reads the pageviews of an hour of sites, and of the same hour on the days before, by site. Sites without any are missing.
pub async fn read_hour(
    checkout: &mut Checkout<'_>,
    sites: &[SiteName],
    at: LastHour,
) -> Result<BTreeMap<SiteName, (SiteId, BTreeMap<Day, i64>)>, Failure> {
    let names: Vec<&str> = sites.iter().map(|site| &**site).collect();
    let days: Vec<i32> = at.days_before().chain([at.day]).map(Day::number).collect();
    checkout
        .run(async |connection| {
            let query = sqlx::query_file!("queries/read_hour.sql", &names as &[&str], &days, at.hour.to_string());
            let mut found: BTreeMap<SiteName, (SiteId, BTreeMap<Day, i64>)> = BTreeMap::new();
            for row in query.fetch_all(connection).await? {
                let Ok(site) = row.name.parse() else { continue };
                let (_, hours) = found.entry(site).or_insert_with(|| (SiteId(row.id), BTreeMap::new()));
                hours.insert(Day::from_number(row.day), row.pageviews);
            }
            Ok(found)
        })
        .await
}
