//! What tests of the chain need: rules, accounts, entries.
#![allow(clippy::unwrap_used)]
#![cfg_attr(not(test), allow(dead_code))] // the fuzz targets need some of it

use super::{
    Applied, Chain,
    accounts::DevAccount,
    archive::{Archive, MemoryStore},
    block::{BlockRecord, Built},
    command::{Answer, Body, Cheat, Entry, Outcome},
    spec::{ChainSpec, Hardfork},
    state::State,
    transaction::SignedTransaction,
    view::View,
};
use crate::types::{LogPosition, RequestId};
use alloy::{
    consensus::{TxEip1559, TxLegacy, TypedTransaction},
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
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
    let balance = U256::from(10_u64).pow(U256::from(24));
    let start = NOW_MS / 1000 - 1000;
    Arc::new(ChainSpec::dev(hardfork, start, accounts, balance))
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

/// A chain with its archive, as a node has them.
pub(crate) struct Keeper {
    pub(crate) chain: Chain,
    pub(crate) archive: Arc<Archive>,
    store: Arc<MemoryStore>,
}

impl Keeper {
    /// A new chain.
    pub(crate) fn new(spec: Arc<ChainSpec>) -> Self {
        let store = Arc::new(MemoryStore::default());
        let archive = Arc::new(Archive::new(store.clone()));
        let (chain, effects) = Chain::genesis(spec);
        archive
            .append(&effects, chain.state(), Arc::new(chain.clone()))
            .unwrap();
        Self {
            chain,
            archive,
            store,
        }
    }

    /// Applies an entry with this body, as it comes out of the log; gives the blocks that left the chain.
    pub(crate) fn apply(&mut self, body: Body) -> (Outcome, Vec<Arc<BlockRecord>>) {
        let request = RequestId([7; 16]);
        let entry = Entry {
            answers: vec![Answer {
                request,
                outcome: None,
                complete: true,
            }],
            ..entry(&self.chain, body).0
        };
        let bytes = entry.encode().unwrap();
        let entry = Entry::decode(&bytes).unwrap();
        let past = &*self.archive;
        let applied = self
            .chain
            .apply_with(&entry, keccak256(bytes), LogPosition::default(), past)
            .unwrap();
        assert!(!applied.skipped);
        let chain = Arc::new(applied.chain.clone());
        let removed = self
            .archive
            .append(&applied.effects, chain.state(), chain.clone())
            .unwrap();
        self.chain = applied.chain;
        (applied.answers[0].1.clone(), removed)
    }

    /// Does a cheat.
    pub(crate) fn cheat(&mut self, cheat: Cheat) -> Outcome {
        self.apply(Body::Cheat(cheat)).0
    }

    /// Mines a block with these transactions; its hash.
    pub(crate) fn mine(&mut self, transactions: &[Arc<SignedTransaction>]) -> B256 {
        let (_, _, built) = block(&self.chain, transactions);
        self.apply(Body::Blocks(vec![built.proposal()]));
        self.chain.head().hash
    }

    /// The same chain after a restart from its store.
    pub(crate) fn restarted(&self) -> Self {
        self.archive.flush().unwrap();
        let archive = Arc::new(Archive::new(self.store.clone()));
        let (state, checkpoint) = archive.load().unwrap().unwrap();
        let spec = self.chain.spec().clone();
        let chain = Chain::restore(spec, &checkpoint, state, &archive).unwrap();
        Self {
            chain,
            archive,
            store: self.store.clone(),
        }
    }

    /// The same chain on another node that got a copy of it.
    pub(crate) fn copied(&self) -> Self {
        self.archive.flush().unwrap();
        let mut other = Self::new(self.chain.spec().clone());
        let chunks = self.archive.snapshot().unwrap().chunks().unwrap();
        other.archive.install(chunks).unwrap();
        let (state, checkpoint) = other.archive.load().unwrap().unwrap();
        let spec = self.chain.spec().clone();
        other.chain = Chain::restore(spec, &checkpoint, state, &other.archive).unwrap();
        other
    }

    /// What readers see of it.
    pub(crate) fn view(&self) -> View {
        View::new(
            Arc::new(self.chain.clone()),
            Arc::clone(&self.archive),
            NOW_MS,
        )
    }

    /// The balance of an account after a block.
    pub(crate) fn balance_at(&self, number: u64, address: Address) -> U256 {
        let at = self.view().block_and_state(number.into()).unwrap();
        let account = at.state.account(address).unwrap();
        account.map_or(U256::ZERO, |account| account.balance)
    }
}

/// That two chains are the same in all that a client can see.
pub(crate) fn assert_same(one: &Chain, other: &Chain) {
    assert_eq!(one.position(), other.position());
    assert_eq!(one.head(), other.head());
    assert_eq!(one.state().root(), other.state().root());
    assert_eq!(one.settings(), other.settings());
    assert_eq!(one.version(), other.version());
    assert_eq!(one.pool().encode(), other.pool().encode());
    let snapshots = |chain: &Chain| chain.live_snapshots().collect::<Vec<_>>();
    assert_eq!(snapshots(one), snapshots(other));
    for number in 0..=one.head().header.number {
        assert_eq!(one.recent_hash(number), other.recent_hash(number));
    }
}
