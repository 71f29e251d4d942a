//! What the asked node does with a write before the leader gets it: all that costs time and needs no order.

use super::{api::WriteError, producer::sender_of};
use crate::chain::{
    Chain, Rejection,
    command::Write,
    evm::call::{CallContext, CallError, estimate_gas},
    pool::validate::{self, Rules},
    spec::Hardfork,
};
use alloy::rpc::types::TransactionRequest;

/// Gas that an estimate may use at the least, as in geth; a larger block gas limit raises it.
const ESTIMATE_GAS: u64 = 50_000_000;

/// Checks and completes a write on this node's chain.
pub(super) fn prepare(chain: &Chain, write: Write, now_ms: u64) -> Result<Write, WriteError> {
    match write {
        Write::Transaction(transaction) => {
            let rules = Rules {
                spec: chain.spec(),
                forks: chain.next_rules(chain.next_timestamp(now_ms)),
                chain_id: chain.settings().chain_id,
                block_gas_limit: chain.settings().block_gas_limit,
                min_gas_price: chain.settings().min_gas_price,
            };
            validate::stateless(&transaction, &rules)?;
            transaction
                .verify_blobs()
                .map_err(|error| Rejection::InvalidTransaction(error.to_string()))?;
            Ok(Write::Transaction(transaction))
        }
        Write::Unsigned(mut request) => {
            request.from = Some(sender_of(chain, &request, now_ms)?);
            let dev = &chain.spec().dev;
            if request.gas.is_none() {
                request.gas = Some(match dev.default_transaction_gas {
                    Some(gas) => gas,
                    None => estimate(chain, &request, now_ms)?,
                });
            }
            if let Some(price) = dev.default_gas_price
                && has_open_gas_price(chain, &request, now_ms)
            {
                request.gas_price = Some(price.max(u128::from(chain.next_base_fee())));
            }
            Ok(Write::Unsigned(request))
        }
        other => Ok(other),
    }
}

/// Whether the request means a transaction with a gas price, and does not name it.
fn has_open_gas_price(chain: &Chain, request: &TransactionRequest, now_ms: u64) -> bool {
    let is_open = request.gas_price.is_none()
        && request.max_fee_per_gas.is_none()
        && request.max_priority_fee_per_gas.is_none();
    let rules = chain.next_rules(chain.next_timestamp(now_ms));
    let is_old = matches!(request.transaction_type, Some(0 | 1))
        || (request.transaction_type.is_none() && !rules.is_active(Hardfork::London));
    is_open && is_old
}

/// The gas of a transaction that names none, estimated on the pending block as in anvil.
pub(super) fn estimate(
    chain: &Chain,
    request: &TransactionRequest,
    now_ms: u64,
) -> Result<u64, Rejection> {
    let failed = |reason: String| Rejection::InvalidTransaction(reason);
    let timestamp = chain.next_timestamp(now_ms);
    let pending = if chain.pool().is_empty() {
        None
    } else {
        let built = chain
            .build_block(chain.pool(), timestamp)
            .map_err(|error| failed(error.to_string()))?;
        Some(built.state)
    };
    let block_hash = |number| chain.recent_hash(number);
    let context = CallContext {
        spec: chain.spec(),
        chain_id: chain.settings().chain_id,
        header: &chain.next_header(timestamp),
        state: pending.as_ref().unwrap_or(chain.state()),
        block_hash: &block_hash,
        signatures: &chain.settings().signatures,
        gas_cap: chain.settings().block_gas_limit.max(ESTIMATE_GAS),
    };
    // The nonce is given out later, by the leader.
    let request = TransactionRequest {
        nonce: None,
        ..request.clone()
    };
    estimate_gas(&context, &request, None, None).map_err(|error| match error {
        CallError::Reverted { reason, data } => Rejection::Reverted { reason, data },
        CallError::Rejected(rejection) => rejection,
        other => failed(other.to_string()),
    })
}
