//! Sockets: accepts connections, a bounded number, and stops them.
//!
//! *Never here:* what a message says.

mod backup;
mod http;
#[cfg(unix)]
mod ipc;
mod websocket;

use super::{Allowed, Listen, RpcConfig, context::Context, dispatch::Dispatcher};
use crate::seats::Seats;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinHandle,
};

/// How long open connections get to finish when the server stops.
const STOP_GRACE: Duration = Duration::from_millis(500);
/// How often filters take in events when nobody asks.
const FILTER_TICK: Duration = Duration::from_millis(200);
/// Bytes of a request's head (geth and Go: 1 MiB; hyper needs at least 8 KiB).
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// After an error of `accept`, mostly too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running server. It stops when it is dropped.
#[derive(Debug)]
pub struct RpcServer {
    local_addr: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: Vec<JoinHandle<()>>,
    connections: Arc<Semaphore>,
    max_connections: u32,
    _file: Option<SocketFile>,
}

/// A bound socket file; removed when this is dropped.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may have gone already.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl RpcServer {
    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops: no new connection, calls that are being worked on are answered, for some seconds at most.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // The accepting tasks hold a place each for the next connection.
        self.abort();
        let all = self.connections.acquire_many(self.max_connections);
        if tokio::time::timeout(STOP_GRACE, all).await.is_err() {
            tracing::debug!("connections cut off while the RPC server stops");
        }
    }
}

impl RpcServer {
    fn abort(&self) {
        for task in &self.accepting {
            task.abort();
        }
    }
}

impl Drop for RpcServer {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.abort();
    }
}

/// What a connection needs.
#[derive(Debug)]
struct Shared {
    dispatcher: Dispatcher,
    origins: Allowed,
    hosts: Allowed,
    endpoint: Option<String>,
    websockets: bool,
    stop: watch::Receiver<bool>,
    /// Connections whose clients have not sent a whole request.
    seats: Seats,
    /// Places for backups that are read.
    backups: Arc<Semaphore>,
}

/// Binds and starts to accept.
pub(super) async fn start(config: RpcConfig, context: Arc<Context>) -> io::Result<RpcServer> {
    let listener = match config.listen {
        Listen::Address(address) => TcpListener::bind(address).await?,
        Listen::Bound(listener) => {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)?
        }
    };
    let local_addr = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let dispatcher = Dispatcher::new(Arc::clone(&context)).map_err(io::Error::other)?;
    let max_connections = u32::try_from(context.limits.connections)
        .unwrap_or(u32::MAX)
        .max(1);
    let connections = Arc::new(Semaphore::new(max_connections as usize));
    let shared = Arc::new(Shared {
        dispatcher,
        origins: config.origins,
        hosts: config.hosts,
        endpoint: config.endpoint,
        websockets: config.websockets,
        stop: stopped.clone(),
        seats: Seats::default(),
        backups: Arc::new(Semaphore::new(backup::AT_ONCE_MAX)),
    });
    tokio::spawn(tick_filters(context, stopped));
    let (ipc, file) = start_ipc(config.ipc.as_deref(), &shared, &connections)?.unzip();
    let accepting = tokio::spawn(accept(listener, shared, Arc::clone(&connections)));
    Ok(RpcServer {
        local_addr,
        stop,
        accepting: std::iter::once(accepting).chain(ipc).collect(),
        connections,
        max_connections,
        _file: file,
    })
}

/// Listens on a socket file, too, if one is named.
#[cfg(unix)]
fn start_ipc(
    path: Option<&Path>,
    shared: &Arc<Shared>,
    connections: &Arc<Semaphore>,
) -> io::Result<Option<(JoinHandle<()>, SocketFile)>> {
    let Some(path) = path else {
        return Ok(None);
    };
    let (listener, file) = ipc::bind(path).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!(
                "cannot listen on `{}`: {error}; choose another `--ipc`",
                path.display()
            ),
        )
    })?;
    let (shared, connections) = (Arc::clone(shared), Arc::clone(connections));
    let accepting = tokio::spawn(ipc::accept(listener, shared, connections));
    Ok(Some((accepting, file)))
}

/// There are no socket files here.
#[cfg(not(unix))]
fn start_ipc(
    path: Option<&Path>,
    _shared: &Arc<Shared>,
    _connections: &Arc<Semaphore>,
) -> io::Result<Option<(JoinHandle<()>, SocketFile)>> {
    match path {
        None => Ok(None),
        Some(_) => Err(io::Error::other(
            "`--ipc` needs a Unix system; leave it out",
        )),
    }
}

/// Returns when the server is to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, which is the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn tick_filters(context: Arc<Context>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(FILTER_TICK);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = ticks.tick() => context.filters.tick(),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, connections: Arc<Semaphore>) {
    let mut stop = shared.stop.clone();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, caller) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Who says nothing goes, if it is handles for files that have run out.
                let made = shared.seats.make_room();
                tracing::warn!(%error, made, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if connections.available_permits() == 0 {
            shared.seats.make_room();
        }
        let permit = tokio::select! {
            () = stopped(&mut stop) => return,
            permit = Arc::clone(&connections).acquire_owned() => permit,
        };
        let Ok(permit) = permit else { return };
        tokio::spawn(connection(stream, caller, Arc::clone(&shared), permit));
    }
}

async fn connection(
    stream: TcpStream,
    caller: SocketAddr,
    shared: Arc<Shared>,
    permit: OwnedSemaphorePermit,
) {
    // Without this an answer waits up to 40 ms for the client's delayed acknowledgement (Nagle).
    let _ = stream.set_nodelay(true);
    let mut stop = shared.stop.clone();
    let permit = Arc::new(permit);
    let idle = shared.dispatcher.context().limits.idle;
    let seat = Arc::new(shared.seats.sit());
    let own_seat = Arc::clone(&seat);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        let permit = Arc::clone(&permit);
        let seat = Arc::clone(&own_seat);
        async move { http::respond(request, caller, &shared, permit, &seat).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = seat.sent_away() => return tracing::debug!("a silent connection went for a new one"),
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
