//! A reading in progress: what is read, and what is still to be read.

use std::{collections::VecDeque, time::Duration};

use crate::domain::statistics::{Pairing, Plan, Query, Slice, Tallies};

/// A reading that takes several statements, because its range is long. Other networks have their turns in between.
pub(super) struct Partial {
    pub(super) plan: Plan,
    pub(super) tallies: Tallies,
    /// The time of the statements until now.
    pub(super) elapsed: Duration,
    pieces: VecDeque<Piece>,
    last_cost: i64,
}

/// How many days of cells one statement reads: those of any exact range together, so that they are of one moment.
const CELL_DAYS: usize = 200;

/// The part of a report that one statement reads.
pub(super) enum Piece {
    Lists(Slice),
    /// The referrers of a page, or the pages of a referrer.
    Referrals(Pairing),
    /// The cells of some days.
    Cells(Vec<i32>),
}

impl Partial {
    pub(super) fn new(query: &Query, plan: Plan) -> Self {
        let lists = plan.slices().into_iter().map(Piece::Lists);
        let referrals = plan.pairing.clone().map(Piece::Referrals);
        // Tallies have the days of a single value, and cells its lists.
        let days = match &plan.selection {
            Some(_) if query.filter.combines() => plan.days(),
            Some(_) if plan.is_exact => (plan.first.number()..=plan.last.number()).collect(),
            _ => Vec::new(),
        };
        let cells = days.chunks(CELL_DAYS).map(|days| Piece::Cells(days.to_vec()));
        let pieces = lists.chain(referrals).chain(cells).collect();
        Self { plan, tallies: Tallies::default(), elapsed: Duration::ZERO, pieces, last_cost: 1 }
    }

    /// The next piece to read. `None` if everything is read.
    pub(super) fn next(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        self.last_cost = match &piece {
            Piece::Lists(slice) => self.plan.cost(slice),
            Piece::Referrals(_) => self.plan.range_days(),
            // The lists of values and of attributes.
            Piece::Cells(days) => i64::try_from(10 * days.len()).unwrap_or(i64::MAX),
        };
        Some(piece)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether the range has counted views.
    pub(super) fn has_views_in_range(&self) -> bool {
        self.tallies.days.range(self.plan.first..=self.plan.last).any(|(_, tally)| tally.pageviews > 0)
    }

    /// The work of the last statement.
    pub(super) fn last_cost(&self) -> i64 {
        self.last_cost
    }
}
