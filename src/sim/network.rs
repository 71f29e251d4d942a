//! The way between the members: connections that are late, lose, repeat, reorder, are cut one way or break.
//!
//! *Invariants.* As in `net`, every member dials every other one, its requests go out over that connection and the
//! answers come back on it; when it breaks, those who wait for an answer learn it, and what was under way arrives up to
//! some point and no further. A request is polled once on arrival, in the order of arrival. Loss, repetition and
//! reordering are more than TCP would do: Raft and the request ids must bear them all the same.

use super::world::{self, Owner, SIMULATION, Timer};
use crate::{
    consensus::{MessageKind, PeerError, PeerService, Transport},
    types::MemberId,
};
use alloy::primitives::Bytes;
use futures::{
    FutureExt,
    channel::oneshot,
    future::{BoxFuture, ready},
    task::noop_waker_ref,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

/// Packets held by a cut at the most; what is more is lost.
const HELD_MAX: usize = 10_000;

type Answer = Result<Bytes, PeerError>;
type Pair = (MemberId, MemberId);

/// How the network behaves as a rule.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// The least time on the way, microseconds.
    pub(super) latency_min_us: u64,
    /// The longest time on the way, microseconds.
    pub(super) latency_max_us: u64,
    /// Packets of a thousand that are lost.
    pub(super) loss: u64,
    /// Packets of a thousand that come twice.
    pub(super) repeat: u64,
    /// Packets of a thousand that may overtake others.
    pub(super) reorder: u64,
}

#[derive(Clone)]
enum Body {
    Request(MessageKind, Bytes),
    Answer(Answer),
}

#[derive(Clone)]
struct Packet {
    from: MemberId,
    to: MemberId,
    /// Who dialled, and whom.
    connection: Pair,
    epoch: u64,
    id: u64,
    body: Body,
}

#[derive(Default)]
struct Endpoint {
    /// `None`: it does not run.
    owner: Option<Owner>,
    services: [Option<Arc<dyn PeerService>>; 4],
    /// What came while it stood still.
    backlog: Vec<Packet>,
}

/// One way between two members.
#[derive(Default)]
struct Direction {
    cut: bool,
    slow_us: u64,
    last_arrival: Duration,
    held: Vec<Packet>,
}

#[derive(Default)]
struct Connection {
    up: bool,
    epoch: u64,
    down_until: Duration,
    /// Until when packets of the broken connections before may still arrive.
    arrives_until: Duration,
    waiting: BTreeMap<u64, oneshot::Sender<Answer>>,
}

#[derive(Default)]
struct Inner {
    weather: Weather,
    endpoints: BTreeMap<MemberId, Endpoint>,
    directions: BTreeMap<Pair, Direction>,
    connections: BTreeMap<Pair, Connection>,
    next_id: u64,
}

/// The network of a run. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Network(Arc<Mutex<Inner>>);

/// The network as one life of a member sees it.
pub(super) struct SimTransport {
    pub(super) network: Network,
    pub(super) owner: Owner,
}

fn slot(kind: MessageKind) -> usize {
    match kind {
        MessageKind::Consensus => 0,
        MessageKind::Bulk => 1,
        MessageKind::Application => 2,
        MessageKind::Fault => 3,
    }
}

impl Inner {
    fn alive(&self, id: MemberId) -> Option<Owner> {
        self.endpoints.get(&id).and_then(|endpoint| endpoint.owner)
    }

    fn is_cut(&self, from: MemberId, to: MemberId) -> bool {
        self.directions
            .get(&(from, to))
            .is_some_and(|direction| direction.cut)
    }

    /// The connection, dialled anew if it was broken and can be.
    fn connected(&mut self, pair: Pair) -> Option<&mut Connection> {
        let possible = self.alive(pair.1).is_some()
            && !self.is_cut(pair.0, pair.1)
            && !self.is_cut(pair.1, pair.0);
        let connection = self.connections.entry(pair).or_default();
        if !connection.up && possible && world::now() >= connection.down_until {
            connection.up = true;
            connection.epoch += 1;
        }
        connection.up.then_some(connection)
    }

    /// Breaks a connection. What is under way may arrive for a moment more; those who wait are given back.
    fn reset(&mut self, pair: Pair) -> BTreeMap<u64, oneshot::Sender<Answer>> {
        let latency_us = self.weather.latency_max_us;
        let connection = self.connections.entry(pair).or_default();
        if connection.up {
            let (still_us, pause_us) = world::random(|random| {
                (
                    random.below(2 * latency_us + 1),
                    random.range(5_000, 60_000),
                )
            });
            connection.up = false;
            connection.arrives_until = world::now() + Duration::from_micros(still_us);
            connection.down_until = world::now() + Duration::from_micros(pause_us);
        }
        std::mem::take(&mut connection.waiting)
    }

    /// When a packet arrives that is sent now.
    fn arrival(&mut self, pair: Pair) -> Duration {
        let weather = self.weather;
        let direction = self.directions.entry(pair).or_default();
        let (latency_us, overtakes) = world::random(|random| {
            let latency = random.range(weather.latency_min_us, weather.latency_max_us + 1);
            (latency, random.chance(weather.reorder))
        });
        let at = world::now() + Duration::from_micros(latency_us + direction.slow_us);
        if overtakes {
            return at;
        }
        let at = at.max(direction.last_arrival + Duration::from_nanos(1));
        direction.last_arrival = at;
        at
    }
}

impl Network {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A network that behaves so.
    pub(super) fn new(weather: Weather) -> Self {
        let network = Self::default();
        network.lock().weather = weather;
        network
    }

    /// From now on it behaves so.
    pub(super) fn set_weather(&self, weather: Weather) {
        self.lock().weather = weather;
    }

    /// A member begins to run.
    pub(super) fn join(&self, owner: Owner) {
        let mut inner = self.lock();
        let endpoint = inner.endpoints.entry(owner.node).or_default();
        *endpoint = Endpoint {
            owner: Some(owner),
            ..Endpoint::default()
        };
        drop(inner);
        // Whoever still waited on a connection to its life before learns that it is gone.
        self.break_all(owner.node);
    }

    /// A member has ended. With `silently` (its power is gone) its peers only learn it later.
    pub(super) fn leave(&self, id: MemberId, silently: bool) {
        let services = {
            let mut inner = self.lock();
            inner.endpoints.insert(id, Endpoint::default())
        };
        drop(services);
        if !silently {
            self.break_all(id);
        }
    }

    fn others(&self, id: MemberId) -> Vec<MemberId> {
        let inner = self.lock();
        let others = inner.endpoints.keys().filter(|other| **other != id);
        others.copied().collect()
    }

    /// Breaks all connections of a member.
    pub(super) fn break_all(&self, id: MemberId) {
        for other in self.others(id) {
            self.reset(id, other);
            self.reset(other, id);
        }
    }

    /// Breaks the connection that `dialer` has to `target`.
    pub(super) fn reset(&self, dialer: MemberId, target: MemberId) {
        let waiting = self.lock().reset((dialer, target));
        // Outside of the lock: their owners are woken.
        drop(waiting);
    }

    /// Lets nothing more through that way. What is sent is held until it is healed, or lost then.
    pub(super) fn cut(&self, from: MemberId, to: MemberId) {
        self.lock().directions.entry((from, to)).or_default().cut = true;
    }

    /// Lets packets through again; what was held comes now, unless the connection breaks.
    pub(super) fn heal(&self, from: MemberId, to: MemberId) {
        let held = {
            let mut inner = self.lock();
            let direction = inner.directions.entry((from, to)).or_default();
            if !std::mem::take(&mut direction.cut) {
                return;
            }
            std::mem::take(&mut direction.held)
        };
        if world::random(|random| random.chance(500)) {
            for packet in held {
                self.transmit(&packet);
            }
        } else {
            self.reset(from, to);
            self.reset(to, from);
        }
    }

    /// Makes a way slower by so many microseconds; 0: as before.
    pub(super) fn slow(&self, from: MemberId, to: MemberId, slow_us: u64) {
        self.lock()
            .directions
            .entry((from, to))
            .or_default()
            .slow_us = slow_us;
    }

    /// A member stands still, or goes on: then it gets what came meanwhile.
    pub(super) fn freeze(&self, id: MemberId, still: bool) {
        world::freeze(id, still);
        if still {
            return;
        }
        let backlog = {
            let mut inner = self.lock();
            inner
                .endpoints
                .get_mut(&id)
                .map(|endpoint| std::mem::take(&mut endpoint.backlog))
        };
        for packet in backlog.unwrap_or_default() {
            self.arrive(packet);
        }
    }

    fn send(
        &self,
        from: Owner,
        to: MemberId,
        kind: MessageKind,
        request: Bytes,
    ) -> BoxFuture<'static, Answer> {
        let (sender, answer) = oneshot::channel();
        let packet = {
            let mut inner = self.lock();
            let pair = (from.node, to);
            inner.next_id += 1;
            let id = inner.next_id;
            let is_own = inner.alive(from.node) == Some(from);
            let Some(connection) = inner.connected(pair).filter(|_| is_own) else {
                return ready(Err(PeerError::Unreachable(to))).boxed();
            };
            connection.waiting.insert(id, sender);
            Packet {
                from: from.node,
                to,
                connection: pair,
                epoch: connection.epoch,
                id,
                body: Body::Request(kind, request),
            }
        };
        self.transmit(&packet);
        answer
            .map(move |answer| answer.unwrap_or(Err(PeerError::Lost(to))))
            .boxed()
    }

    fn transmit(&self, packet: &Packet) {
        let mut inner = self.lock();
        let weather = inner.weather;
        let (lost, repeated) =
            world::random(|random| (random.chance(weather.loss), random.chance(weather.repeat)));
        if lost {
            return;
        }
        let pair = (packet.from, packet.to);
        for _ in 0..=usize::from(repeated) {
            let direction = inner.directions.entry(pair).or_default();
            if direction.cut {
                if direction.held.len() < HELD_MAX {
                    direction.held.push(packet.clone());
                }
                continue;
            }
            let at = inner.arrival(pair);
            let (network, packet) = (self.clone(), packet.clone());
            world::spawn_for(SIMULATION, 0, async move {
                Timer::at(at).await;
                network.arrive(packet);
            });
        }
    }

    fn arrive(&self, packet: Packet) {
        let mut inner = self.lock();
        let connection = inner.connections.entry(packet.connection).or_default();
        let current = connection.up && connection.epoch == packet.epoch;
        let late = !current && world::now() <= connection.arrives_until;
        let Some(owner) = inner.alive(packet.to).filter(|_| current || late) else {
            return;
        };
        if world::is_frozen(owner.node) {
            if let Some(endpoint) = inner.endpoints.get_mut(&packet.to) {
                endpoint.backlog.push(packet);
            }
            return;
        }
        match packet.body {
            Body::Answer(answer) => {
                let connection = inner.connections.entry(packet.connection).or_default();
                let waiting = connection.waiting.remove(&packet.id);
                drop(inner);
                if let Some(waiting) = waiting {
                    // Its caller's time limit may have passed.
                    let _ = waiting.send(answer);
                }
            }
            Body::Request(kind, request) => {
                let service = inner
                    .endpoints
                    .get(&packet.to)
                    .and_then(|endpoint| endpoint.services[slot(kind)].clone());
                drop(inner);
                world::note(
                    "arrive",
                    &[packet.from, packet.to, world::digest(&request)],
                    || {
                        format!(
                            "{} → {}: {kind:?}, {} bytes",
                            packet.from,
                            packet.to,
                            request.len()
                        )
                    },
                );
                let back = Packet {
                    from: packet.to,
                    to: packet.from,
                    body: Body::Answer(Err(PeerError::Refused(packet.to))),
                    ..packet
                };
                match service {
                    Some(service) => self.serve(owner, &service, request, &back),
                    None => self.transmit(&back),
                }
            }
        }
    }

    /// Hands a request over as `net` does: polled once now, the rest in a task of its own.
    fn serve(&self, owner: Owner, service: &Arc<dyn PeerService>, request: Bytes, back: &Packet) {
        let (from, network) = (back.to, self.clone());
        let back = back.clone();
        let answered = move |content| Packet {
            body: Body::Answer(Ok(content)),
            ..back
        };
        world::as_owner(owner, || {
            let mut answer = service.handle(from, request);
            let mut context = Context::from_waker(noop_waker_ref());
            if let Poll::Ready(content) = answer.poll_unpin(&mut context) {
                return network.transmit(&answered(content));
            }
            world::spawn(async move {
                let content = answer.await;
                network.transmit(&answered(content));
            });
        });
    }
}

impl Transport for SimTransport {
    fn send(&self, to: MemberId, kind: MessageKind, request: Bytes) -> BoxFuture<'static, Answer> {
        self.network.send(self.owner, to, kind, request)
    }

    fn reachable(&self, id: MemberId) -> bool {
        let mut inner = self.network.lock();
        inner.connected((self.owner.node, id)).is_some()
    }

    fn serve(&self, kind: MessageKind, service: Option<Arc<dyn PeerService>>) {
        let mut inner = self.network.lock();
        let before = inner
            .endpoints
            .get_mut(&self.owner.node)
            .filter(|endpoint| endpoint.owner == Some(self.owner))
            .and_then(|endpoint| std::mem::replace(&mut endpoint.services[slot(kind)], service));
        drop(inner);
        drop(before);
    }
}
