//! What a run will do, drawn from its seed before it begins: a list of moments, each with a client's operation or a fault.
//!
//! *Invariant.* A moment's content does not depend on what happens before it, so leaving others out (to make a failing
//! run smaller) leaves it as it is.

use super::{network::Weather, random::Random};
use crate::{consensus::ConsensusConfig, storage::log::Sizes, types::MemberId};
use std::{fmt, time::Duration};

/// Keys of notes that clients write and read.
pub(super) const KEYS: u64 = 3;
/// Accounts that the nodes hold.
pub(super) const ACCOUNTS: u64 = 3;
/// The largest cluster.
pub(super) const NODES_MAX: u64 = 7;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Writes a value of its own under the key.
    Push(u64),
    /// Reads a key, and where the chain stands.
    Get(u64),
    /// Sends a transaction of an account, which the leader gives its nonce.
    Send(u64, u64),
    /// Sends a transaction that the client signed with the nonce that it read.
    SendSigned(u64, u64),
    /// Mines so many blocks.
    Mine(u64),
    /// Adds to an account's balance.
    AddBalance(u64, u64),
    /// Sets a slot.
    SetStorage(u64, u64),
    /// Moves the chain's clock.
    IncreaseTime(i64),
    /// Takes a snapshot.
    Snapshot,
    /// Goes back to that snapshot, if it lives.
    Revert(u64),
    /// Switches automine.
    Automine(bool),
}

/// What goes wrong, or is done to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process ends, and starts again after so many milliseconds.
    Kill(MemberId, u64),
    /// The power fails, and comes back.
    PowerLoss(MemberId, u64),
    /// The power fails at the n-th operation of the disk from now.
    PowerLossAt(MemberId, u64),
    /// The process stands still for so many milliseconds.
    Freeze(MemberId, u64),
    /// Nothing gets from the one to the other for so long.
    Cut(MemberId, MemberId, u64),
    /// A member is cut off both ways.
    Isolate(MemberId, u64),
    /// The cluster falls into two parts (bit n: where member n is).
    Split(u64, u64),
    /// A connection breaks.
    Reset(MemberId, MemberId),
    /// A way is so many microseconds slower, for so many milliseconds.
    Slow(MemberId, MemberId, u64, u64),
    /// The disk is full for so long.
    DiskFull(MemberId, u64),
    /// Some reads fail for so long.
    BadReads(MemberId, u64),
    /// Writes take up to so many microseconds longer, for so many milliseconds.
    SlowDisk(MemberId, u64, u64),
    /// The process ends, its disk is lost, and it starts again with an empty one.
    Wipe(MemberId, u64),
    /// The process ends, a bit on its disk changes, and it starts again.
    BitFlip(MemberId, u64),
    /// The calendar jumps by so many milliseconds.
    Clock(MemberId, i64),
    /// The leader is asked to hand its leadership to this member.
    Transfer(MemberId),
    /// This member takes a checkpoint.
    Checkpoint(MemberId),
    /// A leader is cut off until it is none any more; when it is back, the others are gone: one for a while, one with
    /// its disk.
    Ambush(u64),
    /// A new member is added and promoted.
    Grow,
    /// This member is taken out for good.
    TakeOut(MemberId),
}

/// A moment of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Ask(MemberId, Operation),
    Fault(Fault),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(node, operation) => write!(f, "node {node}: {operation:?}"),
            Self::Fault(fault) => write!(f, "{fault:?}"),
        }
    }
}

/// What kind of world it is.
#[derive(Clone, Debug)]
pub(super) struct Climate {
    pub(super) nodes: u64,
    pub(super) weather: Weather,
    pub(super) consensus: ConsensusConfig,
    pub(super) sizes: Sizes,
    pub(super) disk_delay_us: u64,
    /// How long a write or a read may wait for a leader, milliseconds.
    pub(super) timeout_ms: u64,
}

/// A run before it begins.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) climate: Climate,
    /// Moments since the beginning, in order.
    pub(super) steps: Vec<(Duration, Step)>,
}

impl Climate {
    fn draw(random: &mut Random) -> Self {
        let nodes = *random
            .one_of(&[1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 7])
            .unwrap_or(&3);
        let lossy = random.chance(300);
        let per_mille = |random: &mut Random, most| if lossy { random.below(most) } else { 0 };
        let latency_min_us = random.range(20, 500);
        let checkpoint_every_entries = random.range(8, 60);
        Self {
            nodes,
            weather: Weather {
                latency_min_us,
                latency_max_us: latency_min_us
                    + *random.one_of(&[50, 500, 3_000, 12_000]).unwrap_or(&50),
                loss: per_mille(random, 40),
                repeat: per_mille(random, 40),
                reorder: per_mille(random, 60),
            },
            consensus: ConsensusConfig {
                checkpoint_every_entries,
                keep_entries: random.range(0, checkpoint_every_entries),
                shared_clock: random.chance(500),
                ..ConsensusConfig::default()
            },
            sizes: Sizes {
                segment_bytes: usize::try_from(random.range(8, 40) * 1024).unwrap_or(16_384),
                window_bytes: usize::try_from(random.range(1, 64) * 1024).unwrap_or(16_384),
            },
            timeout_ms: *random.one_of(&[300, 1_000, 2_500]).unwrap_or(&2_500),
            disk_delay_us: *random.one_of(&[0, 0, 300, 4_000]).unwrap_or(&0),
        }
    }
}

impl Plan {
    /// The plan of a seed with so many steps.
    pub(super) fn new(seed: u64, steps: u64) -> Self {
        let mut random = Random::new(seed, 2);
        let climate = Climate::draw(&mut random);
        // Which faults there are at all: a run with all of them at once hardly gets anywhere.
        let kinds: Vec<u64> = (0..FAULT_KINDS).filter(|_| random.chance(350)).collect();
        let faults = if kinds.is_empty() {
            0
        } else {
            *random.one_of(&[80, 200, 350]).unwrap_or(&200)
        };
        let pause_us = *random.one_of(&[5_000, 20_000, 50_000]).unwrap_or(&20_000);
        let mut at = Duration::from_millis(random.range(200, 900));
        let mut list = Vec::new();
        for number in 0..steps {
            let mut random = Random::new(seed, 1_000 + number);
            let step = if random.chance(faults) {
                let kind = random.one_of(&kinds).copied().unwrap_or_default();
                Step::Fault(fault(&mut random, kind, climate.nodes))
            } else {
                let node = random.range(1, climate.nodes + 1);
                Step::Ask(node, operation(&mut random))
            };
            list.push((at, step));
            at += Duration::from_micros(random.below(2 * pause_us));
            if random.chance(20) {
                at += Duration::from_millis(random.range(200, 700));
            }
        }
        Self {
            climate,
            steps: list,
        }
    }
}

fn operation(random: &mut Random) -> Operation {
    let (key, account) = (random.below(KEYS), random.below(ACCOUNTS));
    match random.below(100) {
        0..25 => Operation::Push(key),
        25..55 => Operation::Get(key),
        55..65 => Operation::Send(account, random.range(1, 1000)),
        65..72 => Operation::SendSigned(account, random.range(1, 1000)),
        72..77 => Operation::Mine(random.range(1, 3)),
        77..85 => Operation::AddBalance(account, random.range(1, 1000)),
        85..88 => Operation::SetStorage(account, random.next()),
        88..90 => Operation::IncreaseTime(random.range(0, 100).cast_signed()),
        90..94 => Operation::Snapshot,
        94..97 => Operation::Revert(random.range(1, 6)),
        _ => Operation::Automine(random.chance(700)),
    }
}

/// How many kinds of faults [`fault`] knows.
const FAULT_KINDS: u64 = 20;

fn fault(random: &mut Random, kind: u64, nodes: u64) -> Fault {
    let node = random.range(1, nodes + 1);
    let other = random.range(1, nodes + 1);
    let short_ms = random.range(1, 150);
    let long_ms = random.range(50, 1_500);
    match kind {
        0 => Fault::Kill(node, long_ms),
        1 => Fault::PowerLoss(node, long_ms),
        2 => Fault::PowerLossAt(node, random.below(40)),
        3 => Fault::Freeze(
            node,
            *random.one_of(&[short_ms, long_ms]).unwrap_or(&long_ms),
        ),
        4 => Fault::Cut(node, other, long_ms),
        5 => Fault::Isolate(node, long_ms),
        6 => Fault::Split(random.below(1 << (NODES_MAX + 1)), long_ms),
        7 => Fault::Reset(node, other),
        8 => Fault::Slow(node, other, random.range(1_000, 200_000), long_ms),
        9 => Fault::DiskFull(node, long_ms),
        10 => Fault::BadReads(node, long_ms),
        11 => Fault::SlowDisk(node, random.range(500, 60_000), long_ms),
        12 => Fault::Wipe(node, long_ms),
        13 => Fault::BitFlip(node, long_ms),
        14 => Fault::Clock(node, random.range(0, 600_000).cast_signed() - 300_000),
        15 => Fault::Transfer(node),
        16 => Fault::Checkpoint(node),
        17 => Fault::Grow,
        18 => Fault::Ambush(random.next()),
        _ => Fault::TakeOut(node),
    }
}
