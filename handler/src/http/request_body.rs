//! Bodies of requests: read as long as they are short.

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

use super::error::Error;

/// The longest body that is read, in bytes: a page, a referrer and a campaign fit well.
pub(super) const MAXIMUM_BYTES: usize = 2048;

/// Reads a body.
pub(super) async fn read<B: Buf>(body: impl Stream<Item = Result<B, warp::Error>>) -> Result<Bytes, Error> {
    let mut body = std::pin::pin!(body);
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await {
        let mut piece = piece.map_err(|_| Error::BadRequest("the body broke off".to_owned()))?;
        if whole.len() + piece.remaining() > MAXIMUM_BYTES {
            return Err(Error::TooLarge);
        }
        whole.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
    }
    Ok(whole.freeze())
}
