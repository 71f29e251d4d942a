#![allow(clippy::unwrap_used)]

use super::*;
use crate::chain::accounts::DevAccount;
use alloy::{
    consensus::{
        BlobTransactionSidecarVariant::{Eip4844, Eip7594},
        SignableTransaction as _, TxEip1559, TxEip7702, TxLegacy, TypedTransaction,
    },
    eips::{
        eip4844::{Blob, BlobTransactionSidecar, c_kzg},
        eip7594::BlobTransactionSidecarEip7594,
    },
    primitives::{Signature, TxKind, b256, hex},
};

fn account() -> DevAccount {
    DevAccount::from_key(B256::repeat_byte(1)).unwrap()
}

fn dynamic(fee_cap: u128, tip_cap: u128) -> SignedTransaction {
    let transaction = TxEip1559 {
        chain_id: 1,
        gas_limit: 100,
        max_fee_per_gas: fee_cap,
        max_priority_fee_per_gas: tip_cap,
        to: TxKind::Call(Address::ZERO),
        value: U256::from(7),
        ..TxEip1559::default()
    };
    account()
        .sign_transaction(TypedTransaction::Eip1559(transaction))
        .unwrap()
}

fn decode(raw: &[u8]) -> Result<SignedTransaction, String> {
    SignedTransaction::decode_network(raw).map_err(|error| error.to_string())
}

#[test]
fn a_known_transaction_is_read() {
    // The example of EIP-155, whose key is 0x46…46.
    let raw = hex!(
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    );
    let transaction = SignedTransaction::decode_network(&raw).unwrap();
    assert_eq!(
        transaction.sender,
        DevAccount::from_key(B256::repeat_byte(0x46))
            .unwrap()
            .address
    );
    assert_eq!(
        *transaction.hash(),
        b256!("33469b22e9f636356c4160a87eb19df52b7412e8eac32a4a55ffe88ea8350788")
    );
    assert_eq!(transaction.nonce(), 9);
    assert_eq!(transaction.envelope.chain_id(), Some(1));
    assert_eq!(transaction.encode_2718().as_ref(), raw);
    assert_eq!(transaction.network_encoding().as_ref(), raw);
}

#[test]
fn what_is_no_transaction_is_refused_in_geths_words() {
    let good = dynamic(10, 1).encode_2718();
    assert_eq!(decode(&[]).unwrap_err(), "typed transaction too short");
    assert_eq!(decode(&[2]).unwrap_err(), "typed transaction too short");
    for tx_type in [0, 5, 0x7f] {
        let error = decode(&[tx_type, 0xc0]).unwrap_err();
        assert_eq!(error, "transaction type not supported");
    }
    assert!(
        decode(&good[..good.len() - 1])
            .unwrap_err()
            .starts_with("rlp: ")
    );
    assert_eq!(
        decode(b"hello").unwrap_err(),
        "transaction type not supported"
    );
    assert!(decode(&[0x83, 1, 2, 3]).unwrap_err().starts_with("rlp: "));
    assert!(decode(&[0xc0]).unwrap_err().starts_with("rlp: "));
    let longer = [&good[..], &[0]].concat();
    assert_eq!(
        decode(&longer).unwrap_err(),
        "rlp: input contains more than one value"
    );
}

#[test]
fn every_prefix_and_every_flipped_bit_is_refused_or_another_transaction() {
    let original = dynamic(10, 1);
    let raw = original.encode_2718().to_vec();
    for length in 0..raw.len() {
        assert!(decode(&raw[..length]).is_err(), "{length}");
    }
    for bit in 0..raw.len() * 8 {
        let mut flipped = raw.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = decode(&flipped) {
            assert_ne!(other.hash(), original.hash());
            assert_eq!(
                other.encode_2718().as_ref(),
                flipped,
                "read as it was written"
            );
        }
    }
}

#[test]
fn nonsense_signatures_are_refused() {
    let order: U256 =
        "115792089237316195423570985008687907852837564279074904382605163141518161494337"
            .parse()
            .unwrap();
    let good = *dynamic(10, 1).envelope.signature();
    let Envelope::Eip1559(signed) = dynamic(10, 1).envelope else {
        unreachable!()
    };
    for (r, s) in [
        (U256::ZERO, U256::ZERO),
        (U256::ZERO, good.s()),
        (good.r(), U256::ZERO),
        (order, good.s()),
        (good.r(), order - good.s()), // EIP-2: the upper half of s.
        (U256::MAX, U256::MAX),
    ] {
        let signature = Signature::new(r, s, false);
        let raw = Envelope::from(signed.tx().clone().into_signed(signature)).encoded_2718();
        assert_eq!(
            decode(&raw).unwrap_err(),
            "invalid sender: invalid transaction v, r, s values"
        );
    }
}

#[test]
fn a_legacy_signature_without_27_is_refused() {
    let legacy = TxLegacy {
        to: TxKind::Call(Address::ZERO),
        ..TxLegacy::default()
    };
    let signed = account()
        .sign_transaction(TypedTransaction::Legacy(legacy))
        .unwrap();
    let mut raw = signed.encode_2718().to_vec();
    assert_eq!(decode(&raw).unwrap(), signed, "unprotected ones are taken");
    // Behind v stand r and s with 33 bytes each.
    let v = raw.len() - 67;
    assert!(raw[v] == 27 || raw[v] == 28);
    raw[v] = 1;
    assert_eq!(decode(&raw).unwrap_err(), "rlp: invalid parity value");
}

#[test]
fn fees_are_those_of_eip_1559() {
    let transaction = dynamic(100, 10);
    assert_eq!(transaction.effective_tip(50), Some(10));
    assert_eq!(transaction.effective_tip(95), Some(5));
    assert_eq!(transaction.effective_tip(100), Some(0));
    assert_eq!(transaction.effective_tip(101), None);
    assert_eq!(transaction.max_cost(), U256::from(100 * 100 + 7));
    let legacy = TxLegacy {
        gas_price: 30,
        gas_limit: 2,
        ..TxLegacy::default()
    };
    let legacy = account()
        .sign_transaction(TypedTransaction::Legacy(legacy))
        .unwrap();
    assert_eq!(legacy.effective_tip(20), Some(10));
    assert_eq!((legacy.fee_cap(), legacy.tip_cap()), (30, 30));
    let greedy = TxLegacy {
        gas_price: u128::MAX,
        gas_limit: u64::MAX,
        value: U256::MAX,
        ..TxLegacy::default()
    };
    let greedy = account()
        .sign_transaction(TypedTransaction::Legacy(greedy))
        .unwrap();
    assert_eq!(greedy.max_cost(), U256::MAX);
}

/// A transaction with one blob, and its sidecar.
fn with_blob(sidecar: impl Into<BlobTransactionSidecarVariant>) -> SignedTransaction {
    let sidecar = sidecar.into();
    let transaction = TxEip4844 {
        chain_id: 1,
        max_fee_per_blob_gas: 3,
        blob_versioned_hashes: sidecar.versioned_hashes().collect(),
        ..TxEip4844::default()
    };
    let variant = TxEip4844Variant::TxEip4844WithSidecar(transaction.with_sidecar(sidecar));
    account()
        .sign_transaction(TypedTransaction::Eip4844(variant))
        .unwrap()
}

#[test]
fn blobs_travel_beside_the_transaction_in_both_forms() {
    let mut blob = Blob::ZERO;
    blob[1] = 5;
    let settings = c_kzg::ethereum_kzg_settings(0);
    let old = BlobTransactionSidecar::try_from_blobs_with_settings(vec![blob], settings).unwrap();
    let new =
        BlobTransactionSidecarEip7594::try_from_blobs_with_settings(vec![blob], settings).unwrap();
    let (old, new) = (with_blob(old), with_blob(new));
    assert_eq!(old.clone().with_cell_proofs().unwrap(), new);
    assert_eq!(
        old.hash(),
        new.hash(),
        "the form of the proofs is not part of it"
    );
    for transaction in [old, new] {
        assert_eq!(transaction.verify_blobs(), Ok(()));
        let raw = transaction.network_encoding();
        let read = SignedTransaction::decode_network(&raw).unwrap();
        assert_eq!(read, transaction);
        assert_eq!(read.network_encoding(), raw);
        let bare = SignedTransaction::decode_network(&transaction.encode_2718()).unwrap();
        assert_eq!(bare.hash(), transaction.hash());
        assert_eq!(bare.verify_blobs(), Err(BlobError::Missing));
        assert_eq!(transaction.max_cost(), U256::from(3 * DATA_GAS_PER_BLOB));
        refuses_wrong_blobs(&transaction);
    }
}

fn refuses_wrong_blobs(transaction: &SignedTransaction) {
    let with = |change: &dyn Fn(&mut BlobTransactionSidecarVariant)| {
        let mut wrong = transaction.clone();
        let mut sidecar = wrong.sidecar.as_deref().unwrap().clone();
        change(&mut sidecar);
        wrong.sidecar = Some(Arc::new(sidecar));
        wrong.verify_blobs().unwrap_err()
    };
    let other_blob = with(&|sidecar| match sidecar {
        Eip4844(sidecar) => sidecar.blobs[0][1] = 6,
        Eip7594(sidecar) => sidecar.blobs[0][1] = 6,
    });
    assert_eq!(
        other_blob,
        BlobError::Proof("kzg proof does not match".into())
    );
    let other_commitment = with(&|sidecar| match sidecar {
        Eip4844(sidecar) => sidecar.commitments[0][1] ^= 1,
        Eip7594(sidecar) => sidecar.commitments[0][1] ^= 1,
    });
    assert!(matches!(other_commitment, BlobError::Hash { index: 0, .. }));
    let no_proof = with(&|sidecar| match sidecar {
        Eip4844(sidecar) => sidecar.proofs.clear(),
        Eip7594(sidecar) => sidecar.cell_proofs.truncate(127),
    });
    assert!(matches!(
        no_proof,
        BlobError::Count {
            what: "blob proofs",
            ..
        }
    ));
    let two_blobs = with(&|sidecar| match sidecar {
        Eip4844(sidecar) => sidecar.blobs.push(Blob::ZERO),
        Eip7594(sidecar) => sidecar.blobs.push(Blob::ZERO),
    });
    assert_eq!(
        two_blobs.to_string(),
        "invalid number of 2 blobs compared to 1 blob hashes"
    );
}

#[test]
fn other_types_have_no_blobs_to_verify() {
    assert_eq!(dynamic(1, 1).verify_blobs(), Ok(()));
    let set_code = TypedTransaction::Eip7702(TxEip7702::default());
    let set_code = account().sign_transaction(set_code).unwrap();
    assert_eq!(set_code.verify_blobs(), Ok(()));
    assert!(set_code.has_known_blob_version());
}
