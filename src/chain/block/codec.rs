//! The form of a block on disk: a format byte, then an RLP list.
//!
//! Blooms of receipts are left out, since they follow from the logs; a block without logs would consist of them
//! mostly.

use super::{BlockRecord, ReceiptRecord};
use crate::chain::transaction::SignedTransaction;
use alloy::{
    consensus::{Eip658Value, Header, Receipt, ReceiptEnvelope, TxReceipt as _, TxType},
    eips::eip4895::{Withdrawal, Withdrawals},
    primitives::{Address, B256, Bytes, Log},
};
use alloy_rlp::{BufMut, Decodable, Encodable, RlpDecodable, RlpEncodable};
use std::sync::Arc;

/// The format that is written.
const FORMAT: u8 = 1;

/// Bytes that are not a stored block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockCodecError {
    /// Written by another version of the program.
    #[error("a block in format {0:?}, but this version reads format {FORMAT}")]
    Format(Option<u8>),
    /// The RLP does not hold.
    #[error("a block that cannot be decoded: {0}")]
    Rlp(alloy_rlp::Error),
}

impl BlockRecord {
    /// The bytes to keep.
    pub fn encode(&self) -> Vec<u8> {
        let fields: [&dyn Encodable; 7] = [
            &self.hash,
            &self.version,
            &self.header,
            &self.transactions,
            &self.ommers,
            &OptionalList(self.withdrawals.as_ref()),
            &self.receipts,
        ];
        let payload_length = fields.iter().copied().map(Encodable::length).sum();
        let mut out = Vec::with_capacity(payload_length + 10);
        out.push(FORMAT);
        alloy_rlp::Header {
            list: true,
            payload_length,
        }
        .encode(&mut out);
        for field in fields {
            field.encode(&mut out);
        }
        out
    }

    /// Reads back what [`BlockRecord::encode`] gave.
    pub fn decode(bytes: &[u8]) -> Result<Self, BlockCodecError> {
        match bytes.split_first() {
            Some((&FORMAT, rlp)) => decode_fields(rlp).map_err(BlockCodecError::Rlp),
            other => Err(BlockCodecError::Format(other.map(|(format, _)| *format))),
        }
    }

    /// About how many bytes it takes in memory, for limits.
    pub fn size_estimate(&self) -> usize {
        const BLOCK: usize = 1024;
        const TRANSACTION: usize = 1024;
        const LOG: usize = 192;
        /// The blob, its commitment and its cell proofs.
        const BLOB: usize = 131_072 + 48 + 128 * 48;
        let transactions = self.transactions.iter().map(|transaction| {
            let input = alloy::consensus::Transaction::input(&transaction.envelope);
            TRANSACTION + input.len() + transaction.kept_blobs().len() * BLOB
        });
        let logs = self
            .receipts
            .iter()
            .flat_map(|receipt| receipt.receipt.logs());
        let logs = logs.map(|log| LOG + log.data.data.len());
        BLOCK + transactions.sum::<usize>() + logs.sum::<usize>()
    }
}

fn decode_fields(mut rlp: &[u8]) -> alloy_rlp::Result<BlockRecord> {
    let mut fields = alloy_rlp::Header::decode_bytes(&mut rlp, true)?;
    let fields = &mut fields;
    let block = BlockRecord {
        hash: B256::decode(fields)?,
        version: u64::decode(fields)?,
        header: Header::decode(fields)?,
        transactions: Vec::<Arc<SignedTransaction>>::decode(fields)?,
        ommers: Vec::<Header>::decode(fields)?,
        withdrawals: Vec::<Vec<Withdrawal>>::decode(fields)?
            .pop()
            .map(Withdrawals::new),
        receipts: Vec::<ReceiptRecord>::decode(fields)?,
    };
    if rlp.is_empty() && fields.is_empty() {
        Ok(block)
    } else {
        Err(alloy_rlp::Error::UnexpectedLength)
    }
}

/// A list that holds the value if there is one.
struct OptionalList<'a>(Option<&'a Withdrawals>);

impl Encodable for OptionalList<'_> {
    fn encode(&self, out: &mut dyn BufMut) {
        let payload_length = self.0.map_or(0, Encodable::length);
        alloy_rlp::Header {
            list: true,
            payload_length,
        }
        .encode(out);
        if let Some(value) = self.0 {
            value.encode(out);
        }
    }

    fn length(&self) -> usize {
        let payload_length = self.0.map_or(0, Encodable::length);
        alloy_rlp::Header {
            list: true,
            payload_length,
        }
        .length_with_payload()
    }
}

/// A receipt as it is stored, and [`ReceiptFieldsRef`] the same for writing.
#[derive(RlpDecodable)]
struct ReceiptFields {
    tx_type: u8,
    status: Eip658Value,
    cumulative_gas_used: u64,
    logs: Vec<Log>,
    gas_used: u64,
    contract_address: Bytes,
    first_log_index: u64,
}

#[derive(RlpEncodable)]
struct ReceiptFieldsRef<'a> {
    tx_type: u8,
    status: Eip658Value,
    cumulative_gas_used: u64,
    logs: LogList<'a>,
    gas_used: u64,
    contract_address: &'a [u8],
    first_log_index: u64,
}

struct LogList<'a>(&'a [Log]);

impl Encodable for LogList<'_> {
    fn encode(&self, out: &mut dyn BufMut) {
        alloy_rlp::encode_list(self.0, out);
    }

    fn length(&self) -> usize {
        alloy_rlp::list_length(self.0)
    }
}

impl ReceiptRecord {
    fn fields(&self) -> ReceiptFieldsRef<'_> {
        ReceiptFieldsRef {
            tx_type: self.receipt.tx_type() as u8,
            status: self.receipt.status_or_post_state(),
            cumulative_gas_used: self.receipt.cumulative_gas_used(),
            logs: LogList(self.receipt.logs()),
            gas_used: self.gas_used,
            contract_address: self
                .contract_address
                .as_ref()
                .map_or(&[], |address| &address[..]),
            first_log_index: self.first_log_index,
        }
    }
}

impl Encodable for ReceiptRecord {
    fn encode(&self, out: &mut dyn BufMut) {
        self.fields().encode(out);
    }

    fn length(&self) -> usize {
        self.fields().length()
    }
}

impl Decodable for ReceiptRecord {
    fn decode(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
        let fields = ReceiptFields::decode(buf)?;
        let tx_type = TxType::try_from(fields.tx_type)
            .map_err(|_| alloy_rlp::Error::Custom("not a type of transaction"))?;
        let contract_address = if fields.contract_address.is_empty() {
            None
        } else {
            let address = Address::try_from(&fields.contract_address[..]);
            Some(address.map_err(|_| alloy_rlp::Error::UnexpectedLength)?)
        };
        let receipt = Receipt {
            status: fields.status,
            cumulative_gas_used: fields.cumulative_gas_used,
            logs: fields.logs,
        };
        Ok(Self {
            receipt: ReceiptEnvelope::from_typed(tx_type, receipt),
            gas_used: fields.gas_used,
            contract_address,
            first_log_index: fields.first_log_index,
        })
    }
}

#[cfg(test)]
mod tests;
