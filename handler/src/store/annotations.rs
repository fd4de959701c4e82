//! Annotations of days.

use sqlx::Connection as _;

use super::{Checkout, Failure, SiteId};
use crate::domain::{
    Day,
    statistics::{ANNOTATIONS_A_SITE, Annotation},
};

/// The outcome for an annotation that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddedAnnotation {
    Added,
    /// The day has the same text already.
    Unchanged,
    /// The site has [`ANNOTATIONS_A_SITE`].
    TooMany,
}

/// Reads all annotations of a site, in order.
pub async fn read_annotations(checkout: &mut Checkout<'_>, site: SiteId) -> Result<Vec<Annotation>, Failure> {
    checkout
        .run(async |connection| {
            let query = sqlx::query!("select day, text from annotation where site = $1 order by day, text", site.0);
            let rows = query.fetch_all(connection).await?.into_iter();
            Ok(rows.map(|row| Annotation { day: Day::from_number(row.day), text: row.text }).collect())
        })
        .await
}

/// Adds an annotation to a site.
pub async fn add_annotation(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    annotation: &Annotation,
) -> Result<AddedAnnotation, Failure> {
    let Annotation { day, text } = annotation;
    let most = i64::try_from(ANNOTATIONS_A_SITE).unwrap_or(i64::MAX);
    checkout
        .run(async |connection| {
            let mut transaction = connection.begin().await?;
            // Two commands add one after the other, so that both count the same rows.
            sqlx::query!("select id from site where id = $1 for no key update", site.0)
                .fetch_optional(&mut *transaction)
                .await?;
            let query = sqlx::query_file!("queries/add_annotation.sql", site.0, day.number(), text.as_str(), most);
            let row = query.fetch_one(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(if row.existed {
                AddedAnnotation::Unchanged
            } else if row.added {
                AddedAnnotation::Added
            } else {
                AddedAnnotation::TooMany
            })
        })
        .await
}

/// Removes the annotations of a day, or the one with a text. Returns their number.
pub async fn remove_annotations(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    day: Day,
    text: Option<&str>,
) -> Result<u64, Failure> {
    checkout
        .run(async |connection| {
            let query = sqlx::query!(
                "delete from annotation where site = $1 and day = $2 and ($3::text is null or text = $3)",
                site.0,
                day.number(),
                text
            );
            query.execute(connection).await.map(|done| done.rows_affected())
        })
        .await
}
