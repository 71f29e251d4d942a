//! What tests of the chain need: rules, accounts, entries.
#![allow(clippy::unwrap_used)]

use super::{
    Applied, Chain,
    accounts::DevAccount,
    block::Built,
    command::{Body, Cheat, Entry},
    pool::Order,
    spec::{
        ChainSpec, DevOptions, EvmLimits, ForkSchedule, GenesisAccount, GenesisSpec, Hardfork,
        Instamine, MiningMode,
    },
    state::State,
    transaction::SignedTransaction,
};
use crate::types::LogPosition;
use alloy::{
    consensus::{TxEip1559, TxLegacy, TypedTransaction},
    primitives::{Address, B64, B256, Bytes, TxKind, U256, keccak256},
};
use alloy_trie::{TrieAccount, root};
use std::sync::Arc;

/// The time at which tests take place, Unix milliseconds.
pub(crate) const NOW_MS: u64 = 1_700_000_000_000;

/// A chain with three rich accounts.
pub(crate) fn spec(hardfork: Hardfork) -> Arc<ChainSpec> {
    let accounts: Vec<_> = (1..=3_u8)
        .map(|number| DevAccount::from_key(B256::repeat_byte(number)).unwrap())
        .collect();
    let rich = GenesisAccount {
        balance: U256::from(10_u64).pow(U256::from(24)),
        ..GenesisAccount::default()
    };
    Arc::new(ChainSpec {
        chain_id: 31337,
        network_id: 31337,
        forks: ForkSchedule::at_genesis(hardfork),
        genesis: GenesisSpec {
            number: 0,
            timestamp: NOW_MS / 1000 - 1000,
            gas_limit: 30_000_000,
            base_fee: 1_000_000_000,
            coinbase: Address::ZERO,
            extra_data: Bytes::new(),
            difficulty: GenesisSpec::difficulty_at(hardfork),
            nonce: B64::ZERO,
            mix_hash: B256::ZERO,
            parent_hash: B256::ZERO,
            excess_blob_gas: 0,
            blob_gas_used: 0,
            system_contracts: true,
            alloc: accounts
                .iter()
                .map(|account| (account.address, rich.clone()))
                .collect(),
        },
        accounts,
        mining: MiningMode {
            automine: true,
            interval_ms: 0,
            instamine: Instamine::Eager,
        },
        order: Order::Fees,
        min_gas_price: 0,
        auto_impersonate: false,
        limits: EvmLimits {
            code_size: None,
            transaction_gas_limit: false,
            block_gas_limit: true,
            transactions_per_block: None,
        },
        dev: DevOptions::default(),
    })
}

/// A signed EIP-1559 transaction.
pub(crate) fn transaction(
    account: &DevAccount,
    nonce: u64,
    to: TxKind,
    value: u64,
    input: Bytes,
) -> Arc<SignedTransaction> {
    let transaction = TypedTransaction::Eip1559(TxEip1559 {
        chain_id: 31337,
        nonce,
        gas_limit: 1_000_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to,
        value: U256::from(value),
        access_list: alloy::rpc::types::AccessList::default(),
        input,
    });
    Arc::new(account.sign_transaction(transaction).unwrap())
}

/// A signed legacy transaction, for the forks before London.
pub(crate) fn legacy_transaction(
    account: &DevAccount,
    nonce: u64,
    to: TxKind,
    value: u64,
    input: Bytes,
) -> Arc<SignedTransaction> {
    let transaction = TypedTransaction::Legacy(TxLegacy {
        chain_id: Some(31337),
        nonce,
        gas_price: 100_000_000_000,
        gas_limit: 1_000_000,
        to,
        value: U256::from(value),
        input,
    });
    Arc::new(account.sign_transaction(transaction).unwrap())
}

/// An entry built on `chain`, and its digest.
pub(crate) fn entry(chain: &Chain, body: Body) -> (Entry, B256) {
    let entry = Entry {
        base: chain.position(),
        proposed_at_ms: NOW_MS,
        answers: Vec::new(),
        body,
    };
    let digest = keccak256(entry.encode().unwrap());
    (entry, digest)
}

/// A cheat applied.
pub(crate) fn cheat(chain: &Chain, cheat: Cheat) -> Applied {
    let (entry, digest) = entry(chain, Body::Cheat(cheat));
    chain.apply(&entry, digest, LogPosition::default()).unwrap()
}

/// The entry of a block built on `chain` from its pool and `more`.
pub(crate) fn block(chain: &Chain, more: &[Arc<SignedTransaction>]) -> (Entry, B256, Built) {
    let mut pool = chain.pool().clone();
    for transaction in more {
        pool.insert(transaction.clone(), chain.nonce(transaction.sender))
            .unwrap();
    }
    let built = chain
        .build_block(&pool, chain.next_timestamp(NOW_MS))
        .unwrap();
    let (entry, digest) = entry(chain, Body::Blocks(vec![built.proposal()]));
    (entry, digest, built)
}

/// The root by alloy-trie's hash builder from nothing.
pub(crate) fn recomputed_root(state: &State) -> B256 {
    root::state_root_unhashed(state.accounts().map(|(address, account)| {
        let slots = state
            .storage_of(address)
            .map(|(slot, value)| (B256::from(slot), value));
        let account = TrieAccount {
            nonce: account.nonce,
            balance: account.balance,
            storage_root: root::storage_root_unhashed(slots),
            code_hash: account.code_hash,
        };
        (address, account)
    }))
}
