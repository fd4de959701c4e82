//! `handler import --from footfall`: the sums that `handler export` has written.
//!
//! A day is added as a whole, and only if the site has no counters of the day. So the same file can be imported again.

use std::{
    collections::HashSet,
    fmt,
    io::BufRead,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use super::{source, target::Target};
use crate::{
    commands::annotate::too_many,
    config::Config,
    domain::{
        CountingMode, Day, SiteName, TallyKey,
        export::{DayCells, DayCounter, FORMAT, Header, ImportedTally, Line, VERSION, cells_of},
        statistics::Annotation,
    },
    store::{self, AddedAnnotation, AddedDay, Checkout, Connection, SiteId},
};

/// How many refused days are named.
const NAMED_DAYS: usize = 5;

/// The longest array of visitors by gap: without an earlier day, and each day of two months.
const LONGEST_GAPS: usize = 63;

/// The result of an import.
#[derive(Debug, Serialize)]
pub(super) struct Restored {
    site: SiteName,
    source: &'static str,
    days: u64,
    pageviews: i64,
    /// Days that were imported before.
    unchanged: u64,
    refused: RefusedDays,
    /// Daily totals of other counters.
    imported_totals: usize,
    /// Annotations that were not stored before.
    annotations: usize,
    #[serde(skip)]
    range: Option<(Day, Day)>,
    link: Option<String>,
}

/// Days that have other counts, which are kept.
#[derive(Debug, Default, Serialize)]
struct RefusedDays {
    days: u64,
    first: Vec<Day>,
}

impl Restored {
    /// Fails if a day was refused.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let RefusedDays { days, .. } = self.refused;
        ensure!(days == 0, "{days} days of the export were refused, because {} has other counts of them", self.site);
        Ok(())
    }

    fn add(&mut self, day: Day, pageviews: i64, outcome: AddedDay) {
        match outcome {
            AddedDay::Added => {
                self.days += 1;
                self.pageviews += pageviews;
                let (first, last) = self.range.unwrap_or((day, day));
                self.range = Some((first.min(day), last.max(day)));
            }
            AddedDay::Unchanged => self.unchanged += 1,
            AddedDay::Refused => {
                self.refused.days += 1;
                if self.refused.first.len() < NAMED_DAYS {
                    self.refused.first.push(day);
                }
            }
        }
    }
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |label: &str, number: &dyn fmt::Display| writeln!(f, "  {label:<44}{number:>12}");
        row("days added", &self.days)?;
        row("their pageviews", &self.pageviews)?;
        row("days unchanged, imported before", &self.unchanged)?;
        row("days refused, which have other counts", &self.refused.days)?;
        row("daily totals of other counters", &self.imported_totals)?;
        row("annotations added", &self.annotations)?;
        if !self.refused.first.is_empty() {
            let days: Vec<String> = self.refused.first.iter().map(ToString::to_string).collect();
            writeln!(f, "    first refused: {}", days.join(", "))?;
        }
        if let Some(link) = &self.link {
            writeln!(f, "\n  The page shows the sums: {link}")?;
        }
        Ok(())
    }
}

/// Imports the days of a site from files.
///
/// # Errors
/// If a file is not such an export, or the database is unavailable. Days before the faulty line stay imported, and the same import can be
/// repeated.
pub(super) async fn import(
    config: &Config,
    connection: &Connection,
    target: &Target,
    site: &SiteName,
    files: &[PathBuf],
) -> anyhow::Result<Restored> {
    let mut checkout = connection.checkout().await?;
    let id = store::open_site(&mut checkout, site).await?;
    let mut import = Import {
        restored: Restored {
            site: site.clone(),
            source: "footfall",
            days: 0,
            pageviews: 0,
            unchanged: 0,
            refused: RefusedDays::default(),
            imported_totals: 0,
            annotations: 0,
            range: None,
            link: None,
        },
        id,
        open_day: None,
        imported: Vec::new(),
        annotations: Vec::new(),
        has_rows: false,
        days: HashSet::new(),
        smallest_group: config.smallest_group,
    };
    for file in files {
        import
            .read(&mut checkout, &config.counting_mode(), file)
            .await
            .with_context(|| format!("importing {}", file.display()))?;
    }
    checkout.release(Ok(()))?;
    let Import { mut restored, has_rows, .. } = import;
    ensure!(has_rows, "the export has no rows of {site}");
    restored.link = restored.range.map(|(first, last)| target.link(first, last));
    Ok(restored)
}

struct Import {
    restored: Restored,
    id: SiteId,
    /// The day whose lines are being read.
    open_day: Option<(Day, Vec<DayCounter>)>,
    /// Totals of one counter that are not stored yet.
    imported: Vec<(String, ImportedTally)>,
    /// Annotations that are not stored yet.
    annotations: Vec<Annotation>,
    /// Whether a file had a line of the site.
    has_rows: bool,
    /// Days with the counters of the files.
    days: HashSet<Day>,
    smallest_group: Option<u32>,
}

impl Import {
    async fn read(&mut self, checkout: &mut Checkout<'_>, mode: &CountingMode, file: &Path) -> anyhow::Result<()> {
        let (content, bar) = source::open(file, false)?;
        let mut lines = content.lines();
        let folded_to = check_header(&lines.next().context("the file is empty")??, mode)?;
        // Groups that are too small here must not be stored.
        let has_cells = self.smallest_group.is_some_and(|smallest| folded_to >= Some(smallest));
        let mut number = 1;
        let mut has_end = false;
        for line in lines {
            number += 1;
            let line = line.context("reading")?;
            let at = || format!("line {number}");
            ensure!(!has_end, "line {number}: lines follow the last line");
            match serde_json::from_str(&line).with_context(at)? {
                Line::End { lines } => {
                    ensure!(lines == number - 1, "line {number}: {lines} lines were exported, {} are left", number - 1);
                    has_end = true;
                }
                Line::Tally { site, .. }
                | Line::Cells { site, .. }
                | Line::Imported { site, .. }
                | Line::Annotation { site, .. }
                    if *site != *self.restored.site => {}
                Line::Tally { day, dimension, value, pageviews, visitors, site: _ } => {
                    let key = TallyKey::from_name(&dimension).with_context(at)?;
                    let is_valid = pageviews >= 0
                        && visitors.len() <= LONGEST_GAPS
                        && visitors.iter().all(|visitors| *visitors >= 0);
                    ensure!(is_valid, "line {number}: numbers are not valid");
                    let (value, visitors) = (value.into_owned(), visitors.into_owned());
                    let counter = DayCounter { dimension: key.number(), value, pageviews, visitors };
                    if self.open_day.as_ref().is_none_or(|(open, _)| *open != day) {
                        self.close_day(checkout).await?;
                    }
                    self.open_day.get_or_insert((day, Vec::new())).1.push(counter);
                }
                Line::Cells { day, visit_day, folded, open, site: _ } => {
                    self.close_day(checkout).await?;
                    let (folded, open) =
                        (cells_of(folded.as_deref()).with_context(at)?, cells_of(open.as_deref()).with_context(at)?);
                    let is_valid = usize::try_from(day.number() - visit_day.number())
                        .is_ok_and(|days| days < LONGEST_GAPS)
                        && open.classes().all(|class| class.profile().is_some());
                    ensure!(is_valid, "line {number}: cells are not valid");
                    if has_cells && self.days.contains(&day) {
                        store::add_cells(checkout, self.id, visit_day, day, &DayCells { folded, open }).await?;
                    }
                }
                Line::Imported { day, source, pageviews, visitors, site: _ } => {
                    self.imported.push((source.into_owned(), ImportedTally { day, pageviews, visitors }));
                }
                Line::Annotation { day, text, site: _ } => {
                    self.annotations.push(Annotation::new(day, &text).with_context(at)?);
                }
            }
        }
        bar.finish_and_clear();
        // Without its last line, the last day may lack some of its counters.
        ensure!(has_end, "the file is cut off after line {number}: export again");
        self.close_day(checkout).await?;
        self.store_imported(checkout).await?;
        self.store_annotations(checkout).await
    }

    /// Adds the open day.
    async fn close_day(&mut self, checkout: &mut Checkout<'_>) -> anyhow::Result<()> {
        let Some((day, mut counters)) = self.open_day.take() else { return Ok(()) };
        counters.sort();
        let is_same = |[one, two]: &&[DayCounter; 2]| (one.dimension, &one.value) == (two.dimension, &two.value);
        if let Some([twice, _]) = counters.array_windows().find(is_same) {
            bail!("{day}: {:?} is listed twice", twice.value);
        }
        let total = counters.iter().find(|counter| counter.dimension == TallyKey::Total.number());
        let pageviews = total.map_or(0, |total| total.pageviews);
        let outcome = store::add_day(checkout, self.id, day, &counters, pageviews).await?;
        self.has_rows = true;
        if outcome != AddedDay::Refused {
            self.days.insert(day);
        }
        self.restored.add(day, pageviews, outcome);
        Ok(())
    }

    async fn store_imported(&mut self, checkout: &mut Checkout<'_>) -> anyhow::Result<()> {
        let mut imported = std::mem::take(&mut self.imported);
        imported.sort_by(|(one, _), (two, _)| one.cmp(two));
        for of_source in imported.chunk_by(|(one, _), (two, _)| one == two) {
            let tallies: Vec<ImportedTally> = of_source.iter().map(|(_, tally)| tally.clone()).collect();
            store::replace_imported(checkout, self.id, &of_source[0].0, &tallies).await?;
            self.restored.imported_totals += tallies.len();
            self.has_rows = true;
        }
        Ok(())
    }

    async fn store_annotations(&mut self, checkout: &mut Checkout<'_>) -> anyhow::Result<()> {
        for annotation in std::mem::take(&mut self.annotations) {
            self.has_rows = true;
            match store::add_annotation(checkout, self.id, &annotation).await? {
                AddedAnnotation::Added => self.restored.annotations += 1,
                AddedAnnotation::Unchanged => {}
                AddedAnnotation::TooMany => return Err(too_many(&self.restored.site)),
            }
        }
        Ok(())
    }
}

/// Checks the first line, and returns the smallest group of its cells.
fn check_header(line: &str, mode: &CountingMode) -> anyhow::Result<Option<u32>> {
    let header: Option<Header> = serde_json::from_str(line).ok();
    let Some(header) = header.filter(|header| header.format == FORMAT) else {
        bail!("the first line is not of an export: make one with handler export");
    };
    let Header { format: _, version, time_zone, forget, smallest_group } = header;
    ensure!(version == VERSION, "the export has version {version}, and this program reads version {VERSION}");
    ensure!(
        time_zone == mode.zone_name(),
        "days of the export begin in {time_zone}, and here in {}: set FOOTFALL_TIMEZONE",
        mode.zone_name()
    );
    ensure!(
        forget == mode.forget.name(),
        "the export was counted with FOOTFALL_FORGET={forget}, and this database counts with {}",
        mode.forget.name()
    );
    Ok(smallest_group)
}
