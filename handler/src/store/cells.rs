//! Cells: the statements that pack the days that are over, and those that read cells.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Connection as _, PgConnection};

use super::{Checkout, Failure, SiteId, column::column};
use crate::domain::{
    Day, Dimension, Forget, SiteName,
    cells::{
        CellValue, Cells, Class, Classes, Damaged, OpenDay, PackedDay, Parts, Selected, Selection, WINDOW_DAYS,
        add_visitors_since, pack_moves, read_moves, unpack_moves,
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
    lock_packs(&mut transaction, site).await?;
    let rows = sqlx::query_file!("queries/take_cells.sql", site.0, visit_day.number(), PACKED_TOGETHER)
        .fetch_all(&mut *transaction)
        .await?;
    let is_last = rows.len() < usize::try_from(PACKED_TOGETHER).unwrap_or(usize::MAX);
    let mut added: BTreeMap<Day, OpenDay> = BTreeMap::new();
    for row in rows {
        let cells = added.entry(Day::from_number(row.day)).or_default();
        add_row(cells, (Some(row.dimension), Some(row.value), Some(row.profile), Some(row.visitors)))?;
    }
    let added: BTreeMap<Day, Cells> = added.into_iter().map(|(day, cells)| (day, cells.finish().into())).collect();
    let first = match rules.forget {
        Forget::Monthly => visit_day.plus(1 - WINDOW_DAYS),
        Forget::Daily => visit_day,
    };
    let window = first.number()..=visit_day.number();
    let days: BTreeSet<i32> = window.chain(added.keys().map(|day| day.number())).collect();
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
            moves = unpack_moves(visit_day, &packed).map_err(damaged)?;
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
    let written: Vec<Day> = written.into_iter().collect();
    let packed_cells = cells.pack();
    let packed_moves = (!moves.is_empty()).then(|| pack_moves(visit_day, &moves));
    sqlx::query_file!(
        "queries/write_packs.sql",
        site.0,
        &column(&written, |day| day.number()),
        &column(&written, |day| (*day == visit_day).then_some(&*packed_cells)) as &[Option<&[u8]>],
        &column(&written, |day| packed_moves.as_deref().filter(|_| *day == visit_day)) as &[Option<&[u8]>],
        &column(&written, |day| profiles.get(day).map(Cells::pack)) as &[Option<Vec<u8>>],
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(is_last)
}

/// Takes some days, or a page on these days, out of the next packed day after `after`. Returns that day, and `None` after the last one.
///
/// Changes that visits of these days have made on other days stay, as they do in the tallies. Without them, the cells of those days
/// would be wrong.
pub(super) async fn forget_packed_cells(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    days: (Day, Day),
    page: Option<&str>,
    after: Option<Day>,
) -> Result<Option<Day>, Failure> {
    checkout.run(async |connection| forget_in_transaction(connection, site, days, page, after).await).await
}

async fn forget_in_transaction(
    connection: &mut PgConnection,
    site: SiteId,
    (first, last): (Day, Day),
    page: Option<&str>,
    after: Option<Day>,
) -> sqlx::Result<Option<Day>> {
    let mut transaction = connection.begin().await?;
    lock_packs(&mut transaction, site).await?;
    let after = after.map_or(i32::MIN, Day::number);
    let (from, to) = (first.number(), last.number());
    let found = sqlx::query_file!("queries/lock_pack.sql", site.0, from, to, after);
    let Some(row) = found.fetch_optional(&mut *transaction).await? else { return Ok(None) };
    let visit_day = Day::from_number(row.day);
    let value = page.map(|page| CellValue { dimension: Some(Dimension::Page), value: page.to_owned() });
    let is_forgotten = |day: Day| (first..=last).contains(&day);
    let rest = |day: Day, cells: Cells| match &value {
        _ if !is_forgotten(day) => cells,
        Some(value) => cells.without(value),
        None => Cells::default(),
    };
    let unpacked = row.moves.map(|packed| unpack_moves(visit_day, &packed)).transpose().map_err(damaged)?;
    let moves = unpacked.into_iter().flatten().map(|(day, cells)| (day, rest(day, cells)));
    let moves: BTreeMap<Day, Cells> = moves.filter(|(_, cells)| !cells.is_empty()).collect();
    let moves = (!moves.is_empty()).then(|| pack_moves(visit_day, &moves));
    let (cells, profiles) = match &value {
        None if is_forgotten(visit_day) => (None, None),
        _ => {
            let cells = row.cells.as_deref().map(Cells::unpack).transpose().map_err(damaged)?;
            (cells.map(|cells| rest(visit_day, cells).pack()), row.profiles)
        }
    };
    if cells.is_none() && moves.is_none() && profiles.is_none() {
        sqlx::query!("delete from pack where site = $1 and day = $2", site.0, row.day)
            .execute(&mut *transaction)
            .await?;
    } else {
        sqlx::query!(
            "update pack set cells = $3, moves = $4, profiles = $5 where site = $1 and day = $2",
            site.0,
            row.day,
            cells,
            moves,
            profiles
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(Some(visit_day))
}

/// Takes the lock of the packed cells of a site until the end of the transaction.
pub(super) async fn lock_packs(connection: &mut PgConnection, site: SiteId) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('footfall cells'), $1)", site.0).fetch_one(connection).await?;
    Ok(())
}

/// Adds a stored cell that is not packed: dimension, value, profile, and visitors by gap.
pub(super) fn add_row(
    day: &mut OpenDay,
    row: (Option<i16>, Option<String>, Option<String>, Option<Vec<i32>>),
) -> sqlx::Result<()> {
    let added = if let (Some(dimension), Some(value), Some(profile), Some(visitors)) = row {
        day.add(CellValue { dimension: Dimension::from_number(dimension), value }, profile, &visitors)
    } else {
        None
    };
    added.ok_or_else(|| sqlx::Error::Decode("a cell has no profile".into()))
}

pub(super) fn damaged(damaged: Damaged) -> sqlx::Error {
    sqlx::Error::Decode(damaged.into())
}

/// The kind of a row of `read_cells.sql` and `export_cells.sql`.
#[derive(Clone, Copy, Debug, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(super) enum CellKind {
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
    let is_listed = |day: &i32| selection.parts(Day::from_number(*day)) == Parts::All;
    let listed: Vec<i32> = days.iter().copied().filter(is_listed).collect();
    checkout
        .run(async |connection| {
            let query = sqlx::query_file!(
                "queries/read_cells.sql",
                &**site,
                days,
                selection.value.dimension.map_or(0, Dimension::number),
                selection.value.value,
                &listed,
                selection.pattern()
            );
            let rows = query.fetch_all(connection).await?;
            let mut open: BTreeMap<Day, OpenDay> = BTreeMap::new();
            for row in rows {
                let day = Day::from_number(row.day);
                match (row.kind, row.packed) {
                    (CellKind::Packed, Some(packed)) => {
                        for part in PackedDay::read(&packed, selection.parts(day)).map_err(damaged)? {
                            selection.add(day, &part, selected);
                        }
                    }
                    (CellKind::Moved, Some(packed)) => {
                        let parts = |day: Day| shown.contains(&day.number()).then(|| selection.parts(day));
                        for (day, cells) in read_moves(day, &packed, parts).map_err(damaged)? {
                            selection.add(day, &cells, selected);
                        }
                    }
                    (CellKind::Open, _) => {
                        let row = (row.dimension, row.value, row.profile, row.visitors);
                        add_row(open.entry(day).or_default(), row)?;
                    }
                    (CellKind::Packed | CellKind::Moved, None) => {}
                }
            }
            for (day, cells) in open {
                selection.add(day, &cells.finish(), selected);
            }
            Ok(())
        })
        .await
}
