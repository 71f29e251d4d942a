#![allow(clippy::unwrap_used)]
use super::*;
use crate::chain::{
    command::{Body, Cheat},
    load::parts,
    spec::Hardfork,
    testing::{Keeper, assert_same, spec, transaction},
};
use alloy::primitives::{TxKind, address, b256, bytes};
use std::sync::Arc;

/// What anvil 1.7.1 wrote with `--dump-state --preserve-historical-states` after three transactions: a transfer, a
/// creation, and one of an impersonated account; then a cheat.
const ANVIL: &[u8] = include_bytes!("tests/anvil-1.7.1.json");
const TO: Address = Address::repeat_byte(0xbb);
/// Stores its input's first word at slot 0 and logs it: `PUSH0 CALLDATALOAD DUP1 PUSH0 SSTORE PUSH0 PUSH0 LOG1 STOP`.
const CODE: Bytes = bytes!("5f35805f555f5fa100");

/// A chain with transfers, a contract whose slot is set and cleared, and cheats between blocks.
fn source() -> Keeper {
    let mut keeper = Keeper::new(spec(Hardfork::LATEST));
    let contract = Address::repeat_byte(0xc0);
    let account = keeper.chain.spec().accounts[0].clone();
    keeper.cheat(Cheat::SetCode {
        address: contract,
        code: CODE,
    });
    for (nonce, word) in [(0, 5_u64), (1, 6), (2, 0), (3, 9)] {
        let input = B256::from(U256::from(word));
        let call = transaction(&account, nonce, TxKind::Call(contract), 0, input.into());
        keeper.mine(&[call]);
        keeper.cheat(Cheat::AddBalance {
            address: TO,
            amount: U256::from(nonce + 1),
        });
    }
    let transfer = transaction(&account, 4, TxKind::Call(TO), 3, Bytes::new());
    keeper.mine(&[transfer]);
    keeper
}

fn dumped(keeper: &Keeper, historical: bool) -> Vec<u8> {
    let mut out = Vec::new();
    write(&keeper.chain, &keeper.archive, historical, &mut out).unwrap();
    out
}

fn load(keeper: &mut Keeper, json: &[u8]) {
    let dump = Dump::parse(json).unwrap();
    for part in parts(dump.steps().unwrap()).unwrap() {
        keeper.chain.check_load(&part).unwrap();
        keeper.apply(Body::Load(Arc::new(part)));
    }
}

#[test]
fn a_dumped_chain_is_the_same_after_a_load() {
    let source = source();
    let json = dumped(&source, true);
    let mut keeper = Keeper::new(spec(Hardfork::LATEST));
    load(&mut keeper, &json);
    for node in [&keeper, &keeper.restarted(), &keeper.copied()] {
        assert_eq!(node.chain.head().hash, source.chain.head().hash);
        assert_eq!(node.chain.state().root(), source.chain.state().root());
        for number in 0..=5_u64 {
            let (old, new) = (source.view(), node.view());
            let (old, new) = (
                old.block_and_whole_state(number.into()).unwrap(),
                new.block_and_whole_state(number.into()).unwrap(),
            );
            assert_eq!(old.0.receipts, new.0.receipts);
            assert_eq!(old.0.transactions, new.0.transactions);
            assert_eq!(old.0.header, new.0.header);
            assert_eq!(old.1.root(), new.1.root(), "state of block {number}");
            assert_eq!(source.balance_at(number, TO), node.balance_at(number, TO));
        }
        // foundry#11367: two dumps of a chain are the same bytes.
        assert!(dumped(node, true) == json);
        assert!(dumped(node, false) == dumped(&source, false));
    }
    assert_same(&keeper.restarted().chain, &keeper.chain);
}

#[test]
fn without_historical_states_old_blocks_are_there_and_old_states_are_not() {
    let source = source();
    let mut keeper = Keeper::new(spec(Hardfork::LATEST));
    load(&mut keeper, &dumped(&source, false));
    assert_eq!(keeper.chain.head().hash, source.chain.head().hash);
    assert_eq!(keeper.chain.state().root(), source.chain.state().root());
    let third = keeper.archive.block_by_number(3).unwrap().unwrap();
    assert_eq!(third.hash, source.chain.recent_hash(3));
    assert_eq!(third.receipts[0].receipt.logs().len(), 1);
    let at = keeper.view().block_and_state(3_u64.into()).unwrap();
    assert!(at.state.account(TO).is_err());
    keeper.mine(&[]);
    let at_head = keeper.balance_at(5, TO);
    assert_eq!(at_head, U256::from(13));
}

#[test]
fn a_dump_of_anvil_is_read() {
    let mut keeper = Keeper::new(spec(Hardfork::LATEST));
    load(&mut keeper, ANVIL);
    let head = keeper.chain.head();
    let hash = b256!("b045a2c5a7dabd7d73eda59567a79bc9232577d801a73fca6190e9e328800747");
    assert_eq!((head.header.number, head.hash), (3, hash));
    let state = keeper.chain.state();
    let contract = address!("e7f1725e7734ce288f8367e1bb143e90bb3f0512");
    assert_eq!(state.storage_value(contract, U256::ZERO), U256::from(1));
    let first = address!("f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    assert_eq!(state.account_info(first).unwrap().nonce, 2);
    let cheated = address!("00000000000000000000000000000000000000ab");
    assert!(state.account_info(cheated).is_some());
    // Blocks, receipts and old states.
    let sender = address!("00000000000000000000000000000000000000aa");
    let third = keeper.archive.block_by_hash(hash).unwrap().unwrap();
    assert_eq!(third.transactions[0].sender, sender);
    assert_eq!(third.receipts[0].gas_used, 21_000);
    let creation = keeper.archive.block_by_number(2).unwrap().unwrap();
    assert_eq!(creation.receipts[0].contract_address, Some(contract));
    assert_eq!(creation.receipts[0].receipt.logs().len(), 1);
    let to = address!("70997970c51812dc3a010c7d01b50e0d17dc79c8");
    let rich = U256::from(10_000) * U256::from(10).pow(U256::from(18));
    for (number, more) in [(0_u64, 0), (1, 1), (2, 1), (3, 2)] {
        assert_eq!(keeper.balance_at(number, to), rich + U256::from(more));
    }
    // Anvil finds it under a hash of its own making.
    let hash_there = write::anvil_hash(&third.transactions[0]);
    let wanted = b256!("49bdbd45edaaa716b2d63f8c1ac4aecf46233ad27cd6bae1a8d9d0a9aea72b0b");
    assert_eq!(hash_there, wanted);
    // What was loaded is dumped again as it was.
    let again = Dump::parse(&dumped(&keeper, true)).unwrap();
    assert_eq!(again.head(), Some(hash));
    assert_same(&keeper.restarted().chain, &keeper.chain);
}

#[test]
fn code_has_the_form_of_anvils() {
    let dump: Value = serde_json::from_slice(ANVIL).unwrap();
    let mut seen = 0;
    for state in dump["historical_states"].as_array().unwrap() {
        for account in state[1]["accounts"].as_object().unwrap().values() {
            let code = bytecode::from_json(&account["code"]).unwrap();
            assert_eq!(bytecode::to_json(&code), account["code"]);
            seen += 1;
        }
    }
    assert!(seen > 30);
    let delegation = bytes!("ef0100aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    let json = bytecode::to_json(&delegation);
    assert_eq!(json["Eip7702"]["version"], 0);
    assert_eq!(bytecode::from_json(&json).unwrap(), delegation);
    assert!(bytecode::from_json(&serde_json::json!({"New": 1})).is_err());
}

#[test]
fn older_forms_are_read() {
    let old = br#"{"block": {"number": "0x2", "coinbase": "0x00000000000000000000000000000000000000aa", "gas_limit": "0x1c9c380"},
        "accounts": {"0x00000000000000000000000000000000000000ab": {"nonce": 4, "balance": "0x10", "code": "0x", "storage": {"0x1": "0x2"}}},
        "best_block_number": "0x2"}"#;
    let mut keeper = Keeper::new(spec(Hardfork::LATEST));
    load(&mut keeper, old);
    let account = address!("00000000000000000000000000000000000000ab");
    assert_eq!(keeper.chain.nonce(account), 4);
    assert_eq!(
        keeper.chain.state().storage_value(account, U256::from(1)),
        U256::from(2)
    );
    assert_eq!(keeper.chain.head().header.number, 0);
    assert_eq!(keeper.chain.settings().block_gas_limit, 30_000_000);
    for wrong in ["", "{}", "[1]", r#"{"accounts": {"0x1": 2}}"#] {
        assert!(Dump::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
