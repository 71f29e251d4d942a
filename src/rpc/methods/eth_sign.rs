//! Signing with the keys that the node holds: messages, typed data, transactions.

use super::{Method, eth_call, methods};
use crate::{
    chain::{
        Chain,
        accounts::DevAccount,
        evm::call::estimate_gas,
        transaction::fill::{Defaults, fill},
        view::View,
    },
    rpc::{
        context::Context,
        dispatch::{Answer, Call},
        error::RpcError,
        format::{self, Json},
        limits::CallGas,
        params::Message,
    },
};
use alloy::{
    consensus::{SignableTransaction as _, TxEip4844Variant, TypedTransaction},
    dyn_abi::TypedData,
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, Bytes, Signature, eip191_hash_message},
    rpc::types::TransactionRequest,
};
use std::sync::Arc;

pub(super) const METHODS: &[Method] = methods![
    Read "eth_sign" => sign;
    Read "personal_sign" => personal_sign;
    Read "personal_ecRecover" => ec_recover;
    Read "eth_signTypedData_v4" | "eth_signTypedData_v3" | "eth_signTypedData" => sign_typed_data;
    Read "eth_signTransaction" | "personal_signTransaction" => sign_transaction;
    Read "eth_fillTransaction" => fill_transaction;
];

/// The account with that address, if its key is held and it is not locked.
fn account(chain: &Chain, address: Address, now_ms: u64) -> Result<DevAccount, RpcError> {
    match chain.open_key(address, now_ms) {
        Ok(Some(account)) => Ok(account),
        Ok(None) => Err(RpcError::server("cannot sign data; no private key")),
        Err(rejection) => Err(RpcError::server(rejection.to_string())),
    }
}

/// The account, also if it was added or unlocked through another node just now.
async fn account_of(call: &Call<'_>, address: Address) -> Result<DevAccount, RpcError> {
    let chain = call.context.chain().await?;
    account(&chain, address, call.context.backend.now_ms())
}

async fn sign_message(call: &Call<'_>, address: Address, message: &Message) -> Answer {
    let account = account_of(call, address).await?;
    Ok(Json::data(account.sign_message(&message.0)?.as_bytes()))
}

/// EIP-191: address, then message.
async fn sign(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let message = call.params.required(1)?;
    sign_message(&call, call.params.required(0)?, &message).await
}

/// EIP-191: message, then address; a passphrase after them is not needed.
async fn personal_sign(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let message = call.params.required(0)?;
    sign_message(&call, call.params.required(1)?, &message).await
}

/// The address that signed a message.
async fn ec_recover(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let message: Message = call.params.required(0)?;
    let signature: Bytes = call.params.required(1)?;
    let signature = Signature::try_from(signature.as_ref())
        .map_err(|_| RpcError::invalid_argument(1, "a signature has 65 bytes"))?;
    let signer = signature
        .recover_address_from_prehash(&eip191_hash_message(&message.0))
        .map_err(|_| RpcError::invalid_argument(1, "the signature belongs to no address"))?;
    Ok(Json::data(signer))
}

/// EIP-712. The data may be an object, or, as older wallets send it, its JSON text.
async fn sign_typed_data(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let address = call.params.required(0)?;
    let Some(json) = call.params.raw(1) else {
        return Err(RpcError::missing_argument(1));
    };
    let text = crate::rpc::jsonrpc::string(json);
    let data: TypedData = serde_json::from_str(text.as_deref().unwrap_or(json)).map_err(|_| {
        RpcError::invalid_argument(
            1,
            "not typed data: an object with types, primaryType, domain and message is expected",
        )
    })?;
    let account = account_of(&call, address).await?;
    Ok(Json::data(account.sign_typed_data(&data)?.as_bytes()))
}

/// A request completed as `eth_sendTransaction` would: nonce, gas, fees.
async fn complete(
    context: &Context,
    request: TransactionRequest,
) -> Result<(Arc<Chain>, Address, TypedTransaction), RpcError> {
    let view = context.view().await?;
    let call_gas = context.limits.call_gas;
    context
        .run(move || complete_at(&view, request, call_gas))
        .await
}

fn complete_at(
    view: &View,
    mut request: TransactionRequest,
    call_gas: CallGas,
) -> Result<(Arc<Chain>, Address, TypedTransaction), RpcError> {
    let chain = view.chain();
    let first = chain.accounts().first().copied();
    let sender = request.from.or(first).unwrap_or_default();
    request.from = Some(sender);
    let gas = match request.gas {
        Some(gas) => gas,
        None => estimate(view, &request, call_gas)?,
    };
    let defaults = Defaults {
        chain_id: chain.settings().chain_id,
        nonce: chain.pool().next_nonce(sender, chain.nonce(sender)),
        gas,
        base_fee: chain.next_base_fee(),
        tip: chain.spec().dev.suggested_tip,
        blob_base_fee: chain.next_blob_base_fee().unwrap_or_default(),
        fork: view.next_rules().fork,
    };
    Ok((Arc::clone(chain), sender, fill(request, &defaults)?))
}

fn estimate(view: &View, request: &TransactionRequest, call_gas: CallGas) -> Result<u64, RpcError> {
    let at = view.block_and_state(BlockId::Number(BlockNumberOrTag::Pending))?;
    // The nonce is the sender's own business: it may be one to come.
    let request = TransactionRequest {
        nonce: None,
        ..request.clone()
    };
    eth_call::with_context(
        view,
        &at.block.header,
        at.state.as_ref(),
        call_gas,
        |context| Ok(estimate_gas(context, &request, None, None)?),
    )
}

/// `{raw, tx}`, as in execution-apis and geth.
async fn sign_transaction(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let request = call.params.required(0)?;
    let (chain, sender, transaction) = complete(call.context, request).await?;
    let signed =
        account(&chain, sender, call.context.backend.now_ms())?.sign_transaction(transaction)?;
    Ok(Json::object(|o| {
        o.data("raw", signed.network_encoding());
        format::transaction(o.key("tx"), &signed, None, None);
    }))
}

/// The encoding without a signature: what would be hashed to sign it.
fn signing_payload(transaction: &TypedTransaction) -> Vec<u8> {
    let mut out = Vec::new();
    match transaction {
        TypedTransaction::Eip4844(TxEip4844Variant::TxEip4844WithSidecar(with)) => {
            with.tx().encode_for_signing(&mut out);
        }
        other => other.encode_for_signing(&mut out),
    }
    out
}

/// `{raw, tx}` of the unsigned transaction. The sender needs no key.
async fn fill_transaction(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let request = call.params.required(0)?;
    let (_, sender, transaction) = complete(call.context, request).await?;
    Ok(Json::object(|o| {
        o.data("raw", signing_payload(&transaction));
        format::typed_transaction(o.key("tx"), transaction, sender);
    }))
}
