#![allow(clippy::unwrap_used)]

mod accounts;
mod calls;
mod refusals;

use super::*;
use crate::chain::{Chain, spec::Hardfork, state::StateRead as _, testing};
use alloy::{
    consensus::Transaction as _,
    eips::{eip4788::BEACON_ROOTS_ADDRESS, eip4895::Withdrawal},
    primitives::{TxKind, address, b256, hex, keccak256},
    rpc::types::{TransactionInput, state::AccountOverride},
};

const ALICE: Address = address!("a11ce00000000000000000000000000000000001");
const BOB: Address = address!("b0b0000000000000000000000000000000000002");
const CONTRACT: Address = address!("cccc000000000000000000000000000000000003");
const GAS_CAP: u64 = 50_000_000;

/// A chain to simulate on: dev accounts, and one mined block without transactions.
fn chain() -> Chain {
    let (chain, _) = Chain::genesis(testing::spec(Hardfork::LATEST));
    chain
}

fn simulate_on(
    chain: &Chain,
    request: &SimulateRequest,
) -> Result<Vec<SimulatedBlock>, SimulateError> {
    let context = SimulateContext {
        spec: chain.spec(),
        chain_id: chain.settings().chain_id,
        base: &chain.head().header,
        base_hash: chain.head().hash,
        state: chain.state().clone(),
        block_hash: &|number| chain.recent_hash(number),
        signatures: &imbl::OrdMap::new(),
        gas_cap: GAS_CAP,
    };
    simulate(context, request)
}

fn blocks(blocks: Vec<BlockStateCalls>) -> SimulateRequest {
    SimulateRequest {
        blocks,
        ..SimulateRequest::default()
    }
}

fn calls(calls: Vec<TransactionRequest>) -> BlockStateCalls {
    BlockStateCalls {
        calls,
        ..BlockStateCalls::default()
    }
}

fn call(from: Address, to: Address) -> TransactionRequest {
    TransactionRequest {
        from: Some(from),
        to: Some(TxKind::Call(to)),
        ..TransactionRequest::default()
    }
}

fn with_value(mut request: TransactionRequest, value: u64) -> TransactionRequest {
    request.value = Some(U256::from(value));
    request
}

fn with_input(mut request: TransactionRequest, input: &[u8]) -> TransactionRequest {
    request.input = TransactionInput::new(input.to_vec().into());
    request
}

fn balance(wei: u64) -> AccountOverride {
    AccountOverride {
        balance: Some(U256::from(wei)),
        ..AccountOverride::default()
    }
}

fn code(code: &[u8]) -> AccountOverride {
    AccountOverride {
        code: Some(code.to_vec().into()),
        ..AccountOverride::default()
    }
}

fn state<const N: usize>(accounts: [(Address, AccountOverride); N]) -> StateOverride {
    accounts.into_iter().collect()
}

fn code_of(error: &SimulateError) -> &Violation {
    match error {
        SimulateError::InvalidTransaction { violation, .. } => violation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn blocks_follow_each_other_and_gaps_are_filled() {
    let chain = chain();
    let before = chain.state().root();
    let third = BlockStateCalls {
        block: HeaderOverrides {
            number: Some(U256::from(4)),
            gas_limit: Some(7_000_000),
            fee_recipient: Some(BOB),
            ..HeaderOverrides::default()
        },
        ..BlockStateCalls::default()
    };
    let request = blocks(vec![calls(vec![call(ALICE, BOB)]), third, calls(vec![])]);
    let simulated = simulate_on(&chain, &request).unwrap();
    let numbers: Vec<u64> = simulated.iter().map(|b| b.block.header.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let (mut hash, mut time) = (chain.head().hash, chain.head().header.timestamp);
    for block in &simulated {
        let header = &block.block.header;
        assert_eq!((header.parent_hash, header.timestamp), (hash, time + 12));
        assert_eq!(header.hash_slow(), block.block.hash);
        (hash, time) = (block.block.hash, header.timestamp);
    }
    let last = &simulated[4].block.header;
    assert_eq!((last.gas_limit, last.beneficiary), (7_000_000, BOB));
    assert_eq!(simulated[0].calls.len(), 1);
    assert_eq!(simulated[0].block.header.gas_used, 21_000);
    assert_eq!(chain.state().root(), before);
}

#[test]
fn blocks_must_be_in_order_and_few() {
    let chain = chain();
    let at = |number: Option<u64>, time: Option<u64>| BlockStateCalls {
        block: HeaderOverrides {
            number: number.map(U256::from),
            time,
            ..HeaderOverrides::default()
        },
        ..BlockStateCalls::default()
    };
    let base = chain.head().header.timestamp;
    let told = |wanted: Vec<BlockStateCalls>| {
        simulate_on(&chain, &blocks(wanted))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(told(vec![]), "empty input");
    assert_eq!(told(vec![at(Some(257), None)]), "too many blocks");
    assert_eq!(told(vec![at(None, None); 257]), "too many blocks");
    assert_eq!(
        told(vec![at(Some(256), None), at(None, None)]),
        "too many blocks"
    );
    let order = "block numbers must be in order: ";
    assert_eq!(told(vec![at(Some(0), None)]), format!("{order}0 <= 0"));
    assert_eq!(
        told(vec![at(Some(3), None), at(Some(2), None)]),
        format!("{order}2 <= 3")
    );
    let order = "block timestamps must be in order: ";
    assert_eq!(
        told(vec![at(None, Some(base))]),
        format!("{order}{base} <= {base}")
    );
    // The filled gap takes time, too.
    assert_eq!(
        told(vec![at(Some(3), Some(base + 24))]),
        format!("{order}{} <= {}", base + 24, base + 24)
    );
    assert!(simulate_on(&chain, &blocks(vec![at(Some(3), Some(base + 25))])).is_ok());
    let late = told(vec![at(None, Some(u64::MAX)), at(None, None)]);
    assert!(late.starts_with(order), "{late}");
}

#[test]
fn base_fees_are_real_with_validation_alone() {
    let chain = chain();
    let mut request = blocks(vec![calls(vec![]), calls(vec![])]);
    let fees = |request: &SimulateRequest| -> Vec<u64> {
        let simulated = simulate_on(&chain, request).unwrap();
        let headers = simulated.iter().map(|block| &block.block.header);
        headers.map(|h| h.base_fee_per_gas.unwrap()).collect()
    };
    assert_eq!(fees(&request), [0, 0]);
    request.validation = true;
    let next = chain.next_base_fee();
    assert_eq!(fees(&request)[0], next);
    assert_eq!(fees(&request)[1], next - next / 8);
    request.blocks[0].block.base_fee = Some(U256::from(800));
    assert_eq!(fees(&request), [800, 700]);
    request.validation = false;
    assert_eq!(fees(&request), [800, 0]);
}

/// Reads a slot and calls the address in its input:
/// PUSH0 SLOAD POP PUSH0 ×4 CALLVALUE PUSH0 CALLDATALOAD GAS CALL POP STOP.
const FORWARD: &[u8] = &hex!("5f54505f5f5f5f345f355af15000");
