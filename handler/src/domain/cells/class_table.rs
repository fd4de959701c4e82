//! Classes with each of their values once, so that a question compares each value once, and not once for each class.

use std::{cmp::Reverse, collections::HashMap};

use super::{
    bytes::{Bytes, Damaged, write_number, write_text},
    profile::{ATTRIBUTES, Class, Condition, Fit, LOST_ALL},
};

/// A class: how many attributes are lost, and the places of the other values. Lost ones have place 0.
type Row = (u8, [u32; ATTRIBUTES.len()]);

/// Classes in columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassTable {
    /// The values of each attribute, the most frequent first.
    values: [Vec<String>; ATTRIBUTES.len()],
    rows: Vec<Row>,
}

impl ClassTable {
    /// The table of these classes, in this order.
    ///
    /// # Panics
    /// If there are 2³² classes.
    pub fn of(classes: &[&Class]) -> Self {
        let mut table =
            Self { rows: classes.iter().map(|class| (class.lost(), Default::default())).collect(), ..Self::default() };
        let attributes: Vec<Vec<&str>> =
            classes.iter().map(|class| class.attributes().map(|(_, value)| value).collect()).collect();
        for (place, values) in table.values.iter_mut().enumerate() {
            // The kept attributes are the last ones.
            let kept = attributes.iter().zip(&mut table.rows).filter_map(|(attributes, (lost, places))| {
                let value = *attributes.get(place.checked_sub(usize::from(*lost))?)?;
                Some((value, &mut places[place]))
            });
            let mut kept: Vec<(&str, &mut u32)> = kept.collect();
            let mut uses: HashMap<&str, u32> = HashMap::new();
            for (value, _) in &kept {
                *uses.entry(value).or_default() += 1;
            }
            let mut sorted: Vec<&str> = uses.keys().copied().collect();
            sorted.sort_unstable_by_key(|value| (Reverse(uses[value]), *value));
            let places: HashMap<&str, u32> = sorted.iter().copied().zip(0..).collect();
            for (value, found) in &mut kept {
                **found = places[value];
            }
            *values = sorted.into_iter().map(str::to_owned).collect();
        }
        table
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many attributes a class has lost.
    pub fn lost(&self, class: usize) -> u8 {
        self.rows[class].0
    }

    /// The classes as texts.
    pub fn to_classes(&self) -> Vec<Class> {
        let class = |(lost, places): &Row| {
            let kept = self.values.iter().zip(places).skip((*lost).into());
            Class::of_kept(*lost, kept.map(|(values, place)| &*values[*place as usize]))
        };
        self.rows.iter().map(class).collect()
    }

    /// Whether the visitors of each class fulfil all conditions on attributes.
    pub fn fits(&self, conditions: &[Condition]) -> Vec<Fit> {
        let of_attribute = |condition: &Condition| {
            let place = ATTRIBUTES.iter().position(|attribute| *attribute == condition.dimension)?;
            let is_fulfilled = |value: &String| (*value == condition.value) != condition.is_negated;
            Some((place, self.values[place].iter().map(is_fulfilled).collect::<Vec<bool>>()))
        };
        let conditions: Vec<_> = conditions.iter().filter_map(of_attribute).collect();
        let fit = |(lost, places): &Row| {
            let mut fit = Fit::Match;
            for (place, is_fulfilled) in &conditions {
                if *place < usize::from(*lost) {
                    fit = Fit::Lost;
                } else if !is_fulfilled[places[*place] as usize] {
                    return Fit::Mismatch;
                }
            }
            fit
        };
        self.rows.iter().map(fit).collect()
    }

    /// The visitors of each value of the attribute at a place in [`ATTRIBUTES`], without those of classes that have lost it.
    pub fn by_value(&self, place: usize, by_class: &[i64]) -> impl Iterator<Item = (&str, i64)> {
        let mut by_value = vec![0; self.values[place].len()];
        for ((lost, places), visitors) in self.rows.iter().zip(by_class) {
            if place >= usize::from(*lost) {
                by_value[places[place] as usize] += visitors;
            }
        }
        self.values[place].iter().map(String::as_str).zip(by_value)
    }

    /// Writes the number of lost attributes of each class, and then for each attribute its values and their places.
    pub(super) fn write(&self, text: &mut Vec<u8>) {
        write_number(self.rows.len() as u64, text);
        text.extend(self.rows.iter().map(|(lost, _)| *lost));
        for (place, values) in self.values.iter().enumerate() {
            write_number(values.len() as u64, text);
            for value in values {
                write_text(value, text);
            }
            for (_, places) in self.rows.iter().filter(|(lost, _)| usize::from(*lost) <= place) {
                write_number(places[place].into(), text);
            }
        }
    }

    pub(super) fn read(bytes: &mut Bytes<'_>) -> Result<Self, Damaged> {
        let number = bytes.length()?;
        let lost = bytes.take(number)?;
        if lost.iter().any(|lost| *lost > LOST_ALL) {
            return Err(Damaged("too many lost attributes"));
        }
        let mut table = Self { rows: lost.iter().map(|lost| (*lost, Default::default())).collect(), ..Self::default() };
        for (place, values) in table.values.iter_mut().enumerate() {
            for _ in 0..bytes.length()? {
                let value = bytes.text()?;
                if !Class::is_value(value) {
                    return Err(Damaged("not a value"));
                }
                values.push(value.to_owned());
            }
            for (_, places) in table.rows.iter_mut().filter(|(lost, _)| usize::from(*lost) <= place) {
                let found = bytes.number()?;
                if found >= values.len() as u64 {
                    return Err(Damaged("no such value"));
                }
                places[place] = u32::try_from(found).map_err(|_| Damaged("no such value"))?;
            }
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{cells::Profile, dimension::Dimension};

    fn profile() -> Class {
        let values = [
            (Dimension::Country, "DE".into()),
            (Dimension::Browser, "Firefox".into()),
            (Dimension::Device, "Phone".into()),
        ];
        Class::of_profile(&Profile::of(&values).text()).unwrap()
    }

    fn condition(dimension: Dimension, value: &str, is_negated: bool) -> Condition {
        Condition { dimension, value: value.to_owned(), is_negated }
    }

    #[test]
    fn a_class_fits_if_every_attribute_that_a_condition_needs_is_kept_and_fulfils_it() {
        let germans = condition(Dimension::Country, "DE", false);
        let not_chrome = condition(Dimension::Browser, "Chrome", true);
        let not_firefox = condition(Dimension::Browser, "Firefox", true);
        let fit = |lost, conditions: &[&Condition]| {
            ClassTable::of(&[&profile().losing(lost)]).fits(&conditions.iter().copied().cloned().collect::<Vec<_>>())[0]
        };
        assert_eq!(fit(0, &[&germans, &not_chrome]), Fit::Match);
        assert_eq!(fit(0, &[&germans, &not_firefox]), Fit::Mismatch);
        assert_eq!(fit(2, &[&germans]), Fit::Match);
        assert_eq!(fit(2, &[&germans, &not_chrome]), Fit::Lost);
        assert_eq!(fit(2, &[&condition(Dimension::Country, "FR", false), &not_chrome]), Fit::Mismatch);
        assert_eq!(fit(6, &[&germans]), Fit::Lost);
        assert_eq!(fit(6, &[]), Fit::Match);
    }

    #[test]
    fn a_table_has_the_classes_and_the_sums_of_their_values() {
        let other = Profile::of(&[(Dimension::Country, "FR".into()), (Dimension::Browser, "Firefox".into())]);
        let classes = [profile(), profile().losing(4), Class::of_profile(&other.text()).unwrap(), Class::rest()];
        let table = ClassTable::of(&classes.iter().collect::<Vec<_>>());
        assert_eq!(table.to_classes(), classes);
        let sums = |place| table.by_value(place, &[1, 20, 300, 4000]).collect::<Vec<_>>();
        assert_eq!(ATTRIBUTES[1], Dimension::Browser);
        assert_eq!(sums(1), [("Firefox", 301)]);
        assert_eq!(ATTRIBUTES[5], Dimension::Country);
        assert_eq!(sums(5), [("DE", 21), ("FR", 300)]);
    }
}
