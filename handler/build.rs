//! Tells the program which commit it was built from, so that an operator can tell what is running.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=SOURCE_COMMIT");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    // What sqlx reads while it compiles, and cargo would not look at.
    for path in ["migrations", "queries", "../.sqlx"] {
        println!("cargo::rerun-if-changed={path}");
    }
    for path in ["HEAD", "logs/HEAD"] {
        if let Some(file) = git(&["rev-parse", "--git-path", path]) {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let commit = given("SOURCE_COMMIT").or_else(|| git(&["rev-parse", "HEAD"])).unwrap_or_else(|| "unknown".to_owned());
    // The time of the commit, not of the build: the same source makes the same bytes.
    let built =
        given("SOURCE_DATE_EPOCH").or_else(|| git(&["log", "-1", "--format=%ct"])).unwrap_or_else(|| "0".to_owned());
    // `cargo run` hands these on to the program, which refuses settings that begin with FOOTFALL_ and that it does not know.
    println!("cargo::rustc-env=SOURCE_COMMIT={commit}");
    println!("cargo::rustc-env=SOURCE_SECONDS={built}");
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
