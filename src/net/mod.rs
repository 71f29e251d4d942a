//! Peers over TCP: identified, encrypted, multiplexed.
//!
//! *Invariants.* A key that is no member's gets nothing; who the members are may change at any time
//! ([`Net::set_members`]), and one that is no more loses its connections at once. Every member dials every other one and sends its requests
//! over the connection that it dialled; the answers come back on it (between members of one process, beside it: see
//! `near`). Without a connection a request fails at once.
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
mod near;
mod runtime;
mod spool;

pub use limits::MESSAGE_LIMIT_BYTES;
pub use listener::Listener;
pub use metrics::{NetMetrics, Refusal};
pub use near::Neighbours;
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
    /// All members to begin with; where they are is their `peer_address`.
    pub members: BTreeMap<MemberId, Member>,
    /// The largest message taken, bytes.
    pub message_limit_bytes: usize,
    /// Who else is in this process.
    pub neighbours: Neighbours,
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
pub(crate) struct Services([Slot; 4]);

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
    peers: RwLock<BTreeMap<MemberId, Arc<Peer>>>,
    /// The connection that each member dialled; a new one ends the old one.
    inbound: Mutex<HashMap<MemberId, Arc<Link>>>,
    neighbours: Neighbours,
    services: Services,
    metrics: NetMetrics,
    /// Turns true when the network stops.
    stop: watch::Sender<bool>,
}

impl Shared {
    fn peer(&self, id: MemberId) -> Option<Arc<Peer>> {
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        peers.get(&id).cloned()
    }

    fn link(&self, id: MemberId) -> Option<Arc<Link>> {
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        peers.get(&id)?.link()
    }

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
    /// Every task holds a strong one.
    alive: mpsc::WeakSender<()>,
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
    let identity = Identity::new(config.identity, config.cluster_id).map_err(NetError::Key)?;
    let shared = Arc::new(Shared {
        id: config.id,
        identity,
        message_limit_bytes: config.message_limit_bytes,
        peers: RwLock::default(),
        inbound: Mutex::default(),
        neighbours: config.neighbours,
        services: Services::default(),
        metrics: NetMetrics::default(),
        stop: watch::Sender::new(false),
    });
    shared.neighbours.enter(own_key, &shared);
    let (alive, running) = mpsc::channel(1);
    let local_address = listener.local_address();
    tokio::spawn(listener::run(listener, Arc::clone(&shared), alive.clone()));
    let net = Net {
        shared,
        local_address,
        alive: alive.downgrade(),
        running: Arc::new(tokio::sync::Mutex::new(running)),
    };
    net.set_members(&config.members);
    Ok(net)
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

    /// Says who the members are from now on, this one among them or not: the new ones are dialled and let in, those that
    /// are no more lose their connections, and the next attempt to connect goes to the address that is given here.
    pub fn set_members(&self, members: &BTreeMap<MemberId, Member>) {
        let others: BTreeMap<&MemberId, &Member> = members
            .iter()
            .filter(|(id, _)| **id != self.shared.id)
            .collect();
        self.shared
            .identity
            .set_peers(others.iter().map(|(id, it)| (it.public_key, **id)));
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        {
            let mut peers = self.shared.peers.write();
            let peers = peers.as_mut().unwrap_or_else(|it| it.get_mut());
            peers.retain(|id, peer| {
                let stays = others.get(id).is_some_and(|it| it.public_key == peer.key());
                if !stays {
                    gone.push(Arc::clone(peer));
                }
                stays
            });
            for (id, member) in others {
                if let Some(peer) = peers.get(id) {
                    peer.set_address(&member.peer_address);
                } else {
                    let peer = Arc::new(Peer::new(*id, member.clone()));
                    come.push(Arc::clone(&peer));
                    peers.insert(*id, peer);
                }
            }
        }
        for peer in gone {
            peer.dismiss();
            if let Some(link) = lock(&self.shared.inbound).remove(&peer.id()) {
                link.close();
            }
        }
        // Without a task the network has stopped.
        if let Some(alive) = self.alive.upgrade() {
            for peer in come {
                tokio::spawn(dialer::run(Arc::clone(&self.shared), peer, alive.clone()));
            }
        }
    }

    /// The members that this node takes connections from.
    pub fn peers(&self) -> Vec<MemberId> {
        let peers = self.shared.peers.read();
        let peers = peers.unwrap_or_else(PoisonError::into_inner);
        peers.keys().copied().collect()
    }

    /// Ends all connections and frees the port.
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        for kind in [
            MessageKind::Consensus,
            MessageKind::Application,
            MessageKind::Bulk,
            MessageKind::Fault,
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
        let Some(link) = self.shared.link(to) else {
            return ready(Err(PeerError::Unreachable(to))).boxed();
        };
        match link.request(frame::lane(kind), request) {
            Ok(awaited) => awaited.boxed(),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    fn reachable(&self, id: MemberId) -> bool {
        id == self.shared.id || self.shared.link(id).is_some()
    }

    fn serve(&self, kind: MessageKind, service: Option<Arc<dyn PeerService>>) {
        self.shared.services.set(kind, service);
    }
}

#[cfg(any(test, feature = "fuzzing"))]
mod fuzz;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use fuzz::{frames as fuzz_frames, handshake as fuzz_handshake};

#[cfg(test)]
mod tests;
