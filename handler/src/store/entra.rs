//! Login with a token of Microsoft Entra ID instead of a password.
//!
//! On Azure the token belongs to the managed identity and comes from the platform's `IDENTITY_ENDPOINT`. On a developer's machine
//! the token belongs to the user of the Azure CLI. The server checks a token only when a connection opens.

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

/// The scope of tokens for Azure Database for PostgreSQL.
const SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";

/// The time limit of a token request. It is shorter than the limit for opening a connection, so that the log can name the cause.
const TOKEN_LIMIT: Duration = Duration::from_secs(8);

/// A source of tokens. Caches the last token, and requests a new one some minutes before the last expires.
pub(super) struct Tokens {
    identity: Entra,
    credential: Mutex<Option<Arc<dyn TokenCredential>>>,
}

impl Tokens {
    pub(super) fn new(identity: Entra) -> Self {
        Self { identity, credential: Mutex::new(None) }
    }

    /// Returns a token for the login. Errors never quote the endpoint's response, which may contain secrets.
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
        Failure::lost(problem)
    }

    /// Forgets the cached token, because the database rejected it.
    pub(super) fn forget(&self) {
        *self.credential.lock().expect("no code panics while holding this lock") = None;
    }

    fn credential(&self) -> Result<Arc<dyn TokenCredential>, Failure> {
        let mut kept = self.credential.lock().expect("no code panics while holding this lock");
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
    // Use no proxy: the endpoint is local, and a proxy from the environment must not see the secret header.
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().ok()?;
    let client_options = ClientOptions {
        transport: Some(Transport::new(Arc::new(client))),
        // The caller retries and logs each attempt. Retries in here would not be logged or limited by the request's deadline.
        retry: RetryOptions::none(),
        ..Default::default()
    };
    let user_assigned_id = client_id.map(UserAssignedId::ClientId);
    let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options };
    ManagedIdentityCredential::new(Some(options)).ok().map(|credential| credential as _)
}
