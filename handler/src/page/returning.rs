//! Returning visitors by week.

use serde::Serialize;

use crate::{
    domain::Day,
    domain::statistics::{Report, Week},
    texts::Texts,
};

/// The row of one week.
#[derive(Serialize)]
pub(super) struct WeekRow {
    /// The date of its Monday, and whether the week is not over yet.
    from: String,
    visitors: String,
    /// The share of returning visitors, in whole percent.
    share: i64,
    /// The same share as text.
    returning: String,
    /// The share of visitors seen in the previous week.
    from_week_before: String,
}

/// The weeks with visitors, the newest first.
pub(super) fn weeks(texts: &Texts, report: &Report) -> Vec<WeekRow> {
    let today = report.zone.to_datetime(report.as_of).date();
    let row = |week: &Week| {
        let from = texts.date("dates.date_in_year", week.first.date());
        let is_unfinished = Day::of_date(today).is_ok_and(|today| today < week.first.plus(6));
        let share = percent(week.returning_visitors(), week.visitors);
        WeekRow {
            from: if is_unfinished { texts.filled("weeks.unfinished", &[("date", &from)]) } else { from },
            visitors: texts.number(week.visitors),
            share,
            returning: texts.percent(share),
            from_week_before: texts.percent(percent(week.from_week_before, week.visitors)),
        }
    };
    report.returning.iter().rev().filter(|week| week.visitors > 0).map(row).collect()
}

/// A share in percent, rounded.
fn percent(part: i64, whole: i64) -> i64 {
    (part.saturating_mul(200) + whole) / (2 * whole.max(1))
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_share_is_rounded_to_whole_percent() {
        assert_eq!(
            [(0, 3), (1, 3), (2, 3), (1, 200), (3, 3)].map(|(part, whole)| percent(part, whole)),
            [0, 33, 67, 1, 100]
        );
    }
}
