//! The embedded `PostgreSQL` and its folder.

use std::{os::unix::fs::PermissionsExt, process::Command, time::Duration};

use crate::{
    client::visitor,
    database::not_across_midnight,
    log::combined,
    process::{Folder, HandlerCommand, PORT},
};

fn behind_a_proxy(number: usize) -> crate::client::Request {
    visitor(number).header("X-Forwarded-For", &visitor(number).address)
}

/// One test for several rules, because a start takes seconds.
#[tokio::test]
async fn the_embedded_database_survives_a_kill_and_serves_one_process() {
    not_across_midnight().await;
    let folder = Folder::new();
    let plain = HandlerCommand::default()
        .inside(&folder)
        .with("FOOTFALL_TRUSTED_PROXIES", "1")
        .with("HOME", folder.path().to_str().unwrap());
    let mut first = plain.start().await;
    first.wait_until_ready().await;
    for number in [1, 2, 1] {
        assert_eq!(first.send(&behind_a_proxy(number)).await.status, 200);
    }
    let mode = std::fs::metadata(folder.path().join(".footfall")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "the folder contains salts");
    assert!(first.lines().concat().contains("embedded"), "the log names the embedded database");

    let second = plain.clone().with(PORT, "0").run(&[]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains(".footfall is in use by another Footfall process"), "{second:?}");
    assert_eq!(second.stderr.lines().count(), 1, "{second:?}");

    // An acknowledged visit survives the kill.
    assert_eq!(first.send(&behind_a_proxy(3)).await.status, 200);
    first.kill();
    let mut third = plain.start().await;
    third.wait_until_ready().await;
    let statistics = third.statistics().await;
    assert_eq!((&statistics["visitors"]["today"], &statistics["pageviews"]["today"]), (&3.into(), &4.into()));
    third.send(&behind_a_proxy(2)).await;
    assert_eq!(third.statistics().await["visitors"]["today"], 3);
    assert_eq!(third.terminate().await, Some(0));

    let log = folder.write("access.log", combined("192.0.2.1", "17/May/2015:12:00:00 +0000", "/", "Firefox/1"));
    for expected in [1, 0] {
        let summary = plain.run(&["import", "--json", "--site", "localhost", &log]).json();
        assert_eq!(summary["pageviews"], expected);
    }
    let import = ["import", "--site", "localhost", &log];
    let place = |folder: &Folder| format!("Database: embedded in {}/.footfall/", folder.path().display());
    assert!(plain.run(&import).stdout.starts_with(&format!("{}\n", place(&folder))));
    // The same command in another folder counts into another database.
    let other = Folder::new();
    let outcome = plain.clone().inside(&other).run(&import);
    assert!(outcome.stdout.starts_with(&format!("{} (new", place(&other))), "{outcome:?}");
    let report = plain.run(&["doctor"]);
    assert_eq!((report.code, report.stderr.as_str()), (Some(0), ""), "{report:?}");
}

#[tokio::test]
async fn a_slow_first_start_of_the_embedded_database_is_no_outage() {
    let folder = Folder::new();
    let process = HandlerCommand::default().inside(&folder).with("HOME", folder.path().to_str().unwrap()).spawn(&[]);
    let renice = Command::new("renice").args(["-n", "5", "-p", &process.id().to_string()]).output();
    assert!(renice.unwrap().status.success());
    // The login has begun, and takes longer than the limit of a login at a server.
    process.wait_for_event("started").await;
    process.signal("-STOP");
    tokio::time::sleep(Duration::from_secs(4)).await;
    process.signal("-CONT");
    process.wait_for_event("database_ready").await;
    let lines = process.log();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events[..2], ["embedded", "started"], "{lines:#?}");
    assert!(lines.iter().all(|line| line["level"] == "INFO"), "{lines:#?}");
    let waits = lines[0]["message"].as_str().unwrap();
    assert!(waits.contains("waiting for the embedded PostgreSQL in .footfall/"), "{waits}");
}
