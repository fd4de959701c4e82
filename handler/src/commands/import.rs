//! `handler import`: counts the page requests of access logs through the same identity and the same recorder as visits.
//!
//! A log is read in chunks. Each chunk is committed together with a checkpoint: the digest of the log from its beginning to the
//! end of the chunk. Lines up to a known checkpoint have been counted and are skipped. So a log can be imported again after it has
//! grown, was rotated or compressed, or after an import was interrupted.
//!
//! A line goes through `source` (bytes), `format` and its parsers (a request), `outcome` (a visit), `chunker` (chunks), `log_reader`
//! (dated chunks) and `logs`, which commits them by time. `peer` imports the totals of other counters.

mod chunker;
mod combined;
mod content;
mod counted_days;
mod first_lines;
mod footfall;
mod format;
mod json_line;
mod line;
mod log_reader;
mod logs;
mod nuls;
mod order;
mod outcome;
mod page_request;
mod peer;
mod prefix;
mod progress;
mod retry;
mod source;
mod summary;
mod target;
mod w3c;

use std::path::PathBuf;

use anyhow::Context;
use clap::{ValueEnum, builder::PossibleValue};
use serde::Serialize;

use self::{
    format::Format,
    peer::Peer,
    target::{Target, Targeted},
};
use crate::{
    clock::Clock,
    commands::print,
    config::Config,
    domain::SiteName,
    store::{Database, StatementLimits},
};

/// The program that has made an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exporter {
    Footfall,
    Peer(Peer),
}

impl ValueEnum for Exporter {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Footfall, Self::Peer(Peer::GoatCounter), Self::Peer(Peer::Plausible), Self::Peer(Peer::Umami)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Footfall => Some(PossibleValue::new("footfall").help("The lines of `handler export`")),
            Self::Peer(peer) => peer.to_possible_value(),
        }
    }
}

/// The options of the command.
#[derive(clap::Args)]
pub struct ImportArguments {
    /// Site of the logs, as a host name
    #[arg(long)]
    site: String,
    /// Log format [default: detected from the first lines]
    #[arg(long)]
    format: Option<Format>,
    /// Import an export: sums of Footfall, or daily totals of another counter, kept apart from counted visits
    #[arg(long, value_name = "COUNTER", conflicts_with = "format")]
    from: Option<Exporter>,
    /// Remove the numbers imported from another counter
    #[arg(long, value_name = "COUNTER", conflicts_with_all = ["from", "format", "files"])]
    forget_imported: Option<Peer>,
    /// Print one JSON object instead of a summary
    #[arg(long)]
    json: bool,
    /// Log files (plain, gzip, or - for stdin), or export files with --from
    #[arg(required_unless_present = "forget_imported")]
    files: Vec<PathBuf>,
}

/// Imports files, or removes an earlier import. Prints the target before the import, and a summary after it.
///
/// # Errors
/// If a file can't be read, or the database is unavailable.
pub async fn run(config: &Config, arguments: ImportArguments) -> anyhow::Result<()> {
    let ImportArguments { site, format, from, forget_imported, json, files } = arguments;
    let site: SiteName = site.parse().context("--site")?;
    let database = Database::new(&config.database, config.counting_mode(), Clock::system()).await?;
    let [recording, reading, maintaining] = database.connections([
        StatementLimits::FOR_IMPORTS,
        StatementLimits::FOR_IMPORTS,
        StatementLimits::FOR_MAINTENANCE,
    ]);
    // Report problems of the database before reading a file.
    let target = Target::open(config, &site, &reading).await?;
    if !json {
        print(&target)?;
    }
    if let Some(peer) = forget_imported {
        let (name, removed) = (peer.name(), peer::forget(&reading, &site, peer).await?);
        let result = serde_json::json!({ "site": site, "source": name, "removed": removed });
        return conclude(json, target, result, |_| {
            format!("removed {removed} numbers imported from {name} for {site}")
        });
    }
    if let Some(Exporter::Footfall) = from {
        let restored = footfall::import(config, &reading, &target, &site, &files).await?;
        let check = restored.check();
        conclude(json, target, restored, ToString::to_string)?;
        return check;
    }
    if let Some(Exporter::Peer(peer)) = from {
        let moved = peer::import(config, &reading, &target, &site, peer, &files).await?;
        return conclude(json, target, moved, ToString::to_string);
    }
    let summary = logs::import(config, [recording, reading, maintaining], &target, site, format, &files).await?;
    conclude(json, target, summary, ToString::to_string)
}

/// Prints the result as text, which follows the target's, or with the target as one JSON object.
fn conclude<T: Serialize>(
    json: bool,
    target: Target,
    result: T,
    text: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    print(if json { serde_json::to_string(&Targeted { target, result })? } else { text(&result) })?;
    Ok(())
}
