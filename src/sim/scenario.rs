//! A run from its beginning to its end: the plan, then peace, then what must hold in peace.
//!
//! Checked here: *progress* (within [`PROGRESS_BOUND`] after the last fault is healed every node takes a write), and
//! that all nodes come to the same chain, in memory and in their archives.

use super::{
    cluster::Cluster,
    history::Told,
    node::Common,
    plan::{ACCOUNTS, KEYS, Operation, Plan, Step},
    verdict,
    world::{self, Timer},
};
use crate::{
    chain::{
        accounts::DevAccount,
        spec::{ChainSpec, Hardfork},
    },
    replica::api::Backend as _,
    types::{LogPosition, MemberId},
};
use alloy::primitives::{B256, U256};
use std::{
    cell::RefCell, collections::BTreeMap, fmt::Write as _, rc::Rc, sync::Arc, time::Duration,
};

/// How long it may take, after everything is healed, until every node takes writes.
const PROGRESS_BOUND: Duration = Duration::from_secs(20);
/// How long a round of questions waits for its answers.
const ROUND: Duration = Duration::from_secs(4);
/// How often it is looked whether something has come about.
const LOOK: Duration = Duration::from_millis(10);

/// What is left of a run.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) operations: (u64, u64),
    pub(super) entries: u64,
    pub(super) copies: u64,
    pub(super) faults: BTreeMap<&'static str, u64>,
    pub(super) violation: Option<String>,
}

/// What a cluster leaves behind.
pub(super) fn seen(cluster: &Cluster) -> Seen {
    let facts = cluster.ledger.facts();
    let records = cluster.history.records();
    let done = records
        .iter()
        .filter(|record| matches!(record.told, Some((_, Told::Done(_) | Told::Saw { .. }))));
    Seen {
        operations: (records.len() as u64, done.count() as u64),
        entries: facts.by_index.len() as u64,
        copies: facts.installed,
        faults: cluster.done(),
        violation: facts.violation.clone(),
    }
}

/// A chain that is cheap to run.
fn spec() -> Arc<ChainSpec> {
    let keys = (1..=ACCOUNTS).map(|number| B256::from(U256::from(number)));
    let accounts: Vec<DevAccount> = keys
        .filter_map(|key| DevAccount::from_key(key).ok())
        .collect();
    let balance = U256::from(10_u64).pow(U256::from(24));
    let genesis_s = super::node::START_MS / 1000 - 1000;
    let mut spec = ChainSpec::dev(Hardfork::Shanghai, genesis_s, accounts, balance);
    spec.genesis.system_contracts = false;
    Arc::new(spec)
}

/// Carries a plan out and judges what came of it; the cluster is left in `ended`.
pub(super) async fn scenario(plan: Plan, ended: Rc<RefCell<Option<Cluster>>>) {
    let common = Common {
        spec: spec(),
        consensus: plan.climate.consensus.clone(),
        sizes: plan.climate.sizes,
        timeout_ms: plan.climate.timeout_ms,
    };
    let cluster = Cluster::new(&plan.climate, common);
    *ended.borrow_mut() = Some(cluster.clone());
    let begin = world::now();
    for (at, step) in &plan.steps {
        Timer::at(begin + *at).await;
        if is_violated(&cluster) {
            return;
        }
        match step {
            Step::Ask(node, operation) => {
                if let Some(number) = cluster.ask(*node, *operation) {
                    world::note("ask", &[number, *node], || {
                        format!("operation {number} at node {node}: {operation:?}")
                    });
                }
            }
            Step::Fault(fault) => cluster.strike(*fault),
        }
    }
    cluster.calm(&plan.climate);
    world::note("calm", &[], String::new);
    if let Err(problem) = settle(&cluster).await {
        cluster.ledger.violated(problem);
        return;
    }
    if !is_violated(&cluster) {
        let problem = {
            let facts = cluster.ledger.facts();
            verdict::judge(&facts, &cluster.history.records())
        };
        if let Some(problem) = problem {
            cluster.ledger.violated(problem);
        }
    }
}

fn is_violated(cluster: &Cluster) -> bool {
    cluster.ledger.facts().violation.is_some()
}

/// Waits until a condition holds.
async fn until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = world::now() + limit;
    while !condition() {
        if world::now() >= deadline {
            return false;
        }
        Timer::after(LOOK).await;
    }
    true
}

/// Asks every node the same; whether all were answered as they should be.
async fn all_do(cluster: &Cluster, operation: Operation) -> bool {
    let run = || cluster.ids().iter().all(|id| cluster.life(*id).is_some());
    if !until(ROUND, run).await {
        return false;
    }
    let asked: Vec<(MemberId, Option<u64>)> = cluster
        .ids()
        .into_iter()
        .map(|id| (id, cluster.ask(id, operation)))
        .collect();
    let told = |number: u64| {
        let place = usize::try_from(number).unwrap_or_default() - 1;
        let records = cluster.history.records();
        records.get(place).and_then(|record| record.told.clone())
    };
    // A removal that was asked for may come about meanwhile; who is gone need not answer.
    let is_gone = |id: MemberId| !cluster.ids().contains(&id);
    until(ROUND, || {
        asked
            .iter()
            .all(|(id, number)| is_gone(*id) || number.is_none_or(|number| told(number).is_some()))
    })
    .await;
    asked.iter().all(|(id, number)| {
        let told = number.and_then(&told).map(|(_, told)| told);
        is_gone(*id) || matches!(told, Some(Told::Done(_) | Told::Saw { .. }))
    })
}

/// In peace every node takes writes and reads, and all come to the same.
async fn settle(cluster: &Cluster) -> Result<(), String> {
    cluster.reconcile().await;
    let deadline = world::now() + PROGRESS_BOUND;
    while !all_do(cluster, Operation::Push(0)).await {
        if is_violated(cluster) {
            return Ok(());
        }
        if world::now() >= deadline {
            return Err(format!(
                "no progress: {PROGRESS_BOUND:?} after everything was healed some node still takes no write{}",
                roles(cluster)
            ));
        }
    }
    for key in 0..KEYS {
        if !all_do(cluster, Operation::Get(key)).await {
            return Err(format!(
                "a healthy cluster does not answer reads{}",
                roles(cluster)
            ));
        }
    }
    let positions = || -> Vec<Option<(u64, B256)>> {
        let lives = cluster.ids().into_iter().map(|id| cluster.life(id));
        lives
            .map(|life| {
                let life = life?;
                let applied = life.consensus.applied_index()?;
                Some((applied, life.replica.local().position()))
            })
            .collect()
    };
    let equal = until(PROGRESS_BOUND, || {
        let positions = positions();
        positions
            .iter()
            .all(|one| one.is_some() && *one == positions[0])
    });
    if !equal.await {
        return Err(format!(
            "the nodes do not come to the same chain: {:?}",
            positions()
        ));
    }
    for id in cluster.ids() {
        inspect(cluster, id)?;
    }
    Ok(())
}

/// What a node holds at the end.
fn inspect(cluster: &Cluster, id: MemberId) -> Result<(), String> {
    let Some(life) = cluster.life(id) else {
        return Ok(());
    };
    let chain = life.replica.local();
    let index = life.consensus.applied_index().unwrap_or_default();
    let term = cluster
        .ledger
        .facts()
        .by_index
        .get(&index)
        .map(|fact| fact.term);
    let position = term.map(|term| LogPosition { term, index });
    cluster
        .ledger
        .stands(life.owner, position, &chain, "at the end");
    let head = chain.head().header.number;
    for number in head.saturating_sub(255)..=head {
        let block = life.replica.archive().block_by_number(number);
        let block =
            block.map_err(|error| format!("node {id} cannot read block {number}: {error}"))?;
        let hash = block.map(|block| block.hash);
        if hash != Some(chain.recent_hash(number)) {
            return Err(format!(
                "node {id} has block {number} as {hash:?} in its archive, and as {} in its chain",
                chain.recent_hash(number)
            ));
        }
    }
    Ok(())
}

/// Who is what, for messages.
fn roles(cluster: &Cluster) -> String {
    let mut text = String::new();
    for id in cluster.ids() {
        let view = cluster.life(id).map(|life| {
            let status = life.consensus.status();
            (
                status.view,
                status.votes,
                status.applied_index,
                status.last_log_index,
            )
        });
        let _ = write!(text, "; node {id}: {view:?}");
    }
    text
}
