//! `handler import --from`: the daily totals of another counter.
//!
//! Other counters define visitors differently, so their totals are stored apart and are never part of a unique number. A day
//! of an export replaces an earlier import of the same day, so that an export can be imported again.

mod goatcounter;
mod plausible;
mod summary;
mod table;
mod totals;
mod umami;

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

pub(super) use self::summary::Moved;
use self::totals::Collected;
use super::{content::ZIP, source, target::Target};
use crate::{
    config::Config,
    domain::SiteName,
    store::{self, Connection},
};

/// A counter whose exports are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Peer {
    /// GoatCounter's CSV export
    #[value(name = "goatcounter")]
    GoatCounter,
    /// Plausible's CSV export: the archive or a folder of its files
    Plausible,
    /// Umami's event table as CSV, or an archive of it
    Umami,
}

impl Peer {
    /// The name in the database and in responses.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::GoatCounter => "goatcounter",
            Self::Plausible => "plausible",
            Self::Umami => "umami",
        }
    }

    /// The name of the file that is read of an archive or a folder.
    const fn file(self) -> &'static str {
        match self {
            Self::GoatCounter => "a file *.csv",
            Self::Plausible => "imported_visitors_….csv",
            Self::Umami => "website_event.csv",
        }
    }
}

/// Imports the export of a peer for a site. Several files are parts of one export.
///
/// # Errors
/// If a file can't be read or is not such an export; then nothing has changed. If the database is unavailable; then some days may be
/// replaced, and the same import can be repeated.
pub(super) async fn import(
    config: &Config,
    connection: &Connection,
    target: &Target,
    site: &SiteName,
    peer: Peer,
    files: &[PathBuf],
) -> anyhow::Result<Moved> {
    let mut collected = Collected::new(config.zone.clone(), site.to_string());
    for file in files {
        read(peer, file, &mut collected).with_context(|| format!("importing {}", file.display()))?;
    }
    collected.check()?;
    let (tallies, mut moved) = collected.finish(peer.name());
    let (Some(first), Some(last)) = (tallies.first(), tallies.last()) else { return Ok(moved) };
    moved.link = Some(target.link(first.day, last.day));
    let mut checkout = connection.checkout().await?;
    let outcome = async {
        let site = store::open_site(&mut checkout, site).await?;
        store::replace_imported(&mut checkout, site, peer.name(), &tallies).await
    };
    let outcome = outcome.await;
    checkout.release(outcome)?;
    Ok(moved)
}

/// Removes the numbers imported from a peer for a site. Returns the number of removed rows.
///
/// # Errors
/// If the database can't be reached.
pub(super) async fn forget(connection: &Connection, site: &SiteName, peer: Peer) -> anyhow::Result<u64> {
    let mut checkout = connection.checkout().await?;
    let outcome = async {
        match store::read_site(&mut checkout, site).await? {
            Some(site) => store::forget_imported(&mut checkout, site, peer.name()).await,
            None => Ok(0),
        }
    };
    let outcome = outcome.await;
    Ok(checkout.release(outcome)?)
}

fn read(peer: Peer, path: &Path, collected: &mut Collected) -> anyhow::Result<()> {
    if path.is_dir() {
        return read_folder(peer, path, collected);
    }
    let (mut file, bar) = source::open(path, true)?;
    let outcome = if file.fill_buf().context("reading")?.starts_with(ZIP) {
        read_archive(peer, path, collected)
    } else {
        read_table(peer, &path.display().to_string(), file, collected)
    };
    bar.finish_and_clear();
    outcome
}

fn read_folder(peer: Peer, path: &Path, collected: &mut Collected) -> anyhow::Result<()> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    let mut others = OtherFiles::default();
    for entry in entries.iter().filter(|entry| !entry.is_dir()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if others.wants(peer, &name) {
            let (file, _) = source::open(entry, false).with_context(|| name.clone())?;
            read_table(peer, &name, file, collected).with_context(|| name.clone())?;
        }
    }
    others.check(peer)
}

fn read_archive(peer: Peer, path: &Path, collected: &mut Collected) -> anyhow::Result<()> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path)?).context("reading it as a zip archive")?;
    let mut others = OtherFiles::default();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).context("reading it as a zip archive")?;
        let name =
            entry.name().context("reading it as a zip archive")?.rsplit('/').next().unwrap_or_default().to_owned();
        if others.wants(peer, &name) {
            read_table(peer, &name, entry, collected).with_context(|| name.clone())?;
        }
    }
    others.check(peer)
}

/// How many names an error lists.
const NAMED_FILES: usize = 5;

/// The files of a folder or an archive that are not read.
#[derive(Default)]
struct OtherFiles {
    names: Vec<String>,
    /// Whether there was a file to read.
    found: bool,
}

impl OtherFiles {
    /// Whether a file is read.
    fn wants(&mut self, peer: Peer, name: &str) -> bool {
        let wanted = wants(peer, name);
        self.found |= wanted;
        if !wanted && !name.is_empty() {
            self.names.push(name.to_owned());
        }
        wanted
    }

    /// Fails if no file was read.
    fn check(&self, peer: Peer) -> anyhow::Result<()> {
        if self.found {
            return Ok(());
        }
        let has = match &self.names[..] {
            [] => "has no files".to_owned(),
            names if names.len() <= NAMED_FILES => format!("has only {}", names.join(", ")),
            names => format!("has {} other files, such as {}", names.len(), names[..NAMED_FILES].join(", ")),
        };
        bail!("{} is not in this export, which {has}; docs/moving.md describes how to export it", peer.file())
    }
}

/// Whether a file of a folder or an archive is read.
fn wants(peer: Peer, name: &str) -> bool {
    let is_csv = Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    match peer {
        Peer::GoatCounter => is_csv,
        Peer::Plausible => plausible::has_totals(name),
        Peer::Umami => name == "website_event.csv",
    }
}

fn read_table(peer: Peer, name: &str, file: impl Read, collected: &mut Collected) -> anyhow::Result<()> {
    match peer {
        Peer::GoatCounter => goatcounter::read(name, file, collected),
        Peer::Plausible => plausible::read(name, file, collected),
        Peer::Umami => umami::read(name, file, collected),
    }
}
