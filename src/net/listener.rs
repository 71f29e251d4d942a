//! Connections from other members.
//!
//! *Invariant.* Few connections at a time may be without a proven identity, each only for a short time, and a flood of
//! them keeps no member out; a member has one connection here, its newest.

use super::{
    NetError, Shared,
    connection::{self, Ended, Link},
    handshake::{HandshakeError, Session},
    limits::{HANDSHAKE_TIMEOUT, UNAUTHENTICATED_LIMIT},
    lock,
    metrics::{NetMetrics, Refusal},
};
use crate::seats::{Seat, Seats};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{sleep, timeout},
};

/// The pause when the system has no more file handles to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound port for peers, not yet served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    local_address: SocketAddr,
}

impl Listener {
    /// Binds an address (`host:port`; port 0: any free one).
    pub async fn bind(address: &str) -> Result<Self, NetError> {
        let fail = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => NetError::InUse(address.to_owned()),
            _ => NetError::Address {
                address: address.to_owned(),
                source,
            },
        };
        let socket = TcpListener::bind(address).await.map_err(fail)?;
        let local_address = socket.local_addr().map_err(fail)?;
        Ok(Self {
            socket,
            local_address,
        })
    }

    /// Takes over a socket that is bound already.
    pub fn from_std(socket: std::net::TcpListener) -> Result<Self, NetError> {
        let fail = |source| NetError::Address {
            address: "given to it".to_owned(),
            source,
        };
        socket.set_nonblocking(true).map_err(fail)?;
        let socket = TcpListener::from_std(socket).map_err(fail)?;
        let local_address = socket.local_addr().map_err(fail)?;
        Ok(Self {
            socket,
            local_address,
        })
    }

    /// Where it listens.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }
}

/// Takes connections until the network stops.
pub(super) async fn run(listener: Listener, shared: Arc<Shared>, alive: mpsc::Sender<()>) {
    tokio::select! {
        () = shared.stopped() => {}
        () = accept(&listener, &shared, &alive) => {}
    }
}

async fn accept(listener: &Listener, shared: &Arc<Shared>, alive: &mpsc::Sender<()>) {
    let strangers = Seats::default();
    loop {
        let (stream, address) = match listener.socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("cannot take a connection: {error}");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let peer = address.ip().to_string();
        let seat = strangers.sit();
        if strangers.taken() > UNAUTHENTICATED_LIMIT {
            strangers.make_room();
        }
        let (shared, alive) = (Arc::clone(shared), alive.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = shared.stopped() => {}
                () = attend(&shared, stream, &peer, seat) => {}
            }
            drop(alive);
        });
    }
}

/// One connection, from the handshake to its end.
async fn attend(shared: &Arc<Shared>, mut stream: TcpStream, address: &str, seat: Seat) {
    let greeted = tokio::select! {
        greeted = timeout(HANDSHAKE_TIMEOUT, greet(shared, &mut stream)) => greeted,
        () = seat.sent_away() => return shared.metrics.refuse(address, Refusal::Crowded),
    };
    let session = match greeted {
        Ok(Ok(session)) => session,
        Ok(Err(HandshakeError::Refused(refusal))) => {
            return shared.metrics.refuse(address, refusal);
        }
        Ok(Err(HandshakeError::Io(error))) => {
            return tracing::debug!(address, "a connection ended in its handshake: {error}");
        }
        Err(_) => return shared.metrics.refuse(address, Refusal::Silent),
    };
    drop(seat);
    let member = session.member;
    // Not there any more if it was removed during the handshake.
    let Some(peer) = shared.peer(member) else {
        return;
    };
    NetMetrics::add(&shared.metrics.accepted, 1);
    shared.metrics.welcome(peer.name());
    let link = Link::new(member, None);
    if let Some(old) = lock(&shared.inbound).insert(member, Arc::clone(&link)) {
        old.close();
    }
    peer.seen();
    let running = connection::run(
        stream,
        session,
        Arc::clone(&link),
        &shared.services,
        &shared.metrics,
        shared.message_limit_bytes,
    );
    let ended = tokio::select! {
        ended = running => ended,
        () = peer.is_dismissed() => Ended::Closed,
    };
    {
        let mut inbound = lock(&shared.inbound);
        if inbound
            .get(&member)
            .is_some_and(|it| Arc::ptr_eq(it, &link))
        {
            inbound.remove(&member);
        }
    }
    if let Ended::Refused(refusal) = ended {
        shared.metrics.refuse(peer.name(), refusal);
    }
}

async fn greet(shared: &Shared, stream: &mut TcpStream) -> Result<Session, HandshakeError> {
    stream.set_nodelay(true)?;
    shared.identity.respond(stream).await
}
