//! Compares the product's numbers with the truth.

use std::collections::{BTreeMap, BTreeSet};

use handler::{
    domain::statistics::{
        Condition, Counts, Filter, Lists, PlannedPoint, Point, Query, Range, Report, Section, Step, Tallies, assemble,
    },
    domain::{Day, Dimension, Network},
    store,
};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    oracle::{
        cells::check_cells,
        run::{Fleet, forget_of},
        truth::{Numbers, Value, day_and_hour, start_ms},
        world::World,
    },
    process::PATIENCE,
    random::Random,
};

/// One in this many ranges is read through a reader's task, the others directly with the same statement.
const THROUGH_A_READER: usize = 8;

/// One in this many ranges is also read with random conditions on profiles.
const WITH_PROFILES: usize = 2;

/// Reads random ranges, each of the whole site and of one value, and returns the first difference.
pub(crate) async fn check(world: &World, fleet: &Fleet, ranges: usize, share: u64) -> Result<(), String> {
    let mut random = Random::of(world.seed.wrapping_mul(1000).wrapping_add(share));
    // The open connection may have been terminated during the run.
    fleet.direct.close().await;
    for number in 0..ranges {
        let site = random.below(fleet.sites.len());
        let (first, last) = a_range(&mut random, world);
        let between = Range::Between(Day::from_number(first), Some(Day::from_number(last)));
        let step = *random.one_of(&[&None, &None, &Some(Step::Day), &Some(Step::Week), &Some(Step::Month)]);
        let step = if last - first < 2 { random.one_of(&[None, Some(Step::Hour)]) } else { step };
        let condition = a_condition(&mut random, world, site);
        for condition in [None, Some(&condition)] {
            let filter = condition.map_or_else(Filter::default, |condition| condition.clone().into());
            let lists = if condition.is_none() { Lists::All } else { Lists::None };
            let query = Query {
                site: fleet.sites[site].clone(),
                range: between,
                step,
                lists,
                section: Section::default(),
                filter,
            };
            let report = read(world, fleet, &query, number, &mut random).await?;
            if let Err(difference) = compare(world, site, first, last, &report) {
                let dates = (Day::from_number(first), Day::from_number(last));
                return Err(format!(
                    "seed {}, range {number} of share {share}: site {site}, from {} to {} in {}, {condition:?}: {difference}",
                    world.seed,
                    dates.0,
                    dates.1,
                    world.zone.iana_name().unwrap_or_default()
                ));
            }
        }
        if world.truth.is_exact(first, last) && number.is_multiple_of(WITH_PROFILES) {
            check_cells(&mut random, world, fleet, site, first, last)
                .await
                .map_err(|difference| format!("seed {}, range {number} of share {share}: {difference}", world.seed))?;
        }
    }
    Ok(())
}

async fn read(
    world: &World,
    fleet: &Fleet,
    query: &Query,
    number: usize,
    random: &mut Random,
) -> Result<Report, String> {
    let readers: Vec<_> = fleet.instances.iter().flatten().map(|instance| &instance.reader).collect();
    if number.is_multiple_of(THROUGH_A_READER) && !readers.is_empty() {
        let reader = readers[random.below(readers.len())];
        // A network of its own, because one network may have only a few queries waiting.
        let network = Network::V4(u32::try_from(random.below(1 << 30)).unwrap().to_be_bytes()).limited();
        let answer = reader.read(query.clone(), network, Instant::now() + PATIENCE).await;
        return answer.map(|snapshot| snapshot.report.clone()).map_err(|error| format!("{query:?}: {error}"));
    }
    let forget = forget_of(world);
    let plan =
        query.plan(fleet.direct.now(), &world.zone, forget, None).map_err(|error| format!("{query:?}: {error}"))?;
    let mut checkout = fleet.direct.checkout().await.map_err(|failure| failure.to_string())?;
    let mut tallies = Tallies::default();
    let mut read = Ok(());
    for slice in plan.slices() {
        let name = &query.site;
        let slice = store::read_tallies(&mut checkout, name, &plan, &slice, &[], None, &mut tallies).await;
        read = read.and(slice);
    }
    checkout.release(read).map_err(|failure| format!("{query:?}: {failure}"))?;
    Ok(assemble(query, &plan, &world.zone, forget, tallies, None))
}

/// A value of any list, now and then one that never occurred.
fn a_condition(random: &mut Random, world: &World, site: usize) -> Condition {
    let known: Vec<&Value> = world.truth.sites[site].views_with.keys().collect();
    let lists: BTreeSet<Dimension> = known.iter().map(|(dimension, _)| *dimension).collect();
    let Some(dimension) = lists.iter().nth(random.below(lists.len())).copied() else {
        return Condition { dimension: Dimension::Page, value: "/".to_owned(), is_negated: false };
    };
    let values: Vec<&&Value> = known.iter().filter(|value| value.0 == dimension).collect();
    let value = if random.percent(4) { "never" } else { &values[random.below(values.len())].1 };
    Condition { dimension, value: value.to_owned(), is_negated: false }
}

/// A range of days around the simulated time: mostly short or of two months, some longer.
fn a_range(random: &mut Random, world: &World) -> (i32, i32) {
    let (earliest, latest) = (world.truth.origin - 2, world.last_day + 3);
    let first = random.between(earliest, latest);
    let longest = random.one_of(&[1, 3, 8, 31, 62, 62, 62, 200]);
    let last = (first + random.between(0, longest - 1)).min(latest);
    (first, last)
}

fn compare(world: &World, site: usize, first: i32, last: i32, report: &Report) -> Result<(), String> {
    let truth = &world.truth;
    let (today, _) = day_and_hour(world.steps.last().unwrap().now_ms, &world.zone);
    // A range of visits ends today at the latest.
    let last = if first <= today { last.min(today) } else { last };
    let value = value_of(report);
    let is = |what: &str, found: &Counts, first: i32, last: i32| {
        let found = Numbers {
            visitors: found.visitors,
            new_visitors: found.new_visitors,
            daily_visitors: found.daily_visitors,
            pageviews: found.pageviews,
        };
        let (expected, is_in_order) = match &value {
            None => (truth.numbers(site, first, last), true),
            Some(value) => truth.numbers_of(site, value, first, last),
        };
        let expected = if is_in_order { expected } else { Numbers { new_visitors: found.new_visitors, ..expected } };
        same(what, &found, &expected)
    };
    is("the range", &report.counts, first, last)?;
    is("today", &report.today, today, today)?;
    is("this week", &report.this_week, today - (today + 3).rem_euclid(7), today)?;
    is(
        "this month",
        &report.this_month,
        crate::oracle::truth::first_day_of(crate::oracle::truth::month_of(today)),
        today,
    )?;
    if let Some(previous) = &report.previous
        && previous.until.is_none()
    {
        is("the period before", &previous.counts, previous.first.number(), previous.last.number())?;
    }
    same("all views", &report.all_time_pageviews, &truth.sites[site].views.values().sum())?;
    if let (Some(visitors), Some(new)) = (report.counts.visitors, report.counts.new_visitors) {
        same("returning visitors", &report.counts.returning_visitors(), &Some(visitors - new))?;
    }
    if value.is_some() {
        let is_empty = report.lists.is_empty() && report.excluded.is_empty() && report.last_24_hours.is_empty();
        same("nothing of the whole site", &is_empty, &true)?;
        return series(world, site, first, last, report);
    }
    let mut found: BTreeMap<Value, (Option<i64>, i64)> = BTreeMap::new();
    for (dimension, list) in &report.lists {
        for entry in list {
            if found.insert((*dimension, entry.value.clone()), (entry.visitors, entry.pageviews)).is_some() {
                return Err(format!("{dimension:?} {} is there twice", entry.value));
            }
        }
    }
    let mut expected = truth.values(site, first, last);
    // A page on which no visitor's day began is no entry page, and likewise for channels.
    expected.retain(|value, numbers| !value.0.views().is_empty() || numbers.0 != Some(0));
    for (value, numbers) in &expected {
        same(&format!("{value:?}"), &found.get(value), &Some(numbers))?;
    }
    if let Some(value) = found.keys().find(|value| !expected.contains_key(value)) {
        return Err(format!("{value:?} was never counted, and is {:?}", found[value]));
    }
    let expected = truth.excluded(site, first, last);
    for exclusion in handler::domain::Exclusion::ALL {
        let found = report.excluded.get(exclusion).copied().unwrap_or_default();
        let (least, most) = expected.get(exclusion).copied().unwrap_or_default();
        if !(least..=most).contains(&found) {
            return Err(format!("{exclusion:?}: {found}, and not {least} to {most}"));
        }
    }
    series(world, site, first, last, report)
}

fn series(world: &World, site: usize, first: i32, last: i32, report: &Report) -> Result<(), String> {
    let between = Range::Between(Day::from_number(first), Some(Day::from_number(last)));
    let query = Query {
        site: report.site.clone(),
        range: between,
        step: Some(report.step),
        lists: Lists::All,
        section: Section::default(),
        filter: report.filter.clone(),
    };
    let value = value_of(report);
    let now = Timestamp::from_millisecond(world.steps.last().unwrap().now_ms).unwrap();
    let plan = query.plan(now, &world.zone, forget_of(world), None).unwrap();
    same("points", &report.series.len(), &plan.series.len())?;
    let mut of_days: BTreeMap<i32, i64> = BTreeMap::new();
    for (point, slot) in report.series.iter().zip(&plan.series) {
        let Point { start, visitors, pageviews } = *point;
        match *slot {
            PlannedPoint::Days(from, to) => {
                let (from, to) = (from.number(), to.number());
                let numbers = match &value {
                    None => world.truth.numbers(site, from, to),
                    Some(value) => world.truth.numbers_of(site, value, from, to).0,
                };
                same(&format!("the point {start}"), &(visitors, pageviews), &(numbers.visitors, numbers.pageviews))?;
            }
            PlannedPoint::Hour(day, hour) => {
                let day = day.number();
                let start_hour = start_ms(day, &world.zone) + i64::from(hour) * 3_600_000;
                same("the start of an hour", &start.as_millisecond(), &start_hour)?;
                let views = world.truth.sites[site].views_by_hour.get(&(day, hour)).copied().unwrap_or_default();
                same(&format!("views of the hour {start}"), &pageviews, &views)?;
                *of_days.entry(day).or_default() += visitors.unwrap_or_default();
            }
        }
    }
    // Each visitor counts in one hour of the day.
    for (day, visitors) in of_days {
        same("visitors of all hours", &Some(visitors), &world.truth.numbers(site, day, day).visitors)?;
    }
    Ok(())
}

/// The value that the report is about.
fn value_of(report: &Report) -> Option<Value> {
    report.filter.condition().map(|condition| (condition.dimension, condition.value.clone()))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, and {expected:?} is true")) }
}
