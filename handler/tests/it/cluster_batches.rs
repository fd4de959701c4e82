//! The same random batches on one server and on a cluster. Every outcome and every row must be equal, although Citus plans and runs
//! the statements in its own way. The oracle checks that the numbers are correct.
//!
//! A batch has visitors of several sites, on days over two months' ends, and comes late, again, as an import, or with an outdated
//! list of open periods. `BATCHES_SEED=7 BATCHES=1000` runs others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use handler::{
    clock::Clock,
    config::DatabaseConfig,
    domain::{CountingMode, Day, Dimension, Exclusion, Fingerprint, Forget, Minute, Salt, SiteName, TallyKey},
    store::{
        self, Addition, Batch, Checkpoint, CohortId, Connection, Counter, CounterIndex, Failure, KeyRequest, Link,
        MinuteViews, Outcome, Part, PeriodOffer, Register, Role, SiteId, SitePeriods, StatementLimits, Visitor,
    },
};
use jiff::{Timestamp, civil::date, tz::TimeZone};
use uuid::Uuid;

use crate::{
    cluster::{cluster, has_cluster},
    database::Database,
    random::Random,
    support::number_from,
};

/// The batches of this seed have every outcome.
const SEED: usize = 1;
const BATCHES: usize = 100;

const SITES: usize = 3;

/// Visitors of a site, of whom each batch has some.
const VISITORS: usize = 40;

const PAGES: usize = 4;

/// How many batches may be sent again.
const REMEMBERED: usize = 6;

/// The machine may be busy.
const LIMITS: StatementLimits = StatementLimits { statement: Duration::from_secs(60), lock: Duration::from_secs(60) };

/// Everything that batches write, as text.
const TABLES: [&str; 11] = [
    "select concat_ws(' ', 'tally', site, day, dimension, value, pageviews, visitors, slot) from tally",
    "select concat_ws(' ', 'seen', period, fingerprint, latest, coalesce(second, -1), coalesce(third, -1)) from seen",
    "select concat_ws(' ', 'total', site, slot, pageviews, registers_revision) from total",
    "select concat_ws(' ', 'register', site, register, rank) from register",
    "select concat_ws(' ', 'minute', site, minute, pageviews, slot) from minute",
    "select concat_ws(' ', 'addition', site, day, dimension, network, added) from addition",
    "select concat_ws(' ', 'checkpoint', site, digest, bytes) from checkpoint",
    "select concat_ws(' ', 'batch', id) from batch",
    "select concat_ws(' ', 'salt', site, period, salt) from salt",
    "select concat_ws(' ', 'ended_set', period) from ended_set",
    "select concat_ws(' ', 'set', inhrelid::regclass) from pg_inherits where inhparent = 'seen'::regclass",
];

/// How many days pass, whatever the number of batches: to April, or few enough days, because each of them has a set.
fn span(forget: Forget) -> i32 {
    if forget.reach() > 0 { 75 } else { 20 }
}

/// One of the databases.
struct Copy {
    name: &'static str,
    database: Database,
    connection: Arc<Connection>,
}

impl Copy {
    async fn of(name: &'static str, database: Database, forget: Forget) -> Self {
        let mode = CountingMode { zone: TimeZone::UTC, forget, own_site: "localhost".parse().unwrap() };
        let config = DatabaseConfig::Server(Box::new(database.options()));
        let clock = Clock::reading(Timestamp::now);
        let [connection] = store::Database::new(&config, mode, clock).await.unwrap().connections([LIMITS]);
        // Migrates a database without a schema.
        connection.check().await.unwrap();
        Self { name, database, connection }
    }

    async fn open(&self, requests: &[KeyRequest<'_>], forget: Forget) -> Vec<store::OpenedKeys> {
        let mut checkout = self.connection.checkout().await.unwrap();
        let opened = store::open_keys(&mut checkout, requests, forget, None).await;
        checkout.release(opened).unwrap()
    }

    async fn commit(&self, batch: &Batch, forget: Forget) -> Result<Outcome, Failure> {
        let mut checkout = self.connection.checkout().await.unwrap();
        let outcome = store::commit(&mut checkout, batch, forget).await;
        checkout.release(outcome).map(|outcome| match outcome {
            Outcome::Applied(late) => Outcome::Applied(sorted(late)),
            Outcome::AppliedBefore(late) => Outcome::AppliedBefore(sorted(late)),
            other => other,
        })
    }

    async fn forget(&self, site: SiteId, days: &[Day], forget: Forget) {
        let periods: BTreeSet<_> = days.iter().map(|day| forget.period(*day)).collect();
        let mut checkout = self.connection.checkout().await.unwrap();
        let forgotten = store::forget_periods(&mut checkout, site, &Vec::from_iter(periods)).await;
        checkout.release(forgotten).unwrap();
    }

    async fn distribute(&self) {
        let mut checkout = self.connection.checkout().await.unwrap();
        let distributed = store::distribute_sets(&mut checkout).await;
        checkout.release(distributed).unwrap();
    }

    async fn rows(&self) -> BTreeSet<String> {
        let mut rows = BTreeSet::new();
        for table in TABLES {
            rows.extend(self.database.texts(table).await);
        }
        rows
    }
}

fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort();
    rows
}

/// Something that is new for each argument, and the same in each run.
fn hash(parts: [usize; 4]) -> u64 {
    let mut hash = 0;
    for part in parts {
        hash = Random::of(hash ^ u64::try_from(part).unwrap()).next();
    }
    hash
}

fn name_of(site: usize) -> SiteName {
    format!("site-{site}.example").parse().unwrap()
}

/// The visitor's fingerprint in the period of a day. Scope 0 is the site, and the others are its pages.
fn fingerprint(site: usize, scope: usize, visitor: usize, period: Day, forget: Forget) -> Fingerprint {
    let period = usize::try_from(forget.period(period).number()).unwrap();
    Fingerprint(hash([site * 100 + scope, visitor, period, 1]).cast_signed())
}

fn salt(site: usize, period: i32) -> Salt {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&hash([site, usize::try_from(period).unwrap(), 0, 2]).to_le_bytes());
    Salt(bytes)
}

/// Makes batches from a seed.
struct Sender {
    random: Random,
    forget: Forget,
    ids: [SiteId; SITES],
    today: Day,
    batches: u128,
}

/// The open periods of each site for a day: this one, the previous one and the next one.
type Open = [(bool, bool, bool); SITES];

impl Sender {
    fn id(&mut self) -> Uuid {
        self.batches += 1;
        Uuid::from_u128(self.batches)
    }

    fn earlier_day(&mut self) -> Day {
        self.today.plus(-self.random.between(0, span(self.forget) * 3 / 5))
    }

    /// The visits of a day.
    fn part(&mut self, day: Day, open: Open, has_visitors: bool) -> Part {
        let may_be_late = day < self.today;
        let mut part = Part {
            cells: Vec::new(),
            id: self.id(),
            day,
            may_be_late,
            sites: Vec::new(),
            visitors: Vec::new(),
            links: Vec::new(),
            counters: Vec::new(),
            minutes: Vec::new(),
            additions: Vec::new(),
        };
        let mut cohort = 0;
        for (site, (is_open, previous_is_open, next_is_open)) in open.into_iter().enumerate() {
            if self.random.percent(30) {
                continue;
            }
            let total = self.counter(&mut part, site, TallyKey::Total, "");
            if !has_visitors || !is_open {
                continue;
            }
            let compares = self.forget.reach() > 0;
            part.sites.push(SitePeriods {
                site: self.ids[site],
                previous_is_open: compares.then_some(previous_is_open),
                next_is_open: compares.then_some(next_is_open),
            });
            let late = self.counter(&mut part, site, TallyKey::Exclusion, Exclusion::Late.name());
            let browsers = ["Firefox", "Safari"];
            let browsers = browsers.map(|name| self.counter(&mut part, site, TallyKey::Of(Dimension::Browser), name));
            let neighbours = (previous_is_open, next_is_open);
            // Each visitor of the site is in one cohort.
            let mut rest: Vec<usize> = (0..VISITORS).collect();
            for hour in [9, 10, 11] {
                cohort += 1;
                let of_hour = self.counter(&mut part, site, TallyKey::Hour, &hour.to_string());
                let browser = self.random.one_of(&browsers);
                let (of_total, of_browser) = ((total, Role::Visitors), (browser, Role::Visitors));
                link(
                    &mut part,
                    cohort,
                    &[of_total, of_browser, (of_hour, Role::VisitorsOfTheHour), (late, Role::LateViews)],
                );
                for _ in 0..self.random.below(6) {
                    let visitor = rest.swap_remove(self.random.low(rest.len()));
                    self.visitor(&mut part, (site, 0, visitor), cohort, neighbours);
                }
            }
            for page in 1..=PAGES {
                if self.random.percent(50) {
                    continue;
                }
                cohort += 1;
                let counter = self.counter(&mut part, site, TallyKey::Of(Dimension::Page), &format!("/page-{page}"));
                link(&mut part, cohort, &[(counter, Role::Visitors)]);
                let visitors: BTreeSet<usize> = (0..self.random.below(6)).map(|_| self.random.low(VISITORS)).collect();
                for visitor in visitors {
                    self.visitor(&mut part, (site, page, visitor), cohort, neighbours);
                }
            }
            let number = day.number() * 1440 + self.random.between(0, 3);
            let minute = Minute::from_number(number);
            part.minutes.push(MinuteViews { site: self.ids[site], minute, pageviews: 2 });
            if self.random.percent(40) {
                // More than a network may add violates a check, which rejects the batch.
                let (network, added) = (Fingerprint(7), i16::try_from(self.random.between(8, 20)).unwrap());
                let dimension = TallyKey::Of(Dimension::Page);
                part.additions.push(Addition { site: self.ids[site], dimension, network, added });
            }
        }
        part.visitors.sort();
        part
    }

    fn counter(&mut self, part: &mut Part, site: usize, key: TallyKey, value: &str) -> CounterIndex {
        let pageviews = if key == TallyKey::Exclusion { 0 } else { self.random.between(0, 5).into() };
        part.counters.push(Counter { site: self.ids[site], key, value: value.to_owned(), pageviews });
        CounterIndex::last_of(part.counters.len())
    }

    fn visitor(
        &mut self,
        part: &mut Part,
        (site, scope, visitor): (usize, usize, usize),
        cohort: i32,
        (previous_is_open, next_is_open): (bool, bool),
    ) {
        let forget = self.forget;
        let of_period = |offset| fingerprint(site, scope, visitor, forget.first_day(part.day, offset), forget);
        let compares = forget.reach() > 0;
        part.visitors.push(Visitor {
            fingerprint: of_period(0),
            cohort: CohortId::new(cohort),
            previous: (compares && previous_is_open).then(|| of_period(-1)),
            next: (compares && next_is_open).then(|| of_period(1)),
            views: if scope == 0 { self.random.between(1, 3) } else { 0 },
        });
    }

    /// A few random registers of a site.
    fn registers(&mut self) -> Vec<Register> {
        let site = self.random.below(SITES);
        let ranks: BTreeMap<i16, i16> = (0..self.random.below(4))
            .map(|_| (self.random.between(0, 9), self.random.between(1, 20)))
            .map(|(register, rank)| (i16::try_from(register).unwrap(), i16::try_from(rank).unwrap()))
            .collect();
        ranks.into_iter().map(|(register, rank)| Register { site: self.ids[site], register, rank }).collect()
    }

    /// One of few logs, so that some are imported twice.
    fn checkpoint(&mut self) -> Checkpoint {
        let number = u8::try_from(self.random.below(12)).unwrap();
        Checkpoint { site: self.ids[0], digest: [number; 32], bytes: number.into() }
    }
}

fn link(part: &mut Part, cohort: i32, roles: &[(CounterIndex, Role)]) {
    let links =
        roles.iter().map(|(counter, role)| Link { cohort: CohortId::new(cohort), counter: *counter, role: *role });
    part.links.extend(links);
}

/// Opens the keys of a day on every copy.
async fn open(copies: &[Copy], day: Day, forget: Forget) -> Open {
    let names: [SiteName; SITES] = std::array::from_fn(name_of);
    let period = forget.period(day);
    let keep_until = "2100-01-01T00:00Z".parse().unwrap();
    let request = |site: usize| KeyRequest {
        site: &names[site],
        all_time: None,
        day: Some((day, salt(SITES, day.number()))),
        period: Some(PeriodOffer { period, salt: salt(site, period.number()), keep_until }),
    };
    let requests: [KeyRequest<'_>; SITES] = std::array::from_fn(request);
    let mut of_all = Vec::new();
    for copy in copies {
        let opened = copy.open(&requests, forget).await;
        let is_open = opened.iter().map(|keys| (keys.salt.is_some(), keys.previous.is_some(), keys.next.is_some()));
        of_all.push(is_open.collect::<Vec<_>>());
    }
    assert!(of_all.iter().all(|open| *open == of_all[0]), "{day}: the open periods are {of_all:?}");
    of_all.swap_remove(0).try_into().unwrap()
}

async fn ids(copies: &[Copy]) -> [SiteId; SITES] {
    let mut of_all = Vec::new();
    for copy in copies {
        let mut checkout = copy.connection.checkout().await.unwrap();
        let mut ids = Vec::new();
        for site in 0..SITES {
            ids.push(store::open_site(&mut checkout, &name_of(site)).await.unwrap());
        }
        checkout.release(Ok(())).unwrap();
        of_all.push(ids);
    }
    assert!(of_all.iter().all(|ids| *ids == of_all[0]));
    of_all.swap_remove(0).try_into().unwrap()
}

async fn assert_equal_rows(copies: &[Copy], when: &str) -> usize {
    let expected = copies[0].rows().await;
    for copy in &copies[1..] {
        let rows = copy.rows().await;
        let differ: Vec<&String> = expected.symmetric_difference(&rows).take(20).collect();
        assert_eq!(differ, [""; 0], "{when}: rows of {} or of {} only", copies[0].name, copy.name);
    }
    expected.len()
}

/// Sends the same batches to one server, to a cluster, and to a cluster whose sets are distributed in the middle.
async fn assert_equal_after_random_batches(forget: Forget) {
    if !has_cluster() {
        return;
    }
    let (seed, batches) = (number_from("BATCHES_SEED", SEED), number_from("BATCHES", BATCHES));
    let copies = [
        Copy::of("one server", Database::create_without_schema().await, forget).await,
        Copy::of("a cluster", Database::create().await, forget).await,
        Copy::of("a cluster that was distributed later", cluster().await, forget).await,
    ];
    let ids = ids(&copies).await;
    let first = Day::of_date(date(2027, 1, 20)).unwrap();
    let random = Random::of(u64::try_from(seed).unwrap());
    let mut sender = Sender { random, forget, ids, today: first, batches: 0 };
    let mut remembered: Vec<Batch> = Vec::new();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..batches {
        let part_of_span = number * usize::try_from(span(forget)).unwrap() / batches;
        sender.today = first.plus(i32::try_from(part_of_span).unwrap());
        if number == batches / 2 {
            copies[2].distribute().await;
        }
        if number == batches * 2 / 3 {
            let days: Vec<Day> = (0..12).map(|day| first.plus(day)).collect();
            for copy in &copies {
                for id in &ids[..if forget.reach() > 0 { SITES } else { SITES - 1 }] {
                    copy.forget(*id, &days, forget).await;
                }
            }
        }
        let kind = sender.random.below(100);
        let batch = if kind < 12 && !remembered.is_empty() {
            remembered.swap_remove(sender.random.below(remembered.len()))
        } else {
            let is_import = kind < 30;
            let mut days = BTreeSet::from([if kind < 75 { sender.earlier_day() } else { sender.today }]);
            days.extend((1..if is_import { 4 } else { 1 }).map(|_| sender.earlier_day()));
            let mut parts = Vec::new();
            for day in days {
                let mut open = open(&copies, day, forget).await;
                let has_visitors = !(30..35).contains(&kind);
                if (35..43).contains(&kind) {
                    // The sender does not know that a period was opened or closed.
                    open[0] = (true, !open[0].1, open[0].2);
                }
                parts.push(sender.part(day, open, has_visitors));
            }
            let finished = if remembered.len() > REMEMBERED { remembered.remove(0).parts } else { Vec::new() };
            let finished = finished.iter().map(|part| part.id).collect();
            let checkpoint = is_import.then(|| sender.checkpoint());
            Batch { finished, parts, registers: sender.registers(), checkpoint }
        };
        let expected = copies[0].commit(&batch, forget).await;
        for copy in &copies[1..] {
            assert_eq!(copy.commit(&batch, forget).await, expected, "seed {seed}, batch {number}, {}", copy.name);
        }
        let name = match &expected {
            Ok(Outcome::Applied(late)) if !late.is_empty() => "late",
            Ok(Outcome::Applied(_)) => "applied",
            Ok(Outcome::AppliedBefore(_)) => "applied before",
            Ok(Outcome::CountedBefore) => "counted before",
            Ok(Outcome::StaleKeys) => "stale keys",
            Err(_) => "rejected",
        };
        *outcomes.entry(name.to_owned()).or_default() += 1;
        if expected.is_ok() {
            remembered.push(batch);
        }
        if number % 30 == 29 {
            assert_equal_rows(&copies, &format!("seed {seed}, batch {number}")).await;
        }
    }
    let rows = assert_equal_rows(&copies, &format!("seed {seed}, at the end")).await;
    let held = "select sum(pg_relation_size(oid)) from pg_class where relname ~ '^seen' and relkind = 'r'";
    for (copy, is_one_server) in copies.iter().zip([true, false, false]) {
        assert_eq!(copy.database.number(held).await > 0, is_one_server, "{} holds fingerprints", copy.name);
    }
    println!("seed {seed}, {forget:?}: {batches} batches, {rows} equal rows, outcomes {outcomes:?}");
    if (seed, batches) == (SEED, BATCHES) {
        // With daily forgetting a day has no other day to compare it with, so it is never late.
        assert_eq!(outcomes.len(), if forget.reach() > 0 { 6 } else { 5 }, "{outcomes:?}");
    }
}

#[tokio::test]
async fn random_batches_have_the_same_outcomes_and_rows_on_one_server_and_on_a_cluster() {
    assert_equal_after_random_batches(Forget::Monthly).await;
}

#[tokio::test]
async fn random_batches_of_daily_periods_have_the_same_outcomes_and_rows_on_one_server_and_on_a_cluster() {
    assert_equal_after_random_batches(Forget::Daily).await;
}
