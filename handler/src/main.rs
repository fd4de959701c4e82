//! The `handler` binary: parses the command line, loads the configuration and calls a command.

use std::{process::ExitCode, sync::LazyLock};

use clap::{Parser, Subcommand};
use handler::{
    build,
    commands::{annotate, check, distribute, doctor, export, forget, help, import, migrate, serve, share},
    config::{self, Config},
};

/// musl's allocator has one lock for all threads, and every request allocates. mimalloc has none.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Footfall counts unique visitors of websites.
///
/// Without a command, handler serves: the page at /, the API at /api/statistics.
/// Settings are environment variables; they are listed below.
#[derive(Parser)]
#[command(name = "handler", version = version(), about, long_about)]
#[command(verbatim_doc_comment, after_help = help::HANDLER.examples(), after_long_help = help::HANDLER.text())]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the page and count visits [the default].
    #[command(after_help = help::SERVE.examples(), after_long_help = help::SERVE.text())]
    Serve,
    /// Update the database schema and exit.
    #[command(after_help = help::MIGRATE.examples(), after_long_help = help::MIGRATE.text())]
    Migrate,
    /// Spread the sets of visitors over the servers of a Citus cluster and exit.
    #[command(after_help = help::DISTRIBUTE.examples(), after_long_help = help::DISTRIBUTE.text())]
    Distribute,
    /// Check the configuration, the database, the rights of the role and the clock.
    #[command(after_help = help::DOCTOR.examples(), after_long_help = help::DOCTOR.text())]
    Doctor(doctor::DoctorArguments),
    /// Fetch a page and report whether its visits will count. Does not count a visit.
    #[command(after_help = help::CHECK.examples(), after_long_help = help::CHECK.text())]
    Check(check::CheckArguments),
    /// Count page requests from access logs, or import the daily totals of another counter.
    #[command(after_help = help::IMPORT.examples(), after_long_help = help::IMPORT.text())]
    Import(import::ImportArguments),
    /// Write all sums as lines of JSON, for `handler import --from footfall`.
    #[command(after_help = help::EXPORT.examples(), after_long_help = help::EXPORT.text())]
    Export(export::ExportArguments),
    /// Delete what is stored for a site: everything, some days, or one page of the lists.
    #[command(after_help = help::FORGETTING.examples(), after_long_help = help::FORGETTING.text())]
    Forget(forget::ForgetArguments),
    /// Add, list or remove annotations of days, which the chart shows.
    #[command(after_help = help::ANNOTATE.examples(), after_long_help = help::ANNOTATE.text())]
    Annotate(annotate::AnnotateArguments),
    /// Print a link that shows the private statistics of one site.
    #[command(after_help = help::SHARE.examples(), after_long_help = help::SHARE.text())]
    Share(share::ShareArguments),
}

/// The text after the name in `--version`.
fn version() -> &'static str {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| format!("{} (commit {}, built {})", build::VERSION, build::COMMIT, build::built()));
    &VERSION
}

fn main() -> ExitCode {
    disable_huge_pages();
    run_command()
}

/// The allocator requests huge pages. An idle process uses little of them, and they double its memory.
fn disable_huge_pages() {
    // If this fails, the process only needs more memory.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[tokio::main]
async fn run_command() -> ExitCode {
    match run(CommandLine::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("handler: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Option<Command>) -> anyhow::Result<ExitCode> {
    let environment = config::process_environment();
    let allows_colour = config::allows_colour(&environment);
    // Checking a page needs no configuration.
    if let Some(Command::Check(arguments)) = command {
        return check::run(arguments, allows_colour).await;
    }
    let config = Config::load(&environment)?;
    match command {
        None | Some(Command::Serve) => serve::run(config).await?,
        Some(Command::Migrate) => migrate::run(&config).await?,
        Some(Command::Distribute) => distribute::run(&config).await?,
        Some(Command::Doctor(arguments)) => return doctor::run(&config, arguments, allows_colour).await,
        Some(Command::Import(arguments)) => import::run(&config, arguments).await?,
        Some(Command::Export(arguments)) => export::run(&config, arguments).await?,
        Some(Command::Forget(arguments)) => forget::run(&config, arguments).await?,
        Some(Command::Annotate(arguments)) => annotate::run(&config, arguments).await?,
        Some(Command::Share(arguments)) => share::run(&config, &arguments)?,
        Some(Command::Check(_)) => unreachable!("handled above"),
    }
    Ok(ExitCode::SUCCESS)
}
