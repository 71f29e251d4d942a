//! A history of a dev chain, made by the pure part alone. It runs natively (in `tests/cluster.rs`) and as wasm32 in
//! node (`run.mjs`), and must give the hash in `roots.txt` both times.

use alloy::{
    consensus::{TxEip1559, TypedTransaction},
    eips::eip2930::AccessList,
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
};
use praline::{
    chain::{
        Built, Chain,
        accounts::DevAccount,
        command::{Body, Cheat, Entry},
        spec::{ChainSpec, Hardfork},
        transaction::SignedTransaction,
    },
    types::LogPosition,
};
use std::sync::Arc;

/// Unix milliseconds of the first block.
const START_MS: u64 = 1_767_225_600_000;

fn spec(account: &DevAccount) -> ChainSpec {
    let balance = U256::from(10_u64).pow(U256::from(22));
    let accounts = vec![account.clone()];
    ChainSpec::dev(Hardfork::LATEST, START_MS / 1000, accounts, balance)
}

/// A transfer, or every third time a contract that stores the block's number at its own address.
fn transaction(account: &DevAccount, nonce: u64) -> Arc<SignedTransaction> {
    let create = nonce.is_multiple_of(3);
    let transaction = TypedTransaction::Eip1559(TxEip1559 {
        chain_id: 31337,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: if create {
            TxKind::Create
        } else {
            TxKind::Call(Address::repeat_byte(nonce as u8))
        },
        value: U256::from(nonce),
        access_list: AccessList::default(),
        // NUMBER ADDRESS SSTORE STOP
        input: if create {
            Bytes::from_static(&[0x43, 0x30, 0x55, 0x00])
        } else {
            Bytes::new()
        },
    });
    let signed = account.sign_transaction(transaction);
    Arc::new(signed.expect("a dev account signs"))
}

fn apply(chain: &Chain, body: Body, now_ms: u64) -> Chain {
    let entry = Entry {
        base: chain.position(),
        proposed_at_ms: now_ms,
        answers: Vec::new(),
        body,
    };
    let bytes = entry.encode().expect("an entry has a form");
    let entry = Entry::decode(&bytes).expect("an entry is read back");
    let applied = chain.apply(&entry, keccak256(&bytes), LogPosition::default());
    applied.expect("the entry was made on this chain").chain
}

/// The Keccak-256 of all state roots and block hashes of a chain of so many blocks, with a cheat before each fifth.
pub(crate) fn history(blocks: u64) -> B256 {
    let account = DevAccount::from_key(B256::repeat_byte(7)).expect("a key");
    let mut chain = Chain::genesis(Arc::new(spec(&account))).0;
    let mut seen = Vec::new();
    for number in 1..=blocks {
        let now_ms = START_MS + number * 2000;
        if number.is_multiple_of(5) {
            let cheat = Cheat::SetBalance {
                address: Address::repeat_byte(number as u8),
                balance: U256::from(number),
            };
            chain = apply(&chain, Body::Cheat(cheat), now_ms);
        }
        let nonce = chain.nonce(account.address);
        let list = (nonce..nonce + 3).map(|nonce| transaction(&account, nonce));
        chain = apply(&chain, Body::Admit(list.collect()), now_ms);
        let built = chain.build_block(chain.pool(), chain.next_timestamp(now_ms));
        let built: Built = built.expect("a block is built");
        assert_eq!(built.block.transactions.len(), 3);
        chain = apply(&chain, Body::Blocks(vec![built.proposal()]), now_ms);
        seen.extend_from_slice(&chain.head().header.state_root[..]);
        seen.extend_from_slice(&chain.head().hash[..]);
    }
    keccak256(seen)
}
