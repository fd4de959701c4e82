//! `handler annotate`: adds, lists and removes annotations of days.

use std::fmt::Display;

use anyhow::{Context, anyhow, bail};
use jiff::civil::Date;

use super::print;
use crate::{
    clock::Clock,
    config::Config,
    domain::{
        Day, SiteName,
        statistics::{ANNOTATIONS_A_SITE, Annotation},
    },
    store::{self, AddedAnnotation, Checkout, Database, SiteId, StatementLimits},
};

/// The options of the command.
#[derive(clap::Args)]
pub struct AnnotateArguments {
    /// Site, as a host name
    #[arg(long)]
    site: String,
    /// Day, as 2026-11-16
    #[arg(long, value_name = "DAY")]
    date: Option<Date>,
    /// Remove the annotation, or all of the day if there is no text
    #[arg(long, requires = "date")]
    remove: bool,
    /// Text of the annotation, in one line. Without it, the annotations are listed
    #[arg(requires = "date")]
    text: Option<String>,
}

/// The part of the command that changes or shows annotations.
enum Action {
    Add(Annotation),
    Remove(Day, Option<String>),
    /// Of one day, or of all.
    List(Option<Day>),
}

impl Action {
    fn of(date: Option<Date>, remove: bool, text: Option<String>) -> anyhow::Result<Self> {
        let day = date.map(Day::of_date).transpose().context("--date")?;
        Ok(match (day, text) {
            (Some(day), text) if remove => Self::Remove(day, text.map(|text| text.trim().to_owned())),
            (Some(day), Some(text)) => Self::Add(Annotation::new(day, &text)?),
            (day, _) => Self::List(day),
        })
    }
}

/// Changes or lists the annotations of a site.
///
/// # Errors
/// If the site has never been counted, the text is not valid, or the database is unavailable.
pub async fn run(config: &Config, arguments: AnnotateArguments) -> anyhow::Result<()> {
    let AnnotateArguments { site, date, remove, text } = arguments;
    let name: SiteName = site.parse().context("--site")?;
    let action = Action::of(date, remove, text)?;
    let database = Database::new(&config.database, config.counting_mode(), Clock::system()).await?;
    let [connection] = database.connections([StatementLimits::FOR_IMPORTS]);
    let mut checkout = connection.checkout().await?;
    let outcome = match store::read_site(&mut checkout, &name).await? {
        Some(site) => act(&mut checkout, &name, site, action).await,
        None => bail!("nothing is counted for {name} yet: a site can have annotations after its first visit"),
    };
    checkout.release(Ok(()))?;
    outcome
}

async fn act(checkout: &mut Checkout<'_>, name: &SiteName, site: SiteId, action: Action) -> anyhow::Result<()> {
    match action {
        Action::Add(annotation) => match store::add_annotation(checkout, site, &annotation).await? {
            AddedAnnotation::Added => print(format!("Added to {name}: {}", line(&annotation)))?,
            AddedAnnotation::Unchanged => print(format!("{name} has it already: {}", line(&annotation)))?,
            AddedAnnotation::TooMany => return Err(too_many(name)),
        },
        Action::Remove(day, text) => match store::remove_annotations(checkout, site, day, text.as_deref()).await? {
            0 => bail!("{name} has no such annotation of {day}"),
            removed => print(format!("Removed from {name}: {removed}"))?,
        },
        Action::List(day) => {
            let mut annotations = store::read_annotations(checkout, site).await?;
            annotations.retain(|annotation| day.is_none_or(|day| annotation.day == day));
            if annotations.is_empty() {
                print(format!("{name} has no annotations."))?;
            }
            for annotation in &annotations {
                print(line(annotation))?;
            }
        }
    }
    Ok(())
}

/// The error of a site that can have no more annotations.
pub(super) fn too_many(site: impl Display) -> anyhow::Error {
    anyhow!("{site} has {ANNOTATIONS_A_SITE} annotations, the most that a site can have: remove some")
}

fn line(Annotation { day, text }: &Annotation) -> String {
    format!("{day}  {text}")
}
