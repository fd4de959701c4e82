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

    /// The time by this machine's clock. Take it before a statement that returns the database's time.
    pub(super) fn machine_now(&self) -> Timestamp {
        self.machine.now()
    }

    /// Call this whenever the database has returned its time. The statement was sent at `sent`.
    ///
    /// The database read its clock somewhere between the request and the response, which can be seconds apart. So the response
    /// proves only that the difference is in a range. A difference within the range stays.
    pub(super) fn observe(&self, database_seconds: f64, sent: Timestamp) {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 are far below 2^53")]
        let database_ms = (database_seconds * 1000.0) as i64;
        let (sent_ms, received_ms) = (sent.as_millisecond(), self.machine.now().as_millisecond());
        let least_ms = database_ms - received_ms.max(sent_ms);
        let most_ms = database_ms - sent_ms.min(received_ms);
        let before_ms = self.offset_ms.load(Ordering::Relaxed);
        let offset_ms = before_ms.clamp(least_ms, most_ms);
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const START_MS: i64 = 1_800_000_000_000;

    /// A clock that the test moves.
    fn clock() -> (DatabaseClock, Arc<AtomicI64>) {
        let machine_ms = Arc::new(AtomicI64::new(START_MS));
        let reading = machine_ms.clone();
        let machine = Clock::reading(move || Timestamp::from_millisecond(reading.load(Ordering::Relaxed)).unwrap());
        (DatabaseClock::new(machine), machine_ms)
    }

    /// Observes a statement. The database answers `ahead_ms` ahead of this machine, after a time under way in each direction.
    fn observe(clock: &DatabaseClock, machine_ms: &AtomicI64, ahead_ms: i64, [request_ms, response_ms]: [i64; 2]) {
        let sent = clock.machine_now();
        let read_ms = machine_ms.fetch_add(request_ms + response_ms, Ordering::Relaxed) + request_ms;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
        clock.observe((read_ms + ahead_ms) as f64 / 1000.0, sent);
    }

    fn offset_ms(clock: &DatabaseClock, machine_ms: &AtomicI64) -> i64 {
        clock.now().as_millisecond() - machine_ms.load(Ordering::Relaxed)
    }

    #[test]
    fn a_response_that_comes_late_does_not_move_the_clock() {
        let (clock, machine_ms) = clock();
        for way_ms in [[1, 5700], [5700, 1], [0, 0], [60_000, 60_000]] {
            observe(&clock, &machine_ms, 0, way_ms);
            assert_eq!(offset_ms(&clock, &machine_ms), 0, "{way_ms:?}");
        }
    }

    #[test]
    fn a_wrong_clock_is_corrected_however_long_responses_take() {
        for ahead_ms in [90_000, -90_000] {
            let (clock, machine_ms) = clock();
            observe(&clock, &machine_ms, ahead_ms, [1, 1]);
            let is_close = |offset_ms: i64| (offset_ms - ahead_ms).abs() <= 2;
            assert!(is_close(offset_ms(&clock, &machine_ms)), "{}", offset_ms(&clock, &machine_ms));
            observe(&clock, &machine_ms, ahead_ms, [1, 5700]);
            assert!(is_close(offset_ms(&clock, &machine_ms)), "{}", offset_ms(&clock, &machine_ms));
            // The machine's clock is set.
            observe(&clock, &machine_ms, 0, [1, 1]);
            assert_eq!(offset_ms(&clock, &machine_ms), 0);
        }
    }
}
