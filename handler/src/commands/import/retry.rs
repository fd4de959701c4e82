//! Retries database work that changes nothing, so that an import survives a restart of the database.

use std::time::Duration;

use crate::store::Failure;

/// The first pause before a retry. Each pause is twice as long as the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Does work, and again after a lost connection.
pub(super) async fn retry_lost<T>(work: impl AsyncFn() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut pause = FIRST_PAUSE;
    loop {
        let outcome = work().await;
        if !matches!(outcome, Err(Failure::Lost(_))) || pause > LONGEST_PAUSE {
            return outcome;
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}
