//! `/version`: the running build.

use serde_json::json;

use crate::build;
use crate::http::{
    error::Error,
    reply::{Reply, json as json_reply},
};

pub(in crate::http) fn respond() -> Result<Reply, Error> {
    json_reply(&json!({
        "name": "footfall",
        "version": build::VERSION,
        "commit": build::COMMIT,
        "built": build::built(),
    }))
}
