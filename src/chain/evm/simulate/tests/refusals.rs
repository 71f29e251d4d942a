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

#[test]
fn calls_that_no_block_could_hold_end_the_simulation() {
    let rich = || BlockStateCalls {
        block: HeaderOverrides {
            base_fee: Some(U256::from(10)),
            ..HeaderOverrides::default()
        },
        state: state([(
            ALICE,
            AccountOverride {
                nonce: Some(5),
                balance: Some(U256::from(u128::MAX)),
                ..AccountOverride::default()
            },
        )]),
        calls: vec![TransactionRequest {
            max_fee_per_gas: Some(10),
            ..call(ALICE, BOB)
        }],
    };
    let changed = |change: &dyn Fn(&mut TransactionRequest)| {
        let mut block = rich();
        change(&mut block.calls[0]);
        block
    };
    assert_eq!(violation(true, rich()), None);
    let nonce = |nonce| changed(&|call| call.nonce = Some(nonce));
    assert!(matches!(
        violation(true, nonce(4)),
        Some(Violation::NonceTooLow {
            tx: 4,
            state: 5,
            ..
        })
    ));
    assert!(matches!(
        violation(true, nonce(6)),
        Some(Violation::NonceTooHigh {
            tx: 6,
            state: 5,
            ..
        })
    ));
    assert_eq!(violation(false, nonce(4)), None);
    assert_eq!(violation(false, nonce(6)), None);
    let fee = |fee| changed(&|call| call.max_fee_per_gas = Some(fee));
    for validation in [true, false] {
        assert!(matches!(
            self::violation(validation, fee(9)),
            Some(Violation::FeeCapTooLow {
                max_fee: 9,
                base_fee: 10,
                ..
            })
        ));
        let tip = changed(&|call| call.max_priority_fee_per_gas = Some(11));
        assert!(matches!(
            self::violation(validation, tip),
            Some(Violation::TipAboveFeeCap {
                tip: 11,
                max_fee: 10,
                ..
            })
        ));
        let gas = changed(&|call| call.gas = Some(20_999));
        assert!(matches!(
            self::violation(validation, gas),
            Some(Violation::IntrinsicGas {
                have: 20_999,
                want: 21_000
            })
        ));
        let floor = changed(&|call| {
            call.gas = Some(25_000);
            call.input = TransactionInput::new(vec![1; 200].into());
        });
        assert!(matches!(
            self::violation(validation, floor),
            Some(Violation::FloorDataGas {
                have: 25_000,
                want: 29_000
            })
        ));
        let funds = changed(&|call| call.value = Some(U256::MAX));
        assert!(matches!(
            self::violation(validation, funds),
            Some(Violation::InsufficientFunds { .. })
        ));
        let initcode = changed(&|call| {
            call.to = None;
            call.input = TransactionInput::new(vec![0; 49_153].into());
        });
        assert!(matches!(
            self::violation(validation, initcode),
            Some(Violation::InitcodeSize {
                size: 49_153,
                limit: 49_152
            })
        ));
    }
    // Without validation, who names no fees pays none.
    assert!(violation(true, fee(0)).is_some());
    assert_eq!(violation(false, fee(0)), None);
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
