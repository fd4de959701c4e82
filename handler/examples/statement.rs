//! Sends the statement of the recorder with new visitors in a loop, to measure the database alone. `scripts/bench` compares the
//! recorder with it. This example is not shipped.
//!
//! usage: statement SECONDS VISITORS
//!
//! `DATABASE_URL` names the server. VISITORS is the number of visitors per statement.

use std::time::{Duration, Instant};

use handler::{
    clock::Clock,
    config::{Config, DatabaseConfig},
    domain::{Day, Dimension, Fingerprint, Minute, Salt, TallyKey},
    store::{
        self, Batch, CohortId, Counter, CounterIndex, Database, KeyRequest, Link, MinuteViews, Outcome, Part,
        PeriodOffer, Role, SiteId, SitePeriods, StatementLimits, Visitor,
    },
};
use uuid::Uuid;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [seconds, visitors] = arguments[..] else { anyhow::bail!("usage: statement SECONDS VISITORS") };
    let config = Config::load(&[("DATABASE_URL".to_owned(), std::env::var("DATABASE_URL")?)].into())?;
    let DatabaseConfig::Server(_) = &config.database else { anyhow::bail!("DATABASE_URL names no server") };
    let database = Database::new(&config.database, config.counting_mode(), Clock::system()).await?;
    let [connection] = database.connections([StatementLimits::FOR_REQUESTS]);
    let mut checkout = connection.checkout().await?;
    let day = Day::containing(connection.now(), &config.zone)?;
    let keep_until = config.forget.keep_until(day, &config.zone);
    let period = PeriodOffer { period: config.forget.period(day), salt: Salt([0; 32]), keep_until };
    let site = &"statement.example".parse()?;
    let request = KeyRequest { site, all_time: None, day: Some((day, Salt([0; 32]))), period: Some(period) };
    let site = store::open_keys(&mut checkout, &[request], config.forget, None).await?[0].site;

    let began = Instant::now();
    let (mut sent, mut finished) = (0, Vec::new());
    while began.elapsed() < Duration::from_secs(seconds) {
        let minute = Minute::containing(connection.now());
        let batch = Batch { finished, parts: vec![part(site, day, minute, sent, visitors)], ..Batch::default() };
        let outcome = store::commit(&mut checkout, &batch, config.forget).await?;
        anyhow::ensure!(outcome == Outcome::Applied(Vec::new()), "a batch was not applied: {outcome:?}");
        finished = vec![batch.parts[0].id];
        sent += visitors;
    }
    println!("visitors_per_second: {:.0}", sent as f64 / began.elapsed().as_secs_f64());
    Ok(())
}

/// The part of a batch for new visitors. Each visitor has a fingerprint for the site and one for the page.
fn part(site: SiteId, day: Day, minute: Minute, first: u64, visitors: u64) -> Part {
    let (of_site, of_page) = (CohortId::new(1), CohortId::new(2));
    let row = |(number, cohort): (u64, CohortId)| {
        let hash = blake3::hash(&[number.to_le_bytes(), u64::from(cohort == of_page).to_le_bytes()].concat());
        let fingerprint =
            Fingerprint(i64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes")));
        Visitor { fingerprint, cohort, previous: None, next: None, views: 1 }
    };
    let mut rows: Vec<Visitor> =
        (first..first + visitors).flat_map(|number| [(number, of_site), (number, of_page)]).map(row).collect();
    rows.sort_unstable();
    let pageviews = i64::try_from(visitors).expect("a batch is small");
    let counter = |key, value: &str| Counter { site, key, value: value.to_owned(), pageviews };
    let link = |cohort, counter, role| Link { cohort, counter: CounterIndex::last_of(counter), role };
    Part {
        id: Uuid::new_v4(),
        day,
        may_be_late: false,
        sites: vec![SitePeriods { site, previous_is_open: Some(false), next_is_open: Some(false) }],
        visitors: rows,
        links: vec![
            link(of_site, 1, Role::Visitors),
            link(of_site, 2, Role::VisitorsOfTheHour),
            link(of_page, 3, Role::Visitors),
        ],
        counters: vec![
            counter(TallyKey::Total, ""),
            counter(TallyKey::Hour, "0"),
            counter(TallyKey::Of(Dimension::Page), "/"),
        ],
        cells: vec![],
        minutes: vec![MinuteViews { site, minute, pageviews }],
        additions: vec![],
    }
}
