//! Reading is fair: whoever asks much, or asks what can't be answered, is not in the way of others.

use std::time::{Duration, Instant};

use crate::{
    client::{Request, Response, send, visitor},
    database::Database,
    host::Host,
    process::HandlerCommand,
};

/// What the page may take, on a busy machine, while others ask. If it came after them, it would be there when the last of them is
/// given up: after nearly five seconds.
const SOON: Duration = Duration::from_secs(4);

fn ask(host: &Host, question: &str) -> tokio::task::JoinHandle<Response> {
    let request = host.dispatched(&Request::get(&format!("/api/statistics?{question}"))).unwrap();
    let port = host.process.port;
    tokio::spawn(async move { send(port, &request).await })
}

/// How many readings a handler says that it has done, once it has been asked to stop.
async fn readings(mut host: Host) -> u64 {
    host.process.terminate().await;
    host.process.events("reader").iter().map(|line| line["reads"].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_is_not_behind_four_hundred_other_questions() {
    let (_database, cable, host) = Host::counting_through_a_cable().await;
    // Then all of them take eight seconds and more, one after the other.
    cable.delay_responses(Duration::from_millis(20));
    let mut questions = Vec::new();
    for number in 1..=400 {
        questions.push(ask(
            &host,
            &format!("from=2020-01-01&to={}-{:02}-{:02}", 2020 + number / 336, number / 28 % 12 + 1, number % 28 + 1),
        ));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    for number in 1..=5 {
        let began = Instant::now();
        assert_eq!(host.send(&visitor(number)).await.status, 200);
        assert!(began.elapsed() < SOON, "the page took {:?}", began.elapsed());
    }
    let mut answered = 0;
    for question in questions {
        let status = question.await.unwrap().status;
        assert!([200, 503].contains(&status), "{status}");
        answered += u32::from(status == 200);
    }
    // As many as there was time for.
    assert!((30..400).contains(&answered), "{answered} were answered");
}

#[tokio::test]
async fn a_question_that_fails_does_not_fail_those_beside_it() {
    let (database, cable, host) = Host::counting_through_a_cable().await;
    // Together they are more than a number can hold.
    let much = i64::MAX;
    let rows = [18_262, 18_263].map(|day| format!("(1, {day}, 1, '/much', {much}, '{{1}}')")).join(", ");
    database.execute(&format!("insert into tally values {rows}")).await;
    cable.delay_responses(Duration::from_millis(20));
    let bad = ask(&host, "from=2020-01-01&to=2020-01-02");
    let good: Vec<_> = (3..=12).map(|day| ask(&host, &format!("from=2020-01-{day:02}&to=2020-01-20"))).collect();
    let bad_again = ask(&host, "from=2020-01-01&to=2020-01-03");
    let began = Instant::now();
    assert_eq!(host.send(&visitor(1)).await.status, 200);
    for question in good {
        assert_eq!(question.await.unwrap().status, 200);
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    for question in [bad, bad_again] {
        let answer = question.await.unwrap();
        assert_eq!((answer.status, answer.header("retry-after").is_empty()), (503, false));
    }
}

#[tokio::test]
async fn a_question_that_stalls_is_given_up_before_those_behind_it_are() {
    let database = Database::create_without_schema().await;
    // The role owns the tables, so that the policy applies to its queries.
    let role = format!("owner_{}", database.url().rsplit('/').next().unwrap());
    database.execute(&format!("create role {role} login; grant create on schema public to {role}")).await;
    let url = database.url().replacen("footfall@", &format!("{role}@"), 1);
    let host = Host::on(&database).with("DATABASE_URL", &url).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(0)).await;
    // Whoever reads this site waits.
    database
        .execute(
            "insert into site (name) values ('slow.example'); \
             insert into tally select id, 18262, 0, '', 1, '{1}' from site where name = 'slow.example'; \
             create policy slow on tally using (site = 1 or pg_sleep(20) is null) with check (true); \
             alter table tally enable row level security; alter table tally force row level security",
        )
        .await;
    let slow = ask(&host, "site=slow.example&from=2020-01-01&to=2020-01-01");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let began = Instant::now();
    let other = ask(&host, "from=2020-02-01&to=2020-02-02");
    assert_eq!(host.send(&visitor(1)).await.status, 200);
    assert_eq!(other.await.unwrap().status, 200);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(slow.await.unwrap().status, 503);
    drop(host);
    database.wait_until_alone().await;
    database.execute(&format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_questions_share_a_reading() {
    let (_database, cable, host) = Host::counting_through_a_cable().await;
    cable.delay_responses(Duration::from_millis(20));
    let questions: Vec<_> = (0..200).map(|_| ask(&host, "period=7d")).collect();
    for question in questions {
        assert_eq!(question.await.unwrap().status, 200);
    }
    let readings = readings(host).await;
    assert!((1..40).contains(&readings), "{readings} readings");
}

#[tokio::test]
async fn api_answers_may_be_one_second_old_page_answers_never_are() {
    let database = Database::create().await;
    let process = HandlerCommand::on(&database).with("FOOTFALL_TRUSTED_PROXIES", "1").start().await;
    process.wait_until_ready().await;
    for number in 1..=20 {
        let request = visitor(number).header("X-Forwarded-For", &visitor(number).address);
        let page = process.send(&request).await;
        let own = format!("<div data-total=\"today\"><dt>Today<dd class=\"big\"><b>{number}</b>");
        assert!(page.text().contains(&own), "visitor {number} does not see itself");
    }
    // Nobody waits longer than that for the truth.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(process.statistics().await["visitors"]["today"], 20);
}
