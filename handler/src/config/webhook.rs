//! The address for notices.

use url::Url;

use super::{
    environment::SettingValues,
    is_unresolved,
    settings::{BadVariable, WEBHOOK, WEBHOOK_FORMAT},
};
use crate::domain::notice::NoticeFormat;

/// An address that gets notices. Its readers could send messages, so it is a secret and has no `Debug`.
#[derive(Clone)]
pub struct Webhook {
    url: Url,
    /// The form of the messages.
    pub format: NoticeFormat,
}

impl Webhook {
    /// The address, for a request.
    pub(crate) fn expose(&self) -> &Url {
        &self.url
    }
}

/// The address, unless Azure could not read it.
pub(super) fn webhook(values: &SettingValues<'_>) -> Result<Option<Webhook>, BadVariable> {
    let format =
        values.parse(&WEBHOOK_FORMAT, |word| NoticeFormat::ALL.into_iter().find(|known| known.name() == word))?;
    let Some(text) = values.get(&WEBHOOK).filter(|text| !is_unresolved(text)) else { return Ok(None) };
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let url = Url::parse(text).ok().filter(is_web).ok_or_else(|| WEBHOOK.reject(text))?;
    Ok(Some(Webhook { url, format }))
}
