//! From a message to its answer: looks methods up, runs them, keeps their faults to themselves.
//!
//! A batch is answered as if its calls had been made one after the other, which users rely on (set a timestamp, then
//! mine); neighbours that cannot disturb each other, reads, and transactions to be sent, run at once.

use super::{
    context::Context,
    error::RpcError,
    format::Json,
    jsonrpc::{self, Malformed, Message, Request},
    methods::{self, Kind, Method},
    params::Params,
    session::Session,
};
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesOrdered};
use std::{panic::AssertUnwindSafe, sync::Arc};

/// What a method gives.
pub(crate) type Answer = Result<Json, RpcError>;

/// One call of a method.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// The name by which it was called.
    pub(crate) method: &'a str,
    /// The server.
    pub(crate) context: &'a Arc<Context>,
    /// The parameters.
    pub(crate) params: Params<'a>,
    /// The connection, if it can carry subscriptions.
    pub(crate) session: Option<&'a Session>,
}

/// Calls of a batch that run at once.
const CONCURRENT_CALLS: usize = 256;

/// Answers a message; `None` if it holds notifications alone.
pub(crate) async fn answer(
    context: &Arc<Context>,
    message: &[u8],
    session: Option<&Session>,
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(256);
    match jsonrpc::parse(message, context.limits.batch_calls) {
        Err(error) => jsonrpc::write_answer(&mut out, "null", &Err(error)),
        Ok(Message::Single(request)) => {
            if !answer_one(context, request, session, &mut out).await {
                return None;
            }
        }
        Ok(Message::Batch(requests)) => answer_batch(context, requests, session, &mut out).await,
    }
    (!out.is_empty()).then_some(out)
}

/// Appends the answer to one call; `false` if it needs none.
async fn answer_one(
    context: &Arc<Context>,
    request: Result<Request<'_>, Malformed<'_>>,
    session: Option<&Session>,
    out: &mut Vec<u8>,
) -> bool {
    let (id, answer) = match request {
        Ok(request) => (request.id, call(context, &request, session).await),
        Err(malformed) => (Some(malformed.id.unwrap_or("null")), Err(malformed.error)),
    };
    let Some(id) = id else {
        return false;
    };
    let limit = context.limits.response_bytes;
    match &answer {
        Ok(json) if out.len() + json.as_bytes().len() > limit => {
            jsonrpc::write_answer(out, id, &Err(too_large(limit)));
        }
        answer => jsonrpc::write_answer(out, id, answer),
    }
    true
}

/// An answer beyond the limit.
pub(crate) fn too_large(limit: usize) -> RpcError {
    RpcError::server(format!(
        "response too large: more than {limit} bytes; ask for less at once"
    ))
}

/// The answer to one call on its own; `None` if it needs none.
fn answer_alone<'a>(
    context: &'a Arc<Context>,
    request: Entry<'a>,
    session: Option<&'a Session>,
) -> BoxFuture<'a, Option<Vec<u8>>> {
    Box::pin(async move {
        let mut answer = Vec::new();
        answer_one(context, request, session, &mut answer)
            .await
            .then_some(answer)
    })
}

type Entry<'a> = Result<Request<'a>, Malformed<'a>>;

async fn answer_batch(
    context: &Arc<Context>,
    requests: Vec<Entry<'_>>,
    session: Option<&Session>,
    out: &mut Vec<u8>,
) {
    out.push(b'[');
    let mut waiting = requests.into_iter().peekable();
    while let Some(first) = waiting.next() {
        let kind = kind_of(&first);
        let mut running = FuturesOrdered::new();
        running.push_back(answer_alone(context, first, session));
        loop {
            while kind != Kind::Change
                && running.len() < CONCURRENT_CALLS
                && let Some(next) = waiting.next_if(|next| kind_of(next) == kind)
            {
                running.push_back(answer_alone(context, next, session));
            }
            match running.next().await {
                Some(Some(answer)) => {
                    append_to_batch(out, &answer, context.limits.response_bytes);
                }
                Some(None) => {}
                None => break,
            }
        }
    }
    if out.len() == 1 {
        out.clear();
    } else {
        out.push(b']');
    }
}

/// The member of an answer that says whose it is.
#[derive(serde::Deserialize)]
struct Id<'a> {
    #[serde(borrow)]
    id: &'a serde_json::value::RawValue,
}

/// Appends one answer of a batch, or, where all are too large together, an error in its place.
fn append_to_batch(out: &mut Vec<u8>, answer: &[u8], limit: usize) {
    if out.len() > 1 {
        out.push(b',');
    }
    if out.len() + answer.len() <= limit {
        out.extend_from_slice(answer);
        return;
    }
    let id = serde_json::from_slice::<Id<'_>>(answer).map_or("null", |answer| answer.id.get());
    jsonrpc::write_answer(out, id, &Err(too_large(limit)));
}

fn kind_of(entry: &Entry<'_>) -> Kind {
    match entry {
        Ok(request) => methods::find(&request.method).map_or(Kind::Read, |method| method.kind),
        Err(_) => Kind::Read,
    }
}

async fn call(context: &Arc<Context>, request: &Request<'_>, session: Option<&Session>) -> Answer {
    let Some(method) = methods::find(&request.method) else {
        let name = printable(&request.method);
        (context.on_request)(&name);
        return Err(RpcError::method_not_found(&name));
    };
    (context.on_request)(&request.method);
    let call = Call {
        method: &request.method,
        context,
        params: Params::parse(request.params)?,
        session,
    };
    run(method, call).await
}

/// The longest name of a method that is repeated to anybody, in characters.
const MAX_SHOWN_NAME: usize = 80;

/// A name that a client made up, fit for a terminal and a message.
fn printable(name: &str) -> String {
    let shown = name.chars().take(MAX_SHOWN_NAME);
    shown
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// Runs a method. One that panics answers -32603; the connection and the node live on.
async fn run(method: &Method, call: Call<'_>) -> Answer {
    let outcome = AssertUnwindSafe(async { (method.run)(call).await })
        .catch_unwind()
        .await;
    outcome.unwrap_or_else(|_| {
        tracing::error!(method = method.names[0], "a method panicked");
        Err(RpcError::internal("the method failed inside the node"))
    })
}

#[cfg(test)]
mod tests;
