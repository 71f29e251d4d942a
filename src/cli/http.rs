//! JSON-RPC over HTTP, for the commands that ask a running node.

use crate::config::split_address;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a node may take; one that takes longer is as good as down.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// How long a node may take over something that it does for us.
const WORK_TIME_LIMIT: Duration = Duration::from_mins(5);
/// The largest answer: a block as hex.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// The longest sentence with which a page is refused.
const REFUSAL_BYTES_MAX: usize = 4096;

/// A node that did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("`{0}` is not a URL that can be asked; write it as http://host:port")]
    Url(String),
    #[error("no answer within {0} s")]
    Timeout(u64),
    #[error("{0}")]
    Connect(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("{0}")]
    Request(#[from] hyper::http::Error),
    #[error("{0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("it is not a JSON-RPC server: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it answered: {0}")]
    Rpc(String),
    #[error("it answered with HTTP status {status}: {sentence}")]
    Refused { status: u16, sentence: String },
}

/// Calls a method without parameters at `http://host:port/path`.
pub(super) async fn call(url: &str, method: &str) -> Result<Value, CallError> {
    tokio::time::timeout(TIME_LIMIT, exchange(url, method, &json!([])))
        .await
        .map_err(|_| CallError::Timeout(TIME_LIMIT.as_secs()))?
}

/// Calls a method that may take its time.
pub(super) async fn work(url: &str, method: &str, params: &Value) -> Result<Value, CallError> {
    tokio::time::timeout(WORK_TIME_LIMIT, exchange(url, method, params))
        .await
        .map_err(|_| CallError::Timeout(WORK_TIME_LIMIT.as_secs()))?
}

/// Gets a page that may be of any length.
pub(super) async fn download(url: &str, page: &str) -> Result<Incoming, CallError> {
    let (authority, _) = parts(url)?;
    let exchange = async {
        let stream = TcpStream::connect(authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::get(page)
            .header(header::HOST, authority)
            .body(Full::new(Bytes::new()))?;
        Ok::<_, CallError>(sender.send_request(request).await?)
    };
    let response = tokio::time::timeout(WORK_TIME_LIMIT, exchange)
        .await
        .map_err(|_| CallError::Timeout(WORK_TIME_LIMIT.as_secs()))??;
    if response.status().is_success() {
        return Ok(response.into_body());
    }
    let status = response.status();
    let text = Limited::new(response.into_body(), REFUSAL_BYTES_MAX)
        .collect()
        .await
        .map_err(CallError::Body)?
        .to_bytes();
    Err(CallError::Refused {
        status: status.as_u16(),
        sentence: String::from_utf8_lossy(&text).trim().to_owned(),
    })
}

async fn exchange(url: &str, method: &str, params: &Value) -> Result<Value, CallError> {
    let (authority, path) = parts(url)?;
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the connection; its errors come out of the request below.
    tokio::spawn(connection);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let request = Request::post(path)
        .header(header::HOST, authority)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
        .collect()
        .await
        .map_err(CallError::Body)?
        .to_bytes();
    let mut answer: Value = serde_json::from_slice(&body)?;
    match answer.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(CallError::Rpc(
            answer["error"]["message"]
                .as_str()
                .unwrap_or("an error without a message")
                .to_owned(),
        )),
    }
}

/// `host:port` and the path of a URL.
fn parts(url: &str) -> Result<(&str, &str), CallError> {
    let refuse = || CallError::Url(url.to_owned());
    let rest = url.strip_prefix("http://").ok_or_else(refuse)?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    split_address(authority).ok_or_else(refuse)?;
    Ok((authority, if path.is_empty() { "/" } else { path }))
}
