//! What calls give, and what their transactions look like in the block.

use super::*;

#[test]
fn transfers_are_logs_where_they_are_asked_for() {
    let block = || BlockStateCalls {
        state: state([(ALICE, balance(1_000)), (CONTRACT, code(FORWARD))]),
        calls: vec![
            with_value(call(ALICE, BOB), 1),
            with_value(
                with_input(call(ALICE, CONTRACT), BOB.into_word().as_slice()),
                2,
            ),
        ],
        ..BlockStateCalls::default()
    };
    let mut request = blocks(vec![block()]);
    let silent = simulate_on(&chain(), &request).unwrap();
    assert!(silent[0].calls.iter().all(|call| call.logs.is_empty()));
    request.trace_transfers = true;
    let simulated = simulate_on(&chain(), &request).unwrap();
    let seen: Vec<(u64, Vec<B256>, U256)> = simulated[0]
        .calls
        .iter()
        .flat_map(|call| &call.logs)
        .map(|log| {
            assert_eq!(
                log.log.address,
                address!("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee")
            );
            let value = U256::from_be_slice(&log.log.data.data);
            (log.index, log.log.topics()[1..].to_vec(), value)
        })
        .collect();
    let between = |from: Address, to: Address| vec![from.into_word(), to.into_word()];
    assert_eq!(
        seen,
        [
            (0, between(ALICE, BOB), U256::from(1)),
            (1, between(ALICE, CONTRACT), U256::from(2)),
            (2, between(CONTRACT, BOB), U256::from(2)),
        ]
    );
    // They are no part of the block.
    assert_eq!(simulated[0].block.hash, silent[0].block.hash);
}

#[test]
fn what_fails_leaves_no_logs_and_says_why() {
    // PUSH0 PUSH0 REVERT, INVALID, and an endless loop.
    for (body, gas, failure) in [
        (
            &hex!("5f5ffd")[..],
            100_000,
            CallFailure::Reverted {
                reason: None,
                data: Bytes::new(),
            },
        ),
        (
            &hex!("fe")[..],
            100_000,
            CallFailure::Halted("invalid opcode: INVALID".into()),
        ),
        (
            &hex!("5b5f56")[..],
            100_000,
            CallFailure::Halted("out of gas".into()),
        ),
        (
            &hex!("0c")[..],
            100_000,
            CallFailure::Halted("invalid opcode: opcode 0xc not defined".into()),
        ),
    ] {
        let request = SimulateRequest {
            trace_transfers: true,
            ..blocks(vec![BlockStateCalls {
                state: state([(ALICE, balance(1_000)), (CONTRACT, code(body))]),
                calls: vec![
                    TransactionRequest {
                        gas: Some(gas),
                        ..with_value(call(ALICE, CONTRACT), 1)
                    },
                    with_value(call(ALICE, BOB), 1),
                ],
                ..BlockStateCalls::default()
            }])
        };
        let simulated = simulate_on(&chain(), &request).unwrap();
        let [failed, after] = &simulated[0].calls[..] else {
            panic!("two calls");
        };
        assert_eq!(failed.failure.as_ref(), Some(&failure));
        assert!(failed.logs.is_empty() && failed.output.is_empty());
        assert!(!simulated[0].block.receipts[0].receipt.status());
        // Its index is used up.
        assert_eq!(after.logs[0].index, 1);
    }
}

#[test]
fn creations_and_destructions_transfer() {
    // ORIGIN SELFDESTRUCT, as the code of a creation.
    let request = SimulateRequest {
        trace_transfers: true,
        ..blocks(vec![BlockStateCalls {
            state: state([(ALICE, balance(1_000))]),
            calls: vec![TransactionRequest {
                to: None,
                ..with_value(with_input(call(ALICE, BOB), &hex!("32ff")), 3)
            }],
            ..BlockStateCalls::default()
        }])
    };
    let simulated = simulate_on(&chain(), &request).unwrap();
    let created = ALICE.create(0);
    let logs = &simulated[0].calls[0].logs;
    assert_eq!(
        logs[0].log.topics()[1..],
        [ALICE.into_word(), created.into_word()]
    );
    assert_eq!(
        logs[1].log.topics()[1..],
        [created.into_word(), ALICE.into_word()]
    );
    // To itself: ADDRESS SELFDESTRUCT.
    let mut to_itself = request.clone();
    to_itself.blocks[0].calls[0].input = TransactionInput::new(hex!("30ff").into());
    let logs = simulate_on(&chain(), &to_itself).unwrap()[0].calls[0]
        .logs
        .clone();
    assert_eq!(
        logs[1].log.topics()[1..],
        [created.into_word(), created.into_word()]
    );
    assert_eq!(
        simulated[0].block.receipts[0].contract_address,
        Some(created)
    );
}

#[test]
fn gas_is_what_the_block_and_the_request_have_left() {
    let chain = chain();
    let loops = || BlockStateCalls {
        state: state([(CONTRACT, code(&hex!("5b5f56")))]),
        calls: vec![call(ALICE, CONTRACT)],
        ..BlockStateCalls::default()
    };
    // The first burns all gas of the request.
    let error = simulate_on(
        &chain,
        &blocks(vec![loops(), calls(vec![call(ALICE, BOB)])]),
    );
    if chain.head().header.gas_limit >= GAS_CAP {
        assert!(matches!(
            code_of(&error.unwrap_err()),
            Violation::IntrinsicGas {
                have: 0,
                want: 21_000
            }
        ));
    } else {
        assert!(error.is_ok());
    }
    let mut tight = calls(vec![call(ALICE, BOB), call(ALICE, BOB)]);
    tight.block.gas_limit = Some(50_000);
    let simulated = simulate_on(&chain, &blocks(vec![tight.clone()])).unwrap();
    let limits: Vec<u64> = simulated[0]
        .block
        .transactions
        .iter()
        .map(|tx| tx.envelope.gas_limit())
        .collect();
    assert_eq!(limits, [50_000, 29_000]);
    tight.calls[1].gas = Some(29_001);
    let error = simulate_on(&chain, &blocks(vec![tight])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "block gas limit reached: remaining: 29000, required: 29001"
    );
}

#[test]
fn a_legacy_transaction_without_a_signature_ends_in_zeros() {
    let request = blocks(vec![calls(vec![TransactionRequest {
        gas_price: Some(0),
        gas: Some(21_000),
        nonce: Some(0),
        ..call(ALICE, BOB)
    }])]);
    let simulated = simulate_on(&chain(), &request).unwrap();
    let mut rlp = hex!("df8080825208 94").to_vec();
    rlp.extend_from_slice(BOB.as_slice());
    rlp.extend_from_slice(&hex!("8080808080"));
    rlp[0] = 0xc0 + u8::try_from(rlp.len() - 1).unwrap();
    let transaction = &simulated[0].block.transactions[0];
    assert_eq!(*transaction.hash(), keccak256(&rlp));
    let root = alloy_trie::root::ordered_trie_root_with_encoder(&[rlp], |rlp, out| {
        out.extend_from_slice(rlp);
    });
    assert_eq!(simulated[0].block.header.transactions_root, root);
}

#[test]
fn withdrawals_and_beacon_roots_are_in_the_block() {
    let chain = chain();
    let root = B256::repeat_byte(7);
    let withdrawal = Withdrawal {
        address: BOB,
        amount: 3,
        ..Withdrawal::default()
    };
    let block = BlockStateCalls {
        block: HeaderOverrides {
            withdrawals: Some(Withdrawals::new(vec![withdrawal])),
            beacon_root: Some(root),
            ..HeaderOverrides::default()
        },
        ..BlockStateCalls::default()
    };
    // BOB's balance: PUSH20 BOB BALANCE PUSH0 MSTORE PUSH1 32 PUSH0 RETURN.
    let mut reads = hex!("73").to_vec();
    reads.extend_from_slice(BOB.as_slice());
    reads.extend_from_slice(&hex!("315f5260205ff3"));
    let after = BlockStateCalls {
        state: state([(CONTRACT, code(&reads))]),
        calls: vec![call(ALICE, CONTRACT)],
        ..BlockStateCalls::default()
    };
    let simulated = simulate_on(&chain, &blocks(vec![block, after])).unwrap();
    assert_eq!(
        simulated[0].block.header.parent_beacon_block_root,
        Some(root)
    );
    assert_ne!(
        simulated[0].block.header.withdrawals_root,
        simulated[1].block.header.withdrawals_root
    );
    let balance = U256::from_be_slice(&simulated[1].calls[0].output);
    assert_eq!(balance, U256::from(3_000_000_000u64));
    assert!(
        chain
            .state()
            .account(BEACON_ROOTS_ADDRESS)
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_nonce_that_nobody_checks_begins_anew() {
    let last = AccountOverride {
        nonce: Some(u64::MAX),
        ..balance(1_000)
    };
    let mut request = blocks(vec![BlockStateCalls {
        state: state([(ALICE, last)]),
        calls: vec![call(ALICE, BOB), call(ALICE, BOB)],
        ..BlockStateCalls::default()
    }]);
    let simulated = simulate_on(&chain(), &request).unwrap();
    let nonces: Vec<u64> = simulated[0]
        .block
        .transactions
        .iter()
        .map(|tx| tx.envelope.nonce())
        .collect();
    assert_eq!(nonces, [u64::MAX, 0]);
    request.validation = true;
    request.blocks[0].block.base_fee = Some(U256::ZERO);
    let error = simulate_on(&chain(), &request).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "err: nonce has max value: address {ALICE}, nonce: 18446744073709551615 (supplied gas 30000000)"
        )
    );
}

#[test]
fn calls_that_contradict_themselves_are_refused() {
    let told = |request: TransactionRequest| {
        let error = simulate_on(&chain(), &blocks(vec![calls(vec![request])])).unwrap_err();
        error.to_string()
    };
    let both = TransactionRequest {
        gas_price: Some(1),
        max_fee_per_gas: Some(1),
        ..call(ALICE, BOB)
    };
    assert!(told(both).starts_with("both gasPrice and (maxFeePerGas"));
    let elsewhere = TransactionRequest {
        chain_id: Some(5),
        ..call(ALICE, BOB)
    };
    assert!(told(elsewhere).starts_with("chainId does not match node's (have=5"));
    let nowhere = TransactionRequest {
        to: None,
        blob_versioned_hashes: Some(vec![B256::repeat_byte(1)]),
        ..call(ALICE, BOB)
    };
    assert_eq!(told(nowhere), "missing \"to\" in blob transaction");
}
