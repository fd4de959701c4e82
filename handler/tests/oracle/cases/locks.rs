//! A batch of one month concurrent with batches of the next one. Each test fails without the locks on `seen`.

use super::{Stage, day, view};

/// A visitor comes just before midnight, whose batch is held up after writing, and just after midnight over another
/// instance.
async fn a_visitor_on_both_sides_of_midnight(stage: &Stage) {
    let (before, after) = (view(0, "2026-10-31T23:59:59Z", "/"), view(0, "2026-11-01T00:00:01Z", "/"));
    let held = stage.fleet.database.hold_day(day("2026-10-31").number()).await;
    let second = async {
        stage.time_is("2026-11-01T00:00:05Z").await;
        stage.visit(1, &after).await;
    };
    stage.overlap(held, stage.visit(0, &before), second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_october_and_one_of_november_never_miss_each_other() {
    let stage = Stage::set(2, "2026-11-01T00:00:05Z").await;
    // Both months are open, and both instances know it.
    for instance in [0, 1] {
        stage.visits(instance, 9, "/", &["2026-10-31T23:00:00Z", "2026-11-01T00:00:00Z"]).await;
    }
    a_visitor_on_both_sides_of_midnight(&stage).await;
    assert_eq!(stage.numbers("2026-10-31", "2026-11-01").await, (Some(2), Some(2), 6));
    assert_eq!(stage.numbers("2026-11-01", "2026-11-01").await, (Some(2), Some(0), 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn november_is_not_opened_in_the_middle_of_a_batch_of_october() {
    let stage = Stage::set(2, "2026-10-31T23:59:59Z").await;
    for instance in [0, 1] {
        stage.visits(instance, 9, "/", &["2026-10-31T23:00:00Z"]).await;
    }
    a_visitor_on_both_sides_of_midnight(&stage).await;
    assert_eq!(stage.numbers("2026-10-31", "2026-11-01").await, (Some(2), Some(2), 4));
    assert_eq!(stage.numbers("2026-11-01", "2026-11-01").await, (Some(1), Some(0), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_october_written_after_one_of_november_shortens_its_gap() {
    let stage = Stage::set(2, "2026-11-01T00:00:05Z").await;
    for instance in [0, 1] {
        stage.visits(instance, 9, "/", &["2026-10-31T23:00:00Z", "2026-11-01T00:00:00Z"]).await;
    }
    let held = stage.fleet.database.hold_day(day("2026-11-01").number()).await;
    let (before, after) = (view(0, "2026-10-31T23:59:59Z", "/"), view(0, "2026-11-01T00:00:01Z", "/"));
    stage.overlap(held, stage.visit(1, &after), stage.visit(0, &before)).await;
    assert_eq!(stage.numbers("2026-10-31", "2026-11-01").await, (Some(2), Some(2), 6));
    assert_eq!(stage.numbers("2026-11-01", "2026-11-01").await, (Some(2), Some(0), 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visits_do_not_wait_for_a_set_being_vacuumed() {
    let stage = Stage::set(1, "2026-11-01T00:00:05Z").await;
    stage.visits(0, 9, "/", &["2026-10-31T23:00:00Z"]).await;
    let held = stage.fleet.database.hold_as_vacuum("seen_24321").await;
    // The first visit opens November; the others alternate between both months.
    // A visit that waits for the vacuum fails at its deadline.
    stage.visits(0, 0, "/", &["2026-11-01T00:00:01Z", "2026-10-31T23:59:59Z", "2026-11-01T00:00:02Z"]).await;
    held.release().await;
    assert_eq!(stage.numbers("2026-10-31", "2026-11-01").await, (Some(2), Some(2), 4));
}
