//! Decides the classes of a day: a profile stays distinguished if enough different visitors share it.
//!
//! The number of different visitors comes from the sums by gap, so no identity is needed, and all instances decide alike.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Cells, counts_after,
    profile::{Class, LOST_ALL},
};
use crate::domain::calendar::Day;

/// The number of days, up to the folded one, whose different visitors decide.
pub const WINDOW_DAYS: i32 = 28;

/// Adds the visitors of a day's profiles who were not there on an earlier day since `first`. Over all days since `first`, each
/// visitor is added once.
pub fn add_visitors_since(first: Day, day: Day, cells: &Cells, visitors: &mut BTreeMap<Class, i64>) {
    for (value, profile, gap, number) in cells.numbers() {
        if value.dimension.is_none() {
            let sum = visitors.entry(profile.clone()).or_default();
            if counts_after(gap, day.number() - first.number()) {
                *sum += number;
            }
        }
    }
}

/// The classes of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    kept: HashSet<Class>,
    /// Classes that the rest has taken in.
    taken_in: HashSet<Class>,
}

impl Classes {
    /// Decides the classes of profiles with these numbers of different visitors. A profile loses attributes until its class has at
    /// least `smallest` visitors. If the rest has fewer, it takes in the smallest class, because otherwise the total minus all classes
    /// would reveal it.
    pub fn decide(visitors: &BTreeMap<Class, i64>, smallest: u32) -> Self {
        let smallest = i64::from(smallest);
        let mut sizes: BTreeMap<Class, i64> = BTreeMap::new();
        let mut left: Vec<(&Class, i64)> = visitors.iter().map(|(profile, number)| (profile, *number)).collect();
        for lost in 0..LOST_ALL {
            let mut together: HashMap<&str, i64> = HashMap::new();
            for (profile, number) in &left {
                *together.entry(profile.kept_after(lost)).or_default() += number;
            }
            left.retain(|(profile, number)| {
                let is_large = together[profile.kept_after(lost)] >= smallest;
                if is_large {
                    *sizes.entry(profile.losing(lost)).or_default() += number;
                }
                !is_large
            });
        }
        let mut rest: i64 = left.iter().map(|(_, number)| number).sum();
        let mut taken_in = HashSet::new();
        if !left.is_empty() {
            let mut by_size: Vec<(i64, Class)> = sizes.iter().map(|(class, size)| (*size, class.clone())).collect();
            by_size.sort_unstable();
            for (size, class) in by_size {
                if rest >= smallest {
                    break;
                }
                rest += size;
                sizes.remove(&class);
                taken_in.insert(class);
            }
        }
        Self { kept: sizes.into_keys().collect(), taken_in }
    }

    /// The class of a profile: the one with the most attributes. A class that lost attributes before had enough visitors then, so it
    /// stays, unless the rest has taken it in.
    pub fn class_of(&self, profile: &Class) -> Class {
        if profile.lost() > 0 && !self.taken_in.contains(profile) {
            return profile.clone();
        }
        for lost in profile.lost()..LOST_ALL {
            let class = profile.losing(lost);
            if self.kept.contains(&class) {
                return class;
            }
            if self.taken_in.contains(&class) {
                break;
            }
        }
        Class::rest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        cells::{CellValue, Profile},
        dimension::Dimension,
    };

    fn profile(country: &str, device: &str, browser: &str, language: &str) -> Class {
        let values = [
            (Dimension::Country, country.to_owned().into()),
            (Dimension::Device, device.to_owned().into()),
            (Dimension::Browser, browser.to_owned().into()),
            (Dimension::Language, language.to_owned().into()),
        ];
        Class::of_profile(&Profile::of(&values).text()).unwrap()
    }

    /// The next number of a simple generator (Steele and others, `SplitMix`).
    fn below(state: &mut u64, limit: u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    #[test]
    fn a_profile_of_ten_visitors_stays_and_a_smaller_one_loses_the_language_first() {
        let many = profile("DE", "Phone", "Safari", "de");
        let visitors = [
            (many.clone(), 10),
            (profile("DE", "Phone", "Safari", "en"), 4),
            (profile("DE", "Phone", "Safari", "fr"), 6),
            (profile("DE", "Phone", "Chrome", "fr"), 3),
            (profile("DE", "Phone", "Opera", "fr"), 7),
        ];
        let classes = Classes::decide(&visitors.clone().into(), 10);
        let lost = |at: usize| classes.class_of(&visitors[at].0).lost();
        assert_eq!([0, 1, 2, 3, 4].map(lost), [0, 1, 1, 2, 2]);
        // A profile that was not there belongs to the class with the most attributes that includes it.
        assert_eq!(classes.class_of(&profile("DE", "Phone", "Safari", "it")).lost(), 1);
        assert_eq!(classes.class_of(&profile("FR", "Phone", "Safari", "de")), Class::rest());
    }

    #[test]
    fn a_rest_below_ten_takes_in_the_smallest_class() {
        let (large, small) = (profile("DE", "Phone", "Safari", "de"), profile("FR", "Phone", "Safari", "fr"));
        let single = profile("CH", "Phone", "Safari", "de");
        let with = |single_visitors| {
            Classes::decide(&[(large.clone(), 30), (small.clone(), 12), (single.clone(), single_visitors)].into(), 10)
        };
        assert_eq!(with(1).class_of(&large), large);
        assert_eq!((with(1).class_of(&small), with(1).class_of(&single)), (Class::rest(), Class::rest()));
        assert_eq!(with(10).class_of(&small), small);
        // A profile without visitors of the site can have views, so it also needs a rest of ten.
        assert_eq!(with(0).class_of(&small), Class::rest());
        let without = Classes::decide(&[(large.clone(), 30), (small.clone(), 12)].into(), 10);
        assert_eq!(without.class_of(&small), small);
    }

    #[test]
    fn with_fewer_than_ten_visitors_everything_is_lost() {
        let only = profile("DE", "Phone", "Safari", "de");
        assert_eq!(Classes::decide(&[(only.clone(), 9)].into(), 10).class_of(&only), Class::rest());
        assert_eq!(Classes::default().class_of(&only), Class::rest());
    }

    #[test]
    fn every_class_of_random_profiles_has_ten_visitors_or_is_everybody() {
        let mut state = 7;
        for round in 0..400 {
            let mut visitors: BTreeMap<Class, i64> = BTreeMap::new();
            for _ in 0..=below(&mut state, 60) {
                let pick = |state: &mut u64, most| below(state, most).to_string();
                let most = 1 + round % 6;
                let profile = profile(
                    &pick(&mut state, most),
                    &pick(&mut state, 2),
                    &pick(&mut state, 3),
                    &pick(&mut state, 1 + most),
                );
                *visitors.entry(profile).or_default() += i64::try_from(below(&mut state, 14)).unwrap();
            }
            let classes = Classes::decide(&visitors, 10);
            let mut sizes: BTreeMap<Class, i64> = BTreeMap::new();
            for (profile, number) in &visitors {
                let class = classes.class_of(profile);
                assert_eq!(class, profile.losing(class.lost()), "a class keeps attributes of its profiles");
                *sizes.entry(class).or_default() += number;
            }
            let all: i64 = visitors.values().sum();
            assert_eq!(sizes.values().sum::<i64>(), all);
            for (class, size) in &sizes {
                assert!(*size >= 10 || (sizes.len() == 1 && *class == Class::rest()), "{class:?} has {size} of {all}");
            }
            // A profile that is large enough alone stays, unless the rest has taken it in.
            for (profile, number) in &visitors {
                let class = classes.class_of(profile);
                assert!(*number < 10 || class == *profile || class == Class::rest(), "{profile:?}");
            }
        }
    }

    #[test]
    fn over_the_days_of_the_window_each_visitor_is_added_once() {
        let one = profile("DE", "Phone", "Safari", "de");
        let day = |gaps: &[(u16, i64)]| {
            let mut cells = Cells::default();
            for (gap, visitors) in gaps {
                cells.add(CellValue::default(), one.clone(), *gap, *visitors);
                let page = CellValue { dimension: Some(Dimension::Page), value: "/".to_owned() };
                cells.add(page, one.clone(), *gap, 100);
            }
            cells
        };
        let mut visitors = BTreeMap::new();
        let first = Day::from_number(100);
        add_visitors_since(first, first, &day(&[(0, 3), (9, 2)]), &mut visitors);
        // Four of the day before, one of nine days ago, and two new visitors.
        add_visitors_since(first, first.plus(1), &day(&[(1, 4), (9, 1), (0, 2)]), &mut visitors);
        assert_eq!(visitors, [(one, 8)].into());
    }
}
