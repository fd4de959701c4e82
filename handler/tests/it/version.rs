//! `/version` and `--version`: the running build.

use crate::{client::Request, database::Database, host::Host, process::HandlerCommand};

#[tokio::test]
async fn version_returns_name_version_commit_and_build_time() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let response = host.send(&Request::get("/version")).await;
    assert_eq!((response.status, response.header("content-type")), (200, "application/json"));
    let version = response.json();
    assert_eq!(version["name"], "footfall");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    let commit = version["commit"].as_str().unwrap();
    assert!(commit == "unknown" || commit.len() == 40, "{commit}");
    assert!(version["built"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    // The command line prints the same.
    let printed = HandlerCommand::default().run(&["--version"]);
    assert_eq!(printed.code, Some(0));
    assert!(printed.stdout.contains(env!("CARGO_PKG_VERSION")) && printed.stdout.contains(commit), "{printed:?}");
}
