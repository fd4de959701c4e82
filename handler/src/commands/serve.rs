//! `handler` without a command: connects the modules and serves until the process is stopped.

use std::{
    hash::RandomState,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    net::{TcpListener, TcpSocket},
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use crate::{
    build,
    clock::Clock,
    config::{Config, DatabaseConfig, Host},
    domain::visit::rate_limit::RateLimit,
    http::{self, Access, App, ResponseCache, server::open_files},
    maintenance::Maintenance,
    notices::Notices,
    page,
    reader::Reader,
    recorder::Recorder,
    store::{Checkout, Connection, Database, Failure, Outage, StatementLimits},
    telemetry::{self, milliseconds_since},
    texts::english,
};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How long the process may take to stop after a signal. The Functions host kills it without a signal, which loses no
/// acknowledged visit, because acknowledged visits are committed.
const STOP_WITHIN: Duration = Duration::from_secs(6);

/// The part of that time for recorder and reader, after the last connection is closed. Requests get their response within five
/// seconds, so the rest is enough for them.
const FINISH_WITHIN: Duration = Duration::from_millis(500);

/// Open files in addition to clients' connections: the database, the runtime, standard input and output, the embedded
/// PostgreSQL.
const OTHER_FILES: usize = 64;

/// The pause before the first retry of the database at the start. Each pause doubles the one before, up to a minute.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Serves until a signal stops the process.
///
/// # Errors
/// If the port can't be used, or the embedded database can't be started.
pub async fn run(config: Config) -> anyhow::Result<()> {
    telemetry::start(&config.log, config.log_format, config.zone.clone())?;
    let config = Arc::new(config);
    let began = std::time::Instant::now();
    let (rules, clock) = (config.rules(), Clock::system());
    // Listen before anything else, because the Functions host sends requests as soon as the process runs.
    let listener = listen(SocketAddr::new(config.bind, config.port))?;
    let address = listener.local_addr()?;
    if let DatabaseConfig::Embedded(folder) = &config.database {
        tracing::info!(
            event = "embedded",
            "DATABASE_URL is not set: waiting for the embedded PostgreSQL in {}/, whose first start takes longer",
            folder.display()
        );
    }
    let database = Database::new(&config.database, rules.counting_mode.clone(), clock.clone()).await?;
    let [recording, reading, maintaining] = database.connections([
        StatementLimits::FOR_REQUESTS,
        StatementLimits::FOR_REQUESTS,
        StatementLimits::FOR_MAINTENANCE,
    ]);
    // Under the Functions host, the page has the address of the host, which is unknown here.
    let page = (config.host != Host::Functions).then(|| format!("{}/", local_address(address)));
    let mut warm_up = tokio::spawn(warm_up([recording.clone(), reading.clone()], page, config.clone()));
    let (reader, mut read) = Reader::start(reading, rules.clone(), config.sites.clone());
    let (recorder, mut recorded) = Recorder::start(recording, rules.clone(), Some(reader.clone()));
    let public = public_address(&config, address);
    let notices = Notices::new(&config, reader.clone(), public.clone())?;
    let (maintenance, maintained) = Maintenance::start(maintaining, rules, notices);
    let rate_limit = config.views_per_minute.map(|views| RateLimit::new(views, RandomState::new(), began));
    let app = App {
        address: public,
        recorder,
        reader,
        maintenance,
        clock,
        access: Access::new(&config),
        rate_limit,
        config: Arc::clone(&config),
        response_cache: ResponseCache::default(),
        exports: http::export_permits(),
    };
    if config.is_token_unresolved {
        tracing::error!(
            event = "token_unresolved",
            "FOOTFALL_DASHBOARD_TOKEN is an unresolved Key Vault reference: visits count, and statistics respond 503; \
             allow the app's identity to read the secret, and restart"
        );
    }
    if config.is_webhook_unresolved {
        tracing::error!(
            event = "webhook_unresolved",
            "FOOTFALL_WEBHOOK is an unresolved Key Vault reference: no notice is sent; allow the app's identity to \
             read the secret, and restart"
        );
    }
    let connections = connections_allowed(config.connections);
    let hosted_by = if config.host == Host::Functions { "functions" } else { "plain" };
    let elapsed_ms = milliseconds_since(began);
    tracing::info!(
        event = "started",
        version = build::VERSION,
        commit = build::COMMIT,
        hosted_by,
        port = address.port(),
        connections,
        elapsed_ms,
        "Footfall {} listens on {address}",
        build::VERSION
    );
    let signalled = stop_signal()?;
    let mut stop_by = Instant::now();
    let stop = async {
        signalled.await;
        stop_by = Instant::now() + STOP_WITHIN;
        stop_by - FINISH_WITHIN
    };
    let cut_off = tokio::select! {
        cut_off = http::serve(listener, Arc::new(app), connections, stop) => cut_off,
        // Both run until the server ends. Otherwise the process exits, so that it is restarted.
        _ = &mut recorded => bail!("the recorder failed"),
        _ = &mut read => bail!("the reader failed"),
        outcome = ready(&mut warm_up) => return outcome,
    };
    warm_up.abort();
    // The next run of maintenance continues the work.
    maintained.abort();
    let finished = tokio::time::timeout_at(stop_by, async { (recorded.await, read.await) }).await;
    if cut_off > 0 || finished.is_err() {
        tracing::warn!(event = "stopped_early", "requests were still open when the process stopped");
    }
    tracing::info!(event = "stopped", "stopped");
    Ok(())
}

/// Resolves only if the database has another counting mode than the configuration. Then this process must not count.
async fn ready(warm_up: &mut tokio::task::JoinHandle<Result<(), Failure>>) -> anyhow::Result<()> {
    match warm_up.await {
        Ok(Err(failure)) => Err(failure.into()),
        Ok(Ok(())) | Err(_) => std::future::pending().await,
    }
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit this option. Without it, the end of a page waits until the client acknowledges its beginning.
    socket.set_nodelay(true)?;
    let cannot = || format!("can't listen on {address} (FOOTFALL_BIND and FUNCTIONS_CUSTOMHANDLER_PORT)");
    socket.bind(address).with_context(cannot)?;
    socket.listen(BACKLOG).with_context(cannot)
}

/// How many connections clients may have open: the configured number, or less if the system limits the open files. At least half
/// of the open files are for connections.
fn connections_allowed(configured: usize) -> usize {
    let files = open_files::allow((configured + OTHER_FILES) as u64);
    usize::try_from(files)
        .map_or(configured, |files| files.saturating_sub(OTHER_FILES).max(files / 2).clamp(1, configured))
}

/// The URL of the page: the configured one, or that of the own site, or the listening address if that site is `localhost`.
pub(super) fn public_address(config: &Config, address: SocketAddr) -> String {
    let own = &config.own_site;
    match &config.public_url {
        Some(origin) => origin.to_string(),
        None if **own == *"localhost" => local_address(address),
        None => format!("https://{own}"),
    }
}

/// The URL of the page on this machine.
fn local_address(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// Resolves when the process receives SIGTERM or SIGINT.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Whether the time zone of the database can still change.
fn zone_can_change(checkout: Checkout<'_>) -> bool {
    let had_fixed_zone = checkout.had_fixed_zone();
    checkout.release(Ok(())).is_ok() && !had_fixed_zone
}

/// Opens the connections before the first visitor needs them, both at the same time. Fails only if the database has another
/// counting mode than the configuration.
async fn warm_up(
    [recording, reading]: [Arc<Connection>; 2],
    page: Option<String>,
    config: Arc<Config>,
) -> Result<(), Failure> {
    let began = std::time::Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut outage = Outage::default();
    loop {
        let (recording, reading) = tokio::join!(recording.check(), reading.check());
        if recording.is_ok() && reading.is_ok() {
            break;
        }
        for failure in [recording, reading].into_iter().filter_map(Result::err) {
            if let Failure::ModeMismatch(_) = failure {
                return Err(failure);
            }
            outage.failed(&failure);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(60));
    }
    let elapsed_ms = milliseconds_since(began);
    // The connection was opened just now.
    if reading.checkout().await.is_ok_and(zone_can_change) {
        let Config { sites, own_site, .. } = &*config;
        let zone = config.counting_mode();
        tracing::info!(event = "time_zone", "{}", page::zone_note(english(), zone.zone_name(), true, sites, own_site));
    }
    let invitation = page.map_or(String::new(), |page| format!(": open {page}"));
    tracing::info!(event = "database_ready", elapsed_ms, "the database is ready{invitation}");
    Ok(())
}
