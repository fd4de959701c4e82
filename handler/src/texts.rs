//! The texts that people read, in each language, and the form of numbers and dates.
//!
//! `handler/texts` has one file for each language, with equal keys and placeholders. English comes first: programs get
//! its texts, and so does everybody whose language is missing. ICU4X has the plural forms and the signs in numbers of
//! all languages (CLDR), as browsers do.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use icu_decimal::{DecimalFormatter, input::Decimal, options::DecimalFormatterOptions};
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};
use jiff::civil::DateTime;
use serde_json::Value;

/// The languages: tag (BCP 47) and texts.
const FILES: &[(&str, &str)] = &[("en", include_str!("../texts/en.json")), ("de", include_str!("../texts/de.json"))];

static LANGUAGES: LazyLock<Vec<Texts>> = LazyLock::new(|| {
    let read = |(position, (tag, file)): (usize, &(&'static str, &'static str))| Texts::read(tag, position, file);
    FILES.iter().enumerate().map(read).collect()
});

/// The texts of all languages, English first.
pub fn languages() -> &'static [Texts] {
    &LANGUAGES
}

/// The texts for programs, logs, and people whose language is missing.
pub fn english() -> &'static Texts {
    &LANGUAGES[0]
}

/// The texts of a language by its tag, in any case.
pub fn of_language(tag: &str) -> Option<&'static Texts> {
    LANGUAGES.iter().find(|texts| texts.tag.eq_ignore_ascii_case(tag))
}

/// The texts of one language.
pub struct Texts {
    /// The tag of the language (BCP 47).
    pub tag: &'static str,
    /// The position in [`languages`].
    pub position: usize,
    /// The texts of the page's script as JSON.
    pub script: String,
    texts: HashMap<String, Forms>,
    plurals: PluralRules,
    decimals: DecimalFormatter,
}

/// A text, with its other forms by the category of a number.
struct Forms {
    other: String,
    categories: Vec<(PluralCategory, String)>,
}

/// A text by its key, for any language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    key: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Text {
    /// The text with this key.
    pub const fn new(key: &'static str) -> Self {
        Self { key, values: Vec::new() }
    }

    /// Replaces a placeholder by a value.
    #[must_use]
    pub fn with(mut self, placeholder: &'static str, value: impl ToString) -> Self {
        self.values.push((placeholder, value.to_string()));
        self
    }

    /// The text in a language.
    pub fn within(&self, texts: &'static Texts) -> String {
        let values: Vec<_> = self.values.iter().map(|(name, value)| (*name, &**value)).collect();
        texts.filled(self.key, &values)
    }
}

impl Texts {
    /// Reads a file: objects of texts. An object with the name of a plural category has the forms of one text.
    ///
    /// # Panics
    /// If the file is invalid. The files are compiled in, and the tests read them.
    fn read(tag: &'static str, position: usize, file: &str) -> Self {
        let value: Value = serde_json::from_str(file).expect("the tests read the file");
        let locale: Locale = tag.parse().expect("the tests read the tag");
        let mut texts = HashMap::new();
        collect(&value, String::new(), &mut texts);
        Self {
            tag,
            position,
            script: value["script"].to_string(),
            texts,
            plurals: PluralRules::try_new_cardinal((&locale).into()).expect("ICU4X has all languages"),
            decimals: DecimalFormatter::try_new((&locale).into(), DecimalFormatterOptions::default())
                .expect("ICU4X has all languages"),
        }
    }

    /// The keys and texts.
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(key, forms)| (&**key, &*forms.other))
    }

    /// The text of a key, if the key exists.
    pub fn find(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(|forms| &*forms.other)
    }

    /// The text of a key.
    pub fn of(&self, key: &str) -> &str {
        let text = self.find(key);
        debug_assert!(text.is_some(), "no text {key}");
        text.unwrap_or_default()
    }

    /// The text of a key with values in place of its placeholders.
    pub fn filled(&self, key: &str, values: &[(&str, &str)]) -> String {
        fill(self.of(key), values)
    }

    /// The form of a text that suits a number, with the number as `{count}`.
    pub fn counted(&self, key: &str, count: i64) -> String {
        fill(self.form(key, count), &[("count", &self.number(count))])
    }

    /// The form of a text that suits a number.
    pub fn form(&self, key: &str, count: i64) -> &str {
        let category = self.plurals.category_for(count.unsigned_abs());
        let categories = self.texts.get(key).map_or(&[][..], |forms| &forms.categories);
        let form = categories.iter().find(|(known, _)| *known == category).map(|(_, form)| &**form);
        form.unwrap_or_else(|| self.of(key))
    }

    /// A whole number, in the same form as the script's `toLocaleString`.
    pub fn number(&self, number: i64) -> String {
        self.decimal(number, 0, 0)
    }

    /// A number of tenths as a number with one decimal.
    pub fn tenths(&self, tenths: i64) -> String {
        self.decimal(tenths, 1, 1)
    }

    /// A number of whole percent.
    pub fn percent(&self, percent: i64) -> String {
        self.in_percent(&self.number(percent))
    }

    /// A number of tenths of a percent.
    pub fn permille(&self, permille: i64) -> String {
        self.in_percent(&self.tenths(permille))
    }

    /// A number in percent.
    pub fn in_percent(&self, number: &str) -> String {
        self.filled("numbers.percent", &[("number", number)])
    }

    /// A number in the short form for an axis, with at most three decimals.
    pub fn compact(&self, number: i64) -> String {
        let (digits, key) = match number {
            ..10_000 => return self.number(number),
            10_000..1_000_000 => (3, "numbers.thousands"),
            _ => (6, "numbers.millions"),
        };
        self.filled(key, &[("number", &self.decimal(number, digits, 0))])
    }

    /// A number divided by a power of ten. Of its decimals it shows at most three, without zeros at the end beyond the least ones.
    fn decimal(&self, number: i64, power: i16, least: i16) -> String {
        let mut decimal = Decimal::from(number);
        decimal.multiply_pow10(-power);
        decimal.trunc(-3);
        decimal.trim_end();
        decimal.pad_end(-least);
        self.decimals.format_to_string(&decimal)
    }

    /// A date or time in the format with this key: a format of `strftime`, with names of this language.
    pub fn date(&self, key: &str, at: impl Into<DateTime>) -> String {
        let at = at.into();
        let (month, weekday) = (at.month() - 1, at.weekday().to_monday_zero_offset());
        let mut format = Cow::Borrowed(self.of(key));
        for (sign, names, index) in [
            ("%B", "dates.months", month),
            ("%b", "dates.short_months", month),
            ("%A", "dates.weekdays", weekday),
            ("%a", "dates.short_weekdays", weekday),
        ] {
            if format.contains(sign) {
                let name = self.of(names).split(' ').nth(usize::try_from(index).unwrap_or_default());
                format = Cow::Owned(format.replace(sign, name.unwrap_or_default()));
            }
        }
        at.strftime(&*format).to_string()
    }
}

/// Replaces placeholders in braces. Values stay unchanged, even if they contain braces.
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    fill_around(text, values, Cow::Borrowed)
}

/// Replaces placeholders in braces, and changes the text around them.
pub fn fill_around<'t>(text: &'t str, values: &[(&str, &str)], around: impl Fn(&'t str) -> Cow<'t, str>) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, name, after)) = next_placeholder(rest) {
        filled.push_str(&around(before));
        let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        debug_assert!(value.is_some(), "no value for {name} in '{text}'");
        filled.push_str(value.unwrap_or_default());
        rest = after;
    }
    filled.push_str(&around(rest));
    filled
}

/// The first placeholder of a text, with the text before and after it.
pub fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// The plural category with this name (CLDR).
fn category(name: &str) -> Option<PluralCategory> {
    PluralCategory::get_for_cldr_string(name)
}

fn collect(value: &Value, key: String, texts: &mut HashMap<String, Forms>) {
    match value {
        Value::String(text) => {
            texts.insert(key, Forms { other: text.clone(), categories: Vec::new() });
        }
        Value::Object(forms)
            if forms.get("other").is_some_and(Value::is_string)
                && forms.keys().all(|name| category(name).is_some()) =>
        {
            let text = |(name, text): (&String, &Value)| Some((category(name)?, text.as_str()?.to_owned()));
            let other = forms["other"].as_str().unwrap_or_default().to_owned();
            texts.insert(key, Forms { other, categories: forms.iter().filter_map(text).collect() });
        }
        Value::Object(members) => {
            for (name, member) in members {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                collect(member, key, texts);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
pub(crate) mod tests;
