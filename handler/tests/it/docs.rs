//! The documents agree with the code: limits with their constants, settings with their table, links with files and headings.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

/// A marker such as `<!-- limit:recorder::QUEUE_LENGTH -->16,384` names the constant whose value follows it.
const MARKER: &str = "<!-- limit:";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|known| known == extension) {
            found.push(path);
        }
    }
    found
}

fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = files_below(&repository().join("docs"), "md");
    paths.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| repository().join(name)));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The value of `16_384`, `16 * 1024`, `1 << 18` or `Duration::from_mins(30)`; durations in milliseconds.
fn value(expression: &str) -> Option<u64> {
    let expression = expression.trim();
    for (unit, factor) in [("millis", 1), ("secs", 1000), ("mins", 60_000), ("hours", 3_600_000)] {
        if let Some((_, rest)) = expression.split_once(&format!("Duration::from_{unit}(")) {
            return Some(value(rest.split(')').next()?)? * factor);
        }
    }
    let bare = expression.trim_start_matches('(').trim_end_matches(')');
    if let Some((left, right)) = bare.rsplit_once(" * ") {
        return Some(value(left)? * value(right)?);
    }
    if let Some((left, right)) = bare.rsplit_once(" / ") {
        return Some(value(left)? / value(right)?);
    }
    if let Some((left, right)) = bare.split_once(" << ") {
        return Some(value(left)? << value(right.trim_end_matches(')'))?);
    }
    bare.replace('_', "").parse().ok()
}

/// The value of `CONSTANT`, `CONSTANT.field`, `file::CONSTANT`, or a product of these and numbers.
fn value_of_name(name: &str, sources: &[(PathBuf, String)]) -> u64 {
    if let Some((left, right)) = name.split_once('*') {
        return value_of_name(left, sources) * value_of_name(right, sources);
    }
    if let Ok(number) = name.parse() {
        return number;
    }
    let (file, constant) = name.rsplit_once("::").unwrap_or(("", name));
    let (constant, field) = constant.split_once('.').unwrap_or((constant, ""));
    let mut values = HashSet::new();
    for (path, text) in sources {
        if !file.is_empty() && path.file_stem().is_none_or(|stem| stem != file) {
            continue;
        }
        for (_, rest) in text.match_indices(&format!("const {constant}: ")).map(|(at, _)| text.split_at(at)) {
            let mut expression = rest.split_once('=').unwrap().1.split(';').next().unwrap();
            if !field.is_empty() {
                expression = expression.split_once(&format!("{field}: ")).unwrap().1.split([',', '}']).next().unwrap();
            }
            values.insert(value(expression).unwrap_or_else(|| panic!("{name} = {expression}")));
        }
    }
    assert_eq!(values.len(), 1, "{name} has the values {values:?}");
    values.into_iter().next().unwrap()
}

/// The number with its unit at the beginning of a text; durations in milliseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the numbers are small and positive")]
fn written(text: &str) -> u64 {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ',' && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].trim_end_matches(['.', ',']).replace(',', "").parse().unwrap();
    let unit: String = text[end..].trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    let factor = match unit.as_str() {
        "s" => 1000.0,
        "minutes" => 60_000.0,
        "hours" => 3_600_000.0,
        "KB" => 1024.0,
        _ => 1.0,
    };
    (number * factor).round() as u64
}

#[test]
fn limits_in_the_documents_are_those_of_the_code() {
    let sources: Vec<_> = files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "rs")
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    let mut compared = 0;
    for (path, text) in documents() {
        // Code may show a marker, as CONTRIBUTING does.
        let text: String = text.split('`').step_by(2).collect();
        // A marker may stand on two lines.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for marked in text.split(MARKER).skip(1) {
            let (name, rest) = marked.split_once(" -->").unwrap();
            assert_eq!(written(rest), value_of_name(name, &sources), "{name} in {}", path.display());
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared} limits are marked");
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> HashSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
            .collect::<String>()
            .replace(' ', "-")
    };
    headings.map(slug).collect()
}

#[test]
fn links_in_the_documents_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    for (path, text) in documents() {
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("http") || link.contains(char::is_whitespace) {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let is_there = target.exists()
                && (anchor.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor));
            if !is_there {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Names in the documents that begin as settings do, and belong to the tests and to the workflows.
const OTHER_VARIABLES: [&str; 2] = ["FOOTFALL_TEST_CITUS", "FOOTFALL_URL"];

#[test]
fn settings_in_the_documents_and_server_files_are_those_of_the_table() {
    let table = fs::read_to_string(repository().join("docs/configuration.md")).unwrap();
    let known: HashSet<&str> =
        table.split("- **`").skip(1).map(|rest| rest.split('`').next().unwrap()).chain(OTHER_VARIABLES).collect();
    let mut unknown = Vec::new();
    for (path, text) in documents() {
        for (at, _) in text.match_indices("FOOTFALL_") {
            let end = text[at..].find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(text.len() - at);
            let name = &text[at..at + end];
            // The prefix alone stands for all of them.
            if name != "FOOTFALL_" && !known.contains(name) {
                unknown.push(format!("{}: {name}", path.display()));
            }
        }
    }
    let environment = repository().join("docs/server/footfall.env");
    let mut set = 0;
    for line in fs::read_to_string(&environment).unwrap().lines().filter(|line| !line.starts_with('#')) {
        let (name, _) = line.split_once('=').unwrap();
        if !known.contains(name) {
            unknown.push(format!("{}: {name}", environment.display()));
        }
        set += 1;
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(set > 3, "{set} settings were found");
}
