//! `handler import --from`: what other counters had counted is kept apart, shown as such, replaced, and removed.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::{
    client::{FIREFOX, Request},
    database::Database,
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand},
};

fn import(plain: &HandlerCommand, from: &str, files: &[&str]) -> Value {
    plain.run(&[&["import", "--json", "--site", "example.com", "--from", from], files].concat()).json()
}

const GOATCOUNTER: &str = "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,Location,FirstVisit,Date
/,Home,false,,Firefox 120,Windows 10,a,0,news.example/x,h,\"1440,900,1\",DE-BE,true,2015-05-17T10:00:00Z
/about,\"About, us\",false,,Firefox 120,Windows 10,a,0,,,,DE-BE,true,2015-05-17T10:05:00Z
/,Home,false,,Safari 17,iOS 17,b,0,Google,g,,US,true,2015-05-17T11:00:00Z
/,Home,false,,Safari 17,iOS 17,,0,spring,c,,US,true,2015-05-17T12:00:00Z
signup,Sign up,true,,Safari 17,iOS 17,b,0,,,,US,true,2015-05-17T11:01:00Z
/,Home,false,,Chrome 1,Linux,c,2,,,,,true,2015-05-17T13:00:00Z
/,Home,false,,Chrome 1,Linux,d,0,,,,,true,not-a-date
/,Home,maybe,,Chrome 1,Linux,d,0,,,,,true,2015-05-17T13:00:00Z
/,Home,false,,Firefox 120,Windows 10,a,0,,,,DE,false,2015-05-18T10:00:00Z
";

const UMAMI: &str = "website_id,session_id,visit_id,event_id,url_path,referrer_domain,browser,os,device,country,language,event_type,event_name,created_at
w,a,v1,1,/,www.news.example,chrome,Windows 10,desktop,FI,en-US,1,,2015-05-17 10:00:00
w,a,v1,2,/post?x,example.com,chrome,Windows 10,desktop,FI,en-US,1,,2015-05-17 10:01:00.123+00
w,b,v2,3,/,,firefox,Linux,desktop,US,en-US,1,\\N,2015-05-17T23:30:00Z
w,b,v2,4,/,,firefox,Linux,desktop,US,en-US,2,copy,2015-05-17 23:31:00
w,b,v2,5,/,,firefox,Linux,desktop,US,en-US,5,,2015-05-17 23:31:00
w,,v2,6,/,,firefox,Linux,desktop,US,en-US,1,,2015-05-17 23:31:00
w,c,v3,7,/,,firefox,Linux,desktop,US,en-US,1,,31/12/2015
";

const VISITORS: &str = "\"date\",\"visitors\",\"pageviews\",\"bounces\",\"visits\",\"visit_duration\"
\"2015-05-17\",5,50,2,7,8640
\"2015-05-18\",3,4,2,3,43
\"2015-05-xx\",3,4,2,3,43
\"2015-05-19\",-3,4,2,3,43
";
const PAGES: &str = "\"date\",\"hostname\",\"page\",\"visits\",\"visitors\",\"pageviews\"
\"2015-05-17\",\"example.com\",\"/\",6,5,30
\"2015-05-17\",\"example.com\",\"/about\",3,2,20
";
/// A folder as Plausible's archive is unpacked.
fn plausible(folder: &Folder) -> String {
    for (name, content) in [("visitors", VISITORS), ("pages", PAGES), ("exit_pages", "x\n1\n")] {
        folder.write(&format!("imported_{name}_20150517_20150518.csv"), content);
    }
    folder.write("notes.txt", "not a table");
    folder.path().to_str().unwrap().to_owned()
}

async fn stored(database: &Database) -> Vec<String> {
    let number = "select day - 16572 || ' ' || pageviews || ' ' || visitors from imported_tally";
    database.texts(&format!("{number} order by day")).await
}

#[tokio::test]
async fn an_export_of_goatcounter_becomes_sums_of_days_in_the_sites_zone() {
    let database = Database::create().await;
    let folder = Folder::new();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(GOATCOUNTER.as_bytes()).unwrap();
    let export = folder.write("goatcounter.csv.gz", encoder.finish().unwrap());
    let moved = import(&HandlerCommand::on(&database), "goatcounter", &[&export]);
    assert_eq!((&moved["rows"], &moved["bots"], &moved["days"]), (&9.into(), &1.into(), &2.into()));
    assert_eq!(moved["refused"], json!({ "lines": 2, "first": [format!("{export}:8"), format!("{export}:9")] }));
    assert_eq!((&moved["pageviews"], &moved["daily_visitors"]), (&5.into(), &4.into()));
    let link = "http://127.0.0.1:8080/?site=example.com&from=2015-05-17&to=2015-05-18";
    assert_eq!((&moved["link"], &moved["configured"]), (&link.into(), &false.into()));
    let arguments = ["import", "--site", "example.com", "--from", "goatcounter", &export];
    let text = HandlerCommand::on(&database).run(&arguments).stdout;
    assert!(text.starts_with("Database: ") && text.contains(&format!("The page shows the sums: {link}")), "{text}");
    assert_eq!(stored(&database).await, ["0 4 3", "1 1 1"]);
}

#[tokio::test]
async fn an_export_of_umami_becomes_sums_of_days_in_the_sites_zone() {
    let database = Database::create().await;
    let folder = Folder::new();
    let export = folder.write("website_event.csv", UMAMI);
    let plain = HandlerCommand::on(&database).with("FOOTFALL_TIMEZONE", "Europe/Berlin");
    let moved = import(&plain, "umami", &[&export]);
    assert_eq!((&moved["rows"], &moved["skipped"], &moved["refused"]["lines"]), (&7.into(), &2.into(), &2.into()));
    assert_eq!(stored(&database).await, ["0 2 1", "1 1 1"]);
    // Rows of two websites would be added up without a trace.
    let two = folder.write("two.csv", UMAMI.replace("w,b,v2,3", "other,b,v2,3"));
    let outcome = plain.run(&["import", "--site", "example.com", "--from", "umami", &two]);
    assert!(outcome.code == Some(1) && outcome.stderr.contains("different website_id"), "{outcome:?}");
    assert_eq!(stored(&database).await.len(), 2);
}

#[tokio::test]
async fn imported_totals_are_shown_separately_and_change_no_unique_number() {
    let database = Database::create().await;
    let (folder, logs) = (Folder::new(), Folder::new());
    let plain = HandlerCommand::on(&database);
    let log = logs.write("access.log", combined("192.0.2.1", "17/May/2015:12:00:00 +0000", "/", FIREFOX));
    plain.run(&["import", "--json", "--site", "example.com", &log]).json();
    let tallies = database.texts("select t::text from tally t order by 1").await;
    let moved = import(&plain, "plausible", &[&plausible(&folder)]);
    assert_eq!((&moved["days"], &moved["pageviews"], &moved["daily_visitors"]), (&2.into(), &54.into(), &8.into()));
    assert_eq!(moved["refused"]["lines"], 2);
    assert_eq!(database.texts("select t::text from tally t order by 1").await, tallies);
    let host = Host::start(&database).await;
    let days = "site=example.com&from=2015-05-17&to=2015-05-17";
    let statistics = host.send(&Request::get(&format!("/api/statistics?{days}"))).await.json();
    let totals = |series| json!([{ "source": "plausible", "pageviews": 50, "daily_visitors": 5, "series": series }]);
    let point = json!({ "start": "2015-05-17T00:00:00Z", "daily_visitors": 5, "pageviews": 50 });
    // A single day is shown by the hour, and nothing is known of its imported hours.
    assert_eq!(statistics["imported"], totals(json!([])));
    let by_day = host.send(&Request::get(&format!("/api/statistics?{days}&by=day"))).await.json();
    assert_eq!(by_day["imported"], totals(json!([point])));
    let table = host.send(&Request::get(&format!("/api/statistics.csv?{days}&by=day"))).await;
    assert!(table.text().contains("imported_plausible,2015-05-17T00:00:00Z,5,50\r\n"));
    assert_eq!((&statistics["range"]["visitors"], &statistics["range"]["pageviews"]), (&1.into(), &1.into()));
    assert_eq!(statistics["pageviews"]["all_time"], 1);
    let page = host.send(&Request::get(&format!("/?{days}"))).await;
    let page = page.text();
    assert!(page.contains("Imported from Plausible: <b>50</b> pageviews"), "{page}");
    let page = host.send(&Request::get("/?site=example.com&from=2015-05-16&to=2015-05-18")).await;
    assert!(page.text().contains("Plausible daily visitors") && page.text().contains("<td>5<td>50"), "{}", page.text());
    // On other days there is nothing of it.
    let statistics = host.send(&Request::get("/api/statistics?site=example.com&period=7d")).await.json();
    assert_eq!(statistics["imported"], json!([]));
    database.assert_sound().await;
}

#[tokio::test]
async fn importing_again_replaces_the_days_and_forgetting_removes_one_counter_of_one_site() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let export = folder.write("goatcounter.csv", GOATCOUNTER);
    import(&plain, "goatcounter", &[&export]);
    let once = database.texts("select t::text from imported_tally t order by 1").await;
    import(&plain, "goatcounter", &[&export]);
    assert_eq!(database.texts("select t::text from imported_tally t order by 1").await, once);
    // A later export of one day only: the other day stays as it is.
    let last = GOATCOUNTER.lines().next().unwrap().to_owned() + "\n/new,,false,,,,z,0,,,,,true,2015-05-18T10:00:00Z\n";
    import(&plain, "goatcounter", &[&folder.write("later.csv", last)]);
    assert_eq!(stored(&database).await, ["0 4 3", "1 1 1"]);
    import(&plain, "umami", &[&folder.write("website_event.csv", UMAMI)]);
    plain.run(&["import", "--json", "--site", "example.org", "--from", "goatcounter", &export]).json();
    let forget =
        |site: &str| plain.run(&["import", "--json", "--site", site, "--forget-imported", "goatcounter"]).json();
    assert!(forget("example.com")["removed"].as_i64().unwrap() > 0);
    assert_eq!((&forget("example.com")["removed"], &forget("never.example")["removed"]), (&0.into(), &0.into()));
    let left = "select distinct name || ' ' || source from imported_tally join site on site.id = site order by 1";
    assert_eq!(database.texts(left).await, ["example.com umami", "example.org goatcounter"]);
}

#[tokio::test]
async fn imported_totals_are_deleted_after_the_retention() {
    let database = Database::create().await;
    let folder = Folder::new();
    let today = jiff::Timestamp::now();
    let rows = GOATCOUNTER.to_owned() + &format!("/,,false,,,,z,0,,,,,true,{}\n", today.strftime("%Y-%m-%dT%H:%M:%SZ"));
    import(&HandlerCommand::on(&database), "goatcounter", &[&folder.write("goatcounter.csv", rows)]);
    let host = Host::on(&database).with("FOOTFALL_RETENTION_DAYS", "400").start().await;
    host.process.wait_until_ready().await;
    assert!(host.maintain().await["imported_deleted"].as_i64().unwrap() == 2);
    assert_eq!(database.number("select count(*) from imported_tally").await, 1);
    assert_eq!(host.maintain().await["imported_deleted"], 0);
}

fn archive_of(name: &str, content: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(content.as_bytes()).unwrap();
    archive.finish().unwrap().into_inner()
}

#[tokio::test]
async fn an_invalid_export_is_rejected_with_the_reason_and_changes_nothing() {
    let database = Database::create().await;
    let plain = HandlerCommand::on(&database);
    let folder = Folder::new();
    let long = format!("{}\n{}", GOATCOUNTER.lines().next().unwrap(), "x".repeat(3 << 20));
    for (from, name, content, what) in [
        ("goatcounter", "a.csv", GOATCOUNTER.replace(",Session,", ",Visit,").into_bytes(), "no column \"Session\""),
        ("goatcounter", "b.csv", b"\xff\xfe2\x00P\x00".to_vec(), "UTF-16"),
        ("goatcounter", "export.json", b"[{\"path\":\"/\"}]".to_vec(), "the file is JSON"),
        ("goatcounter", "g.csv.zst", b"\x28\xb5\x2f\xfd\x24".to_vec(), "Zstandard"),
        ("goatcounter", "h.csv", GOATCOUNTER.replace("2015-", "last-").into_bytes(), "none of the 9 rows is valid"),
        ("umami", "dashboard.zip", archive_of("pages.csv", "path,views\n/,1\n"), "has only pages.csv"),
        ("plausible", "other.zip", archive_of("imported_pages.csv", PAGES), "imported_visitors_….csv is not in"),
        ("goatcounter", "c.csv", Vec::new(), "no column \"Path\""),
        ("goatcounter", "d.csv", long.into_bytes(), "longer than 1 MiB"),
        ("umami", "e.csv", UMAMI.replace("created_at", "date").into_bytes(), "no column \"created_at\""),
        ("plausible", "imported_visitors.csv", b"date,pageviews\n2015-05-17,1\n".to_vec(), "no column \"visitors\""),
        ("plausible", "imported_pages.csv", PAGES.as_bytes().to_vec(), "the name must be"),
        ("plausible", "other.csv", VISITORS.as_bytes().to_vec(), "the name must be"),
        ("plausible", "f.zip", b"PK\x03\x04 and nothing else".to_vec(), "zip archive"),
    ] {
        let file = folder.write(name, content);
        let outcome = plain.run(&["import", "--site", "example.com", "--from", from, &file]);
        assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(1), 1), "{name}: {outcome:?}");
        assert!(outcome.stderr.contains(what), "{name}: {outcome:?}");
    }
    assert_eq!(database.number("select count(*) from imported_tally").await, 0);
    for wrong in [["--from", "matomo"], ["--format", "iis"]] {
        let outcome = plain.run(&["import", "--site", "example.com", wrong[0], wrong[1], "x"]);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_archive_counts_like_its_unpacked_folder() {
    let database = Database::create().await;
    let (folder, packed) = (Folder::new(), Folder::new());
    let plain = HandlerCommand::on(&database);
    import(&plain, "plausible", &[&plausible(&folder)]);
    let unpacked = database.texts("select t::text from imported_tally t order by 1").await;
    database.execute("delete from imported_tally").await;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("export/{}", path.file_name().unwrap().to_str().unwrap());
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&std::fs::read(path).unwrap()).unwrap();
    }
    let file = packed.write("plausible.zip", archive.finish().unwrap().into_inner());
    import(&plain, "plausible", &[&file]);
    assert_eq!(database.texts("select t::text from imported_tally t order by 1").await, unpacked);
}
