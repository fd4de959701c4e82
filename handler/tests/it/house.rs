//! Checks the source text for the layers of `handler/src` and the invariants of `docs/architecture.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::host::{repository, triggers};

/// The layers from low to high. A module may name modules of its own line and of lines above it.
const LAYERS: [&[&str]; 12] = [
    &["texts"],
    &["domain"],
    &["build", "clock", "outbound", "routes", "telemetry"],
    &["config"],
    &["store"],
    &["reader"],
    &["recorder"],
    &["notices"],
    &["maintenance"],
    &["page"],
    &["http"],
    &["commands"],
];

/// The page renders what it is given.
const NAMED_BY_PAGE: [&str; 4] = ["page", "domain", "build", "texts"];

/// A word, where it may appear (a prefix of the path in `src`), and why.
const WORDS: [(&str, &[&str], &str); 4] = [
    ("sqlx", &["store", "config/database.rs"], "SQL belongs to store; config only has the connection options"),
    ("warp", &["http"], "HTTP belongs to http"),
    ("hyper", &["http", "commands/check", "notices"], "HTTP belongs to http; check and notices are clients"),
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

/// The paths that a `use` tree names.
fn expanded(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap().trim().to_owned()];
    };
    let group = &rest[..rest.rfind('}').unwrap()];
    let (mut depth, mut items) = (0_i32, vec![String::new()]);
    for character in group.chars() {
        depth += match character {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if character == ',' && depth == 0 {
            items.push(String::new());
        } else {
            items.last_mut().unwrap().push(character);
        }
    }
    let items = items.iter().filter(|item| !item.trim().is_empty());
    items.flat_map(|item| expanded(item)).map(|item| format!("{}{item}", prefix.trim())).collect()
}

/// A path as segments from the root of the crate. `None` for a path into a library.
fn absolute(path: &str, module: &str, modules: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let mut segments: Vec<&str> = path.split("::").map(str::trim).collect();
    let mut base: Vec<&str> = module.split("::").collect();
    match segments[0] {
        "crate" => return Some(segments[1..].iter().map(|&segment| segment.to_owned()).collect()),
        "self" => drop(segments.remove(0)),
        "super" => {
            while segments.first() == Some(&"super") {
                segments.remove(0);
                base.pop();
            }
        }
        first if modules.contains_key(&format!("{module}::{first}")) => {}
        _ => return None,
    }
    Some(base.into_iter().chain(segments).map(str::to_owned).collect())
}

/// The files that each file names in `use`. A re-exported name belongs to the file that defines it.
fn uses_between_files() -> BTreeMap<String, BTreeSet<String>> {
    let modules: BTreeMap<String, String> =
        sources().into_iter().map(|(file, text)| (file.trim_end_matches(".rs").replace('/', "::"), text)).collect();
    let (mut uses, mut exports) = (Vec::new(), BTreeMap::new());
    for (module, text) in &modules {
        for statement in text.split(';') {
            let Some((before, tree)) = statement.rsplit_once("use ") else { continue };
            let visibility = before.lines().last().unwrap_or_default().trim();
            let is_use =
                ["", "pub"].contains(&visibility) || visibility.starts_with("pub(") && visibility.ends_with(')');
            if !is_use {
                continue;
            }
            for path in expanded(tree).iter().filter_map(|path| absolute(path, module, &modules)) {
                if visibility.is_empty() {
                    uses.push((module.clone(), path));
                } else {
                    exports.insert(
                        [module.split("::").map(str::to_owned).collect(), vec![path.last().unwrap().clone()]].concat(),
                        path,
                    );
                }
            }
        }
    }
    let mut graph: BTreeMap<String, BTreeSet<String>> =
        modules.keys().map(|module| (module.clone(), BTreeSet::new())).collect();
    for (module, mut path) in uses {
        while let Some(length) = (1..=path.len()).rev().find(|length| modules.contains_key(&path[..*length].join("::")))
        {
            if let Some(exported) = path.get(..=length).and_then(|name| exports.get(name)) {
                path = [exported, &path[length + 1..]].concat();
                continue;
            }
            let target = path[..length].join("::");
            if target != module {
                graph.get_mut(&module).unwrap().insert(target);
            }
            break;
        }
    }
    graph
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let mut graph = uses_between_files();
    assert!(graph.values().map(BTreeSet::len).sum::<usize>() > 300, "the graph has too few edges: {graph:#?}");
    // Remove files that use no remaining file, until only circles and the files that use them remain.
    loop {
        let done: BTreeSet<String> =
            graph.iter().filter(|(_, uses)| uses.is_empty()).map(|(module, _)| module.clone()).collect();
        if done.is_empty() {
            break;
        }
        graph.retain(|module, _| !done.contains(module));
        for uses in graph.values_mut() {
            uses.retain(|used| !done.contains(used));
        }
    }
    // Likewise remove files that no remaining file uses.
    loop {
        let used: BTreeSet<String> = graph.values().flatten().cloned().collect();
        let before = graph.len();
        graph.retain(|module, _| used.contains(module));
        if graph.len() == before {
            break;
        }
    }
    assert!(graph.is_empty(), "these files use each other: {graph:#?}");
}

#[test]
fn the_repository_has_at_most_ten_function_folders() {
    let functions: Vec<String> = triggers().into_iter().map(|(name, _)| name).collect();
    assert!(functions.len() <= 10, "let a route of a function take a parameter instead: {functions:?}");
}

/// An endpoint file and the function folder that serves it alone have one name.
#[test]
fn endpoints_with_a_function_of_their_own_share_its_name() {
    let endpoints = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/endpoints");
    for function in ["badge", "count", "health", "maintenance", "version", "visit"] {
        assert!(repository().join(format!("function-{function}")).is_dir(), "function-{function} is missing");
        assert!(endpoints.join(format!("{function}.rs")).is_file(), "endpoints/{function}.rs is missing");
    }
}

#[test]
fn groups_of_modules_in_braces_are_read() {
    let text =
        "use crate::{\n    clock::Clock,\n    domain::{Day, Month},\n    http,\n};\nfn a() { crate::store::b() }";
    assert_eq!(named_modules(text), ["clock", "domain", "http", "store"]);
}
