//! Cells: visitors by profile, how they are folded and packed when a day is over, and what filters read of them.
//!
//! Recorder and maintenance run inside the test, so that visits of any day can be imported.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use handler::{
    clock::Clock,
    config::Config,
    domain::statistics::{Filter, Lists, Query, Range, Report, Section},
    domain::{
        Classification, Day, Dimension, Minute, Network, SiteName, Visit, VisitKind, VisitorKey,
        cells::{
            ATTRIBUTES, CellValue, Cells, Class, ClassTable, Condition, Fit, NotShown, Profile, Selected, Selection,
            add_visitors_since, unpack_moves,
        },
    },
    reader::Reader,
    recorder::{LogPrefix, Recorder},
    store::{self, Connection, StatementLimits},
};
use jiff::{SignedDuration, tz::TimeZone};
use tokio::time::Instant;

use crate::{database::Database, process::PATIENCE, random::Random};

/// A site whose visits of any day can be written.
struct Site {
    database: Database,
    config: Config,
    recorder: Recorder,
    maintaining: Arc<Connection>,
    reading: Arc<Connection>,
    reader: Reader,
    logs: u8,
}

/// A view of a page by a visitor, with the attributes of the visitor.
#[derive(Clone)]
struct View {
    visitor: usize,
    page: &'static str,
    country: &'static str,
    device: &'static str,
    browser: &'static str,
}

impl View {
    fn values(&self) -> Vec<(Dimension, Cow<'static, str>)> {
        vec![
            (Dimension::Page, self.page.into()),
            (Dimension::Country, self.country.into()),
            (Dimension::Device, self.device.into()),
            (Dimension::Browser, self.browser.into()),
        ]
    }

    fn profile(&self) -> Class {
        Class::of_profile(&Profile::of(&self.values()).text()).unwrap()
    }
}

fn random_view(random: &mut Random, visitors: usize) -> View {
    let visitor = random.below(visitors);
    let country = if visitor.is_multiple_of(17) { "CH" } else { random_of(visitor, &["DE", "DE", "DE", "FR", "FR"]) };
    let device = random_of(visitor / 5, &["Phone", "Desktop", "Phone", "Desktop", "Tablet"]);
    let browser = random_of(visitor / 3, &["Chrome", "Chrome", "Safari", "Firefox", "Chrome", "Chrome", "Opera"]);
    View { visitor, page: random.one_of(&["/", "/", "/", "/a", "/b", "/c"]), country, device, browser }
}

fn random_of(number: usize, texts: &[&'static str]) -> &'static str {
    texts[number % texts.len()]
}

/// The first day of the tests: in a month whose period is open while it is imported.
const FIRST: i32 = 20_600;

fn day(number: i32) -> Day {
    Day::from_number(FIRST + number)
}

impl Site {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let database = Database::create().await;
        let mut environment: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), database.url())].into();
        environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = Config::load(&environment.into_iter().collect()).unwrap();
        let store = store::Database::new(&config.database, config.counting_mode(), Clock::system()).await.unwrap();
        let [recording, reading, maintaining, reporting] = store.connections([
            StatementLimits::FOR_IMPORTS,
            StatementLimits::FOR_IMPORTS,
            StatementLimits::FOR_IMPORTS,
            StatementLimits::FOR_IMPORTS,
        ]);
        recording.check().await.unwrap();
        let (recorder, _) = Recorder::start(recording, config.rules(), None);
        let (reader, _) = Reader::start(reporting, config.rules(), config.sites.clone());
        Self { database, config, recorder, maintaining, reading, reader, logs: 0 }
    }

    fn name(&self) -> SiteName {
        self.config.sites[0].clone()
    }

    /// Writes the views of a day.
    async fn views(&mut self, day: Day, views: &[View]) {
        let visits = views.iter().map(|view| {
            let [high, low] = u16::try_from(view.visitor).unwrap().to_be_bytes();
            let network = Network::of([10, 0, high, low].into());
            let values = view.values();
            Visit {
                at: day.start(&TimeZone::UTC) + SignedDuration::from_hours(12),
                site: self.name(),
                kind: VisitKind::View,
                profile: Profile::of(&values),
                values,
                classification: Classification::Visitor(VisitorKey::new(network, "Browser")),
                network: Some(network.limited()),
            }
        });
        let visits = visits.collect();
        self.logs += 1;
        let upto = LogPrefix { site: self.name(), digest: [self.logs; 32], bytes: 1 };
        let imported = self.recorder.import(visits, upto).await.unwrap();
        assert!(imported.closed.is_empty() && imported.late.is_empty());
    }

    async fn maintain(&self, today: Day) -> Result<store::Removed, store::Failure> {
        let mut checkout = self.maintaining.checkout().await.unwrap();
        let outcome = store::remove(&mut checkout, today, None, &self.config.rules()).await;
        checkout.release(outcome).map(|removed| removed.expect("no other instance runs maintenance"))
    }

    async fn select(&self, conditions: &[Condition], value: CellValue, first: Day, last: Day) -> Selected {
        let selection = Selection { conditions: conditions.to_vec(), value, range: Some((first, last)) };
        let mut selected = Selected::default();
        let days: Vec<i32> = (first.number()..=last.number()).collect();
        let mut checkout = self.reading.checkout().await.unwrap();
        let outcome = store::read_cells(&mut checkout, &self.name(), &days, &selection, &mut selected).await;
        checkout.release(outcome).unwrap();
        selected
    }

    /// Deletes days, or a page on these days, as `handler forget` does.
    async fn forget(&self, days: (Day, Day), page: Option<&str>) {
        let mut checkout = self.maintaining.checkout().await.unwrap();
        let outcome = async {
            let site = store::read_site(&mut checkout, &self.name()).await?.expect("the site has been counted");
            if let Some(page) = page {
                store::forget_page(&mut checkout, site, days, page).await
            } else {
                let minute = Minute::containing;
                let minutes = (minute(days.0.start(&TimeZone::UTC)), minute(days.1.end(&TimeZone::UTC)).plus(-1));
                store::forget_days(&mut checkout, site, days, minutes).await
            }
        };
        let outcome = outcome.await;
        checkout.release(outcome).unwrap().expect("no other instance runs maintenance");
    }

    /// A site with open and packed cells, and with days that moved visitors of packed days.
    async fn with_late_days() -> (Self, Truth) {
        let mut site = Self::start(&[]).await;
        let (mut random, mut truth) = (Random::of(3), Truth::default());
        for number in [4, 0, 8, 5, 6, 12] {
            let views: Vec<View> = (0..70).map(|_| random_view(&mut random, 60)).collect();
            truth.add(day(number), &views);
            site.views(day(number), &views).await;
            // Days 6 and 12 stay open, and day 6 comes after a day that follows it.
            if ![6, 12].contains(&number) {
                site.maintain(day(20)).await.unwrap();
            }
        }
        // Without sets, the tallies alone are compared.
        site.database.execute("update salt set salt = null").await;
        (site, truth)
    }

    /// The report that the API gives for these conditions.
    async fn report(&self, conditions: &[Condition], of: Option<&str>, first: Day, last: Day) -> Report {
        let written = |condition: &Condition| (condition.dimension.parameter(), condition.text());
        let mut parameters: Vec<(&str, String)> = conditions.iter().map(written).collect();
        parameters.extend(of.map(|path| ("page", path.to_owned())));
        let filter = Filter::parse(parameters.iter().map(|(name, value)| (*name, value.as_str()))).unwrap();
        let range = Range::Between(first, Some(last));
        let query =
            Query { site: self.name(), range, step: None, lists: Lists::All, section: Section::default(), filter };
        let network = Network::V4([192, 0, 2, 1]).limited();
        self.reader.read(query, network, Instant::now() + PATIENCE).await.unwrap().report.clone()
    }

    async fn open_cells(&self) -> i64 {
        self.database.number("select count(*) from cell").await
    }

    /// The bytes of a column of `pack`, by day.
    async fn packed(&self, column: &str) -> BTreeMap<Day, Vec<u8>> {
        let rows = self
            .database
            .texts(&format!(
                "select day || ' ' || encode({column}, 'hex') from pack where {column} is not null order by day"
            ))
            .await;
        let bytes =
            |hex: &str| (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let row = |row: &String| {
            let (day, hex) = row.split_once(' ').unwrap();
            (Day::from_number(day.parse().unwrap()), bytes(hex))
        };
        rows.iter().map(row).collect()
    }
}

/// The truth: each visitor's written days, with the view that came first.
#[derive(Default)]
struct Truth {
    /// By page (`None`: the site) and visitor: the first view of each day.
    came: HashMap<(Option<&'static str>, usize), BTreeMap<Day, View>>,
}

impl Truth {
    fn add(&mut self, day: Day, views: &[View]) {
        for view in views {
            for page in [None, Some(view.page)] {
                self.came.entry((page, view.visitor)).or_default().entry(day).or_insert_with(|| view.clone());
            }
        }
    }

    /// The different visitors of a range that fulfil the conditions on their first day in it.
    fn visitors(&self, page: Option<&'static str>, conditions: &[Condition], first: Day, last: Day) -> i64 {
        let firsts = self.came.iter().filter(|((of, _), _)| *of == page);
        let firsts = firsts.filter_map(|(_, days)| days.range(first..=last).next());
        i64::try_from(
            firsts.filter(|(_, view)| ClassTable::of(&[&view.profile()]).fits(conditions)[0] == Fit::Match).count(),
        )
        .unwrap()
    }
}

fn page(path: Option<&str>) -> CellValue {
    path.map_or_else(CellValue::default, |path| CellValue { dimension: Some(Dimension::Page), value: path.to_owned() })
}

fn random_conditions(random: &mut Random) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (dimension, value) in [
        (Dimension::Country, random.one_of(&["DE", "FR", "CH"])),
        (Dimension::Device, random.one_of(&["Phone", "Desktop", "Tablet"])),
        (Dimension::Browser, random.one_of(&["Chrome", "Safari", "Opera"])),
    ] {
        if random.percent(50) {
            conditions.push(Condition { dimension, value: value.to_owned(), is_negated: random.percent(30) });
        }
    }
    conditions
}

#[tokio::test]
async fn before_and_after_packing_every_filter_is_exact_for_what_is_distinguished() {
    let mut site = Site::start(&[]).await;
    let (mut random, mut truth) = (Random::of(16), Truth::default());
    for number in 0..30 {
        let views: Vec<View> = (0..60).map(|_| random_view(&mut random, 90)).collect();
        site.views(day(number), &views).await;
        truth.add(day(number), &views);
    }
    site.database.assert_sound().await;
    let (mut hidden, mut not_listed) = (0, 0);
    for is_packed in [false, true] {
        if is_packed {
            let packed = site.maintain(day(30)).await.unwrap().days_packed;
            assert_eq!((packed, site.open_cells().await), (30, 0));
        }
        for _ in 0..150 {
            let first = random.between(0, 29);
            let last = random.between(first, 29);
            let (first, last) = (day(first), day(last));
            let conditions = random_conditions(&mut random);
            let of_page = random.one_of(&[None, None, Some("/"), Some("/b")]);
            let (shown, not_shown) = site.select(&conditions, page(of_page), first, last).await.visitors(first, last);
            let expected = truth.visitors(of_page, &conditions, first, last);
            assert!(
                (shown..=shown + not_shown).contains(&expected),
                "{conditions:?} of {of_page:?} from {first} to {last}: {shown} and {not_shown}, and {expected} is true"
            );
            assert!(is_packed || not_shown == 0);
            if conditions.is_empty() {
                assert_eq!((shown, not_shown), (expected, 0));
            }
            hidden += not_shown;
            let report = site.report(&conditions, of_page, first, last).await;
            if report.filter.combines() {
                let hidden = report.not_shown.as_ref().map(|groups| groups.iter().map(|group| group.visitors).sum());
                assert_eq!((report.counts.visitors, hidden), (Some(shown), Some(not_shown)));
                let days: i64 = report.series.iter().filter_map(|point| point.visitors).sum();
                assert_eq!(report.counts.daily_visitors, days, "{:?}", report.step);
            } else {
                // Tallies count a single value.
                assert_eq!((report.counts.visitors, &report.not_shown), (Some(expected), &None));
            }
            // Each selected visitor has one value of an attribute, or is counted as not listed.
            for attribute in ATTRIBUTES.iter().filter(|_| !report.filter.is_empty()) {
                let list = report.lists.get(attribute).into_iter().flatten();
                let rows: i64 = list.filter_map(|entry| entry.visitors).sum();
                let rest = report.not_listed.get(attribute).copied().unwrap_or_default();
                assert_eq!(Some(rows + rest), report.counts.visitors, "{attribute:?}: {report:?}");
                assert!(is_packed || rest == 0);
                // All visitors of a value that a tally counts are in its row.
                assert!(report.filter.condition().is_none_or(|of| of.dimension != *attribute) || rest == 0);
                not_listed += rest;
            }
        }
    }
    assert!(hidden > 0 && not_listed > 0, "no group was small");
}

/// The attributes that a class keeps.
fn name(profile: &Class, lost: u8) -> String {
    let kept = profile.attributes().skip(usize::from(lost - profile.lost()));
    kept.flat_map(|(dimension, value)| [dimension.name(), " ", value, ", "]).collect()
}

/// The class of each profile: a profile loses attributes one by one until ten visitors share the others. A rest of fewer takes in
/// the smallest class.
fn expected_classes(profiles: &HashMap<Class, i64>, stored: &HashSet<String>) -> HashMap<Class, String> {
    let mut classes: HashMap<Class, String> = HashMap::new();
    for lost in 0..6 {
        let left: Vec<&Class> = profiles.keys().filter(|profile| !classes.contains_key(profile)).collect();
        for profile in &left {
            let others = left.iter().filter(|other| name(other, lost) == name(profile, lost));
            if others.map(|other| profiles[*other]).sum::<i64>() >= 10 {
                classes.insert((*profile).clone(), name(profile, lost));
            }
        }
    }
    let left: Vec<&Class> = profiles.keys().filter(|profile| !classes.contains_key(profile)).collect();
    let has_rest = !left.is_empty();
    for profile in left {
        classes.insert(profile.clone(), String::new());
    }
    loop {
        let mut sizes: BTreeMap<&str, i64> = BTreeMap::new();
        for (profile, class) in &classes {
            *sizes.entry(class).or_default() += profiles[profile];
        }
        let rest = sizes.remove("").unwrap_or_default();
        let Some(least) = sizes.values().min().copied() else { return classes };
        if !has_rest || rest >= 10 {
            return classes;
        }
        // Of several classes of the same size, any may be taken in.
        let smallest = sizes.iter().filter(|(_, size)| **size == least).map(|(class, _)| (*class).to_owned());
        let smallest = smallest.min_by_key(|class| stored.contains(class)).expect("a class has the least size");
        for class in classes.values_mut().filter(|class| **class == smallest) {
            class.clear();
        }
    }
}

#[tokio::test]
async fn once_a_day_is_packed_no_combination_of_fewer_than_ten_visitors_is_stored() {
    let mut site = Site::start(&[]).await;
    let (mut random, mut truth) = (Random::of(7), Truth::default());
    for number in 0..35 {
        let views: Vec<View> = (0..40).map(|_| random_view(&mut random, 120)).collect();
        site.views(day(number), &views).await;
        truth.add(day(number), &views);
        // Maintenance follows each day, as it does in operation.
        site.maintain(day(number + 1)).await.unwrap();
        assert_eq!(site.open_cells().await, 0);
    }
    let mut classes_seen = HashSet::new();
    for (packed_day, packed) in site.packed("cells").await {
        // Different visitors of 28 days, counted one by one.
        let mut profiles: HashMap<Class, i64> = HashMap::new();
        for ((of, _), days) in &truth.came {
            if let (None, Some((_, view))) = (of, days.range(packed_day.plus(-27)..=packed_day).next()) {
                *profiles.entry(view.profile()).or_default() += 1;
            }
        }
        let cells = Cells::unpack(&packed).unwrap();
        let stored = cells.classes().map(|class| name(class, class.lost())).collect();
        let classes = expected_classes(&profiles, &stored);
        let mut sizes: HashMap<&str, i64> = HashMap::new();
        for (profile, number) in &profiles {
            *sizes.entry(&classes[profile]).or_default() += number;
        }
        let few = sizes.iter().find(|(_, size)| **size < 10);
        assert!(few.is_none() || sizes.len() == 1, "{few:?} on {packed_day}");
        let mut expected: BTreeMap<(Option<&str>, String), i64> = BTreeMap::new();
        for ((of, _), days) in &truth.came {
            if let Some(view) = days.get(&packed_day) {
                *expected.entry((*of, classes[&view.profile()].clone())).or_default() += 1;
            }
        }
        let mut found: BTreeMap<(Option<&str>, String), i64> = BTreeMap::new();
        for (value, class, _, visitors) in cells.numbers() {
            let of = value.dimension.filter(|dimension| *dimension == Dimension::Page).map(|_| value.value.as_str());
            *found.entry((of, name(class, class.lost()))).or_default() += visitors;
        }
        assert_eq!(found, expected, "{packed_day}");
        classes_seen.extend(cells.classes().cloned());
    }
    assert!(classes_seen.iter().any(|class| class.lost() == 0) && classes_seen.iter().any(|class| class.lost() > 0));
    // The profiles of the site itself stay as long as they decide about classes: while the salt exists.
    assert_eq!(site.packed("profiles").await.len(), 35);
    site.database.execute("update salt set forget_after = now() - interval '1 hour'").await;
    site.maintain(day(35)).await.unwrap();
    assert_eq!(site.packed("profiles").await.len(), 0);
    assert_eq!(site.packed("cells").await.len(), 35);
}

#[tokio::test]
async fn a_day_that_is_added_late_moves_visitors_of_packed_days() {
    let mut site = Site::start(&[]).await;
    let (mut random, mut truth) = (Random::of(3), Truth::default());
    let mut views_of = |number: i32| {
        let views: Vec<View> = (0..70).map(|_| random_view(&mut random, 60)).collect();
        truth.add(day(number), &views);
        views
    };
    // Days 0 and 5 come after a day that follows them was packed.
    let order = [4, 0, 8, 5, 9];
    let days: BTreeMap<i32, Vec<View>> = order.map(|number| (number, views_of(number))).into();
    for number in order {
        site.views(day(number), &days[&number]).await;
        site.maintain(day(20)).await.unwrap();
        assert_eq!(site.open_cells().await, 0);
    }
    let moved: usize =
        site.packed("moves").await.iter().map(|(day, packed)| unpack_moves(*day, packed).unwrap().len()).sum();
    assert!(moved > 0, "no day has moved a visitor");
    let everything = |first, last| truth.visitors(None, &[], day(first), day(last));
    for first in 0..=9 {
        for last in first..=9 {
            let (from, to) = (day(first), day(last));
            let (shown, not_shown) = site.select(&[], page(None), from, to).await.visitors(from, to);
            assert_eq!((shown, not_shown), (everything(first, last), 0), "from {first} to {last}");
            // The attributes of a visitor of this test never change, so every class is exact.
            for value in ["DE", "FR", "CH"] {
                let condition = Condition { dimension: Dimension::Country, value: value.to_owned(), is_negated: false };
                let conditions = [condition];
                let (shown, not_shown) = site.select(&conditions, page(None), from, to).await.visitors(from, to);
                let expected = truth.visitors(None, &conditions, from, to);
                assert!((shown..=shown + not_shown).contains(&expected), "{value} from {first} to {last}");
                assert!(shown >= 0 && not_shown >= 0, "{value} from {first} to {last}: {shown} and {not_shown}");
            }
        }
    }
}

#[tokio::test]
async fn a_failure_in_the_middle_of_packing_loses_nothing() {
    let mut site = Site::start(&[]).await;
    let mut random = Random::of(9);
    for number in 0..3 {
        let views: Vec<View> = (0..40).map(|_| random_view(&mut random, 30)).collect();
        site.views(day(number), &views).await;
    }
    let open = site.open_cells().await;
    let all = |selected: &Selected| selected.visitors(day(0), day(2));
    let before = all(&site.select(&[], page(None), day(0), day(2)).await);
    site.database
        .execute(&format!(
            "create function fail() returns trigger language plpgsql as 'begin raise exception ''broken''; end';
             create trigger fail before insert on pack for each row when (new.day = {}) execute function fail()",
            FIRST + 1
        ))
        .await;
    site.maintain(day(5)).await.unwrap_err();
    // The first day is packed, and the others are as they were.
    assert_eq!(site.packed("cells").await.keys().copied().collect::<Vec<_>>(), [day(0)]);
    assert!(site.open_cells().await < open);
    assert_eq!(all(&site.select(&[], page(None), day(0), day(2)).await), before);
    site.database.execute("drop trigger fail on pack").await;
    assert_eq!(site.maintain(day(5)).await.unwrap().days_packed, 2);
    assert_eq!(all(&site.select(&[], page(None), day(0), day(2)).await), before);
    assert_eq!(site.open_cells().await, 0);
}

#[tokio::test]
async fn without_combinations_nothing_is_stored_and_what_was_stored_is_deleted() {
    let mut site = Site::start(&[("FOOTFALL_SMALLEST_GROUP", "off")]).await;
    let mut random = Random::of(2);
    let views: Vec<View> = (0..20).map(|_| random_view(&mut random, 30)).collect();
    site.views(day(0), &views).await;
    assert_eq!(site.open_cells().await, 0);
    let cells = Cells::default().pack();
    let hex = cells.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    site.database
        .execute(&format!(
            "insert into pack (site, day, cells) select id, {FIRST}, '\\x{hex}' from site;
             insert into cell (site, visit_day, day, dimension, value, profile, visitors, slot)
             select id, {FIRST}, {FIRST}, 0, '', '', '{{1}}', 0 from site"
        ))
        .await;
    assert_eq!(site.maintain(day(1)).await.unwrap().cells_deleted, 2);
    assert_eq!((site.open_cells().await, site.packed("cells").await.len()), (0, 0));
}

#[tokio::test]
async fn with_daily_forgetting_the_group_is_counted_in_the_day() {
    let mut site = Site::start(&[("FOOTFALL_FORGET", "daily")]).await;
    let view = |visitor, country| View { visitor, page: "/", country, device: "Phone", browser: "Chrome" };
    for number in 0..3 {
        let many = (0..12).map(|visitor| view(visitor, "DE"));
        let views: Vec<View> = many.chain((20..26).map(|visitor| view(visitor, "FR"))).collect();
        site.views(day(number), &views).await;
    }
    site.maintain(day(4)).await.unwrap();
    for packed in site.packed("cells").await.values() {
        let cells = Cells::unpack(packed).unwrap();
        // Six French of each of three days are no group of ten, and the rest of six takes in the Germans.
        assert!(cells.classes().all(|class| *class == Class::rest()) && !cells.is_empty());
    }
    let mut visitors = BTreeMap::new();
    for packed in site.packed("profiles").await.values() {
        add_visitors_since(day(0), day(0), &Cells::unpack(packed).unwrap(), &mut visitors);
    }
    assert_eq!(visitors.values().sum::<i64>(), 3 * 18);
}

#[tokio::test]
async fn forgotten_days_have_no_cells_and_those_of_other_days_stay_exact() {
    let (site, truth) = Site::with_late_days().await;
    let (first, last) = (day(4), day(6));
    let moves = async || {
        let packed = site.packed("moves").await;
        packed.iter().flat_map(|(from, packed)| unpack_moves(*from, packed).unwrap()).map(|(day, _)| day).collect()
    };
    let is_forgotten = |day: &Day| (first..=last).contains(day);
    let before: Vec<Day> = moves().await;
    assert!(before.iter().any(is_forgotten) && !before.iter().all(is_forgotten), "{before:?}");
    let open = format!("select count(*) from cell where day between {} and {}", first.number(), last.number());
    assert!(site.database.number(&open).await > 0);
    site.forget((first, last), None).await;
    let after: Vec<Day> = moves().await;
    assert!(!after.iter().any(is_forgotten) && !after.is_empty(), "{after:?}");
    assert_eq!(site.database.number(&open).await, 0);
    for column in ["cells", "profiles"] {
        assert!(!site.packed(column).await.keys().any(is_forgotten), "{column}");
    }
    site.database.assert_sound().await;
    for from in 0..=12 {
        for to in from..=12 {
            let (from, to) = (day(from), day(to));
            let (shown, _) = site.select(&[], page(None), from, to).await.visitors(from, to);
            // Cells and tallies have forgotten the same.
            assert_eq!(Some(shown), site.report(&[], None, from, to).await.counts.visitors, "from {from} to {to}");
            if to < first || last < from {
                for page_of in [None, Some("/")] {
                    let expected = truth.visitors(page_of, &[], from, to);
                    let (shown, _) = site.select(&[], page(page_of), from, to).await.visitors(from, to);
                    assert_eq!(shown, expected, "{page_of:?} from {from} to {to}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_forgotten_page_is_in_no_cell_of_these_days() {
    let (site, _) = Site::with_late_days().await;
    let (first, last) = (day(4), day(12));
    // The days whose cells name the page, whether they are packed or not.
    let named = async || {
        let mut days: Vec<Day> = Vec::new();
        let names = |cells: &Cells| cells.numbers().any(|(value, ..)| *value == page(Some("/a")));
        for (day, packed) in site.packed("cells").await {
            days.extend(names(&Cells::unpack(&packed).unwrap()).then_some(day));
        }
        for (from, packed) in site.packed("moves").await {
            days.extend(
                unpack_moves(from, &packed).unwrap().iter().filter(|(_, cells)| names(cells)).map(|(day, _)| *day),
            );
        }
        for open in site.database.texts("select day::text from cell where value = '/a' order by 1").await {
            days.push(Day::from_number(open.parse().unwrap()));
        }
        days
    };
    let others = async || {
        let mut numbers = Vec::new();
        for of in [None, Some("/"), Some("/b")] {
            numbers.push(site.select(&[], page(of), day(0), day(12)).await.visitors(day(0), day(12)));
        }
        numbers
    };
    let (before, of_others) = (named().await, others().await);
    assert!(before.contains(&day(0)) && before.contains(&day(6)) && before.contains(&day(12)), "{before:?}");
    site.forget((first, last), Some("/a")).await;
    assert_eq!(named().await, [day(0)]);
    assert_eq!(others().await, of_others);
    site.database.assert_sound().await;
}

#[tokio::test]
async fn the_list_of_a_filter_is_searched_and_paged() {
    let mut site = Site::start(&[]).await;
    let mut random = Random::of(5);
    let views: Vec<View> = (0..200).map(|_| random_view(&mut random, 90)).collect();
    site.views(day(0), &views).await;
    let filter = Filter::parse([("country", "DE")]).unwrap();
    let range = Range::Between(day(0), Some(day(0)));
    let read = async |lists, search: &str, offset, limit| {
        let section = Section { search: search.to_owned(), offset, limit, ..Section::default() };
        let query = Query { site: site.name(), range, step: None, lists, section, filter: filter.clone() };
        let network = Network::V4([192, 0, 2, 1]).limited();
        let report = site.reader.read(query, network, Instant::now() + PATIENCE).await.unwrap().report.clone();
        let browsers = report.lists.get(&Dimension::Browser).into_iter().flatten();
        let rows: Vec<(String, i64)> = browsers.map(|entry| (entry.value.clone(), entry.visitors.unwrap())).collect();
        (rows, report.lengths.get(&Dimension::Browser).copied(), report.counts.visitors.unwrap())
    };
    let (all, length, visitors) = read(Lists::All, "", 0, 50).await;
    assert_eq!((all.len(), length, all.iter().map(|(_, number)| number).sum::<i64>()), (4, Some(4), visitors));
    assert!(all.is_sorted_by_key(|(_, visitors)| -visitors), "{all:?}");
    let one = Lists::One(Dimension::Browser);
    assert_eq!(read(one, "", 0, 3).await, (all[..3].to_vec(), Some(4), visitors));
    assert_eq!(read(one, "", 3, 3).await, (all[3..].to_vec(), Some(4), visitors));
    let found: Vec<_> = all.iter().filter(|(browser, _)| browser.to_lowercase().contains('o')).cloned().collect();
    assert_eq!(read(one, "o", 0, 3).await, (found.clone(), Some(i64::try_from(found.len()).unwrap()), visitors));
    assert_eq!(read(one, "nothing", 0, 3).await, (Vec::new(), None, visitors));
}

#[tokio::test]
async fn visitors_of_days_without_cells_are_not_shown() {
    let mut site = Site::start(&[]).await;
    let (mut random, mut truth) = (Random::of(12), Truth::default());
    for number in 0..3 {
        let views: Vec<View> = (0..60).map(|_| random_view(&mut random, 50)).collect();
        site.views(day(number), &views).await;
        truth.add(day(number), &views);
    }
    let condition = |dimension, value: &str| Condition { dimension, value: value.to_owned(), is_negated: false };
    let conditions = [condition(Dimension::Country, "DE"), condition(Dimension::Device, "Phone")];
    let not_shown = async |of, first| site.report(&conditions, of, first, day(2)).await.not_shown.unwrap();
    for of in [None, Some("/")] {
        // Another range, because a reading is shared for a while.
        assert!(not_shown(of, day(1)).await.is_empty(), "{of:?}");
    }
    site.database.execute(&format!("delete from cell where day = {}", FIRST + 1)).await;
    for of in [None, Some("/")] {
        let known: Vec<Condition> = of.map(|path| condition(Dimension::Page, path)).into_iter().collect();
        // Each visitor whose first day in the range is the second.
        let visitors = truth.visitors(of, &[], day(0), day(1)) - truth.visitors(of, &[], day(0), day(0));
        assert_eq!(not_shown(of, day(0)).await, [NotShown { known, visitors }], "{of:?}");
    }
}
