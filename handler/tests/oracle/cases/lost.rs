//! Lost responses of the database.

use std::time::Duration;

use handler::{
    domain::{Exclusion, Forget},
    store::StatementLimits,
};

use super::{Stage, view};

#[tokio::test]
async fn a_batch_with_a_lost_response_is_not_split() {
    let limits = StatementLimits { statement: Duration::from_millis(600), lock: Duration::from_millis(500) };
    let stage = Stage::set_with(1, "2026-03-10T12:00:00Z", Forget::Monthly, limits).await;
    stage.visits(0, 9, "/", &["2026-03-10T11:00:00Z"]).await;
    // The first attempt is committed, the second times out, and the third succeeds.
    let slow = "create sequence attempt;
        create function be_slow() returns trigger language plpgsql as $$
        begin
            if nextval('attempt') = 2 then perform pg_sleep(2); end if;
            return new;
        end $$;
        create trigger slow before insert on batch for each row execute function be_slow()";
    stage.fleet.database.execute(slow).await;
    stage.fleet.instance(0).cable.lose_response(1);
    let (one, another) = (view(0, "2026-03-10T12:00:00Z", "/"), view(1, "2026-03-10T12:00:00Z", "/"));
    tokio::join!(stage.visit(0, &one), stage.visit(0, &another));
    assert_eq!(stage.numbers("2026-03-10", "2026-03-10").await, (Some(3), Some(3), 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_counted_before_is_not_reported_as_new_after_a_lost_response() {
    let stage = Stage::set(2, "2026-03-10T12:00:00Z").await;
    let views = [view(0, "2026-03-09T12:00:00Z", "/")];
    stage.visits(1, 0, "/", &["2026-03-09T13:00:00Z"]).await;
    assert!(stage.import(0, 1, &views).await.applied);
    for nth in 1..=4 {
        stage.fleet.instance(1).cable.lose_response(nth);
        assert!(!stage.import(1, 1, &views).await.applied, "answer {nth}");
        stage.fleet.instance(1).cable.mend();
    }
    assert_eq!(stage.numbers("2026-03-09", "2026-03-09").await, (Some(1), Some(1), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_that_was_late_before_a_lost_response_is_late_again() {
    let stage = Stage::set(1, "2026-03-20T12:00:00Z").await;
    stage.visits(0, 0, "/", &["2026-03-10T12:00:00Z", "2026-03-11T12:00:00Z", "2026-03-12T12:00:00Z"]).await;
    let late = view(0, "2026-03-02T12:00:00Z", "/");
    // From the second chunk on there is one message.
    stage.visit(0, &late).await;
    stage.fleet.instance(0).cable.lose_response(1);
    stage.visit(0, &late).await;
    stage.visit(0, &late).await;
    let report = stage.report("2026-03-02", "2026-03-02").await;
    assert_eq!((report.counts.visitors, report.excluded.get(&Exclusion::Late)), (Some(0), Some(&3)));
}
