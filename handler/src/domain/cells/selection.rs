//! A question about cells, and the sums that answer it.

use std::collections::{BTreeMap, HashMap};

use super::{
    CellValue, PackedDay, Parts, VisitorsByGap, counts_after,
    packed::PackedNumber,
    profile::{ATTRIBUTES, Condition, Fit},
};
use crate::domain::{calendar::Day, dimension::Dimension};

/// The visitors of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// All of them must be fulfilled.
    pub conditions: Vec<Condition>,
    /// The value that the visitors have, or the site as a whole.
    pub value: CellValue,
    /// The range of the lists. `None`: there are no lists.
    pub range: Option<(Day, Day)>,
}

/// The visitors of a selection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// All visitors of the value on each day, whether they are selected or not.
    pub counted: BTreeMap<Day, VisitorsByGap>,
    /// The selected visitors of each day.
    pub days: BTreeMap<Day, VisitorsByGap>,
    /// Visitors of each day whose class has lost an attribute that a condition needs, unless another condition excludes them: by the
    /// number of lost attributes.
    pub not_shown: BTreeMap<u8, BTreeMap<Day, VisitorsByGap>>,
    /// The different visitors of the range by value: of the attributes and, if the site as a whole is selected, of the values.
    pub lists: BTreeMap<Dimension, HashMap<String, i64>>,
}

impl Selection {
    /// The parts of a day's cells that are needed. Values are listed with the site as a whole.
    pub fn parts(&self, day: Day) -> Parts {
        match (self.value.dimension, self.range) {
            (Some(_), _) => Parts::Values,
            (None, Some((first, last))) if (first..=last).contains(&day) => Parts::All,
            (None, _) => Parts::Site,
        }
    }

    /// A pattern (SQL's `like`) that the profiles of all selected visitors match, and some of the others.
    pub fn pattern(&self) -> String {
        let attribute = |attribute: &Dimension| {
            let mut conditions = self.conditions.iter().filter(|condition| !condition.is_negated);
            let condition = conditions.find(|condition| condition.dimension == *attribute);
            condition.map_or_else(|| "%".to_owned(), |condition| condition.value.replace(['%', '_', '\\'], "_"))
        };
        ATTRIBUTES.iter().map(attribute).collect::<Vec<_>>().join("\t")
    }

    /// Adds a part of a day's cells.
    pub fn add(&self, day: Day, cells: &PackedDay, selected: &mut Selected) {
        let fits = cells.classes.fits(&self.conditions);
        let days_after_first = self.range.filter(|(first, last)| (*first..=*last).contains(&day));
        let days_after_first = days_after_first.map(|(first, _)| day.number() - first.number());
        let (mut counted, mut shown) = (VisitorsByGap::default(), VisitorsByGap::default());
        // The different visitors of the range, by class.
        let mut by_class = vec![0; cells.classes.len()];
        for numbers in cells.numbers.chunk_by(|one, next| one.value == next.value) {
            let value = &cells.values[numbers[0].value as usize];
            if *value == self.value {
                for PackedNumber { class, gap, visitors, .. } in numbers {
                    let class = *class as usize;
                    *counted.entry(*gap).or_default() += visitors;
                    match fits[class] {
                        Fit::Match => {
                            *shown.entry(*gap).or_default() += visitors;
                            if days_after_first.is_some_and(|days| counts_after(*gap, days)) {
                                by_class[class] += visitors;
                            }
                        }
                        Fit::Lost => {
                            let by_day = selected.not_shown.entry(cells.classes.lost(class)).or_default();
                            *by_day.entry(day).or_default().entry(*gap).or_default() += visitors;
                        }
                        Fit::Mismatch => {}
                    }
                }
            } else if let (Some(days), None, Some(dimension)) =
                (days_after_first, self.value.dimension, value.dimension)
            {
                let counted = numbers
                    .iter()
                    .filter(|number| fits[number.class as usize] == Fit::Match && counts_after(number.gap, days));
                let visitors: i64 = counted.map(|number| number.visitors).sum();
                add_to_list(selected, dimension, &value.value, visitors);
            }
        }
        for (sums, by_day) in [(counted, &mut selected.counted), (shown, &mut selected.days)] {
            for (gap, visitors) in sums {
                *by_day.entry(day).or_default().entry(gap).or_default() += visitors;
            }
        }
        if days_after_first.is_none() {
            return;
        }
        for (place, attribute) in ATTRIBUTES.into_iter().enumerate() {
            for (value, visitors) in cells.classes.by_value(place, &by_class) {
                add_to_list(selected, attribute, value, visitors);
            }
        }
    }
}

fn add_to_list(selected: &mut Selected, dimension: Dimension, value: &str, visitors: i64) {
    if visitors != 0 {
        let list = selected.lists.entry(dimension).or_default();
        match list.get_mut(value) {
            Some(sum) => *sum += visitors,
            None => drop(list.insert(value.to_owned(), visitors)),
        }
    }
}

impl Selected {
    /// The different visitors of a range, and those that are not shown.
    pub fn visitors(&self, first: Day, last: Day) -> (i64, i64) {
        (sum(&self.days, first, last), self.not_shown.values().map(|days| sum(days, first, last)).sum())
    }

    /// The different visitors of a range that are not shown, by the conditions that they surely fulfil, most of them first. Of the
    /// visitors that tallies have counted, those without a cell are among them: days that were counted without cells.
    pub fn not_shown(&self, conditions: &[Condition], first: Day, last: Day, in_tallies: i64) -> Vec<NotShown> {
        let mut groups: Vec<NotShown> = Vec::new();
        let without_cell = in_tallies - sum(&self.counted, first, last);
        let folded = self.not_shown.iter().map(|(lost, days)| (usize::from(*lost), sum(days, first, last)));
        for (lost, visitors) in folded.chain([(ATTRIBUTES.len(), without_cell.max(0))]) {
            let lost = &ATTRIBUTES[..lost];
            let is_known = |condition: &&Condition| !lost.contains(&condition.dimension);
            let known: Vec<Condition> = conditions.iter().filter(is_known).cloned().collect();
            match groups.last_mut() {
                Some(group) if group.known == known => group.visitors += visitors,
                _ => groups.push(NotShown { known, visitors }),
            }
        }
        groups.retain(|group| group.visitors > 0);
        groups
    }
}

/// Visitors who may fulfil all conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotShown {
    /// The conditions that they surely fulfil.
    pub known: Vec<Condition>,
    pub visitors: i64,
}

/// The different visitors of a range.
fn sum(days: &BTreeMap<Day, VisitorsByGap>, first: Day, last: Day) -> i64 {
    let of_day = |(day, gaps): (&Day, &VisitorsByGap)| {
        let days = day.number() - first.number();
        gaps.iter().filter(|(gap, _)| counts_after(**gap, days)).map(|(_, visitors)| visitors).sum::<i64>()
    };
    days.range(first..=last).map(of_day).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cells::{Cells, Class, Profile};

    fn class(country: &str, device: &str, lost: u8) -> Class {
        let values = [(Dimension::Country, country.to_owned().into()), (Dimension::Device, device.to_owned().into())];
        Class::of_profile(&Profile::of(&values).text()).unwrap().losing(lost)
    }

    fn page(path: &str) -> CellValue {
        CellValue { dimension: Some(Dimension::Page), value: path.to_owned() }
    }

    #[test]
    fn a_selection_counts_each_visitor_once_and_reports_what_is_not_shown() {
        let (monday, tuesday) = (Day::from_number(100), Day::from_number(101));
        let mut of_monday = Cells::default();
        of_monday.add(CellValue::default(), class("DE", "Phone", 0), 0, 5);
        of_monday.add(CellValue::default(), class("DE", "Tablet", 0), 0, 4);
        of_monday.add(CellValue::default(), class("DE", "", 5), 0, 2);
        of_monday.add(page("/a"), class("DE", "Phone", 0), 0, 3);
        let mut of_tuesday = Cells::default();
        // Three of Monday, one of eight days ago, and a new visitor.
        for (gap, visitors) in [(1, 3), (8, 1), (0, 1)] {
            of_tuesday.add(CellValue::default(), class("DE", "Phone", 2), gap, visitors);
        }
        of_tuesday.add(CellValue::default(), class("", "", 6), 0, 7);
        of_tuesday.add(page("/a"), class("DE", "Phone", 2), 1, 1);
        of_tuesday.add(page("/b"), class("FR", "Phone", 0), 0, 1);
        let condition = |dimension, value: &str| Condition { dimension, value: value.to_owned(), is_negated: false };
        let conditions = vec![condition(Dimension::Country, "DE"), condition(Dimension::Device, "Phone")];
        let select = |conditions: &[Condition], value| {
            let selection = Selection { conditions: conditions.to_vec(), value, range: Some((monday, tuesday)) };
            let mut selected = Selected::default();
            selection.add(monday, &PackedDay::of(&of_monday), &mut selected);
            selection.add(tuesday, &PackedDay::of(&of_tuesday), &mut selected);
            selected
        };
        let phones = select(&conditions, CellValue::default());
        assert_eq!(phones.visitors(monday, tuesday), (5 + 2, 2 + 7));
        assert_eq!(phones.visitors(tuesday, tuesday), (5, 7));
        let [country, _] = &conditions[..] else { panic!() };
        let known = |known: &[Condition], visitors| NotShown { known: known.to_vec(), visitors };
        assert_eq!(
            phones.not_shown(&conditions, monday, tuesday, 20),
            [known(std::slice::from_ref(country), 2), known(&[], 7)]
        );
        // Two more visitors have no cell.
        assert_eq!(phones.not_shown(&conditions, tuesday, tuesday, 14), [known(&[], 7 + 2)]);
        assert_eq!(phones.lists[&Dimension::Page], HashMap::from([("/a".to_owned(), 3)]));
        assert_eq!(phones.lists[&Dimension::Browser], HashMap::from([("unknown".to_owned(), 5)]));
        let of_page = select(&conditions, page("/a"));
        assert_eq!(of_page.visitors(monday, tuesday), (3, 0));
        assert_eq!(of_page.visitors(tuesday, tuesday), (1, 0));
        assert!(!of_page.lists.contains_key(&Dimension::Page));
        let everybody = select(&[], CellValue::default());
        assert_eq!(everybody.visitors(monday, tuesday), (5 + 4 + 2 + 2 + 7, 0));
        assert_eq!(everybody.lists[&Dimension::Page], HashMap::from([("/a".to_owned(), 3), ("/b".to_owned(), 1)]));
    }
}
