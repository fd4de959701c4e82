//! The cells of days, as an export reads them and an import writes them.

use std::collections::BTreeMap;

use sqlx::{Connection as _, PgConnection};

use super::{
    Checkout, Failure, SiteId,
    cells::{CellKind, add_row, damaged, lock_packs},
    column::column,
};
use crate::domain::{
    Day, Dimension,
    cells::{Cells, OpenDay, pack_moves, unpack_moves},
    export::DayCells,
};

/// Reads the cells of a day, by the day of the visits that have raised them.
pub async fn read_day_cells(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    day: Day,
) -> Result<BTreeMap<Day, DayCells>, Failure> {
    checkout
        .run(async |connection| {
            let query = sqlx::query_file!("queries/export_cells.sql", site.0, day.number());
            let mut cells: BTreeMap<Day, DayCells> = BTreeMap::new();
            let mut open: BTreeMap<Day, OpenDay> = BTreeMap::new();
            for row in query.fetch_all(connection).await? {
                let visit_day = Day::from_number(row.visit_day);
                match (row.kind, row.packed) {
                    (CellKind::Packed, Some(packed)) => {
                        cells.entry(visit_day).or_default().folded = Cells::unpack(&packed).map_err(damaged)?;
                    }
                    (CellKind::Moved, Some(packed)) => {
                        let moved = unpack_moves(visit_day, &packed).map_err(damaged)?.remove(&day);
                        if let Some(moved) = moved {
                            cells.entry(visit_day).or_default().folded = moved;
                        }
                    }
                    (CellKind::Open, _) => {
                        let row = (row.dimension, row.value, row.profile, row.visitors);
                        add_row(open.entry(visit_day).or_default(), row)?;
                    }
                    (CellKind::Packed | CellKind::Moved, None) => {}
                }
            }
            for (visit_day, open) in open {
                cells.entry(visit_day).or_default().open = open.finish().into();
            }
            Ok(cells)
        })
        .await
}

/// Adds the cells of a day that the visits of one day have raised. Does so only if there are none.
pub async fn add_cells(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    visit_day: Day,
    day: Day,
    cells: &DayCells,
) -> Result<(), Failure> {
    checkout.run(async |connection| add_in_transaction(connection, site, visit_day, day, cells).await).await
}

async fn add_in_transaction(
    connection: &mut PgConnection,
    site: SiteId,
    visit_day: Day,
    day: Day,
    DayCells { folded, open }: &DayCells,
) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    lock_packs(&mut transaction, site).await?;
    let stored = sqlx::query!(
        r#"select
            exists (select from cell where site = $1 and visit_day = $2 and day = $3) as "has_open!",
            exists (select from pack where site = $1 and day = $2 and cells is not null) as "has_cells!",
            (select moves from pack where site = $1 and day = $2) as moves"#,
        site.0,
        visit_day.number(),
        day.number()
    )
    .fetch_one(&mut *transaction)
    .await?;
    let moves = stored.moves.map(|packed| unpack_moves(visit_day, &packed)).transpose().map_err(damaged)?;
    let mut moves = moves.unwrap_or_default();
    let has_folded = if day == visit_day { stored.has_cells } else { moves.contains_key(&day) };
    if stored.has_open || has_folded {
        return transaction.rollback().await;
    }
    if !open.is_empty() {
        let rows: Vec<_> = rows_of(open)?.into_iter().collect();
        sqlx::query_file!(
            "queries/add_cells.sql",
            site.0,
            visit_day.number(),
            day.number(),
            &column(&rows, |((dimension, _, _), _)| *dimension),
            &column(&rows, |((_, value, _), _)| *value) as &[&str],
            &column(&rows, |((_, _, profile), _)| *profile) as &[&str],
            &column(&rows, |(_, visitors)| format!("{{{}}}", column(visitors, ToString::to_string).join(",")))
        )
        .execute(&mut *transaction)
        .await?;
    }
    if !folded.is_empty() {
        let (cells, moves) = if day == visit_day {
            (Some(folded.pack()), None)
        } else {
            moves.insert(day, folded.clone());
            (None, Some(pack_moves(visit_day, &moves)))
        };
        sqlx::query_file!(
            "queries/write_packs.sql",
            site.0,
            &[visit_day.number()],
            &[cells] as &[Option<Vec<u8>>],
            &[moves] as &[Option<Vec<u8>>],
            &[None] as &[Option<Vec<u8>>],
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}

/// The dimension, value and profile of a cell that is not folded.
type OpenCell<'c> = (i16, &'c str, &'c str);

/// Cells that are not folded as rows, with visitors by gap.
fn rows_of(cells: &Cells) -> sqlx::Result<BTreeMap<OpenCell<'_>, Vec<i32>>> {
    let mut rows: BTreeMap<_, Vec<i32>> = BTreeMap::new();
    for (value, class, gap, number) in cells.numbers() {
        let profile = class.profile().ok_or_else(|| sqlx::Error::Encode("an open cell has no profile".into()))?;
        let number = i32::try_from(number).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let dimension = value.dimension.map_or(0, Dimension::number);
        let visitors = rows.entry((dimension, &*value.value, profile)).or_default();
        visitors.resize(visitors.len().max(usize::from(gap) + 1), 0);
        visitors[usize::from(gap)] = number;
    }
    Ok(rows)
}
