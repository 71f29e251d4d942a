//! A chain as JSON, written as a stream: memory holds one account or one block at a time, and for historical states
//! what they do not share.

use super::{DumpError, bytecode};
use crate::chain::{
    Chain,
    archive::Archive,
    block::BlockRecord,
    state::{AccountInfo, State, StateRead as _},
    transaction::SignedTransaction,
};
use alloy::{
    consensus::Transaction as _,
    primitives::{Address, B256, KECCAK256_EMPTY, U256, hex, keccak256},
};
use serde_json::{Value, json};
use std::{collections::VecDeque, io::Write, sync::Arc};

/// Hashes of blocks that a historical state knows (BLOCKHASH).
const HASHES: usize = 256;

/// Writes the chain, with the blocks that `archive` holds of it. With `historical_states` also the state after each
/// block but the newest.
pub fn write(
    chain: &Chain,
    archive: &Archive,
    historical_states: bool,
    out: &mut dyn Write,
) -> Result<(), DumpError> {
    let head = chain.head();
    out.write_all(b"{\"block\":")?;
    serde_json::to_writer(&mut *out, &environment(chain))?;
    out.write_all(b",\"accounts\":{")?;
    accounts(chain.state(), out)?;
    write!(out, "}},\"best_block_number\":{}", head.header.number)?;
    out.write_all(b",\"blocks\":[")?;
    each_block(chain, archive, out, |block, list, out| {
        list.next(out)?;
        Ok(serde_json::to_writer(out, &block_json(block))?)
    })?;
    out.write_all(b"],\"transactions\":[")?;
    each_block(chain, archive, out, |block, list, out| {
        for index in 0..block.transactions.len() {
            list.next(out)?;
            serde_json::to_writer(&mut *out, &mined_json(block, index))?;
        }
        Ok(())
    })?;
    out.write_all(b"],\"historical_states\":")?;
    if historical_states {
        out.write_all(b"[")?;
        states(chain, archive, out)?;
        out.write_all(b"]}")?;
    } else {
        out.write_all(b"null}")?;
    }
    Ok(())
}

/// Commas between elements.
struct Separator(bool);

impl Separator {
    fn next(&mut self, out: &mut dyn Write) -> Result<(), DumpError> {
        if std::mem::replace(&mut self.0, true) {
            out.write_all(b",")?;
        }
        Ok(())
    }
}

/// revm's `BlockEnv` of the newest block, with what the chain goes on with.
fn environment(chain: &Chain) -> Value {
    let header = &chain.head().header;
    let settings = chain.settings();
    let blobs = header.excess_blob_gas.map(|excess| {
        let price = chain.spec().rules(header).blobs;
        let price = price.map_or(1, |params| params.calc_blob_fee(excess));
        // The format's number is a JSON number; a price above its range is none that anybody pays.
        json!({"excess_blob_gas": excess, "blob_gasprice": u64::try_from(price).unwrap_or(u64::MAX)})
    });
    json!({
        "number": format!("{:#x}", header.number),
        "beneficiary": address(settings.coinbase),
        "timestamp": format!("{:#x}", header.timestamp),
        "gas_limit": settings.block_gas_limit,
        "basefee": header.base_fee_per_gas.unwrap_or_default(),
        "difficulty": header.difficulty,
        "prevrandao": header.mix_hash,
        "blob_excess_gas_and_price": blobs,
        "slot_num": 0,
    })
}

fn address(address: Address) -> String {
    hex::encode_prefixed(address)
}

fn sorted_accounts(state: &State) -> Vec<(Address, AccountInfo)> {
    let mut accounts: Vec<_> = state.accounts().collect();
    accounts.sort_unstable_by_key(|(address, _)| *address);
    accounts
}

fn sorted_storage(state: &State, address: Address) -> Vec<(U256, U256)> {
    let mut slots: Vec<_> = state.storage_of(address).collect();
    slots.sort_unstable_by_key(|(slot, _)| *slot);
    slots
}

/// A code of a state in memory, which cannot fail to be read.
fn code_of(state: &State, info: &AccountInfo) -> alloy::primitives::Bytes {
    if info.code_hash == KECCAK256_EMPTY {
        return alloy::primitives::Bytes::new();
    }
    state
        .code(info.code_hash)
        .map(|code| code.original_bytes())
        .unwrap_or_default()
}

fn accounts(state: &State, out: &mut dyn Write) -> Result<(), DumpError> {
    let mut list = Separator(false);
    for (owner, info) in sorted_accounts(state) {
        list.next(out)?;
        write!(
            out,
            "\"{}\":{{\"nonce\":{},\"balance\":\"{:#x}\",\"code\":\"{}\",\"storage\":{{",
            address(owner),
            info.nonce,
            info.balance,
            hex::encode_prefixed(code_of(state, &info)),
        )?;
        let mut slots = Separator(false);
        for (slot, value) in sorted_storage(state, owner) {
            slots.next(out)?;
            write!(out, "\"{}\":\"{}\"", B256::from(slot), B256::from(value))?;
        }
        out.write_all(b"}}")?;
    }
    Ok(())
}

/// Shows the blocks of the chain, first to last. Fails if they are not one chain: it was reverted meanwhile.
fn each_block(
    chain: &Chain,
    archive: &Archive,
    out: &mut dyn Write,
    mut visit: impl FnMut(&BlockRecord, &mut Separator, &mut dyn Write) -> Result<(), DumpError>,
) -> Result<(), DumpError> {
    let mut list = Separator(false);
    let mut before: Option<B256> = None;
    for number in chain.spec().genesis.number..=chain.head().header.number {
        let Some(block) = archive.block_by_number(number)? else {
            // A loaded dump may leave a gap, below which nothing follows.
            before = None;
            continue;
        };
        if before.is_some_and(|before| before != block.header.parent_hash) {
            return Err(DumpError::Changed);
        }
        before = Some(block.hash);
        visit(&block, &mut list, out)?;
    }
    if before != Some(chain.head().hash) {
        return Err(DumpError::Changed);
    }
    Ok(())
}

fn block_json(block: &BlockRecord) -> Value {
    let transactions: Vec<Value> = block
        .transactions
        .iter()
        .map(|transaction| {
            json!({
                "transaction": &transaction.envelope,
                "impersonated_sender": impersonated(transaction).then(|| address(transaction.sender)),
            })
        })
        .collect();
    let withdrawals = block.withdrawals.as_ref().filter(|list| !list.is_empty());
    json!({
        "header": &block.header,
        "transactions": transactions,
        "ommers": &block.ommers,
        "withdrawals": withdrawals,
    })
}

/// Whether no key signed it: then its sender stands where a signature's `r` would.
fn impersonated(transaction: &SignedTransaction) -> bool {
    let signature = transaction.envelope.signature();
    let unsigned = signature.s() == U256::from(1) || signature.s().is_zero();
    unsigned && signature.r() <= U256::from_be_slice(transaction.sender.as_slice())
}

/// The hash under which anvil keeps a transaction: for an impersonated account's it puts the sender behind the encoded
/// transaction, because equal ones of two senders have the same bytes there.
pub(super) fn anvil_hash(transaction: &SignedTransaction) -> B256 {
    if !impersonated(transaction) {
        return *transaction.hash();
    }
    let mut bytes = alloy_rlp::encode(&transaction.envelope);
    bytes.extend_from_slice(transaction.sender.as_slice());
    keccak256(bytes)
}

fn mined_json(block: &BlockRecord, index: usize) -> Value {
    let (Some(transaction), Some(record)) =
        (block.transactions.get(index), block.receipts.get(index))
    else {
        return Value::Null;
    };
    let is_success = record.receipt.status();
    let to = transaction.envelope.to();
    json!({
        "info": {
            "transaction_hash": anvil_hash(transaction),
            "transaction_index": index,
            "from": address(transaction.sender),
            "to": to.map(address),
            "contract_address": record.contract_address.map(address),
            "traces": [],
            "exit": if is_success { "Stop" } else { "Revert" },
            "out": Value::Null,
            "nonce": transaction.nonce(),
            "gas_used": record.gas_used,
        },
        "receipt": &record.receipt,
        "block_hash": block.hash,
        "block_number": block.header.number,
    })
}

/// The states after all blocks but the newest. They are found from the newest down, because a step back costs what
/// changed in it, and written from the oldest up.
fn states(chain: &Chain, archive: &Archive, out: &mut dyn Write) -> Result<(), DumpError> {
    let mut found: VecDeque<(Arc<BlockRecord>, State)> = VecDeque::new();
    let (mut state, mut version) = (chain.state().clone(), chain.version());
    let first = chain.spec().genesis.number;
    for number in (first..chain.head().header.number).rev() {
        let Some(block) = archive.block_by_number(number)? else {
            continue;
        };
        if !block.has_state() || block.version > version {
            continue;
        }
        state = archive.rewind_alive(&state, version, block.version)?;
        version = block.version;
        found.push_front((block, state.clone()));
    }
    // Fails if the chain went back meanwhile.
    archive.rewind(chain.state(), chain.version(), chain.version())?;
    let mut hashes: VecDeque<(u64, B256)> = VecDeque::new();
    let mut list = Separator(false);
    while let Some((block, state)) = found.pop_front() {
        hashes.push_back((block.header.number, block.hash));
        if hashes.len() > HASHES {
            hashes.pop_front();
        }
        list.next(out)?;
        one_state(&block, &state, &hashes, out)?;
    }
    Ok(())
}

fn one_state(
    block: &BlockRecord,
    state: &State,
    hashes: &VecDeque<(u64, B256)>,
    out: &mut dyn Write,
) -> Result<(), DumpError> {
    write!(out, "[\"{}\",{{\"accounts\":{{", block.hash)?;
    let mut list = Separator(false);
    let accounts = sorted_accounts(state);
    for (owner, info) in &accounts {
        list.next(out)?;
        write!(
            out,
            "\"{}\":{{\"balance\":\"{:#x}\",\"nonce\":{},\"code_hash\":\"{}\",\"code\":",
            address(*owner),
            info.balance,
            info.nonce,
            info.code_hash
        )?;
        serde_json::to_writer(&mut *out, &bytecode::to_json(&code_of(state, info)))?;
        out.write_all(b"}")?;
    }
    out.write_all(b"},\"storage\":{")?;
    let mut list = Separator(false);
    for (owner, _) in &accounts {
        list.next(out)?;
        write!(out, "\"{}\":{{", address(*owner))?;
        let mut slots = Separator(false);
        for (slot, value) in sorted_storage(state, *owner) {
            slots.next(out)?;
            write!(out, "\"{slot:#x}\":\"{value:#x}\"")?;
        }
        out.write_all(b"}")?;
    }
    out.write_all(b"},\"block_hashes\":{")?;
    let mut list = Separator(false);
    for (number, hash) in hashes {
        list.next(out)?;
        write!(out, "\"{number:#x}\":\"{hash}\"")?;
    }
    out.write_all(b"}}]")?;
    Ok(())
}
