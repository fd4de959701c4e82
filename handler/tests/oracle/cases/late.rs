//! Visits that come after others of the same visitor.

use handler::{domain::Exclusion, recorder::Imported};

use super::{Stage, view};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_late_day_of_a_visitor_is_reported_late() {
    let stage = Stage::set(1, "2026-03-20T12:00:00Z").await;
    stage.visits(0, 0, "/", &["2026-03-10T12:00:00Z", "2026-03-11T12:00:00Z", "2026-03-12T12:00:00Z"]).await;
    let views = [view(0, "2026-03-02T12:00:00Z", "/"), view(0, "2026-03-15T12:00:00Z", "/")];
    assert_eq!(stage.import(0, 1, &views).await, Imported { applied: true, closed: vec![], late: vec![0] });
    assert_eq!(stage.numbers("2026-03-01", "2026-03-31").await, (Some(1), Some(1), 5));
    let report = stage.report("2026-03-02", "2026-03-02").await;
    assert_eq!((report.counts.visitors, report.excluded.get(&Exclusion::Late)), (Some(0), Some(&1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_that_becomes_late_while_waiting_for_another_is_accounted() {
    let stage = Stage::set(2, "2026-03-20T12:00:00Z").await;
    stage.visits(0, 0, "/", &["2026-03-02T12:00:00Z", "2026-03-05T12:00:00Z"]).await;
    stage.visits(1, 1, "/", &["2026-03-06T12:00:00Z"]).await;
    // The later day is written but not committed.
    let held = stage.fleet.database.hold_day(super::day("2026-03-06").number()).await;
    let (later, late) = (view(0, "2026-03-06T12:00:00Z", "/"), view(0, "2026-03-03T12:00:00Z", "/"));
    stage.overlap(held, stage.visit(1, &later), stage.visit(0, &late)).await;
    let report = stage.report("2026-03-03", "2026-03-03").await;
    let late = report.excluded.get(&Exclusion::Late).copied().unwrap_or_default();
    assert_eq!((report.counts.visitors, late), (Some(0), 1), "neither a visitor nor accounted");
    assert_eq!(stage.numbers("2026-03-01", "2026-03-31").await, (Some(2), Some(2), 5));
}
