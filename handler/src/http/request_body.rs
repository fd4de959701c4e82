//! Reads the bodies of requests.

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::error::Error;
use crate::texts::Text;

/// The longest body that is read. Long pages, referrers and campaigns fit.
pub(super) const MAXIMUM_BYTES: usize = 2048;

/// Reads a whole body until a deadline.
pub(super) async fn read<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    deadline: Instant,
) -> Result<Bytes, Error> {
    let mut body = std::pin::pin!(body);
    let mut whole = BytesMut::new();
    while let Some(chunk) = timeout_at(deadline, body.next()).await.map_err(|_| Error::TooSlow)? {
        let mut chunk = chunk.map_err(|_| Error::BadRequest(Text::new("errors.incomplete")))?;
        if whole.len() + chunk.remaining() > MAXIMUM_BYTES {
            return Err(Error::TooLarge(MAXIMUM_BYTES));
        }
        whole.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    Ok(whole.freeze())
}
