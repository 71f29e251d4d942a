//! Envelopes of JSON-RPC 2.0 (<https://www.jsonrpc.org/specification>): what a message asks, and how an answer is framed.
//!
//! An id is kept as the text that the client sent, so that negative, fractional and huge ids, which jsonrpsee's `Id` and
//! so its `Request` cannot hold, come back unchanged. Its responses are made with the id `null`, which is replaced here.
//! *Never here:* methods, their parameters, sockets.

use super::{error::RpcError, format::Json};
use jsonrpsee::MethodResponse;
use serde::{Deserialize, Deserializer};
use serde_json::{error::Category, value::RawValue};
use std::borrow::Cow;

/// One call, borrowed from the message it came in.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The id as JSON text; `None` for a notification, which gets no answer.
    pub(crate) id: Option<&'a str>,
    /// The method's name.
    pub(crate) method: Cow<'a, str>,
    /// The parameters as JSON text, if there are any.
    pub(crate) params: Option<&'a str>,
}

/// A call that could not be understood, and the id to answer to.
#[derive(Debug)]
pub(crate) struct Malformed<'a> {
    /// The id, where it could be read.
    pub(crate) id: Option<&'a str>,
    /// What is wrong.
    pub(crate) error: RpcError,
}

/// What a message holds.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// One call.
    Single(Result<Request<'a>, Malformed<'a>>),
    /// Several calls, answered together in their order.
    Batch(Vec<Result<Request<'a>, Malformed<'a>>>),
}

/// The members of a request object, unchecked.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
}

/// Keeps `null` apart from a missing member.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads a message. An error answers the whole of it, with the id `null`.
pub(crate) fn parse(message: &[u8], max_batch: usize) -> Result<Message<'_>, RpcError> {
    let text = std::str::from_utf8(message)
        .map_err(|_| RpcError::parse("the message is not UTF-8 text"))?
        .trim_start_matches([' ', '\t', '\r', '\n']);
    if !text.starts_with('[') {
        return match parse_request(text) {
            Err(malformed) if malformed.error.is_parse_error() => Err(malformed.error),
            request => Ok(Message::Single(request)),
        };
    }
    let entries: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| syntax_error(&e))?;
    if entries.is_empty() {
        return Err(RpcError::invalid_request("empty batch"));
    }
    if entries.len() > max_batch {
        return Err(RpcError::invalid_request(format!(
            "batch too large: {} calls, at most {max_batch} are allowed",
            entries.len()
        )));
    }
    Ok(Message::Batch(
        entries
            .into_iter()
            .map(|entry| parse_request(entry.get()))
            .collect(),
    ))
}

fn parse_request(text: &str) -> Result<Request<'_>, Malformed<'_>> {
    if text.is_empty() {
        return Err(Malformed {
            id: None,
            error: RpcError::parse("the message is empty"),
        });
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|e| Malformed {
        id: None,
        error: match e.classify() {
            Category::Data => RpcError::invalid_request("invalid request"),
            _ => syntax_error(&e),
        },
    })?;
    let id = envelope.id.map(RawValue::get);
    let invalid = |id, sentence: &'static str| Malformed {
        id,
        error: RpcError::invalid_request(sentence),
    };
    if id.is_some_and(|id| id.starts_with(['{', '[', 't', 'f'])) {
        return Err(invalid(
            None,
            "invalid request: the id must be a string, a number or null",
        ));
    }
    if envelope.jsonrpc.is_some_and(|v| v.get() != r#""2.0""#) {
        return Err(invalid(id, r#"invalid request: "jsonrpc" must be "2.0""#));
    }
    let Some(method) = envelope.method.and_then(|m| string(m.get())) else {
        return Err(invalid(id, r#"invalid request: "method" must be a string"#));
    };
    Ok(Request {
        id,
        method,
        params: envelope.params.map(RawValue::get),
    })
}

/// The text of a JSON string, borrowed unless it has escapes.
pub(crate) fn string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Whether a message is one call of a method whose name begins so.
pub(crate) fn is_call_of(message: &[u8], prefix: &str) -> bool {
    match parse(message, 1) {
        Ok(Message::Single(Ok(request))) => request.method.starts_with(prefix),
        _ => false,
    }
}

fn syntax_error(error: &serde_json::Error) -> RpcError {
    RpcError::parse(error.to_string())
}

/// Appends the answer to the call with this id; the response itself has the id `null`.
pub(crate) fn write_answer(out: &mut Vec<u8>, id: &str, response: &MethodResponse) {
    let text = response.as_json().get();
    let Some(rest) = text.strip_prefix(r#"{"jsonrpc":"2.0","id":null"#) else {
        // Of another form than jsonrpsee 0.26 gives it: the tests would have failed.
        out.extend_from_slice(text.as_bytes());
        return;
    };
    out.reserve(text.len() + id.len());
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(rest.as_bytes());
}

/// Appends one event of a subscription, in geth's form.
pub(crate) fn write_notification(out: &mut Vec<u8>, subscription: &str, event: &Json) {
    out.extend_from_slice(
        br#"{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":""#,
    );
    out.extend_from_slice(subscription.as_bytes());
    out.extend_from_slice(br#"","result":"#);
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(b"}}");
}

#[cfg(test)]
mod tests;
