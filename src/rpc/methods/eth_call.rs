//! Calls that change nothing: `eth_call`, `eth_estimateGas`, `eth_createAccessList`.

use super::{Method, methods};
use crate::{
    chain::{
        evm::{
            call::{self, CallContext, CallError},
            trace::failure::call_failure,
        },
        state::StateRead,
        view::View,
    },
    rpc::{
        dispatch::{Answer, Call},
        error::{ErrorProfile, RpcError},
        format::{Json, access_list},
        limits::CallGas,
        params::{Fields, parse_block_overrides, parse_state_overrides},
        witness::tree_of_call,
    },
};
use alloy::{
    consensus::Header,
    eips::{BlockId, BlockNumberOrTag},
    primitives::B256,
    rpc::types::{BlockOverrides, TransactionRequest, state::StateOverride},
};

pub(super) const METHODS: &[Method] = methods![
    Read "eth_call" => eth_call;
    Read "eth_estimateGas" => estimate_gas;
    Read "eth_createAccessList" => create_access_list;
];

/// What a call asks for.
struct Asked {
    request: TransactionRequest,
    id: BlockId,
    state: Option<StateOverride>,
    block: Option<BlockOverrides>,
}

impl Asked {
    fn read(call: &Call<'_>, default: BlockNumberOrTag) -> Result<Self, RpcError> {
        call.params.at_most(4)?;
        let overrides = |index: usize, json| {
            parse_state_overrides(json)
                .map_err(|problem| RpcError::invalid_argument(index, problem))
        };
        call.params.raw(3).map_or(Ok(()), refuse_unsupported)?;
        Ok(Self {
            request: call.params.required(0)?,
            id: call.params.block_or(1, default)?,
            state: call.params.raw(2).map(|j| overrides(2, j)).transpose()?,
            block: call
                .params
                .raw(3)
                .map(parse_block_overrides)
                .transpose()
                .map_err(|problem| RpcError::invalid_argument(3, problem))?,
        })
    }
}

/// Overrides that act in `eth_simulateV1` alone (geth).
fn refuse_unsupported(block_overrides: &str) -> Result<(), RpcError> {
    let problem = |problem| RpcError::invalid_argument(3, problem);
    let fields = Fields::parse(block_overrides).map_err(problem)?;
    for name in ["beaconRoot", "withdrawals"] {
        if fields.raw(&[name]).is_some() {
            return Err(RpcError::server(format!(
                "block override \"{name}\" is not supported for this RPC method"
            )));
        }
    }
    Ok(())
}

/// The hash of a block of the chain, zero where there is none: what BLOCKHASH sees.
pub(super) fn block_hash_in(view: &View, number: u64) -> B256 {
    let recent = view.chain().recent_hash(number);
    if recent != B256::ZERO {
        return recent;
    }
    let block = view.block(BlockId::from(number));
    block.ok().flatten().map_or(B256::ZERO, |block| block.hash)
}

/// Gives `run` the context of a call at a block.
pub(super) fn with_context<T>(
    view: &View,
    header: &Header,
    state: &dyn StateRead,
    call_gas: CallGas,
    run: impl FnOnce(&CallContext<'_>) -> Result<T, RpcError>,
) -> Result<T, RpcError> {
    let chain = view.chain();
    let block_hash = |number: u64| block_hash_in(view, number);
    run(&CallContext {
        spec: chain.spec(),
        chain_id: chain.settings().chain_id,
        header,
        state,
        block_hash: &block_hash,
        signatures: &chain.settings().signatures,
        gas_cap: call_gas.cap(header.gas_limit),
    })
}

/// Runs something at a block, on a thread that may be blocked.
async fn run_at<T: Send + 'static>(
    call: &Call<'_>,
    id: BlockId,
    run: impl FnOnce(&CallContext<'_>) -> Result<T, RpcError> + Send + 'static,
) -> Result<T, RpcError> {
    let view = call.context.view().await?;
    let call_gas = call.context.limits.call_gas;
    call.context
        .run(move || {
            if id == BlockId::Number(BlockNumberOrTag::Latest) {
                let chain = view.chain();
                return with_context(&view, &chain.head().header, chain.state(), call_gas, run);
            }
            let at = view.block_and_state(id)?;
            let state = at.state.as_ref();
            with_context(&view, &at.block.header, state, call_gas, run)
        })
        .await
}

async fn eth_call(call: Call<'_>) -> Answer {
    let asked = Asked::read(&call, BlockNumberOrTag::Latest)?;
    let trees = call.context.witness.trees();
    let (heard, tree) = run_at(&call, asked.id, move |context| {
        let (state, block) = (asked.state.as_ref(), asked.block.as_ref());
        let heard = call::call_heard(context, &asked.request, state, block);
        let tree = tree_of_call(
            trees,
            &heard.result,
            context,
            &asked.request,
            (state, block),
        );
        Ok((heard, tree))
    })
    .await?;
    call.context.witness.print_tree(tree.as_deref());
    call.context.witness.print_console(&heard.console);
    Ok(Json::data(heard.result?.output))
}

/// By default of the block in which it would be mined, as anvil and Hardhat have it: a time or a base fee that was set for
/// the next block counts, and so do transactions that wait.
async fn estimate_gas(call: Call<'_>) -> Answer {
    let asked = Asked::read(&call, BlockNumberOrTag::Pending)?;
    let wants_failure = call.context.errors == ErrorProfile::Ganache;
    let (heard, failure) = run_at(&call, asked.id, move |context| {
        let (state, block) = (asked.state.as_ref(), asked.block.as_ref());
        let request = &asked.request;
        let heard = call::estimate_gas_heard(context, request, state, block);
        let failure = match heard.result {
            Err(CallError::Reverted { .. } | CallError::Halted(_)) if wants_failure => {
                call_failure(context, request, state, block)?
            }
            _ => None,
        };
        Ok((heard, failure))
    })
    .await?;
    call.context.witness.print_console(&heard.console);
    if let Some(failure) = failure {
        return Err(RpcError::failed_estimate(&failure));
    }
    Ok(Json::quantity(heard.result?))
}

async fn create_access_list(call: Call<'_>) -> Answer {
    let asked = Asked::read(&call, BlockNumberOrTag::Latest)?;
    run_at(&call, asked.id, move |context| {
        let state = asked.state.as_ref();
        let (list, gas, error) = call::create_access_list(context, &asked.request, state)?;
        Ok(Json::object(|o| {
            access_list(o.key("accessList"), &list);
            if let Some(error) = &error {
                o.text("error", error);
            }
            o.quantity("gasUsed", gas);
        }))
    })
    .await
}
