//! Random worlds: visitors, times, sites, instances and failures. A seed decides everything, so that every process knows the whole
//! world and its truth.

use std::{collections::BTreeMap, sync::Arc};

use handler::domain::{Dimension, Exclusion, cells::Profile};
use jiff::tz::TimeZone;

use crate::{
    oracle::{
        rule::{Placement, Rule, Together},
        truth::{Truth, day_and_hour, day_number, first_day_of, month_of, start_ms},
    },
    random::Random,
};

/// The classification of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Visitor,
    OptedOut,
    Unidentified,
    Bot,
}

impl Kind {
    pub(crate) fn exclusion(self) -> Option<Exclusion> {
        match self {
            Self::Visitor => None,
            Self::OptedOut => Some(Exclusion::OptedOut),
            Self::Unidentified => Some(Exclusion::Unidentified),
            Self::Bot => Some(Exclusion::Bots),
        }
    }

    pub(crate) fn is_viewed(self) -> bool {
        self != Self::Bot
    }
}

/// One view of one page, or one event.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) site: usize,
    pub(crate) visitor: usize,
    pub(crate) at_ms: i64,
    pub(crate) day: i32,
    pub(crate) hour: u8,
    pub(crate) kind: Kind,
    /// Whether it is an event, which is neither a view nor a visit to the site.
    pub(crate) is_event: bool,
    pub(crate) values: Arc<[(Dimension, String)]>,
}

impl View {
    /// The attributes that the view shows.
    pub(crate) fn profile(&self) -> Profile {
        let values = self.values.iter().map(|(dimension, value)| (*dimension, value.clone().into()));
        Profile::of(&values.collect::<Vec<_>>())
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { site, visitor, day, hour, kind, is_event, values, .. } = self;
        let what = if *is_event { "event of" } else { "view by" };
        let date = crate::oracle::truth::date_of(*day);
        let mut values: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
        values.retain(|value| !value.contains(' ') || value.starts_with("campaign"));
        write!(formatter, "site {site} {what} visitor {visitor} on {date} in hour {hour} as {kind:?} with {values:?}")
    }
}

/// The work of an instance in a step.
#[derive(Debug)]
pub(crate) enum Action {
    /// Visits that arrive at the same time.
    Visits(Vec<View>),
    /// Visits of which each waits for the one before.
    InOrder(Vec<View>),
    /// A chunk of a log.
    Import(Import),
}

#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) log: u64,
    pub(crate) views: Vec<View>,
    /// Views of closed periods, by their index.
    pub(crate) closed: Vec<usize>,
    /// Views that come too late, and whether that is certain.
    pub(crate) late: Vec<(usize, bool)>,
}

/// A loss on the way between an instance and the database.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    Question(i32),
    Answer(i32),
}

/// Concurrent work.
pub(crate) struct Step {
    pub(crate) now_ms: i64,
    /// Instances with their work and their loss.
    pub(crate) actions: Vec<(usize, Action, Option<Loss>)>,
    pub(crate) has_maintenance: bool,
    /// Connections terminated meanwhile.
    pub(crate) ends: usize,
    /// Visitors and views of each day, by site, when it is over.
    pub(crate) days: BTreeMap<(usize, i32), (i64, i64)>,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { now_ms, actions, has_maintenance, ends, .. } = self;
        let now = jiff::Timestamp::from_millisecond(*now_ms).unwrap();
        write!(formatter, "at {now}, maintenance {has_maintenance}, {ends} connections ended: {actions:#?}")
    }
}

/// How large a world is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) instances: usize,
    /// Variation of the number of steps per day, in percent.
    pub(crate) activity: usize,
}

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) zone: TimeZone,
    pub(crate) last_day: i32,
    /// Clock error of each instance.
    pub(crate) skews_ms: Vec<i64>,
    pub(crate) steps: Vec<Step>,
    pub(crate) truth: Truth,
}

/// Days before the first day that a log may contain.
const HISTORY: i32 = 75;

/// The first visitor of the networks that add many values.
pub(crate) const FLOODING: usize = 1000;

const ZONES: [&str; 6] = ["UTC", "Europe/Berlin", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"];

/// A February, a leap day, changes to and from summer time, the end of a year.
const STARTS: [&str; 7] =
    ["2027-01-18", "2028-01-20", "2026-03-03", "2026-09-20", "2026-11-20", "2027-04-25", "2026-06-28"];

struct Maker {
    random: Random,
    zone: TimeZone,
    rule: Rule,
    size: Size,
    sites: usize,
    visitors: usize,
    logs: u64,
    steps: Vec<Step>,
}

impl World {
    pub(crate) fn site_name(site: usize) -> String {
        format!("site-{site}.example")
    }

    pub(crate) fn is_daily(&self) -> bool {
        self.truth.is_daily
    }

    pub(crate) fn of_seed(seed: u64, size: Size) -> Self {
        let mut random = Random::of(seed);
        let zone = TimeZone::get(random.one_of(&ZONES)).unwrap();
        let is_daily = seed % 5 == 4;
        let first_day = day_number(random.one_of(&STARTS).parse().unwrap());
        let last_day = first_day + random.between(64, 100);
        let sites = 1 + random.low(3);
        let visitors = random.one_of(&[3, 8, 20, 40]);
        let skew = |random: &mut Random| match random.below(4) {
            0 => i64::from(random.between(-90_000, 90_000)) * 1000,
            // Below the tolerated difference; visits keep a greater distance from midnight.
            1 => i64::from(random.between(-400, 400)),
            _ => 0,
        };
        let skews_ms = (0..size.instances).map(|_| skew(&mut random)).collect();
        let rule = Rule::new(zone.clone(), is_daily, first_day - HISTORY - 1, sites);
        let mut maker = Maker { random, zone: zone.clone(), rule, size, sites, visitors, logs: 0, steps: Vec::new() };
        let mut prelude = start_ms(first_day, &zone) + 30_000;
        if maker.random.percent(50) {
            // Logs of earlier days, in order.
            let mut day = first_day - maker.random.between(5, HISTORY - 1);
            while day < first_day {
                let last = (day + maker.random.between(0, 12)).min(first_day - 1);
                let count = maker.random.below(40);
                maker.import(prelude, day, last, count);
                prelude += 1000;
                day = last + 1;
            }
        }
        for day in first_day..=last_day {
            maker.live_through(day);
        }
        let Maker { rule, steps, .. } = maker;
        Self { seed, zone, last_day, skews_ms, steps, truth: rule.truth }
    }
}

impl Maker {
    fn live_through(&mut self, day: i32) {
        let start = start_ms(day, &self.zone);
        let is_month = month_of(day) != month_of(day - 1);
        if is_month || self.random.percent(35) {
            // Visits just before and after midnight, written after it.
            let times: Vec<i64> =
                (0..4).map(|second| start - 500 - second * 1000).chain([start + 500, start + 1500]).collect();
            self.together(start + 4000, &times);
        }
        for (from, to) in [(70, 480), (500, 900), (910, 1370)] {
            let now = start + i64::from(self.random.between(from, to)) * 60_000;
            if self.random.percent(self.size.activity * 6 / 10) {
                let times: Vec<i64> =
                    (0..8).map(|_| now - 500 - i64::from(self.random.between(0, 3000)) * 1000).collect();
                self.together(now, &times);
            }
            if self.random.percent(self.size.activity / 8) {
                self.too_late(now + 1000, day);
            }
            if self.random.percent(self.size.activity / 12) {
                self.flood(now + 1500);
            }
            if self.random.percent(self.size.activity / 12) {
                let first = day - self.random.between(1, HISTORY - 1);
                let last = (first + self.random.between(0, 40)).min(day - 1);
                let count = 1 + self.random.below(30);
                self.import(now + 2000, first, last, count);
            }
        }
    }

    /// Many pages of one network, which no other view has. Only such a network adds more values than it may, so that the order of
    /// other views does not matter.
    fn flood(&mut self, now_ms: i64) {
        let (today, _) = day_and_hour(now_ms, &self.zone);
        let first = today - self.random.between(0, 4);
        let site = self.random.low(self.sites);
        let count = 5 + self.random.below(40);
        // The views of a chunk count together, whatever their order. So a chunk has one network, which two visitors share.
        let is_import = self.random.percent(40);
        let visitors = if is_import { 2 } else { 4 };
        let mut views = Vec::new();
        for _ in 0..count {
            let at = start_ms(self.random.between(first, today), &self.zone) + 30_000;
            let mut view = View { site, ..self.visit(at.min(now_ms)) };
            view.visitor = FLOODING + self.random.below(visitors);
            let values = view.values.iter().map(|(dimension, value)| match dimension {
                Dimension::Page => (*dimension, format!("/flood-{}", self.random.below(30))),
                Dimension::Event => (*dimension, format!("flood-{}", self.random.below(30))),
                _ => (*dimension, value.clone()),
            });
            view.values = values.collect();
            views.push(view);
        }
        if is_import {
            views.retain(|view| !view.is_event);
            self.import_views(now_ms, &views);
            return;
        }
        for view in &views {
            self.rule.apply(view, now_ms, false);
        }
        let loss = self.loss();
        let actions = vec![(self.random.below(self.size.instances), Action::InOrder(views), loss)];
        self.steps.push(Step { now_ms, actions, has_maintenance: false, ends: 0, days: self.rule.truth.days() });
    }

    /// Work that may arrive alone. Logs contain no events.
    fn visit(&mut self, at_ms: i64) -> View {
        let view = self.view(at_ms);
        if self.random.percent(80) {
            return view;
        }
        let event = (Dimension::Event, format!("event-{}", self.random.low(5)));
        View { is_event: true, values: [event].into(), ..view }
    }

    fn view(&mut self, at_ms: i64) -> View {
        let random = &mut self.random;
        let site = random.low(self.sites);
        // A third comes again and again.
        let visitor =
            if random.percent(50) { random.below(self.visitors.div_ceil(3)) } else { random.below(self.visitors) };
        let kind = match random.below(30) {
            0 => Kind::OptedOut,
            1 => Kind::Unidentified,
            2 => Kind::Bot,
            _ => Kind::Visitor,
        };
        let mut values = vec![(Dimension::Page, format!("/{}", random.low(9)))];
        if random.percent(40) {
            values.push((Dimension::Referrer, format!("from-{}.example", random.low(6))));
        }
        // A visitor's values mostly stay the same for weeks. Otherwise the first view of a day decides.
        let (day, hour) = day_and_hour(at_ms, &self.zone);
        let weeks = usize::try_from(day / 19).unwrap();
        let beginning = if random.percent(10) { random.below(6) } else { (visitor + weeks) % 6 };
        values.push((Dimension::EntryPage, format!("/{beginning}")));
        if beginning % 3 > 0 {
            values.push((Dimension::Channel, format!("channel-{}", beginning % 3)));
        }
        if random.percent(25) {
            let number = random.low(4);
            values.push((Dimension::CampaignSource, format!("source {}", number % 2)));
            values.push((Dimension::CampaignMedium, "medium".to_owned()));
            values.push((Dimension::Campaign, format!("campaign {number}")));
        }
        let of_visitor = [
            (Dimension::Browser, format!("Browser {}", visitor % 4)),
            (Dimension::OperatingSystem, format!("System {}", visitor % 3)),
            (Dimension::Device, if visitor % 2 == 0 { "Phone" } else { "Computer" }.to_owned()),
            (Dimension::Language, format!("language {}", visitor % 5)),
        ];
        values.extend(of_visitor);
        if visitor % 3 > 0 {
            values.push((Dimension::Country, format!("country {}", visitor % 6)));
        }
        View { site, visitor, at_ms, day, hour, kind, is_event: false, values: values.into() }
    }

    fn loss(&mut self) -> Option<Loss> {
        match self.random.below(24) {
            0 => Some(Loss::Question(self.random.between(1, 6))),
            1 => Some(Loss::Answer(self.random.between(1, 6))),
            _ => None,
        }
    }

    /// Concurrent visits over several instances, all of which must be placed; sometimes with an import, maintenance or broken
    /// connections.
    fn together(&mut self, now_ms: i64, times: &[i64]) {
        let has_maintenance = self.random.percent(30) && self.rule.maintenance_is_certain(now_ms);
        if has_maintenance {
            self.rule.maintain(now_ms);
        }
        let mut together = Together::default();
        let mut actions = Vec::new();
        for _ in 0..=self.random.below(self.size.instances) {
            let instance = self.random.below(self.size.instances);
            let mut views = Vec::new();
            for _ in 0..=self.random.below(12) {
                let at = self.random.one_of(times);
                let view = self.visit(at);
                if self.rule.can_join(&together, &view) {
                    together.add(&view);
                    views.push(view);
                }
            }
            let loss = self.loss();
            actions.push((instance, Action::Visits(views), loss));
        }
        if self.random.percent(15) {
            // Days near the present, which can be placed during concurrent work.
            let (today, _) = day_and_hour(now_ms, &self.zone);
            let mut views = Vec::new();
            let mut sites = [None];
            for _ in 0..12 {
                let at = start_ms(today - self.random.between(0, 3), &self.zone)
                    + i64::from(self.random.between(0, 3600)) * 1000
                    + 500;
                let view = self.view(at.min(now_ms));
                if *sites[0].get_or_insert(view.site) == view.site && self.rule.can_join(&together, &view) {
                    together.add(&view);
                    views.push(view);
                }
            }
            views.sort_by_key(|view| view.at_ms);
            let instance = self.random.below(self.size.instances);
            self.logs += 1;
            let loss = self.loss();
            let import = |views| Import { log: self.logs, views, closed: Vec::new(), late: Vec::new() };
            actions.push((instance, Action::Import(import(views)), loss));
        }
        let mut views: Vec<(&View, bool)> = Vec::new();
        for (_, action, _) in &actions {
            match action {
                Action::Visits(visits) | Action::InOrder(visits) => {
                    views.extend(visits.iter().map(|view| (view, false)));
                }
                Action::Import(import) => views.extend(import.views.iter().map(|view| (view, true))),
            }
        }
        views.sort_by_key(|(view, _)| view.day);
        for (view, is_import) in views {
            let placement = self.rule.apply(view, now_ms, is_import);
            assert!(
                matches!(placement, Placement::New | Placement::Known),
                "chosen so that it can be placed: {view:?}"
            );
        }
        let ends = if self.random.percent(12) { 1 + self.random.below(4) } else { 0 };
        self.steps.push(Step { now_ms, actions, has_maintenance, ends, days: self.rule.truth.days() });
    }

    /// Visits that arrive days or weeks after they were made, each visitor once. No visit is of a month that ended a month ago, because its
    /// days may have been added up. Real visits arrive within seconds.
    fn too_late(&mut self, now_ms: i64, today: i32) {
        // In UTC, tomorrow's month may have begun.
        let oldest = first_day_of(month_of(today + 1) - 1);
        let mut views: Vec<View> = Vec::new();
        for _ in 0..=self.random.below(6) {
            let back = if self.random.percent(60) { self.random.between(0, 4) } else { self.random.between(0, 45) };
            let back = back.min(today - oldest);
            let minute = self.random.between(0, 22 * 60);
            let view =
                self.visit((start_ms(today - back, &self.zone) + i64::from(minute) * 60_000 + 30_000).min(now_ms));
            if !views.iter().any(|other| (other.visitor, other.site) == (view.visitor, view.site)) {
                self.rule.apply(&view, now_ms, false);
                views.push(view);
            }
        }
        let instance = self.random.below(self.size.instances);
        let loss = self.loss();
        let actions = vec![(instance, Action::Visits(views), loss)];
        self.steps.push(Step { now_ms, actions, has_maintenance: false, ends: 0, days: self.rule.truth.days() });
    }

    /// A chunk of a log of some days; sometimes twice, over two instances at once.
    fn import(&mut self, now_ms: i64, first: i32, last: i32, count: usize) {
        let mut views = Vec::new();
        for _ in 0..count {
            let day = self.random.between(first, last);
            let minute = self.random.between(0, 22 * 60);
            let view = self.view((start_ms(day, &self.zone) + i64::from(minute) * 60_000 + 30_000).min(now_ms));
            if views.first().is_none_or(|first: &View| first.site == view.site) {
                views.push(view);
            }
        }
        self.import_views(now_ms, &views);
    }

    fn import_views(&mut self, now_ms: i64, views: &[View]) {
        // Days are applied in order, whatever the order of lines.
        let mut order: Vec<usize> = (0..views.len()).collect();
        order.sort_by_key(|place| views[*place].day);
        let (mut closed, mut late) = (Vec::new(), Vec::new());
        for place in order {
            match self.rule.apply(&views[place], now_ms, true) {
                Placement::Closed => closed.push(place),
                Placement::Late => late.push((place, true)),
                Placement::Forgotten => late.push((place, false)),
                Placement::New | Placement::Known => {}
            }
        }
        closed.sort_unstable();
        self.logs += 1;
        let import = || Import { log: self.logs, views: views.to_vec(), closed: closed.clone(), late: late.clone() };
        let mut actions = vec![(self.random.below(self.size.instances), Action::Import(import()), None)];
        if self.random.percent(25) {
            actions.push((self.random.below(self.size.instances), Action::Import(import()), None));
        }
        for (.., loss) in &mut actions {
            *loss = self.loss();
        }
        self.steps.push(Step { now_ms, actions, has_maintenance: false, ends: 0, days: self.rule.truth.days() });
    }
}
