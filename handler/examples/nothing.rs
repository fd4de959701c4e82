//! A warp server whose only route does nothing. `scripts/bench` compares the handler with it. This example is not shipped.
//!
//! usage: nothing PORT

use warp::Filter;

#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("usage: nothing PORT");
    let route = warp::path::end().map(|| "nothing");
    warp::serve(route).run(([127, 0, 0, 1], port)).await;
}
