//! `/version`: which program is running.

use crate::build;
use crate::http::{Reply, allow_reading, conclude, json, request::Request};

pub(in crate::http) async fn answer(request: Request) -> Reply {
    let version = serde_json::json!({
        "name": "footfall",
        "version": build::VERSION,
        "commit": build::COMMIT,
        "built": build::built(),
    });
    let outcome = allow_reading(&request).and_then(|()| json(&version));
    conclude(&request, outcome)
}
