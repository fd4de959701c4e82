//! The state of the lists of a day, which decides whether a value gets a place of its own.

use super::{Checkout, Failure, SiteId, column::column};
use crate::domain::{
    Day, Dimension, Fingerprint,
    dimension::{OTHER, REMEMBERED_DAYS},
};

/// The list of a dimension on a site's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DayList {
    /// The site.
    pub site: SiteId,
    /// The day.
    pub day: Day,
    /// The dimension.
    pub dimension: Dimension,
}

/// Whether a value had a place before a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Neither on the day nor on the last [`REMEMBERED_DAYS`].
    New,
    /// On one of the last [`REMEMBERED_DAYS`].
    Remembered,
    /// On the day.
    Listed,
}

/// The kind of a row of `read_standings.sql`.
#[derive(Clone, Copy, Debug, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
enum StandingsKind {
    Standing,
    Listed,
    Added,
}

/// The state of lists in the database.
#[derive(Debug, Default)]
pub struct Standings {
    /// For each value.
    pub values: Vec<Standing>,
    /// The number of values of each list.
    pub listed: Vec<(DayList, usize)>,
    /// For each network: how many values it has added to the list.
    pub added: Vec<u8>,
}

/// Reads the standing of values, and how many values networks have added to lists.
pub async fn read_standings(
    checkout: &mut Checkout<'_>,
    values: &[(DayList, &str)],
    networks: &[(DayList, Fingerprint)],
) -> Result<Standings, Failure> {
    let rows = checkout
        .run(async |connection| {
            sqlx::query_file!(
                "queries/read_standings.sql",
                &column(values, |(list, _)| list.site.0),
                &column(values, |(list, _)| list.day.number()),
                &column(values, |(list, _)| list.dimension.number()),
                &column(values, |(_, value)| *value) as &[&str],
                &column(networks, |(list, _)| list.site.0),
                &column(networks, |(list, _)| list.day.number()),
                &column(networks, |(list, _)| list.dimension.number()),
                &column(networks, |(_, network)| network.0),
                OTHER,
                REMEMBERED_DAYS
            )
            .fetch_all(connection)
            .await
        })
        .await?;
    let mut standings =
        Standings { values: vec![Standing::New; values.len()], listed: Vec::new(), added: vec![0; networks.len()] };
    for row in rows {
        let place = usize::try_from(row.place - 1).unwrap_or(usize::MAX);
        let number = row.number;
        match row.about {
            StandingsKind::Standing => {
                let standing = [Standing::New, Standing::Remembered, Standing::Listed];
                if let (Some(value), Ok(number)) = (standings.values.get_mut(place), usize::try_from(number)) {
                    *value = standing[number.min(2)];
                }
            }
            StandingsKind::Listed => {
                let list = values.get(place).map(|(list, _)| *list);
                standings.listed.extend(list.map(|list| (list, usize::try_from(number).unwrap_or_default())));
            }
            StandingsKind::Added => {
                if let Some(added) = standings.added.get_mut(place) {
                    *added = u8::try_from(number).unwrap_or(u8::MAX);
                }
            }
        }
    }
    Ok(standings)
}
