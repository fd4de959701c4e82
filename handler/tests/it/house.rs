//! The layers of `handler/src` and the invariants of `docs/architecture.md`, held against the source text.

use std::path::{Path, PathBuf};

/// The layers from low to high. A module may name modules of its own line and of lines above it.
const LAYERS: [&[&str]; 10] = [
    &["domain"],
    &["build", "clock", "routes", "telemetry"],
    &["config"],
    &["store"],
    &["reader"],
    &["recorder"],
    &["maintenance"],
    &["page"],
    &["http"],
    &["commands"],
];

/// The page renders what it is given.
const NAMED_BY_PAGE: [&str; 3] = ["page", "domain", "build"];

/// A word, where it may appear (a prefix of the path in `src`), and why.
const WORDS: [(&str, &[&str], &str); 4] = [
    ("sqlx", &["store", "config/database.rs"], "SQL belongs to store; config only has the connection options"),
    ("warp", &["http"], "HTTP belongs to http"),
    ("hyper", &["http", "commands/check"], "HTTP belongs to http; check is a client"),
    ("std::env", &["config", "main.rs"], "the environment belongs to config"),
];

/// The domain is pure: time is an argument, and there is no runtime.
const NOT_IN_DOMAIN: [&str; 5] = ["tokio", "reqwest", "std::fs", "SystemTime::now", "Instant::now"];

/// The program text of a file: without comments and without its tests.
fn program(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let program = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = program.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The source files by their paths in `src`, without files that have tests only.
fn sources() -> Vec<(String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&source, &mut files);
    let mut sources = Vec::new();
    for path in files {
        let name = path.strip_prefix(&source).unwrap().to_str().unwrap().to_owned();
        if !name.split('/').any(|part| part.trim_end_matches(".rs") == "tests") {
            sources.push((name, program(&path)));
        }
    }
    sources.sort();
    sources
}

/// The first segment of a path in `src` or of a module path.
fn module(path: &str) -> &str {
    path.split(['/', '.', ':', ' ', ',', ';', '{', '}']).next().unwrap()
}

/// The modules that a text names after `crate::`, groups in braces included.
fn named_modules(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            found.push(module(rest).to_owned());
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for character in group.chars() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => found.push(std::mem::take(&mut item)),
                _ if depth == 0 => item.push(character),
                _ => {}
            }
        }
        found.push(item);
    }
    found.iter().map(|path| module(path.trim()).to_owned()).filter(|name| !name.is_empty()).collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn no_module_names_a_higher_layer() {
    let mut arrows = Vec::new();
    for (file, text) in sources() {
        let from = module(&file);
        if ["main", "lib"].contains(&from) {
            continue;
        }
        let own = layer(from).unwrap_or_else(|| panic!("{file} belongs to no layer: add it to LAYERS"));
        for to in named_modules(&text) {
            let is_up = layer(&to).is_some_and(|layer| layer > own);
            if is_up || (from == "page" && layer(&to).is_some() && !NAMED_BY_PAGE.contains(&&*to)) {
                arrows.push(format!("{file} -> {to}"));
            }
        }
    }
    arrows.sort();
    arrows.dedup();
    assert!(arrows.is_empty(), "these name a higher layer: {arrows:#?}");
}

#[test]
fn each_library_is_named_only_in_its_layer() {
    for (file, text) in sources() {
        for (word, places, reason) in WORDS {
            let uses = text.contains(&format!("{word}::")) || text.contains(&format!("use {word};"));
            assert!(!uses || places.iter().any(|place| file.starts_with(place)), "{file} names {word}: {reason}");
        }
    }
}

#[test]
fn the_domain_has_no_runtime_clock_or_files() {
    for (file, text) in sources().iter().filter(|(file, _)| module(file) == "domain") {
        for word in NOT_IN_DOMAIN {
            assert!(!text.contains(word), "{file} names {word}");
        }
    }
}

#[test]
fn groups_of_modules_in_braces_are_read() {
    let text =
        "use crate::{\n    clock::Clock,\n    domain::{Day, Month},\n    http,\n};\nfn a() { crate::store::b() }";
    assert_eq!(named_modules(text), ["clock", "domain", "http", "store"]);
}
