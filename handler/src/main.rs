//! The `handler` binary: reads the command line and the environment, and leaves the rest to the library.

use std::{
    ffi::OsString,
    fmt::Display,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    sync::LazyLock,
    time::Duration,
};

use clap::{Parser, Subcommand, ValueEnum};
use handler::{
    build,
    commands::{check, doctor, import, serve as app},
    config::Config,
    telemetry,
};
use serde::Serialize;

/// musl's own allocator takes one lock for all threads; this one does not, and every request allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Counts unique visitors. Without a command it serves: the page at /, statistics at /api/statistics.
///
/// Configuration is read from the environment: `DATABASE_URL`, `FOOTFALL_SITES`, `FOOTFALL_TIMEZONE`, … (see README.md). Without a
/// database it keeps the numbers in .footfall/ by an embedded PostgreSQL, where this build has one.
#[derive(Parser)]
#[command(name = "handler", version = version(), about, long_about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Brings the database's schema up to date, and exits.
    Migrate,
    /// Checks configuration, database, rights of the role and clock, and shows how a client's address is derived.
    Doctor {
        /// An X-Forwarded-For header to derive a client's address from.
        #[arg(long, default_value = "198.51.100.1, 203.0.113.9:54321")]
        forwarded_for: String,
        /// A User-Agent to judge.
        #[arg(long, default_value = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")]
        user_agent: String,
        /// Prints one JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Fetches a page and says whether its visits will count, and what would be right. Counts nothing.
    Check {
        /// The page, as in <https://example.com/>.
        url: String,
        /// The site that its visits should count as. Default: the page's own host.
        #[arg(long)]
        site: Option<String>,
        /// The script that it should load, if that is not called footfall.js or not in the page yet.
        #[arg(long)]
        script: Option<String>,
        /// How many seconds each answer may take.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
        timeout: u64,
        /// Prints one JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Counts the page requests of web server access logs, each line once however often it is imported; or takes over what another
    /// counter had counted.
    Import {
        /// The site that the logs belong to, as a host name.
        #[arg(long)]
        site: String,
        /// The logs' format; without it, it is recognised from their first lines.
        #[arg(long)]
        format: Option<Format>,
        /// Imports the export of another counter instead, as numbers that are kept apart from what is counted here.
        #[arg(long, value_name = "COUNTER", conflicts_with = "format")]
        from: Option<Peer>,
        /// Removes what was imported from another counter.
        #[arg(long, value_name = "COUNTER", conflicts_with_all = ["from", "format", "files"])]
        forget_imported: Option<Peer>,
        /// Prints one JSON object instead of a summary.
        #[arg(long)]
        json: bool,
        /// Log files, plain or gzipped, - is standard input; or with --from what was exported there.
        #[arg(required_unless_present = "forget_imported")]
        files: Vec<PathBuf>,
    },
    /// Prints a link that shows one site's private statistics to whoever has it. `FOOTFALL_REVOKED_LINKS` takes it back.
    Share {
        /// The site, as a host name.
        #[arg(long)]
        site: String,
        /// A name for the link, such as whom it is for: letters, digits and hyphens.
        #[arg(long)]
        name: String,
    },
    /// Prints those User-Agents of standard input, one a line, that are robots'.
    Robots,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Apache's and nginx's "combined": with referrer and User-Agent.
    Combined,
    /// NCSA common log format: without them, so a visitor is an address.
    Common,
    /// Caddy's JSON lines.
    Caddy,
    /// The standard log of the CDN of AWS, with tabs.
    #[value(name = "cloudfront")]
    CloudFront,
    /// The same as JSON lines.
    #[value(name = "cloudfront-json")]
    CloudFrontJson,
    /// Azure Front Door's access log, as JSON lines.
    FrontDoor,
}

impl Format {
    const fn of_import(self) -> import::Format {
        match self {
            Self::Combined => import::Format::Combined,
            Self::Common => import::Format::Common,
            Self::Caddy => import::Format::Caddy,
            Self::CloudFront => import::Format::CloudFront,
            Self::CloudFrontJson => import::Format::CloudFrontJson,
            Self::FrontDoor => import::Format::FrontDoor,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Peer {
    /// Its CSV export.
    #[value(name = "goatcounter")]
    GoatCounter,
    /// Its CSV export: the archive, or a folder of its files.
    Plausible,
    /// Its table of events as CSV, or the archive with it.
    Umami,
}

impl Peer {
    const fn of_import(self) -> import::peer::Peer {
        match self {
            Self::GoatCounter => import::peer::Peer::GoatCounter,
            Self::Plausible => import::peer::Peer::Plausible,
            Self::Umami => import::peer::Peer::Umami,
        }
    }
}

/// What `--version` prints after the name.
fn version() -> &'static str {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| format!("{} (commit {}, built {})", build::VERSION, build::COMMIT, build::built()));
    &VERSION
}

fn main() -> ExitCode {
    avoid_huge_pages();
    answer()
}

/// The allocator asks for huge pages, of which a process that holds some megabytes uses little: idle, they made it twice as
/// large as it is.
fn avoid_huge_pages() {
    // Where it does not work nothing is lost but memory.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[tokio::main]
async fn answer() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("handler: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a result. Who reads only its beginning, as `head` does, has closed the pipe, and that is no failure.
fn say(text: impl Display) -> io::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints a result for people, or for programs.
fn say_either(result: &(impl Display + Serialize), json: bool) -> anyhow::Result<()> {
    if json {
        say(serde_json::to_string(result)?)?;
    } else {
        say(result)?;
    }
    Ok(())
}

async fn run(command: Option<Command>) -> anyhow::Result<ExitCode> {
    if matches!(command, Some(Command::Robots)) {
        import::print_robots(std::io::stdin().lock(), io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    // Anybody may check their page, from wherever they are: no configuration is needed.
    if let Some(Command::Check { url, site, script, timeout, json }) = command {
        let patience = Duration::from_secs(timeout);
        let question = check::Question::new(&url, site.as_deref(), script.as_deref(), patience)?;
        let report = check::examine(&question).await?;
        let coloured = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        say(if json { serde_json::to_string(&report)? } else { report.text(coloured) })?;
        return Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let text = |value: OsString| value.to_string_lossy().into_owned();
    let config = Config::load(&std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect())?;
    match command {
        None => {
            telemetry::start(&config.log, config.log_format, config.zone.clone())?;
            app::serve(config).await?;
        }
        Some(Command::Migrate) => {
            app::migrate(&config).await?;
            say("the schema is up to date")?;
        }
        Some(Command::Doctor { forwarded_for, user_agent, json }) => {
            let report = doctor::examine(&config, &forwarded_for, &user_agent).await;
            say_either(&report, json)?;
            return Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Some(Command::Import { site, forget_imported: Some(peer), json, .. }) => {
            let peer = peer.of_import();
            let removed = app::forget_imported(&config, &site, peer).await?;
            if json {
                say(serde_json::json!({ "site": site, "source": peer.name(), "removed": removed }))?;
            } else {
                say(format!("{removed} numbers that were imported from {} for {site} have been removed", peer.name()))?;
            }
        }
        Some(Command::Import { site, from: Some(peer), json, files, .. }) => {
            let moved = app::import_from(&config, &site, peer.of_import(), &files).await?;
            say_either(&moved, json)?;
        }
        Some(Command::Import { site, format, json, files, .. }) => {
            let summary = app::import(&config, &site, format.map(Format::of_import), &files).await?;
            say_either(&summary, json)?;
        }
        Some(Command::Share { site, name }) => say(app::share(&config, &site, &name)?)?,
        Some(Command::Robots | Command::Check { .. }) => unreachable!("handled before the configuration is read"),
    }
    Ok(ExitCode::SUCCESS)
}
