//! The numbers of a running import.

use std::{
    collections::{BTreeSet, HashSet},
    path::Path,
};

use anyhow::Context;
use jiff::tz::TimeZone;

use super::{
    chunker::NumberedLine,
    outcome::{LineOutcome, Refusal},
    summary::{SiteDay, SiteMonth, Summary},
    target::Target,
};
use crate::{
    domain::{Classification, Day, Month, SiteName, Visit},
    recorder::Imported,
};

/// The numbers so far.
pub(super) struct Progress {
    summary: Summary,
    zone: TimeZone,
    /// Digests of the visitors, with a key of this run.
    visitors: HashSet<[u8; 16]>,
    key: [u8; 32],
    days: BTreeSet<Day>,
}

/// The lines of a chunk. The recorder gets the visits only.
pub(super) struct ChunkLines {
    visits: Vec<Visit>,
    /// The line number of each visit.
    numbers: Vec<u64>,
    others: Vec<NumberedLine>,
}

impl ChunkLines {
    pub(super) fn new(lines: Vec<NumberedLine>) -> Self {
        let mut chunk = Self { visits: Vec::new(), numbers: Vec::new(), others: Vec::new() };
        for (number, outcome) in lines {
            match outcome {
                LineOutcome::Page(visit) => {
                    chunk.numbers.push(number);
                    chunk.visits.push(visit);
                }
                other => chunk.others.push((number, other)),
            }
        }
        chunk
    }

    pub(super) fn visits(&self) -> &[Visit] {
        &self.visits
    }
}

impl Progress {
    pub(super) fn new(site: &SiteName, zone: TimeZone) -> anyhow::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).context("the operating system has no random numbers")?;
        let summary = Summary { site: site.to_string(), ..Summary::default() };
        Ok(Self { summary, zone, visitors: HashSet::new(), key, days: BTreeSet::new() })
    }

    /// The number of pageviews that were counted.
    pub(super) fn pageviews(&self) -> u64 {
        self.summary.pageviews
    }

    /// The days with visits.
    pub(super) fn days(&self) -> Vec<Day> {
        self.days.iter().copied().collect()
    }

    /// The months with visits.
    pub(super) fn months(&self) -> Vec<Month> {
        self.days.iter().map(|day| day.month()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Adds lines that an earlier import counted.
    pub(super) fn add_known(&mut self, lines: u64) {
        self.summary.lines += lines;
        self.summary.lines_counted_before += lines;
    }

    /// Adds an incomplete last line.
    pub(super) fn add_incomplete(&mut self, file: &Path, number: u64) {
        self.summary.lines += 1;
        self.summary.refuse(Refusal::Malformed, &place(file, number));
    }

    /// Adds a committed chunk of a file.
    pub(super) fn add_committed(&mut self, file: &Path, chunk: ChunkLines, imported: Imported) {
        let ChunkLines { visits, numbers, others } = chunk;
        let lines = (visits.len() + others.len()) as u64;
        let Imported { applied, closed, late } = imported;
        if !applied {
            self.add_known(lines);
            return;
        }
        self.summary.lines += lines;
        for (number, outcome) in others {
            match outcome {
                LineOutcome::Refused(refusal) => self.summary.refuse(refusal, &place(file, number)),
                LineOutcome::NotAPage(kind) => self.summary.skip(kind),
                LineOutcome::Page(_) => {}
            }
        }
        let [closed, late] = [closed, late].map(HashSet::<usize>::from_iter);
        for (index, (number, visit)) in numbers.into_iter().zip(visits).enumerate() {
            if closed.contains(&index) {
                self.summary.refuse(Refusal::ClosedPeriod, &place(file, number));
                continue;
            }
            if late.contains(&index) {
                self.summary.late.add(&place(file, number));
            }
            self.add_visit(&visit);
        }
    }

    fn add_visit(&mut self, visit: &Visit) {
        match &visit.classification {
            Classification::Visitor(client) => {
                let mut hasher = blake3::Hasher::new_keyed(&self.key);
                hasher.update(client.network().octets()).update(b"\n").update(client.user_agent().as_bytes());
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
        self.days.extend(Day::containing(visit.at, &self.zone));
    }

    /// The summary, with the current numbers of [`Progress::days`] and [`Progress::months`].
    pub(super) fn finish(self, (days, months): (Vec<SiteDay>, Vec<SiteMonth>), target: &Target) -> Summary {
        let Self { summary, visitors, days: counted, .. } = self;
        let range = counted.first().zip(counted.last());
        Summary {
            visitors: visitors.len() as u64,
            range: range.map(|(first, last)| [first, last].map(Day::to_string)),
            days,
            months,
            link: range.map(|(first, last)| target.link(*first, *last)),
            ..summary
        }
    }
}

fn place(file: &Path, number: u64) -> String {
    format!("{}:{number}", file.display())
}
