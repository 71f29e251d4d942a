//! The faults of one node at this moment.
//!
//! *Invariant.* A fault past its limit is none, whether or not anybody has taken it out.

use super::order::{EdgeFault, Order};
use crate::types::MemberId;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::watch, time::sleep_until};

/// Something until a moment.
#[derive(Clone, Copy, Debug)]
struct Timed<T> {
    what: T,
    until: Instant,
}

impl<T: Copy> Timed<T> {
    fn at(&self, now: Instant) -> Option<T> {
        (now < self.until).then_some(self.what)
    }
}

/// What happens to messages to one member.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    cut: Option<Timed<()>>,
    delay: Option<Timed<(u64, u64)>>,
    drop: Option<Timed<u16>>,
}

/// What happens to the next message to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Sent,
    Cut,
    /// By so many milliseconds, and up to so many more.
    Delayed(u64, u64),
    /// Of 1,000 so many are lost.
    Lossy(u16),
}

/// See the module.
#[derive(Clone, Debug, Default)]
struct Table {
    links: BTreeMap<MemberId, Link>,
    pause: Option<Timed<()>>,
    edge: Option<Timed<EdgeFault>>,
    lag: Option<Timed<u64>>,
}

/// The faults of one node. Clones share them.
#[derive(Clone, Debug)]
pub struct Faults(Arc<watch::Sender<Table>>);

impl Default for Faults {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Table::default())))
    }
}

impl Faults {
    /// Does what an order says to this node; [`Order::Kill`] and [`Order::List`] are not for here.
    pub(super) fn obey(&self, order: &Order, now: Instant) {
        self.0.send_modify(|table| table.obey(order, now));
    }

    /// What is there now, with what is left of each limit.
    pub(super) fn active(&self, now: Instant) -> Vec<Order> {
        self.0.borrow().active(now)
    }

    pub(super) fn fate(&self, to: MemberId) -> Fate {
        self.0.borrow().fate(to, Instant::now())
    }

    pub(super) fn is_cut(&self, peer: MemberId) -> bool {
        self.fate(peer) == Fate::Cut
    }

    pub(super) fn is_paused(&self) -> bool {
        self.0.borrow().pause_end(Instant::now()).is_some()
    }

    /// What clients get instead of answers.
    pub fn edge(&self) -> Option<EdgeFault> {
        self.0.borrow().edge.and_then(|it| it.at(Instant::now()))
    }

    /// Whether clients' requests are not just answered.
    pub fn hold_clients(&self) -> bool {
        self.edge().is_some() || self.is_paused()
    }

    /// How many blocks behind clients are to be.
    pub fn lag(&self) -> Option<u64> {
        self.0.borrow().lag.and_then(|it| it.at(Instant::now()))
    }

    /// Resolves when clients may be answered: the node is not paused and does not hang.
    pub async fn answering(&self) {
        self.until(|table, now| {
            let hangs = |it: Timed<EdgeFault>| it.at(now) == Some(EdgeFault::Hang);
            let hang = table.edge.filter(|it| hangs(*it)).map(|it| it.until);
            hang.max(table.pause_end(now))
        })
        .await;
    }

    /// Resolves when `WebSocket`s are to be closed.
    pub async fn websockets_closed(&self) {
        let mut tables = self.0.subscribe();
        let closed = |table: &Table| {
            let edge = table.edge.and_then(|it| it.at(Instant::now()));
            edge == Some(EdgeFault::CloseWebSockets)
        };
        if tables.wait_for(closed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Resolves when the node is not paused.
    pub(super) async fn resumed(&self) {
        self.until(Table::pause_end).await;
    }

    /// Resolves when nothing cuts the member off.
    pub(super) async fn joined(&self, peer: MemberId) {
        self.until(|table, now| table.cut_end(peer, now)).await;
    }

    /// Resolves when the member is cut off.
    pub(super) async fn cut(&self, peer: MemberId) {
        let mut tables = self.0.subscribe();
        let is_cut = |table: &Table| table.cut_end(peer, Instant::now()).is_some();
        if tables.wait_for(is_cut).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Resolves at the end of a delay, or when messages to the member are delayed no longer.
    pub(super) async fn delayed(&self, to: MemberId, due: Instant) {
        self.until(|table, now| {
            let delay = table.links.get(&to).and_then(|link| link.delay)?;
            let end = delay.until.min(due);
            (now < end).then_some(end)
        })
        .await;
    }

    /// Resolves with the next change of the table.
    pub(super) fn changes(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut tables = self.0.subscribe();
        tables.mark_unchanged();
        async move {
            // The sender cannot be gone before those who hold it.
            let _ = tables.changed().await;
        }
    }

    /// Waits until `end` gives nothing: either because of an order, or because the moment that it gives is over.
    async fn until(&self, end: impl Fn(&Table, Instant) -> Option<Instant>) {
        let mut tables = self.0.subscribe();
        loop {
            let Some(end) = end(&tables.borrow_and_update(), Instant::now()) else {
                return;
            };
            tokio::select! {
                changed = tables.changed() => if changed.is_err() {
                    return;
                },
                () = sleep_until(end.into()) => {}
            }
        }
    }
}

fn until<T>(what: T, now: Instant, limit_ms: u64) -> Timed<T> {
    Timed {
        what,
        until: now + Duration::from_millis(limit_ms),
    }
}

impl Table {
    fn obey(&mut self, order: &Order, now: Instant) {
        match order {
            Order::Cut { peers, limit_ms } => {
                for link in self.links.values_mut() {
                    link.cut = None;
                }
                for peer in peers {
                    self.link(*peer).cut = Some(until((), now, *limit_ms));
                }
            }
            Order::Delay {
                peers,
                delay_ms,
                jitter_ms,
                limit_ms,
            } => {
                for peer in peers {
                    self.link(*peer).delay = Some(until((*delay_ms, *jitter_ms), now, *limit_ms));
                }
            }
            Order::Drop {
                peers,
                per_mille,
                limit_ms,
            } => {
                for peer in peers {
                    self.link(*peer).drop = Some(until(*per_mille, now, *limit_ms));
                }
            }
            Order::Pause { limit_ms } => self.pause = Some(until((), now, *limit_ms)),
            Order::Resume => self.pause = None,
            Order::Edge { fault, limit_ms } => self.edge = Some(until(*fault, now, *limit_ms)),
            Order::Lag { blocks, limit_ms } => self.lag = Some(until(*blocks, now, *limit_ms)),
            Order::Heal => *self = Self::default(),
            Order::Kill | Order::List => {}
        }
    }

    fn link(&mut self, peer: MemberId) -> &mut Link {
        self.links.entry(peer).or_default()
    }

    fn fate(&self, to: MemberId, now: Instant) -> Fate {
        let Some(link) = self.links.get(&to) else {
            return Fate::Sent;
        };
        if link.cut.and_then(|it| it.at(now)).is_some() {
            return Fate::Cut;
        }
        if let Some(per_mille) = link.drop.and_then(|it| it.at(now)) {
            return Fate::Lossy(per_mille);
        }
        match link.delay.and_then(|it| it.at(now)) {
            Some((delay_ms, jitter_ms)) => Fate::Delayed(delay_ms, jitter_ms),
            None => Fate::Sent,
        }
    }

    fn pause_end(&self, now: Instant) -> Option<Instant> {
        self.pause.filter(|it| now < it.until).map(|it| it.until)
    }

    fn cut_end(&self, peer: MemberId, now: Instant) -> Option<Instant> {
        let cut = self.links.get(&peer)?.cut?;
        (now < cut.until).then_some(cut.until)
    }

    fn active(&self, now: Instant) -> Vec<Order> {
        let left = |end: Instant| {
            let left = end.saturating_duration_since(now);
            u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
        };
        let mut orders = Vec::new();
        let cut: Vec<_> = (self.links.iter())
            .filter_map(|(peer, link)| Some((*peer, link.cut.filter(|it| now < it.until)?.until)))
            .collect();
        if let Some((_, end)) = cut.first() {
            orders.push(Order::Cut {
                peers: cut.iter().map(|(peer, _)| *peer).collect(),
                limit_ms: left(*end),
            });
        }
        for (peer, link) in &self.links {
            if let Some(it) = link.delay.filter(|it| now < it.until) {
                orders.push(Order::Delay {
                    peers: vec![*peer],
                    delay_ms: it.what.0,
                    jitter_ms: it.what.1,
                    limit_ms: left(it.until),
                });
            }
            if let Some(it) = link.drop.filter(|it| now < it.until) {
                orders.push(Order::Drop {
                    peers: vec![*peer],
                    per_mille: it.what,
                    limit_ms: left(it.until),
                });
            }
        }
        if let Some(end) = self.pause_end(now) {
            orders.push(Order::Pause {
                limit_ms: left(end),
            });
        }
        if let Some(it) = self.edge.filter(|it| now < it.until) {
            orders.push(Order::Edge {
                fault: it.what,
                limit_ms: left(it.until),
            });
        }
        if let Some(it) = self.lag.filter(|it| now < it.until) {
            orders.push(Order::Lag {
                blocks: it.what,
                limit_ms: left(it.until),
            });
        }
        orders
    }
}
