//! The parts of an export of one site: a day each, then the rest.

use std::{collections::BTreeMap, sync::Arc};

use super::error::ReadError;
use crate::{
    domain::{
        Day, SiteName,
        export::{DayCells, DayCounter, ImportedTally},
        statistics::Annotation,
    },
    store::{self, Checkout, Failure},
};

/// A part of an export, as large as one day of one site.
pub enum ExportPart {
    Day {
        day: Day,
        counters: Vec<DayCounter>,
        /// By the day of the visits.
        cells: BTreeMap<Day, DayCells>,
    },
    /// No day follows.
    Rest {
        /// Totals of other counters, with the names of their sources.
        imported: Vec<(String, ImportedTally)>,
        annotations: Vec<Annotation>,
    },
}

/// A part, or why there is none.
pub(super) type ExportResult = Result<Arc<ExportPart>, ReadError>;

/// Reads the first day of a site after a day, or the rest after the last day. `None` if the site has never been counted.
pub(super) async fn read_part(
    checkout: &mut Checkout<'_>,
    site: &SiteName,
    after: Option<Day>,
) -> Result<Option<ExportPart>, Failure> {
    let Some(site) = store::read_site(checkout, site).await? else { return Ok(None) };
    if let Some((day, counters)) = store::read_next_day(checkout, site, after).await? {
        let cells = store::read_day_cells(checkout, site, day).await?;
        return Ok(Some(ExportPart::Day { day, counters, cells }));
    }
    let imported = store::read_imported(checkout, site).await?;
    let annotations = store::read_annotations(checkout, site).await?;
    Ok(Some(ExportPart::Rest { imported, annotations }))
}
