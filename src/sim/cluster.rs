//! The simulated cluster and what is done to it: lives begin and end, faults come and heal.
//!
//! *Invariant.* A node that ends of itself does so for a reason that was done to it (its power, its disk); any other
//! reason is a violation.

use super::{
    client,
    history::History,
    ledger::Ledger,
    network::Network,
    node::{self, Common, Hardware, Life, member},
    plan::{Climate, Fault, Operation},
    world::{self, Owner, SIMULATION, Timer},
};
use crate::{
    consensus::FOUNDERS_MAX,
    types::{Member, MemberId},
};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::atomic::Ordering, time::Duration};

/// How often the operator looks after the nodes.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// How long the operator takes to start a node again that ended of itself.
const RESTART_PAUSE: Duration = Duration::from_millis(150);

/// What happened to a disk, for the judgement of a node that stops because of it.
#[derive(Clone, Copy, Debug, Default)]
struct Injured {
    /// It was or is full, or could not be read.
    failing: bool,
    /// A bit was changed.
    flipped: bool,
}

pub(super) struct Node {
    hardware: Hardware,
    life: Option<Life>,
    lives: u64,
    /// When it is to start (again).
    start_at: Option<Duration>,
    /// The life that is being started.
    starting: Option<Owner>,
    injured: Injured,
    /// It lost its disk and has not got everything back.
    amnesic: bool,
}

impl Node {
    /// A node that is about to start.
    pub(super) fn new(id: MemberId) -> Self {
        Self {
            hardware: Hardware::new(id),
            life: None,
            lives: 0,
            start_at: Some(world::now()),
            starting: None,
            injured: Injured::default(),
            amnesic: false,
        }
    }
}

struct Inner {
    common: Common,
    members: BTreeMap<MemberId, Member>,
    nodes: BTreeMap<MemberId, Node>,
    next_id: MemberId,
    /// Which faults were done, how often, for the statistics.
    done: BTreeMap<&'static str, u64>,
    calm: bool,
}

/// A cluster. Clones share it.
#[derive(Clone)]
pub(super) struct Cluster {
    inner: Rc<RefCell<Inner>>,
    pub(super) network: Network,
    pub(super) ledger: Ledger,
    pub(super) history: History,
}

impl Cluster {
    /// A cluster whose nodes are about to start.
    pub(super) fn new(climate: &Climate, common: Common) -> Self {
        let members: BTreeMap<MemberId, Member> =
            (1..=climate.nodes).map(|id| (id, member(id))).collect();
        let nodes = members.keys().map(|id| {
            let node = Node::new(*id);
            node.hardware
                .disk
                .set_faults(|faults| faults.delay_us = climate.disk_delay_us);
            (*id, node)
        });
        let inner = Inner {
            common,
            nodes: nodes.collect(),
            next_id: FOUNDERS_MAX + 1,
            members,
            done: BTreeMap::new(),
            calm: false,
        };
        let cluster = Self {
            inner: Rc::new(RefCell::new(inner)),
            network: Network::new(climate.weather),
            ledger: Ledger::default(),
            history: History::default(),
        };
        world::spawn_for(SIMULATION, 0, cluster.clone().look_after());
        cluster
    }

    /// The running life of a node.
    pub(super) fn life(&self, id: MemberId) -> Option<Life> {
        let inner = self.inner.borrow();
        inner.nodes.get(&id).and_then(|node| node.life.clone())
    }

    /// All members.
    pub(super) fn ids(&self) -> Vec<MemberId> {
        self.inner.borrow().nodes.keys().copied().collect()
    }

    /// A node under a number that nobody had before.
    pub(super) fn insert(&self, node: impl FnOnce(MemberId) -> Node) -> MemberId {
        let mut inner = self.inner.borrow_mut();
        let id = inner.next_id;
        inner.next_id += 1;
        inner.members.insert(id, member(id));
        inner.nodes.insert(id, node(id));
        id
    }

    /// Switches a node off for good.
    pub(super) fn retire(&self, id: MemberId) {
        world::note("retire", &[id], || format!("node {id}"));
        self.end(id, true, Duration::ZERO);
        let mut inner = self.inner.borrow_mut();
        inner.members.remove(&id);
        let node = inner.nodes.remove(&id);
        drop(inner);
        drop(node);
    }

    /// How often each kind of fault was done.
    pub(super) fn done(&self) -> BTreeMap<&'static str, u64> {
        self.inner.borrow().done.clone()
    }

    /// A client asks a node, if it runs.
    pub(super) fn ask(&self, id: MemberId, operation: Operation) -> Option<u64> {
        let life = self.life(id)?;
        Some(client::ask(&life, &self.history, operation))
    }

    /// The operator: starts what is to be started, and judges what ended of itself.
    async fn look_after(self) {
        loop {
            for (owner, reason) in world::take_deaths() {
                self.died(owner, &reason);
            }
            let due: Vec<MemberId> = {
                let inner = self.inner.borrow();
                let due = inner
                    .nodes
                    .iter()
                    .filter(|(_, node)| node.start_at.is_some_and(|at| at <= world::now()));
                due.map(|(id, _)| *id).collect()
            };
            for id in due {
                self.start(id);
            }
            self.remember();
            Timer::after(LOOK_INTERVAL).await;
        }
    }

    /// Notes which of the nodes that lost their disks have everything back.
    fn remember(&self) {
        let mut inner = self.inner.borrow_mut();
        for node in inner.nodes.values_mut().filter(|node| node.amnesic) {
            if let Some(life) = &node.life
                && life.consensus.status().votes
            {
                node.amnesic = false;
            }
        }
    }

    fn died(&self, owner: Owner, reason: &str) {
        let known = {
            let inner = self.inner.borrow();
            inner.nodes.get(&owner.node).is_some_and(|node| {
                node.starting == Some(owner)
                    || node.life.as_ref().is_some_and(|life| life.owner == owner)
            })
        };
        if !known {
            return;
        }
        world::note("died", &[owner.node], || {
            format!("node {}: {reason}", owner.node)
        });
        self.judge(owner.node, reason);
        self.end(owner.node, false, RESTART_PAUSE);
    }

    /// Whether a node may stop for that reason.
    fn judge(&self, id: MemberId, reason: &str) {
        let mut inner = self.inner.borrow_mut();
        let Some(node) = inner.nodes.get_mut(&id) else {
            return;
        };
        let injured = node.injured;
        let by_power = reason.contains("the power") || reason == "power";
        let by_disk = injured.failing
            && ["no space", "cannot be read", "sector", "store failed"]
                .iter()
                .any(|words| reason.contains(words));
        let by_bit = injured.flipped && reason.contains("damaged");
        if by_bit {
            // What the message tells its owner to do.
            node.hardware.disk.wipe();
            node.hardware.tables = std::sync::Arc::default();
            node.amnesic = true;
            node.injured.flipped = false;
        }
        if !(by_power || by_disk || by_bit) {
            drop(inner);
            self.ledger
                .violated(format!("node {id} stopped of itself: {reason}"));
        }
    }

    /// Ends a node's life, and plans the next one.
    fn end(&self, id: MemberId, kept: bool, pause: Duration) {
        let (owner, dead) = {
            let mut inner = self.inner.borrow_mut();
            let Some(node) = inner.nodes.get_mut(&id) else {
                return;
            };
            node.start_at = Some(world::now() + pause);
            let starting = node.starting.take();
            let life = node.life.take();
            let owner = starting.or_else(|| life.as_ref().map(|life| life.owner));
            node.hardware.disk.crash(kept);
            (owner, life)
        };
        self.network.freeze(id, false);
        self.network.leave(id, !kept);
        if let Some(owner) = owner {
            world::kill(owner);
        }
        drop(dead);
    }

    /// Starts a node.
    fn start(&self, id: MemberId) {
        let (common, hardware, members, owner) = {
            let mut inner = self.inner.borrow_mut();
            let (common, members) = (inner.common.clone(), inner.members.clone());
            let Some(node) = inner.nodes.get_mut(&id) else {
                return;
            };
            node.start_at = None;
            if node.life.is_some() || node.starting.is_some() {
                return;
            }
            node.lives += 1;
            let owner = Owner {
                node: id,
                life: node.lives,
            };
            node.starting = Some(owner);
            (common, node.hardware.clone(), members, owner)
        };
        world::note("start", &[id, owner.life], || {
            format!("node {id} begins life {}", owner.life)
        });
        let cluster = self.clone();
        let starting = node::start(
            common,
            hardware,
            members,
            owner,
            self.network.clone(),
            self.ledger.clone(),
        );
        world::spawn_for(owner, 0, async move {
            match starting.await {
                Ok(life) => {
                    let mut inner = cluster.inner.borrow_mut();
                    if let Some(node) = inner.nodes.get_mut(&id) {
                        node.starting = None;
                        node.life = Some(life);
                    }
                }
                Err(reason) => world::doom(owner, format!("it cannot start: {reason}")),
            }
        });
    }

    fn later(&self, pause_ms: u64, work: impl FnOnce(&Self) + 'static) {
        let cluster = self.clone();
        world::spawn_for(SIMULATION, 0, async move {
            Timer::after(Duration::from_millis(pause_ms)).await;
            work(&cluster);
        });
    }

    fn count(&self, name: &'static str) {
        *self.inner.borrow_mut().done.entry(name).or_default() += 1;
    }

    /// Whether a node's disk may be taken from it: no other one may be without its memory at that time. Nor may those that
    /// are left be too few for a majority, by what each of them knows of the voters: a leader knows of changes that can
    /// be lost with it. What a node knows that is not running is only known where the voters never change.
    fn may_forget(&self, id: MemberId) -> bool {
        let changes = {
            let inner = self.inner.borrow();
            ["member added", "member removed"]
                .iter()
                .any(|name| inner.done.contains_key(name))
        };
        let knows_enough = |id: MemberId| match self.life(id) {
            Some(life) => {
                let mut voters = life.consensus.voters_by_config().into_iter();
                voters.all(|count| count > 2)
            }
            None => !changes,
        };
        self.leading().is_some()
            && self.ids().into_iter().all(knows_enough)
            && self.all_remember(id)
    }

    /// Whether no node but that one is without its memory.
    pub(super) fn all_remember(&self, but: MemberId) -> bool {
        let inner = self.inner.borrow();
        let others = inner.nodes.iter().filter(|(id, _)| **id != but);
        others
            .into_iter()
            .all(|(_, node)| !node.amnesic && !node.injured.flipped)
    }

    fn with_node(&self, id: MemberId, work: impl FnOnce(&mut Node)) {
        if let Some(node) = self.inner.borrow_mut().nodes.get_mut(&id) {
            work(node);
        }
    }

    fn disk(&self, id: MemberId, change: impl FnOnce(&mut super::disk::DiskFaults)) {
        self.with_node(id, |node| {
            node.injured.failing = true;
            node.hardware.disk.set_faults(change);
        });
    }

    fn cut_both(&self, one: MemberId, other: MemberId, ms: u64) {
        if one == other {
            return;
        }
        self.network.cut(one, other);
        self.network.cut(other, one);
        self.later(ms, move |cluster| {
            cluster.network.heal(one, other);
            cluster.network.heal(other, one);
        });
    }

    /// Does what a fault says.
    pub(super) fn strike(&self, fault: Fault) {
        if self.inner.borrow().calm {
            return;
        }
        world::note("fault", &[], || format!("{fault:?}"));
        self.count(name(&fault));
        match fault {
            Fault::Kill(id, ms) => self.end(id, true, Duration::from_millis(ms)),
            Fault::PowerLoss(id, ms) => self.end(id, false, Duration::from_millis(ms)),
            Fault::PowerLossAt(id, operations) => self.with_node(id, |node| {
                node.hardware
                    .disk
                    .set_faults(|faults| faults.power_fails_in = Some(operations));
            }),
            Fault::Freeze(id, ms) => {
                self.network.freeze(id, true);
                self.later(ms, move |cluster| cluster.network.freeze(id, false));
            }
            Fault::Cut(from, to, ms) => {
                self.network.cut(from, to);
                self.later(ms, move |cluster| cluster.network.heal(from, to));
            }
            Fault::Isolate(id, ms) => {
                for other in self.ids() {
                    self.cut_both(id, other, ms);
                }
            }
            Fault::Split(sides, ms) => {
                let ids = self.ids();
                for (at, one) in ids.iter().enumerate() {
                    for (other_at, other) in ids.iter().enumerate().skip(at + 1) {
                        if (sides >> at) & 1 != (sides >> other_at) & 1 {
                            self.cut_both(*one, *other, ms);
                        }
                    }
                }
            }
            Fault::Ambush(variant) => self.ambush(variant),
            Fault::Reset(from, to) => self.network.reset(from, to),
            Fault::Slow(from, to, us, ms) => {
                self.network.slow(from, to, us);
                self.later(ms, move |cluster| cluster.network.slow(from, to, 0));
            }
            _ => self.strike_node(fault),
        }
    }

    /// What happens to one node's disk, clock or role.
    fn strike_node(&self, fault: Fault) {
        match fault {
            Fault::DiskFull(id, ms) => {
                self.disk(id, |faults| faults.full = true);
                self.later(ms, move |it| it.disk(id, |faults| faults.full = false));
            }
            Fault::BadReads(id, ms) => {
                self.disk(id, |faults| faults.bad_reads = 100);
                self.later(ms, move |it| it.disk(id, |faults| faults.bad_reads = 0));
            }
            Fault::SlowDisk(id, us, ms) => {
                self.with_node(id, |node| {
                    node.hardware.disk.set_faults(|faults| faults.delay_us = us);
                });
                self.later(ms, move |it| {
                    it.with_node(id, |node| {
                        node.hardware.disk.set_faults(|faults| faults.delay_us = 0);
                    });
                });
            }
            Fault::Wipe(id, ms) if self.may_forget(id) => {
                self.end(id, true, Duration::from_millis(ms));
                self.with_node(id, |node| {
                    node.hardware.disk.wipe();
                    node.hardware.tables = std::sync::Arc::default();
                    node.amnesic = true;
                });
            }
            Fault::BitFlip(id, ms) if self.may_forget(id) => {
                self.end(id, true, Duration::from_millis(ms));
                self.with_node(id, |node| {
                    node.injured.flipped |= node.hardware.disk.flip();
                });
            }
            Fault::Clock(id, ms) => self.with_node(id, |node| {
                node.hardware.clock_ms.fetch_add(ms, Ordering::Relaxed);
            }),
            Fault::Transfer(to) => {
                for id in self.ids() {
                    let Some(life) = self.life(id) else { continue };
                    if life.consensus.leader().leader == Some(id) && id != to {
                        world::spawn_for(life.owner, 0, async move {
                            // Whether it comes to that is the engine's business.
                            let _ = life.consensus.transfer_leader(to).await;
                        });
                    }
                }
            }
            Fault::Grow => self.grow(),
            Fault::TakeOut(id) => self.take_out(id),
            Fault::Checkpoint(id) => {
                if let Some(life) = self.life(id) {
                    world::spawn_for(life.owner, 0, async move {
                        // A node that stops meanwhile takes none.
                        let _ = life.consensus.trigger_checkpoint().await;
                    });
                }
            }
            _ => {}
        }
    }

    /// Ends all faults: everything is healed and runs.
    pub(super) fn calm(&self, climate: &Climate) {
        self.inner.borrow_mut().calm = true;
        let weather = super::network::Weather {
            loss: 0,
            repeat: 0,
            reorder: 0,
            ..climate.weather
        };
        self.network.set_weather(weather);
        let ids = self.ids();
        for one in &ids {
            self.network.freeze(*one, false);
            // A lost packet without a broken connection is more than TCP would do: nobody waits for it for ever.
            self.network.break_all(*one);
            for other in &ids {
                self.network.heal(*one, *other);
                self.network.slow(*one, *other, 0);
            }
            self.with_node(*one, |node| {
                node.hardware.disk.set_faults(|faults| {
                    *faults = super::disk::DiskFaults {
                        delay_us: faults.delay_us.min(4_000),
                        ..super::disk::DiskFaults::default()
                    };
                });
                node.start_at = node.start_at.map(|at| at.min(world::now()));
            });
        }
    }
}

fn name(fault: &Fault) -> &'static str {
    match fault {
        Fault::Kill(..) => "kill",
        Fault::PowerLoss(..) => "power loss",
        Fault::PowerLossAt(..) => "power loss in a write",
        Fault::Freeze(..) => "freeze",
        Fault::Cut(..) => "one-way cut",
        Fault::Isolate(..) => "isolation",
        Fault::Split(..) => "split",
        Fault::Reset(..) => "reset",
        Fault::Slow(..) => "slow link",
        Fault::DiskFull(..) => "full disk",
        Fault::BadReads(..) => "bad reads",
        Fault::SlowDisk(..) => "slow disk",
        Fault::Wipe(..) => "wipe",
        Fault::BitFlip(..) => "bit flip",
        Fault::Clock(..) => "clock jump",
        Fault::Transfer(..) => "transfer",
        Fault::Checkpoint(..) => "checkpoint",
        Fault::Ambush(..) => "ambush",
        Fault::Grow => "member added",
        Fault::TakeOut(..) => "member removed",
    }
}
