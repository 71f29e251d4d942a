#![allow(clippy::unwrap_used)]

use super::*;
use crate::chain::{
    accounts::impersonate,
    state::{Draft, State},
    testing,
};
use alloy::{
    consensus::{
        TxEip1559, TxEip2930, TxEip4844, TxEip4844Variant, TxEip7702, TxLegacy, TypedTransaction,
    },
    eips::eip7702::Authorization,
    primitives::{Address, B256, Bytes, Signature, TxKind, address, bytes},
};

const SENDER: Address = address!("00000000000000000000000000000000000000aa");

fn dynamic() -> TxEip1559 {
    TxEip1559 {
        chain_id: 31337,
        gas_limit: 21_000,
        max_fee_per_gas: 100,
        max_priority_fee_per_gas: 10,
        to: TxKind::Call(Address::ZERO),
        ..TxEip1559::default()
    }
}

fn blobs(count: usize) -> TypedTransaction {
    blobs_at(0, count)
}

fn blobs_at(max_fee_per_gas: u128, count: usize) -> TypedTransaction {
    let mut hash = B256::ZERO;
    hash[0] = 1;
    TypedTransaction::Eip4844(TxEip4844Variant::TxEip4844(TxEip4844 {
        chain_id: 31337,
        gas_limit: 21_000,
        max_fee_per_blob_gas: 50,
        max_fee_per_gas,
        blob_versioned_hashes: vec![hash; count],
        ..TxEip4844::default()
    }))
}

fn signed(transaction: impl Into<TypedTransaction>) -> SignedTransaction {
    impersonate(transaction.into(), SENDER)
}

fn check_at(
    hardfork: Hardfork,
    transaction: impl Into<TypedTransaction>,
    limits: impl FnOnce(&mut crate::chain::spec::EvmLimits),
) -> Result<(), String> {
    let mut spec = (*testing::spec(hardfork)).clone();
    limits(&mut spec.limits);
    let rules = Rules {
        spec: &spec,
        forks: spec.genesis_rules(),
        chain_id: 31337,
        block_gas_limit: 30_000_000,
        min_gas_price: 50,
    };
    stateless(&signed(transaction), &rules).map_err(|error| error.to_string())
}

fn check(transaction: impl Into<TypedTransaction>) -> Result<(), String> {
    check_at(Hardfork::LATEST, transaction, |_| ())
}

#[test]
fn a_type_passes_from_its_fork_on() {
    let legacy = TxLegacy {
        chain_id: Some(31337),
        gas_price: 100,
        gas_limit: 100_000,
        ..TxLegacy::default()
    };
    let access_list = TxEip2930 {
        chain_id: 31337,
        gas_price: 100,
        gas_limit: 100_000,
        ..TxEip2930::default()
    };
    let authorization = Authorization {
        chain_id: U256::from(31337),
        address: Address::ZERO,
        nonce: 0,
    }
    .into_signed(Signature::test_signature());
    let delegation = TxEip7702 {
        chain_id: 31337,
        gas_limit: 100_000,
        max_fee_per_gas: 100,
        authorization_list: vec![authorization],
        ..TxEip7702::default()
    };
    let types: [(TypedTransaction, Hardfork); 5] = [
        (legacy.into(), Hardfork::Frontier),
        (access_list.into(), Hardfork::Berlin),
        (dynamic().into(), Hardfork::London),
        (blobs_at(100, 1), Hardfork::Cancun),
        (delegation.into(), Hardfork::Prague),
    ];
    for (transaction, since) in types {
        for hardfork in Hardfork::ALL.iter().copied() {
            let result = check_at(hardfork, transaction.clone(), |_| ());
            if hardfork >= since {
                assert_eq!(result, Ok(()), "{hardfork:?}");
            } else {
                let wanted = format!(
                    "transaction type not supported: type {} needs hardfork {}",
                    transaction.ty(),
                    since.name()
                );
                assert_eq!(result, Err(wanted), "{hardfork:?}");
            }
        }
    }
}

#[test]
fn a_type_needs_its_fork() {
    let at = |hardfork, transaction| check_at(hardfork, transaction, |_| ()).unwrap_err();
    assert_eq!(
        at(Hardfork::Shanghai, blobs(1)),
        "transaction type not supported: type 3 needs hardfork cancun"
    );
    assert_eq!(
        at(
            Hardfork::Cancun,
            TypedTransaction::Eip7702(TxEip7702::default())
        ),
        "transaction type not supported: type 4 needs hardfork prague"
    );
}

#[test]
fn another_chains_transaction_is_refused() {
    assert_eq!(
        check(TxEip1559 {
            chain_id: 1,
            ..dynamic()
        })
        .unwrap_err(),
        "invalid chain id for signer: have 1 want 31337"
    );
    let unprotected = TxLegacy {
        gas_limit: 21_000,
        gas_price: 100,
        ..TxLegacy::default()
    };
    let unprotected = TxLegacy {
        to: TxKind::Call(SENDER),
        ..unprotected
    };
    assert_eq!(check(unprotected), Ok(()));
}

#[test]
fn gas_must_cover_the_transaction_itself() {
    assert_eq!(
        check(TxEip1559 {
            gas_limit: 20_999,
            ..dynamic()
        })
        .unwrap_err(),
        "intrinsic gas too low: gas 20999, minimum needed 21000"
    );
    // EIP-2028: 16 a byte; EIP-7623: 40 a byte of those that are not zero, from Prague on.
    let data = TxEip1559 {
        input: vec![1; 1000].into(),
        gas_limit: 37_000,
        ..dynamic()
    };
    assert_eq!(check_at(Hardfork::Cancun, data.clone(), |_| ()), Ok(()));
    assert_eq!(
        check(data).unwrap_err(),
        "insufficient gas for floor data gas cost: gas 37000, minimum needed 61000"
    );
    // EIP-3860: 2 a word of initcode, from Shanghai on; 32000 for a creation.
    let create = TxEip1559 {
        to: TxKind::Create,
        input: vec![0; 320].into(),
        gas_limit: 53_000 + 320 * 4,
        ..dynamic()
    };
    assert_eq!(check_at(Hardfork::Paris, create.clone(), |_| ()), Ok(()));
    assert_eq!(
        check(create).unwrap_err(),
        "intrinsic gas too low: gas 54280, minimum needed 54300"
    );
}

#[test]
fn an_authorization_costs_25000() {
    let authorization = Authorization {
        chain_id: U256::ZERO,
        address: Address::ZERO,
        nonce: 0,
    };
    let transaction = |count, gas_limit| {
        let one = authorization
            .clone()
            .into_signed(Signature::test_signature());
        TypedTransaction::Eip7702(TxEip7702 {
            chain_id: 31337,
            gas_limit,
            max_fee_per_gas: 100,
            authorization_list: vec![one; count],
            ..TxEip7702::default()
        })
    };
    assert_eq!(check(transaction(2, 71_000)), Ok(()));
    assert_eq!(
        check(transaction(2, 70_999)).unwrap_err(),
        "intrinsic gas too low: gas 70999, minimum needed 71000"
    );
    assert_eq!(
        check(transaction(0, 71_000)).unwrap_err(),
        "set code tx must have at least one authorization tuple"
    );
}

#[test]
fn limits_bind_where_the_chain_has_them() {
    let with_gas = |gas_limit| TxEip1559 {
        gas_limit,
        ..dynamic()
    };
    assert_eq!(
        check(with_gas(30_000_001)).unwrap_err(),
        "exceeds block gas limit"
    );
    let unlimited = check_at(Hardfork::LATEST, with_gas(30_000_001), |limits| {
        limits.block_gas_limit = false;
    });
    assert_eq!(unlimited, Ok(()));
    let capped = |hardfork, gas_limit| {
        check_at(hardfork, with_gas(gas_limit), |limits| {
            limits.transaction_gas_limit = true;
        })
    };
    assert_eq!(capped(Hardfork::Prague, 16_777_217), Ok(()));
    assert_eq!(capped(Hardfork::Osaka, 16_777_216), Ok(()));
    assert_eq!(
        capped(Hardfork::Osaka, 16_777_217).unwrap_err(),
        "transaction gas limit too high (cap: 16777216, tx: 16777217)"
    );
    let initcode = |size: usize| TxEip1559 {
        to: TxKind::Create,
        input: Bytes::from(vec![0; size]),
        gas_limit: 5_000_000,
        ..dynamic()
    };
    assert_eq!(check(initcode(49_152)), Ok(()));
    assert_eq!(
        check(initcode(49_153)).unwrap_err(),
        "max initcode size exceeded: code size 49153, limit 49152"
    );
    assert_eq!(check_at(Hardfork::Paris, initcode(49_153), |_| ()), Ok(()));
    let larger = check_at(Hardfork::LATEST, initcode(49_153), |limits| {
        limits.code_size = Some(usize::MAX);
    });
    assert_eq!(larger, Ok(()));
    assert_eq!(
        check(TxEip1559 {
            nonce: u64::MAX,
            ..dynamic()
        })
        .unwrap_err(),
        format!("nonce has max value: address {SENDER}, nonce: {}", u64::MAX)
    );
}

#[test]
fn fees_must_make_sense() {
    assert_eq!(
        check(TxEip1559 {
            max_priority_fee_per_gas: 101,
            ..dynamic()
        })
        .unwrap_err(),
        format!(
            "max priority fee per gas higher than max fee per gas: address {SENDER}, maxPriorityFeePerGas: 101, maxFeePerGas: 100"
        )
    );
    assert_eq!(
        check(TxEip1559 {
            max_fee_per_gas: 49,
            ..dynamic()
        })
        .unwrap_err(),
        "transaction underpriced: gas price 49, minimum needed 50"
    );
    let transaction = signed(dynamic());
    assert_eq!(against_fees(&transaction, 100, 0), Ok(()));
    assert_eq!(
        against_fees(&transaction, 101, 0).unwrap_err().to_string(),
        format!(
            "max fee per gas less than block base fee: address {SENDER}, maxFeePerGas: 100, baseFee: 101"
        )
    );
    let transaction = signed(blobs(1));
    assert_eq!(against_fees(&transaction, 0, 50), Ok(()));
    assert_eq!(
        against_fees(&transaction, 0, 51).unwrap_err().to_string(),
        format!(
            "max fee per blob gas less than block blob gas fee: address {SENDER}, blobGasFeeCap: 50, blobBaseFee: 51"
        )
    );
}

#[test]
fn blobs_are_counted() {
    let at = |hardfork, count| {
        let mut spec = (*testing::spec(hardfork)).clone();
        spec.min_gas_price = 0;
        let rules = Rules {
            spec: &spec,
            forks: spec.genesis_rules(),
            chain_id: 31337,
            block_gas_limit: 30_000_000,
            min_gas_price: 0,
        };
        stateless(&signed(blobs(count)), &rules).map_err(|error| error.to_string())
    };
    assert_eq!(at(Hardfork::Cancun, 6), Ok(()));
    assert_eq!(
        at(Hardfork::Cancun, 7).unwrap_err(),
        "too many blobs in transaction: have 7, permitted 6"
    );
    // EIP-7691 raised the count, EIP-7594 limits a transaction to six of them.
    assert_eq!(at(Hardfork::Prague, 9), Ok(()));
    assert_eq!(at(Hardfork::Osaka, 6), Ok(()));
    assert!(at(Hardfork::Osaka, 7).is_err());
    assert_eq!(
        at(Hardfork::Cancun, 0).unwrap_err(),
        "blobless blob transaction"
    );
}

#[test]
fn the_account_must_allow_it() {
    let transaction = signed(TxEip1559 {
        nonce: 3,
        value: 7.try_into().unwrap(),
        ..dynamic()
    });
    let account = |nonce, balance: u64| AccountInfo {
        nonce,
        balance: U256::from(balance),
        code_hash: KECCAK256_EMPTY,
    };
    let against = |nonce, balance| {
        against_account(&transaction, Some(&account(nonce, balance))).map_err(|e| e.to_string())
    };
    assert_eq!(against(3, 2_100_007), Ok(()));
    assert_eq!(against(0, 2_100_007), Ok(()), "a gap is no fault");
    assert_eq!(
        against(4, 2_100_007).unwrap_err(),
        "nonce too low: next nonce 4, tx nonce 3"
    );
    assert_eq!(
        against(3, 2_100_000).unwrap_err(),
        "insufficient funds for gas * price + value: balance 2100000, tx cost 2100007, overshot 7"
    );
    assert!(against_account(&transaction, None).is_err());
}

#[test]
fn a_contract_is_no_sender_but_a_delegation_is() {
    let mut draft = Draft::new(State::default());
    let with_code = |draft: &mut Draft, code: Bytes| AccountInfo {
        nonce: 1,
        balance: U256::ZERO,
        code_hash: draft.add_code(code),
    };
    let contract = with_code(&mut draft, bytes!("00"));
    let delegation = [&[0xef, 1, 0][..], SENDER.as_slice()].concat();
    let delegated = with_code(&mut draft, delegation.into());
    let plain = AccountInfo {
        code_hash: KECCAK256_EMPTY,
        ..contract
    };
    let has_code = |account: Option<&AccountInfo>| sender_has_code(&draft, account).unwrap();
    assert!(has_code(Some(&contract)));
    assert!(!has_code(Some(&delegated)));
    assert!(!has_code(Some(&plain)));
    assert!(!has_code(None));
}
