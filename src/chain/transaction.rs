//! A transaction with its sender, recovered once in the life of a cluster.

mod codec;

use alloy::{
    consensus::{
        BlobTransactionSidecarVariant, EthereumTxEnvelope, Transaction as _, TxEip4844,
        crypto::RecoveryError,
    },
    primitives::{Address, B256, Bytes},
};
use std::sync::Arc;

/// The canonical form of a transaction, as it stands in a block: without a blob sidecar (EIP-2718, EIP-4844).
pub type Envelope = EthereumTxEnvelope<TxEip4844>;

/// A transaction, its sender, and its blobs where it has any.
///
/// The sender is *given*, not derived: an impersonated account has no signature. Whoever makes this value from bytes
/// of a client recovers the sender; members of a cluster take it from each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTransaction {
    /// The transaction; its hash is computed once and kept.
    pub envelope: Envelope,
    /// Who pays for it.
    pub sender: Address,
    /// The blobs with commitments and proofs of an EIP-4844 transaction that has not been mined yet.
    pub sidecar: Option<Arc<BlobTransactionSidecarVariant>>,
}
