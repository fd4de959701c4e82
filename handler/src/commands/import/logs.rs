//! Imports access logs: commits the chunks of all files by time, each together with a checkpoint.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use jiff::Timestamp;

use super::{
    chunker::{KnownPrefixes, LogChunk},
    counted_days::CountedDays,
    format::Format,
    log_reader::{LogReader, ReadingRules},
    order::{DatedLog, in_order},
    outcome::ImportRules,
    progress::{ChunkLines, Progress},
    retry::retry_lost,
    summary::{SiteDay, SiteMonth, Summary},
    target::Target,
};
use crate::{
    clock::Clock,
    config::Config,
    domain::{CountingRules, Day, Forget, Month, SiteName, statistics::Tally},
    recorder::Recorder,
    store::{self, Checkout, Connection, Failure, SiteId},
};

/// The parts of a running import.
struct LogImport {
    recorder: Recorder,
    /// Reads checkpoints and the summary's days.
    connection: Arc<Connection>,
    /// Forgets counted days.
    maintaining: Arc<Connection>,
    rules: ReadingRules,
    forget: Forget,
    counted_days: CountedDays,
    counting_rules: CountingRules,
    /// Days before this one are packed, unless later chunks had lines of these days.
    packed_before: Day,
}

/// How many days are packed together during an import.
const PACKED_TOGETHER: i32 = 31;

/// Imports logs of a site through a recorder.
///
/// # Errors
/// If a file can't be read, or the database is unavailable. Committed chunks stay counted, and the next import skips them.
pub(super) async fn import(
    config: &Config,
    [recording, reading, maintaining]: [Arc<Connection>; 3],
    target: &Target,
    site: SiteName,
    format: Option<Format>,
    files: &[PathBuf],
) -> anyhow::Result<Summary> {
    let (recorder, recorded) = Recorder::start(recording, config.rules(), None);
    let import =
        ImportRules { site, counts_subdomains: config.counts_subdomains, trusted_proxies: config.trusted_proxies };
    let rules = ReadingRules { import, zone: config.zone.clone(), clock: Clock::system(), format };
    let counted_days = CountedDays::new(config.counting_mode());
    let mut import = LogImport {
        recorder,
        connection: reading,
        maintaining,
        rules,
        forget: config.forget,
        counted_days,
        counting_rules: config.rules(),
        packed_before: Day::from_number(0),
    };
    let outcome = import.files(files, target).await;
    drop(import);
    recorded.await.context("the recorder failed")?;
    outcome
}

impl LogImport {
    /// Imports files. Visitors are recognised from day to day, so the chunks of all files are committed in the order of their times.
    /// A file is opened when its first time comes; standard input (`-`) is the last one.
    async fn files(&mut self, files: &[PathBuf], target: &Target) -> anyhow::Result<Summary> {
        let mut progress = Progress::new(&self.rules.import.site, self.rules.zone.clone())?;
        let mut waiting = VecDeque::from(in_order(&self.rules.import.site, self.rules.format, files)?);
        let mut open: Vec<LogReader> = Vec::new();
        loop {
            let next = open.iter().enumerate().filter_map(|(index, log)| Some((log.due()?, index))).min();
            if let Some(log) = waiting.pop_front_if(|log| next.is_none_or(|(due, _)| log.begins <= due)) {
                let path = log.path.clone();
                open.push(self.open(log).await.map_err(|problem| named(problem, &path, &progress))?);
                continue;
            }
            let Some((_, index)) = next else { break };
            let outcome = self.next_chunk(&mut open[index], &mut progress).await;
            outcome.map_err(|problem| named(problem, open[index].path(), &progress))?;
            open.retain(|log| log.due().is_some());
            // A log that begins at an unknown time may have lines of any day.
            if waiting.iter().all(|log| log.begins < Timestamp::MAX)
                && let Some(next) =
                    open.iter().filter_map(LogReader::due).chain(waiting.iter().map(|log| log.begins)).min()
            {
                self.forget_days(Some(next)).await?;
                self.pack_days(Some(next)).await?;
            }
        }
        self.forget_days(None).await?;
        self.pack_days(None).await?;
        // With daily forgetting, only days have unique visitors.
        let months = if self.forget == Forget::Monthly { progress.months() } else { Vec::new() };
        let numbers = self.numbers(&progress.days(), &months).await?;
        Ok(progress.finish(numbers, target))
    }

    async fn open(&self, log: DatedLog) -> anyhow::Result<LogReader> {
        LogReader::open(log, self.known_prefixes().await?, &self.rules)
    }

    /// Commits the next chunk of a log, and reads the one after it.
    async fn next_chunk(&mut self, log: &mut LogReader, progress: &mut Progress) -> anyhow::Result<()> {
        if let Some(chunk) = log.take_chunk() {
            self.chunk(log.path(), chunk, progress).await?;
        }
        log.read_chunk(&self.rules)
    }

    async fn chunk(&mut self, path: &Path, chunk: LogChunk, progress: &mut Progress) -> anyhow::Result<()> {
        match chunk {
            LogChunk::New { lines, upto } => {
                let lines = ChunkLines::new(lines);
                let mut visits = lines.visits().to_vec();
                let late = self.counted_days.exclude_late(&mut visits);
                let mut imported = self.recorder.import(visits, upto).await?;
                self.counted_days.add(lines.visits(), &imported);
                imported.late.extend(late);
                progress.add_committed(path, lines, imported);
            }
            LogChunk::Known(lines) => progress.add_known(lines),
            LogChunk::Incomplete(number) => progress.add_incomplete(path, number),
        }
        Ok(())
    }

    /// Forgets days that this import has counted. If a lock delays this, the days stay until the next time, or until their lease ends.
    async fn forget_days(&mut self, next: Option<Timestamp>) -> Result<(), Failure> {
        let days = self.counted_days.to_forget(next, self.maintaining.now());
        if days.is_empty() {
            return Ok(());
        }
        let periods = self.counted_days.periods(&days);
        let forgotten = over(&self.maintaining, async |checkout| match self.site(checkout).await? {
            Some(site) => store::forget_periods(checkout, site, &periods).await,
            None => Ok(()),
        });
        match forgotten.await {
            Ok(()) => self.counted_days.forget(&days),
            Err(Failure::TimedOut(_)) => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// Packs the cells of days that are over and whose lines are counted. `next` is the earliest time of the lines to come, or `None`
    /// at the end of the import. Before the end, many days are packed together, because a log of years has more cells than a disk
    /// should hold.
    async fn pack_days(&mut self, next: Option<Timestamp>) -> Result<(), Failure> {
        let day = |at: Timestamp| Day::containing(at, &self.rules.zone).unwrap_or(Day::from_number(0));
        let today = day(self.maintaining.now());
        // Lines around midnight are out of order.
        let before = next.map_or(today, |next| day(next).plus(-1).min(today));
        if next.is_some() && before < self.packed_before.plus(PACKED_TOGETHER) {
            return Ok(());
        }
        let packed = over(&self.maintaining, async |checkout| match self.site(checkout).await? {
            Some(site) => store::pack_site(checkout, site, before, &self.counting_rules).await,
            None => Ok(()),
        });
        match packed.await {
            Ok(()) => self.packed_before = before,
            // Maintenance packs them later.
            Err(Failure::TimedOut(_)) => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// Reads the checkpoints of earlier imports.
    async fn known_prefixes(&self) -> Result<KnownPrefixes, Failure> {
        let checkpoints = over(&self.connection, async |checkout| match self.site(checkout).await? {
            Some(site) => store::read_checkpoints(checkout, site).await,
            None => Ok(Vec::new()),
        });
        let checkpoints = checkpoints.await?.into_iter();
        Ok(checkpoints.filter_map(|(digest, bytes)| Some((digest.try_into().ok()?, bytes.unsigned_abs()))).collect())
    }

    /// Reads the current numbers of days, and of months as a whole.
    async fn numbers(&self, days: &[Day], months: &[Month]) -> Result<(Vec<SiteDay>, Vec<SiteMonth>), Failure> {
        let mut all: BTreeSet<Day> = days.iter().copied().collect();
        all.extend(months.iter().flat_map(|month| month.days()));
        let all: Vec<Day> = all.into_iter().collect();
        let found = over(&self.connection, async |checkout| match self.site(checkout).await? {
            Some(site) => store::read_days(checkout, site, &all).await,
            None => Ok(Vec::new()),
        });
        let found: BTreeMap<Day, Tally> = found.await?.into_iter().collect();
        let days = days.iter().filter_map(|day| Some(SiteDay::of(*day, found.get(day)?))).collect();
        Ok((days, months.iter().map(|month| SiteMonth::of(*month, &found)).collect()))
    }

    async fn site(&self, checkout: &mut Checkout<'_>) -> Result<Option<SiteId>, Failure> {
        store::read_site(checkout, &self.rules.import.site).await
    }
}

/// Works over a connection. Lost work is retried, because the summary of a finished import should not be lost.
async fn over<T>(
    connection: &Connection,
    work: impl AsyncFn(&mut Checkout<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    retry_lost(async || {
        let mut checkout = connection.checkout().await?;
        let outcome = work(&mut checkout).await;
        checkout.release(outcome)
    })
    .await
}

/// A problem with the name of its file, and the number of pageviews that are counted nevertheless.
fn named(problem: anyhow::Error, path: &Path, progress: &Progress) -> anyhow::Error {
    let name = path.display();
    problem.context(match progress.pageviews() {
        0 => format!("importing {name}"),
        counted => {
            format!(
                "importing {name} (what was read before, {counted} pageviews, is counted, and skipped the next time)"
            )
        }
    })
}
