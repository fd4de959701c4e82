//! Rules for the files of texts, and the use of their keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use jiff::civil::date;

use super::*;
use crate::domain::{
    Dimension, Exclusion,
    dimension::{Group, agent::DEVICES, channel::ChannelGroup},
    statistics::Step,
    visit::robot::RobotPurpose,
};

/// The texts of a file that is not one of the languages.
pub(crate) fn of_file(tag: &'static str, file: &str) -> &'static Texts {
    Box::leak(Box::new(Texts::read(tag, 1, file)))
}

/// English without words: only the placeholders of each text are left.
pub(crate) fn placeholders_only() -> &'static Texts {
    fn strip(value: &mut Value) {
        match value {
            Value::String(text) => {
                let names: Vec<_> = placeholders(text).into_iter().map(|name| format!("{{{name}}}")).collect();
                *text = names.concat();
            }
            Value::Object(members) => members.values_mut().for_each(strip),
            _ => panic!("only texts and objects of texts are valid: {value}"),
        }
    }
    let mut file: Value = serde_json::from_str(FILES[0].1).unwrap();
    strip(&mut file);
    of_file("en", &file.to_string())
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some((_, name, after)) = next_placeholder(rest) {
        found.insert(name);
        rest = after;
    }
    found
}

/// All forms of a text.
fn forms(forms: &Forms) -> impl Iterator<Item = &str> {
    forms.categories.iter().map(|(_, form)| &**form).chain([&*forms.other])
}

#[test]
fn each_language_has_the_texts_and_placeholders_of_english() {
    let about = |texts: &'static Texts| -> BTreeMap<&str, BTreeSet<&str>> {
        let all =
            |(key, text): (&'static String, &'static Forms)| (&**key, forms(text).flat_map(placeholders).collect());
        texts.texts.iter().map(all).collect()
    };
    let expected = about(english());
    assert!(expected.len() > 200, "{}", expected.len());
    for texts in languages() {
        let found = about(texts);
        for (key, placeholders) in &expected {
            assert_eq!(found.get(key), Some(placeholders), "{}: {key} is missing or has other placeholders", texts.tag);
        }
        for key in found.keys() {
            assert!(expected.contains_key(key), "{}: {key} is unknown", texts.tag);
        }
        for (key, text) in &texts.texts {
            assert!(forms(text).all(|form| !form.is_empty()), "{}: {key} is empty", texts.tag);
            let categories: BTreeSet<_> = text.categories.iter().map(|(category, _)| *category).collect();
            let needed: BTreeSet<_> = texts.plurals.categories().collect();
            let is_whole = categories.is_empty() || categories == needed;
            assert!(is_whole, "{}: {key} has the forms {categories:?}, but needs {needed:?}", texts.tag);
        }
    }
}

#[test]
fn a_language_has_the_names_of_all_months_and_days() {
    for texts in languages() {
        for (key, count) in [("months", 12), ("short_months", 12), ("weekdays", 7), ("short_weekdays", 7)] {
            let names = texts.of(&format!("dates.{key}"));
            assert_eq!(names.split(' ').collect::<BTreeSet<_>>().len(), count, "{}: {key}", texts.tag);
        }
    }
}

/// The files with this ending below a folder of the package, without tests.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(ending) && !name.contains("/tests") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((name, text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned()));
            }
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found
}

/// Keys that the program makes from its tables.
fn made_keys() -> BTreeSet<String> {
    let dimensions = Dimension::lists().map(Dimension::name).flat_map(|name| {
        ["heading", "singular", "one", "column", "all", "empty", "note"].map(|part| format!("dimensions.{name}.{part}"))
    });
    let views = Dimension::lists().map(Dimension::views).filter(|kind| !kind.is_empty());
    let exclusions = Exclusion::ALL.iter().flat_map(|exclusion| {
        ["label", "counted", "meaning"].map(|part| format!("exclusions.{}.{part}", exclusion.name()))
    });
    let steps = Step::ALL
        .into_iter()
        .flat_map(|step| ["name", "column", "title"].map(|part| format!("chart.{}.{part}", step.name())));
    let numbers =
        ["visitors", "new_visitors", "returning_visitors", "pageviews", "daily_visitors", "views_per_visitor"];
    dimensions
        .chain(views.flat_map(|kind| [format!("views.{kind}"), format!("titles.{kind}")]))
        .chain(["visitors", "daily_visitors"].map(|kind| format!("titles.{kind}")))
        .chain(Group::ALL.iter().map(|group| format!("groups.{}", group.name())))
        .chain(ChannelGroup::ALL.iter().map(|channel| format!("channels.{}", channel.name())))
        .chain(DEVICES.map(|device| format!("devices.{device}")))
        .chain(RobotPurpose::all().map(|purpose| format!("purposes.{}", purpose.name())))
        .chain(numbers.map(|key| format!("numbers_of_range.{key}")))
        .chain(exclusions)
        .chain(steps)
        .collect()
}

/// The keys in the source: string literals and uses in templates and the script that begin like a key.
fn written_keys() -> BTreeSet<String> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "_.".contains(character);
    let sections: BTreeSet<&str> = english().texts.keys().filter_map(|key| key.split('.').next()).collect();
    let mut found = BTreeSet::new();
    let mut add = |text: &str, before: &str, section: &str| {
        for rest in text.split(before).skip(1) {
            let key = format!("{section}{}", rest.split(|character| !is_part(character)).next().unwrap());
            let is_key = key.split_once('.').is_some_and(|(first, last)| sections.contains(first) && !last.is_empty());
            let is_whole = !rest[key.len() - section.len()..].starts_with('{');
            // `dates.rs` is a file.
            if is_key && is_whole && ![".rs", "."].iter().any(|end| key.ends_with(end)) {
                found.insert(key);
            }
        }
    };
    for (_, text) in files("src", ".rs") {
        add(&text, "\"", "");
    }
    for (_, text) in files("templates", ".html") {
        add(&text, "{{t ", "");
    }
    add(&files("assets", "page.js")[0].1, "texts.", "script.");
    found
}

#[test]
fn each_key_in_the_source_has_a_text_and_each_text_is_used() {
    let (written, made) = (written_keys(), made_keys());
    assert!(written.len() > 150, "{}", written.len());
    let unknown: Vec<_> = written.iter().filter(|key| english().find(key).is_none()).collect();
    assert!(unknown.is_empty(), "no texts: {unknown:?}");
    let optional = |key: &String| [".empty", ".note"].iter().any(|part| key.ends_with(part));
    let missing: Vec<_> = made.iter().filter(|key| english().find(key).is_none() && !optional(key)).collect();
    assert!(missing.is_empty(), "no texts: {missing:?}");
    let unused: Vec<_> = english().texts.keys().filter(|key| !written.contains(*key) && !made.contains(*key)).collect();
    assert!(unused.is_empty(), "unused texts: {unused:?}");
}

/// The string literals of a program, each with the line before it.
fn literals(program: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in
        program.lines().filter(|line| !line.trim_start().starts_with("//") && !line.trim_start().starts_with("/*"))
    {
        let (mut before, mut characters) = (String::new(), line.chars());
        while let Some(character) = characters.next() {
            if character == '\'' && characters.as_str().starts_with("\"'") {
                characters.nth(1);
            } else if character == '"' || character == '`' {
                let mut literal = String::new();
                while let Some(inner) = characters.next() {
                    match inner {
                        '\\' => {
                            // The sign of a new line is not a letter.
                            literal.extend(characters.next().map(|escaped| if escaped == 'n' { ' ' } else { escaped }));
                        }
                        end if end == character => break,
                        other => literal.push(other),
                    }
                }
                found.push((before.clone(), literal));
                before.clear();
            } else {
                before.push(character);
            }
        }
    }
    found
}

/// Whether a literal is text for people: a word with a capital, or two words. Tags and placeholders do not count.
fn is_text(literal: &str) -> bool {
    let mut bare = String::new();
    let mut depth = 0;
    for character in literal.chars() {
        match character {
            '<' | '{' => depth += 1,
            '>' | '}' => depth = (depth - 1).max(0),
            _ if depth == 0 => bare.push(character),
            _ => {}
        }
    }
    let is_word = |word: &str| word.len() > 1 && word.chars().all(char::is_alphabetic);
    let words: Vec<&str> = bare.split(' ').map(|word| word.trim_matches([',', '.', ':', '…', '(', ')'])).collect();
    words.iter().any(|word| {
        is_word(word) && word.starts_with(char::is_uppercase) && word.chars().skip(1).all(char::is_lowercase)
    }) || words.windows(2).any(|pair| pair.iter().all(|word| is_word(word)))
}

#[test]
fn page_modules_and_the_script_have_no_text_of_their_own() {
    // Brands, names of keys, and messages for those who change the program.
    let allowed =
        ["const texts = {}; {source}", "Footfall", "GoatCounter", "Plausible", "Umami", "Home", "End", "Enter", "Esc"];
    let not_for_people = ["expect(", "reason = ", "panic!(", "include_str!("];
    let selects = ["all(", "one(", "querySelector(", "matches(", "closest(", "className: ", "class: "];
    let (mut checked, mut found) = (0, Vec::new());
    for (name, program) in files("src/page", ".rs").into_iter().chain(files("assets", "page.js")) {
        // The badge is English on every page.
        if name.ends_with("badge.rs") {
            continue;
        }
        for (before, literal) in literals(&program) {
            let is_script = name.ends_with("page.js");
            let skipped = if is_script { &selects[..] } else { &not_for_people };
            checked += 1;
            let is_allowed = allowed.contains(&&*literal) || skipped.iter().any(|call| before.ends_with(call));
            if !is_allowed && is_text(&literal) {
                found.push(format!("{name}: {literal}"));
            }
        }
    }
    assert!(found.is_empty(), "move these texts to handler/texts: {found:#?}");
    assert!(checked > 400, "{checked}");
    for text in ["Visitors", "No match.", "so far", "Pageviews in <b>{}</b>", " (so far)"] {
        assert!(is_text(text), "{text}");
    }
    for no_text in ["visitors", "&chart=pageviews", "M{index} 0v-{height}", "<tr><th>{}", "%-d %B", "dates.month"] {
        assert!(!is_text(no_text), "{no_text}");
    }
}

#[test]
fn numbers_have_the_form_of_the_language() {
    let german = of_language("DE").unwrap();
    for (texts, number, percent, tenths, short) in [
        (english(), "1,234,567", "1,200 %", "1,234.5", ["9,999", "12.5k", "750k", "1.25M"]),
        (german, "1.234.567", "1.200 %", "1.234,5", ["9.999", "12,5 Tsd.", "750 Tsd.", "1,25 Mio."]),
    ] {
        assert_eq!((&*texts.number(1_234_567), &*texts.percent(1_200)), (number, percent));
        assert_eq!(texts.tenths(12_345), tenths);
        assert_eq!([9_999, 12_500, 750_000, 1_250_000].map(|number| texts.compact(number)), short);
    }
    for (number, text) in
        [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_000, "-1,000"), (i64::MAX, "9,223,372,036,854,775,807")]
    {
        assert_eq!(english().number(number), text);
    }
    assert_eq!(
        (english().tenths(40), english().tenths(0), german.permille(1)),
        ("4.0".into(), "0.0".into(), "0,1 %".into())
    );
}

#[test]
fn dates_have_the_names_and_the_order_of_the_language() {
    let day = date(2026, 3, 1).at(9, 5, 0, 0);
    let all = |texts: &Texts| {
        ["date_and_weekday", "short_date_in_full", "time"].map(|key| texts.date(&format!("dates.{key}"), day))
    };
    assert_eq!(all(english()), ["Sunday 1 March 2026", "Sun 1 Mar 2026", "09:05"]);
    assert_eq!(all(of_language("de").unwrap()), ["Sonntag, 1. März 2026", "So, 1. März 2026", "09:05"]);
}

#[test]
fn the_form_of_a_text_suits_the_number() {
    let of = |texts: &Texts, key| [0, 1, 2, 1_000].map(|count| texts.counted(key, count));
    assert_eq!(of(english(), "sites.count"), ["0 sites", "1 site", "2 sites", "1,000 sites"]);
    let german = of_language("de").unwrap();
    assert_eq!(
        of(german, "ranges.heading_months"),
        ["Letzte 0 Monate", "Letzter Monat", "Letzte 2 Monate", "Letzte 1.000 Monate"]
    );
    let polish = of_file(
        "pl",
        r#"{ "days": { "one": "{count} dzień", "few": "{count} dni", "many": "{count} dni!", "other": "{count} dnia" } }"#,
    );
    assert_eq!(
        [1, 2, 5, 22, 1_234].map(|count| polish.counted("days", count)),
        ["1 dzień", "2 dni", "5 dni!", "22 dni", "1234 dni"]
    );
}

#[test]
fn values_are_inserted_once() {
    let text = Text::new("errors.number_from").with("name", "{least}").with("least", 3);
    assert_eq!(text.within(english()), "'{least}' must be a number from 3");
}
