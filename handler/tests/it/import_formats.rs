//! `handler import` of logs in other formats than web servers' own: recognised, counted alike, and accounted alike.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use handler::domain::Dimension;

use crate::{
    client::{FIREFOX, GOOGLEBOT, SAFARI},
    database::Database,
    log::combined,
    process::{Folder, HandlerCommand},
};

fn import(plain: &HandlerCommand, options: &[&str], file: &str) -> Value {
    plain.run(&[&["import", "--json", "--site", "example.com"], options, &[file]].concat()).json()
}

fn caddy(address: &str, second: u32, uri: &str, user_agent: &str) -> String {
    let request = json!({
        "remote_ip": "192.0.2.99", "client_ip": address, "proto": "HTTP/2.0", "method": "GET", "host": "example.com", "uri": uri,
        "headers": { "User-Agent": [user_agent], "Referer": ["https://news.example/a"] },
    });
    let ts = 1_431_864_000 + second;
    format!("{}\n", json!({ "level": "info", "ts": ts, "msg": "handled request", "request": request, "status": 200 }))
}

/// Path and query as `CloudFront` writes them: encoded once more, with `-` for no query.
fn stem_and_query(uri: &str) -> (String, String) {
    let (stem, query) = uri.split_once('?').unwrap_or((uri, "-"));
    (stem.replace('%', "%25"), query.replace('%', "%25"))
}

fn cloudfront(address: &str, second: u32, uri: &str, user_agent: &str) -> String {
    let user_agent = user_agent.replace('%', "%25").replace(' ', "%20");
    let (stem, query) = stem_and_query(uri);
    format!(
        "2015-05-17\t12:00:{second:02}\tFRA2\t{address}\tGET\t{stem}\t200\thttps://news.example/a\t{user_agent}\t{query}\t10.9.9.9\n"
    )
}

const CLOUDFRONT_HEADER: &str = "#Version: 1.0\n#Fields: date time x-edge-location c-ip cs-method cs-uri-stem sc-status \
                                 cs(Referer) cs(User-Agent) cs-uri-query x-forwarded-for\n";

fn cloudfront_json(address: &str, second: u32, uri: &str, user_agent: &str) -> String {
    let user_agent = user_agent.replace(' ', "%20");
    let (stem, query) = stem_and_query(uri);
    let line = json!({
        "date": "2015-05-17", "time": format!("12:00:{second:02}"), "c-ip": address, "cs-method": "GET", "cs-uri-stem": stem,
        "cs-uri-query": query, "sc-status": "200", "cs(Referer)": "https://news.example/a", "cs(User-Agent)": user_agent,
    });
    format!("{line}\n")
}

fn front_door(address: &str, second: u32, uri: &str, user_agent: &str) -> String {
    let properties = json!({
        "httpMethod": "GET", "requestUri": format!("https://example.com:443{uri}"), "userAgent": user_agent,
        "clientIp": "10.9.9.9", "socketIp": address, "httpStatusCode": "200", "referrer": "https://news.example/a",
    });
    let time = format!("2015-05-17T12:00:{second:02}.1234567Z");
    format!("{}\n", json!({ "time": time, "category": "FrontDoorAccessLog", "properties": properties }))
}

/// The same visits in each format; what stands before them; and how many lines of it are no requests.
type Writer = fn(&str, u32, &str, &str) -> String;
const FORMATS: [(&str, Writer, &str, u64); 4] = [
    ("caddy", caddy, "{\"level\":\"info\",\"ts\":1431864000,\"msg\":\"serving initial configuration\"}\n", 1),
    ("w3c", cloudfront, CLOUDFRONT_HEADER, 2),
    ("cloudfront-json", cloudfront_json, "", 0),
    ("front-door", front_door, "{\"time\":\"2015-05-17T12:00:00Z\",\"category\":\"FrontDoorHealthProbeLog\"}\n", 1),
];

fn visits(line: Writer) -> String {
    [
        line("192.0.2.1", 1, "/", FIREFOX),
        line("192.0.2.1", 2, "/about?utm_source=letter&utm_campaign=Spring%20sale", FIREFOX),
        line("192.0.2.2", 3, "/", SAFARI),
        line("2001:db8::1", 4, "/", FIREFOX),
        line("2001:db8::2", 5, "/", FIREFOX),
        line("192.0.2.3", 6, "/", GOOGLEBOT),
        line("192.0.2.3", 7, "/style.css", FIREFOX),
        line("-", 8, "/", FIREFOX),
        "garbage\n".to_owned(),
        line("192.0.2.4", 9, "/", FIREFOX).replace("GET", "POST"),
    ]
    .concat()
}

#[tokio::test]
async fn every_format_is_recognised_and_counts_the_same() {
    for (name, line, head, others) in FORMATS {
        let database = Database::create().await;
        let folder = Folder::new();
        let plain = HandlerCommand::on(&database);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(format!("{head}{}", visits(line)).as_bytes()).unwrap();
        let log = folder.write("access.log.gz", encoder.finish().unwrap());
        let summary = import(&plain, &[], &log);
        assert_eq!(
            summary["days"],
            json!([{ "date": "2015-05-17", "visitors": 3, "pageviews": 6 }]),
            "{name}: {summary}"
        );
        assert_eq!(summary["excluded"], json!({ "bots": 1, "unidentified": 1 }), "{name}");
        assert_eq!(summary["refused"]["malformed"], json!({ "lines": 1, "first": [format!("{log}:{}", 9 + others)] }));
        let (asset, method) = (&summary["not_pages"]["asset"], &summary["not_pages"]["other_method"]);
        assert_eq!((asset, method), (&1.into(), &1.into()), "{name}");
        assert_eq!(summary["not_pages"]["other_entry"].as_u64().unwrap_or_default(), others, "{name}");
        let referrers = "select value || ' ' || pageviews from tally where dimension = 2";
        assert_eq!(database.texts(referrers).await, ["news.example 6"], "{name}");
        let campaigns = "select value || ' ' || pageviews || ' ' || coalesce(visitors[1], 0) from tally
            where dimension in (8, 17, 18, 19) order by dimension";
        let expected = ["letter / - / Spring sale 1 0", "letter 1 1", "Spring sale 1 1"];
        assert_eq!(database.texts(campaigns).await, expected, "{name}");
        // A second import with the named format counts nothing twice.
        let again = import(&plain, &["--format", name], &log);
        assert_eq!((&again["pageviews"], &again["lines_counted_before"]), (&0.into(), &summary["lines"]), "{name}");
        // The log has grown and is not compressed.
        let grown = format!("{head}{}{}", visits(line), line("192.0.2.9", 30, "/", FIREFOX));
        let again = import(&plain, &[], &folder.write("access.log", grown));
        assert_eq!(again["days"][0]["visitors"], 4, "{name}");
        assert_eq!((&again["pageviews"], &again["lines_counted_before"]), (&1.into(), &summary["lines"]), "{name}");
        database.assert_sound().await;
    }
}

#[tokio::test]
async fn a_file_that_a_browser_fetches_with_a_page_is_no_page() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let files = [
        "/site.webmanifest",
        "/video/1.ts",
        "/live.m3u8",
        "/terms.docx",
        "/prices.XLSX?v=2",
        "/source.tar.xz",
        "/app.wasm.br",
        "/app.js.zst",
        "/photo.heic",
        "/captions.vtt",
        "/style.css;jsessionid=1A2B",
        "/.well-known/apple-app-site-association",
    ];
    let lines = files.map(|file| combined("192.0.2.1", "17/May/2015:12:00:00 +0000", file, FIREFOX)).concat();
    let page = combined("192.0.2.1", "17/May/2015:12:00:00 +0000", "/about.html", FIREFOX);
    let summary = import(&plain, &[], &folder.write("access.log", lines + &page));
    assert_eq!((&summary["pageviews"], &summary["not_pages"]["asset"]), (&1.into(), &files.len().into()), "{summary}");
    // Caddy logs the headers by which a browser names the purpose of a request.
    let with = |header: &str| {
        caddy("192.0.2.1", 1, "/", FIREFOX).replace("\"User-Agent\"", &format!("{header},\"User-Agent\""))
    };
    let lines = [
        with(r#""Sec-Fetch-Dest":["document"]"#),
        with(r#""Sec-Fetch-Dest":["empty"]"#),
        with(r#""Sec-Fetch-Dest":["script"]"#),
        with(r#""Sec-Purpose":["Prefetch"]"#),
        with(r#""Purpose":["preview"]"#),
        with(r#""X-Moz":["prefetch"]"#),
    ];
    let summary = import(&plain, &[], &folder.write("caddy.log", lines.concat()));
    assert_eq!((&summary["pageviews"], &summary["not_pages"]["fetched"]), (&1.into(), &2.into()), "{summary}");
    assert_eq!(summary["excluded"], json!({ "prefetch": 3 }));
}

#[tokio::test]
async fn a_log_with_languages_has_languages_and_countries() {
    let database = Database::create().await;
    let line = |second, language: &str| {
        let header = format!("\"Accept-Language\":[\"{language}\"],\"User-Agent\"");
        caddy(&format!("192.0.2.{second}"), second, "/", FIREFOX).replace("\"User-Agent\"", &header)
    };
    let folder = Folder::new();
    let lines = [line(1, "de-AT,de;q=0.5"), line(2, "fr"), caddy("192.0.2.3", 3, "/", FIREFOX)];
    import(&HandlerCommand::on(&database), &[], &folder.write("caddy.log", lines.concat()));
    let values = async |dimension: Dimension| {
        let number = dimension.number();
        database.texts(&format!("select distinct value from tally where dimension = {number} order by value")).await
    };
    assert_eq!(values(Dimension::Language).await, ["de", "fr", "unknown"]);
    assert_eq!(values(Dimension::Country).await, ["AT", "unknown"]);
}

/// Runs an import that must fail before it counts anything. Returns its one line of error.
async fn refused(database: &Database, options: &[&str], file: &str) -> String {
    let arguments = [&["import", "--site", "example.com"], options, &[file]].concat();
    let outcome = HandlerCommand::on(database).run(&arguments);
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(1), 1), "{file}: {outcome:?}");
    assert!(!outcome.stderr.contains("192.0.2.1") && !outcome.stderr.contains("Firefox"), "{outcome:?}");
    assert_eq!(database.number("select count(*) from checkpoint").await, 0, "{file}");
    outcome.stderr
}

#[tokio::test]
async fn a_log_with_a_wrong_format_is_rejected_and_counts_with_the_right_one() {
    let database = Database::create().await;
    let folder = Folder::new();
    let log = folder.write("access.log", caddy("192.0.2.1", 1, "/", FIREFOX));
    let error = refused(&database, &["--format", "front-door"], &log).await;
    assert!(error.contains("leave out --format, or set it to caddy"), "{error}");
    assert_eq!(import(&HandlerCommand::on(&database), &["--format", "caddy"], &log)["pageviews"], 1);
}

#[tokio::test]
async fn a_file_that_is_no_log_is_named_and_gets_no_checkpoint() {
    let database = Database::create().await;
    HandlerCommand::on(&database).run(&["migrate"]);
    let folder = Folder::new();
    let line = combined("192.0.2.1", "17/May/2015:12:00:00 +0000", "/", FIREFOX);
    let wide: Vec<u8> = line.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"\x28\xb5\x2f\xfd\x24").unwrap();
    for (name, content, what) in [
        ("a.log.zst", b"\x28\xb5\x2f\xfd\x24".to_vec(), "Zstandard"),
        ("b.log.xz", b"\xfd7zXZ\x00\x00".to_vec(), "xz"),
        ("c.log.bz2", b"BZh91AY".to_vec(), "bzip2"),
        ("d.zip", b"PK\x03\x04 and so on".to_vec(), "zip archive"),
        ("e.log.zst.gz", encoder.finish().unwrap(), "Zstandard"),
        ("f.log", wide.clone(), "UTF-16"),
        ("g.log", [b"\xff\xfe".to_vec(), wide].concat(), "UTF-16"),
        ("h.json", b"[{\"path\":\"/\",\"count\":3}]".to_vec(), "JSON"),
        ("i.json", [b"{\"hits\":\"".to_vec(), vec![b'x'; 3 << 20], b"\"}".to_vec()].concat(), "JSON"),
        ("j.csv", b"2Path,Title,Event\n/,Home,false\n".to_vec(), "--from"),
        ("k.html", b"<!doctype html>\n<title>x</title>\n".to_vec(), "HTML"),
        ("l.log", "Nov 20 10:05:03 web1 sshd[7]: session opened\n".repeat(3).into_bytes(), "3 of the first 3 lines"),
        ("m.log", format!("{line}{}", "x 192.0.2.1 y\n".repeat(2)).into_bytes(), "\"a 000.0.0.0 a\""),
    ] {
        let error = refused(&database, &[], &folder.write(name, content)).await;
        assert!(error.contains(name) && error.contains(what), "{name}: {error}");
    }
    // A wrong file among others stops the import before it counts any of them.
    let good = folder.write("good.log", &line);
    let outcome =
        HandlerCommand::on(&database).run(&["import", "--site", "example.com", &good, &folder.write("z", "x\n")]);
    assert_eq!((outcome.code, database.pageviews().await), (Some(1), 0), "{outcome:?}");
    let piped = HandlerCommand::on(&database).run_with_input(&["import", "--site", "example.com", "-"], b"BZh91AY");
    assert!(piped.code == Some(1) && piped.stderr.contains("bzip2"), "{piped:?}");
}

#[tokio::test]
async fn a_line_counts_for_its_visitor_and_only_if_it_is_of_the_site() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let line = |start: &str, target: &str| {
        combined("ADDRESS", "17/May/2015:12:00:00 +0000", target, FIREFOX).replace("ADDRESS", start)
    };
    let log = [
        // Left by `copytruncate`.
        "\0".repeat(70_000),
        line("192.0.2.1", "/"),
        line("example.com:443 192.0.2.1", "/"),
        line("www.example.com 192.0.2.1", "/"),
        line("May 17 12:00:00 web1 nginx: 192.0.2.1", "/"),
        line("192.0.2.1, 10.0.0.7", "/"),
        line("198.51.100.9, 192.0.2.1", "/"),
        line("192.0.2.1", "http://example.com/"),
        line("other.example:443 192.0.2.2", "/"),
        line("blog.example.com 192.0.2.2", "/"),
        line("192.0.2.2", "http://other.example/"),
        line("other.example 192.0.2.2", "/").replace(FIREFOX, GOOGLEBOT),
        caddy("192.0.2.1", 1, "/", FIREFOX),
        line("some words before 192.0.2.3", "/"),
    ];
    let summary = import(&plain, &[], &folder.write("access.log", log.concat()));
    assert_eq!((&summary["pageviews"], &summary["visitors"]), (&7.into(), &1.into()), "{summary}");
    assert_eq!(summary["excluded"], json!({ "other_host": 4 }));
    assert_eq!(summary["refused"]["malformed"]["lines"], 2);
    // CDN and proxy logs name the host, too.
    for (name, line) in [("caddy", caddy as Writer), ("front-door", front_door)] {
        let log = line("192.0.2.1", 1, "/", FIREFOX)
            + &line("192.0.2.2", 2, "/", FIREFOX).replace("example.com", "other.example");
        let summary = import(&plain, &[], &folder.write(name, log));
        assert_eq!((&summary["pageviews"], &summary["excluded"]["other_host"]), (&1.into(), &1.into()), "{name}");
    }
    let header = CLOUDFRONT_HEADER.replace("\n#Fields: ", "\n#Fields: x-host-header ");
    let with_host = |host: &str| format!("{host}\t{}", cloudfront("192.0.2.1", 1, "/", FIREFOX));
    let log = header + &with_host("example.com") + &with_host("other.example");
    let summary = import(&plain, &[], &folder.write("cloudfront", log));
    assert_eq!((&summary["pageviews"], &summary["excluded"]["other_host"]), (&1.into(), &1.into()), "{summary}");
    database.assert_sound().await;
}

#[tokio::test]
async fn a_subdomain_that_counts_for_the_site_is_no_referrer() {
    let folder = Folder::new();
    let line = combined("192.0.2.1", "17/May/2015:12:00:00 +0000", "/", FIREFOX);
    let log = ["blog.example.com", "www.example.com", "badexample.com"]
        .map(|host| line.replace("\"-\"", &format!("\"https://{host}/\"")))
        .concat();
    let log = folder.write("access.log", log);
    for (switch, referrers) in [("on", &["badexample.com"][..]), ("off", &["badexample.com", "blog.example.com"])] {
        let database = Database::create().await;
        import(&HandlerCommand::on(&database).with("FOOTFALL_SUBDOMAINS", switch), &[], &log);
        let found = "select value from tally where dimension = 2 order by value";
        assert_eq!(database.texts(found).await, referrers, "{switch}");
    }
}

#[tokio::test]
async fn a_log_of_app_service_is_read_with_its_byte_order_mark() {
    let database = Database::create().await;
    let folder = Folder::new();
    let header = "\u{feff}#Software: Microsoft Internet Information Services 8.0\r\n#Fields: date time s-sitename cs-method \
                  cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Cookie) cs(Referer) cs-host sc-status \
                  sc-substatus sc-win32-status sc-bytes cs-bytes time-taken\r\n";
    let line = |path: &str| {
        format!(
            "2015-05-17 12:00:00 EXAMPLE GET {path} X-ARR-LOG-ID=0e0 443 - 192.0.2.1 {} - https://news.example/a \
             example.com 200 0 0 900 800 15\r\n",
            FIREFOX.replace(' ', "+")
        )
    };
    let log = folder.write("app-service.log", format!("{header}{}{}", line("/"), line("/about")));
    let summary = import(&HandlerCommand::on(&database), &[], &log);
    assert_eq!((&summary["pageviews"], &summary["visitors"]), (&2.into(), &1.into()), "{summary}");
    assert_eq!(summary["refused"], json!({}));
}

#[tokio::test]
async fn a_log_without_a_required_column_is_rejected_with_its_name() {
    let database = Database::create().await;
    let folder = Folder::new();
    let header = CLOUDFRONT_HEADER.replace(" c-ip", "");
    let log = folder.write("cdn.log", header + &cloudfront("192.0.2.1", 1, "/", FIREFOX));
    let outcome = HandlerCommand::on(&database).run(&["import", "--site", "example.com", &log]);
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(1), 1), "{outcome:?}");
    assert!(outcome.stderr.contains("cdn.log") && outcome.stderr.contains("no column c-ip"), "{outcome:?}");
    assert!(!outcome.stderr.contains("192.0.2.1") && !outcome.stderr.contains("Firefox"), "{outcome:?}");
}

#[tokio::test]
async fn malformed_lines_are_reported_and_the_others_count() {
    let database = Database::create().await;
    let folder = Folder::new();
    let log = [
        caddy("192.0.2.1", 1, "/", FIREFOX).into_bytes(),
        b"{\"ts\":1,\"request\":{\"uri\":\"\xff\xfe\"},\"status\":200}\n".to_vec(),
        [b"{\"x\":\"".as_slice(), &vec![b'x'; 3 << 20], b"\"}\n"].concat(),
        [vec![b'['; 500_000], b"\n".to_vec()].concat(),
        caddy("192.0.2.1", 2, "/\u{0}\u{202e}x", FIREFOX).into_bytes(),
        caddy("192.0.2.1", 3, &"/y".repeat(4000), FIREFOX).into_bytes(),
        caddy("192.0.2.1", 4, "/", FIREFOX).replace("1431864004", "1e18").into_bytes(),
        caddy("192.0.2.1", 4, "/", FIREFOX).replace("1431864004", "-5").into_bytes(),
        // The end of the log, in a line beyond the maximum length.
        vec![b'z'; 2 << 20],
    ]
    .concat();
    let log = folder.write("caddy.log", log);
    let plain = HandlerCommand::on(&database);
    let summary = import(&plain, &[], &log);
    assert_eq!((&summary["lines"], &summary["pageviews"]), (&9.into(), &3.into()), "{summary}");
    assert_eq!(
        (&summary["refused"]["malformed"]["lines"], &summary["refused"]["bad_time"]["lines"]),
        (&5.into(), &1.into())
    );
    assert_eq!(import(&plain, &[], &log)["pageviews"], 0);
    database.assert_sound().await;
}

#[tokio::test]
async fn logs_of_different_formats_are_imported_in_the_order_of_their_days() {
    let database = Database::create().await;
    let folder = Folder::new();
    // Tomorrow's log is given first: counted in that order, the day before would come too late.
    let second = folder.write("b.log", combined("192.0.2.1", "18/May/2015:12:00:00 +0000", "/", FIREFOX));
    let first = folder.write("a.log", caddy("192.0.2.1", 1, "/", FIREFOX));
    let summary =
        HandlerCommand::on(&database).run(&["import", "--json", "--site", "example.com", &second, &first]).json();
    assert_eq!((&summary["visitors"], &summary["late"]["lines"]), (&1.into(), &0.into()));
    let gaps = "select day || ' ' || visitors::text from tally where dimension = 0 order by day";
    assert_eq!(database.texts(gaps).await, ["16572 {1}", "16573 {0,1}"]);
}
