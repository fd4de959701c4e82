//! A simulated site of 10,000 visitors and 22,000 views a day, and tests of what its cells cost and say.

use std::collections::{BTreeMap, HashMap};

use super::{
    CellValue, Cells, Class, ClassTable, Classes, Condition, Fit, PackedDay, Profile, Selected, Selection, WINDOW_DAYS,
    add_visitors_since,
};
use crate::domain::{calendar::Day, dimension::Dimension};

const PAGES: usize = 500;
const HOSTS: usize = 150;

/// A generator of numbers (Steele and others, `SplitMix`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below the limit; small numbers are more likely (Zipf's law, about).
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the result is below the limit")]
    fn low(&mut self, limit: usize) -> usize {
        let number = ((limit + 1) as f64).powf(self.share()) - 1.0;
        (number as usize).min(limit - 1)
    }

    /// The same, with still more small numbers: few pages have most of the views.
    fn lowest(&mut self, limit: usize) -> usize {
        let limit = 1 + self.low(limit);
        self.low(limit)
    }

    fn varied(&mut self, limit: usize) -> usize {
        if self.percent(35) { self.low(limit) } else { self.lowest(limit) }
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    fn one_of<'t>(&mut self, weighted: &[(&'t str, u64)]) -> &'t str {
        let mut number = self.next() % weighted.iter().map(|(_, weight)| weight).sum::<u64>();
        for (text, weight) in weighted {
            if number < *weight {
                return text;
            }
            number -= weight;
        }
        unreachable!("the number is below the sum of the weights")
    }
}

/// The lasting properties of a visitor.
struct Person {
    country: usize,
    language: usize,
    device: &'static str,
    system: &'static str,
    browser: &'static str,
    last: Option<i32>,
}

impl Person {
    fn new(random: &mut Random) -> Self {
        let country = random.varied(90);
        // Most people speak the language of their country.
        let language = if random.percent(82) { country * 40 / 90 } else { random.low(40) };
        let device = random.one_of(&[("Phone", 54), ("Desktop", 42), ("Tablet", 4)]);
        let (system, browser) = match device {
            "Desktop" => {
                let system = random.one_of(&[("Windows", 62), ("macOS", 24), ("Linux", 10), ("ChromeOS", 4)]);
                let safari = if system == "macOS" { 60 } else { 0 };
                let names = [
                    ("Chrome", 60),
                    ("Edge", 15),
                    ("Firefox", 12),
                    ("Opera", 3),
                    ("Samsung Internet", 0),
                    ("Safari", safari),
                ];
                (system, random.one_of(&names))
            }
            _ if random.percent(48) => ("iOS", random.one_of(&[("Safari", 85), ("Chrome", 12), ("Firefox", 3)])),
            _ => ("Android", random.one_of(&[("Chrome", 75), ("Samsung Internet", 17), ("Firefox", 5), ("Opera", 3)])),
        };
        Self { country, language, device, system, browser, last: None }
    }

    fn profile(&self, channel: &'static str) -> Class {
        let mut values = vec![
            (Dimension::Country, format!("C{}", self.country).into()),
            (Dimension::Language, format!("l{}", self.language).into()),
            (Dimension::Device, self.device.into()),
            (Dimension::OperatingSystem, self.system.into()),
            (Dimension::Browser, self.browser.into()),
        ];
        if !channel.is_empty() {
            values.push((Dimension::Channel, channel.into()));
        }
        Class::of_profile(&Profile::of(&values).text()).unwrap()
    }
}

/// A view with its profile, and its referring host and campaign if it has them.
struct View {
    person: usize,
    page: usize,
    host: Option<usize>,
    campaign: Option<usize>,
    profile: Class,
    is_first: bool,
}

struct Site {
    random: Random,
    /// The number of visitors of a day.
    visitors: usize,
    people: Vec<Person>,
    /// The last day of each visitor of a value.
    came: HashMap<(Dimension, usize, usize), i32>,
}

impl Site {
    fn new(seed: u64, visitors: usize) -> Self {
        Self { random: Random(seed), visitors, people: Vec::new(), came: HashMap::new() }
    }

    fn views(&mut self) -> Vec<View> {
        let mut views = Vec::new();
        for _ in 0..self.visitors {
            let random = &mut self.random;
            // A third comes again, mostly after few days.
            let returns = random.percent(34) && self.people.len() > self.visitors;
            let person = if returns {
                let back = random.low(self.people.len() - 1);
                self.people.len() - 1 - back
            } else {
                self.people.push(Person::new(random));
                self.people.len() - 1
            };
            let channel = random.one_of(&[
                ("", 45),
                ("search", 33),
                ("social", 10),
                ("other", 8),
                ("mail", 2),
                ("ai_assistant", 2),
            ]);
            let (host, campaign) =
                ((!channel.is_empty()).then(|| random.varied(HOSTS)), random.percent(4).then(|| random.low(20)));
            views.push(View {
                person,
                page: random.varied(PAGES),
                host,
                campaign,
                profile: self.people[person].profile(channel),
                is_first: true,
            });
            // 2.2 views each: 22,000 a day.
            while self.random.share() < 0.545 {
                let page = self.random.varied(PAGES);
                let profile = self.people[person].profile("");
                views.push(View { person, page, host: None, campaign: None, profile, is_first: false });
            }
        }
        views
    }

    /// The cells of a day, with those of values if they are needed.
    fn day(&mut self, day: i32, views: &[View], with_values: bool) -> Cells {
        let mut cells = Cells::default();
        let gap = |last: Option<i32>| last.map_or(0, |last| u16::try_from(day - last).unwrap());
        for view in views {
            let person = &mut self.people[view.person];
            if view.is_first && person.last != Some(day) {
                cells.add(CellValue::default(), view.profile.clone(), gap(person.last), 1);
                person.last = Some(day);
            }
            let values = [
                Some((Dimension::Page, view.page)),
                view.host.map(|host| (Dimension::Referrer, host)),
                // Twenty campaigns of five sources and two mediums.
                view.campaign.map(|campaign| (Dimension::CampaignSource, campaign % 5)),
                view.campaign.map(|campaign| (Dimension::CampaignMedium, campaign % 2)),
                view.campaign.map(|campaign| (Dimension::Campaign, campaign)),
            ];
            for (dimension, value) in values.into_iter().flatten() {
                let last = self.came.insert((dimension, value, view.person), day);
                if last != Some(day) && with_values {
                    let text = match dimension {
                        Dimension::Page => format!("/articles/number-{value}/"),
                        Dimension::Referrer => format!("www.host-{value}.example"),
                        Dimension::CampaignSource => format!("source-{value}"),
                        Dimension::CampaignMedium => format!("medium-{value}"),
                        _ => format!("campaign-{value}"),
                    };
                    cells.add(
                        CellValue { dimension: Some(dimension), value: text },
                        view.profile.clone(),
                        gap(last),
                        1,
                    );
                }
            }
        }
        cells
    }
}

/// The visitors of the window by profile, with all profiles of the last day.
fn visitors_of(days: &BTreeMap<Day, Cells>) -> BTreeMap<Class, i64> {
    let (first, (_, last)) = (*days.first_key_value().unwrap().0, days.last_key_value().unwrap());
    let mut visitors = BTreeMap::new();
    for (day, cells) in days {
        add_visitors_since(first, *day, cells, &mut visitors);
    }
    for profile in last.classes() {
        visitors.entry(profile.clone()).or_default();
    }
    visitors
}

#[test]
fn a_day_of_ten_thousand_visitors_takes_at_most_40_kb() {
    let mut site = Site::new(16, 10_000);
    let mut days = BTreeMap::new();
    let mut views = Vec::new();
    for day in 0..WINDOW_DAYS {
        views = site.views();
        days.insert(Day::from_number(day), site.day(day, &views, day == WINDOW_DAYS - 1));
    }
    assert!((20_500..23_500).contains(&views.len()), "{} views", views.len());
    let visitors = visitors_of(&days);
    let cells = &days[&Day::from_number(WINDOW_DAYS - 1)];
    let classes = Classes::decide(&visitors, 10);
    let folded = cells.clone().folded(&classes);
    let (packed, profiles) = (folded.pack(), cells.of_site().pack());
    let rows = |cells: &Cells| cells.0.values().map(BTreeMap::len).sum::<usize>();
    println!(
        "{} views: {} rows, folded {} in {} bytes; the site's own profiles: {} rows in {} bytes",
        views.len(),
        rows(cells),
        rows(&folded),
        packed.len(),
        rows(&cells.of_site()),
        profiles.len()
    );
    assert!(rows(cells) > 16_000, "the site is as varied as that of the design");
    assert!(packed.len() + profiles.len() <= 40_000, "{} and {} bytes", packed.len(), profiles.len());
    assert_eq!(Cells::unpack(&packed), Ok(folded));

    // Most visitors keep all attributes, and every class has at least ten.
    let mut sizes: BTreeMap<Class, i64> = BTreeMap::new();
    for (profile, number) in &visitors {
        *sizes.entry(classes.class_of(profile)).or_default() += number;
    }
    assert!(sizes.values().all(|size| *size >= 10));
    let whole: i64 = sizes.iter().filter(|(class, _)| class.lost() == 0).map(|(_, size)| size).sum();
    let all: i64 = sizes.values().sum();
    assert!(whole * 100 > all * 60, "{whole} of {all} keep all attributes");
}

fn random_conditions(random: &mut Random) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (dimension, value) in [
        (Dimension::Country, format!("C{}", random.low(9))),
        (Dimension::Device, "Phone".to_owned()),
        (Dimension::Browser, "Chrome".to_owned()),
        (Dimension::Channel, "search".to_owned()),
        (Dimension::Language, format!("l{}", random.low(5))),
    ] {
        if random.percent(40) {
            conditions.push(Condition { dimension, value, is_negated: random.percent(30) });
        }
    }
    conditions
}

/// Each visitor counts on its first day in the range, under the profile of that day.
#[test]
fn every_filter_of_every_range_is_what_one_counts_in_the_views() {
    let mut site = Site::new(5, 150);
    let mut days: BTreeMap<Day, (Vec<View>, PackedDay)> = BTreeMap::new();
    for day in 0..20 {
        let views = site.views();
        let cells = PackedDay::of(&site.day(day, &views, true));
        days.insert(Day::from_number(day), (views, cells));
    }
    let mut random = Random(5);
    for from in 0..20 {
        for to in from..20 {
            let (from, to) = (Day::from_number(from), Day::from_number(to));
            let conditions = random_conditions(&mut random);
            let of_page = random.percent(50).then(|| random.low(20));
            let value = of_page.map_or_else(CellValue::default, |page| CellValue {
                dimension: Some(Dimension::Page),
                value: format!("/articles/number-{page}/"),
            });
            let selection = Selection { conditions: conditions.clone(), value, range: Some((from, to)) };
            let mut selected = Selected::default();
            // The first view of each visitor in the range, on the whole site and of each page.
            let mut came: HashMap<usize, &Class> = HashMap::new();
            let mut came_to: HashMap<(usize, usize), &Class> = HashMap::new();
            for (day, (views, cells)) in days.range(from..=to) {
                selection.add(*day, cells, &mut selected);
                for view in views {
                    if of_page.map_or(view.is_first, |page| page == view.page) {
                        came.entry(view.person).or_insert(&view.profile);
                    }
                    came_to.entry((view.person, view.page)).or_insert(&view.profile);
                }
            }
            let fits = |profile: &&&Class| ClassTable::of(&[profile]).fits(&conditions)[0] == Fit::Match;
            let mut browsers: HashMap<String, i64> = HashMap::new();
            for profile in came.values().filter(fits) {
                let (_, browser) =
                    profile.attributes().find(|(dimension, _)| *dimension == Dimension::Browser).unwrap();
                *browsers.entry(browser.to_owned()).or_default() += 1;
            }
            let mut pages: HashMap<String, i64> = HashMap::new();
            for ((_, page), _) in came_to.iter().filter(|(_, profile)| fits(profile)) {
                *pages.entry(format!("/articles/number-{page}/")).or_default() += 1;
            }
            let list = |dimension| selected.lists.get(&dimension).cloned().unwrap_or_default();
            assert_eq!(selected.visitors(from, to), (browsers.values().sum(), 0), "{conditions:?}, {from} to {to}");
            assert_eq!(list(Dimension::Browser), browsers, "{conditions:?}, {from} to {to}");
            if of_page.is_none() {
                assert_eq!(list(Dimension::Page), pages, "{conditions:?}, {from} to {to}");
            }
        }
    }
}
