//! A block on the head that a caller describes as a beacon chain would (`testing_buildBlockV1`); it is not kept.
//!
//! *Invariant.* Changes nothing.

use super::{BlockRecord, Exactly, FromPool, build::bytes_room, seal::seal};
use crate::chain::{
    Chain,
    evm::{
        environment::Strictness,
        execute::{BlockInput, ExecutionError, execute_block},
    },
    spec::Hardfork,
    state::Draft,
    transaction::SignedTransaction,
};
use alloy::{
    consensus::{BlockHeader as _, Transaction as _, proofs},
    eips::{eip4895::Withdrawals, eip7685::Requests},
    primitives::{Address, B256, Bytes, U256},
};
use std::sync::Arc;

/// What the consensus layer says of the next block (Engine API, `PayloadAttributesV3`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayloadAttributes {
    /// Unix seconds; later than the head's.
    pub timestamp: u64,
    /// PREVRANDAO.
    pub prev_randao: B256,
    /// The beneficiary.
    pub fee_recipient: Address,
    /// EIP-4895.
    pub withdrawals: Withdrawals,
    /// EIP-4788.
    pub parent_beacon_block_root: B256,
    /// At most 32 bytes.
    pub extra_data: Bytes,
}

/// A block with what the consensus layer wants to know of it.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The block.
    pub block: BlockRecord,
    /// What the beneficiary earns, wei.
    pub value: U256,
    /// EIP-7685.
    pub requests: Requests,
}

/// The gas limit that execution clients vote for on mainnet (geth's `GasCeil`).
const GAS_LIMIT_WANTED: u64 = 60_000_000;
/// By which part of itself, less one, a gas limit may change from block to block (Yellow Paper 4.4.4).
const GAS_LIMIT_BOUND_DIVISOR: u64 = 1024;

/// The next gas limit on the way from one to another.
fn towards(limit: u64, wanted: u64) -> u64 {
    let step = (limit / GAS_LIMIT_BOUND_DIVISOR).saturating_sub(1);
    wanted.clamp(limit.saturating_sub(step), limit.saturating_add(step))
}

impl Chain {
    /// Builds a block on the head: of exactly these transactions, or of the pool's best.
    pub fn build_payload(
        &self,
        attributes: &PayloadAttributes,
        transactions: Option<&[Arc<SignedTransaction>]>,
    ) -> Result<Payload, ExecutionError> {
        let mut header = self.next_header(attributes.timestamp);
        let rules = self.next_rules(attributes.timestamp);
        header.beneficiary = attributes.fee_recipient;
        header.mix_hash = attributes.prev_randao;
        header.gas_limit = towards(header.gas_limit, GAS_LIMIT_WANTED);
        header.extra_data = attributes.extra_data.clone();
        let withdrawals = rules
            .is_active(Hardfork::Shanghai)
            .then(|| attributes.withdrawals.clone());
        header.withdrawals_root = withdrawals
            .as_ref()
            .map(|withdrawals| proofs::calculate_withdrawals_root(withdrawals));
        if header.parent_beacon_block_root.is_some() {
            header.parent_beacon_block_root = Some(attributes.parent_beacon_block_root);
        }
        let mut draft = Draft::new(self.state().clone());
        let input = BlockInput {
            spec: self.spec(),
            chain_id: self.settings().chain_id,
            header: &header,
            ommers: &[],
            withdrawals: withdrawals.as_ref(),
            block_hash: &|number| self.recent_hash(number),
            signatures: &self.settings().signatures,
            strictness: Strictness::DevChain,
        };
        let executed = if let Some(transactions) = transactions {
            execute_block(&input, &mut draft, &mut Exactly(transactions.iter()))?
        } else {
            let base_fee = header.base_fee_per_gas.unwrap_or_default();
            let ready = self
                .pool()
                .ready(|sender| self.nonce(sender), base_fee, self.spec().order);
            let blob_gas = rules.blobs.map_or(0, |p| p.max_blob_gas_per_block());
            let mut source = FromPool::new(ready, usize::MAX, blob_gas, bytes_room(&rules));
            execute_block(&input, &mut draft, &mut source)?
        };
        seal(&mut header, &executed, draft.state());
        let tips = executed.transactions.iter().zip(&executed.receipts);
        let value = tips
            .map(|(tx, receipt)| {
                let base_fee = header.base_fee_per_gas().unwrap_or_default();
                let tip = tx.envelope.effective_tip_per_gas(base_fee);
                U256::from(tip.unwrap_or_default()) * U256::from(receipt.gas_used)
            })
            .sum();
        let block = BlockRecord {
            hash: header.hash_slow(),
            header,
            transactions: executed.transactions,
            ommers: Vec::new(),
            withdrawals,
            receipts: executed.receipts,
            version: self.version() + 1,
        };
        Ok(Payload {
            block,
            value,
            requests: executed.requests,
        })
    }
}
