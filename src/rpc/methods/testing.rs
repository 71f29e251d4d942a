//! `testing_*` of execution-apis: blocks that are built to be looked at.

use super::{Method, methods};
use crate::{
    chain::{
        Chain,
        block::{Payload, PayloadAttributes},
        evm::execute::ExecutionError,
        transaction::SignedTransaction,
    },
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::{Json, List, Object, write_data},
    },
};
use alloy::{
    consensus::BlobTransactionSidecarVariant,
    eips::eip2718::Encodable2718 as _,
    primitives::{B256, Bytes},
};
use std::sync::Arc;

pub(super) const METHODS: &[Method] = methods![
    Read "testing_buildBlockV1" => build_block;
];

/// The most bytes of a block's extra data (Yellow Paper 4.4.3).
const MAX_EXTRA_DATA: usize = 32;

/// A block on the head; `null` for transactions takes the pool's. Nothing is kept.
async fn build_block(call: Call<'_>) -> Answer {
    call.params.at_most(4)?;
    let parent: B256 = call.params.required(0)?;
    let mut attributes: PayloadAttributes = call.params.required(1)?;
    let raw: Option<Vec<Bytes>> = call.params.optional(2)?;
    attributes.extra_data = call.params.optional::<Bytes>(3)?.unwrap_or_default();
    if attributes.extra_data.len() > MAX_EXTRA_DATA {
        return Err(RpcError::invalid_argument(
            3,
            format!(
                "{} bytes of extra data, at most {MAX_EXTRA_DATA} are allowed",
                attributes.extra_data.len()
            ),
        ));
    }
    let chain = call.context.chain().await?;
    let head = chain.head();
    if parent != head.hash {
        return Err(RpcError::server("parentHash is not current head"));
    }
    if attributes.timestamp <= head.header.timestamp {
        return Err(RpcError::server(format!(
            "invalid timestamp, parent {} given {}",
            head.header.timestamp, attributes.timestamp
        )));
    }
    call.context
        .run(move || build(&chain, &attributes, raw))
        .await
}

fn build(chain: &Chain, attributes: &PayloadAttributes, raw: Option<Vec<Bytes>>) -> Answer {
    let transactions = raw
        .map(|raw| {
            raw.iter()
                .map(|tx| decode(tx))
                .collect::<Result<Vec<_>, _>>()
        })
        .transpose()?;
    let payload =
        chain
            .build_payload(attributes, transactions.as_deref())
            .map_err(|error| {
                let (ExecutionError::InvalidTransaction { reason, .. }
                | ExecutionError::Block(reason)) = error;
                RpcError::server(reason)
            })?;
    Ok(answer(&payload, |hash| sidecar(chain, hash)))
}

fn decode(raw: &[u8]) -> Result<Arc<SignedTransaction>, RpcError> {
    Ok(Arc::new(SignedTransaction::decode_network(raw)?))
}

fn sidecar(chain: &Chain, hash: &B256) -> Option<Arc<BlobTransactionSidecarVariant>> {
    chain.pool().get(hash)?.sidecar.clone()
}

/// Engine API: `engine_getPayloadV5`.
fn answer(
    payload: &Payload,
    sidecar_of: impl Fn(&B256) -> Option<Arc<BlobTransactionSidecarVariant>>,
) -> Json {
    let sidecars: Vec<_> = payload
        .block
        .transactions
        .iter()
        .filter_map(|tx| tx.sidecar.clone().or_else(|| sidecar_of(tx.hash())))
        .collect();
    Json::object(|o| {
        o.object("executionPayload", |o| execution_payload(o, payload));
        o.quantity("blockValue", payload.value);
        o.object("blobsBundle", |o| blobs_bundle(o, &sidecars));
        o.list("executionRequests", |list| {
            // A type byte alone asks for nothing (EIP-7685).
            for request in payload.requests.iter().filter(|request| request.len() > 1) {
                write_data(list.next(), request);
            }
        });
        o.bool("shouldOverrideBuilder", false);
    })
}

fn execution_payload(o: &mut Object<'_>, payload: &Payload) {
    let header = &payload.block.header;
    o.data("parentHash", header.parent_hash);
    o.data("feeRecipient", header.beneficiary);
    o.data("stateRoot", header.state_root);
    o.data("receiptsRoot", header.receipts_root);
    o.data("logsBloom", header.logs_bloom);
    o.data("prevRandao", header.mix_hash);
    o.quantity("blockNumber", header.number);
    o.quantity("gasLimit", header.gas_limit);
    o.quantity("gasUsed", header.gas_used);
    o.quantity("timestamp", header.timestamp);
    o.data("extraData", &header.extra_data);
    o.quantity("baseFeePerGas", header.base_fee_per_gas.unwrap_or_default());
    o.data("blockHash", payload.block.hash);
    o.list("transactions", |list| {
        for tx in &payload.block.transactions {
            write_data(list.next(), &tx.envelope.encoded_2718());
        }
    });
    if let Some(withdrawals) = &payload.block.withdrawals {
        o.list("withdrawals", |list| {
            for withdrawal in withdrawals {
                Object::write(list.next(), |o| {
                    o.quantity("index", withdrawal.index);
                    o.quantity("validatorIndex", withdrawal.validator_index);
                    o.data("address", withdrawal.address);
                    o.quantity("amount", withdrawal.amount);
                });
            }
        });
    }
    o.quantity_if("blobGasUsed", header.blob_gas_used);
    o.quantity_if("excessBlobGas", header.excess_blob_gas);
}

fn blobs_bundle(o: &mut Object<'_>, sidecars: &[Arc<BlobTransactionSidecarVariant>]) {
    fn all<'a>(out: &mut Vec<u8>, parts: impl Iterator<Item = &'a [u8]>) {
        List::write(out, |list| {
            for part in parts {
                write_data(list.next(), part);
            }
        });
    }
    let commitments = sidecars.iter().flat_map(|sidecar| sidecar.commitments());
    all(o.key("commitments"), commitments.map(|c| &c[..]));
    let proofs = sidecars.iter().flat_map(|sidecar| match &**sidecar {
        BlobTransactionSidecarVariant::Eip4844(sidecar) => &sidecar.proofs,
        BlobTransactionSidecarVariant::Eip7594(sidecar) => &sidecar.cell_proofs,
    });
    all(o.key("proofs"), proofs.map(|proof| &proof[..]));
    let blobs = sidecars.iter().flat_map(|sidecar| sidecar.blobs());
    all(o.key("blobs"), blobs.map(|blob| &blob[..]));
}
