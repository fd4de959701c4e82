//! Azure's surroundings of the handler: an identity endpoint that returns tokens, and a PostgreSQL server that accepts
//! them as passwords over TLS.

mod certificates;
mod endpoint;
mod server;

pub(crate) use certificates::Authority;
pub(crate) use endpoint::{CLIENT_ID, Endpoint, IDENTITY_SECRET, Mode};
pub(crate) use server::{Server, Tenant};

use crate::process::{HandlerCommand, Outcome};

/// Runs a command to its end on another thread, while the endpoint of this process responds.
pub(crate) async fn run(plain: &HandlerCommand, arguments: &'static [&'static str]) -> Outcome {
    let plain = plain.clone();
    tokio::task::spawn_blocking(move || plain.run(arguments)).await.unwrap()
}
