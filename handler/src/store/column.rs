//! Rows as parameters of a statement.

/// A field of all rows. PostgreSQL has no arrays of rows whose types it need not look up first.
pub(super) fn column<'r, R, T>(rows: &'r [R], field: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}
