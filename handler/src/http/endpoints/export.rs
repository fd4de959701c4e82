//! `/api/export`: all sums of a site as lines of JSON, which `handler import --from footfall` reads. Reading them is not
//! counted.
//!
//! The reply is sent in parts, a day each. A task waits for the reader and for the client; it holds one part at a time.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::Instant,
};
use warp::http::{Method, StatusCode, header};

use crate::{
    domain::{CountingRules, Day, LimitedNetwork, SiteName, export::ExportWriter},
    http::{
        error::Error,
        reply::{Reply, attachment, readable_anywhere, reply, streamed},
        request::Request,
    },
    reader::{ExportPart, ReadError, Reader},
};

/// How many exports an instance sends at a time. Each needs memory for some days of a site.
const EXPORTS: usize = 8;

/// How long a part may take while the database is unavailable or busy: shorter than the time of the client for a part.
const PART_WITHIN: Duration = Duration::from_secs(30);

/// The pause before the next attempt to read a part.
const PAUSE: Duration = Duration::from_millis(250);

/// The permits of all exports.
pub fn permits() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(EXPORTS))
}

pub(in crate::http) async fn respond(request: &Request) -> Result<Reply, Error> {
    request.accepts_nothing_but(&["site", "share"])?;
    let site = request.visible_site()?;
    let app = request.app();
    let (reader, network) = (app.reader.clone(), request.limited_network());
    let permit = app.exports.clone().try_acquire_owned().map_err(|_| Error::TooManyExports)?;
    // Read before the status is sent.
    let first = reader.read_export(site.clone(), None, network, request.respond_by).await?;
    let mut reply = reply(StatusCode::OK, "application/x-ndjson", Bytes::new());
    reply.headers_mut().insert(header::CONTENT_DISPOSITION, attachment(&format!("{site}.ndjson"))?);
    if request.method == Method::HEAD {
        return Ok(readable_anywhere(reply));
    }
    let (sender, parts) = mpsc::channel(1);
    let export = Export { reader, site, network, sender, _permit: permit };
    tokio::spawn(export.run(app.config.rules(), first));
    Ok(readable_anywhere(streamed(reply, parts)))
}

/// An export that is being sent.
struct Export {
    reader: Reader,
    site: SiteName,
    network: LimitedNetwork,
    sender: mpsc::Sender<io::Result<Bytes>>,
    _permit: OwnedSemaphorePermit,
}

impl Export {
    /// Ends when everything is sent, or the client has hung up.
    async fn run(self, rules: CountingRules, first: Arc<ExportPart>) {
        if let Err(error) = self.send_all(&rules, first).await {
            // Without the last chunk, the client notices that the body is not whole.
            let _ = self.sender.send(Err(error)).await;
        }
    }

    async fn send_all(&self, rules: &CountingRules, first: Arc<ExportPart>) -> io::Result<()> {
        let mut writer = ExportWriter::begin(Vec::new(), rules)?;
        let mut part = first;
        loop {
            let last = match &*part {
                ExportPart::Day { day, counters, cells } => {
                    writer.day(&self.site, *day, counters, cells)?;
                    Some(*day)
                }
                ExportPart::Rest { imported, annotations } => {
                    writer.rest(&self.site, imported, annotations)?;
                    writer.end()?;
                    None
                }
            };
            let text = std::mem::take(writer.output());
            let Ok(()) = self.sender.send(Ok(text.into())).await else { return Ok(()) };
            let Some(day) = last else { return Ok(()) };
            part = self.part_after(day).await.map_err(io::Error::other)?;
        }
    }

    async fn part_after(&self, day: Day) -> Result<Arc<ExportPart>, ReadError> {
        let end = Instant::now() + PART_WITHIN;
        loop {
            match self.reader.read_export(self.site.clone(), Some(day), self.network, end).await {
                Err(problem) if problem.may_pass() && Instant::now() + PAUSE < end && !self.sender.is_closed() => {
                    tokio::time::sleep(PAUSE).await;
                }
                result => return result,
            }
        }
    }
}
