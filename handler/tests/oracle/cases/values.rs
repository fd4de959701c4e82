//! The limit of distinguished values per day.

use handler::domain::{Dimension, dimension::OTHER, dimension::VALUES_A_DAY};

use super::{Stage, view};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_of_a_log_of_many_days_loses_no_page() {
    let stage = Stage::set(1, "2026-03-31T12:00:00Z").await;
    let dates = (1..=2).flat_map(|month| (1..=28).map(move |day| format!("2026-{month:02}-{day:02}T12:00:00Z")));
    let dates = dates.chain((1..=30).map(|day| format!("2026-03-{day:02}T12:00:00Z")));
    let views: Vec<_> = dates.map(|time| view(0, &time, "/a")).collect();
    stage.import(0, 1, &views).await;
    let report = stage.report("2026-02-01", "2026-03-31").await;
    let pages: Vec<_> = report.lists[&Dimension::Page]
        .iter()
        .map(|entry| (entry.value.as_str(), entry.visitors, entry.pageviews))
        .collect();
    assert_eq!(pages, [("/a", Some(1), 58)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_beyond_the_limit_count_as_other_and_add_up() {
    const PAGES: usize = VALUES_A_DAY + 120;
    let stage = Stage::set(2, "2026-03-10T12:00:00Z").await;
    let times = ["2026-03-09T12:00:00Z", "2026-03-10T12:00:00Z"];
    for (number, time) in times.iter().enumerate() {
        // Each of 100 visitors, in networks of their own, views many pages, the later pages over another instance.
        let views: Vec<_> = (0..PAGES).map(|page| view(8 * (page % 100), time, &format!("/{page:04}"))).collect();
        let number = u8::try_from(number).unwrap();
        stage.import(0, 2 * number, &views[..PAGES / 2]).await;
        stage.import(1, 2 * number + 1, &views[PAGES / 2..]).await;
        let day = &time[..10];
        let database = &stage.fleet.database;
        let of_day = format!("from tally where dimension = 1 and day = {}", super::day(day).number());
        assert_eq!(database.number(&format!("select sum(pageviews) {of_day}")).await, i64::try_from(PAGES).unwrap());
        let kept = database.number(&format!("select count(*) {of_day}")).await;
        assert_eq!(kept, i64::try_from(VALUES_A_DAY).unwrap() + 1);
    }
    let report = stage.report("2026-03-09", "2026-03-10").await;
    assert_eq!((report.counts.visitors, report.counts.pageviews), (Some(100), 2 * i64::try_from(PAGES).unwrap()));
    let other = report.lists[&Dimension::Page].iter().find(|entry| entry.value == OTHER).unwrap();
    // All 100 visitors have views counted as `other`, on both days.
    assert_eq!((other.visitors, other.pageviews), (Some(100), 240));
}
