//! Tokens of the Azure CLI, for developers' machines.

use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;

use super::{new_token, visit};
use crate::{
    azure::{Tenant, run},
    process::Folder,
};

/// A double of `az` that accepts one command and prints the output of the real one.
fn az(folder: &Folder, token: &str) {
    let expires_on = Timestamp::now().as_second() + 3600;
    let script = format!(
        r#"#!/bin/sh
[ "$*" = "account get-access-token -o json --scope https://ossrdbms-aad.database.windows.net/.default" ] || exit 2
echo '{{
  "accessToken": "{token}",
  "expiresOn": "2026-11-23 19:00:00.000000",
  "expires_on": {expires_on},
  "subscription": "d2f6e7c4-5cf3-4a0e-a3fb-5a1c3cb9d6d6",
  "tenant": "0b1f6471-1bf0-4dda-aec3-cb9272f09590",
  "tokenType": "Bearer"
}}'
"#
    );
    write_program(folder, &script);
}

fn write_program(folder: &Folder, script: &str) {
    let path = folder.write("az", script);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn without_an_identity_endpoint_the_azure_cli_provides_the_token() {
    let (token, tenant, folder) = (new_token(), Tenant::create().await, Folder::new());
    tenant.accept(&token).await;
    az(&folder, &token);
    let process = tenant.plain().with("PATH", folder.path().to_str().unwrap()).start().await;
    process.wait_until_ready().await;
    assert_eq!(process.send(&visit(1)).await.status, 200);
    assert_eq!(tenant.pageviews().await, 1);
    assert!(!process.lines().concat().contains(&token));
}

#[tokio::test]
async fn without_an_azure_cli_token_doctor_suggests_az_login() {
    let (tenant, folder) = (Tenant::create().await, Folder::new());
    let plain = tenant.plain().with("PATH", folder.path().to_str().unwrap());
    let assert_suggested = async || {
        let outcome = run(&plain, &["doctor"]).await;
        assert_eq!(outcome.code, Some(1));
        assert!(outcome.stdout.contains("no token") && outcome.stdout.contains("az login"), "{}", outcome.stdout);
    };
    assert_suggested().await;
    write_program(&folder, "#!/bin/sh\necho \"Please run 'az login' to setup account.\" >&2\nexit 1\n");
    assert_suggested().await;
}
