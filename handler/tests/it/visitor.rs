//! The identity of visitors, tested through the host with true and forged headers.

use crate::{
    client::{FIREFOX, Request, SAFARI, visitor},
    database::Database,
    host::{Host, MODES, Mode},
};

#[tokio::test]
async fn a_different_address_or_browser_is_a_different_visitor() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for request in [
        Request::get("/").from("192.0.2.1").user_agent(FIREFOX),
        Request::get("/").from("192.0.2.2").user_agent(FIREFOX),
        Request::get("/").from("192.0.2.2").user_agent(SAFARI),
        Request::get("/").from("192.0.2.1").user_agent(FIREFOX),
    ] {
        host.send(&request).await;
    }
    assert_eq!(database.visitors_today().await, 3);
}

#[tokio::test]
async fn ipv6_addresses_of_one_64_are_one_visitor_and_mapped_addresses_count_as_ipv4() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for (address, visitors) in [
        ("2001:db8:1:2::1", 1),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", 1),
        ("2001:db8:1:3::1", 2),
        ("192.0.2.1", 3),
        ("::ffff:192.0.2.1", 3),
    ] {
        host.send(&Request::get("/").from(address)).await;
        assert_eq!(database.visitors_today().await, visitors, "{address}");
    }
}

#[tokio::test]
async fn visitors_stay_known_after_a_host_upgrade_or_mode_change() {
    let database = Database::create().await;
    let hosts = [
        Host::on(&database).mode(Mode::Forwarding),
        Host::on(&database).mode(Mode::Forwarding).product("Azure-Functions-Host/4.2001.3.1"),
        Host::on(&database).mode(Mode::Proxying),
    ];
    for host in hosts {
        let host = host.start().await;
        host.process.wait_until_ready().await;
        for number in 0..3 {
            host.send(&visitor(number)).await;
        }
    }
    assert_eq!((database.visitors_today().await, database.pageviews().await), (3, 9));
}

#[tokio::test]
async fn a_request_without_a_user_agent_is_a_bot_even_if_the_host_adds_its_own() {
    for mode in MODES {
        let database = Database::create().await;
        let host = Host::on(&database).mode(mode).start().await;
        host.process.wait_until_ready().await;
        host.send(&Request::get("/").without_user_agent()).await;
        let statistics = host.statistics().await;
        assert_eq!((&statistics["excluded"]["bots"], &statistics["visitors"]["today"]), (&1.into(), &0.into()));
    }
}

#[tokio::test]
async fn a_client_that_forges_addresses_is_one_visitor() {
    for mode in MODES {
        let database = Database::create().await;
        let host = Host::on(&database).mode(mode).start().await;
        host.process.wait_until_ready().await;
        for number in 0..20 {
            let claims = [
                format!("192.0.2.{number}"),
                format!("192.0.2.{number}, 198.51.100.{number}:80"),
                format!("[2001:db8:{number}::1]:443"),
                format!("garbage{number}, "),
            ];
            for claim in claims {
                let request = Request::get("/").header("X-Forwarded-For", &claim);
                // Other headers in which proxies and clients claim an address or an identity.
                let request = request
                    .header("X-Real-IP", &format!("192.0.2.{number}"))
                    .header("Forwarded", &format!("for=192.0.2.{number}"))
                    .header("X-Azure-ClientIP", &format!("192.0.2.{number}"))
                    .header("X-Azure-SocketIP", &format!("192.0.2.{number}"))
                    .header("CLIENT-IP", &format!("192.0.2.{number}"))
                    .header("X-Azure-Functions-InvocationId", &format!("{number}"))
                    .header("Cookie", &format!("visitor={number}"));
                assert_eq!(host.send(&request).await.status, 200);
            }
        }
        assert_eq!((database.visitors_today().await, database.pageviews().await), (1, 80), "{mode:?}");
    }
}

#[tokio::test]
async fn forged_addresses_in_several_header_lines_are_ignored() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    // Sent to the process directly, because the double joins the lines. The last line is that of the front end.
    for number in 0..5 {
        let request = Request::get("/")
            .header("X-Forwarded-For", &format!("192.0.2.{number}"))
            .header("X-Forwarded-For", "203.0.113.9:51234")
            .header("X-Azure-Functions-InvocationId", "00000000-0000-4000-8000-000000000000");
        assert_eq!(host.process.send(&request).await.status, 200);
    }
    assert_eq!(database.visitors_today().await, 1);
}

#[tokio::test]
async fn with_two_trusted_hops_the_entry_of_the_outer_hop_is_used() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_TRUSTED_PROXIES", "2").start().await;
    host.process.wait_until_ready().await;
    for (claim, front_door) in
        [("192.0.2.7", "10.1.0.1"), ("192.0.2.7", "10.1.0.2"), ("9.9.9.9, 192.0.2.8", "10.1.0.1")]
    {
        host.send(&Request::get("/").header("X-Forwarded-For", claim).from(front_door)).await;
    }
    assert_eq!(database.visitors_today().await, 2);
}

#[tokio::test]
async fn a_visit_without_a_usable_address_counts_as_a_pageview_only() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_TRUSTED_PROXIES", "2").start().await;
    host.process.wait_until_ready().await;
    for request in [Request::get("/"), Request::get("/").header("X-Forwarded-For", "unknown")] {
        assert_eq!(host.send(&request).await.status, 200);
    }
    let statistics = host.statistics().await;
    assert_eq!(statistics["excluded"]["unidentified"], 2);
    assert_eq!((&statistics["visitors"]["today"], &statistics["pageviews"]["today"]), (&0.into(), &2.into()));
    database.assert_sound().await;
}
