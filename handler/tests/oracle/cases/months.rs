//! Beginnings and ends of months and days.

use handler::{domain::Forget, recorder::Imported};

use super::{Stage, view};
use crate::oracle::run::PATIENT;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_open_a_month_at_the_same_time_all_count() {
    let stage = Stage::set(6, "2026-01-01T12:00:00Z").await;
    for month in 1..=6 {
        let now = format!("2026-{month:02}-01T12:00:00Z");
        stage.time_is(&now).await;
        let same = view(0, &now, "/");
        tokio::join!(
            stage.visit(0, &same),
            stage.visit(1, &same),
            stage.visit(2, &same),
            stage.visit(3, &same),
            stage.visit(4, &same),
            stage.visit(5, &same),
        );
        let day = &now[..10];
        assert_eq!(stage.numbers(day, day).await, (Some(1), Some(i64::from(month == 1)), 6));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_next_to_a_closed_one_accepts_no_new_visitors() {
    let stage = Stage::set(2, "2026-09-20T12:00:00Z").await;
    stage.visits(0, 0, "/", &["2026-09-20T12:00:00Z"]).await;
    stage.time_is("2026-10-10T12:00:00Z").await;
    stage.visits(0, 1, "/", &["2026-10-10T12:00:00Z"]).await;
    // September is forgotten; October is still open, because November looks back to it.
    stage.time_is("2026-11-02T12:00:00Z").await;
    stage.maintain().await;
    let late = [view(0, "2026-10-15T12:00:00Z", "/")];
    for instance in [0, 1] {
        let imported = stage.import(instance, u8::try_from(instance).unwrap(), &late).await;
        assert_eq!(imported, Imported { applied: true, closed: vec![0], late: vec![] });
    }
    stage.visits(1, 0, "/", &["2026-10-15T12:00:00Z"]).await;
    assert_eq!(stage.numbers("2026-09-01", "2026-10-31").await, (Some(2), Some(2), 3));
    // November is not affected.
    stage.visits(0, 1, "/", &["2026-11-02T11:00:00Z"]).await;
    assert_eq!(stage.numbers("2026-10-01", "2026-11-30").await, (Some(1), Some(1), 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_day_between_two_months_removes_no_gap_that_was_never_counted() {
    let stage = Stage::set(1, "2027-01-18T12:00:00Z").await;
    // January does not look back to November; when a day of December comes late, it does not lose that gap either.
    stage.visits(0, 0, "/", &["2026-11-29T12:00:00Z", "2027-01-18T12:00:00Z", "2026-12-10T12:00:00Z"]).await;
    assert_eq!(stage.numbers("2026-12-01", "2027-01-31").await, (Some(1), Some(0), 2));
    assert_eq!(stage.numbers("2027-01-18", "2027-01-18").await, (Some(1), Some(0), 1));
    assert_eq!(stage.numbers("2026-11-01", "2026-12-31").await, (Some(1), Some(1), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maintenance_never_drops_a_set_that_is_being_opened() {
    let stage = Stage::set_with(2, "2026-03-01T12:00:00Z", Forget::Daily, PATIENT).await;
    stage.visits(0, 0, "/", &["2026-03-01T12:00:00Z"]).await;
    // Maintenance runs while each of the messages is under way.
    for nth in 1..=8 {
        let now = format!("2026-03-{:02}T12:00:00Z", nth + 1);
        stage.time_is(&now).await;
        let cable = &stage.fleet.instance(0).cable;
        cable.hold_request(nth);
        let first = view(0, &now, "/");
        let mut visiting = std::pin::pin!(stage.visit(0, &first));
        tokio::select! {
            () = &mut visiting => {}
            () = cable.wait_until_a_request_is_held() => {
                stage.maintain().await;
                cable.release_request();
                visiting.await;
            }
        }
        cable.hold_request(0);
        stage.visit(1, &first).await;
        let day = &now[..10];
        assert_eq!(stage.numbers(day, day).await, (Some(1), None, 2), "message {nth}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_removal_of_a_set_does_not_stop_the_others() {
    let stage = Stage::set_with(1, "2026-03-01T12:00:00Z", Forget::Daily, PATIENT).await;
    for day in 1..=4 {
        let now = format!("2026-03-{day:02}T12:00:00Z");
        stage.time_is(&now).await;
        stage.visits(0, 0, "/", &[&now]).await;
    }
    // A reader locks a set that is not the first.
    let sets = "select count(*) from pg_class where relname ~ '^seen_[0-9]+$' and relkind = 'r'";
    let held = stage.fleet.database.hold_as_reader("seen_20514").await;
    stage.maintain().await;
    held.release().await;
    stage.maintain().await;
    assert_eq!(stage.fleet.database.number(sets).await, 1);
}
