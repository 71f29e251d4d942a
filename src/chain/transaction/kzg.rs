//! KZG proofs of blobs, by the C library.

use super::{BlobError, SignedTransaction};
use alloy::{
    consensus::BlobTransactionSidecarVariant,
    eips::eip4844::{BlobTransactionValidationError, c_kzg},
    primitives::B256,
};
use std::sync::Arc;

/// How much of the KZG setup is worked out ahead: nothing. That would speed up the making of cell proofs, which a node
/// seldom does, and take 96 MiB.
const KZG_PRECOMPUTE: u64 = 0;

/// Checks the proofs against the versioned hashes. The first call loads the trusted setup.
pub(super) fn check_proofs(
    sidecar: &BlobTransactionSidecarVariant,
    hashes: &[B256],
) -> Result<(), BlobError> {
    let settings = c_kzg::ethereum_kzg_settings(KZG_PRECOMPUTE);
    sidecar.validate(hashes, settings).map_err(|error| {
        BlobError::Proof(match error {
            BlobTransactionValidationError::InvalidProof => "kzg proof does not match".into(),
            other => other.to_string(),
        })
    })
}

impl SignedTransaction {
    /// The same transaction with cell proofs (EIP-7594) where it had one proof a blob. The old proofs are checked first.
    pub fn with_cell_proofs(mut self) -> Result<Self, BlobError> {
        self.verify_blobs()?;
        if let Some(sidecar) = self.sidecar.take() {
            let settings = c_kzg::ethereum_kzg_settings(KZG_PRECOMPUTE);
            let converted =
                Arc::unwrap_or_clone(sidecar).try_convert_into_eip7594_with_settings(settings);
            let converted = converted.map_err(|error| BlobError::Proof(error.to_string()))?;
            self.sidecar = Some(Arc::new(converted));
        }
        Ok(self)
    }
}
