//! An import at the same time as the visits, of a log that grows from round to round. The import may be killed at any
//! time, and is run again until it succeeds.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use handler::domain::{Dimension, TallyKey};

use crate::{
    client::FIREFOX,
    database::Database,
    faults::ledger::List,
    log::combined,
    process::{Folder, HandlerCommand, Process},
};

pub(crate) const SITE: &str = "log.example";

/// Views of a list on a day, and its visitors.
pub(crate) type Exact = BTreeMap<(List, i32), (u64, HashSet<usize>)>;

pub(crate) struct Import {
    command: HandlerCommand,
    _folder: Folder,
    path: String,
    log: String,
    running: Option<Process>,
    pub(crate) expected: Exact,
}

impl Import {
    pub(crate) fn of(database: &Database) -> Self {
        let folder = Folder::new();
        let path = folder.write("access.log", "");
        let command = HandlerCommand::on(database);
        Self { command, _folder: folder, path, log: String::new(), running: None, expected: Exact::new() }
    }

    /// Adds a day to the log, most of whose visitors came the day before.
    pub(crate) fn grow(&mut self, day: handler::domain::Day, lines: usize) {
        let date = day.date().strftime("%d/%b/%Y");
        let visitors = lines.div_ceil(4);
        for line in 0..lines {
            let visitor = usize::try_from(day.number()).unwrap() * 7 + line * 31 % visitors;
            let target = format!("/page-{}", line % 5);
            let (hour, minute, second) = (line * 24 / lines, line / 60 % 60, line % 60);
            let address = format!("10.{}.{}.{}", 200 + (visitor >> 16), visitor >> 8 & 255, visitor & 255);
            let time = format!("{date}:{hour:02}:{minute:02}:{second:02} +0000");
            self.log.push_str(&combined(&address, &time, &target, FIREFOX));
            let of_page = (TallyKey::Of(Dimension::Page), target.as_str());
            for (key, value) in [(TallyKey::Total, ""), of_page] {
                let list = List { site: SITE.to_owned(), dimension: key.number(), value: value.to_owned() };
                let counted = self.expected.entry((list, day.number())).or_default();
                counted.0 += 1;
                counted.1.insert(visitor);
            }
        }
        std::fs::write(&self.path, &self.log).unwrap();
    }

    fn start(&mut self) {
        self.running = Some(self.command.spawn(&["import", "--site", SITE, &self.path]));
    }

    /// Kills the import after some time, and starts it again.
    pub(crate) async fn kill_and_start(&mut self, after: Duration) {
        if self.running.is_none() {
            self.start();
        }
        tokio::time::sleep(after).await;
        self.kill().await;
        self.start();
    }

    async fn kill(&mut self) {
        if let Some(mut process) = self.running.take() {
            process.kill();
            // An error that it wrote belongs to the fault.
            tokio::task::spawn_blocking(|| process.outcome()).await.unwrap();
        }
    }

    /// Waits for the import, and runs it again until it succeeds.
    pub(crate) async fn finish(&mut self) -> Result<(), String> {
        for _ in 0..10 {
            if self.running.is_none() {
                self.start();
            }
            let process = self.running.take().unwrap();
            let outcome = tokio::task::spawn_blocking(|| process.outcome()).await.unwrap();
            if outcome.code == Some(0) {
                return Ok(());
            }
        }
        Err("the import does not succeed, although the database is available".to_owned())
    }
}
