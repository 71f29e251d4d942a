//! A dump as steps to load.
//!
//! With historical states each block comes after the changes since the one before; without them all but the last come
//! as they are, their states unknown. Last come the accounts, and the block that is the head.

use super::{Dump, DumpError, DumpedBlock, HistoricalState, MinedTransaction, bytecode};
use crate::chain::{
    block::{BlockRecord, ReceiptRecord},
    load::{AccountChange, LoadStep},
    transaction::{Envelope, SignedTransaction},
};
use alloy::{
    eips::eip2718::{Decodable2718 as _, Encodable2718 as _},
    primitives::{Address, B256, Bytes, U256},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Slots of one account that travel in one change.
const SLOTS_PER_CHANGE: usize = 16_384;
/// About how many bytes of changes go into one step.
const STEP_BYTES: usize = 1 << 20;

/// Mined transactions by block and index.
type Mined<'a> = HashMap<(B256, u64), &'a MinedTransaction>;

impl Dump {
    /// How many blocks it holds.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// How many accounts it holds.
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// The hash of the block that is the head after a load, if the dump holds blocks.
    pub fn head(&self) -> Option<B256> {
        let chain = self.canonical();
        chain.values().next_back().map(|(hash, _)| *hash)
    }

    /// The steps that load it.
    pub fn steps(&self) -> Result<Vec<LoadStep>, DumpError> {
        let chain = self.canonical();
        let mined: Mined<'_> = self
            .transactions
            .iter()
            .map(|one| ((one.block_hash, one.info.transaction_index), one))
            .collect();
        let states: HashMap<B256, &HistoricalState> = self
            .historical_states
            .iter()
            .flatten()
            .map(|(hash, state)| (*hash, state))
            .collect();
        let mut steps = Vec::new();
        let mut before: Option<&HistoricalState> = None;
        let head = chain.keys().next_back().copied();
        for (number, (hash, block)) in &chain {
            if Some(*number) == head {
                break;
            }
            let state = states.get(hash).copied();
            if let Some(state) = state {
                add_changes(&mut steps, differences(before, state)?);
                before = Some(state);
            }
            steps.push(block_step(*hash, block, &mined, state.is_some())?);
        }
        add_changes(&mut steps, self.final_accounts(before));
        if let Some((hash, block)) = chain.values().next_back() {
            steps.push(block_step(*hash, block, &mined, true)?);
        }
        if let Some(block) = &self.block {
            steps.push(LoadStep::Finish {
                gas_limit: block.gas_limit.filter(|limit| *limit > 0),
                coinbase: block.beneficiary,
            });
        }
        Ok(steps)
    }

    /// The blocks of the chain by number: from the best one down along their parents.
    fn canonical(&self) -> BTreeMap<u64, (B256, &DumpedBlock)> {
        let by_hash: HashMap<B256, &DumpedBlock> = self
            .blocks
            .iter()
            .map(|block| (block.header.hash_slow(), block))
            .collect();
        let highest = || self.blocks.iter().map(|block| block.header.number).max();
        let env = self.block.as_ref().and_then(|block| block.number);
        let best = self.best_block_number.or(env);
        let at = |number: Option<u64>| {
            by_hash
                .iter()
                .filter(|(_, block)| Some(block.header.number) == number)
                // Several branches may end there: one is as good as the other, but it must always be the same.
                .max_by_key(|(hash, _)| **hash)
        };
        let mut chain = BTreeMap::new();
        let Some((hash, _)) = at(best).or_else(|| at(highest())) else {
            return chain;
        };
        let mut hash = *hash;
        while let Some(block) = by_hash.get(&hash) {
            chain.insert(block.header.number, (hash, *block));
            hash = block.header.parent_hash;
        }
        chain
    }

    /// The accounts as they are at the end. What the last historical state has and the end has not is gone.
    fn final_accounts(&self, before: Option<&HistoricalState>) -> Vec<AccountChange> {
        let mut changes = Vec::new();
        for (address, account) in &self.accounts {
            let slots = account.storage.iter().map(|(slot, value)| (*slot, *value));
            push_account(
                &mut changes,
                &Account {
                    address: *address,
                    nonce: account.nonce,
                    keeps_higher_nonce: true,
                    balance: account.balance,
                    code: account.code.clone(),
                },
                &slots.collect::<Vec<_>>(),
            );
        }
        let gone = before.into_iter().flat_map(|state| state.accounts.keys());
        let gone = gone.filter(|address| !self.accounts.contains_key(*address));
        changes.extend(gone.map(|address| AccountChange::Removed { address: *address }));
        changes
    }
}

struct Account {
    address: Address,
    nonce: u64,
    keeps_higher_nonce: bool,
    balance: U256,
    code: Bytes,
}

/// An account as a whole; one with much storage as several changes.
fn push_account(changes: &mut Vec<AccountChange>, account: &Account, slots: &[(U256, U256)]) {
    let mut chunks = slots.chunks(SLOTS_PER_CHANGE);
    let mut set = |code: Option<Bytes>, clears_storage: bool, slots: &[(U256, U256)]| {
        changes.push(AccountChange::Set {
            address: account.address,
            nonce: account.nonce,
            keeps_higher_nonce: account.keeps_higher_nonce,
            balance: account.balance,
            code,
            clears_storage,
            storage: slots.to_vec(),
        });
    };
    set(
        Some(account.code.clone()),
        true,
        chunks.next().unwrap_or_default(),
    );
    for chunk in chunks {
        set(None, false, chunk);
    }
}

/// Puts changes into steps of a bounded size.
fn add_changes(steps: &mut Vec<LoadStep>, changes: Vec<AccountChange>) {
    let mut batch = Vec::new();
    let mut bytes = 0;
    for change in changes {
        bytes += LoadStep::Accounts(vec![change.clone()]).size();
        batch.push(change);
        if bytes > STEP_BYTES {
            steps.push(LoadStep::Accounts(std::mem::take(&mut batch)));
            bytes = 0;
        }
    }
    if !batch.is_empty() {
        steps.push(LoadStep::Accounts(batch));
    }
}

/// What changed between two historical states; all of the second if there is no first.
fn differences(
    before: Option<&HistoricalState>,
    after: &HistoricalState,
) -> Result<Vec<AccountChange>, DumpError> {
    let none = BTreeMap::new();
    let mut changes = Vec::new();
    for (address, account) in &after.accounts {
        let slots = after.storage.get(address).unwrap_or(&none);
        let code = match &account.code {
            Some(code) => bytecode::from_json(code)?,
            None => Bytes::new(),
        };
        let old = before.and_then(|before| before.accounts.get(address));
        let old_slots = before.and_then(|before| before.storage.get(address));
        let Some(old) = old else {
            let whole = Account {
                address: *address,
                nonce: account.nonce,
                keeps_higher_nonce: false,
                balance: account.balance,
                code,
            };
            let slots: Vec<_> = slots.iter().map(pair).collect();
            push_account(&mut changes, &whole, &slots);
            continue;
        };
        let old_slots = old_slots.unwrap_or(&none);
        let mut storage: Vec<(U256, U256)> = slots
            .iter()
            .filter(|(slot, value)| old_slots.get(*slot) != Some(*value))
            .map(pair)
            .collect();
        let gone = old_slots.keys().filter(|slot| !slots.contains_key(*slot));
        storage.extend(gone.map(|slot| (*slot, U256::ZERO)));
        let is_same_code = old.code == account.code;
        let is_same = old.nonce == account.nonce && old.balance == account.balance && is_same_code;
        if is_same && storage.is_empty() {
            continue;
        }
        changes.push(AccountChange::Set {
            address: *address,
            nonce: account.nonce,
            keeps_higher_nonce: false,
            balance: account.balance,
            code: (!is_same_code).then_some(code),
            clears_storage: false,
            storage,
        });
    }
    let gone = before.into_iter().flat_map(|before| before.accounts.keys());
    let gone = gone.filter(|address| !after.accounts.contains_key(*address));
    changes.extend(gone.map(|address| AccountChange::Removed { address: *address }));
    Ok(changes)
}

fn pair((slot, value): (&U256, &U256)) -> (U256, U256) {
    (*slot, *value)
}

fn block_step(
    hash: B256,
    block: &DumpedBlock,
    mined: &Mined<'_>,
    has_state: bool,
) -> Result<LoadStep, DumpError> {
    let number = block.header.number;
    let mut transactions = Vec::with_capacity(block.transactions.len());
    let mut receipts = Vec::with_capacity(block.transactions.len());
    let mut first_log_index = 0;
    for (index, json) in (0..).zip(&block.transactions) {
        let mined = mined.get(&(hash, index)).ok_or_else(|| {
            DumpError::Malformed(format!(
                "transaction {index} of block {number} has no receipt"
            ))
        })?;
        transactions.push(Arc::new(transaction(json, mined.info.from, number)?));
        let logs = mined.receipt.logs().len() as u64;
        receipts.push(ReceiptRecord {
            receipt: mined.receipt.clone(),
            gas_used: mined.info.gas_used,
            contract_address: mined.info.contract_address,
            first_log_index,
        });
        first_log_index += logs;
    }
    let withdrawals = block.withdrawals.clone();
    let record = BlockRecord {
        hash,
        transactions,
        ommers: block.ommers.clone(),
        withdrawals: block
            .header
            .withdrawals_root
            .map(|_| withdrawals.unwrap_or_default()),
        receipts,
        version: 0,
        header: block.header.clone(),
    };
    Ok(LoadStep::Block {
        record: record.encode().into(),
        has_state,
    })
}

/// A transaction of a block: `{transaction, impersonated_sender}`, or as older versions wrote it, `{"EIP1559": {…}}`
/// or the transaction itself. Its hash is that of its bytes, whatever the dump says.
fn transaction(json: &Value, sender: Address, number: u64) -> Result<SignedTransaction, DumpError> {
    let malformed = |problem: String| {
        DumpError::Malformed(format!("a transaction of block {number}: {problem}"))
    };
    let inner = json.get("transaction").unwrap_or(json);
    let mut inner = inner.clone();
    let old_names = [
        ("Legacy", "0x0"),
        ("EIP2930", "0x1"),
        ("EIP1559", "0x2"),
        ("EIP4844", "0x3"),
        ("EIP7702", "0x4"),
    ];
    for (name, tx_type) in old_names {
        if let Some(fields) = inner.get(name) {
            inner = fields.clone();
            inner["type"] = tx_type.into();
        }
    }
    let envelope: Envelope =
        serde_json::from_value(inner).map_err(|error| malformed(error.to_string()))?;
    let bytes = envelope.encoded_2718();
    let envelope =
        Envelope::decode_2718(&mut &bytes[..]).map_err(|error| malformed(error.to_string()))?;
    // The hash is kept in the envelope from its first use on: compute it before the value is shared.
    let _ = envelope.hash();
    Ok(SignedTransaction {
        envelope,
        sender,
        sidecar: None,
    })
}
