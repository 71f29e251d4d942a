//! Whole clusters in one thread under a seed, with virtual time: the real consensus, log, chain and replica over a
//! simulated network, simulated disks and simulated clocks; random clients, random faults, and checks all the time.
//!
//! ```text
//!   plan (seed → moments) ─► scenario ─► cluster: nodes' lives, faults ─► what clients are told (history)
//!                                           │  world: tasks, timers, random numbers    │
//!                                           │  network, disk, store                    ▼
//!                                           └► ledger: what every node applied ─────► verdict
//! ```
//!
//! *Invariants.* A run depends on its [`Settings`] alone: the same give the same events, in the same order, at the same
//! virtual times ([`Report::digest`] covers all of them). Nothing of the product is replaced but the edge: sockets, files,
//! clocks, tasks. What a run may find is listed in `ledger`, `verdict`, `cluster` and `scenario`.
//!
//! What is not simulated: RPC, the peers' encryption, redb (its atomic batches are taken for granted), threads.
//!
//! Source: the way in which `FoundationDB` and `TigerBeetle` are tested; openraft's `AsyncRuntime`.

mod ambush;
mod client;
mod cluster;
mod disk;
mod history;
mod ledger;
mod linearizable;
mod members;
mod network;
mod node;
mod plan;
mod random;
mod runtime;
mod scenario;
mod shrink;
mod store;
#[cfg(test)]
mod tests;
mod verdict;
mod world;

use plan::Plan;
pub use shrink::shrink;
use std::{collections::BTreeMap, collections::BTreeSet, fmt, time::Duration};
use world::Stuck;

/// Steps of a run that names none.
pub const STEPS: u64 = 60;

/// What decides a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Everything random comes from here.
    pub seed: u64,
    /// How many operations of clients and faults the plan has.
    pub steps: u64,
    /// The steps that are done; `None`: all.
    pub only: Option<BTreeSet<u64>>,
    /// Whether the report has the last lines of what happened.
    pub keep_trace: bool,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it was.
    pub settings: Settings,
    /// Members of the cluster.
    pub nodes: u64,
    /// Over everything that happened, and when.
    pub digest: u64,
    /// How many events that were.
    pub events: u64,
    /// How long it took, in the cluster's time.
    pub simulated: Duration,
    /// Operations of clients, and how many of them were done.
    pub operations: (u64, u64),
    /// Entries of the log.
    pub entries: u64,
    /// Copies that nodes got from their peers.
    pub copies: u64,
    /// How often each fault was done.
    pub faults: BTreeMap<&'static str, u64>,
    /// What was wrong, if something was.
    pub violation: Option<String>,
    /// What happened last, if it was to be kept.
    pub trace: Vec<String>,
}

impl Settings {
    /// A run of a seed.
    pub fn new(seed: u64, steps: u64) -> Self {
        Self {
            seed,
            steps,
            only: None,
            keep_trace: false,
        }
    }

    /// The command that does the same run again.
    pub fn command(&self) -> String {
        let mut command = format!("praline sim --seed {} --steps {}", self.seed, self.steps);
        if let Some(only) = &self.only {
            let list: Vec<String> = ranges(only);
            command += " --only ";
            command += &list.join(",");
        }
        command
    }
}

/// Numbers as `1,4-7`.
fn ranges(numbers: &BTreeSet<u64>) -> Vec<String> {
    let mut list: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match list.last_mut() {
            Some((_, end)) if *end + 1 == *number => *end = *number,
            _ => list.push((*number, *number)),
        }
    }
    let text = |(start, end): (u64, u64)| {
        if start == end {
            start.to_string()
        } else {
            format!("{start}-{end}")
        }
    };
    list.into_iter().map(text).collect()
}

/// Does a run.
pub fn run(settings: &Settings) -> Report {
    let mut plan = Plan::new(settings.seed, settings.steps);
    if let Some(only) = &settings.only {
        let mut number = 0;
        plan.steps.retain(|_| {
            number += 1;
            only.contains(&number)
        });
    }
    carry_out(settings, plan)
}

/// Does what a plan says; `settings` gives the random numbers of the world, and what is told of them.
fn carry_out(settings: &Settings, plan: Plan) -> Report {
    let nodes = plan.climate.nodes;
    let ended = std::rc::Rc::new(std::cell::RefCell::new(None));
    let scenario = scenario::scenario(plan, ended.clone());
    let (result, trace, now) = world::run(settings.seed, settings.keep_trace, scenario);
    let seen = ended
        .borrow_mut()
        .take()
        .map(|cluster| scenario::seen(&cluster));
    let seen = seen.unwrap_or_default();
    let stuck = match result {
        Ok(()) => None,
        Err(Stuck::NothingToDo) => {
            Some("nothing can go on: all tasks wait for each other".to_owned())
        }
        Err(Stuck::Endless) => Some("tasks keep each other awake without end".to_owned()),
    };
    Report {
        settings: settings.clone(),
        nodes,
        digest: trace.digest,
        events: trace.events,
        simulated: now.saturating_sub(world::BEGINNING),
        operations: seen.operations,
        entries: seen.entries,
        copies: seen.copies,
        faults: seen.faults,
        violation: seen.violation.or(stuck),
        trace: trace.lines,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: u64 = self.faults.values().sum();
        write!(
            f,
            "seed {}: {} nodes, {} of {} operations done, {} entries, {faults} faults, {} copies, {:.1} s, \
             digest {:016x}",
            self.settings.seed,
            self.nodes,
            self.operations.1,
            self.operations.0,
            self.entries,
            self.copies,
            self.simulated.as_secs_f64(),
            self.digest,
        )?;
        match &self.violation {
            Some(violation) => write!(
                f,
                "\n  wrong: {violation}\n  again: {}",
                self.settings.command()
            ),
            None => Ok(()),
        }
    }
}
