//! Imports access logs: reads each file in chunks and commits each chunk together with a checkpoint.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use jiff::tz::TimeZone;

use super::{
    chunker::{Chunker, KnownPrefixes, LogChunk},
    format::Format,
    order::in_order,
    outcome::{ImportRules, LineOutcome},
    prefix::Prefix,
    progress::{ChunkLines, Progress},
    source::{self, Log, Next, next_line},
    summary::{SiteDay, Summary},
};
use crate::{
    clock::Clock,
    config::Config,
    domain::{Day, SiteName},
    recorder::Recorder,
    store::{self, Checkout, Connection, Database, Failure, StatementLimits},
};

/// The first pause before a lost read is retried. Each pause is twice as long as the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The parts of a running import.
struct LogImport {
    recorder: Recorder,
    /// Reads checkpoints and the summary's days.
    connection: Arc<Connection>,
    clock: Clock,
    /// The zone in which days begin.
    zone: TimeZone,
    rules: ImportRules,
    /// The format of all logs, or `None` to detect the format of each.
    format: Option<Format>,
}

/// Imports logs of a site through a recorder.
///
/// # Errors
/// If a file can't be read, or the database is unavailable. Committed chunks stay counted, and the next import skips them.
pub(super) async fn import(
    config: &Config,
    site: SiteName,
    format: Option<Format>,
    files: &[PathBuf],
) -> anyhow::Result<Summary> {
    let (counting, clock) = (config.rules(), Clock::system());
    let database = Database::new(&config.database, counting.counting_mode.clone(), clock.clone()).await?;
    let [recording, reading] = database.connections([StatementLimits::FOR_IMPORTS, StatementLimits::FOR_IMPORTS]);
    // Report problems of the database before reading a log.
    reading.check().await?;
    let (recorder, recorded) = Recorder::start(recording, counting, None);
    let rules =
        ImportRules { site, counts_subdomains: config.counts_subdomains, trusted_proxies: config.trusted_proxies };
    let import = LogImport { recorder, connection: reading, clock, zone: config.zone.clone(), rules, format };
    let outcome = import.files(files).await;
    drop(import);
    recorded.await.context("the recorder failed")?;
    outcome
}

impl LogImport {
    /// Imports files in the order of their first lines, because visitors are recognised from day to day. Standard input (`-`) is
    /// the last one.
    async fn files(&self, files: &[PathBuf]) -> anyhow::Result<Summary> {
        let mut progress = Progress::new(&self.rules.site, self.zone.clone())?;
        for file in in_order(&self.rules.site, self.format, files)? {
            if let Err(problem) = self.file(&file, &mut progress).await {
                let name = file.display();
                return Err(problem.context(match progress.pageviews() {
                    0 => format!("importing {name}"),
                    counted => format!(
                        "importing {name} (what was read before, {counted} pageviews, is counted, and skipped the next time)"
                    ),
                }));
            }
        }
        let days = self.days(&progress.days()).await?;
        Ok(progress.finish(days))
    }

    async fn file(&self, path: &Path, progress: &mut Progress) -> anyhow::Result<()> {
        let known = self.known_prefixes().await?;
        let Log { mut parser, lines: mut log, bar } = source::open_log(path, self.format)?;
        let mut chunker = Chunker::new(Prefix::new(&self.rules.site), known);
        let mut line = Vec::new();
        loop {
            let chunks = match next_line(&mut log, &mut line, chunker.prefix()).context("reading")? {
                Next::Line => {
                    let parsed = parser.read(&String::from_utf8_lossy(&line))?;
                    let outcome = LineOutcome::of(parsed, &self.rules, self.clock.now());
                    let day = outcome.day(&self.zone);
                    chunker.add(&line, outcome, day)
                }
                Next::TooLong(prefix) => chunker.add_too_long(*prefix).into_iter().collect(),
                Next::CutOff => vec![chunker.add_incomplete()],
                Next::End => break,
            };
            for chunk in chunks {
                self.chunk(path, chunk, progress).await?;
            }
        }
        if let Some(chunk) = chunker.end_chunk() {
            self.chunk(path, chunk, progress).await?;
        }
        bar.finish_and_clear();
        Ok(())
    }

    async fn chunk(&self, path: &Path, chunk: LogChunk, progress: &mut Progress) -> anyhow::Result<()> {
        match chunk {
            LogChunk::New { lines, upto } => {
                let lines = ChunkLines::new(lines);
                let imported = self.recorder.import(lines.visits().to_vec(), upto).await?;
                progress.add_committed(path, lines, imported);
            }
            LogChunk::Known(lines) => progress.add_known(lines),
            LogChunk::Incomplete(number) => progress.add_incomplete(path, number),
        }
        Ok(())
    }

    /// Reads the checkpoints of earlier imports.
    async fn known_prefixes(&self) -> Result<KnownPrefixes, Failure> {
        let checkpoints = self.read(async |checkout| match store::read_site(checkout, &self.rules.site).await? {
            Some(site) => store::read_checkpoints(checkout, site).await,
            None => Ok(Vec::new()),
        });
        let checkpoints = checkpoints.await?.into_iter();
        Ok(checkpoints.filter_map(|(digest, bytes)| Some((digest.try_into().ok()?, bytes.unsigned_abs()))).collect())
    }

    /// Reads the current numbers of days.
    async fn days(&self, days: &[Day]) -> Result<Vec<SiteDay>, Failure> {
        let found = self.read(async |checkout| match store::read_site(checkout, &self.rules.site).await? {
            Some(site) => store::read_days(checkout, site, days).await,
            None => Ok(Vec::new()),
        });
        Ok(found.await?.into_iter().map(SiteDay::from).collect())
    }

    /// Reads over the connection for reading. A lost read is retried, because a retry changes nothing, and the summary of a
    /// finished import should not be lost.
    async fn read<T>(&self, work: impl AsyncFn(&mut Checkout<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            let outcome = match self.connection.checkout().await {
                Ok(mut checkout) => {
                    let outcome = work(&mut checkout).await;
                    checkout.release(outcome)
                }
                Err(failure) => Err(failure),
            };
            if !matches!(outcome, Err(Failure::Lost(_))) || pause > LONGEST_PAUSE {
                return outcome;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}
