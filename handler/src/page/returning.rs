//! Returning visitors by week.

use serde::Serialize;

use super::wording::thousands;
use crate::{
    domain::Day,
    domain::statistics::{Report, Week},
};

/// The row of one week.
#[derive(Serialize)]
pub(super) struct WeekRow {
    /// The date of its Monday.
    from: String,
    /// Whether the week is not over yet.
    unfinished: bool,
    visitors: String,
    /// The share of returning visitors, in whole percent.
    returning: i64,
    /// The share of visitors seen in the previous week, in whole percent.
    from_week_before: i64,
}

/// The weeks with visitors, the newest first.
pub(super) fn weeks(report: &Report) -> Vec<WeekRow> {
    let today = report.zone.to_datetime(report.as_of).date();
    let row = |week: &Week| WeekRow {
        from: week.first.date().strftime("%-d %B").to_string(),
        unfinished: Day::of_date(today).is_ok_and(|today| today < week.first.plus(6)),
        visitors: thousands(week.visitors),
        returning: percent(week.returning_visitors(), week.visitors),
        from_week_before: percent(week.from_week_before, week.visitors),
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
