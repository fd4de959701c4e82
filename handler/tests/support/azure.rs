//! What Azure puts around the handler: an identity endpoint that gives out tokens, and a PostgreSQL server that takes them
//! instead of passwords, over TLS.

mod certificates;
mod endpoint;
mod server;

pub(crate) use certificates::Authority;
pub(crate) use endpoint::{CLIENT_ID, Endpoint, IDENTITY_SECRET, Mode};
pub(crate) use server::{Server, Tenant};

use crate::process::{HandlerCommand, Outcome};

/// Runs a command to its end, while the endpoint, which lives in this process, goes on answering.
pub(crate) async fn run(plain: &HandlerCommand, arguments: &'static [&'static str]) -> Outcome {
    let plain = plain.clone();
    tokio::task::spawn_blocking(move || plain.run(arguments)).await.unwrap()
}
