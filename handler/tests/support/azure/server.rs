//! A PostgreSQL server with TLS 1.3 that accepts tokens like Azure's. The newest token is the password of the role.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use rcgen::KeyPair;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::sync::OnceCell;

use super::{Authority, CLIENT_ID, Endpoint, IDENTITY_SECRET};
use crate::{
    database::not_across_midnight,
    host::repository,
    process::{Folder, HandlerCommand, PATIENCE},
};

/// A separate server, started by `scripts/with-postgres`. It stops when its standard input ends: when this is dropped,
/// or when the test process ends.
pub(crate) struct Server {
    child: Child,
    options: PgConnectOptions,
    authority_pem: String,
}

impl Server {
    /// The shared server, with a certificate for `localhost`.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Server> = OnceCell::const_new();
        let start = async || {
            let authority = Authority::new();
            let key = KeyPair::generate().unwrap();
            let server = Self::start(&authority, &key, &[("server", authority.certify("localhost", &key))]);
            server.execute("create role tokens").await;
            server
        };
        SHARED.get_or_init(start).await
    }

    /// Starts with these named certificates, and presents the one named `server`.
    pub(crate) fn start(authority: &Authority, key: &KeyPair, certificates: &[(&str, String)]) -> Self {
        let folder = Folder::new();
        folder.write("server.key", key.serialize_pem());
        for (name, pem) in certificates {
            folder.write(&format!("{name}.crt"), pem);
        }
        let mut child = Command::new(repository().join("scripts/with-postgres"))
            .args(["sh", "-c", "echo \"$DATABASE_URL\"; exec cat"])
            .env("POSTGRES_CERTIFICATES", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let options = PgConnectOptions::from_str(url.trim()).expect("scripts/with-postgres starts a server");
        let options = options.ssl_mode(PgSslMode::Disable).disable_statement_logging();
        Self { child, options, authority_pem: authority.pem().to_owned() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.options.get_port()
    }

    pub(crate) fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    pub(crate) async fn execute(&self, sql: &str) {
        let mut admin = PgConnection::connect_with(&self.options).await.unwrap();
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await;
        done.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        self.text_in("postgres", sql).await
    }

    async fn text_in(&self, database: &str, sql: &str) -> String {
        let mut admin = PgConnection::connect_with(&self.options.clone().database(database)).await.unwrap();
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut admin)
            .await
            .unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// Presents another of its certificates.
    pub(crate) async fn show_certificate(&self, name: &str) {
        let file = format!("current_setting('unix_socket_directories') || '/{name}.crt'");
        let file = self.text(&format!("select {file}")).await;
        self.execute(&format!("alter system set ssl_cert_file = '{file}'")).await;
        self.execute("select pg_reload_conf()").await;
        // New backends use the file that the postmaster has read.
        let began = Instant::now();
        while self.text("select current_setting('ssl_cert_file')").await != file {
            assert!(began.elapsed() < PATIENCE, "the server does not read {name}.crt");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The log of the server.
    pub(crate) async fn log(&self) -> String {
        self.text("select pg_read_file(current_setting('unix_socket_directories') || '/server.log')").await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A role and a database for one test. The role owns the database, and logs in with the newest token only.
pub(crate) struct Tenant {
    pub(crate) server: &'static Server,
    pub(crate) role: String,
    pub(crate) database: String,
    folder: Folder,
}

impl Tenant {
    pub(crate) async fn create() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        not_across_midnight().await;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Azure allows capitals and hyphens in names of identities.
        let (role, database) = (format!("id-Footfall-{number}"), format!("footfall-{number}"));
        let server = Server::shared().await;
        server.execute(&format!("create role \"{role}\" login in role tokens")).await;
        server.execute(&format!("create database \"{database}\" owner \"{role}\"")).await;
        let folder = Folder::new();
        folder.write("authority.pem", server.authority_pem());
        Self { server, role, database, folder }
    }

    /// Makes this token the only accepted one.
    pub(crate) async fn accept(&self, token: &str) {
        self.server.execute(&format!("alter role \"{}\" password '{token}'", self.role)).await;
    }

    /// Ends all connections of the role.
    pub(crate) async fn disconnect(&self) {
        let backends = format!("from pg_stat_activity where usename = '{}'", self.role);
        self.server.execute(&format!("select pg_terminate_backend(pid, 5000) {backends}")).await;
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = format!("select coalesce(({sql})::bigint, 0)::text");
        self.server.text_in(&self.database, &sql).await.parse().unwrap()
    }

    pub(crate) async fn pageviews(&self) -> i64 {
        self.number("select sum(pageviews)::bigint from total").await
    }

    /// The environment of a handler without an identity endpoint.
    pub(crate) fn plain(&self) -> HandlerCommand {
        HandlerCommand::default()
            .with("FOOTFALL_DATABASE_AUTH", "entra")
            .with("FOOTFALL_TRUSTED_PROXIES", "1")
            .with("PGHOST", "localhost")
            .with("PGPORT", &self.server.port().to_string())
            .with("PGUSER", &self.role)
            .with("PGDATABASE", &self.database)
            .with("PGSSLROOTCERT", self.folder.path().join("authority.pem").to_str().unwrap())
    }

    /// The environment on Azure, with this endpoint.
    pub(crate) fn plain_with(&self, endpoint: &Endpoint) -> HandlerCommand {
        self.plain()
            .with("IDENTITY_ENDPOINT", &endpoint.url())
            .with("IDENTITY_HEADER", IDENTITY_SECRET)
            .with("AZURE_CLIENT_ID", CLIENT_ID)
    }
}
