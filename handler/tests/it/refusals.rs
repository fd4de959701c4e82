//! Visits that the database rejects: the others of the batch are counted, and the rejected one is accounted and logged.

use crate::{
    client::{Request, Response, send, visitor},
    database::Database,
    host::Host,
};

const POISON: &str = "https://poison.example/";

fn visit(host: &Host, request: &Request) -> tokio::task::JoinHandle<Response> {
    let (request, port) = (host.dispatched(request).unwrap(), host.process.port);
    tokio::spawn(async move { send(port, &request).await })
}

/// Sends these visits so that they become one batch.
async fn send_together(database: &Database, host: &Host, requests: &[Request]) -> Vec<u16> {
    let holder = database.hold("lock table tally in access exclusive mode").await;
    // The first visit waits for the lock as a batch of its own. Meanwhile, the others queue for the next batch.
    let first = visit(host, &visitor(0));
    database.wait_for_some("wait_event_type = 'Lock'").await;
    let others: Vec<_> = requests.iter().map(|request| visit(host, request)).collect();
    host.ping().await;
    host.process.wait_until_read().await;
    holder.release().await;
    assert_eq!(first.await.unwrap().status, 200);
    let mut statuses = Vec::new();
    for other in others {
        statuses.push(other.await.unwrap().status);
    }
    statuses
}

/// Checks that a database with this constraint or trigger rejects one visit of a batch and counts the others. Each attempt with the
/// rejected visit raises the sequence `attempt`.
async fn assert_one_rejected(refusal: &str) {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    database.execute(&format!("create sequence attempt; {refusal}")).await;
    let mut requests: Vec<Request> = (1..=40).map(visitor).collect();
    requests[23] = visitor(24).header("Referer", POISON);
    let statuses = send_together(&database, &host, &requests).await;
    let expected: Vec<u16> = (0..40).map(|index| if index == 23 { 500 } else { 200 }).collect();
    assert_eq!(statuses, expected);
    // The whole batch, its halves, and so on. Other attempts would use up the time of the other visits.
    assert!(database.number("select last_value from attempt").await <= 7);
    assert_eq!((database.visitors_today().await, database.pageviews().await), (40, 41));
    let logged = host.process.wait_for_event("visit_refused").await;
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["level"], "ERROR");
    assert!(!host.process.lines().concat().contains("poison"), "the rejected value is logged");
    // The same visitor counts without the rejected referrer.
    assert_eq!(host.send(&visitor(24)).await.status, 200);
    assert_eq!(database.visitors_today().await, 41);
    // Statistics follow after a counted visit, so they include the rejected one.
    let statistics = host.statistics().await;
    assert_eq!(statistics["excluded"]["refused"], 1);
    assert_eq!(statistics["referrers"], serde_json::json!([]));
    database.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_rejected_by_a_constraint_does_not_fail_its_batch() {
    assert_one_rejected(
        "alter table tally add constraint no_poison check (value <> 'poison.example' or nextval('attempt') < 0)",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_rejected_by_a_trigger_does_not_fail_its_batch() {
    assert_one_rejected(
        "create function refuse() returns trigger language plpgsql as $$ \
         begin perform nextval('attempt'); raise exception 'no'; end $$; \
         create trigger refuse before insert on tally for each row when (new.value = 'poison.example') \
         execute function refuse()",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_rejects_every_visit_does_not_block_the_queue() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    database.execute("alter table tally add constraint no_pages check (dimension <> 1) not valid").await;
    let visits: Vec<_> = (1..=200).map(|number| visit(&host, &visitor(number))).collect();
    for visit in visits {
        let status = visit.await.unwrap().status;
        assert!([500, 503].contains(&status), "{status}");
    }
    // The last attempt may still be running. A rejected visit after it shows that the queue is empty.
    while host.send(&visitor(1)).await.status != 500 {}
    assert_eq!(database.pageviews().await, 1);
    database.execute("alter table tally drop constraint no_pages").await;
    assert_eq!(host.send(&visitor(1)).await.status, 200);
    assert_eq!((database.visitors_today().await, database.pageviews().await), (2, 2));
    database.assert_sound().await;
}

/// A worker of a cluster that was lost while a month was opened lacks the set of the month for a second. Nothing is wrong with the
/// visit, so it waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_waits_for_a_set_that_is_missing_for_a_moment() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    let period = database.number("select max(period) from salt").await;
    database.execute(&format!("alter table seen detach partition seen_{period}")).await;
    let waiting = visit(&host, &visitor(1));
    host.process.wait_for_event("database_lost").await;
    database.execute(&format!("alter table seen attach partition seen_{period} for values in ({period})")).await;
    assert_eq!(waiting.await.unwrap().status, 200);
    assert_eq!((database.visitors_today().await, database.pageviews().await), (2, 2));
    database.assert_sound().await;
}

/// Citus reports a lost worker as an internal error (`XX000`). The visit may be under way, so it is sent again, and counted once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_internal_error_counts_as_a_lost_connection() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    database
        .execute(
            "create function fail() returns trigger language plpgsql as \
             $$ begin raise exception 'a worker is lost' using errcode = 'XX000'; end $$; \
             create trigger fail before insert on batch for each row execute function fail()",
        )
        .await;
    let waiting = visit(&host, &visitor(1));
    let logged = host.process.wait_for_event("database_lost").await;
    assert_eq!(logged[0]["sqlstate"], "XX000", "{logged:?}");
    database.execute("drop trigger fail on batch").await;
    assert_eq!(waiting.await.unwrap().status, 200);
    assert_eq!((database.visitors_today().await, database.pageviews().await), (2, 2));
    database.assert_sound().await;
}
