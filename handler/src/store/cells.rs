//! Cells: the statements that pack the days that are over, and those that read cells.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Connection as _, PgConnection};

use super::{Checkout, Failure, SiteId};
use crate::domain::{
    Day, Dimension, Forget, SiteName,
    cells::{
        CellValue, Cells, Class, Classes, Damaged, PackedDay, Selected, Selection, WINDOW_DAYS, add_visitors_since,
        pack_moves, unpack_moves,
    },
};

/// How many rows one transaction packs at most. A day of most sites has fewer.
const PACKED_TOGETHER: i64 = 100_000;

/// How many days are found in one statement.
const FOUND_DAYS: i64 = 200;

/// How cells are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoldingRules {
    /// How many different visitors a class has at least.
    pub smallest: u32,
    /// Whether the visitors of 28 days count, or those of the day.
    pub forget: Forget,
}

/// A day whose visits raised cells of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CellDay {
    site: SiteId,
    day: Day,
}

/// Finds days before `today` with cells that are not packed, oldest first.
pub(super) async fn find_cell_days(
    checkout: &mut Checkout<'_>,
    today: Day,
    site: Option<SiteId>,
) -> Result<Vec<CellDay>, Failure> {
    checkout
        .run(async |connection| {
            let site = site.map(|site| site.0);
            let query = sqlx::query_file!("queries/find_cell_days.sql", today.number(), site, FOUND_DAYS);
            let days = query.fetch_all(connection).await?.into_iter();
            Ok(days.map(|row| CellDay { site: SiteId(row.site), day: Day::from_number(row.visit_day) }).collect())
        })
        .await
}

/// Folds and packs the cells that the visits of a day have raised. Returns whether none is left.
///
/// Everything happens in one transaction, so nothing is lost or counted twice if it ends early. Visits that are committed later are
/// packed the next time.
pub(super) async fn pack_day(checkout: &mut Checkout<'_>, of: CellDay, rules: FoldingRules) -> Result<bool, Failure> {
    checkout.run(async |connection| pack_in_transaction(connection, of, rules).await).await
}

async fn pack_in_transaction(connection: &mut PgConnection, of: CellDay, rules: FoldingRules) -> sqlx::Result<bool> {
    let CellDay { site, day: visit_day } = of;
    let mut transaction = connection.begin().await?;
    // The lease of maintenance can end while this transaction runs.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('footfall cells'), $1)", site.0)
        .fetch_one(&mut *transaction)
        .await?;
    let rows = sqlx::query_file!("queries/take_cells.sql", site.0, visit_day.number(), PACKED_TOGETHER)
        .fetch_all(&mut *transaction)
        .await?;
    let is_last = rows.len() < usize::try_from(PACKED_TOGETHER).unwrap_or(usize::MAX);
    let mut added: BTreeMap<Day, Cells> = BTreeMap::new();
    for row in rows {
        let cells = added.entry(Day::from_number(row.day)).or_default();
        add_row(cells, row.dimension, row.value, &row.profile, &row.visitors)?;
    }
    let first = match rules.forget {
        Forget::Monthly => visit_day.plus(1 - WINDOW_DAYS),
        Forget::Daily => visit_day,
    };
    let window = first.number()..=visit_day.number();
    let days: BTreeSet<i32> = window.clone().chain(added.keys().map(|day| day.number())).collect();
    let stored = sqlx::query_file!(
        "queries/read_packs.sql",
        site.0,
        &days.iter().copied().collect::<Vec<_>>(),
        visit_day.number()
    )
    .fetch_all(&mut *transaction)
    .await?;
    let (mut cells, mut moves) = (Cells::default(), BTreeMap::new());
    let mut profiles: BTreeMap<Day, Cells> = BTreeMap::new();
    for row in stored {
        let day = Day::from_number(row.day);
        if let Some(packed) = row.cells {
            cells = Cells::unpack(&packed).map_err(damaged)?;
        }
        if let Some(packed) = row.moves {
            let unpacked = unpack_moves(visit_day, &packed).map_err(damaged)?;
            moves = unpacked.into_iter().map(|(day, cells)| (day, cells.into())).collect();
        }
        if let Some(packed) = row.profiles {
            profiles.insert(day, Cells::unpack(&packed).map_err(damaged)?);
        }
    }
    for (day, added) in &added {
        profiles.entry(*day).or_default().add_all(added.of_site());
    }
    let mut visitors: BTreeMap<Class, i64> = BTreeMap::new();
    for (day, profiles) in profiles.range(first..=visit_day) {
        add_visitors_since(first, *day, profiles, &mut visitors);
    }
    // A profile that only values have needs a class, too.
    for profile in added.values().flat_map(Cells::classes) {
        visitors.entry(profile.clone()).or_default();
    }
    let classes = Classes::decide(&visitors, rules.smallest);
    let changed: Vec<Day> = added.keys().copied().collect();
    for (day, added) in added {
        if day == visit_day {
            cells.add_all(added);
        } else {
            moves.entry(day).or_insert_with(Cells::default).add_all(added);
        }
    }
    let cells = cells.folded(&classes);
    let moves: BTreeMap<Day, Cells> = moves.into_iter().map(|(day, cells)| (day, cells.folded(&classes))).collect();
    let written: BTreeSet<Day> = changed.into_iter().chain([visit_day]).collect();
    let of_visit_day = |day: &Day, packed: Vec<u8>| (*day == visit_day).then_some(packed);
    let (packed_cells, packed_moves) = (cells.pack(), pack_moves(visit_day, &moves));
    let column = |field: &dyn Fn(&Day) -> Option<Vec<u8>>| written.iter().map(field).collect::<Vec<_>>();
    sqlx::query_file!(
        "queries/write_packs.sql",
        site.0,
        &written.iter().map(|day| day.number()).collect::<Vec<_>>(),
        &column(&|day| of_visit_day(day, packed_cells.clone())) as &[Option<Vec<u8>>],
        &column(&|day| of_visit_day(day, packed_moves.clone()).filter(|_| !moves.is_empty())) as &[Option<Vec<u8>>],
        &column(&|day| profiles.get(day).map(Cells::pack)) as &[Option<Vec<u8>>],
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(is_last)
}

/// Adds a stored cell that is not packed.
fn add_row(cells: &mut Cells, dimension: i16, value: String, profile: &str, visitors: &[i32]) -> sqlx::Result<()> {
    let class = Class::of_profile(profile).ok_or_else(|| sqlx::Error::Decode("a cell has no profile".into()))?;
    let value = CellValue { dimension: Dimension::from_number(dimension), value };
    for (gap, number) in (0..).zip(visitors) {
        cells.add(value.clone(), class.clone(), gap, i64::from(*number));
    }
    Ok(())
}

fn damaged(damaged: Damaged) -> sqlx::Error {
    sqlx::Error::Decode(damaged.into())
}

/// The kind of a row of `read_cells.sql`.
#[derive(Clone, Copy, Debug, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
enum CellKind {
    Packed,
    Moved,
    Open,
}

/// Reads the cells of some days of a site, and adds what is selected.
pub async fn read_cells(
    checkout: &mut Checkout<'_>,
    site: &SiteName,
    days: &[i32],
    selection: &Selection,
    selected: &mut Selected,
) -> Result<(), Failure> {
    let shown: BTreeSet<i32> = days.iter().copied().collect();
    checkout
        .run(async |connection| {
            let rows = sqlx::query_file!("queries/read_cells.sql", &**site, days).fetch_all(connection).await?;
            let mut open: BTreeMap<Day, Cells> = BTreeMap::new();
            for row in rows {
                let day = Day::from_number(row.day);
                match (row.kind, row.packed) {
                    (CellKind::Packed, Some(packed)) => {
                        selection.add(day, &PackedDay::read(&packed).map_err(damaged)?, selected);
                    }
                    (CellKind::Moved, Some(packed)) => {
                        for (day, cells) in unpack_moves(day, &packed).map_err(damaged)? {
                            if shown.contains(&day.number()) {
                                selection.add(day, &cells, selected);
                            }
                        }
                    }
                    (CellKind::Open, _) => {
                        let (Some(dimension), Some(value), Some(profile), Some(visitors)) =
                            (row.dimension, row.value, row.profile, row.visitors)
                        else {
                            return Err(sqlx::Error::Decode("a cell has no profile".into()));
                        };
                        add_row(open.entry(day).or_default(), dimension, value, &profile, &visitors)?;
                    }
                    (CellKind::Packed | CellKind::Moved, None) => {}
                }
            }
            for (day, cells) in open {
                selection.add(day, &PackedDay::of(&cells), selected);
            }
            Ok(())
        })
        .await
}
