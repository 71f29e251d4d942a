//! `anvil_dealERC20`, `anvil_setERC20Allowance`: a token's own storage is written, at the slot that its `balanceOf` or
//! `allowance` reads (ERC-20).
//!
//! The slot is found by trial, as anvil does it: each slot that the call touches is overridden, and the one with which
//! the call answers what was put there is the one. The slot and its value are what goes into the log.

use super::{Method, eth_call::with_context, methods};
use crate::{
    chain::{
        command::Cheat,
        evm::call::{CallContext, call as run_call, create_access_list},
    },
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        params,
    },
};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    rpc::types::{
        TransactionRequest,
        state::{AccountOverride, StateOverride},
    },
    sol,
    sol_types::SolCall as _,
};

pub(super) const METHODS: &[Method] = methods![
    Change "anvil_dealERC20" | "anvil_dealErc20" | "anvil_setERC20Balance" | "hardhat_dealERC20" => deal;
    Change "anvil_setERC20Allowance" | "anvil_setErc20Allowance" => set_allowance;
];

sol! {
    function balanceOf(address account) external view returns (uint256);
    function allowance(address owner, address spender) external view returns (uint256);
}

/// Account, token, balance.
async fn deal(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let account: Address = call.params.required(0)?;
    let token: Address = call.params.required(1)?;
    let balance: params::Cheat<U256> = call.params.required(2)?;
    let input = balanceOfCall { account }.abi_encode();
    write(&call, token, input.into(), balance.0, "balance").await
}

/// Owner, spender, token, allowance.
async fn set_allowance(call: Call<'_>) -> Answer {
    call.params.at_most(4)?;
    let owner: Address = call.params.required(0)?;
    let spender: Address = call.params.required(1)?;
    let token: Address = call.params.required(2)?;
    let amount: params::Cheat<U256> = call.params.required(3)?;
    let input = allowanceCall { owner, spender }.abi_encode();
    write(&call, token, input.into(), amount.0, "allowance").await
}

async fn write(call: &Call<'_>, token: Address, input: Bytes, value: U256, what: &str) -> Answer {
    let view = call.context.view().await?;
    let call_gas = call.context.limits.call_gas;
    let find = move || {
        let chain = view.chain();
        let header = &chain.head().header;
        with_context(&view, header, chain.state(), call_gas, |context| {
            slot_behind(context, token, &input, value)
        })
    };
    let slot = call.context.run(find).await?.ok_or_else(|| {
        // anvil's words.
        RpcError::server(format!("Unable to set ERC20 {what}, no slot found"))
    })?;
    let cheat = Cheat::SetStorageAt {
        address: token,
        slot,
        value,
    };
    call.done(cheat).await
}

/// The slot of the token that the call answers with.
fn slot_behind(
    context: &CallContext<'_>,
    token: Address,
    input: &Bytes,
    value: U256,
) -> Result<Option<U256>, RpcError> {
    let request = TransactionRequest::default()
        .to(token)
        .input(input.clone().into());
    let (touched, _, _) = create_access_list(context, &request, None)?;
    let own = touched.0.iter().filter(|item| item.address == token);
    for slot in own.flat_map(|item| &item.storage_keys) {
        // A value that happens to be the answer already proves nothing, so another one is tried, too.
        let answers = |wanted: U256| answers_with(context, &request, token, *slot, wanted);
        if answers(value) && answers(value ^ U256::from(1)) {
            return Ok(Some((*slot).into()));
        }
    }
    Ok(None)
}

/// Whether the call answers what is put into the slot.
fn answers_with(
    context: &CallContext<'_>,
    request: &TransactionRequest,
    token: Address,
    slot: B256,
    wanted: U256,
) -> bool {
    let overridden = AccountOverride {
        state_diff: Some(std::iter::once((slot, B256::from(wanted))).collect()),
        ..AccountOverride::default()
    };
    let overrides: StateOverride = std::iter::once((token, overridden)).collect();
    run_call(context, request, Some(&overrides), None)
        .is_ok_and(|result| result.output.as_ref() == B256::from(wanted).as_slice())
}
