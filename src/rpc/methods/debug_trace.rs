//! `debug_trace*`: geth's tracers.
//!
//! A trace runs on a thread of its own, for a transaction no longer than its `timeout` says (5 s, as in geth), for an
//! answer no longer than [`Limits::trace_request`](crate::rpc::Limits), and its text may be as long as any answer.

use super::{Method, eth_call::with_context, methods};
use crate::{
    chain::{
        block::BlockRecord,
        evm::trace::{self, Stopwatch, TraceError, TraceLimits, TracedBlock, TracedCall},
        state::StateRead,
        transaction::{Envelope, SignedTransaction},
        view::View,
    },
    rpc::{
        context::Context,
        dispatch::{Answer, Call},
        error::RpcError,
        format::Json,
        limits::{CallGas, Limits},
        params::{TraceCallConfig, TraceConfig, parse_go_duration},
    },
};
use alloy::{
    consensus::Block,
    eips::{BlockId, BlockNumberOrTag},
    primitives::{B256, Bytes},
    rpc::types::TransactionRequest,
};
use alloy_rlp::Decodable as _;
use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

pub(super) const METHODS: &[Method] = methods![
    Read "debug_traceTransaction" => trace_transaction;
    Read "debug_traceCall" => trace_call;
    Read "debug_traceBlockByNumber" => trace_block_by_number;
    Read "debug_traceBlockByHash" => trace_block_by_hash;
    Read "debug_traceBlock" => trace_block;
];

/// Real time.
#[derive(Debug)]
pub(crate) struct Deadline {
    begun: Instant,
    restarted: Cell<Instant>,
    one: Duration,
    all: Duration,
}

impl Deadline {
    /// Each transaction may take as long as `timeout` says.
    pub(crate) fn new(limits: &Limits, timeout: Option<Duration>) -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            restarted: Cell::new(now),
            one: timeout.unwrap_or(limits.trace_transaction),
            all: limits.trace_request,
        }
    }
}

impl Stopwatch for Deadline {
    fn restart(&self) {
        self.restarted.set(Instant::now());
    }

    fn is_over(&self) -> bool {
        self.restarted.get().elapsed() >= self.one || self.begun.elapsed() >= self.all
    }
}

/// Runs something that traces on a thread of its own.
pub(super) async fn run_traced<T: Send + 'static>(
    call: &Call<'_>,
    timeout: Option<Duration>,
    run: impl FnOnce(&View, TraceLimits<'_>, &Limits) -> Result<T, RpcError> + Send + 'static,
) -> Result<T, RpcError> {
    run_traced_in(call.context, timeout, run).await
}

/// The same without a call.
pub(crate) async fn run_traced_in<T: Send + 'static>(
    context: &Context,
    timeout: Option<Duration>,
    run: impl FnOnce(&View, TraceLimits<'_>, &Limits) -> Result<T, RpcError> + Send + 'static,
) -> Result<T, RpcError> {
    let view = context.view().await?;
    let limits = context.limits.clone();
    context
        .run(move || {
            let stopwatch = Deadline::new(&limits, timeout);
            let trace_limits = TraceLimits {
                bytes: limits.response_bytes,
                stopwatch: &stopwatch,
            };
            run(&view, trace_limits, &limits)
        })
        .await
}

fn timeout(config: &TraceConfig) -> Result<Option<Duration>, RpcError> {
    let parse = |text: &String| {
        parse_go_duration(text)
            .ok_or_else(|| RpcError::server(format!("time: invalid duration {text:?}")))
    };
    config.timeout.as_ref().map(parse).transpose()
}

/// Gives `run` a block on the state on which it was executed.
pub(crate) fn with_block<T>(
    view: &View,
    block: &BlockRecord,
    run: impl FnOnce(&TracedBlock<'_>) -> Result<T, RpcError>,
) -> Result<T, RpcError> {
    let state = view.state_before(block).ok_or(TraceError::Genesis)?;
    on_state(view, block, Some(block.hash), state.as_ref(), run)
}

fn on_state<T>(
    view: &View,
    block: &BlockRecord,
    hash: Option<B256>,
    state: &dyn StateRead,
    run: impl FnOnce(&TracedBlock<'_>) -> Result<T, RpcError>,
) -> Result<T, RpcError> {
    let call_gas = CallGas::default();
    with_context(view, &block.header, state, call_gas, |context| {
        run(&TracedBlock {
            spec: context.spec,
            chain_id: context.chain_id,
            header: &block.header,
            hash,
            transactions: &block.transactions,
            state,
            block_hash: context.block_hash,
            signatures: context.signatures,
        })
    })
}

/// A block of the chain, or geth's error.
pub(super) fn find_block(view: &View, id: BlockId) -> Result<Arc<BlockRecord>, RpcError> {
    view.block(id)?.ok_or_else(|| {
        RpcError::server(match id {
            BlockId::Number(tag) => format!("block #{} not found", view.number_of(tag)),
            BlockId::Hash(hash) => format!("block {} not found", hash.block_hash),
        })
    })
}

/// A mined transaction's block and index, or geth's error.
pub(crate) fn find_transaction(
    view: &View,
    hash: B256,
) -> Result<(Arc<BlockRecord>, usize), RpcError> {
    view.transaction(hash)?
        .ok_or_else(|| RpcError::unknown_transaction(hash))
}

async fn trace_transaction(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let hash: B256 = call.params.required(0)?;
    let config: TraceConfig = call.params.optional(1)?.unwrap_or_default();
    run_traced(&call, timeout(&config)?, move |view, limits, _| {
        let (block, index) = find_transaction(view, hash)?;
        with_block(view, &block, |block| {
            let text = trace::trace_transaction(block, index, &config.tracer, limits)?;
            Ok(Json::raw(text))
        })
    })
    .await
}

async fn trace_block_by_number(call: Call<'_>) -> Answer {
    let tag: BlockNumberOrTag = call.params.required(0)?;
    by_id(&call, BlockId::Number(tag)).await
}

async fn trace_block_by_hash(call: Call<'_>) -> Answer {
    let hash: B256 = call.params.required(0)?;
    by_id(&call, BlockId::from(hash)).await
}

async fn by_id(call: &Call<'_>, id: BlockId) -> Answer {
    call.params.at_most(2)?;
    let config: TraceConfig = call.params.optional(1)?.unwrap_or_default();
    run_traced(call, timeout(&config)?, move |view, limits, _| {
        let traced = |block: &TracedBlock<'_>| {
            let text = trace::trace_block(block, &config.tracer, limits)?;
            Ok(Json::raw(text))
        };
        if id == BlockId::Number(BlockNumberOrTag::Pending) {
            let block = view.build_pending()?.block;
            return on_state(view, &block, None, view.chain().state(), traced);
        }
        with_block(view, &*find_block(view, id)?, traced)
    })
    .await
}

async fn trace_block(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let bytes: Bytes = call.params.required(0)?;
    let config: TraceConfig = call.params.optional(1)?.unwrap_or_default();
    run_traced(&call, timeout(&config)?, move |view, limits, _| {
        let traced = |block: &TracedBlock<'_>| {
            let text = trace::trace_block(block, &config.tracer, limits)?;
            Ok(Json::raw(text))
        };
        let undecodable =
            |problem: String| RpcError::server(format!("could not decode block: {problem}"));
        let mut rest = bytes.as_ref();
        let block = Block::<Envelope>::decode(&mut rest)
            .map_err(|problem| undecodable(problem.to_string()))?;
        if !rest.is_empty() {
            return Err(undecodable(
                "rlp: input contains more than one value".into(),
            ));
        }
        let hash = block.header.hash_slow();
        // A block of the chain may have senders without signatures, and cheats before it.
        if let Some(known) = view.block(BlockId::from(hash))? {
            return with_block(view, &known, traced);
        }
        if block.header.number == 0 {
            return Err(TraceError::Genesis.into());
        }
        let parent = block.header.parent_hash;
        let at = view
            .block(BlockId::from(parent))?
            .ok_or_else(|| RpcError::server(format!("block {parent} not found")))?;
        let state = view.block_and_state(BlockId::from(at.hash))?.state;
        let record = foreign(block, hash)?;
        on_state(view, &record, Some(hash), state.as_ref(), traced)
    })
    .await
}

/// A block that came from outside, with its senders.
fn foreign(block: Block<Envelope>, hash: B256) -> Result<BlockRecord, RpcError> {
    let transactions = block.body.transactions.into_iter().map(|envelope| {
        SignedTransaction::recover(envelope, None)
            .map(Arc::new)
            .map_err(RpcError::from)
    });
    Ok(BlockRecord {
        transactions: transactions.collect::<Result<_, _>>()?,
        ommers: block.body.ommers,
        withdrawals: block.body.withdrawals,
        header: block.header,
        hash,
        receipts: Vec::new(),
        version: 0,
    })
}

async fn trace_call(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let request: TransactionRequest = call.params.required(0)?;
    let id = call.params.block(1)?;
    let config: TraceCallConfig = call.params.optional(2)?.unwrap_or_default();
    if id == BlockId::Number(BlockNumberOrTag::Pending) {
        return Err(RpcError::server(
            "tracing on top of pending is not supported",
        ));
    }
    let timeout = timeout(&config.trace)?;
    let traced = run_traced(&call, timeout, move |view, limits, server| {
        let asked = TracedCall {
            request,
            state: config.state,
            block: config.block,
        };
        let tracer = &config.trace.tracer;
        find_block(view, id)?;
        let at = view.block_and_state(id)?;
        let header = &at.block.header;
        let state = at.state.as_ref();
        with_context(view, header, state, server.call_gas, |context| {
            let Some(index) = config.tx_index else {
                return Ok(trace::trace_call(context, &asked, None, tracer, limits)?);
            };
            with_block(view, &at.block, |block| {
                let before = Some((block, index));
                Ok(trace::trace_call(context, &asked, before, tracer, limits)?)
            })
        })
    })
    .await?;
    call.context.witness.print_console(&traced.console);
    Ok(Json::raw(traced.text))
}
