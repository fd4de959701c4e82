//! The recorder's metrics: one log line per minute, and no line for a minute without visits.

use std::time::{Duration, Instant};

use super::commit::Attempted;
use crate::{domain::Exclusion, telemetry::percentile};

/// The interval of the log line.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);

/// Sums since the last log line.
#[derive(Default)]
pub(super) struct MinuteSummary {
    pageviews: u64,
    visits: usize,
    batches: usize,
    batch_size_max: usize,
    queue_depth_max: usize,
    excluded: [u64; Exclusion::ALL.len()],
    commits: Vec<Duration>,
}

impl MinuteSummary {
    pub(super) fn committed(&mut self, attempted: &Attempted, began: Instant) {
        self.pageviews += attempted.pageviews;
        self.visits += attempted.visits;
        self.batches += 1;
        self.batch_size_max = self.batch_size_max.max(attempted.visits);
        self.commits.push(began.elapsed());
        for (sum, count) in self.excluded.iter_mut().zip(attempted.excluded) {
            *sum += count;
        }
    }

    pub(super) fn queued(&mut self, depth: usize) {
        self.queue_depth_max = self.queue_depth_max.max(depth);
    }

    /// Logs the sums and resets them. `unanswered` is the number of visits whose client got a 503.
    pub(super) fn report(&mut self, unanswered: u64) {
        let Self { pageviews, visits, batches, batch_size_max, queue_depth_max, excluded, mut commits } =
            std::mem::take(self);
        if batches == 0 && unanswered == 0 {
            return;
        }
        commits.sort_unstable();
        let excluded = |reason: Exclusion| excluded[reason as usize];
        tracing::info!(
            event = "recorder",
            pageviews,
            visits,
            batches,
            batch_size_max,
            queue_depth_max,
            unanswered,
            commit_ms_p50 = percentile(&commits, 50),
            commit_ms_p95 = percentile(&commits, 95),
            commit_ms_max = percentile(&commits, 100),
            excluded_bots = excluded(Exclusion::Bots),
            excluded_prefetch = excluded(Exclusion::Prefetch),
            excluded_opted_out = excluded(Exclusion::OptedOut),
            excluded_own = excluded(Exclusion::Own),
            excluded_rate_limited = excluded(Exclusion::RateLimited),
            excluded_unidentified = excluded(Exclusion::Unidentified),
            excluded_late = excluded(Exclusion::Late),
            excluded_head = excluded(Exclusion::Head),
            excluded_refused = excluded(Exclusion::Refused),
            excluded_referrer_spam = excluded(Exclusion::ReferrerSpam),
            excluded_other_host = excluded(Exclusion::OtherHost),
            excluded_too_many_values = excluded(Exclusion::TooManyValues),
            "recorded {visits} visits in {batches} batches"
        );
    }
}
