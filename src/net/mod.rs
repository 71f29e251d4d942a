//! Peers over TCP: identified, encrypted, multiplexed.
//!
//! *Invariants.* A key that is not in the config gets nothing. Every member dials every other one and sends its requests
//! over the connection that it dialled; the answers come back on it. Without a connection a request fails at once.
//! Knows nothing of the messages' content.
//!
//! Source: design decision on identities; the Noise Protocol Framework (see `handshake`).

mod connection;
mod dialer;
mod frame;
mod handshake;
mod limits;
mod listener;
mod metrics;
mod runtime;
mod spool;

pub use limits::MESSAGE_LIMIT_BYTES;
pub use listener::Listener;
pub use metrics::{NetMetrics, Refusal};
pub use runtime::{Sleep, Tokio};
pub use spool::FileSpool;

use crate::{
    consensus::{MessageKind, PeerError, PeerService, Transport},
    types::{Member, MemberId, PublicKey},
};
use alloy::primitives::Bytes;
use connection::Link;
use dialer::Peer;
use ed25519_dalek::SigningKey;
use futures::future::{BoxFuture, FutureExt, ready};
use handshake::Identity;
use std::{
    collections::{BTreeMap, HashMap},
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};
use tokio::sync::{mpsc, watch};

/// The version of everything that peers say to each other; others are refused.
pub const PROTOCOL_VERSION: u8 = 2;

/// The network could not be started.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The address for peers is taken.
    #[error("the peer address {0} is in use: stop what uses it, or give this node another one")]
    InUse(String),
    /// The address for peers cannot be used.
    #[error("the peer address {address} cannot be used: {source}")]
    Address {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The key of this node is not the one that the members know.
    #[error("the key of this node is not that of member {0} in the config")]
    WrongKey(MemberId),
    /// The session key could not be made.
    #[error("the session key could not be made: {0}")]
    Key(snow::Error),
}

/// What a node's network needs to know.
pub struct NetConfig {
    /// This member.
    pub id: MemberId,
    /// Its secret key.
    pub identity: SigningKey,
    /// Tells this cluster from others, for example the hash of what its members must agree on.
    pub cluster_id: [u8; 32],
    /// All members; where they are is their `peer_address`.
    pub members: BTreeMap<MemberId, Member>,
    /// The largest message taken, bytes.
    pub message_limit_bytes: usize,
}

impl fmt::Debug for NetConfig {
    // Not the secret key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetConfig")
            .field("id", &self.id)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

type Slot = RwLock<Option<Arc<dyn PeerService>>>;

/// Who takes requests.
#[derive(Default)]
pub(crate) struct Services([Slot; 3]);

impl Services {
    fn get(&self, kind: MessageKind) -> Option<Arc<dyn PeerService>> {
        let slot = &self.0[usize::from(frame::lane(kind))];
        slot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, kind: MessageKind, service: Option<Arc<dyn PeerService>>) {
        let slot = &self.0[usize::from(frame::lane(kind))];
        *slot.write().unwrap_or_else(PoisonError::into_inner) = service;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the network's tasks share.
struct Shared {
    id: MemberId,
    identity: Identity,
    message_limit_bytes: usize,
    peers: BTreeMap<MemberId, Peer>,
    /// The connection that each member dialled; a new one ends the old one.
    inbound: Mutex<HashMap<MemberId, Arc<Link>>>,
    services: Services,
    metrics: NetMetrics,
    /// Turns true when the network stops.
    stop: watch::Sender<bool>,
}

impl Shared {
    /// Resolves when the network stops.
    async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        // An error means that the sender is gone, which it is not while `self` is here.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

/// The network of one node. Clones share it.
#[derive(Clone)]
pub struct Net {
    shared: Arc<Shared>,
    local_address: SocketAddr,
    /// Closes when all tasks have ended.
    running: Arc<tokio::sync::Mutex<mpsc::Receiver<()>>>,
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net")
            .field("id", &self.shared.id)
            .field("local_address", &self.local_address)
            .finish_non_exhaustive()
    }
}

/// Starts taking and making connections. Requests are refused until somebody [serves](Transport::serve) them.
pub fn start(listener: Listener, config: NetConfig) -> Result<Net, NetError> {
    let own_key = PublicKey(config.identity.verifying_key().to_bytes());
    if config.members.get(&config.id).map(|it| it.public_key) != Some(own_key) {
        return Err(NetError::WrongKey(config.id));
    }
    let others = || config.members.iter().filter(|(id, _)| **id != config.id);
    let keys = others().map(|(id, it)| (it.public_key, *id)).collect();
    let identity =
        Identity::new(config.identity, config.cluster_id, keys).map_err(NetError::Key)?;
    let peers = others()
        .map(|(id, member)| (*id, Peer::new(*id, member.clone())))
        .collect();
    let shared = Arc::new(Shared {
        id: config.id,
        identity,
        message_limit_bytes: config.message_limit_bytes,
        peers,
        inbound: Mutex::default(),
        services: Services::default(),
        metrics: NetMetrics::default(),
        stop: watch::Sender::new(false),
    });
    let (alive, running) = mpsc::channel(1);
    let local_address = listener.local_address();
    tokio::spawn(listener::run(listener, Arc::clone(&shared), alive.clone()));
    for id in shared.peers.keys() {
        tokio::spawn(dialer::run(Arc::clone(&shared), *id, alive.clone()));
    }
    Ok(Net {
        shared,
        local_address,
        running: Arc::new(tokio::sync::Mutex::new(running)),
    })
}

impl Net {
    /// Where this node listens for peers.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// What was counted since the start.
    pub fn metrics(&self) -> &NetMetrics {
        &self.shared.metrics
    }

    /// Says where a member is from now on; the next attempt to connect goes there.
    pub fn set_address(&self, id: MemberId, address: &str) {
        if let Some(peer) = self.shared.peers.get(&id) {
            peer.set_address(address);
        }
    }

    /// Ends all connections and frees the port.
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        for kind in [
            MessageKind::Consensus,
            MessageKind::Application,
            MessageKind::Bulk,
        ] {
            self.shared.services.set(kind, None);
        }
        let mut running = self.running.lock().await;
        // Nobody ever sends: it resolves when the last task has dropped its end.
        let ended = tokio::time::timeout(limits::STOP_LIMIT, running.recv()).await;
        if ended.is_err() {
            tracing::warn!("some connections did not end in time");
        }
    }
}

impl Transport for Net {
    fn send(
        &self,
        to: MemberId,
        kind: MessageKind,
        request: Bytes,
    ) -> BoxFuture<'static, Result<Bytes, PeerError>> {
        let limit_bytes = self.shared.message_limit_bytes;
        if request.len() > limit_bytes {
            let bytes = request.len();
            return ready(Err(PeerError::TooLarge { bytes, limit_bytes })).boxed();
        }
        let link = self.shared.peers.get(&to).and_then(Peer::link);
        let Some(link) = link else {
            return ready(Err(PeerError::Unreachable(to))).boxed();
        };
        match link.request(frame::lane(kind), request) {
            Ok(awaited) => awaited.boxed(),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    fn reachable(&self, id: MemberId) -> bool {
        id == self.shared.id || self.shared.peers.get(&id).and_then(Peer::link).is_some()
    }

    fn serve(&self, kind: MessageKind, service: Option<Arc<dyn PeerService>>) {
        self.shared.services.set(kind, service);
    }
}

#[cfg(test)]
mod tests;
