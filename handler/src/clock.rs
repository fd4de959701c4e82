//! The clock. Code that needs the time gets a clock as an argument, so that tests can set midnight or the end of a month.

use std::sync::Arc;

use jiff::Timestamp;

/// A source of the current time. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// This machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that returns the result of `read`.
    pub fn reading(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The time by this clock.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}
