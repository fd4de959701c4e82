//! Embeds the commit in the program, so that operators can identify a running version.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=SOURCE_COMMIT");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    // The macros of sqlx read these files; cargo does not track them.
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
    // Use the time of the commit, not of the build, so that builds are reproducible.
    let built =
        given("SOURCE_DATE_EPOCH").or_else(|| git(&["log", "-1", "--format=%ct"])).unwrap_or_else(|| "0".to_owned());
    // No FOOTFALL_ prefix: `cargo run` passes these variables to the program, and the program rejects unknown FOOTFALL_ settings.
    println!("cargo::rustc-env=SOURCE_COMMIT={commit}");
    println!("cargo::rustc-env=SOURCE_SECONDS={built}");
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
