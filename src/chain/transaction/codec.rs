//! The form of a transaction on disk and in the replicated log.
//!
//! RLP: `[sender, transaction, sidecar?]`. The transaction is a byte string in its EIP-2718 form, without blobs; the
//! sidecar follows where there is one, as EIP-4844 and EIP-7594 write it. This is not a format of Ethereum's network:
//! the sender stands beside the transaction, so that nobody has to recover it again.

use super::{Envelope, SignedTransaction};
use alloy::{
    consensus::BlobTransactionSidecarVariant,
    eips::eip2718::{Decodable2718, Encodable2718},
    primitives::Address,
};
use alloy_rlp::{BufMut, Decodable, Encodable, Error, Header};
use std::sync::Arc;

impl SignedTransaction {
    /// The bytes; blobs included where they are there.
    pub fn to_bytes(&self) -> Vec<u8> {
        alloy_rlp::encode(self)
    }

    /// The transaction that the bytes hold, and nothing else. The sender is believed.
    pub fn from_bytes(bytes: &[u8]) -> alloy_rlp::Result<Self> {
        alloy_rlp::decode_exact(bytes)
    }

    fn transaction_header(&self) -> Header {
        Header {
            list: false,
            payload_length: self.envelope.encode_2718_len(),
        }
    }

    fn list_header(&self) -> Header {
        let payload_length = self.sender.length()
            + self.transaction_header().length_with_payload()
            + self.sidecar.as_ref().map_or(0, Encodable::length);
        Header {
            list: true,
            payload_length,
        }
    }
}

impl Encodable for SignedTransaction {
    fn encode(&self, out: &mut dyn BufMut) {
        self.list_header().encode(out);
        self.sender.encode(out);
        self.transaction_header().encode(out);
        self.envelope.encode_2718(out);
        if let Some(sidecar) = &self.sidecar {
            sidecar.encode(out);
        }
    }

    fn length(&self) -> usize {
        self.list_header().length_with_payload()
    }
}

impl Decodable for SignedTransaction {
    fn decode(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
        let mut fields = Header::decode_bytes(buf, true)?;
        let sender = Address::decode(&mut fields)?;
        let mut transaction = Header::decode_bytes(&mut fields, false)?;
        let envelope = Envelope::decode_2718(&mut transaction)
            .map_err(|_| Error::Custom("not an EIP-2718 transaction"))?;
        let sidecar = if fields.is_empty() {
            None
        } else {
            Some(Arc::new(BlobTransactionSidecarVariant::decode(
                &mut fields,
            )?))
        };
        if !transaction.is_empty() || !fields.is_empty() {
            return Err(Error::UnexpectedLength);
        }
        Ok(Self {
            envelope,
            sender,
            sidecar,
        })
    }
}

#[cfg(test)]
mod tests;
