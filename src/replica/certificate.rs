//! Commit certificates: what a quorum of members has signed about one block, checkable by anybody, offline.
//!
//! A member signs, with its ed25519 identity key (RFC 8032), these bytes and nothing else:
//!
//! ```text
//! "praline commit certificate 1\n"   29 bytes, so that no signature made for another purpose fits
//! cluster id                         32 bytes
//! index of the log entry             u64, big-endian: the entry that made the block
//! block number                       u64, big-endian
//! block hash                         32 bytes
//! state root                         32 bytes: that of the block's header
//! ```
//!
//! *What it says.* "I have applied the committed entry `index` of this cluster's log, and it made this block with this state."
//! A quorum of such words means that no other block can ever have been committed there. A revert on request
//! (`evm_revert`) takes the block out of the chain later; it does not unsay that the block was committed.
//!
//! *When.* On demand, not with each block: three signatures and a second round of messages would cost each write a
//! third of a millisecond, and most blocks of a dev chain are never certified. What is signed is the same either way,
//! because the archive keeps each block's log index, and ed25519 signatures are deterministic; see `certify`.
//!
//! *Never here:* secret keys, the network, the chain.

use crate::types::{LogIndex, PublicKey};
use alloy::primitives::{B256, B512, hex};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::collections::BTreeSet;

const DOMAIN: &[u8] = b"praline commit certificate 1\n";

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The cluster's id: a digest of the chain's rules and the members' names and keys.
    pub cluster_id: B256,
    /// The entry of the log that made the block; 0 for the genesis block, which no entry made.
    pub index: LogIndex,
    /// The block's number.
    pub block_number: u64,
    /// The hash of its header.
    pub block_hash: B256,
    /// The state root in its header.
    pub state_root: B256,
}

impl Statement {
    /// The bytes that are signed; see the module.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend_from_slice(&self.cluster_id[..]);
        bytes.extend_from_slice(&self.index.to_be_bytes());
        bytes.extend_from_slice(&self.block_number.to_be_bytes());
        bytes.extend_from_slice(&self.block_hash[..]);
        bytes.extend_from_slice(&self.state_root[..]);
        bytes
    }

    /// Whether `signature` is that of the key's owner under this.
    pub fn is_signed(&self, key: &PublicKey, signature: &B512) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&key.0) else {
            return false;
        };
        key.verify_strict(&self.to_bytes(), &Signature::from_bytes(signature))
            .is_ok()
    }
}

/// A member that may sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertifiedMember {
    /// Its name.
    pub name: String,
    /// Its identity.
    #[serde(with = "plain_key")]
    pub public_key: PublicKey,
}

/// One member's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberSignature {
    /// Whose.
    #[serde(with = "plain_key")]
    pub public_key: PublicKey,
    /// 64 bytes (RFC 8032).
    #[serde(with = "plain_signature")]
    pub signature: B512,
}

/// A certificate, in the form in which RPC and files have it: hashes with 0x, keys and signatures without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// See [`Statement`].
    pub cluster_id: B256,
    /// See [`Statement`].
    pub index: LogIndex,
    /// See [`Statement`].
    pub block_number: u64,
    /// See [`Statement`].
    pub block_hash: B256,
    /// See [`Statement`].
    pub state_root: B256,
    /// Who may sign.
    pub members: Vec<CertifiedMember>,
    /// Who has signed.
    pub signatures: Vec<MemberSignature>,
    /// How many must sign: more than half of the members.
    pub quorum: usize,
}

/// A certificate that proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// The signature is not one under this statement.
    #[error(
        "the signature of {0} is not one of that key under what the certificate says: one of the two was changed"
    )]
    Signature(PublicKey),
    /// A signature of a stranger.
    #[error("{0} has signed, but is no member of the cluster")]
    Stranger(PublicKey),
    /// Two signatures of one member.
    #[error("{0} has signed twice, which counts once")]
    Twice(PublicKey),
    /// Not enough.
    #[error("{signed} of {members} members have signed, and {quorum} must")]
    TooFew {
        /// Members that have signed.
        signed: usize,
        /// All members.
        members: usize,
        /// How many are needed.
        quorum: usize,
    },
}

/// How many of so many members are more than half.
pub fn quorum_of(members: usize) -> usize {
    members / 2 + 1
}

impl Certificate {
    /// What its signatures must be under.
    pub fn statement(&self) -> Statement {
        Statement {
            cluster_id: self.cluster_id,
            index: self.index,
            block_number: self.block_number,
            block_hash: self.block_hash,
            state_root: self.state_root,
        }
    }

    /// Checks it against the keys of a cluster: how many have signed. The keys must come from somewhere else than the
    /// certificate (a config), or it only proves that whoever made it holds the keys that it names.
    pub fn check(&self, keys: &[PublicKey]) -> Result<usize, CertificateFault> {
        let statement = self.statement();
        let keys: BTreeSet<&PublicKey> = keys.iter().collect();
        let mut signed = BTreeSet::new();
        for one in &self.signatures {
            if !keys.contains(&one.public_key) {
                return Err(CertificateFault::Stranger(one.public_key));
            }
            if !statement.is_signed(&one.public_key, &one.signature) {
                return Err(CertificateFault::Signature(one.public_key));
            }
            if !signed.insert(one.public_key) {
                return Err(CertificateFault::Twice(one.public_key));
            }
        }
        let quorum = quorum_of(keys.len());
        if signed.len() < quorum {
            return Err(CertificateFault::TooFew {
                signed: signed.len(),
                members: keys.len(),
                quorum,
            });
        }
        Ok(signed.len())
    }
}

mod plain_key {
    use super::{Deserializer, PublicKey, Serializer, bytes};

    pub(super) fn serialize<S: Serializer>(key: &PublicKey, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(key)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PublicKey, D::Error> {
        bytes(from).map(PublicKey)
    }
}

mod plain_signature {
    use super::{B512, Deserializer, Serializer, bytes, hex};

    pub(super) fn serialize<S: Serializer>(it: &B512, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(it))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<B512, D::Error> {
        bytes(from).map(B512::new)
    }
}

/// So many bytes as hex, with or without 0x.
fn bytes<'de, D: Deserializer<'de>, const N: usize>(from: D) -> Result<[u8; N], D::Error> {
    let text = String::deserialize(from)?;
    let mut bytes = [0; N];
    hex::decode_to_slice(&text, &mut bytes).map_err(|problem| {
        let shown: String = text.chars().take(140).collect();
        D::Error::custom(format!("`{shown}` is no hex of {N} bytes: {problem}"))
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
