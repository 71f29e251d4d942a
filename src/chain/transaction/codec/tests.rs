//! Transactions of every type come back as they were written.
#![allow(clippy::unwrap_used)]

use super::*;
use alloy::{
    consensus::{
        BlobTransactionSidecar, BlobTransactionSidecarEip7594, Signed, TxEip1559, TxEip2930,
        TxEip4844, TxEip7702, TxLegacy,
    },
    eips::eip4844::{Blob, Bytes48},
    primitives::{B256, Signature, U256},
};

fn sign<T>(tx: T) -> Signed<T> {
    Signed::new_unhashed(tx, Signature::new(U256::from(7), U256::ONE, true))
}

fn transactions() -> Vec<SignedTransaction> {
    let blob = TxEip4844 {
        blob_versioned_hashes: vec![B256::ZERO],
        ..Default::default()
    };
    let v0 = BlobTransactionSidecar {
        blobs: vec![Blob::ZERO],
        commitments: vec![Bytes48::ZERO],
        proofs: vec![Bytes48::ZERO],
    };
    let v1 = BlobTransactionSidecarEip7594::new(
        vec![Blob::ZERO],
        vec![Bytes48::ZERO],
        vec![Bytes48::ZERO; 128],
    );
    let plain = [
        Envelope::Legacy(sign(TxLegacy::default())),
        Envelope::Legacy(sign(TxLegacy {
            chain_id: Some(31337),
            ..Default::default()
        })),
        Envelope::Eip2930(sign(TxEip2930::default())),
        Envelope::Eip1559(sign(TxEip1559::default())),
        Envelope::Eip4844(sign(blob.clone())),
        Envelope::Eip7702(sign(TxEip7702::default())),
    ];
    let with_blobs = [v0.into(), v1.into()].map(|sidecar: BlobTransactionSidecarVariant| {
        (
            Envelope::Eip4844(sign(blob.clone())),
            Some(Arc::new(sidecar)),
        )
    });
    let all = plain
        .into_iter()
        .map(|envelope| (envelope, None))
        .chain(with_blobs);
    let sender = Address::repeat_byte(3);
    all.map(|(envelope, sidecar)| SignedTransaction {
        envelope,
        sender,
        sidecar,
    })
    .collect()
}

#[test]
fn a_transaction_comes_back_as_it_was() {
    for transaction in transactions() {
        let bytes = alloy_rlp::encode(&transaction);
        assert_eq!(bytes.len(), transaction.length());
        let mut rest = &bytes[..];
        let decoded = <SignedTransaction as Decodable>::decode(&mut rest).unwrap();
        assert_eq!(decoded, transaction);
        assert_eq!(decoded.envelope.tx_hash(), transaction.envelope.tx_hash());
        assert!(rest.is_empty());
    }
}

#[test]
fn damaged_bytes_are_refused() {
    let bytes = alloy_rlp::encode(&transactions()[3]);
    for length in 0..bytes.len() {
        assert!(<SignedTransaction as Decodable>::decode(&mut &bytes[..length]).is_err());
    }
    let mut longer = bytes.clone();
    longer[0] += 1;
    longer.push(0);
    assert!(<SignedTransaction as Decodable>::decode(&mut &longer[..]).is_err());
}
