//! `handler import`: counts the page requests of access logs through the same identity and the same recorder as visits.
//!
//! A log is read in chunks. Each is committed together with a checkpoint: the digest of the log from its beginning to the
//! chunk's end. Whatever an import reads up to a checkpoint that is known has been counted and is skipped, so a log can be
//! imported again, after it has grown, was rotated or compressed, or after an import was interrupted.

mod format;
mod json_line;
mod log_line;
mod order;
mod peer;
mod source;
mod summary;
mod w3c;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use jiff::{SignedDuration, tz::TimeZone};

use self::{
    format::{Format, Line, Parser},
    log_line::NotAPage,
    order::{in_order, parser_and_lines},
    peer::Peer,
    source::{Next, next_line},
    summary::{Day, NamedLines, Refusal, Summary},
};
use crate::{
    clock::Clock,
    commands::{print, print_report},
    config::Config,
    domain::statistics::Tally,
    domain::{
        Claims, Classification, Day as CalendarDay, Network, SiteName, ViewFacts, Visit, VisitKind, VisitorKey,
        dimension::campaign::campaign_in_query, dimension::channel::is_spam, dimension::referrer::referring_host,
        dimension::value::page_path,
    },
    recorder::{Imported, LogPrefix, Recorder},
    store::{self, Checkout, Connection, Database, Failure, StatementLimits},
};

/// How many lines are committed together.
const CHUNK_LINES: usize = 4096;

/// How long to wait before a reading that was lost is tried again; doubled each time until it is longer than the other.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How far ahead of our clock a log's may be.
const FUTURE: SignedDuration = SignedDuration::from_hours(24);

/// The options of the command.
#[derive(clap::Args)]
pub struct Arguments {
    /// Site of the logs, as a host name
    #[arg(long)]
    site: String,
    /// Log format [default: detected from the first lines]
    #[arg(long)]
    format: Option<Format>,
    /// Import the daily totals of another counter's export, kept apart from counted visits
    #[arg(long, value_name = "COUNTER", conflicts_with = "format")]
    from: Option<Peer>,
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

/// Imports files, or removes an earlier import, and prints a summary.
///
/// # Errors
/// If a file can't be read, or the database is unavailable.
pub async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { site, format, from, forget_imported, json, files } = arguments;
    let site: SiteName = site.parse().context("--site")?;
    if let Some(peer) = forget_imported {
        let (name, removed) = (peer.name(), peer::forget(config, &site, peer).await?);
        if json {
            print(serde_json::json!({ "site": site, "source": name, "removed": removed }))?;
        } else {
            print(format!("removed {removed} numbers imported from {name} for {site}"))?;
        }
        return Ok(());
    }
    match from {
        Some(peer) => print_report(&peer::import(config, &site, peer, &files).await?, json),
        None => print_report(&run_import(config, site, format, &files).await?, json),
    }
}

/// Imports logs through a recorder.
async fn run_import(
    config: &Config,
    site: SiteName,
    format: Option<Format>,
    files: &[PathBuf],
) -> anyhow::Result<Summary> {
    let (rules, clock) = (config.rules(), Clock::system());
    let database = Database::new(&config.database, rules.counting_mode.clone(), clock.clone()).await?;
    let [recording, reading] = database.connections([StatementLimits::FOR_IMPORTS, StatementLimits::FOR_IMPORTS]);
    // Report problems of the database before reading a log.
    reading.check().await?;
    let (recorder, recorded) = Recorder::start(recording, rules, None);
    let import = Import { recorder, connection: reading, clock, zone: config.zone.clone(), site, format };
    let outcome = import_logs(&import, files).await;
    drop(import);
    recorded.await.context("the recorder failed")?;
    outcome
}

/// What an import needs.
struct Import {
    /// Writes.
    recorder: Recorder,
    /// Reads checkpoints and the summary's days.
    connection: Arc<Connection>,
    /// Tells which lines are of the future.
    clock: Clock,
    /// The zone in which days begin.
    zone: TimeZone,
    /// The site that the logs belong to.
    site: SiteName,
    /// The logs' format; `None` recognises that of each from its first lines.
    format: Option<Format>,
}

/// Imports files in the order of their first lines, because days can only be placed one after the other; `-`, standard input, is
/// the last.
///
/// # Errors
/// If a file can't be read, or the database can't be reached. What was committed until then stays counted, and is skipped
/// the next time.
async fn import_logs(import: &Import, files: &[PathBuf]) -> anyhow::Result<Summary> {
    let mut progress =
        Progress { summary: Summary { site: import.site.to_string(), ..Summary::default() }, ..Progress::new()? };
    for file in in_order(import, files)? {
        if let Err(problem) = import_file(import, &file, &mut progress).await {
            let (name, counted) = (file.display(), progress.summary.pageviews);
            return Err(problem.context(match counted {
                0 => format!("importing {name}"),
                _ => format!("importing {name} (what was read before, {counted} pageviews, is counted, and skipped the next time)"),
            }));
        }
    }
    let Progress { mut summary, visitors, days, .. } = progress;
    summary.visitors = visitors.len() as u64;
    summary.range = days.first().zip(days.last()).map(|(first, last)| [first, last].map(CalendarDay::to_string));
    summary.days = read_days(import, &days).await?;
    Ok(summary)
}

/// What has been found so far.
struct Progress {
    summary: Summary,
    /// Keyed with a salt of this run, so that they mean nothing to anybody.
    visitors: HashSet<[u8; 16]>,
    salt: [u8; 32],
    days: BTreeSet<CalendarDay>,
}

impl Progress {
    fn new() -> anyhow::Result<Self> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).context("the operating system has no random numbers")?;
        Ok(Self { summary: Summary::default(), visitors: HashSet::new(), salt, days: BTreeSet::new() })
    }
}

/// One line, judged.
enum ParsedLine {
    Refused(Refusal),
    NotAPage(NotAPage),
    Page(Visit),
}

async fn import_file(import: &Import, path: &Path, progress: &mut Progress) -> anyhow::Result<()> {
    let known = known_checkpoints(import).await?;
    let (log, bar) = source::open(path)?;
    let (mut parser, mut log) = parser_and_lines(import, log).context("reading")?;
    // The site is part of it: the same log may be imported for two.
    let mut prefix = blake3::Hasher::new();
    prefix.update(import.site.as_bytes()).update(b"\n");
    let mut bytes = 0;
    let mut number = 0_u64;
    let mut chunk: Vec<(u64, ParsedLine)> = Vec::with_capacity(CHUNK_LINES);
    let mut chunk_day = None;
    let mut line = Vec::new();
    let is_known = |bytes: u64, prefix: &blake3::Hasher| {
        known.get(&bytes).is_some_and(|digests| digests.iter().any(|digest| digest == prefix.finalize().as_bytes()))
    };
    let upto = |bytes: u64, prefix: &blake3::Hasher| LogPrefix {
        site: import.site.clone(),
        digest: *prefix.finalize().as_bytes(),
        bytes,
    };
    loop {
        let next = next_line(&mut log, &mut line, &mut prefix).context("reading")?;
        let at_end = next == Next::End;
        if let Next::TooLong(length) = next {
            number += 1;
            bytes += length;
            chunk.push((number, ParsedLine::Refused(Refusal::Malformed)));
        } else if next == Next::CutOff {
            number += 1;
            progress.summary.lines += 1;
            progress.summary.refuse(Refusal::Malformed, &place(path, number));
            continue;
        } else if !at_end {
            number += 1;
            let judged = judge(import, &mut parser, &String::from_utf8_lossy(&line))?;
            if !line.ends_with(b"\n") {
                if matches!(judged, ParsedLine::Refused(Refusal::Malformed)) {
                    // Somebody is still writing it: it will be read the next time, whole.
                    progress.summary.lines += 1;
                    progress.summary.refuse(Refusal::Malformed, &place(path, number));
                    continue;
                }
                line.push(b'\n');
                let mut with_line = prefix.clone();
                with_line.update(&line);
                if !chunk.is_empty() && !is_known(bytes + line.len() as u64, &with_line) {
                    // It may have been cut where it could have ended, and be another line the next time: what stands before
                    // it gets a checkpoint of its own, so that it is known then.
                    commit(import, path, std::mem::take(&mut chunk), upto(bytes, &prefix), progress).await?;
                }
            }
            // Each chunk holds one day, as far as the log is in order: then it takes one statement.
            if let ParsedLine::Page(visit) = &judged
                && let Ok(day) = CalendarDay::containing(visit.at, &import.zone)
            {
                let is_later = chunk_day
                    .replace(chunk_day.map_or(day, |before: CalendarDay| before.max(day)))
                    .is_some_and(|before| day > before);
                if is_later && !chunk.is_empty() && !is_known(bytes, &prefix) {
                    commit(import, path, std::mem::take(&mut chunk), upto(bytes, &prefix), progress).await?;
                }
            }
            prefix.update(&line);
            bytes += line.len() as u64;
            chunk.push((number, judged));
        }
        if is_known(bytes, &prefix) {
            progress.summary.lines += chunk.len() as u64;
            progress.summary.lines_counted_before += chunk.len() as u64;
            chunk.clear();
        } else if chunk.len() == CHUNK_LINES || (at_end && !chunk.is_empty()) {
            commit(import, path, std::mem::take(&mut chunk), upto(bytes, &prefix), progress).await?;
        }
        if at_end {
            bar.finish_and_clear();
            return Ok(());
        }
    }
}

/// Reads over the import's own connection. A reading changes nothing: one that was lost is tried again, so that an import that has
/// counted everything can also say so.
async fn read<T>(import: &Import, work: impl AsyncFn(&mut Checkout<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
    let mut pause = FIRST_PAUSE;
    loop {
        let outcome = match import.connection.checkout().await {
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

/// Digests by the length of what they are digests of.
async fn known_checkpoints(import: &Import) -> anyhow::Result<HashMap<u64, Vec<Vec<u8>>>> {
    let checkpoints = read(import, async |checkout| match store::read_site(checkout, &import.site).await? {
        Some(site) => store::read_checkpoints(checkout, site).await,
        None => Ok(Vec::new()),
    });
    let mut known: HashMap<u64, Vec<Vec<u8>>> = HashMap::new();
    for (digest, bytes) in checkpoints.await? {
        known.entry(bytes.unsigned_abs()).or_default().push(digest);
    }
    Ok(known)
}

fn place(path: &Path, number: u64) -> String {
    format!("{}:{number}", path.display())
}

/// Decides what a line is.
fn judge(import: &Import, parser: &mut Parser, text: &str) -> anyhow::Result<ParsedLine> {
    let line = match parser.read(text)? {
        Line::Request(line) => line,
        Line::Other => return Ok(ParsedLine::NotAPage(NotAPage::OtherEntry)),
        Line::Malformed => return Ok(ParsedLine::Refused(Refusal::Malformed)),
    };
    if line.at.as_second() < 0 || line.at > import.clock.now() + FUTURE {
        return Ok(ParsedLine::Refused(Refusal::BadTime));
    }
    if let Err(kind) = log_line::page(&line) {
        return Ok(ParsedLine::NotAPage(kind));
    }
    let network = Network::parse_hop(&line.address);
    let referrer = referring_host(&line.referer, &[&import.site]);
    let user_agent = line.user_agent.as_deref().map(|user_agent| if user_agent == "-" { "" } else { user_agent });
    let classification = match (user_agent, network) {
        // The common format does not say which browser it was: a visitor is an address, and robots can't be told.
        (None, Some(network)) => Classification::Visitor(VisitorKey { network, user_agent: String::new() }),
        (user_agent, network) => {
            let (prefetch, opted_out) = (line.prefetch, line.opted_out);
            let referrer_spam = referrer.as_deref().is_some_and(is_spam);
            let user_agent = user_agent.unwrap_or_default();
            Claims { prefetch, opted_out, user_agent, referrer_spam, network, ..Claims::default() }.classification()
        }
    };
    let campaign = line.target.split_once('?').and_then(|(_, query)| campaign_in_query(query));
    let view =
        ViewFacts { page: page_path(&line.target).into(), referrer, user_agent, campaign, ..ViewFacts::default() };
    let values = view.values(&classification);
    Ok(ParsedLine::Page(Visit {
        at: line.at,
        site: import.site.clone(),
        kind: VisitKind::View,
        values,
        classification,
    }))
}

/// Commits a chunk and adds to the summary what became of it.
async fn commit(
    import: &Import,
    path: &Path,
    chunk: Vec<(u64, ParsedLine)>,
    upto: LogPrefix,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let lines = chunk.len() as u64;
    let mut numbers = Vec::new();
    let mut visits = Vec::new();
    let mut summary = Vec::new();
    for (number, judged) in chunk {
        match judged {
            ParsedLine::Page(visit) => {
                numbers.push(number);
                visits.push(visit);
            }
            other => summary.push((number, other)),
        }
    }
    let imported = import.recorder.import(visits.clone(), upto).await?;
    progress.summary.lines += lines;
    let Imported { applied, closed, late } = imported;
    if !applied {
        progress.summary.lines_counted_before += lines;
        return Ok(());
    }
    for (number, judged) in summary {
        match judged {
            ParsedLine::Refused(refusal) => progress.summary.refuse(refusal, &place(path, number)),
            ParsedLine::NotAPage(kind) => progress.summary.skip(kind),
            ParsedLine::Page(_) => {}
        }
    }
    let [closed, late] = [closed, late].map(HashSet::<usize>::from_iter);
    for (index, (number, visit)) in numbers.into_iter().zip(visits).enumerate() {
        if closed.contains(&index) {
            progress.summary.refuse(Refusal::ClosedPeriod, &place(path, number));
        } else {
            if late.contains(&index) {
                progress.summary.late.add(&place(path, number));
            }
            progress.count(import, &visit);
        }
    }
    Ok(())
}

impl Progress {
    fn count(&mut self, import: &Import, visit: &Visit) {
        match &visit.classification {
            Classification::Visitor(client) => {
                let mut hasher = blake3::Hasher::new_keyed(&self.salt);
                hasher.update(client.network.octets()).update(b"\n").update(client.user_agent.as_bytes());
                let mut visitor = [0; 16];
                hasher.finalize_xof().fill(&mut visitor);
                self.visitors.insert(visitor);
                self.summary.pageviews += 1;
            }
            Classification::Pageview(reason) => {
                self.summary.exclude(*reason);
                self.summary.pageviews += 1;
            }
            Classification::Excluded(reason) => self.summary.exclude(*reason),
        }
        if let Ok(day) = CalendarDay::containing(visit.at, &import.zone) {
            self.days.insert(day);
        }
    }
}

/// The days that were imported into, as the database has them now.
async fn read_days(import: &Import, days: &BTreeSet<CalendarDay>) -> anyhow::Result<Vec<Day>> {
    let days: Vec<CalendarDay> = days.iter().copied().collect();
    let found = read(import, async |checkout| match store::read_site(checkout, &import.site).await? {
        Some(site) => store::read_days(checkout, site, &days).await,
        None => Ok(Vec::new()),
    });
    let day = |(day, tally): (CalendarDay, Tally)| Day {
        date: day.to_string(),
        visitors: tally.visitors.all(),
        pageviews: tally.pageviews,
    };
    Ok(found.await?.into_iter().map(day).collect())
}
