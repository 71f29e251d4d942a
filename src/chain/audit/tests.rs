#![allow(clippy::unwrap_used)]

use super::*;
use crate::chain::{
    archive::{MemoryStore, Store, Table},
    command::Cheat,
    spec::Hardfork,
    testing,
};
use alloy::primitives::{Address, B256, Bytes, TxKind};

struct Saved(Vec<u8>);

impl crate::chain::archive::Checkpoint for Saved {
    fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }
}

/// Three blocks with transfers, and a cheat after the second.
fn lived() -> (Arc<ChainSpec>, Chain, Arc<MemoryStore>, Archive) {
    let spec = testing::spec(Hardfork::Prague);
    let store = Arc::new(MemoryStore::default());
    let archive = Archive::new(store.clone());
    let (mut chain, effects) = Chain::genesis(spec.clone());
    let checkpoint = || Arc::new(Saved(Vec::new()));
    archive
        .append(&effects, chain.state(), checkpoint())
        .unwrap();
    for number in 0..3 {
        let to = TxKind::Call(Address::repeat_byte(9));
        let account = &spec.accounts[0];
        let transaction = testing::transaction(account, number, to, 1 + number, Bytes::new());
        let (entry, digest, _) = testing::block(&chain, &[transaction]);
        let applied = chain
            .apply(&entry, digest, crate::types::LogPosition::default())
            .unwrap();
        chain = applied.chain;
        archive
            .append(&applied.effects, chain.state(), checkpoint())
            .unwrap();
        if number == 1 {
            let cheat = Cheat::SetBalance {
                address: Address::repeat_byte(7),
                balance: U256::from(5),
            };
            let applied = testing::cheat(&chain, cheat);
            chain = applied.chain;
            archive
                .append(&applied.effects, chain.state(), checkpoint())
                .unwrap();
        }
    }
    archive.flush().unwrap();
    (spec, chain, store, archive)
}

fn audit(spec: &ChainSpec, chain: &Chain, archive: &Archive) -> Result<u64, AuditError> {
    let mut parent: Option<Arc<BlockRecord>> = None;
    for number in 0..=chain.head().header.number {
        parent = Some(audit_block(archive, spec, number, parent.as_deref())?);
    }
    let mut states = 0;
    audit_states(chain, archive, |_| states += 1)?;
    Ok(states)
}

#[test]
fn a_chain_that_was_not_touched_is_whole() {
    let (spec, chain, _, archive) = lived();
    assert_eq!(audit(&spec, &chain, &archive).unwrap(), 4);
}

/// A block that was stored in another's place, as a disk or a person might.
fn store(store: &MemoryStore, block: &BlockRecord) {
    let mut batch = crate::chain::archive::Batch::default();
    let key = block.header.number.to_be_bytes();
    batch.put(Table::Blocks, &key, block.encode());
    store.write(&batch).unwrap();
}

#[test]
fn the_first_wrong_field_is_named() {
    let changes: [(&str, fn(&mut BlockRecord)); 7] = [
        ("hash", |it| it.hash = B256::repeat_byte(1)),
        ("hash", |it| it.header.timestamp += 1),
        ("parentHash", |it| {
            it.header.parent_hash = B256::repeat_byte(1);
            it.hash = it.header.hash_slow();
        }),
        ("transactionsRoot", |it| it.transactions.clear()),
        ("receipts", |it| it.receipts.clear()),
        ("receipts.gasUsed", |it| it.receipts[0].gas_used += 1),
        ("stateRoot", |it| {
            it.header.state_root = B256::repeat_byte(1);
            it.hash = it.header.hash_slow();
        }),
    ];
    for (field, change) in changes {
        let (spec, chain, memory, _) = lived();
        // An archive without a cache of what was there.
        let archive = Archive::new(memory.clone());
        // The head, so that no child notices first.
        let mut block = (*archive.block_by_number(3).unwrap().unwrap()).clone();
        change(&mut block);
        store(&memory, &block);
        let mut batch = crate::chain::archive::Batch::default();
        batch.put(
            Table::BlockNumbers,
            &block.hash[..],
            3_u64.to_be_bytes().to_vec(),
        );
        memory.write(&batch).unwrap();
        let archive = Archive::new(memory);
        let error = audit(&spec, &chain, &archive).unwrap_err();
        let AuditError::Field {
            number,
            field: found,
            ..
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!((*number, *found), (3, field), "{error}");
    }
}

#[test]
fn a_changed_history_of_the_state_is_found_at_its_block() {
    let (spec, chain, memory, _) = lived();
    let mut key = None;
    memory
        .scan(
            Table::AccountHistory,
            (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded),
            crate::chain::archive::Order::Ascending,
            &mut |found, value| {
                // Version 2 is that of block 2.
                if found.ends_with(&2_u64.to_be_bytes()) && value.len() > 8 && key.is_none() {
                    key = Some((found.to_vec(), value.to_vec()));
                }
                std::ops::ControlFlow::Continue(())
            },
        )
        .unwrap();
    let (key, mut value) = key.unwrap();
    // The last byte of the fixed part belongs to nonce, balance or code hash: some other account.
    value[8] ^= 1;
    let mut batch = crate::chain::archive::Batch::default();
    batch.put(Table::AccountHistory, &key, value);
    memory.write(&batch).unwrap();
    let error = audit(&spec, &chain, &Archive::new(memory)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("block 1 is wrong: `stateRoot`"),
        "{error}"
    );
}
