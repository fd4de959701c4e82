//! Tokens and passwords are sent only to the configured server, over TLS 1.3 with a fully verified certificate.

use std::sync::{Arc, Mutex};

use rcgen::KeyPair;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    azure::{Authority, CLIENT_ID, Endpoint, IDENTITY_SECRET, Server, Tenant, run},
    process::{Folder, HandlerCommand, Outcome},
};

const TOKEN: &str = "token-for-the-configured-server-only";

const DOCTOR: &[&str] = &["doctor"];

/// A handler with a token for the server on this port of `localhost`.
fn plain(endpoint: &Endpoint, port: u16, role: &str, authority: &str) -> HandlerCommand {
    HandlerCommand::default()
        .with("FOOTFALL_DATABASE_AUTH", "entra")
        .with("IDENTITY_ENDPOINT", &endpoint.url())
        .with("IDENTITY_HEADER", IDENTITY_SECRET)
        .with("AZURE_CLIENT_ID", CLIENT_ID)
        .with("PGHOST", "localhost")
        .with("PGPORT", &port.to_string())
        .with("PGUSER", role)
        .with("PGDATABASE", "postgres")
        .with("PGSSLROOTCERT", authority)
}

fn assert_refused_for_tls(outcome: &Outcome, case: &str) {
    assert_eq!(outcome.code, Some(1), "{case}");
    assert!(outcome.stdout.contains("tls"), "{case}: {}", outcome.stdout);
}

#[tokio::test]
async fn no_token_is_sent_to_a_server_with_an_invalid_certificate() {
    // Both authorities have the same name, because any authority can choose it.
    let (authority, foreign) = (Authority::new(), Authority::new());
    let key = KeyPair::generate().unwrap();
    let certificates = [
        ("server", authority.certify("localhost", &key)),
        ("wrong-name", authority.certify("db.example", &key)),
        ("expired", authority.certify_until_2024("localhost", &key)),
        ("untrusted", foreign.certify("localhost", &key)),
    ];
    let server = Server::start(&authority, &key, &certificates);
    server.execute("create role tokens").await;
    let endpoint = Endpoint::start(TOKEN).await;
    let folder = Folder::new();
    let authority = folder.write("authority.pem", authority.pem());
    for (name, problem) in
        [("wrong-name", "not valid for name"), ("expired", "expired"), ("untrusted", "invalid peer certificate")]
    {
        server.execute(&format!("create role \"{name}\" superuser login password '{TOKEN}' in role tokens")).await;
        server.show_certificate(name).await;
        let before = endpoint.given();
        let outcome = run(&plain(&endpoint, server.port(), name, &authority), DOCTOR).await;
        assert_refused_for_tls(&outcome, name);
        assert!(outcome.stdout.contains(problem), "{name}: {}", outcome.stdout);
        assert_eq!(endpoint.given(), before + 1, "the handler had no token");
        // The name of the role is the first data that a client sends.
        assert!(!server.log().await.contains(&format!("user={name}")), "{name}");

        server.show_certificate("server").await;
        let outcome = run(&plain(&endpoint, server.port(), name, &authority), DOCTOR).await;
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(server.log().await.contains(&format!("user={name}")), "{name}");
    }
    assert!(server.log().await.contains("protocol=TLSv1.3"));
}

#[tokio::test]
async fn no_token_is_sent_to_a_server_without_tls() {
    let password_request: &[u8] = b"R\0\0\0\x08\0\0\0\x03";
    for greeting in [b"N", password_request] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let sink = received.clone();
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 1024];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    sink.lock().unwrap().extend_from_slice(&buffer[..read]);
                    let _ = stream.write_all(greeting).await;
                }
            }
        });
        let endpoint = Endpoint::start(TOKEN).await;
        let folder = Folder::new();
        let authority = folder.write("authority.pem", Authority::new().pem());
        let outcome = run(&plain(&endpoint, port, "app", &authority), DOCTOR).await;
        assert_eq!((outcome.code, endpoint.given()), (Some(1), 1), "{outcome:?}");
        if greeting == b"N" {
            assert_refused_for_tls(&outcome, "no TLS");
        }
        // Only a request for TLS: its length and its code (PostgreSQL manual, 55.7).
        assert_eq!(*received.lock().unwrap(), [0, 0, 0, 8, 4, 210, 22, 47]);
        server.abort();
    }
}

#[tokio::test]
async fn a_url_with_verify_full_verifies_host_name_and_authority() {
    let tenant = Tenant::create().await;
    let (server, folder) = (tenant.server, Folder::new());
    let own = folder.write("own.pem", server.authority_pem());
    let foreign = folder.write("foreign.pem", Authority::new().pem());
    let doctor_at = |host: &str, authority: &str| {
        let (port, name) = (server.port(), &tenant.database);
        let url = format!("postgres://footfall@{host}:{port}/{name}?sslmode=verify-full&sslrootcert={authority}");
        HandlerCommand::default().with("DATABASE_URL", &url).run(DOCTOR)
    };
    let outcome = doctor_at("localhost", &own);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_refused_for_tls(&doctor_at("127.0.0.1", &own), "another name");
    assert_refused_for_tls(&doctor_at("localhost", &foreign), "another authority");
}

#[test]
fn the_bundled_roots_include_those_of_azure() {
    // sqlx is built with these roots. Their subjects are DER, which contains names as plain text.
    for name in ["DigiCert Global Root G2", "Microsoft RSA Root Certificate Authority 2017"] {
        let names = |subject: &[u8]| subject.windows(name.len()).any(|part| part == name.as_bytes());
        assert!(webpki_roots::TLS_SERVER_ROOTS.iter().any(|root| names(&root.subject)), "{name}");
    }
}
