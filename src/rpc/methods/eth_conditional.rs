//! Transactions with conditions, and again with another price: `eth_sendRawTransactionConditional` (the draft ERC-7796),
//! `eth_resend` (geth).

use super::{Method, eth_transactions::submit, methods};
use crate::{
    chain::{Chain, command::Write, state::StateRead as _, transaction::SignedTransaction},
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::Json,
        params::{self, Argument, Fields, Slot, Word},
    },
};
use alloy::{
    consensus::Transaction as _,
    primitives::{Address, B256, Bytes, U256},
    rpc::types::TransactionRequest,
};
use std::sync::Arc;

pub(super) const METHODS: &[Method] = methods![
    Change "eth_sendRawTransactionConditional" => send_conditional;
    Change "eth_resend" => resend;
];

/// Slots that conditions may name (the draft leaves the number to the node).
const SLOTS_MAX: usize = 1000;

/// What must hold of the head for a transaction to be taken.
#[derive(Debug, Default)]
struct Conditions {
    block_number: (Option<u64>, Option<u64>),
    timestamp: (Option<u64>, Option<u64>),
    accounts: Vec<(Address, Known)>,
}

/// What an account's storage must be.
#[derive(Debug)]
enum Known {
    Root(B256),
    Slots(Vec<(U256, B256)>),
}

impl Argument for Known {
    fn read(json: &str) -> Result<Self, String> {
        if !json.starts_with('{') {
            return B256::read(json).map(Self::Root);
        }
        let fields = Fields::parse(json)?;
        let slot = |(key, value): (&str, &str)| {
            let Slot(slot) = Slot::read(&format!("\"{key}\""))?;
            let Word(value) = Word::read(value)?;
            Ok((slot, value))
        };
        Ok(Self::Slots(
            fields.iter().map(slot).collect::<Result<_, String>>()?,
        ))
    }
}

impl Argument for Conditions {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let number = |name: &str| -> Result<Option<u64>, String> {
            let value: Option<params::Cheat<u64>> = fields.get(&[name])?;
            Ok(value.map(|value| value.0))
        };
        let mut accounts = Vec::new();
        if let Some(known) = fields.raw(&["knownAccounts"]) {
            for (address, wanted) in Fields::parse(known)?.iter() {
                let address = Address::read(&format!("\"{address}\""))?;
                accounts.push((address, Known::read(wanted)?));
            }
        }
        Ok(Self {
            block_number: (number("blockNumberMin")?, number("blockNumberMax")?),
            timestamp: (number("timestampMin")?, number("timestampMax")?),
            accounts,
        })
    }
}

impl Conditions {
    fn slots(&self) -> usize {
        let of = |known: &Known| match known {
            Known::Root(_) => 1,
            Known::Slots(slots) => slots.len(),
        };
        self.accounts.iter().map(|(_, known)| of(known)).sum()
    }

    /// Why the transaction is not taken, if it is not.
    fn violated(&self, chain: &Chain) -> Result<Option<String>, RpcError> {
        let header = &chain.head().header;
        let ranges = [
            ("block number", header.number, self.block_number),
            ("timestamp", header.timestamp, self.timestamp),
        ];
        for (what, is, (min, max)) in ranges {
            if min.is_some_and(|min| is < min) || max.is_some_and(|max| is > max) {
                return Ok(Some(format!("{what} {is} is out of the wanted range")));
            }
        }
        for (address, known) in &self.accounts {
            match known {
                Known::Root(wanted) => {
                    if chain.state().storage_root(*address) != *wanted {
                        return Ok(Some(format!(
                            "the storage root of {address} is another one"
                        )));
                    }
                }
                Known::Slots(slots) => {
                    for (slot, wanted) in slots {
                        if B256::from(chain.state().storage(*address, *slot)?) != *wanted {
                            return Ok(Some(format!("slot {slot} of {address} has another value")));
                        }
                    }
                }
            }
        }
        Ok(None)
    }
}

/// The conditions are those of the head at the asked node, when the transaction is sent.
async fn send_conditional(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let raw: Bytes = call.params.required(0)?;
    let transaction = SignedTransaction::decode_network(&raw)?;
    let conditions: Conditions = call.params.optional(1)?.unwrap_or_default();
    if conditions.slots() > SLOTS_MAX {
        return Err(RpcError::limit_exceeded(format!(
            "knownAccounts names {} slots, at most {SLOTS_MAX} are looked at",
            conditions.slots()
        )));
    }
    let chain = call.context.chain().await?;
    if let Some(reason) = conditions.violated(&chain)? {
        return Err(RpcError::transaction_rejected(format!(
            "the conditions of the transaction do not hold: {reason}"
        )));
    }
    let write = Write::Transaction(Arc::new(transaction));
    Ok(Json::data(submit(call.context, write).await?))
}

/// A waiting transaction of an account that the chain sends from, with another gas price and another gas limit.
async fn resend(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let request: TransactionRequest = call.params.required(0)?;
    let price: Option<u128> = call.params.optional(1)?;
    let gas: Option<u64> = call.params.optional(2)?;
    let Some(nonce) = request.nonce else {
        // geth's words.
        return Err(RpcError::invalid_params(
            "missing transaction nonce in transaction spec",
        ));
    };
    let chain = call.context.chain().await?;
    let first = || chain.accounts().first().copied();
    let sender = request.from.or_else(first).unwrap_or_default();
    let waiting = chain.pool().by_nonce(sender, nonce);
    let Some(waiting) = waiting.filter(|waiting| is_meant(&request, waiting)) else {
        return Err(RpcError::server(format!(
            "transaction of {sender} with nonce {nonce} not found in the pool"
        )));
    };
    let mut again = TransactionRequest::from_transaction(waiting.envelope.clone());
    again.from = Some(sender);
    again.gas = gas.or(again.gas);
    if let Some(price) = price {
        if again.gas_price.is_some() {
            again.gas_price = Some(price);
        } else {
            again.max_fee_per_gas = Some(price);
            again.max_priority_fee_per_gas = Some(price);
        }
    }
    let write = Write::Unsigned(Box::new(again));
    Ok(Json::data(submit(call.context, write).await?))
}

/// Whether what the request says of the transaction is so.
fn is_meant(request: &TransactionRequest, waiting: &SignedTransaction) -> bool {
    let envelope = &waiting.envelope;
    let to = request.to.and_then(|kind| kind.to().copied());
    (to.is_none() || to == envelope.to())
        && request.value.is_none_or(|value| value == envelope.value())
        && request
            .input
            .input()
            .is_none_or(|input| input == envelope.input())
}
