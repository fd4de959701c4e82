//! The order in which a batch locks rows. `PostgreSQL` runs the writes of a statement that no other part reads from the last one
//! to the first: this is not documented, so a test holds it.

use std::time::{Duration, Instant};

use crate::{client::visitor, database::Database, host::Host, process::PATIENCE};

/// Rows that no transaction has locked.
async fn free(database: &Database, rows: &str) -> i64 {
    database.number(&format!("select count(*) from (select from {rows} for update skip locked) as free")).await
}

/// Sends a visit while the rows of `minute` are locked. Returns when the batch has locked its tally, and asserts that the site,
/// the row that all batches share, is still free.
async fn a_batch_locks_the_site_last(database: &Database, host: &Host, number: usize) {
    let held = database.hold("select from minute for update").await;
    let request = visitor(number);
    let visiting = host.send(&request);
    let watching = async {
        let began = Instant::now();
        while free(database, "tally where dimension = 0").await > 0 {
            assert!(began.elapsed() < PATIENCE, "the batch locks no tally");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(free(database, "site").await, 1, "the site is locked before the minute");
        held.release().await;
    };
    let (response, ()) = tokio::join!(visiting, watching);
    assert!([200, 503].contains(&response.status), "{}", response.status);
}

#[tokio::test]
async fn a_batch_locks_tallies_then_minutes_then_the_site() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    assert_eq!(host.send(&visitor(0)).await.status, 200);
    // The next minutes too, because the test may take longer than one.
    let later = "insert into minute select site, minute + later, 0 from minute, generate_series(1, 30) as later";
    database.execute(later).await;
    // The first visit is of a new visitor, the second of a known one: they take different statements.
    for number in [1, 1] {
        a_batch_locks_the_site_last(&database, &host, number).await;
    }
}
