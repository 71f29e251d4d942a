//! The dev accounts: keys that every node holds, and what is signed with them.

use super::transaction::{Envelope, SignedTransaction};
use alloy::{
    consensus::TypedTransaction,
    dyn_abi::TypedData,
    primitives::{Address, B256, Bytes, Signature},
};
use serde::{Deserialize, Serialize};

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Not a BIP-39 phrase or not a BIP-32 path.
    #[error("`{0}` is not a usable mnemonic or derivation path: {1}")]
    Mnemonic(String, String),
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
    pub fn from_key(_key: B256) -> Result<Self, AccountError> {
        todo!()
    }
    /// `count` accounts of a BIP-39 phrase, at `path` followed by 0, 1, … (`m/44'/60'/0'/0/`).
    pub fn from_mnemonic(
        _phrase: &str,
        _path: &str,
        _count: usize,
    ) -> Result<Vec<Self>, AccountError> {
        todo!()
    }
    /// Signs a transaction (RFC 6979: the same transaction gives the same bytes).
    pub fn sign_transaction(
        &self,
        _transaction: TypedTransaction,
    ) -> Result<SignedTransaction, AccountError> {
        todo!()
    }
    /// Signs a message as EIP-191 says.
    pub fn sign_message(&self, _message: &[u8]) -> Result<Signature, AccountError> {
        todo!()
    }
    /// Signs typed data as EIP-712 says.
    pub fn sign_typed_data(&self, _data: &TypedData) -> Result<Signature, AccountError> {
        todo!()
    }
}

/// A transaction of an impersonated account, which has no key: its signature is `r` = the sender's address, `s` = 1,
/// so that equal transactions of two senders differ in their hash, and the hash is what EIP-2718 says.
pub fn impersonate(_transaction: TypedTransaction, _sender: Address) -> SignedTransaction {
    todo!()
}
