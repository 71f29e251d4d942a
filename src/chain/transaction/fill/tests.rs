#![allow(clippy::unwrap_used)]

use super::*;
use alloy::{
    consensus::Transaction as _,
    primitives::{U256, bytes},
    rpc::types::{AccessList, TransactionInput},
};

const GWEI: u128 = 1_000_000_000;

const DEFAULTS: Defaults = Defaults {
    chain_id: 31337,
    nonce: 5,
    gas: 21_000,
    base_fee: 7 * GWEI as u64,
    tip: 2 * GWEI,
    blob_base_fee: 3,
    fork: Hardfork::LATEST,
};

fn request() -> TransactionRequest {
    TransactionRequest::default().to(Address::repeat_byte(1))
}

fn filled(request: TransactionRequest) -> TypedTransaction {
    fill(request, &DEFAULTS).unwrap()
}

fn refusal(request: TransactionRequest) -> String {
    fill(request, &DEFAULTS).unwrap_err().to_string()
}

fn blob_hash() -> B256 {
    let mut hash = B256::repeat_byte(9);
    hash[0] = 1;
    hash
}

#[test]
fn a_bare_request_becomes_a_dynamic_fee_transaction() {
    let transaction = filled(request().value(U256::from(3)));
    let TypedTransaction::Eip1559(transaction) = transaction else {
        panic!("{transaction:?}")
    };
    assert_eq!((transaction.chain_id, transaction.nonce), (31337, 5));
    assert_eq!(transaction.gas_limit, 21_000);
    assert_eq!(transaction.max_priority_fee_per_gas, 2 * GWEI);
    assert_eq!(
        transaction.max_fee_per_gas,
        16 * GWEI,
        "twice the base fee, and the tip"
    );
    assert_eq!(transaction.value, U256::from(3));
}

#[test]
fn fields_choose_the_type() {
    let list = AccessList::default;
    let typed = |tx_type| TransactionRequest {
        transaction_type: Some(tx_type),
        ..request()
    };
    let blobs = TransactionRequest {
        blob_versioned_hashes: Some(vec![blob_hash()]),
        ..request()
    };
    let set_code = TransactionRequest {
        authorization_list: Some(vec![]),
        ..request()
    };
    for (request, expected) in [
        (request(), TxType::Eip1559),
        (request().gas_price(9), TxType::Legacy),
        (request().gas_price(9).access_list(list()), TxType::Eip2930),
        (request().access_list(list()), TxType::Eip1559),
        (request().max_fee_per_gas(10 * GWEI), TxType::Eip1559),
        (request().max_priority_fee_per_gas(GWEI), TxType::Eip1559),
        (typed(0), TxType::Legacy),
        (typed(1), TxType::Eip2930),
        (typed(1).gas_price(9), TxType::Eip2930),
        (typed(2), TxType::Eip1559),
        (typed(0).max_fee_per_gas(10 * GWEI), TxType::Eip1559),
        (blobs.clone(), TxType::Eip4844),
        (blobs.gas_price(9), TxType::Eip4844),
        (set_code, TxType::Eip7702),
    ] {
        assert_eq!(filled(request.clone()).tx_type(), expected, "{request:?}");
    }
}

#[test]
fn missing_fees_follow_what_is_given() {
    let fees = |request| {
        let transaction = filled(request);
        (
            transaction.max_fee_per_gas(),
            transaction.priority_fee_or_price(),
        )
    };
    assert_eq!(
        fees(request().max_priority_fee_per_gas(GWEI)),
        (15 * GWEI, GWEI)
    );
    assert_eq!(
        fees(request().max_fee_per_gas(10 * GWEI)),
        (10 * GWEI, 2 * GWEI)
    );
    assert_eq!(
        fees(request().max_fee_per_gas(GWEI)),
        (GWEI, GWEI),
        "the tip stays below the cap"
    );
    assert_eq!(fees(request().max_fee_per_gas(0)), (0, 0));
    let legacy = TransactionRequest {
        transaction_type: Some(0),
        ..request()
    };
    assert_eq!(fees(legacy), (9 * GWEI, 9 * GWEI), "base fee and tip");
    let blobs = TransactionRequest {
        blob_versioned_hashes: Some(vec![blob_hash()]),
        ..request()
    };
    assert_eq!(filled(blobs.clone()).max_fee_per_blob_gas(), Some(6));
    assert_eq!(
        filled(blobs.max_fee_per_blob_gas(9)).max_fee_per_blob_gas(),
        Some(9)
    );
}

#[test]
fn what_is_named_is_kept() {
    let named = TransactionRequest {
        chain_id: Some(31337),
        ..request().nonce(77).gas_limit(50_000).gas_price(4)
    };
    let transaction = filled(named);
    assert_eq!(transaction.nonce(), 77);
    assert_eq!(transaction.gas_limit(), 50_000);
    assert_eq!(transaction.gas_price(), Some(4));
    assert_eq!(transaction.chain_id(), Some(31337));
}

#[test]
fn data_and_input_mean_the_same() {
    for input in [
        TransactionInput::new(bytes!("ab")),
        TransactionInput {
            input: None,
            data: Some(bytes!("ab")),
        },
        TransactionInput::both(bytes!("ab")),
    ] {
        assert_eq!(filled(request().input(input)).input(), &bytes!("ab"));
    }
    let different = TransactionInput {
        input: Some(bytes!("ab")),
        data: Some(bytes!("ac")),
    };
    assert_eq!(
        refusal(request().input(different)),
        "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data"
    );
}

#[test]
fn contradictions_are_refused_in_geths_words() {
    assert_eq!(
        refusal(request().gas_price(1).max_priority_fee_per_gas(1)),
        "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified"
    );
    assert_eq!(
        refusal(request().max_fee_per_gas(1).max_priority_fee_per_gas(2)),
        "max priority fee per gas higher than max fee per gas: address 0x0000000000000000000000000000000000000000, \
         maxPriorityFeePerGas: 2, maxFeePerGas: 1"
    );
    assert_eq!(
        refusal(TransactionRequest {
            chain_id: Some(1),
            ..request()
        }),
        "chainId does not match node's (have=1, want=31337)"
    );
    assert_eq!(
        refusal(TransactionRequest {
            transaction_type: Some(9),
            ..request()
        }),
        "transaction type not supported"
    );
    assert_eq!(
        refusal(TransactionRequest::default()),
        "contract creation without any data provided"
    );
    let blobs = |to| TransactionRequest {
        to,
        blob_versioned_hashes: Some(vec![blob_hash()]),
        ..TransactionRequest::default().input(TransactionInput::new(bytes!("00")))
    };
    assert_eq!(refusal(blobs(None)), "missing \"to\" in blob transaction");
    assert_eq!(
        refusal(TransactionRequest {
            max_fee_per_blob_gas: Some(0),
            ..blobs(Some(Address::ZERO.into()))
        }),
        "maxFeePerBlobGas, if specified, must be non-zero"
    );
    assert_eq!(
        refusal(TransactionRequest {
            blob_versioned_hashes: Some(vec![]),
            ..request()
        }),
        "need at least 1 blob for a blob transaction"
    );
    assert_eq!(
        refusal(TransactionRequest {
            authorization_list: Some(vec![]),
            to: None,
            ..TransactionRequest::default().input(TransactionInput::new(bytes!("00")))
        }),
        "EIP-7702 transaction cannot be used to create contract"
    );
}

#[test]
fn a_creation_needs_no_recipient() {
    let request = TransactionRequest::default().input(TransactionInput::new(bytes!("00")));
    assert!(filled(request).is_create());
}

#[test]
fn a_sidecar_gives_its_hashes() {
    use alloy::{consensus::BlobTransactionSidecar, eips::eip4844::Blob};
    let sidecar = BlobTransactionSidecar {
        blobs: vec![Blob::ZERO],
        commitments: vec![alloy::eips::eip4844::Bytes48::repeat_byte(1)],
        proofs: vec![alloy::eips::eip4844::Bytes48::repeat_byte(2)],
    };
    let hashes: Vec<B256> = sidecar.versioned_hashes().collect();
    let with = TransactionRequest {
        sidecar: Some(sidecar.into()),
        ..request()
    };
    let transaction = filled(with.clone());
    assert_eq!(transaction.blob_versioned_hashes(), Some(&hashes[..]));
    assert!(matches!(
        transaction,
        TypedTransaction::Eip4844(TxEip4844Variant::TxEip4844WithSidecar(_))
    ));
    let wrong = TransactionRequest {
        blob_versioned_hashes: Some(vec![blob_hash()]),
        ..with
    };
    assert!(refusal(wrong).starts_with("blob hash verification failed"));
}

#[test]
fn before_london_a_bare_request_becomes_what_the_fork_has() {
    let at = |fork, request: TransactionRequest| {
        let defaults = Defaults {
            fork,
            base_fee: 0,
            ..DEFAULTS
        };
        fill(request, &defaults).unwrap()
    };
    let frontier = at(Hardfork::Frontier, request());
    assert_eq!(frontier.tx_type(), TxType::Legacy);
    assert_eq!(
        (frontier.chain_id(), frontier.gas_price()),
        (None, Some(2 * GWEI))
    );
    assert_eq!(at(Hardfork::Istanbul, request()).chain_id(), Some(31337));
    let with_list = request().access_list(AccessList::default());
    assert_eq!(at(Hardfork::Berlin, with_list).tx_type(), TxType::Eip2930);
    // What is asked for is not changed; the pool refuses it.
    let dynamic = request().max_fee_per_gas(5 * GWEI);
    assert_eq!(at(Hardfork::Berlin, dynamic).tx_type(), TxType::Eip1559);
}
