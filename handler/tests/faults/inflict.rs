//! Makes a fault happen, and says when it ended and which handlers it hit.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::sleep;

use crate::{
    database::Database,
    faults::{
        fleet::Fleet,
        import::Import,
        plan::{Fault, Kind},
    },
    own_server::OwnServer,
};

/// The time between two attempts of a fault that hits one statement or session after another.
const REPEAT: Duration = Duration::from_millis(20);

/// The locks of another session, in turn. The last one is that of a row that every batch raises.
const LOCKS: [&str; 4] = [
    "lock table tally in access exclusive mode",
    "lock table only seen in share row exclusive mode",
    "lock table batch in share mode",
    "select from tally where dimension = 0 for update",
];

const SESSIONS: &str = "pg_stat_activity where application_name = 'footfall' and datname = current_database()";

/// The coordinator's sessions on a worker are named by Citus.
const TERMINATE_SESSIONS_OF_COORDINATOR: &str = "select pg_terminate_backend(pid) from pg_stat_activity \
    where application_name like 'citus_internal%' and datname = current_database()";

/// The result of a fault.
pub(crate) struct Ended {
    pub(crate) at: Instant,
    /// The handlers that it hit.
    pub(crate) handlers: Vec<usize>,
}

/// Everything that a fault can hit.
pub(crate) struct Scene<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) database: &'a Database,
    /// The coordinator, or the only server, and then the workers. Empty if they are shared with other tests.
    pub(crate) servers: &'a [OwnServer],
}

impl Scene<'_> {
    pub(crate) async fn inflict(&self, fault: &Fault, import: &mut Import) -> Ended {
        let place = &self.fleet.places[fault.handler];
        let (cable, lasts) = (&place.cable, fault.lasts);
        let nth = i32::try_from(fault.nth + 1).unwrap();
        let one = |at: Instant| Ended { at, handlers: vec![fault.handler] };
        let all = |at: Instant| Ended { at, handlers: (0..self.fleet.places.len()).collect() };
        match fault.kind {
            Kind::HandlerKilled => {
                place.kill();
                sleep(lasts).await;
                let at = Instant::now();
                place.start().await;
                one(at)
            }
            Kind::HandlerStopped => {
                place.signal("-STOP");
                sleep(lasts).await;
                place.signal("-CONT");
                one(Instant::now())
            }
            Kind::RequestLost => {
                cable.lose_request(nth);
                cable.wait_until_a_message_is_lost().await;
                one(Instant::now())
            }
            Kind::ResponseLost => {
                cable.lose_response(nth);
                cable.wait_until_a_message_is_lost().await;
                one(Instant::now())
            }
            Kind::RequestLate => {
                cable.hold_request(nth);
                cable.wait_until_a_request_is_held().await;
                sleep(lasts).await;
                cable.release_request();
                one(Instant::now())
            }
            Kind::ResponsesLate => {
                cable.delay_responses(lasts / 4);
                sleep(lasts).await;
                cable.delay_responses(Duration::ZERO);
                one(Instant::now())
            }
            Kind::ConnectionsBroken => {
                cable.break_connections();
                one(Instant::now())
            }
            Kind::ConnectionsRefused => {
                cable.cut();
                sleep(lasts).await;
                cable.mend();
                one(Instant::now())
            }
            Kind::ConnectionsSilent => {
                cable.silence_connections();
                one(Instant::now())
            }
            Kind::BlackHole => {
                cable.stall();
                sleep(lasts).await;
                cable.mend();
                one(Instant::now())
            }
            Kind::ResponsesWithheld => {
                cable.drop_responses();
                sleep(lasts).await;
                cable.mend();
                one(Instant::now())
            }
            Kind::LockHeld => {
                let holder = self.database.hold(LOCKS[fault.nth % LOCKS.len()]).await;
                sleep(lasts).await;
                holder.release().await;
                all(Instant::now())
            }
            Kind::StatementsCancelled => {
                self.repeat(lasts, &format!("select pg_cancel_backend(pid) from {SESSIONS} and state = 'active'"))
                    .await;
                all(Instant::now())
            }
            Kind::SessionsTerminated => {
                self.repeat(lasts, &format!("select pg_terminate_backend(pid) from {SESSIONS}")).await;
                all(Instant::now())
            }
            Kind::ImportKilled => {
                import.kill_and_start(lasts).await;
                all(Instant::now())
            }
            Kind::PoolerKilled => {
                let pooler = self.fleet.pooler.as_ref().expect("a plan without a pooler does not kill it");
                pooler.lock().unwrap().kill();
                sleep(lasts).await;
                let at = Instant::now();
                pooler.lock().unwrap().start_again();
                Ended { at, handlers: vec![0] }
            }
            _ => all(self.inflict_on_server(fault).await),
        }
    }

    async fn repeat(&self, lasts: Duration, sql: &str) {
        repeat(&mut self.database.connect().await, lasts, sql).await;
    }

    async fn inflict_on_server(&self, fault: &Fault) -> Instant {
        let server = self.servers.first().expect("a plan on a shared server leaves the server alone");
        let lasts = fault.lasts;
        match fault.kind {
            Kind::ServerStopped => stop(server, lasts).await,
            Kind::ServerKilled => kill(server, lasts).await,
            Kind::ServerFrozen => freeze(server, lasts).await,
            Kind::BackendKilled => {
                let victim = format!("select pid::text from {SESSIONS} order by pid offset {} % 3 limit 1", fault.nth);
                if let Some(id) = self.database.fresh().await.texts(&victim).await.first() {
                    server.kill_backend(id, self.database).await;
                }
            }
            Kind::DiskFull => {
                let mut session = self.database.connect().await;
                server.fill_disk();
                sleep(lasts / 2).await;
                // It stops here, if it has not yet.
                let _ = sqlx::raw_sql("select pg_switch_wal()").execute(&mut session).await;
                sleep(lasts / 2).await;
                server.empty_disk();
                // The workers share the disk.
                for server in self.servers {
                    server.wait_until_accepting(self.database).await;
                }
            }
            Kind::ReadOnly => {
                let mut session = self.database.connect().await;
                for set in ["set default_transaction_read_only = on", "reset default_transaction_read_only"] {
                    execute(&mut session, &format!("alter system {set}")).await;
                    execute(&mut session, "select pg_reload_conf()").await;
                    if set.starts_with("set") {
                        sleep(lasts).await;
                    }
                }
            }
            Kind::NoSlots => self.take_slots(lasts).await,
            _ => self.inflict_on_worker(fault).await,
        }
        Instant::now()
    }

    /// Each worker has its turn.
    async fn inflict_on_worker(&self, fault: &Fault) {
        let (lasts, worker) = (fault.lasts, 1 + fault.turn % (self.servers.len() - 1));
        let server = &self.servers[worker];
        match fault.kind {
            Kind::WorkerStopped => stop(server, lasts).await,
            Kind::WorkerKilled => kill(server, lasts).await,
            Kind::WorkerFrozen => freeze(server, lasts).await,
            Kind::WorkerSessionsTerminated => {
                let mut session = PgConnection::connect_with(&self.database.options_on(worker)).await.unwrap();
                repeat(&mut session, lasts, TERMINATE_SESSIONS_OF_COORDINATOR).await;
            }
            other => unreachable!("{other:?} hits no server"),
        }
    }

    /// Takes every free slot, and those of the handlers.
    async fn take_slots(&self, lasts: Duration) {
        let (began, mut session) = (Instant::now(), self.database.connect().await);
        let mut taken = Vec::new();
        while began.elapsed() < lasts {
            while let Ok(connection) = self.database.try_connect().await {
                taken.push(connection);
            }
            execute(&mut session, &format!("select pg_terminate_backend(pid) from {SESSIONS}")).await;
        }
    }
}

async fn stop(server: &OwnServer, lasts: Duration) {
    server.stop();
    sleep(lasts).await;
    server.start();
}

async fn kill(server: &OwnServer, lasts: Duration) {
    server.kill();
    sleep(lasts).await;
    server.start();
}

async fn freeze(server: &OwnServer, lasts: Duration) {
    server.freeze();
    sleep(lasts).await;
    server.thaw();
}

async fn repeat(session: &mut PgConnection, lasts: Duration, sql: &str) {
    let began = Instant::now();
    while began.elapsed() < lasts {
        execute(session, sql).await;
        sleep(REPEAT).await;
    }
}

async fn execute(session: &mut PgConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(session).await;
    done.unwrap_or_else(|error| panic!("{error}: {sql}"));
}
