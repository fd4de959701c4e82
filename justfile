# Lists and runs everything: just. Each recipe only calls a script, so that all scripts also run without just.
# Chosen over `cargo xtask` because the scripts need no compiler, and half of them check no Rust.

[private]
default:
    @just --list --unsorted

# Run the page and its counter with an embedded PostgreSQL
run:
    cargo run

# Run every test on a throwaway PostgreSQL server
test *ARGUMENTS:
    scripts/test {{ARGUMENTS}}

# Run every check, or these steps: just check format clippy
check *STEPS:
    .ci/run {{STEPS}}

# Compare responses to random visits with visitors counted one by one
oracle *ARGUMENTS:
    scripts/oracle {{ARGUMENTS}}

# Compare every number with what clients sent, under random faults
faults *ARGUMENTS:
    scripts/faults {{ARGUMENTS}}

# Run a command with a throwaway PostgreSQL server
with-postgres +COMMAND:
    scripts/with-postgres {{COMMAND}}

# Run a command with a throwaway cluster of Citus in DATABASE_URL
with-citus +COMMAND:
    scripts/with-citus {{COMMAND}}

# Check queries against a real PostgreSQL, or update .sqlx: just queries --renew
queries *ARGUMENTS:
    scripts/check-queries {{ARGUMENTS}}

# Measure rate and cost
bench *ARGUMENTS:
    scripts/bench {{ARGUMENTS}}

# Measure how costs grow with sites, values, instances, history and distance
scale *ARGUMENTS:
    scripts/scale {{ARGUMENTS}}

# Build a handler for any Linux with glibc 2.28 or newer
portable *ARGUMENTS:
    scripts/portable {{ARGUMENTS}}

# Make the package for Azure Functions
package *ARGUMENTS:
    scripts/package {{ARGUMENTS}}

# Check a package: reproducible, complete, startable
check-package *ARGUMENTS:
    scripts/check-package {{ARGUMENTS}}

# Pin container images by digest
pin-images *ARGUMENTS:
    scripts/pin-images {{ARGUMENTS}}

# Run a package as Azure Functions would
rehearse *ARGUMENTS:
    scripts/rehearse {{ARGUMENTS}}

# Build footfall.min.js
script *ARGUMENTS:
    tests/browser/build-script {{ARGUMENTS}}

# Check the page in a browser
page *ARGUMENTS:
    tests/browser/check-page {{ARGUMENTS}}

# Check the English of these files and folders
prose *PATHS:
    .ci/check-prose.mjs {{PATHS}}

# Renew a list from its sources: just renew robots --newest
renew LIST *ARGUMENTS:
    handler/lists/renew-{{LIST}} {{ARGUMENTS}}
