//! The dev accounts: keys that every node holds, and what is signed with them.
//!
//! *Invariants.* Every signature is deterministic (RFC 6979): two nodes that sign the same give the same bytes.
//! Nothing here draws randomness: who wants a new phrase brings the entropy.

mod anvil_seed;
mod ganache_seed;
#[cfg(test)]
mod tests;

use super::transaction::{Envelope, SignedTransaction};
use alloy::{
    consensus::{
        BlobTransactionSidecarVariant, EthereumTypedTransaction, SignableTransaction as _,
        TxEip4844, TxEip4844Variant, TypedTransaction, crypto::secp256k1,
    },
    dyn_abi::TypedData,
    primitives::{Address, B256, Signature, U256, eip191_hash_message},
    signers::local::{
        LocalSignerError, MnemonicBuilder, PrivateKeySigner,
        coins_bip39::{English, Entropy, Mnemonic},
    },
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The phrase of the well-known dev accounts (hardhat's and anvil's).
pub const DEFAULT_MNEMONIC: &str = "test test test test test test test test test test test junk";
/// The path under which the accounts of a phrase lie, followed by 0, 1, … (BIP-44, coin type 60).
pub const DEFAULT_PATH: &str = "m/44'/60'/0'/0/";
/// More accounts of one phrase than this are refused: each costs some 100 µs at the start of every node.
pub const MAX_ACCOUNTS: usize = 100_000;

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Not a BIP-39 phrase or not a BIP-32 path.
    #[error("`{0}` is not a usable mnemonic or derivation path: {1}")]
    Mnemonic(String, String),
    /// Not 16, 20, 24, 28 or 32 bytes.
    #[error("the entropy of a mnemonic must be 16, 20, 24, 28 or 32 bytes, not {0}")]
    Entropy(usize),
    /// More than [`MAX_ACCOUNTS`].
    #[error("{0} accounts were asked for; at most {MAX_ACCOUNTS} can be made")]
    TooMany(usize),
    /// Not a secp256k1 key.
    #[error("a private key must be 32 bytes between 1 and the order of secp256k1")]
    Key,
    /// The typed data contradicts itself (EIP-712).
    #[error("{0}")]
    TypedData(String),
    /// Signing failed.
    #[error("signing failed: {0}")]
    Signing(String),
}

/// A private key, its address. The key is public by nature: every node prints it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevAccount {
    /// The address.
    pub address: Address,
    /// The secp256k1 private key.
    pub key: B256,
}

impl std::fmt::Debug for DevAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DevAccount({})", self.address)
    }
}

impl DevAccount {
    /// From a private key.
    pub fn from_key(key: B256) -> Result<Self, AccountError> {
        let signer = PrivateKeySigner::from_bytes(&key).map_err(|_| AccountError::Key)?;
        Ok(Self {
            address: signer.address(),
            key,
        })
    }

    /// `count` accounts of a BIP-39 phrase, at `path` followed by 0, 1, … (`m/44'/60'/0'/0/`).
    pub fn from_mnemonic(
        phrase: &str,
        path: &str,
        count: usize,
    ) -> Result<Vec<Self>, AccountError> {
        if count > MAX_ACCOUNTS {
            return Err(AccountError::TooMany(count));
        }
        let mut prefix = path.trim().to_owned();
        if !prefix.ends_with('/') {
            prefix.push('/');
        }
        // Words may be parted by more than one blank in a config file.
        let words = phrase.split_whitespace().collect::<Vec<_>>().join(" ");
        let unusable = |of: &str| {
            let of = of.to_owned();
            move |error: LocalSignerError| AccountError::Mnemonic(of, error.to_string())
        };
        let parent = MnemonicBuilder::<English>::default()
            .phrase(words.as_str())
            .derivation_path(format!("{prefix}0"))
            .map_err(unusable(path))?
            .build_parent_key()
            .map_err(unusable(&words))?;
        (0..count)
            .map(|index| {
                let signer = parent.child(index as u32).map_err(unusable(path))?.signer();
                Ok(Self {
                    address: signer.address(),
                    key: signer.to_bytes(),
                })
            })
            .collect()
    }

    /// Signs a transaction (RFC 6979: the same transaction gives the same bytes). Blobs are split off.
    pub fn sign_transaction(
        &self,
        transaction: TypedTransaction,
    ) -> Result<SignedTransaction, AccountError> {
        let (transaction, sidecar) = split_sidecar(transaction);
        let signature = self.sign_hash(transaction.signature_hash())?;
        Ok(assemble(transaction, sidecar, signature, self.address))
    }

    /// Signs a message as EIP-191 says.
    pub fn sign_message(&self, message: &[u8]) -> Result<Signature, AccountError> {
        self.sign_hash(eip191_hash_message(message))
    }

    /// Signs typed data as EIP-712 says.
    pub fn sign_typed_data(&self, data: &TypedData) -> Result<Signature, AccountError> {
        let hash = data
            .eip712_signing_hash()
            .map_err(|error| AccountError::TypedData(error.to_string()))?;
        self.sign_hash(hash)
    }

    fn sign_hash(&self, hash: B256) -> Result<Signature, AccountError> {
        secp256k1::sign_message(self.key, hash)
            .map_err(|error| AccountError::Signing(error.to_string()))
    }
}

/// The phrase that belongs to 16, 20, 24, 28 or 32 bytes of entropy (BIP-39), in English.
pub fn mnemonic_from_entropy(entropy: &[u8]) -> Result<String, AccountError> {
    // The library takes one byte more, and forgets it.
    let entropy = match entropy.len() {
        16 | 20 | 24 | 28 | 32 => Entropy::from_slice(entropy).ok(),
        _ => None,
    }
    .ok_or(AccountError::Entropy(entropy.len()))?;
    Ok(Mnemonic::<English>::new_from_entropy(entropy).to_phrase())
}

/// The phrase that anvil makes from a number. Not for anything of value.
pub fn mnemonic_from_seed(seed: u64) -> Result<String, AccountError> {
    mnemonic_from_entropy(&anvil_seed::entropy(seed))
}

/// The phrase that ganache makes from a text. Not for anything of value.
pub fn mnemonic_from_ganache_seed(seed: &str) -> Result<String, AccountError> {
    mnemonic_from_entropy(&ganache_seed::entropy(seed))
}

/// A transaction of an impersonated account, which has no key: its signature is `r` = the sender's address, `s` = 1,
/// so that equal transactions of two senders differ in their hash, and the hash is what EIP-2718 says.
pub fn impersonate(transaction: TypedTransaction, sender: Address) -> SignedTransaction {
    let (transaction, sidecar) = split_sidecar(transaction);
    let r = U256::from_be_slice(sender.as_slice());
    assemble(
        transaction,
        sidecar,
        Signature::new(r, U256::from(1), false),
        sender,
    )
}

/// The form in which a transaction is signed: the blobs are not part of it.
type Unsigned = EthereumTypedTransaction<TxEip4844>;

fn split_sidecar(
    transaction: TypedTransaction,
) -> (Unsigned, Option<BlobTransactionSidecarVariant>) {
    match transaction {
        TypedTransaction::Legacy(transaction) => (transaction.into(), None),
        TypedTransaction::Eip2930(transaction) => (transaction.into(), None),
        TypedTransaction::Eip1559(transaction) => (transaction.into(), None),
        TypedTransaction::Eip7702(transaction) => (transaction.into(), None),
        TypedTransaction::Eip4844(TxEip4844Variant::TxEip4844(transaction)) => {
            (transaction.into(), None)
        }
        TypedTransaction::Eip4844(TxEip4844Variant::TxEip4844WithSidecar(with)) => {
            let (transaction, sidecar) = with.into_parts();
            (transaction.into(), Some(sidecar))
        }
    }
}

fn assemble(
    transaction: Unsigned,
    sidecar: Option<BlobTransactionSidecarVariant>,
    signature: Signature,
    sender: Address,
) -> SignedTransaction {
    let envelope = Envelope::new_unhashed(transaction, signature);
    // The hash is kept in the envelope from its first use on: compute it before the value is shared.
    let _ = envelope.hash();
    SignedTransaction {
        envelope,
        sender,
        sidecar: sidecar.map(Arc::new),
    }
}
