//! What no block could hold.

use super::*;

/// What a call on its own is refused for.
fn violation(validation: bool, block: BlockStateCalls) -> Option<Violation> {
    let request = SimulateRequest {
        validation,
        ..blocks(vec![block])
    };
    let outcome = simulate_on(&chain(), &request);
    outcome.err().map(|error| code_of(&error).clone())
}

/// A call of an account that can pay for it, at its nonce, above the base fee; changed.
fn changed(change: impl Fn(&mut TransactionRequest)) -> BlockStateCalls {
    let rich = AccountOverride {
        nonce: Some(5),
        balance: Some(U256::from(u128::MAX)),
        ..AccountOverride::default()
    };
    let mut request = TransactionRequest {
        max_fee_per_gas: Some(10),
        ..call(ALICE, BOB)
    };
    change(&mut request);
    BlockStateCalls {
        block: HeaderOverrides {
            base_fee: Some(U256::from(10)),
            ..HeaderOverrides::default()
        },
        state: state([(ALICE, rich)]),
        calls: vec![request],
    }
}

#[test]
fn calls_that_no_block_could_hold_end_the_simulation() {
    type Change = fn(&mut TransactionRequest);
    let cases: [(Change, &str); 7] = [
        (
            |c| c.max_fee_per_gas = Some(9),
            "max fee per gas less than block base fee",
        ),
        (
            |c| c.max_priority_fee_per_gas = Some(11),
            "max priority fee per gas higher",
        ),
        (
            |c| c.gas = Some(20_999),
            "intrinsic gas too low: have 20999, want 21000",
        ),
        (
            |c| {
                c.gas = Some(25_000);
                c.input = TransactionInput::new(vec![1; 200].into());
            },
            "insufficient gas for floor data gas cost: have 25000, want 29000",
        ),
        (
            |c| c.value = Some(U256::MAX),
            "insufficient funds for gas * price + value",
        ),
        (
            |c| {
                c.to = None;
                c.input = TransactionInput::new(vec![0; 49_153].into());
            },
            "max initcode size exceeded: code size 49153 limit 49152",
        ),
        (
            |c| c.authorization_list = Some(Vec::new()),
            "EIP-7702 transaction with empty auth list",
        ),
    ];
    for validation in [true, false] {
        assert_eq!(violation(validation, changed(|_| ())), None);
        for (change, sentence) in cases {
            let told = violation(validation, changed(change)).unwrap().to_string();
            assert!(told.starts_with(sentence), "{told}");
        }
    }
}

#[test]
fn nonces_and_fees_count_with_validation_alone() {
    let nonce = |nonce| changed(move |call| call.nonce = Some(nonce));
    let free = || changed(|call| call.max_fee_per_gas = None);
    for block in [nonce(4), nonce(6), free()] {
        assert_eq!(violation(false, block), None);
    }
    let told = |block| violation(true, block).unwrap().to_string();
    assert!(told(nonce(4)).starts_with("nonce too low: "));
    assert!(told(nonce(4)).ends_with("tx: 4 state: 5"));
    assert!(told(nonce(6)).starts_with("nonce too high: "));
    assert!(told(free()).ends_with("maxFeePerGas: 0, baseFee: 10"));
}

#[test]
fn blobs_are_checked() {
    let hash = b256!("0100000000000000000000000000000000000000000000000000000000000001");
    let block = |hashes: Vec<B256>, fee: u128| BlockStateCalls {
        state: state([(ALICE, balance(u64::MAX))]),
        calls: vec![TransactionRequest {
            blob_versioned_hashes: Some(hashes),
            max_fee_per_blob_gas: Some(fee),
            ..call(ALICE, BOB)
        }],
        ..BlockStateCalls::default()
    };
    let told = |block| violation(false, block).map(|violation| violation.to_string());
    assert_eq!(told(block(vec![hash], 1)), None);
    assert_eq!(told(block(vec![hash], 0)), None);
    assert!(
        told(block(vec![], 1))
            .unwrap()
            .contains("missing blob hashes")
    );
    assert!(
        told(block(vec![hash; 7], 1))
            .unwrap()
            .contains("too many blobs")
    );
    assert!(
        told(block(vec![B256::ZERO], 1))
            .unwrap()
            .contains("invalid hash version")
    );
    let request = SimulateRequest {
        validation: false,
        ..blocks(vec![block(vec![hash, hash], 1)])
    };
    let simulated = simulate_on(&chain(), &request).unwrap();
    assert_eq!(simulated[0].block.header.blob_gas_used, Some(2 << 17));
    let mut dear = block(vec![hash], 5);
    dear.block.blob_base_fee = Some(U256::from(6));
    assert!(told(dear).unwrap().contains("blobBaseFee: 6"));
}
