//! The blobs of a transaction: whether they are its own (EIP-4844, EIP-7594).
//!
//! What needs KZG is in [`super::kzg`], which a build without C libraries lacks: it refuses blobs that it cannot check.

use super::SignedTransaction;
#[cfg(feature = "native-crypto")]
use super::kzg::check_proofs;
use alloy::{
    consensus::{BlobTransactionSidecarVariant, Transaction as _},
    eips::{eip4844::VERSIONED_HASH_VERSION_KZG, eip7594::CELLS_PER_EXT_BLOB},
    primitives::B256,
};

/// Blobs that do not belong to their transaction (EIP-4844, EIP-7594), in geth's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// A blob transaction came without its blobs.
    #[error("missing sidecar in blob transaction")]
    Missing,
    /// Counts differ.
    #[error("invalid number of {have} {what} compared to {want} blob hashes")]
    Count {
        /// Of what there are too few or too many.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many there should be.
        want: usize,
    },
    /// A commitment does not hash to what the transaction says.
    #[error("blob {index}: computed hash {computed} mismatches transaction one {have}")]
    Hash {
        /// Which blob.
        index: usize,
        /// From the commitment.
        computed: B256,
        /// From the transaction.
        have: B256,
    },
    /// A proof does not fit.
    #[error("invalid blob: {0}")]
    Proof(String),
}

impl SignedTransaction {
    /// Checks that the blobs are there, that the transaction's versioned hashes are theirs, and the KZG proofs: the
    /// cheap checks first, because a proof takes about a millisecond and the first one loads the trusted setup.
    /// `Ok` for other types.
    pub fn verify_blobs(&self) -> Result<(), BlobError> {
        let Some(hashes) = self.envelope.blob_versioned_hashes() else {
            return Ok(());
        };
        let sidecar = self.sidecar.as_deref().ok_or(BlobError::Missing)?;
        let want = hashes.len();
        let (proofs, proofs_wanted) = match sidecar {
            BlobTransactionSidecarVariant::Eip4844(sidecar) => (sidecar.proofs.len(), want),
            BlobTransactionSidecarVariant::Eip7594(sidecar) => {
                (sidecar.cell_proofs.len(), want * CELLS_PER_EXT_BLOB)
            }
        };
        let count = |what, have, want| {
            if have == want {
                Ok(())
            } else {
                Err(BlobError::Count { what, have, want })
            }
        };
        count("blobs", sidecar.blobs().len(), want)?;
        count("blob commitments", sidecar.commitments().len(), want)?;
        count("blob proofs", proofs, proofs_wanted)?;
        for (index, (have, computed)) in hashes.iter().zip(sidecar.versioned_hashes()).enumerate() {
            if *have != computed {
                return Err(BlobError::Hash {
                    index,
                    computed,
                    have: *have,
                });
            }
        }
        check_proofs(sidecar, hashes)
    }

    /// The versioned hashes of the blobs that are here with it.
    pub fn kept_blobs(&self) -> &[B256] {
        match self.sidecar {
            Some(_) => self.envelope.blob_versioned_hashes().unwrap_or_default(),
            None => &[],
        }
    }

    /// Whether all its versioned hashes have the version of EIP-4844.
    pub fn has_known_blob_version(&self) -> bool {
        self.envelope.blob_versioned_hashes().is_none_or(|hashes| {
            hashes
                .iter()
                .all(|hash| hash[0] == VERSIONED_HASH_VERSION_KZG)
        })
    }
}

#[cfg(not(feature = "native-crypto"))]
fn check_proofs(_: &BlobTransactionSidecarVariant, _: &[B256]) -> Result<(), BlobError> {
    Err(BlobError::Proof(
        "this build of praline cannot check KZG proofs".into(),
    ))
}
