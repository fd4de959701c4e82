//! Compares what the database has counted with what the clients know.

use std::collections::BTreeMap;

use handler::domain::{Day, Dimension, TallyKey};

use crate::{
    database::Database,
    faults::{
        import::{self, Exact},
        ledger::{Bounds, Ledger, List},
        view::is_compared,
    },
};

/// The stored numbers of a list on a day, over all slots.
#[derive(Default)]
struct Counted {
    views: i64,
    by_gap: Vec<i64>,
}

impl Counted {
    fn visitors(&self) -> i64 {
        self.by_gap.iter().sum()
    }
}

type Lists = BTreeMap<List, BTreeMap<i32, Counted>>;

/// How many numbers were compared, and how many of them had one possible value, because every view was acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Compared {
    pub(crate) numbers: usize,
    pub(crate) exact: usize,
}

async fn read(database: &Database) -> Lists {
    let mut connection = database.connect().await;
    let sql = "select name, day, dimension, value, tally.pageviews, visitors::bigint[] \
        from tally join site on site.id = tally.site";
    let rows: Vec<(String, i32, i16, String, i64, Vec<i64>)> =
        sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap();
    let mut lists = Lists::new();
    for (site, day, dimension, value, views, by_gap) in rows {
        let list = List { site, dimension, value };
        let counted = lists.entry(list).or_default().entry(day).or_default();
        counted.views += views;
        let gaps = counted.by_gap.len().max(by_gap.len());
        counted.by_gap.resize(gaps, 0);
        for (sum, visitors) in counted.by_gap.iter_mut().zip(by_gap) {
            *sum += visitors;
        }
    }
    lists
}

/// Unique visitors of a range of days: each counts on its first day in the range.
fn unique(days: &BTreeMap<i32, Counted>, first: i32, last: i32) -> i64 {
    let of_day = |(day, counted): (&i32, &Counted)| {
        let known_since = usize::try_from(day - first).unwrap();
        let is_first = |gap: usize| gap == 0 || gap > known_since;
        counted.by_gap.iter().enumerate().filter(|(gap, _)| is_first(*gap)).map(|(_, visitors)| visitors).sum::<i64>()
    };
    days.range(first..=last).map(of_day).sum()
}

/// Checks every cell, every range of days and every sum. `days` days have passed since `first_day`.
pub(crate) async fn check(
    database: &Database,
    ledger: &Ledger,
    imported: &Exact,
    first_day: Day,
    days: usize,
) -> Result<Compared, Vec<String>> {
    let counted = read(database).await;
    let mut problems = Vec::new();
    let mut compared = Compared::default();
    let day_of = |day: usize| first_day.number() + i32::try_from(day).unwrap();
    let known = ledger.lists();
    let none = BTreeMap::new();
    for (list, known) in &known {
        let of_list = counted.get(list).unwrap_or(&none);
        let mut compare = |what: &str, first: usize, last: usize, found: i64, bounds: Bounds| {
            compared.numbers += 1;
            compared.exact += usize::from(bounds.sent == bounds.acknowledged);
            if !(bounds.acknowledged..=bounds.sent).contains(&u64::try_from(found).unwrap_or(u64::MAX)) {
                let dates = [first, last].map(|day| Day::from_number(day_of(day)));
                problems.push(format!(
                    "{list}, {} to {}: {found} {what} counted, {} acknowledged, {} sent",
                    dates[0], dates[1], bounds.acknowledged, bounds.sent
                ));
            }
        };
        for first in 0..days {
            let views = of_list.get(&day_of(first)).map_or(0, |counted| counted.views);
            compare("views", first, first, views, known.views(first));
            for last in first..days {
                let visitors = unique(of_list, day_of(first), day_of(last));
                compare("visitors", first, last, visitors, known.visitors(first, last));
            }
        }
    }
    for (list, of_list) in &counted {
        let is_of_visits = list.site != import::SITE && is_compared(list.dimension);
        let is_sent = |day: &i32| known.contains_key(list) && (first_day.number()..day_of(days)).contains(day);
        if let Some(day) = of_list.keys().find(|day| is_of_visits && !is_sent(day)) {
            problems.push(format!("{list} on {}: counted, and never sent", Day::from_number(*day)));
        }
    }
    problems.extend(of_imports(&counted, imported));
    problems.extend(sums(&counted));
    problems.extend(database.contradictions().await);
    if problems.is_empty() { Ok(compared) } else { Err(problems) }
}

fn of_imports(counted: &Lists, imported: &Exact) -> Vec<String> {
    let mut problems = Vec::new();
    for ((list, day), (views, visitors)) in imported {
        let expected = (i64::try_from(*views).unwrap(), i64::try_from(visitors.len()).unwrap());
        let found = counted.get(list).and_then(|days| days.get(day)).map(|found| (found.views, found.visitors()));
        if found != Some(expected) {
            let date = Day::from_number(*day);
            problems.push(format!("{list} on {date}: (views, visitors) are {found:?}, imported {expected:?}"));
        }
    }
    problems
}

/// Dimensions of which each view has a value, and each visitor one value a day.
const ADDING_UP: [TallyKey; 5] = [
    TallyKey::Hour,
    TallyKey::Of(Dimension::EntryPage),
    TallyKey::Of(Dimension::Browser),
    TallyKey::Of(Dimension::OperatingSystem),
    TallyKey::Of(Dimension::Device),
];

/// Logs have no languages.
const ADDING_UP_WITHOUT_LOGS: [TallyKey; 2] = [TallyKey::Of(Dimension::Country), TallyKey::Of(Dimension::Language)];

/// The days on which the values of a dimension do not add up to the total.
fn sums(counted: &Lists) -> Vec<String> {
    let mut sums: BTreeMap<(&str, i32, i16), (i64, i64)> = BTreeMap::new();
    for (list, days) in counted {
        for (day, counted) in days {
            let sum = sums.entry((&list.site, *day, list.dimension)).or_default();
            *sum = (sum.0 + counted.views, sum.1 + counted.visitors());
        }
    }
    let mut problems = Vec::new();
    for ((site, day, _), total) in sums.iter().filter(|((_, _, key), _)| *key == TallyKey::Total.number()) {
        let of_visits = ADDING_UP_WITHOUT_LOGS.iter().filter(|_| *site != import::SITE);
        for key in ADDING_UP.iter().chain(of_visits) {
            let sum = sums.get(&(site, *day, key.number())).copied().unwrap_or_default();
            if sum != *total {
                let date = Day::from_number(*day);
                problems.push(format!("{site} on {date}: the total is {total:?}, and {key:?} adds up to {sum:?}"));
            }
        }
    }
    problems
}
