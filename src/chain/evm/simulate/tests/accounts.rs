//! State overrides and moved precompiles.

use super::*;
use alloy::primitives::map::B256HashMap;

/// PUSH0 SLOAD PUSH0 MSTORE PUSH1 32 PUSH0 RETURN.
const RETURN_SLOT_0: &[u8] = &hex!("5f545f5260205ff3");
/// PUSH1 1 SLOAD PUSH0 MSTORE PUSH1 32 PUSH0 RETURN.
const RETURN_SLOT_1: &[u8] = &hex!("6001545f5260205ff3");

fn word(value: u64) -> B256 {
    B256::from(U256::from(value))
}

#[test]
fn accounts_are_overridden_for_good() {
    let chain = chain();
    let mut filled = code(RETURN_SLOT_0);
    filled.state = Some(
        [(word(0), word(7)), (word(1), word(8))]
            .into_iter()
            .collect(),
    );
    let mut patched = code(RETURN_SLOT_1);
    patched.state_diff = Some([(word(0), word(9))].into_iter().collect());
    let replaced = AccountOverride {
        state: Some([(word(0), word(1))].into_iter().collect()),
        ..AccountOverride::default()
    };
    let step = |account: AccountOverride| BlockStateCalls {
        state: state([(CONTRACT, account)]),
        calls: vec![call(ALICE, CONTRACT)],
        ..BlockStateCalls::default()
    };
    let untouched = calls(vec![call(ALICE, CONTRACT)]);
    let wanted = vec![step(filled), step(patched), untouched, step(replaced)];
    let simulated = simulate_on(&chain, &blocks(wanted)).unwrap();
    let outputs: Vec<_> = simulated
        .iter()
        .map(|block| U256::from_be_slice(&block.calls[0].output))
        .collect();
    assert_eq!(outputs, [7, 8, 8, 0].map(U256::from));
}

#[test]
fn an_overridden_account_exists_even_if_it_is_empty() {
    let empty = |account| {
        let block = BlockStateCalls {
            state: state([(BOB, account)]),
            ..BlockStateCalls::default()
        };
        simulate_on(&chain(), &blocks(vec![block])).unwrap()[0]
            .block
            .header
            .state_root
    };
    let nothing = empty(AccountOverride::default());
    assert_ne!(empty(balance(0)), nothing);
    let contradiction = AccountOverride {
        state: Some(B256HashMap::default()),
        state_diff: Some(B256HashMap::default()),
        ..AccountOverride::default()
    };
    let block = BlockStateCalls {
        state: state([(BOB, contradiction)]),
        ..BlockStateCalls::default()
    };
    let error = simulate_on(&chain(), &blocks(vec![block])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has both 'state' and 'stateDiff'")
    );
}

const SHA256: Address = address!("0000000000000000000000000000000000000002");
const PLACE: Address = address!("0000000000000000000000000000000000123456");

#[test]
fn precompiles_are_elsewhere_for_one_block() {
    let moved = AccountOverride {
        move_precompile_to: Some(PLACE),
        ..code(RETURN_SLOT_0)
    };
    let both = || vec![call(ALICE, SHA256), call(ALICE, PLACE)];
    let first = BlockStateCalls {
        state: state([(SHA256, moved)]),
        calls: both(),
        ..BlockStateCalls::default()
    };
    let simulated = simulate_on(&chain(), &blocks(vec![first, calls(both())])).unwrap();
    let digest = hex!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let output = |block: usize, call: usize| simulated[block].calls[call].output.to_vec();
    assert_eq!(output(0, 0), [0; 32]);
    assert_eq!(output(0, 1), digest);
    assert_eq!(output(1, 0), digest);
    assert!(output(1, 1).is_empty());
    let told = |from: Address, to: Address| {
        let account = AccountOverride {
            move_precompile_to: Some(to),
            ..AccountOverride::default()
        };
        let block = BlockStateCalls {
            state: state([(from, account)]),
            ..BlockStateCalls::default()
        };
        let error = simulate_on(&chain(), &blocks(vec![block])).unwrap_err();
        error.to_string()
    };
    assert!(told(ALICE, PLACE).ends_with("is not a precompile"));
    assert!(told(SHA256, SHA256).ends_with("is already overridden"));
}

#[test]
fn a_moved_precompile_is_cold_at_its_new_place() {
    let gas = |target: Address, move_to: Option<Address>| {
        let precompile = AccountOverride {
            move_precompile_to: move_to,
            ..AccountOverride::default()
        };
        let mut accounts = state([(CONTRACT, code(FORWARD))]);
        if move_to.is_some() {
            accounts.insert(SHA256, precompile);
        }
        let block = BlockStateCalls {
            state: accounts,
            calls: vec![with_input(
                call(ALICE, CONTRACT),
                target.into_word().as_slice(),
            )],
            ..BlockStateCalls::default()
        };
        simulate_on(&chain(), &blocks(vec![block])).unwrap()[0].calls[0].gas_used
    };
    let zeros = |address: Address| {
        address
            .iter()
            .map(|byte| u64::from(*byte == 0))
            .sum::<u64>()
    };
    let input_gas = |address: Address| 16 * 20 - 12 * zeros(address);
    let warm = gas(SHA256, None) - input_gas(SHA256);
    let cold = gas(PLACE, Some(PLACE)) - input_gas(PLACE);
    assert_eq!(cold - warm, 2_500);
}
