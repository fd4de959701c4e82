//! Profiles, the classes into which they are folded, and conditions on them.

use std::borrow::Cow;

use crate::domain::dimension::{Dimension, UNKNOWN, channel::ChannelGroup};

/// The dimensions of a profile, in the order in which a class loses them.
pub const ATTRIBUTES: [Dimension; 6] = [
    Dimension::Language,
    Dimension::Browser,
    Dimension::Channel,
    Dimension::OperatingSystem,
    Dimension::Device,
    Dimension::Country,
];

/// Separates the attributes in the stored form. Values have no control characters.
const SEPARATOR: char = '\t';

/// The attributes that one view shows, in the order of [`ATTRIBUTES`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Profile(Box<[Cow<'static, str>; ATTRIBUTES.len()]>);

impl Default for Profile {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl Profile {
    /// The profile of a view with these values.
    pub fn of(values: &[(Dimension, Cow<'static, str>)]) -> Self {
        Self(Box::new(ATTRIBUTES.map(|attribute| {
            let value = values.iter().find(|(dimension, _)| *dimension == attribute);
            value.map_or(Cow::Borrowed(absent(attribute)), |(_, value)| value.clone())
        })))
    }

    /// The form that the database stores until the day is packed.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(64);
        for (place, value) in self.0.iter().enumerate() {
            if place > 0 {
                text.push(SEPARATOR);
            }
            text.extend(value.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }));
        }
        text
    }
}

/// The value of an attribute that a view does not show.
pub fn absent(attribute: Dimension) -> &'static str {
    if attribute == Dimension::Channel { ChannelGroup::Direct.name() } else { UNKNOWN }
}

/// A profile of which the first attributes may be lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Class {
    lost: u8,
    /// The remaining attributes in their stored form.
    kept: String,
}

impl Class {
    /// The class of everybody who is not in another class.
    pub fn rest() -> Self {
        Self { lost: LOST_ALL, kept: String::new() }
    }

    /// The class of a single profile, from its stored form. `None` if the text is no profile.
    pub fn of_profile(text: &str) -> Option<Self> {
        Self::of_attributes(0, text.to_owned())
    }

    /// The stored form of a single profile. `None` if attributes are lost.
    pub fn profile(&self) -> Option<&str> {
        (self.lost == 0).then_some(&self.kept)
    }

    /// A class that has lost some attributes. `None` if the text does not have the others.
    pub(super) fn of_attributes(lost: u8, kept: String) -> Option<Self> {
        let found = if lost == LOST_ALL && kept.is_empty() { 0 } else { kept.split(SEPARATOR).count() };
        (found + usize::from(lost) == ATTRIBUTES.len()).then_some(Self { lost, kept })
    }

    /// The class that has lost so many attributes and kept these values.
    pub(super) fn of_kept<'v>(lost: u8, values: impl Iterator<Item = &'v str>) -> Self {
        let mut kept = String::with_capacity(64);
        for (place, value) in values.enumerate() {
            if place > 0 {
                kept.push(SEPARATOR);
            }
            kept.push_str(value);
        }
        Self { lost, kept }
    }

    /// Whether a text can be the value of an attribute.
    pub(super) fn is_value(text: &str) -> bool {
        !text.contains(SEPARATOR)
    }

    /// How many attributes are lost.
    pub fn lost(&self) -> u8 {
        self.lost
    }

    /// The class with at least so many attributes lost.
    #[must_use]
    pub(super) fn losing(&self, lost: u8) -> Self {
        Self { lost: lost.max(self.lost), kept: self.kept_after(lost).to_owned() }
    }

    /// The attributes that remain when so many are lost, in their stored form.
    pub(super) fn kept_after(&self, lost: u8) -> &str {
        let mut kept = self.kept.as_str();
        for _ in self.lost..lost {
            kept = kept.split_once(SEPARATOR).map_or("", |(_, rest)| rest);
        }
        kept
    }

    /// The attributes that are not lost, in the order of [`ATTRIBUTES`].
    pub fn attributes(&self) -> impl Iterator<Item = (Dimension, &str)> {
        let values = (self.lost < LOST_ALL).then(|| self.kept.split(SEPARATOR)).into_iter().flatten();
        ATTRIBUTES.iter().copied().skip(self.lost.into()).zip(values)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "there are six attributes")]
pub(super) const LOST_ALL: u8 = ATTRIBUTES.len() as u8;

/// A condition on one attribute of a profile, or on another value of a visit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Condition {
    pub dimension: Dimension,
    /// The value in its stored form.
    pub value: String,
    /// Whether the attribute must have another value. Other values than attributes cannot be excluded.
    pub is_negated: bool,
}

impl Condition {
    /// The value in a query, with `!` before a value that is excluded.
    pub fn text(&self) -> String {
        if self.is_negated { format!("!{}", self.value) } else { self.value.clone() }
    }
}

/// How a class fulfils conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// All its visitors fulfil all conditions.
    Match,
    /// At least one condition is not fulfilled by any of its visitors.
    Mismatch,
    /// The class has lost an attribute that a condition needs.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Class {
        let values = [
            (Dimension::Page, "/a".into()),
            (Dimension::Country, "DE".into()),
            (Dimension::Browser, "Firefox".into()),
            (Dimension::Device, "Phone".into()),
        ];
        Class::of_profile(&Profile::of(&values).text()).unwrap()
    }

    #[test]
    fn a_profile_has_a_value_for_each_attribute() {
        let attributes: Vec<_> =
            profile().attributes().map(|(dimension, value)| (dimension, value.to_owned())).collect();
        let expected = ["unknown", "Firefox", "direct", "unknown", "Phone", "DE"];
        assert_eq!(attributes, ATTRIBUTES.into_iter().zip(expected.map(str::to_owned)).collect::<Vec<_>>());
    }

    #[test]
    fn a_class_loses_attributes_in_their_order_and_the_country_last() {
        let lost = |lost| profile().losing(lost).attributes().map(|(_, value)| value.to_owned()).collect::<Vec<_>>();
        assert_eq!(lost(2), ["direct", "unknown", "Phone", "DE"]);
        assert_eq!(lost(5), ["DE"]);
        assert_eq!(lost(6), [""; 0]);
        assert_eq!(profile().losing(6), Class::rest());
        assert_eq!(profile().losing(4).losing(2), profile().losing(4));
    }

    #[test]
    fn a_text_with_too_few_or_too_many_attributes_is_no_profile() {
        assert_eq!(Class::of_profile("a\tb\tc\td\te"), None);
        assert_eq!(Class::of_profile("a\tb\tc\td\te\tf\tg"), None);
        assert_eq!(Class::of_attributes(5, "a\tb".to_owned()), None);
        assert_eq!(Class::of_attributes(7, String::new()), None);
        let odd = Profile::of(&[(Dimension::Country, "D\tE".into())]);
        assert!(Class::of_profile(&odd.text()).is_some());
    }
}
