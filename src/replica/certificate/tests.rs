#![allow(clippy::unwrap_used)]

use super::*;
use ed25519_dalek::{Signer as _, SigningKey};

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn public(number: u8) -> PublicKey {
    PublicKey(key(number).verifying_key().to_bytes())
}

fn certificate(signers: &[u8]) -> Certificate {
    let mut certificate = Certificate {
        cluster_id: B256::repeat_byte(1),
        index: 7,
        block_number: 5,
        block_hash: B256::repeat_byte(2),
        state_root: B256::repeat_byte(3),
        members: (1..=3)
            .map(|number| CertifiedMember {
                name: format!("node{number}"),
                public_key: public(number),
            })
            .collect(),
        signatures: Vec::new(),
        quorum: 2,
    };
    let bytes = certificate.statement().to_bytes();
    let sign = |number: &u8| MemberSignature {
        public_key: public(*number),
        signature: B512::new(key(*number).sign(&bytes).to_bytes()),
    };
    certificate.signatures = signers.iter().map(sign).collect();
    certificate
}

fn keys() -> Vec<PublicKey> {
    (1..=3).map(public).collect()
}

#[test]
fn the_bytes_are_those_of_the_documentation() {
    let bytes = certificate(&[]).statement().to_bytes();
    assert_eq!(&bytes[..29], b"praline commit certificate 1\n");
    assert_eq!(bytes.len(), 29 + 32 + 8 + 8 + 32 + 32);
    assert_eq!(bytes[29..61], [1; 32]);
    assert_eq!(bytes[61..69], 7_u64.to_be_bytes());
    assert_eq!(bytes[69..77], 5_u64.to_be_bytes());
    assert_eq!(bytes[77..109], [2; 32]);
    assert_eq!(bytes[109..], [3; 32]);
}

#[test]
fn a_quorum_is_enough_and_one_less_is_not() {
    assert_eq!(certificate(&[1, 3]).check(&keys()), Ok(2));
    assert_eq!(certificate(&[1, 2, 3]).check(&keys()), Ok(3));
    let fault = CertificateFault::TooFew {
        signed: 1,
        members: 3,
        quorum: 2,
    };
    assert_eq!(certificate(&[2]).check(&keys()), Err(fault));
}

#[test]
fn every_field_is_under_the_signatures() {
    let changes: [fn(&mut Certificate); 5] = [
        |it| it.cluster_id.0[0] ^= 1,
        |it| it.index += 1,
        |it| it.block_number += 1,
        |it| it.block_hash.0[31] ^= 1,
        |it| it.state_root.0[31] ^= 1,
    ];
    for change in changes {
        let mut changed = certificate(&[1, 2]);
        change(&mut changed);
        let fault = CertificateFault::Signature(public(1));
        assert_eq!(changed.check(&keys()), Err(fault));
    }
    let mut changed = certificate(&[1, 2]);
    changed.signatures[1].signature.0[5] ^= 1;
    let fault = CertificateFault::Signature(public(2));
    assert_eq!(changed.check(&keys()), Err(fault));
}

#[test]
fn strangers_and_repetitions_do_not_count() {
    let fault = CertificateFault::Stranger(public(4));
    assert_eq!(certificate(&[1, 4]).check(&keys()), Err(fault));
    let fault = CertificateFault::Twice(public(1));
    assert_eq!(certificate(&[1, 1]).check(&keys()), Err(fault));
    // What the certificate itself calls a quorum does not count.
    let mut modest = certificate(&[1]);
    modest.quorum = 1;
    assert!(modest.check(&keys()).is_err());
}

#[test]
fn json_comes_back_as_it_was() {
    let certificate = certificate(&[1, 2]);
    let json = serde_json::to_string(&certificate).unwrap();
    let again: Certificate = serde_json::from_str(&json).unwrap();
    assert_eq!(again, certificate);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        value["signatures"][0]["signature"].as_str().unwrap().len(),
        128
    );
    assert_eq!(value["members"][0]["publicKey"], public(1).to_string());
    let short = json.replace(&public(1).to_string(), "abcd");
    let error = serde_json::from_str::<Certificate>(&short).unwrap_err();
    assert!(
        error.to_string().contains("`abcd` is no hex of 32 bytes"),
        "{error}"
    );
}
