//! The JSON-RPC server of one node: HTTP and WebSocket on one port.
//!
//! ```text
//! server/   sockets, HTTP, WebSocket          → dispatch: message in, answer out
//! dispatch  envelopes, batches, panics        → methods/, through jsonrpsee's table
//! methods/  one file a namespace, one function a method
//!           params (what came in), format/ (what goes out), Backend and View (what is true)
//! error     the only table of codes
//! ```
//!
//! *Invariants.* Nothing here changes a chain: a method gives a `Write` to the [`Backend`] and waits. Nothing here
//! knows the consensus or the EVM's interpreter. All queues have limits (see [`Limits`]).
//!
//! *jsonrpsee* carries the methods and their aliases (`RpcModule`), their calls (`MethodCallback`, `Params`,
//! `Extensions`), errors (`ErrorObject`) and responses (`MethodResponse`). Its transport and its
//! subscriptions are not used: the server of jsonrpsee 0.26 takes calls with a negative or fractional id for
//! notifications, refuses a missing `Content-Type`, answers `GET /` with 405, drops the connection when a method
//! panics, and answers a batched `eth_subscribe` twice; the first and the last cannot be put right from outside.
//! Hence sockets, envelopes and batches are here.

mod context;
mod dispatch;
mod error;
mod filters;
mod format;
mod joined;
mod jsonrpc;
mod limits;
mod logs;
mod methods;
mod metrics;
mod params;
mod reasons;
mod request_log;
mod server;
mod session;
#[cfg(any(test, feature = "fuzzing"))]
mod testing;
mod witness;

use crate::{
    faults::Control,
    replica::api::{Backend, ChainEvent},
};
use context::Context;
use metrics::Metrics;
use prometheus_client::collector::Collector;
use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};
use tokio::sync::broadcast;
use witness::Witness;

pub use context::ClusterIdentity;
pub use error::{ErrorProfile, Failures};
pub use limits::{CallGas, Limits};
pub use reasons::failure_reason;
pub use request_log::{OnRequest, RequestLog};
pub use server::RpcServer;
pub use witness::{Print, Traces, Trees};

/// Where the server listens.
#[derive(Debug)]
pub enum Listen {
    /// On this address; port 0 is one that is free.
    Address(SocketAddr),
    /// On a socket that is bound already.
    Bound(std::net::TcpListener),
}

/// Which of several a request may come from or go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Allowed {
    /// Any.
    #[default]
    Any,
    /// One of these.
    Only(Vec<String>),
}

/// How the server behaves.
#[derive(Debug)]
pub struct RpcConfig {
    /// Where it listens.
    pub listen: Listen,
    /// Web pages that may read answers (CORS): values of `Origin`.
    pub origins: Allowed,
    /// Names that the server goes by besides IP addresses, without port: values of `Host`. A guard against DNS rebinding.
    pub hosts: Allowed,
    /// The only path at which there are answers; `None`: any.
    pub endpoint: Option<String>,
    /// Whether WebSocket connections are taken.
    pub websockets: bool,
    /// The socket file on which the server listens, too.
    pub ipc: Option<PathBuf>,
    /// Whose errors clients see.
    pub errors: ErrorProfile,
    /// What a client gets for a transaction that was mined and failed.
    pub failures: Failures,
    /// Limits.
    pub limits: Limits,
    /// Whether methods may change the chain by other means than transactions.
    pub cheats: bool,
    /// More numbers for `GET /metrics` than the server knows itself.
    pub collectors: Vec<Box<dyn Collector>>,
    /// What tells the cluster from others; `None`: nobody can be told.
    pub identity: Option<ClusterIdentity>,
    /// Faults on request; `None`: the node allows none.
    pub faults: Option<Arc<Control>>,
    /// Where contracts' `console.log` goes; `None`: nowhere, and it costs nothing.
    pub console: Option<Print>,
    /// What is printed of executions; `None`: nothing, and it costs nothing.
    pub traces: Option<Traces>,
}

impl RpcConfig {
    /// Open to all pages and names, as dev nodes are, with the usual limits.
    pub fn new(listen: Listen) -> Self {
        Self {
            listen,
            origins: Allowed::Any,
            hosts: Allowed::Any,
            endpoint: None,
            websockets: true,
            ipc: None,
            errors: ErrorProfile::default(),
            failures: Failures::default(),
            limits: Limits::default(),
            faults: None,
            identity: None,
            collectors: Vec::new(),
            cheats: true,
            console: None,
            traces: None,
        }
    }
}

/// The names of all methods, aliases included.
pub fn method_names() -> impl Iterator<Item = &'static str> {
    methods::all().flat_map(|method| method.names.iter().copied())
}

/// Starts a server in front of `backend`.
///
/// `events` carries the changes of the chain on this node. A write's events must be sent before the write is
/// answered: then whoever has the answer finds them in his filters. `on_request` is told of each call.
///
/// # Errors
/// The address cannot be bound.
pub async fn serve(
    mut config: RpcConfig,
    backend: Arc<dyn Backend>,
    events: broadcast::Sender<ChainEvent>,
    on_request: OnRequest,
) -> io::Result<RpcServer> {
    let mut context = Context::new(backend, events, config.limits.clone(), on_request);
    context.faults.clone_from(&config.faults);
    context.cheats = config.cheats;
    context.identity = config.identity;
    let names = methods::all().flat_map(|method| method.names.iter().copied());
    let collectors = std::mem::take(&mut config.collectors);
    let metrics = Metrics::new(names, Arc::clone(&context.backend), collectors);
    context.metrics = Some(metrics);
    context.witness = Witness::new(config.console.clone(), config.traces.clone());
    context.errors = config.errors;
    context.failures = config.failures;
    let context = Arc::new(context);
    if context.witness.is_awake() {
        let events = context.events.subscribe();
        tokio::spawn(witness::follow(Arc::downgrade(&context), events));
    }
    server::start(config, context).await
}

#[cfg(any(test, feature = "fuzzing"))]
mod fuzz;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use fuzz::body as fuzz_body;

#[cfg(test)]
mod tests;
