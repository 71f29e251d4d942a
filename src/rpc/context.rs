//! What every method may use: the member of the cluster behind the server, and the server's own few things.

use super::{
    error::{ErrorProfile, Failures, RpcError},
    filters::Filters,
    limits::Limits,
    metrics::Metrics,
    request_log::OnRequest,
    witness::Witness,
};
use crate::{
    chain::{
        Chain,
        command::{Cheat, Outcome, Write},
        state::StateRead,
        view::{BlockAndState, View},
    },
    faults::Control,
    replica::api::{Backend, ChainEvent},
};
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::B256,
};
use std::{fmt, sync::Arc};
use tokio::sync::{Semaphore, broadcast};

/// What tells a cluster from others, for the config of a machine that is to join it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// The digest of what all members have in common.
    pub cluster_id: B256,
    /// The digest of its founders.
    pub founders: B256,
    /// The time of its genesis block, Unix seconds.
    pub genesis_timestamp: u64,
}

/// See the module.
pub(crate) struct Context {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) events: broadcast::Sender<ChainEvent>,
    pub(crate) filters: Filters,
    pub(crate) limits: Limits,
    pub(crate) on_request: OnRequest,
    /// Faults on request, where the node allows them.
    pub(crate) faults: Option<Arc<Control>>,
    /// What `GET /metrics` shows.
    pub(crate) metrics: Option<Metrics>,
    /// Whether cheats are done.
    pub(crate) cheats: bool,
    pub(crate) witness: Witness,
    pub(crate) errors: ErrorProfile,
    pub(crate) failures: Failures,
    /// What tells this cluster from others.
    pub(crate) identity: Option<ClusterIdentity>,
    evm_runs: Semaphore,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("backend", &self.backend)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// Over `backend`, whose changes come through `events`.
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        events: broadcast::Sender<ChainEvent>,
        limits: Limits,
        on_request: OnRequest,
    ) -> Self {
        Self {
            filters: Filters::new(events.clone(), &limits),
            evm_runs: Semaphore::new(limits.evm_runs.max(1)),
            backend,
            events,
            limits,
            on_request,
            faults: None,
            cheats: true,
            identity: None,
            metrics: None,
            witness: Witness::default(),
            errors: ErrorProfile::default(),
            failures: Failures::default(),
        }
    }

    /// The chain, at least as new as all that was acknowledged before.
    pub(crate) async fn chain(&self) -> Result<Arc<Chain>, RpcError> {
        Ok(self.backend.read().await?)
    }

    /// A consistent view of [`Self::chain`] and its history.
    pub(crate) async fn view(&self) -> Result<View, RpcError> {
        let chain = self.chain().await?;
        Ok(View::new(
            chain,
            Arc::clone(self.backend.archive()),
            self.backend.now_ms(),
        ))
    }

    /// Does a write, and waits until it is applied here.
    pub(crate) async fn write(&self, write: Write) -> Result<Outcome, RpcError> {
        Ok(self.backend.write(write).await?)
    }

    /// Does a cheat.
    pub(crate) async fn cheat(&self, cheat: Cheat) -> Result<Outcome, RpcError> {
        self.write(Write::Cheat(cheat)).await
    }

    /// Runs what may take long (the EVM, a scan of many blocks) on a thread that may be blocked, a bounded number at
    /// once, so that it never delays the heartbeats of the consensus.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let Ok(_permit) = self.evm_runs.acquire().await else {
            return Err(RpcError::internal("the server is stopping"));
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(_) => Err(RpcError::internal("the call failed inside the node")),
        }
    }

    /// Reads the state at a block.
    pub(crate) async fn read_state<T: Send + 'static>(
        &self,
        id: BlockId,
        read: impl FnOnce(&dyn StateRead) -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        if id == BlockId::Number(BlockNumberOrTag::Latest) {
            return read(self.chain().await?.state());
        }
        let view = self.view().await?;
        let at = self.block_and_state(view, id).await?;
        read(at.state.as_ref())
    }

    /// A block with its state; the pending one, which must be executed, on a thread of its own.
    pub(crate) async fn block_and_state(
        &self,
        view: View,
        id: BlockId,
    ) -> Result<BlockAndState, RpcError> {
        if is_pending(id) {
            self.run(move || Ok(view.block_and_state(id)?)).await
        } else {
            Ok(view.block_and_state(id)?)
        }
    }
}

/// Whether a block must be built to be looked at.
pub(crate) fn is_pending(id: BlockId) -> bool {
    id == BlockId::Number(BlockNumberOrTag::Pending)
}
