//! A block in the form in which clients exchange it: RLP of header, transactions, ommers and withdrawals (Yellow Paper
//! 4.3 and appendix B, EIP-4895). Blobs are no part of it.

use super::BlockRecord;
use crate::chain::transaction::{Envelope, SignedTransaction};
use alloy::{consensus::Header, eips::eip4895::Withdrawals};
use alloy_rlp::{Encodable as _, Header as RlpHeader};
use std::sync::Arc;

/// The bytes of a block.
pub(crate) fn encode_block(
    header: &Header,
    transactions: &[Arc<SignedTransaction>],
    ommers: &[Header],
    withdrawals: Option<&Withdrawals>,
) -> Vec<u8> {
    let mut payload = Vec::new();
    header.encode(&mut payload);
    let envelopes: Vec<_> = transactions.iter().map(|one| &one.envelope).collect();
    alloy_rlp::encode_list::<_, Envelope>(&envelopes, &mut payload);
    alloy_rlp::encode_list(ommers, &mut payload);
    if let Some(withdrawals) = withdrawals {
        withdrawals.encode(&mut payload);
    }
    let mut out = Vec::with_capacity(payload.len() + 9);
    let header = RlpHeader {
        list: true,
        payload_length: payload.len(),
    };
    header.encode(&mut out);
    out.extend_from_slice(&payload);
    out
}

impl BlockRecord {
    /// The block as other clients read it.
    pub fn to_rlp(&self) -> Vec<u8> {
        encode_block(
            &self.header,
            &self.transactions,
            &self.ommers,
            self.withdrawals.as_ref(),
        )
    }
}
