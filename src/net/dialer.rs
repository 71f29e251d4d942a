//! Connections to the other members: made, watched, made again.
//!
//! *Invariant.* One task a peer, one connection at a time, none once the peer is dismissed. The pause between attempts doubles up to a second, with
//! chance in it, and ends early when the peer connects to us: then it is surely there.

use super::{
    Shared,
    connection::{self, Ended, Link},
    handshake::HandshakeError,
    limits::{HANDSHAKE_TIMEOUT, RECONNECT_MAX, RECONNECT_MIN},
    lock,
    metrics::{NetMetrics, Refusal},
};
use crate::types::{Member, MemberId, PublicKey};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    sync::{Notify, mpsc, watch},
    time::{sleep, timeout},
};

/// A member to dial.
pub(super) struct Peer {
    id: MemberId,
    name: String,
    key: PublicKey,
    address: Mutex<String>,
    link: Mutex<Option<Arc<Link>>>,
    /// The peer has just connected to us.
    seen: Notify,
    /// Turns true when it is a member no more.
    dismissed: watch::Sender<bool>,
}

impl Peer {
    pub(super) fn new(id: MemberId, member: Member) -> Self {
        Self {
            id,
            name: member.name,
            key: member.public_key,
            address: Mutex::new(member.peer_address),
            link: Mutex::default(),
            seen: Notify::new(),
            dismissed: watch::Sender::new(false),
        }
    }

    /// The live connection, if there is one.
    pub(super) fn link(&self) -> Option<Arc<Link>> {
        lock(&self.link).clone()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn id(&self) -> MemberId {
        self.id
    }

    pub(super) fn key(&self) -> PublicKey {
        self.key
    }

    pub(super) fn set_address(&self, address: &str) {
        let mut known = lock(&self.address);
        if *known != address {
            address.clone_into(&mut known);
            self.seen.notify_one();
        }
    }

    /// It is a member no more: its connection ends, and no other is made.
    pub(super) fn dismiss(&self) {
        self.dismissed.send_replace(true);
    }

    pub(super) async fn is_dismissed(&self) {
        let mut dismissed = self.dismissed.subscribe();
        // The sender is in `self`.
        let _ = dismissed.wait_for(|it| *it).await;
    }

    /// The peer has connected to us, so it can be dialled.
    pub(super) fn seen(&self) {
        if self.link().is_none() {
            self.seen.notify_one();
        }
    }
}

/// Keeps a connection to one peer until it is dismissed or the network stops.
pub(super) async fn run(shared: Arc<Shared>, peer: Arc<Peer>, _alive: mpsc::Sender<()>) {
    tokio::select! {
        () = shared.stopped() => {}
        () = peer.is_dismissed() => {}
        () = keep_connected(&shared, &peer) => {}
    }
    if let Some(link) = lock(&peer.link).take() {
        link.close();
    }
}

async fn keep_connected(shared: &Arc<Shared>, peer: &Peer) {
    let mut pause = RECONNECT_MIN;
    let mut told = false;
    loop {
        match connect(shared, peer).await {
            Ok(ended) => {
                pause = RECONNECT_MIN;
                told = false;
                tracing::info!(peer = peer.name, "lost the connection: {ended}");
                if let Ended::Refused(refusal) = ended {
                    shared.metrics.refuse(&peer.name, refusal);
                }
            }
            Err(HandshakeError::Refused(refusal)) => shared.metrics.refuse(&peer.name, refusal),
            Err(HandshakeError::Io(error)) => {
                if !std::mem::replace(&mut told, true) {
                    let address = lock(&peer.address).clone();
                    tracing::info!(peer = peer.name, address, "not connected yet: {error}");
                }
            }
        }
        tokio::select! {
            () = sleep(jittered(pause)) => {}
            () = peer.seen.notified() => {}
        }
        pause = (pause * 2).min(RECONNECT_MAX);
    }
}

/// Connects and stays until the connection ends.
async fn connect(shared: &Arc<Shared>, peer: &Peer) -> Result<Ended, HandshakeError> {
    let address = lock(&peer.address).clone();
    let dial = async {
        let mut stream = TcpStream::connect(&address).await?;
        stream.set_nodelay(true)?;
        let session = shared.identity.initiate(&mut stream, peer.id).await?;
        Ok::<_, HandshakeError>((stream, session))
    };
    let (stream, session) = timeout(HANDSHAKE_TIMEOUT, dial)
        .await
        .map_err(|_| HandshakeError::Refused(Refusal::Silent))??;
    let near = shared.neighbours.find(peer.key, shared.id);
    let link = Link::new(peer.id, near);
    *lock(&peer.link) = Some(Arc::clone(&link));
    NetMetrics::add(&shared.metrics.dialled, 1);
    shared.metrics.welcome(&peer.name);
    tracing::info!(peer = peer.name, "connected");
    let ended = connection::run(
        stream,
        session,
        link,
        &shared.services,
        &shared.metrics,
        shared.message_limit_bytes,
    )
    .await;
    lock(&peer.link).take();
    Ok(ended)
}

/// Between half of `pause` and all of it, so that members which lost each other do not dial in step.
fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}
