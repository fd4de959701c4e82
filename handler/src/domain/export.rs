//! The format of an export: lines of JSON, one a counter. `handler export` and `/api/export` write it, and
//! `handler import --from footfall` reads it.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Write},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};

use super::{
    CountingRules, Day, TallyKey,
    cells::{Cells, Damaged},
    statistics::Annotation,
};

/// The name of the format, in its first line.
pub const FORMAT: &str = "footfall-export";

/// The version of the format. A change that an older program would misread needs a new version.
pub const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub struct Header {
    pub format: String,
    pub version: u32,
    /// The zone in which days begin.
    pub time_zone: String,
    /// The name of the counting mode.
    pub forget: String,
    /// The smallest group of folded cells.
    pub smallest_group: Option<u32>,
}

/// Any other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Line<'l> {
    /// A counter of a day.
    Tally {
        site: Cow<'l, str>,
        day: Day,
        dimension: Cow<'l, str>,
        value: Cow<'l, str>,
        pageviews: i64,
        /// By gap.
        visitors: Cow<'l, [i32]>,
    },
    /// The cells of a day that the visits of one day have raised, each packed ([`Cells::pack`]) and in Base64.
    Cells {
        site: Cow<'l, str>,
        day: Day,
        visit_day: Day,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folded: Option<Cow<'l, str>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        open: Option<Cow<'l, str>>,
    },
    /// A daily total of another counter.
    Imported { site: Cow<'l, str>, day: Day, source: Cow<'l, str>, pageviews: i64, visitors: i64 },
    /// A note of the owner.
    Annotation { site: Cow<'l, str>, day: Day, text: Cow<'l, str> },
    /// The last line, with the number of lines before it.
    End { lines: u64 },
}

/// The cells of a line.
///
/// # Errors
/// If they are neither Base64 nor packed cells.
pub fn cells_of(packed: Option<&str>) -> Result<Cells, Damaged> {
    let Some(packed) = packed else { return Ok(Cells::default()) };
    Cells::unpack(&BASE64_STANDARD.decode(packed).unwrap_or_default())
}

/// A counter of a day. The dimension is the stored number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayCounter {
    pub dimension: i16,
    pub value: String,
    pub pageviews: i64,
    /// By gap.
    pub visitors: Vec<i32>,
}

/// The cells of a day that the visits of one day have raised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayCells {
    pub folded: Cells,
    /// Cells that are not folded yet.
    pub open: Cells,
}

/// Another counter's totals of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedTally {
    pub day: Day,
    pub pageviews: i64,
    /// Visitors, by that counter's definition.
    pub visitors: i64,
}

/// Writes the lines and counts them.
pub struct ExportWriter<W> {
    to: W,
    lines: u64,
}

impl<W: Write> ExportWriter<W> {
    /// Begins with the header.
    pub fn begin(to: W, rules: &CountingRules) -> io::Result<Self> {
        let mode = &rules.counting_mode;
        let mut writer = Self { to, lines: 0 };
        writer.write(&Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            time_zone: mode.zone_name().to_owned(),
            forget: mode.forget.name().to_owned(),
            smallest_group: rules.smallest_group,
        })?;
        Ok(writer)
    }

    /// Writes the counters of a day, and its cells by the day of the visits.
    pub fn day(
        &mut self,
        site: &str,
        day: Day,
        counters: &[DayCounter],
        cells: &BTreeMap<Day, DayCells>,
    ) -> io::Result<()> {
        for counter in counters {
            // Dimensions of earlier versions have no name, and no list shows them.
            let Some(key) = TallyKey::from_number(counter.dimension) else { continue };
            self.write(&Line::Tally {
                site: site.into(),
                day,
                dimension: key.name().into(),
                value: (&counter.value).into(),
                pageviews: counter.pageviews,
                visitors: (&counter.visitors).into(),
            })?;
        }
        let encoded = |cells: &Cells| (!cells.is_empty()).then(|| BASE64_STANDARD.encode(cells.pack()).into());
        for (visit_day, DayCells { folded, open }) in cells {
            let (folded, open) = (encoded(folded), encoded(open));
            self.write(&Line::Cells { site: site.into(), day, visit_day: *visit_day, folded, open })?;
        }
        Ok(())
    }

    /// Writes the rest of a site: totals of other counters with their sources, and annotations.
    pub fn rest(
        &mut self,
        site: &str,
        imported: &[(String, ImportedTally)],
        annotations: &[Annotation],
    ) -> io::Result<()> {
        for (source, ImportedTally { day, pageviews, visitors }) in imported {
            let (day, pageviews, visitors) = (*day, *pageviews, *visitors);
            self.write(&Line::Imported { site: site.into(), day, source: source.into(), pageviews, visitors })?;
        }
        for Annotation { day, text } in annotations {
            self.write(&Line::Annotation { site: site.into(), day: *day, text: text.into() })?;
        }
        Ok(())
    }

    /// Writes the last line, without which an import refuses the file.
    pub fn end(&mut self) -> io::Result<()> {
        self.write(&Line::End { lines: self.lines })?;
        self.to.flush()
    }

    /// The output so far.
    pub fn output(&mut self) -> &mut W {
        &mut self.to
    }

    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, line)?;
        self.lines += 1;
        self.to.write_all(b"\n")
    }
}
