//! Accounts and the state: balances, nonces, code, storage, proofs.

use super::{Method, methods};
use crate::{
    chain::state::{AccountInfo, AccountProof, State, StateRead},
    rpc::{
        context::{Context, is_pending},
        dispatch::{Answer, Call},
        error::RpcError,
        format::{Json, Object, write_data},
        params::{Argument as _, Fields, ProofKey, Slot},
    },
};
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256},
};

pub(super) const METHODS: &[Method] = methods![
    Read "eth_accounts" | "personal_listAccounts" | "eth_requestAccounts" => accounts;
    Read "eth_getBalance" => balance;
    Read "eth_getTransactionCount" => transaction_count;
    Read "eth_getCode" => code;
    Read "eth_getStorageAt" => storage_at;
    Read "eth_getStorageValues" => storage_values;
    Read "eth_getProof" => proof;
    Read "eth_getAccount" => account;
    Read "eth_getAccountInfo" => account_info;
];

/// The most slots that one proof or one `eth_getStorageValues` may ask for (geth's limit of the latter).
const MAX_SLOTS: usize = 1024;

/// The accounts whose keys the node holds, and those that are impersonated.
async fn accounts(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    let known: Vec<Address> = chain.accounts();
    let impersonated = chain
        .settings()
        .impersonated
        .iter()
        .filter(|address| !known.contains(address));
    Ok(Json::data_list(known.iter().chain(impersonated)))
}

fn info(state: &dyn StateRead, address: Address) -> Result<AccountInfo, RpcError> {
    Ok(state.account(address)?.unwrap_or(AccountInfo {
        nonce: 0,
        balance: U256::ZERO,
        code_hash: KECCAK256_EMPTY,
    }))
}

async fn balance(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let address = call.params.required(0)?;
    let id = call.params.block(1)?;
    let read = move |state: &dyn StateRead| Ok(info(state, address)?.balance);
    Ok(Json::quantity(call.context.read_state(id, read).await?))
}

/// The next nonce; with `pending`, after all of the pool that can be mined without a gap.
async fn transaction_count(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let address: Address = call.params.required(0)?;
    let id = call.params.block(1)?;
    let nonce = if is_pending(id) {
        let chain = call.context.chain().await?;
        let mined = info(chain.state(), address)?.nonce;
        chain.pool().next_nonce(address, mined)
    } else {
        let read = move |state: &dyn StateRead| Ok(info(state, address)?.nonce);
        call.context.read_state(id, read).await?
    };
    Ok(Json::quantity(nonce))
}

fn code_of(state: &dyn StateRead, address: Address) -> Result<Bytes, RpcError> {
    let hash = info(state, address)?.code_hash;
    if hash == KECCAK256_EMPTY {
        return Ok(Bytes::new());
    }
    Ok(state.code(hash)?.original_bytes())
}

async fn code(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let address = call.params.required(0)?;
    let id = call.params.block(1)?;
    let read = move |state: &dyn StateRead| code_of(state, address);
    Ok(Json::data(call.context.read_state(id, read).await?))
}

async fn storage_at(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let address: Address = call.params.required(0)?;
    let Some(json) = call.params.raw(1) else {
        return Err(RpcError::missing_argument(1));
    };
    let slot = Slot::read(json).map_err(RpcError::invalid_params)?.0;
    let id = call.params.block(2)?;
    let read = move |state: &dyn StateRead| Ok(state.storage(address, slot)?);
    let value = call.context.read_state(id, read).await?;
    Ok(Json::data(B256::from(value)))
}

/// `eth_getStorageValues`: several slots of several accounts.
async fn storage_values(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let Some(json) = call.params.raw(0) else {
        return Err(RpcError::missing_argument(0));
    };
    let wanted = storage_request(json)?;
    let id = call.params.block(1)?;
    let read = move |state: &dyn StateRead| {
        wanted
            .into_iter()
            .map(|(address, slots)| {
                let values = slots.iter().map(|slot| state.storage(address, slot.0));
                Ok((address, values.collect::<Result<Vec<U256>, _>>()?))
            })
            .collect::<Result<Vec<_>, RpcError>>()
    };
    let accounts = call.context.read_state(id, read).await?;
    Ok(Json::object(|o| {
        for (address, values) in accounts {
            let mut name = Vec::new();
            write_data(&mut name, address.as_slice());
            o.list(String::from_utf8_lossy(&name).trim_matches('"'), |list| {
                for value in values {
                    write_data(list.next(), B256::from(value).as_slice());
                }
            });
        }
    }))
}

fn storage_request(json: &str) -> Result<Vec<(Address, Vec<Slot>)>, RpcError> {
    let problem = |problem: String| RpcError::invalid_argument(0, problem);
    let mut wanted = Vec::new();
    for (name, slots) in Fields::parse(json).map_err(problem)?.iter() {
        let address = Address::read(&format!("\"{name}\"")).map_err(problem)?;
        wanted.push((address, Vec::<Slot>::read(slots).map_err(problem)?));
    }
    match wanted.iter().map(|(_, slots)| slots.len()).sum() {
        0 => Err(RpcError::invalid_params("empty request")),
        count if count > MAX_SLOTS => Err(RpcError::invalid_params(format!(
            "too many slots (max {MAX_SLOTS})"
        ))),
        _ => Ok(wanted),
    }
}

/// EIP-1186.
async fn proof(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let address: Address = call.params.required(0)?;
    let keys: Vec<ProofKey> = call.params.optional(1)?.unwrap_or_default();
    if keys.len() > MAX_SLOTS {
        let sentence = format!("too many slots (max {MAX_SLOTS})");
        return Err(RpcError::invalid_argument(1, sentence));
    }
    let slots: Vec<U256> = keys.iter().map(|key| key.slot).collect();
    let id = call.params.block(2)?;
    let proof = prove(call.context, id, move |state| state.proof(address, &slots)).await?;
    let account = proof.account.unwrap_or(AccountInfo {
        nonce: 0,
        balance: U256::ZERO,
        code_hash: KECCAK256_EMPTY,
    });
    Ok(Json::object(|o| {
        o.data("address", address);
        o.quantity("balance", account.balance);
        o.data("codeHash", account.code_hash);
        o.quantity("nonce", account.nonce);
        o.data("storageHash", proof.storage_root);
        o.list("accountProof", |list| {
            for node in &proof.proof {
                write_data(list.next(), node);
            }
        });
        o.list("storageProof", |list| {
            for ((slot, value, nodes), key) in proof.storage.iter().zip(&keys) {
                Object::write(list.next(), |o| {
                    if key.full {
                        o.data("key", B256::from(*slot));
                    } else {
                        o.quantity("key", *slot);
                    }
                    o.quantity("value", *value);
                    o.list("proof", |list| {
                        for node in nodes {
                            write_data(list.next(), node);
                        }
                    });
                });
            }
        });
    }))
}

/// Proves something of the state at a block: of the head's own trie, or of one that is wound back.
async fn prove(
    context: &Context,
    id: BlockId,
    prove: impl FnOnce(&State) -> AccountProof + Send + 'static,
) -> Result<AccountProof, RpcError> {
    if id == BlockId::Number(BlockNumberOrTag::Latest) || is_pending(id) {
        return Ok(prove(context.chain().await?.state()));
    }
    let view = context.view().await?;
    context
        .run(move || Ok(prove(&view.block_and_whole_state(id)?.1)))
        .await
}

/// geth's and anvil's `eth_getAccount`.
async fn account(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let address: Address = call.params.required(0)?;
    let id = call.params.block(1)?;
    let proof = prove(call.context, id, move |state| state.proof(address, &[])).await?;
    let Some(account) = proof.account else {
        return Ok(Json::null());
    };
    Ok(Json::object(|o| {
        o.data("codeHash", account.code_hash);
        o.data("storageRoot", proof.storage_root);
        o.quantity("balance", account.balance);
        o.quantity("nonce", account.nonce);
    }))
}

/// Balance, nonce and code in one.
async fn account_info(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let address: Address = call.params.required(0)?;
    let id = call.params.block(1)?;
    let read = move |state: &dyn StateRead| Ok((info(state, address)?, code_of(state, address)?));
    let (account, code) = call.context.read_state(id, read).await?;
    Ok(Json::object(|o| {
        o.quantity("balance", account.balance);
        o.quantity("nonce", account.nonce);
        o.data("code", code);
    }))
}
