//! Placeholder until the page is merged.
use crate::statistics::Statistics;
use std::sync::Arc;
pub struct View<'a> {
    pub statistics: &'a Statistics,
    pub sites: &'a [Arc<str>],
    pub version: &'a str,
    pub commit: &'a str,
}
pub fn render(view: &View<'_>) -> anyhow::Result<String> {
    Ok(serde_json::to_string(view.statistics)?)
}
pub fn render_unavailable(_version: &str, _commit: &str) -> anyhow::Result<String> {
    Ok("unavailable".to_owned())
}
pub fn style_hash() -> &'static str {
    "'none'"
}
pub fn script_hash() -> &'static str {
    "'none'"
}
