//! The database's clock, which decides on which day a visit counts. All connections of an instance share what is known of it.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// The tolerated difference to the database's clock. Beyond it, times are corrected by the database's clock.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// This machine's clock, and its difference to the database's.
pub(super) struct DatabaseClock {
    machine: Clock,
    /// How far the database's clock is ahead, in milliseconds.
    offset_ms: AtomicI64,
}

impl DatabaseClock {
    pub(super) fn new(machine: Clock) -> Self {
        Self { machine, offset_ms: AtomicI64::new(0) }
    }

    /// The time by the database's clock, as last observed.
    pub(super) fn now(&self) -> Timestamp {
        self.correct(self.machine.now())
    }

    /// Converts a time of this machine's clock to the database's clock.
    pub(super) fn correct(&self, at: Timestamp) -> Timestamp {
        let offset = SignedDuration::from_millis(self.offset_ms.load(Ordering::Relaxed));
        if offset.abs() <= CLOCK_TOLERANCE { at } else { at.checked_add(offset).unwrap_or(at) }
    }

    /// Call this whenever the database has returned its time.
    pub(super) fn observe(&self, database_seconds: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 are far below 2^53")]
        let database_ms = (database_seconds * 1000.0) as i64;
        let offset_ms = database_ms - self.machine.now().as_millisecond();
        let before_ms = self.offset_ms.swap(offset_ms, Ordering::Relaxed);
        let differs = |offset_ms: i64| i128::from(offset_ms).abs() > CLOCK_TOLERANCE.as_millis();
        if differs(offset_ms) && !differs(before_ms) {
            tracing::warn!(
                event = "clock_differs",
                offset_ms,
                "clock differs from the database's; using the database's"
            );
        }
    }
}
