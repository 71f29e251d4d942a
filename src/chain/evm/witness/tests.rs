//! A witness is enough: its nodes alone lead to everything that the execution reads, and to the root after it.
#![allow(clippy::unwrap_used)]

use super::{Signatures, Witness, witness};
use crate::chain::{
    Chain,
    block::Built,
    command::Cheat,
    spec::Hardfork,
    testing::{block, cheat, spec, transaction},
};
use alloy::primitives::{Address, B256, Bytes, TxKind, U256, hex, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, Nibbles, proof::verify_proof};
use std::collections::BTreeMap;

const CONTRACT: Address = Address::repeat_byte(0xc0);

/// `sstore(1, sload(2))`, with a look at the hash of the third block before its own.
const CODE: &str = "6002546001556003430340505b00";

fn built(chain: &Chain) -> Built {
    let account = &chain.spec().accounts[0];
    let nonce = chain.nonce(account.address);
    let call = transaction(account, nonce, TxKind::Call(CONTRACT), 0, Bytes::new());
    block(chain, &[call]).2
}

fn witness_of(chain: &Chain, built: &Built) -> Witness {
    let block_hash = |number| chain.recent_hash(number);
    let spec = chain.spec();
    let before = chain.state().clone();
    witness(
        spec,
        31337,
        &Signatures::new(),
        &built.block,
        &before,
        &block_hash,
    )
    .unwrap()
}

fn chain() -> Chain {
    let (mut chain, _) = Chain::genesis(spec(Hardfork::LATEST));
    let code = Bytes::from(hex::decode(CODE).unwrap());
    chain = cheat(
        &chain,
        Cheat::SetCode {
            address: CONTRACT,
            code,
        },
    )
    .chain;
    for slot in 1..40_u64 {
        chain = cheat(
            &chain,
            Cheat::SetStorageAt {
                address: CONTRACT,
                slot: U256::from(slot),
                value: U256::from(if slot == 2 { 0 } else { 7 }),
            },
        )
        .chain;
    }
    for _ in 0..5 {
        let (entry, digest, _) = block(&chain, &[]);
        let at = crate::types::LogPosition::default();
        chain = chain.apply(&entry, digest, at).unwrap().chain;
    }
    chain
}

/// The nodes on the way to a key, among those of the witness alone.
fn path(nodes: &BTreeMap<B256, Bytes>, root: B256, key: B256) -> Vec<Bytes> {
    use alloy_rlp::Decodable as _;
    use alloy_trie::nodes::TrieNode;
    let nibbles = Nibbles::unpack(key);
    let mut path = Vec::new();
    let (mut hash, mut depth) = (root, 0);
    loop {
        let rlp = &nodes[&hash];
        path.push(rlp.clone());
        let child = match TrieNode::decode(&mut &rlp[..]).unwrap() {
            TrieNode::Branch(branch) => {
                let index = nibbles.get(depth).unwrap();
                depth += 1;
                let branch = branch.as_ref();
                let mut children = branch.children();
                children
                    .find(|(nibble, _)| *nibble == index)
                    .and_then(|(_, child)| child.cloned())
            }
            TrieNode::Extension(extension) => {
                depth += extension.key.len();
                Some(extension.child)
            }
            TrieNode::Leaf(_) | TrieNode::EmptyRoot => None,
        };
        match child.and_then(|child| child.as_hash()) {
            Some(next) => hash = next,
            None => return path,
        }
    }
}

#[test]
fn every_key_is_proven_by_its_nodes() {
    let chain = chain();
    let built = built(&chain);
    let witness = witness_of(&chain, &built);
    let nodes: BTreeMap<B256, Bytes> = witness
        .nodes
        .iter()
        .map(|node| (keccak256(node), node.clone()))
        .collect();
    let state = chain.state();
    let addresses = witness.keys.iter().filter(|key| key.len() == 20);
    let slots: Vec<_> = witness.keys.iter().filter(|key| key.len() == 32).collect();
    let mut proven = 0;
    for address in addresses.map(|key| Address::from_slice(key)) {
        let proof = state.proof(address, &[]);
        let found = path(&nodes, state.root(), keccak256(address));
        assert_eq!(found, proof.proof, "{address}");
        proven += 1;
        if address != CONTRACT || proof.storage_root == EMPTY_ROOT_HASH {
            continue;
        }
        for slot in [1_u64, 2] {
            let slot = U256::from(slot);
            assert!(slots.iter().any(|key| U256::from_be_slice(key) == slot));
            let key = keccak256(slot.to_be_bytes::<32>());
            let found = path(&nodes, proof.storage_root, key);
            let value = state.storage_value(address, slot);
            let value = (!value.is_zero()).then(|| alloy_rlp::encode(value));
            verify_proof(proof.storage_root, Nibbles::unpack(key), value, &found).unwrap();
            proven += 1;
        }
    }
    // Sender, contract, author, the contracts of the forks; two slots.
    assert!(proven >= 6, "{proven}");
    let own = hex::decode(CODE).unwrap();
    assert!(witness.codes.iter().any(|code| **code == own));
    // NUMBER is 6, and 3 less the one that is asked for.
    assert_eq!(witness.oldest_block, 3);
}

#[test]
fn a_slot_that_goes_away_brings_the_sibling_that_takes_its_parents_place() {
    let (mut chain, _) = Chain::genesis(spec(Hardfork::LATEST));
    let code = Bytes::from(hex::decode("5f60015500").unwrap());
    let address = CONTRACT;
    chain = cheat(&chain, Cheat::SetCode { address, code }).chain;
    for slot in [1_u64, 2] {
        let set = Cheat::SetStorageAt {
            address,
            slot: U256::from(slot),
            value: U256::MAX,
        };
        chain = cheat(&chain, set).chain;
    }
    let built = built(&chain);
    assert!(built.state.storage_value(address, U256::from(1)).is_zero());
    let witness = witness_of(&chain, &built);
    let other = chain.state().proof(address, &[U256::from(2)]);
    let leaf = other.storage[0].2.last().unwrap();
    assert!(witness.nodes.contains(leaf), "{:?}", witness.nodes);
}

#[test]
fn a_block_on_another_state_is_refused() {
    let chain = chain();
    let built = built(&chain);
    let other = cheat(
        &chain,
        Cheat::SetBalance {
            address: CONTRACT,
            balance: U256::from(1),
        },
    )
    .chain;
    let block_hash = |number| chain.recent_hash(number);
    let before = other.state().clone();
    let error = witness(
        chain.spec(),
        31337,
        &Signatures::new(),
        &built.block,
        &before,
        &block_hash,
    )
    .unwrap_err();
    assert!(error.to_string().contains("another state"), "{error}");
}
