//! The identity endpoint of App Service, version 2019-08-01. It returns tokens for requests with the secret header. A
//! test can make it slow or broken.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The value of `IDENTITY_HEADER`, which the platform sets.
pub(crate) const IDENTITY_SECRET: &str = "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a";

/// The user-assigned identity that this app has. It has no other, and no system-assigned one.
pub(crate) const CLIENT_ID: &str = "5e29463d-71da-4fe0-8e69-999b57db23b0";

const RESOURCE: &str = "https://ossrdbms-aad.database.windows.net";

/// The response to a valid request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Fast,
    Slow(Duration),
    /// 500, with a body that repeats secrets.
    Failing,
    /// 200, with secrets in an invalid body.
    Rubbish,
    /// Accepts connections and never responds.
    Hanging,
}

pub(crate) struct Endpoint {
    port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    mode: Mode,
    token: String,
    lifetime_seconds: i64,
    given: usize,
    refused: Vec<String>,
}

impl Endpoint {
    /// Starts with a token that is valid for an hour.
    pub(crate) async fn start(token: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let token = token.to_owned();
        let state = State { mode: Mode::Fast, token, lifetime_seconds: 3600, given: 0, refused: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, shared.clone()));
            }
        });
        Self { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/msi/token", self.port)
    }

    pub(crate) fn behave(&self, mode: Mode) {
        self.state.lock().unwrap().mode = mode;
    }

    pub(crate) fn give(&self, token: &str) {
        token.clone_into(&mut self.state.lock().unwrap().token);
    }

    /// Sets the lifetime of the next tokens. The client caches no token that expires within five minutes.
    pub(crate) fn expire_within(&self, seconds: i64) {
        self.state.lock().unwrap().lifetime_seconds = seconds;
    }

    /// The number of tokens returned.
    pub(crate) fn given(&self) -> usize {
        self.state.lock().unwrap().given
    }

    /// Invalid requests.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.state.lock().unwrap().refused.clone()
    }
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let question = read_head(&mut stream).await?;
    let (mode, wrong) = {
        let mut state = state.lock().unwrap();
        let wrong = judge(&question);
        state.refused.extend(wrong.map(|_| question.clone()));
        (state.mode, wrong)
    };
    if let Some(status) = wrong {
        return reply(&mut stream, status, &json!({ "statusCode": status, "message": "refused" }).to_string()).await;
    }
    match mode {
        Mode::Fast | Mode::Failing | Mode::Rubbish => {}
        Mode::Slow(pause) => tokio::time::sleep(pause).await,
        Mode::Hanging => std::future::pending().await,
    }
    let (token, expires_on) = {
        let mut state = state.lock().unwrap();
        state.given += usize::from(matches!(mode, Mode::Fast | Mode::Slow(_)));
        (state.token.clone(), Timestamp::now().as_second() + state.lifetime_seconds)
    };
    let secrets = format!("{token} {IDENTITY_SECRET}");
    match mode {
        Mode::Failing => reply(&mut stream, 500, &secrets).await,
        Mode::Rubbish => reply(&mut stream, 200, &secrets).await,
        Mode::Fast | Mode::Slow(_) | Mode::Hanging => {
            let body = json!({
                "access_token": token,
                "expires_on": expires_on.to_string(),
                "resource": RESOURCE,
                "token_type": "Bearer",
                "client_id": CLIENT_ID,
            });
            reply(&mut stream, 200, &body.to_string()).await
        }
    }
}

/// The error status for an invalid request.
fn judge(question: &str) -> Option<u16> {
    let mut lines = question.lines();
    let target = lines.next()?.strip_prefix("GET /msi/token?").and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
    let secret =
        lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("x-identity-header"));
    if secret.is_none_or(|(_, value)| value.trim() != IDENTITY_SECRET) {
        return Some(401);
    }
    let Some(query) = target else { return Some(404) };
    let resource = RESOURCE.replace(':', "%3A").replace('/', "%2F");
    let expected =
        ["api-version=2019-08-01".to_owned(), format!("resource={resource}"), format!("client_id={CLIENT_ID}")];
    let pairs: Vec<&str> = query.split('&').collect();
    let is_right = pairs.len() == expected.len() && expected.iter().all(|pair| pairs.contains(&pair.as_str()));
    if is_right { None } else { Some(400) }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

async fn reply(stream: &mut TcpStream, status: u16, body: &str) -> Option<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.ok()
}
