//! From a message to its answer: looks methods up, runs them, keeps their faults to themselves.
//!
//! A batch is answered as if its calls had been made one after the other, which users rely on (set a timestamp, then
//! mine); neighbours that cannot disturb each other, reads, and transactions to be sent, run at once.

use super::{
    context::Context,
    error::RpcError,
    format::Json,
    jsonrpc::{self, Malformed, Message, Request},
    methods::{self, Kind},
    params::Params,
    session::Session,
};
use crate::faults::{Control, Faults};
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesOrdered};
use jsonrpsee::{
    ConnectionId, Extensions, MethodCallback, MethodResponse, Methods,
    core::RegisterMethodError,
    types::{self, Id},
};
use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};
use tracing::Instrument as _;

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

/// Who calls, and how: what a method finds in jsonrpsee's [`Extensions`].
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The name by which it was called.
    pub(crate) method: &'static str,
    /// The connection, if it can carry subscriptions.
    pub(crate) session: Option<Arc<Session>>,
}

/// Calls of a batch that run at once.
const CONCURRENT_CALLS: usize = 256;

/// Answers the messages of all connections of a server.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    context: Arc<Context>,
    methods: Methods,
}

type Entry<'a> = Result<Request<'a>, Malformed<'a>>;

impl Dispatcher {
    /// Over `context`.
    ///
    /// # Errors
    /// Two methods share a name.
    pub(crate) fn new(context: Arc<Context>) -> Result<Self, RegisterMethodError> {
        Ok(Self {
            methods: methods::register(Arc::clone(&context))?,
            context,
        })
    }

    /// What the methods work on.
    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The faults that clients of this node suffer, where there may be any.
    pub(crate) fn faults(&self) -> Option<&Faults> {
        self.context.faults.as_deref().map(Control::faults)
    }

    /// The answer to a message while a fault on request keeps it from being worked on: the error of a busy provider.
    pub(crate) fn refuse(&self, message: &[u8]) -> Vec<u8> {
        let id = match jsonrpc::parse(message, self.context.limits.batch_calls) {
            Ok(Message::Single(Ok(request))) => request.id,
            _ => None,
        };
        let error = RpcError::limit_exceeded("this fault was asked for (cluster_rpcFault)");
        let mut out = Vec::new();
        jsonrpc::write_answer(&mut out, id.unwrap_or("null"), &self.failure(error));
        out
    }

    /// The response of a call that failed before it had a method.
    fn failure(&self, error: RpcError) -> MethodResponse {
        failure(error.in_profile(self.context.errors))
    }

    /// Answers a message; `None` if it holds notifications alone.
    pub(crate) async fn answer(
        &self,
        message: &[u8],
        session: Option<&Arc<Session>>,
    ) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(256);
        match jsonrpc::parse(message, self.context.limits.batch_calls) {
            Err(error) => jsonrpc::write_answer(&mut out, "null", &self.failure(error)),
            Ok(Message::Single(request)) => {
                if !self.answer_one(request, session, &mut out).await {
                    return None;
                }
            }
            Ok(Message::Batch(requests)) => self.answer_batch(requests, session, &mut out).await,
        }
        (!out.is_empty()).then_some(out)
    }

    /// Appends the answer to one call; `false` if it needs none.
    async fn answer_one(
        &self,
        request: Entry<'_>,
        session: Option<&Arc<Session>>,
        out: &mut Vec<u8>,
    ) -> bool {
        let (id, response) = match request {
            Ok(request) => (request.id, self.call(&request, session).await),
            Err(malformed) => (
                Some(malformed.id.unwrap_or("null")),
                self.failure(malformed.error),
            ),
        };
        let Some(id) = id else {
            return false;
        };
        jsonrpc::write_answer(out, id, &response);
        true
    }

    /// The answer to one call on its own; `None` if it needs none.
    fn answer_alone<'a>(
        &'a self,
        request: Entry<'a>,
        session: Option<&'a Arc<Session>>,
    ) -> BoxFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let mut answer = Vec::new();
            self.answer_one(request, session, &mut answer)
                .await
                .then_some(answer)
        })
    }

    async fn answer_batch(
        &self,
        requests: Vec<Entry<'_>>,
        session: Option<&Arc<Session>>,
        out: &mut Vec<u8>,
    ) {
        out.push(b'[');
        let mut waiting = requests.into_iter().peekable();
        while let Some(first) = waiting.next() {
            let kind = kind_of(&first);
            let mut running = FuturesOrdered::new();
            running.push_back(self.answer_alone(first, session));
            loop {
                while kind != Kind::Change
                    && running.len() < CONCURRENT_CALLS
                    && let Some(next) = waiting.next_if(|next| kind_of(next) == kind)
                {
                    running.push_back(self.answer_alone(next, session));
                }
                match running.next().await {
                    Some(Some(answer)) => {
                        append_to_batch(out, &answer, self.context.limits.response_bytes);
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

    /// Calls a method. The response has the id `null`, because jsonrpsee's ids are not all that clients send.
    async fn call(&self, request: &Request<'_>, session: Option<&Arc<Session>>) -> MethodResponse {
        // All are registered as asynchronous.
        let Some((method, MethodCallback::Async(callback))) =
            self.methods.method_with_name(&request.method)
        else {
            let name = printable(&request.method);
            self.context.on_request.called(&name);
            return self.failure(RpcError::method_not_found(&name));
        };
        self.context.on_request.called(method);
        if !self.context.cheats && methods::is_cheat(method) {
            return self.failure(RpcError::method_not_found(method));
        }
        let start = Instant::now();
        let mut extensions = Extensions::new();
        extensions.insert(Caller {
            method,
            session: session.cloned(),
        });
        let params = types::Params::new(request.params).into_owned();
        // Results are within the limit: jsonrpsee would log an error where a client asks for too much.
        let limit = usize::MAX;
        let response = callback(Id::Null, params, ConnectionId(0), limit, extensions);
        let span = tracing::debug_span!("rpc", method);
        let outcome = AssertUnwindSafe(response.instrument(span))
            .catch_unwind()
            .await;
        let response = outcome.unwrap_or_else(|_| {
            tracing::error!(method, "a method panicked");
            failure(RpcError::internal("the method failed inside the node"))
        });
        if let Some(metrics) = &self.context.metrics {
            metrics.called(method, response.is_success(), start.elapsed());
        }
        self.log(method, request.params.unwrap_or("[]"), &response);
        response
    }

    /// Tells the log what came of a call.
    fn log(&self, method: &str, params: &str, response: &MethodResponse) {
        let log = &self.context.on_request;
        if log.wants_bodies() {
            log.answered(method, params, response.as_json().get());
        }
        if response.is_error() {
            let answer = response.as_json().get();
            let sentence = serde_json::from_str::<Failed>(answer);
            log.failed(method, params, &sentence.unwrap_or_default().error.message);
        }
    }
}

/// The response of a call that failed.
fn failure(error: RpcError) -> MethodResponse {
    MethodResponse::error(Id::Null, error)
}

/// An answer beyond the limit.
pub(crate) fn too_large(limit: usize) -> RpcError {
    RpcError::server(format!(
        "response too large: more than {limit} bytes; ask for less at once"
    ))
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

/// The sentence of an answer that is an error.
#[derive(Default, serde::Deserialize)]
struct Failed {
    error: FailedBecause,
}

#[derive(Default, serde::Deserialize)]
struct FailedBecause {
    message: String,
}

/// The id of an answer, as it stands there.
#[derive(serde::Deserialize)]
struct AnswerId<'a> {
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
    let id =
        serde_json::from_slice::<AnswerId<'_>>(answer).map_or("null", |answer| answer.id.get());
    jsonrpc::write_answer(out, id, &failure(too_large(limit)));
}

fn kind_of(entry: &Entry<'_>) -> Kind {
    match entry {
        Ok(request) => methods::kind(&request.method),
        Err(_) => Kind::Read,
    }
}

#[cfg(test)]
mod tests;
