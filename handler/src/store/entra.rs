//! Logging in without a password: a token of Microsoft Entra ID stands in its place.
//!
//! On Azure it is the managed identity's, from the endpoint that the platform names in `IDENTITY_ENDPOINT`; on a developer's
//! machine that of whoever is signed in with the Azure CLI. A token is looked at only when a connection opens.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use azure_core::{
    credentials::TokenCredential,
    http::{ClientOptions, RetryOptions, Transport},
};
use azure_identity::{
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};

use super::Failure;
use crate::config::Entra;

/// What a token for Azure Database for PostgreSQL is asked for.
const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";

/// How long a token may take: less than opening a connection may, so that it can be told what was missing.
const TOKEN_LIMIT: Duration = Duration::from_secs(8);

/// A source of tokens. It keeps the last one, and asks for another some minutes before that expires.
pub(super) struct Tokens {
    identity: Entra,
    credential: Mutex<Option<Arc<dyn TokenCredential>>>,
}

impl Tokens {
    pub(super) fn new(identity: Entra) -> Self {
        Self { identity, credential: Mutex::new(None) }
    }

    /// A token to log in with. What goes wrong is told by a word only: the endpoint's answers may hold anything.
    pub(super) async fn get(&self) -> Result<String, Failure> {
        let credential = self.credential()?;
        match tokio::time::timeout(TOKEN_LIMIT, credential.get_token(&[SCOPE], None)).await {
            Ok(Ok(token)) => Ok(token.token.secret().to_owned()),
            Ok(Err(_)) | Err(_) => Err(self.no_token()),
        }
    }

    fn no_token(&self) -> Failure {
        let problem = match self.identity {
            Entra::Managed { .. } => "no token from the identity endpoint",
            Entra::Developer => "no token from the Azure CLI: sign in with az login",
        };
        Failure::Lost(problem.to_owned())
    }

    /// Forgets the token that was kept, because the database did not take it.
    pub(super) fn forget(&self) {
        *self.credential.lock().expect("nobody panics while holding this lock") = None;
    }

    fn credential(&self) -> Result<Arc<dyn TokenCredential>, Failure> {
        let mut kept = self.credential.lock().expect("nobody panics while holding this lock");
        if let Some(credential) = &*kept {
            return Ok(credential.clone());
        }
        let made: Option<Arc<dyn TokenCredential>> = match &self.identity {
            Entra::Managed { client_id } => managed(client_id.clone()),
            Entra::Developer => DeveloperToolsCredential::new(None).ok().map(|credential| credential as _),
        };
        let credential = made.ok_or_else(|| self.no_token())?;
        *kept = Some(credential.clone());
        Ok(credential)
    }
}

fn managed(client_id: Option<String>) -> Option<Arc<dyn TokenCredential>> {
    // The endpoint is on this machine, and what it is sent is secret: a proxy that the environment names for requests to the
    // world must not see it.
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().ok()?;
    let client_options = ClientOptions {
        transport: Some(Transport::new(Arc::new(client))),
        // Whoever needs a connection tries again, and says so; repeating the question in here would be neither seen nor bounded
        // by the visitor's patience.
        retry: RetryOptions::none(),
        ..Default::default()
    };
    let user_assigned_id = client_id.map(UserAssignedId::ClientId);
    let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options };
    ManagedIdentityCredential::new(Some(options)).ok().map(|credential| credential as _)
}
